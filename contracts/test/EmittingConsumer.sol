// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {InferenceConsumer} from "../consumer/InferenceConsumer.sol";
import {RequestParams} from "../libraries/RequestLib.sol";

/// @title A consumer that emits what it is told: for tests and for measuring gas
contract EmittingConsumer is InferenceConsumer {
    event Answered(bytes32 indexed requestId, bytes output);

    constructor(address coordinator_) InferenceConsumer(coordinator_) {}

    receive() external payable {}

    function ask(RequestParams calldata params, bytes calldata input) external payable returns (bytes32) {
        return _requestInference(params, input);
    }

    function askBatch(
        RequestParams[] calldata params,
        bytes[] calldata inputs
    ) external payable returns (bytes32[] memory) {
        return coordinator().requestBatch{value: msg.value}(params, inputs);
    }

    function withdraw(address token, address to) external {
        coordinator().withdraw(token, to);
    }

    function _onInference(bytes32 requestId, bytes calldata output) internal override {
        emit Answered(requestId, output);
    }
}

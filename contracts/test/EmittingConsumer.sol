// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {InferenceConsumer} from "../consumer/InferenceConsumer.sol";
import {Ending} from "../interfaces/IInferenceCallback.sol";
import {RequestParams} from "../libraries/RequestLib.sol";

/// @title A consumer that emits what it is told: for tests and for measuring gas
contract EmittingConsumer is InferenceConsumer {
    event Answered(bytes32 indexed requestId, bytes output);

    event Ended(bytes32 indexed requestId, Ending ending);
    event Withdrawn(address indexed token, uint256 amount);

    constructor(address coordinator_) InferenceConsumer(coordinator_, 0, true) {}

    receive() external payable override {}

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

    function _onInferenceEnded(bytes32 requestId, Ending ending) internal override {
        emit Ended(requestId, ending);
    }

    function _onWithdrawn(address token, uint256 amount) internal override {
        emit Withdrawn(token, amount);
    }
}

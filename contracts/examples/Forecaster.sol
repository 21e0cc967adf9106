// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {InferenceConsumer} from "../consumer/InferenceConsumer.sol";
import {RequestParams, Transport} from "../libraries/RequestLib.sol";
import {TensorLib} from "../libraries/TensorLib.sol";

/// @title Keeps the last forecast of a model that its owner asks: the README's consumer, token for token
contract Forecaster is InferenceConsumer {
    address payable public immutable OWNER = payable(msg.sender);
    bytes32 public immutable MODEL;
    int256 public forecast; // in units of 1e-18
    error CallerNotOwner(address caller);
    constructor(address coordinator, bytes32 model) InferenceConsumer(coordinator, model, false) {
        MODEL = model;
    } // false: disputable models only
    function ask(bytes calldata readings) external payable returns (bytes32 requestId) {
        // the fee is what was sent
        if (msg.sender != OWNER) revert CallerNotOwner(msg.sender);
        bytes memory input = TensorLib.single(TensorLib.FLOAT32, TensorLib.vector(16), readings);
        return
            _requestInference(
                RequestParams({
                    modelId: MODEL,
                    feeToken: address(0),
                    fee: uint128(msg.value),
                    bond: 10e18,
                    submitPeriod: 1 hours,
                    challengeWindow: 1 hours,
                    callbackGasLimit: 350_000,
                    transport: Transport.INLINE
                }),
                input
            );
    }
    function _onInference(bytes32, bytes calldata output) internal override {
        forecast = _float32Wads(output, 0)[0];
    }
    function _onWithdrawn(address, uint256 amount) internal override {
        Address.sendValue(OWNER, amount);
    } // a refund
}

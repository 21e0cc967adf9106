// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title What a consumer implements to be told a final answer
interface IInferenceCallback {
    /// @param output The output tensors, checked against the answer's root by the coordinator.
    function onInference(bytes32 requestId, bytes calldata output) external;
}

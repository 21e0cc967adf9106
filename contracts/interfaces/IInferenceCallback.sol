// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice How a request ended without its answer reaching the requester.
enum Ending {
    REFUNDED, // nobody answered in time: the fee is owed to the requester
    VOIDED, // its answer was taken away and nobody answered anew in time: the fee is owed to the requester
    UNDELIVERED // its answer is final and paid for, but nobody brought its bytes in time; `deliver` still may
}

/// @title What a consumer implements to be told how its requests ended
/// @dev Every call comes with exactly the gas that the request asked for, and may fail: nothing else depends on it.
interface IInferenceCallback {
    /// @param output The output tensors, checked against the answer's root by the coordinator.
    function onInference(bytes32 requestId, bytes calldata output) external;

    /// @notice The request ended, and `onInference` was not called.
    /// @dev Warning: the coordinator accepts no change during the call; take a refund later.
    function onInferenceEnded(bytes32 requestId, Ending ending) external;
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {StepClaim} from "./IStepVerifier.sol";

/// @title Recomputes elements of some kinds of instruction
/// @notice Kernels are stateless: they compute what the proof shows, from the state that it names.
interface IStepKernel {
    /// @notice A reduction's last segment must end with its space, any other before that and after where it began.
    error PositionInvalid(uint256 position, uint256 end, uint256 total);

    /// @param proof An ABI-encoded `StepProof`.
    /// @param finish Whether to end with the element's word or with a state.
    /// @return word The canonical word; 0 where it ends with a state.
    /// @return state What the reduction's elements before the proof's `end` give; zeros where it ends with the word.
    /// @return total Elements of the reduction; 1 where the word is not the result of one.
    function run(
        StepClaim calldata claim,
        bytes calldata proof,
        bool finish
    ) external view returns (uint256 word, uint256[6] memory state, uint256 total);
}

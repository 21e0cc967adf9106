// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {StepClaim} from "./IStepVerifier.sol";

/// @title Recomputes elements of some kinds of instruction
/// @notice Kernels are stateless: they compute what the proof shows, from the state that it names.
interface IStepKernel {
    /// @notice A step must end with its reduction space, an advance before it and behind where it began.
    error PositionInvalid(uint256 position, uint256 end, uint256 total);

    /// @param proof An ABI-encoded `StepProof`.
    /// @param finish Whether to end with the element's word (a step) or with a state (an advance).
    /// @return word The canonical word; 0 for an advance.
    /// @return state What the reduction's elements in front of the proof's `end` give; 0 for a step.
    /// @return total Elements of the reduction; 1 where the word is not the result of one.
    function run(
        StepClaim calldata claim,
        bytes calldata proof,
        bool finish
    ) external view returns (uint256 word, uint256[6] memory state, uint256 total);
}

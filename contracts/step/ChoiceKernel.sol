// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Choice, StepClaim, StepProof} from "../interfaces/IStepVerifier.sol";
import {ExactSum} from "../libraries/ExactSum.sol";
import {Program} from "../libraries/Program.sol";
import {Tolerance} from "../libraries/Tolerance.sol";
import {StepInput} from "./StepInput.sol";

/// @title Whether another choice among scores is as good as the one in the trace
/// @notice docs/canonical.md, §9: for words that are nothing but the number of a largest or smallest f32 score.
contract ChoiceKernel {
    uint256 private constant ARGMAX = 7;
    uint256 private constant ARGMIN_LAST = 10;

    /// @notice The instruction chooses in another way, or its choice is not all that it computes.
    error ChoiceForeign(uint256 elementType, uint256 reducer);

    /// @param claim The word that holds the trace's choice; its `inputRoot` is not read.
    /// @param encoded An ABI-encoded `StepProof` that opens the two scores.
    /// @return Whether the posted choice's score lies within twice the tolerance of the trace's. A choice of what isn't there is none.
    function isNearTie(
        StepClaim calldata claim,
        bytes calldata encoded,
        Choice calldata choice
    ) external pure returns (bool) {
        StepProof calldata proof = StepInput.decode(encoded);
        StepInput.Step memory step = StepInput.read(claim, proof, Program.REDUCE);
        if (step.behindEnd) return false;
        (uint256 elementType, uint256 cursor) = Program.u8(step.instruction.cursor);
        uint256 reducer;
        (reducer, cursor) = Program.u8(cursor);
        if (elementType != Program.F32 || reducer < ARGMAX || reducer > ARGMIN_LAST) {
            revert ChoiceForeign(elementType, reducer);
        }
        (, cursor) = Program.u32(cursor);
        uint256[] memory dims;
        uint256 total;
        (dims, total, cursor) = Program.shape(cursor);
        Program.Access memory scores;
        (scores, cursor) = Program.access(cursor, step.x, dims.length);
        _finish(step.instruction, cursor, reducer);

        (bool posted, uint256 postedScore) = _score(step, scores, dims, total, choice.posted);
        (bool canonical, uint256 canonicalScore) = _score(step, scores, dims, total, choice.canonical);
        return
            posted &&
            canonical &&
            Tolerance.isNearTie(
                postedScore,
                canonicalScore,
                choice.deltaAbsolute,
                choice.deltaRelative,
                reducer & 1 == 1
            );
    }

    /// @dev No operands, constants or operations: the word is the choice itself.
    function _finish(Program.Instruction memory instruction, uint256 cursor, uint256 reducer) private pure {
        for (uint256 i = 0; i < 3; ++i) {
            uint256 count;
            (count, cursor) = Program.u8(cursor);
            if (count != 0) revert ChoiceForeign(Program.F32, reducer);
        }
        Program.finish(instruction, cursor);
    }

    /// @param number Row-major, in the reduction space.
    /// @return there Whether the space has such an element, in bounds.
    function _score(
        StepInput.Step memory step,
        Program.Access memory scores,
        uint256[] memory dims,
        uint256 total,
        uint256 number
    ) private pure returns (bool there, uint256 score) {
        if (number >= total) return (false, 0);
        uint256[] memory k = Program.coordinatesOf(number, dims);
        for (uint256 i = 0; i < scores.bounds.length; ++i) {
            Program.Bound memory bound = scores.bounds[i];
            int256 value = bound.start;
            for (uint256 axis = 0; axis < k.length; ++axis) value += bound.factors[axis] * int256(k[axis]);
            if (value < 0 || value >= bound.limit) return (false, 0);
        }
        int256 first = scores.offset;
        for (uint256 axis = 0; axis < k.length; ++axis) first += scores.strides[axis] * int256(k[axis]);
        return (true, ExactSum.loadWord(StepInput.locate(step, scores.space, first, 1)));
    }
}

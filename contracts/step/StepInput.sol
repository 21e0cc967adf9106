// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {StepClaim, StepProof} from "../interfaces/IStepVerifier.sol";
import {Program} from "../libraries/Program.sol";
import {Openings} from "./Openings.sol";

/// @title What a step reads, proven
library StepInput {
    using Program for Program.Instruction;

    /// @notice A claim, its instruction and the words that were opened for it.
    struct Step {
        Program.Instruction instruction;
        /// @dev Coordinates of the claimed element in the instruction's output.
        uint256[] x;
        Openings.Words trace;
        Openings.Words weights;
        /// @dev Whether the claimed word lies behind the output's last element: it is 0, and nothing else is filled in.
        bool behindEnd;
    }

    /// @dev Its offset, and its fifteen fields, the state among them of six words.
    uint256 private constant PROOF_HEAD = 32 + 32 * 15;

    error ProofMalformed();
    error KindForeign(uint256 kind);
    error ProgramRootMismatch(bytes32 expected, bytes32 actual);
    error WordOutOfRange(uint256 word);
    error InstructionOutOfRange(uint256 instruction, uint256 count);
    error InstructionForeign(uint256 instruction, uint256 leaf);
    error TraceLeavesMismatch(uint256 expected, uint256 actual);
    error TraceTopMismatch(bytes32 expected, bytes32 actual);
    error WeightRootMismatch(bytes32 expected, bytes32 actual);

    /// @return proof The ABI-encoded struct, in calldata.
    /// @dev Its static fields lie inside of `encoded`, at one place: whoever hands `encoded` on and whoever receives it read the
    /// same position and state. What the others point to is read by the kernel alone, which proves it; reads of what lies
    /// outside of calldata revert.
    function decode(bytes calldata encoded) internal pure returns (StepProof calldata proof) {
        if (encoded.length < PROOF_HEAD || uint256(bytes32(encoded[:32])) != 32) revert ProofMalformed();
        assembly ("memory-safe") {
            proof := add(encoded.offset, 32)
        }
    }

    /// @return instruction The instruction whose output the claimed leaf is part of, proven to be the program's.
    /// @return weightLeaves Size of the program's weight space.
    function instructionOf(
        StepClaim calldata claim,
        StepProof calldata proof
    ) internal pure returns (Program.Instruction memory instruction, uint256 weightLeaves) {
        uint256 count;
        uint256 traceLeaves;
        (count, traceLeaves, weightLeaves) = Program.sizes(proof.header);
        if (claim.word >= 64) revert WordOutOfRange(claim.word);
        if (proof.instruction >= count) revert InstructionOutOfRange(proof.instruction, count);
        if (traceLeaves != claim.traceLeaves) revert TraceLeavesMismatch(traceLeaves, claim.traceLeaves);

        uint256[] memory indices = new uint256[](1);
        bytes32[] memory hashes = new bytes32[](1);
        indices[0] = proof.instruction;
        hashes[0] = keccak256(bytes.concat(hex"06", proof.record));
        bytes32 top = Openings.fold(indices, hashes, count, proof.recordSiblings);
        bytes32 root = keccak256(bytes.concat(hex"07", top, proof.header));
        if (root != claim.programRoot) revert ProgramRootMismatch(claim.programRoot, root);

        instruction = Program.open(proof.record);
        if (!instruction.holds(claim.leaf)) revert InstructionForeign(proof.instruction, claim.leaf);
    }

    /// @return Row-major number of the claimed word in the instruction's output; what lies behind its last element is 0.
    function elementOf(
        Program.Instruction memory instruction,
        StepClaim calldata claim
    ) internal pure returns (uint256) {
        return 64 * (uint256(claim.leaf) - instruction.outLeaf) + claim.word;
    }

    /// @notice Checks the openings under the roots that the claim names.
    /// @param kind The only kind of instruction that is accepted.
    function read(
        StepClaim calldata claim,
        StepProof calldata proof,
        uint256 kind
    ) internal pure returns (Step memory result) {
        uint256 weightLeaves;
        (result.instruction, weightLeaves) = instructionOf(claim, proof);
        if (result.instruction.kind != kind) revert KindForeign(result.instruction.kind);
        uint256 element = elementOf(result.instruction, claim);
        if (element >= result.instruction.count) {
            result.behindEnd = true;
            return result;
        }
        result.x = Program.coordinatesOf(element, result.instruction.dims);

        bytes32 top;
        (result.trace, top) = Openings.open(proof.trace, claim.traceLeaves);
        if (result.trace.runs.length != 0 && top != claim.traceTop) revert TraceTopMismatch(claim.traceTop, top);
        // INVARIANT: an instruction reads only what lies before its own output.
        result.trace.limit = 64 * result.instruction.outLeaf;

        (result.weights, top) = Openings.open(proof.weights, weightLeaves);
        if (result.weights.runs.length != 0) {
            bytes32 root = keccak256(bytes.concat(hex"05", _littleEndian(weightLeaves), top));
            if (root != claim.weightRoot) revert WeightRootMismatch(claim.weightRoot, root);
        }
    }

    /// @return Memory address of `count` little-endian words of a space, the first of which is word `first`.
    function locate(Step memory self, uint256 space, int256 first, uint256 count) internal pure returns (uint256) {
        return Openings.locate(space == Program.TRACE ? self.trace : self.weights, first, count);
    }

    function _littleEndian(uint256 value) private pure returns (bytes4) {
        return
            bytes4(
                uint32(
                    (value >> 24) | ((value >> 8) & 0xff00) | ((value << 8) & 0xff0000) | ((value << 24) & 0xff000000)
                )
            );
    }
}

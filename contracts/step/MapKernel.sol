// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IStepKernel} from "../interfaces/IStepKernel.sol";
import {InputOpening, StepClaim, StepProof} from "../interfaces/IStepVerifier.sol";
import {Float32} from "../libraries/Float32.sol";
import {Program} from "../libraries/Program.sol";
import {Expression} from "./Expression.sol";
import {FunctionKernel} from "./FunctionKernel.sol";
import {Openings} from "./Openings.sol";
import {StepInput} from "./StepInput.sol";

/// @title Elements of `map` and `input` instructions
contract MapKernel is IStepKernel {
    uint256 private constant FLOAT32 = 1;
    uint256 private constant UINT8 = 2;
    uint256 private constant INT8 = 3;
    uint256 private constant INT32 = 6;
    uint256 private constant INT64 = 7;
    uint256 private constant BOOL = 9;

    FunctionKernel private immutable _functions;

    error InputRootMismatch(bytes32 expected, bytes32 actual);
    error TensorRootMismatch(bytes32 expected, bytes32 actual);

    constructor(FunctionKernel functions) {
        _functions = functions;
    }

    /// @inheritdoc IStepKernel
    /// @dev Neither kind reduces: there is one segment.
    function run(
        StepClaim calldata claim,
        bytes calldata encoded,
        bool finish
    ) external view returns (uint256 word, uint256[6] memory state, uint256 total) {
        StepProof calldata proof = StepInput.decode(encoded);
        if (!finish || proof.position != 0 || proof.end != 0) revert PositionInvalid(proof.position, proof.end, 1);
        uint256 cursor;
        if (uint8(proof.record[0]) == Program.INPUT) {
            (Program.Instruction memory instruction, ) = StepInput.instructionOf(claim, proof);
            if (StepInput.elementOf(instruction, claim) >= instruction.count) return (0, state, 1);
            (word, cursor) = _input(instruction, claim, proof.input);
            Program.finish(instruction, cursor);
        } else {
            StepInput.Step memory step = StepInput.read(claim, proof, Program.MAP);
            if (step.behindEnd) return (0, state, 1);
            Expression.Values memory values = Expression.operands(step, step.instruction.cursor);
            word = Expression.evaluate(step, values, _functions);
        }
        return (word, state, 1);
    }

    /// @return word The widened element; `type(uint256).max` where the request's inputs are not those that the program takes.
    function _input(
        Program.Instruction memory instruction,
        StepClaim calldata claim,
        InputOpening calldata input
    ) private pure returns (uint256 word, uint256 cursor) {
        uint256 tensor;
        uint256 count;
        uint256 dtype;
        bytes memory shape;
        (tensor, cursor) = Program.u8(instruction.cursor);
        (count, cursor) = Program.u8(cursor);
        (dtype, shape, cursor) = _shape(cursor);

        bytes32[] memory roots = input.tensorRoots;
        bytes32 root = keccak256(abi.encodePacked(hex"03", uint8(roots.length), roots));
        if (roots.length > 255 || root != claim.inputRoot) revert InputRootMismatch(claim.inputRoot, root);
        if (roots.length != count) return (type(uint256).max, cursor);

        root = keccak256(bytes.concat(hex"02", input.shape, input.top));
        if (root != roots[tensor]) revert TensorRootMismatch(roots[tensor], root);
        if (keccak256(input.shape) != keccak256(shape)) return (type(uint256).max, cursor);

        uint256 size = _size(dtype);
        uint256 element = StepInput.elementOf(instruction, claim);
        (Openings.Words memory words, bytes32 top) = Openings.open(input.leaf, (instruction.count * size + 255) / 256);
        if (top != input.top) revert StepInput.TraceTopMismatch(input.top, top);
        uint256 first = element * size;
        uint256 from = Openings.locate(words, int256(first / 4), size == 8 ? 2 : 1) + (first % 4);
        // A revert would run out the clock of a challenger that is right.
        if (!_endsInZeros(from, first, instruction.count * size)) return (type(uint256).max, cursor);
        return (_widened(dtype, from), cursor);
    }

    /// @param from Memory address of the byte at `offset` of a tensor of `length` bytes.
    /// @return Whether the leaf that holds it has only zeros after the tensor's last byte: another root is no bundle's.
    function _endsInZeros(uint256 from, uint256 offset, uint256 length) private pure returns (bool) {
        uint256 start = offset - (offset % 256);
        if (start + 256 <= length) return true;
        uint256 end = from + 256 - (offset % 256);
        for (uint256 at = from + length - offset; at < end; ++at) {
            uint256 filler;
            assembly ("memory-safe") {
                filler := byte(0, mload(at))
            }
            if (filler != 0) return false;
        }
        return true;
    }

    /// @return dtype and
    /// @return shape as docs/commitments.md has them in a tensor's root.
    function _shape(uint256 cursor) private pure returns (uint256 dtype, bytes memory shape, uint256 next) {
        uint256 rank;
        (dtype, next) = Program.u8(cursor);
        (rank, next) = Program.u8(next);
        shape = abi.encodePacked(uint8(dtype), uint8(rank));
        for (uint256 i = 0; i < rank; ++i) {
            uint256 size;
            (size, next) = Program.u32(next);
            shape = abi.encodePacked(shape, uint8(size), uint8(size >> 8), uint8(size >> 16), uint8(size >> 24));
        }
    }

    /// @return Bytes of an element.
    function _size(uint256 dtype) private pure returns (uint256) {
        if (dtype == FLOAT32 || dtype == INT32) return 4;
        if (dtype == UINT8 || dtype == INT8 || dtype == BOOL) return 1;
        if (dtype == INT64) return 8;
        revert Program.CodeUnknown("dtype", dtype);
    }

    /// @param from Memory address of the element.
    function _widened(uint256 dtype, uint256 from) private pure returns (uint256) {
        uint256 bits = 0;
        for (uint256 i = _size(dtype); i > 0; --i) {
            uint256 octet;
            assembly ("memory-safe") {
                octet := byte(0, mload(add(from, sub(i, 1))))
            }
            bits = (bits << 8) | octet;
        }
        if (dtype == FLOAT32) return Float32.isNaN(bits) ? Float32.NAN : bits;
        if (dtype == INT8) return uint32(int32(int8(uint8(bits))));
        if (dtype == BOOL) return bits == 0 ? 0 : 1;
        if (dtype == INT64) {
            int256 value = int64(uint64(bits));
            if (value > type(int32).max) return 0x7fffffff;
            if (value < type(int32).min) return 0x80000000;
            return uint32(int32(value));
        }
        return bits;
    }
}

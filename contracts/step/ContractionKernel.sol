// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IStepKernel} from "../interfaces/IStepKernel.sol";
import {StepClaim, StepProof} from "../interfaces/IStepVerifier.sol";
import {ExactSum} from "../libraries/ExactSum.sol";
import {Float32} from "../libraries/Float32.sol";
import {Program} from "../libraries/Program.sol";
import {Expression} from "./Expression.sol";
import {FunctionKernel} from "./FunctionKernel.sol";
import {Runs} from "./Runs.sol";
import {StepInput} from "./StepInput.sol";
import {SumKernel} from "./SumKernel.sol";

/// @title Elements of `contract` instructions
contract ContractionKernel is IStepKernel {
    using ExactSum for ExactSum.Sum;
    using Runs for Runs.Walk;

    /// @notice The core as its record says.
    struct Core {
        uint256 elementType;
        uint256[] dims;
        uint256 total;
        uint256 bias;
        uint256 zeroA;
        uint256 zeroB;
        Program.Access a;
        Program.Access b;
    }

    FunctionKernel private immutable _functions;
    SumKernel private immutable _sums;

    constructor(FunctionKernel functions, SumKernel sums) {
        _functions = functions;
        _sums = sums;
    }

    /// @inheritdoc IStepKernel
    /// @dev State: the exact sum (three limbs, specials), or for i32 the sum modulo 2^256 in the first word.
    function run(
        StepClaim calldata claim,
        bytes calldata encoded,
        bool finish
    ) external view returns (uint256 word, uint256[6] memory state, uint256 total) {
        StepProof calldata proof = StepInput.decode(encoded);
        StepInput.Step memory step = StepInput.read(claim, proof, Program.CONTRACT);
        if (step.behindEnd) return (0, state, 1);
        (Core memory core, uint256 cursor) = _core(step);
        total = core.total;
        Expression.Values memory values = Expression.operands(step, cursor);
        Runs.Walk memory walk = Runs.begin(proof, core.dims, core.total, finish);

        uint256 result;
        if (core.elementType == Program.F32) {
            ExactSum.Sum memory sum = _sumFloats(step, core, walk);
            Runs.resume(sum, proof.state);
            if (!finish) return (0, Runs.pack(sum, 0), total);
            if (core.bias != Program.NONE) sum.addProduct(Expression.named(values, core.bias), Float32.ONE);
            result = sum.result(1);
        } else {
            int256 zeroA = int32(uint32(Expression.named(values, core.zeroA)));
            int256 zeroB = int32(uint32(Expression.named(values, core.zeroB)));
            int256 sum = int256(proof.state[0]) + _sumIntegers(step, core, walk, zeroA, zeroB);
            if (!finish) {
                state[0] = uint256(sum);
                return (0, state, total);
            }
            unchecked {
                result = uint32(uint256(sum) + Expression.named(values, core.bias));
            }
        }
        Expression.push(values, result);
        word = Expression.evaluate(step, values, _functions);
    }

    function _core(StepInput.Step memory step) private pure returns (Core memory core, uint256 cursor) {
        cursor = step.instruction.cursor;
        (core.elementType, cursor) = Program.u8(cursor);
        if (core.elementType != Program.F32 && core.elementType != Program.I32) {
            revert Program.CodeUnknown("element type", core.elementType);
        }
        (core.dims, core.total, cursor) = Program.shape(cursor);
        (core.bias, cursor) = Program.u8(cursor);
        (core.zeroA, cursor) = Program.u8(cursor);
        (core.zeroB, cursor) = Program.u8(cursor);
        (core.a, cursor) = Program.access(cursor, step.x, core.dims.length);
        (core.b, cursor) = Program.access(cursor, step.x, core.dims.length);
    }

    /// @dev Lays all pairs side by side, and has them summed at once.
    function _sumFloats(
        StepInput.Step memory step,
        Core memory core,
        Runs.Walk memory walk
    ) private view returns (ExactSum.Sum memory) {
        // Room for what may be in bounds; what is, lies side by side at its beginning.
        uint256 room = walk.end - walk.position;
        bytes memory words = new bytes(8 * room + 64);
        uint256 count = 0;
        uint256 x;
        assembly ("memory-safe") {
            x := add(words, 32)
        }
        // What is collected spills over its end.
        uint256 y = x + 4 * room + 32;
        unchecked {
            while (walk.next()) {
                walk.clip(core.a);
                walk.clip(core.b);
                uint256 length = walk.high - walk.low;
                if (length == 0) continue;
                Runs.collect(step, core.a, walk, x + 4 * count);
                Runs.collect(step, core.b, walk, y + 4 * count);
                count += length;
            }
        }
        assembly ("memory-safe") {
            mcopy(add(x, shl(2, count)), y, shl(2, count))
            mstore(words, shl(3, count))
        }
        return _sums.dot(words);
    }

    function _sumIntegers(
        StepInput.Step memory step,
        Core memory core,
        Runs.Walk memory walk,
        int256 zeroA,
        int256 zeroB
    ) private pure returns (int256 sum) {
        uint256 length = walk.end - walk.position < walk.inner ? walk.end - walk.position : walk.inner;
        uint256 x = Runs.allocate(8 * length + 64);
        uint256 y = x + 4 * length + 32;
        unchecked {
            while (walk.next()) {
                walk.clip(core.a);
                walk.clip(core.b);
                if (walk.low == walk.high) continue;
                Runs.collect(step, core.a, walk, x);
                Runs.collect(step, core.b, walk, y);
                sum += _dot(x, y, walk.high - walk.low, zeroA, zeroB);
            }
        }
    }

    /// @param x Memory address of `count` little-endian words, read as i32; `y` likewise.
    /// @return sum Σ (x - zeroA) · (y - zeroB).
    function _dot(uint256 x, uint256 y, uint256 count, int256 zeroA, int256 zeroB) private pure returns (int256 sum) {
        assembly ("memory-safe") {
            function signed(from) -> word {
                word := mload(from)
                word := or(or(byte(0, word), shl(8, byte(1, word))), or(shl(16, byte(2, word)), shl(24, byte(3, word))))
                word := signextend(3, word)
            }
            for {
                let end := add(x, shl(2, count))
            } lt(x, end) {} {
                sum := add(sum, mul(sub(signed(x), zeroA), sub(signed(y), zeroB)))
                x := add(x, 4)
                y := add(y, 4)
            }
        }
    }
}

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

/// @title Elements of `reduce` instructions
contract ReductionKernel is IStepKernel {
    using ExactSum for ExactSum.Sum;
    using Runs for Runs.Walk;

    uint256 private constant SUM = 1;
    uint256 private constant SUM_ABS = 2;
    uint256 private constant SUM_SQUARE = 3;
    uint256 private constant MAX = 4;
    uint256 private constant MIN = 5;
    uint256 private constant PRODUCT = 6;
    uint256 private constant ARGMAX = 7;
    uint256 private constant ARGMIN = 8;
    uint256 private constant ARGMIN_LAST = 10;

    /// @dev Bits of the best value that say: there is one.
    uint256 private constant FOUND = 1 << 32;
    uint256 private constant MINUS_INFINITY = Float32.INFINITY | Float32.SIGN;

    /// @notice The core as its record says.
    struct Core {
        bool float;
        uint256 reducer;
        uint256 divisor;
        uint256[] dims;
        uint256 total;
        Program.Access x;
    }

    FunctionKernel private immutable _functions;
    SumKernel private immutable _sums;

    constructor(FunctionKernel functions, SumKernel sums) {
        _functions = functions;
        _sums = sums;
    }

    /// @inheritdoc IStepKernel
    /// @dev State: of f32 sums the exact sum (three limbs, specials) and the number of terms; of the others the value so far,
    /// then, for argmax and its like, its number. A value of 0 is the initial state; others carry the bit `FOUND`.
    function run(
        StepClaim calldata claim,
        bytes calldata encoded,
        bool finish
    ) external view returns (uint256 word, uint256[6] memory state, uint256 total) {
        StepProof calldata proof = StepInput.decode(encoded);
        StepInput.Step memory step = StepInput.read(claim, proof, Program.REDUCE);
        if (step.behindEnd) return (0, state, 1);
        (Core memory core, uint256 cursor) = _core(step);
        total = core.total;
        Expression.Values memory values = Expression.operands(step, cursor);
        Runs.Walk memory walk = Runs.begin(proof, core.dims, core.total, finish);

        if (core.float && core.reducer <= SUM_SQUARE) {
            (ExactSum.Sum memory sum, uint256 count) = _sumFloats(step, core, walk);
            Runs.resume(sum, proof.state);
            count += proof.state[4];
            if (!finish) return (0, Runs.pack(sum, count), total);
            uint256 divisor = core.divisor == 0 ? count : core.divisor;
            Expression.push(values, divisor == 0 ? Float32.NAN : sum.result(divisor));
        } else {
            (state[0], state[1]) = _fold(step, core, walk, proof.state[0], proof.state[1]);
            if (!finish) return (0, state, total);
            Expression.push(values, _folded(core, state[0], state[1]));
            delete state;
        }
        word = Expression.evaluate(step, values, _functions);
    }

    function _core(StepInput.Step memory step) private pure returns (Core memory core, uint256 cursor) {
        uint256 elementType;
        (elementType, cursor) = Program.u8(step.instruction.cursor);
        if (elementType != Program.F32 && elementType != Program.I32) {
            revert Program.CodeUnknown("element type", elementType);
        }
        core.float = elementType == Program.F32;
        (core.reducer, cursor) = Program.u8(cursor);
        bool floatOnly = core.reducer == SUM_ABS || core.reducer == SUM_SQUARE;
        if (core.reducer < SUM || core.reducer > ARGMIN_LAST || (floatOnly && !core.float)) {
            revert Program.CodeUnknown("reducer", core.reducer);
        }
        (core.divisor, cursor) = Program.u32(cursor);
        (core.dims, core.total, cursor) = Program.shape(cursor);
        (core.x, cursor) = Program.access(cursor, step.x, core.dims.length);
    }

    /// @dev Lays all terms side by side, beside what each is to be multiplied with, and has them summed at once.
    /// @return sum The exact sum of the terms in bounds.
    /// @return terms How many they are.
    function _sumFloats(
        StepInput.Step memory step,
        Core memory core,
        Runs.Walk memory walk
    ) private view returns (ExactSum.Sum memory sum, uint256 terms) {
        uint256 room = walk.end - walk.position;
        bytes memory words = new bytes(8 * room + 32);
        uint256 x;
        assembly ("memory-safe") {
            x := add(words, 32)
        }
        unchecked {
            while (walk.next()) {
                walk.clip(core.x);
                if (walk.low == walk.high) continue;
                Runs.collect(step, core.x, walk, x + 4 * terms);
                terms += walk.high - walk.low;
            }
        }
        bool square = core.reducer == SUM_SQUARE;
        bool absolute = core.reducer == SUM_ABS;
        assembly ("memory-safe") {
            let y := add(x, shl(2, terms))
            switch square
            case 1 {
                mcopy(y, x, shl(2, terms))
            }
            default {
                // The sign is the highest bit of a little-endian word's last byte; 1.0 is 00 00 80 3f.
                if absolute {
                    for {
                        let i := x
                    } lt(i, y) {
                        i := add(i, 32)
                    } {
                        mstore(i, and(mload(i), 0xffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7f))
                    }
                }
                for {
                    let i := y
                    let end := add(y, shl(2, terms))
                } lt(i, end) {
                    i := add(i, 32)
                } {
                    mstore(i, 0x0000803f0000803f0000803f0000803f0000803f0000803f0000803f0000803f)
                }
            }
            mstore(words, shl(3, terms))
        }
        sum = _sums.dot(words);
    }

    function _fold(
        StepInput.Step memory step,
        Core memory core,
        Runs.Walk memory walk,
        uint256 value,
        uint256 number
    ) private pure returns (uint256, uint256) {
        int256 stride = core.x.strides[core.dims.length - 1];
        unchecked {
            while (walk.next()) {
                // The walk has gone on to the run's end already.
                uint256 behind = walk.position - walk.high;
                walk.clip(core.x);
                if (walk.low == walk.high) continue;
                int256 first = walk.addressOf(core.x);
                for (uint256 i = walk.low; i < walk.high; ++i) {
                    uint256 word = ExactSum.loadWord(StepInput.locate(step, core.x.space, first, 1));
                    if (core.reducer < ARGMAX) {
                        value = FOUND | (value == 0 ? _first(core, word) : _combined(core, uint32(value), word));
                    } else if (value == 0 || _chosen(core, word, uint32(value))) {
                        value = FOUND | word;
                        number = behind + i;
                    }
                    first += stride;
                }
            }
        }
        return (value, number);
    }

    /// @dev What the first element makes of the neutral one.
    function _first(Core memory core, uint256 word) private pure returns (uint256) {
        return core.float && Float32.isNaN(word) ? Float32.NAN : word;
    }

    function _combined(Core memory core, uint256 value, uint256 word) private pure returns (uint256) {
        uint256 reducer = core.reducer;
        if (core.float) {
            if (reducer == MAX) return Float32.max(value, word);
            if (reducer == MIN) return Float32.min(value, word);
            return Float32.mul(value, word);
        }
        unchecked {
            if (reducer == SUM) return uint32(value + word);
            if (reducer == PRODUCT) return uint32(value * word);
        }
        bool less = int32(uint32(value)) < int32(uint32(word));
        return less == (reducer == MAX) ? word : value;
    }

    /// @dev Whether an element is to be chosen over the best one so far.
    function _chosen(Core memory core, uint256 word, uint256 best) private pure returns (bool) {
        bool last = core.reducer > ARGMIN;
        bool greatest = core.reducer & 1 == 1;
        if (core.float) {
            if (Float32.isNaN(word)) return last || !Float32.isNaN(best);
            if (Float32.isNaN(best)) return false;
            if (last && Float32.equal(word, best)) return true;
            return greatest ? Float32.less(best, word) : Float32.less(word, best);
        }
        if (last && word == best) return true;
        return greatest ? int32(uint32(best)) < int32(uint32(word)) : int32(uint32(word)) < int32(uint32(best));
    }

    /// @dev The core's word.
    function _folded(Core memory core, uint256 value, uint256 number) private pure returns (uint256) {
        if (core.reducer >= ARGMAX) return value == 0 ? type(uint32).max : uint32(number);
        if (value != 0) return uint32(value);
        if (core.reducer == SUM) return 0;
        if (core.reducer == PRODUCT) return core.float ? Float32.ONE : 1;
        if (core.reducer == MAX) return core.float ? MINUS_INFINITY : 0x80000000;
        return core.float ? Float32.INFINITY : 0x7fffffff;
    }
}

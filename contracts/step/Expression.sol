// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {ExactSum} from "../libraries/ExactSum.sol";
import {Float32} from "../libraries/Float32.sol";
import {Program} from "../libraries/Program.sol";
import {FunctionKernel} from "./FunctionKernel.sol";
import {StepInput} from "./StepInput.sol";

/// @title Operands, constants and operations
/// @notice docs/canonical.md, §3 (views) and §5 (operations).
library Expression {
    /// @dev More values than an expression can have: operands, core, constants, operations.
    uint256 private constant MAX_VALUES = 255;

    /// @notice The values found so far.
    struct Values {
        uint256[] words;
        uint256 count;
        /// @dev Where reading goes on in the record.
        uint256 cursor;
    }

    error ArgumentOutOfRange(uint256 argument, uint256 values);

    /// @notice Reads the operands' words.
    /// @param cursor At the list of operands. The values' cursor then is behind it.
    function operands(StepInput.Step memory self, uint256 cursor) internal pure returns (Values memory values) {
        values.words = new uint256[](MAX_VALUES);
        uint256 count;
        (count, values.cursor) = Program.u8(cursor);
        for (uint256 i = 0; i < count; ++i) push(values, _view(self, values));
    }

    /// @notice Computes the constants and operations behind the operands, up to the record's end.
    /// @return The last value.
    function evaluate(
        StepInput.Step memory self,
        Values memory values,
        FunctionKernel functions
    ) internal pure returns (uint256) {
        uint256 count = _u8(values);
        for (uint256 i = 0; i < count; ++i) {
            uint256 constant_;
            (constant_, values.cursor) = Program.u32(values.cursor);
            push(values, constant_);
        }
        count = _u8(values);
        for (uint256 i = 0; i < count; ++i) push(values, _operation(values, functions));
        Program.finish(self.instruction, values.cursor);
        if (values.count == 0) revert ArgumentOutOfRange(0, 0);
        return values.words[values.count - 1];
    }

    function push(Values memory values, uint256 word) internal pure {
        values.words[values.count++] = word;
    }

    /// @return The word of an operand that a core names; 0 for none.
    function named(Values memory values, uint256 operand) internal pure returns (uint256) {
        if (operand == Program.NONE) return 0;
        if (operand >= values.count) revert ArgumentOutOfRange(operand, values.count);
        return values.words[operand];
    }

    /// @dev The word of the first access in bounds. The others are read over.
    function _view(StepInput.Step memory self, Values memory values) private pure returns (uint256 word) {
        (word, values.cursor) = Program.u32(values.cursor);
        bool found = false;
        for (uint256 count = _u8(values); count != 0; --count) {
            (uint256 space, int256 first, bool inBounds, uint256 next) = Program.resolve(values.cursor, self.x);
            values.cursor = next;
            (first, inBounds) = _indexed(values, first, inBounds);
            if (inBounds && !found) {
                found = true;
                word = ExactSum.loadWord(StepInput.locate(self, space, first, 1));
            }
        }
    }

    /// @dev Adds the index terms to an address.
    function _indexed(Values memory values, int256 first, bool inBounds) private pure returns (int256, bool) {
        for (uint256 count = _u8(values); count != 0; --count) {
            int256 index = int32(uint32(_argument(values)));
            (int256 stride, uint256 next) = Program.i32(values.cursor);
            uint256 limit;
            (limit, values.cursor) = Program.u32(next);
            if (index < 0) index += int256(limit);
            if (index < 0 || index >= int256(limit)) inBounds = false;
            first += index * stride;
        }
        return (first, inBounds);
    }

    function _operation(Values memory values, FunctionKernel functions) private pure returns (uint256) {
        uint256 code = _u8(values);
        uint256 a = _argument(values);
        if (code >= 0x21 && code < 0x28) return functions.valueOf(code, a);
        if ((code >= 0x10 && code < 0x30) || (code >= 0x60 && code < 0x70)) return _float1(code, a);
        uint256 b = _argument(values);
        if (code == 0x70) {
            uint256 c = _argument(values);
            return a != 0 ? b : c;
        }
        return code < 0x40 ? _float2(code, a, b) : _integer(code, a, b);
    }

    function _u8(Values memory values) private pure returns (uint256 value) {
        (value, values.cursor) = Program.u8(values.cursor);
    }

    function _argument(Values memory values) private pure returns (uint256) {
        uint256 number = _u8(values);
        if (number >= values.count) revert ArgumentOutOfRange(number, values.count);
        return values.words[number];
    }

    function _float1(uint256 code, uint256 a) private pure returns (uint256) {
        if (code == 0x10) return Float32.neg(a);
        if (code == 0x11) return Float32.abs(a);
        if (code == 0x12) {
            if (Float32.isNaN(a)) return Float32.NAN;
            return Float32.isZero(a) ? 0 : (a & Float32.SIGN) | Float32.ONE;
        }
        if (code == 0x13) return Float32.toIntegral(a, Float32.Direction.DOWN);
        if (code == 0x14) return Float32.toIntegral(a, Float32.Direction.UP);
        if (code == 0x15) return Float32.toIntegral(a, Float32.Direction.TO_ZERO);
        if (code == 0x16) return Float32.toIntegral(a, Float32.Direction.NEAREST_EVEN);
        if (code == 0x20) return Float32.sqrt(a);
        if (code == 0x60) return uint32(int32(Float32.toInt(a, type(int32).min, type(int32).max)));
        if (code == 0x61) return Float32.fromInt(int32(uint32(a)));
        revert Program.CodeUnknown("operation", code);
    }

    function _float2(uint256 code, uint256 a, uint256 b) private pure returns (uint256) {
        if (code == 0x01) return Float32.add(a, b);
        if (code == 0x02) return Float32.sub(a, b);
        if (code == 0x03) return Float32.mul(a, b);
        if (code == 0x04) return Float32.div(a, b);
        if (code == 0x05) return Float32.max(a, b);
        if (code == 0x06) return Float32.min(a, b);
        if (code == 0x07) return Float32.rem(a, b);
        if (code == 0x30) return Float32.equal(a, b) ? 1 : 0;
        if (code == 0x31) return Float32.less(a, b) ? 1 : 0;
        if (code == 0x32) return Float32.less(a, b) || Float32.equal(a, b) ? 1 : 0;
        revert Program.CodeUnknown("operation", code);
    }

    function _integer(uint256 code, uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            int256 x = int32(uint32(a));
            int256 y = int32(uint32(b));
            if (code == 0x40) return uint32(a + b);
            if (code == 0x41) return uint32(a - b);
            if (code == 0x42) return uint32(a * b);
            if (code == 0x43) return y == 0 ? 0 : uint32(uint256(x / y));
            if (code == 0x44) return y == 0 ? 0 : uint32(uint256(x % y));
            if (code == 0x45) return y == 0 ? 0 : uint32(uint256(((x % y) + y) % y));
            if (code == 0x46) return x < y ? a : b;
            if (code == 0x47) return x > y ? a : b;
            if (code == 0x48) return a & b;
            if (code == 0x49) return a | b;
            if (code == 0x4a) return a ^ b;
            if (code == 0x4b) return uint32(a << b);
            if (code == 0x4c) return a >> b;
            if (code == 0x4d) return uint32(uint256(x >> b));
            if (code == 0x50) return a == b ? 1 : 0;
            if (code == 0x51) return x < y ? 1 : 0;
            if (code == 0x52) return x <= y ? 1 : 0;
        }
        revert Program.CodeUnknown("operation", code);
    }
}

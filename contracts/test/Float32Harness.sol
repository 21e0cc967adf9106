// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {ExactSum} from "../libraries/ExactSum.sol";
import {Float32} from "../libraries/Float32.sol";
import {Float32Functions} from "../libraries/Float32Functions.sol";

/// @title `Float32` and `ExactSum` on many elements in one call
contract Float32Harness {
    using ExactSum for ExactSum.Sum;

    enum Operation {
        ADD,
        SUB,
        MUL,
        DIV,
        SQRT,
        LESS,
        EQUAL,
        MIN,
        MAX,
        FLOOR,
        CEIL,
        TRUNCATE,
        ROUND,
        FROM_INT,
        TO_INT,
        REM,
        EXP,
        LOG,
        TANH,
        SIGMOID,
        ERF,
        SIN,
        COS
    }

    /// @param operands Big-endian words, two for each element.
    /// @return results One big-endian word for each element.
    function map(Operation operation, bytes calldata operands) external pure returns (bytes memory results) {
        uint256 count = operands.length / 8;
        results = new bytes(4 * count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 x = uint32(bytes4(operands[8 * i:8 * i + 4]));
            uint256 y = uint32(bytes4(operands[8 * i + 4:8 * i + 8]));
            uint256 z = _apply(operation, x, y);
            assembly ("memory-safe") {
                let slot := add(add(results, 32), mul(4, i))
                mstore(slot, or(shl(224, z), and(mload(slot), shr(32, not(0)))))
            }
        }
    }

    /// @param x Little-endian words, `count` of them; `y` likewise.
    /// @param parts How many pieces the sum is cut in, the sum copied in between.
    /// @return word The sum of the products, divided by `divisor`.
    /// @return gasUsed Gas of summing and rounding.
    function dot(
        bytes memory x,
        bytes memory y,
        uint256 count,
        uint256 divisor,
        uint256 parts
    ) external view returns (uint256 word, uint256 gasUsed) {
        uint256 before = gasleft();
        uint256 xAt;
        uint256 yAt;
        assembly ("memory-safe") {
            xAt := add(x, 32)
            yAt := add(y, 32)
        }
        ExactSum.Sum memory sum;
        for (uint256 part = 0; part < parts; ++part) {
            uint256 from = (count * part) / parts;
            uint256 to = (count * (part + 1)) / parts;
            sum.addProducts(xAt + 4 * from, yAt + 4 * from, to - from);
            if (part + 1 < parts) {
                sum = ExactSum.Sum(sum.limbs, sum.specials);
            }
        }
        word = sum.result(divisor);
        gasUsed = before - gasleft();
    }

    function _apply(Operation operation, uint256 x, uint256 y) private pure returns (uint256) {
        if (operation == Operation.ADD) return Float32.add(x, y);
        if (operation == Operation.SUB) return Float32.sub(x, y);
        if (operation == Operation.MUL) return Float32.mul(x, y);
        if (operation == Operation.DIV) return Float32.div(x, y);
        if (operation == Operation.SQRT) return Float32.sqrt(x);
        if (operation == Operation.LESS) return Float32.less(x, y) ? 1 : 0;
        if (operation == Operation.EQUAL) return Float32.equal(x, y) ? 1 : 0;
        if (operation == Operation.MIN) return Float32.min(x, y);
        if (operation == Operation.MAX) return Float32.max(x, y);
        if (operation == Operation.FLOOR) return Float32.toIntegral(x, Float32.Direction.DOWN);
        if (operation == Operation.CEIL) return Float32.toIntegral(x, Float32.Direction.UP);
        if (operation == Operation.TRUNCATE) return Float32.toIntegral(x, Float32.Direction.TO_ZERO);
        if (operation == Operation.ROUND) return Float32.toIntegral(x, Float32.Direction.NEAREST_EVEN);
        if (operation == Operation.FROM_INT) return Float32.fromInt(int32(uint32(x)));
        if (operation == Operation.REM) return Float32.rem(x, y);
        if (operation == Operation.EXP) return Float32Functions.exp(x);
        if (operation == Operation.LOG) return Float32Functions.log(x);
        if (operation == Operation.TANH) return Float32Functions.tanh(x);
        if (operation == Operation.SIGMOID) return Float32Functions.sigmoid(x);
        if (operation == Operation.ERF) return Float32Functions.erf(x);
        if (operation == Operation.SIN) return Float32Functions.sin(x);
        if (operation == Operation.COS) return Float32Functions.cos(x);
        return uint32(int32(Float32.toInt(x, type(int32).min, type(int32).max)));
    }
}

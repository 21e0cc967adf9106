// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

/// @title IEEE-754 binary32 in integer arithmetic
/// @notice Round to nearest, ties to even, with gradual underflow and one NaN, as docs/canonical.md defines it.
/// @dev A value is the 32 bits of its encoding in the low bits of a `uint256`.
/// INVARIANT: every argument is below 2^32; every result is below 2^32 and, where it is a NaN, equal to `NAN`.
library Float32 {
    uint256 internal constant NAN = 0x7fc00000;
    uint256 internal constant INFINITY = 0x7f800000;
    uint256 internal constant SIGN = 0x80000000;
    uint256 internal constant MAGNITUDE = 0x7fffffff;
    uint256 internal constant ONE = 0x3f800000;
    uint256 internal constant HALF = 0x3f000000;

    /// @dev The power of two that the integer mantissa of `unpack` is to be multiplied with is `exponent - BIAS`.
    int256 internal constant BIAS = 150;

    // Rounding

    /// @return bits The value of (-1)^negative · (mantissa + ε) · 2^exponent, rounded once; ε is 0, or where `inexact`
    /// anything strictly between 0 and 1.
    /// @dev `exponent` may be anything within ±2^128; `negative` is 0 or 1.
    function round(
        uint256 negative,
        uint256 mantissa,
        int256 exponent,
        bool inexact
    ) internal pure returns (uint256 bits) {
        assembly ("memory-safe") {
            if mantissa {
                // The exponent of the result's last place: 24 bits below the top one, but never below the subnormals'.
                let last := add(exponent, sub(232, clz(mantissa)))
                if slt(last, sub(0, 149)) {
                    last := sub(0, 149)
                }
                let drop := sub(last, exponent)
                switch sgt(drop, 0)
                case 0 {
                    bits := shl(sub(0, drop), mantissa)
                }
                default {
                    bits := shr(drop, mantissa)
                    // At drop = 256 the half is the top bit, above that the value is less than half of the last place.
                    if lt(drop, 257) {
                        let half := shl(sub(drop, 1), 1)
                        let rest := sub(mantissa, shl(drop, bits))
                        bits := add(bits, or(gt(rest, half), and(eq(rest, half), or(inexact, and(bits, 1)))))
                    }
                }
                bits := add(bits, shl(23, add(last, 149)))
                if or(sgt(last, 104), gt(bits, 0x7f800000)) {
                    bits := 0x7f800000
                }
            }
            bits := or(bits, shl(31, negative))
        }
    }

    /// @return mantissa The integer below 2^24 and
    /// @return exponent the biased exponent in [1, 254] with |value| = mantissa · 2^(exponent - 150). For infinities and
    /// NaN, `exponent` is 255.
    function unpack(uint256 x) internal pure returns (uint256 mantissa, uint256 exponent) {
        assembly ("memory-safe") {
            exponent := and(shr(23, x), 0xff)
            mantissa := and(x, 0x7fffff)
            switch exponent
            case 0 {
                exponent := 1
            }
            default {
                mantissa := or(mantissa, 0x800000)
            }
        }
    }

    // Kinds

    function isNaN(uint256 x) internal pure returns (bool) {
        return (x & MAGNITUDE) > INFINITY;
    }

    function isInfinite(uint256 x) internal pure returns (bool) {
        return (x & MAGNITUDE) == INFINITY;
    }

    function isZero(uint256 x) internal pure returns (bool) {
        return (x & MAGNITUDE) == 0;
    }

    // Arithmetic

    function neg(uint256 x) internal pure returns (uint256) {
        return isNaN(x) ? NAN : x ^ SIGN;
    }

    function abs(uint256 x) internal pure returns (uint256) {
        return isNaN(x) ? NAN : x & MAGNITUDE;
    }

    function sub(uint256 x, uint256 y) internal pure returns (uint256) {
        return add(x, y ^ SIGN);
    }

    function add(uint256 x, uint256 y) internal pure returns (uint256) {
        if (isNaN(x) || isNaN(y)) return NAN;
        if (isInfinite(x)) return isInfinite(y) && x != y ? NAN : x;
        if (isInfinite(y)) return y;
        if (isZero(x)) return isZero(y) ? x & y : y;
        if (isZero(y)) return x;
        if ((x & MAGNITUDE) < (y & MAGNITUDE)) (x, y) = (y, x);
        (uint256 mx, uint256 ex) = unpack(x);
        (uint256 my, uint256 ey) = unpack(y);
        unchecked {
            // The smaller one is then far less than half of the greater one's last place.
            if (ex - ey > 64) return x;
            mx <<= ex - ey;
            uint256 sum = (x ^ y) & SIGN == 0 ? mx + my : mx - my;
            return sum == 0 ? 0 : round(x >> 31, sum, int256(ey) - BIAS, false);
        }
    }

    function mul(uint256 x, uint256 y) internal pure returns (uint256) {
        uint256 sign = (x ^ y) & SIGN;
        if (isNaN(x) || isNaN(y)) return NAN;
        if (isInfinite(x) || isInfinite(y)) return isZero(x) || isZero(y) ? NAN : sign | INFINITY;
        (uint256 mx, uint256 ex) = unpack(x);
        (uint256 my, uint256 ey) = unpack(y);
        unchecked {
            return round(sign >> 31, mx * my, int256(ex + ey) - 2 * BIAS, false);
        }
    }

    function div(uint256 x, uint256 y) internal pure returns (uint256) {
        uint256 sign = (x ^ y) & SIGN;
        if (isNaN(x) || isNaN(y)) return NAN;
        if (isInfinite(x)) return isInfinite(y) ? NAN : sign | INFINITY;
        if (isInfinite(y)) return sign;
        if (isZero(y)) return isZero(x) ? NAN : sign | INFINITY;
        (uint256 mx, uint256 ex) = unpack(x);
        (uint256 my, uint256 ey) = unpack(y);
        unchecked {
            mx <<= 64;
            return round(sign >> 31, mx / my, int256(ex) - int256(ey) - 64, mx % my != 0);
        }
    }

    /// @return x - y · trunc(x / y), exactly; with the sign of x.
    function rem(uint256 x, uint256 y) internal pure returns (uint256) {
        if (isNaN(x) || isNaN(y) || isInfinite(x) || isZero(y)) return NAN;
        if (isInfinite(y) || (x & MAGNITUDE) < (y & MAGNITUDE)) return x;
        (uint256 mx, uint256 ex) = unpack(x);
        (uint256 my, uint256 ey) = unpack(y);
        unchecked {
            // |x| ≥ |y|, so that ex ≥ ey; 2^(ex - ey), of up to 253 bits, is reduced first.
            uint256 rest = (((1 << (ex - ey)) % my) * mx) % my;
            return round(x >> 31, rest, int256(ey) - BIAS, false);
        }
    }

    function sqrt(uint256 x) internal pure returns (uint256) {
        if (isNaN(x)) return NAN;
        if (isZero(x)) return x;
        if (x & SIGN != 0) return NAN;
        if (isInfinite(x)) return x;
        (uint256 m, uint256 e) = unpack(x);
        unchecked {
            // An even exponent; the root then has at least 32 bits.
            m <<= 64 + (e & 1);
            uint256 root = integerSqrt(m);
            return round(0, root, (int256(e - (e & 1)) - BIAS - 64) / 2, root * root != m);
        }
    }

    /// @return root ⌊√x⌋, for 0 < x < 2^128.
    function integerSqrt(uint256 x) internal pure returns (uint256 root) {
        assembly ("memory-safe") {
            // Newton's steps from above, starting within a factor of √2: seven are enough for 128 bits.
            root := shl(shr(1, sub(257, clz(x))), 1)
            root := shr(1, add(root, div(x, root)))
            root := shr(1, add(root, div(x, root)))
            root := shr(1, add(root, div(x, root)))
            root := shr(1, add(root, div(x, root)))
            root := shr(1, add(root, div(x, root)))
            root := shr(1, add(root, div(x, root)))
            root := shr(1, add(root, div(x, root)))
            root := sub(root, gt(root, div(x, root)))
        }
    }

    // Order

    /// @return An integer below 2^32 that orders all values except NaN, with -0 just below +0.
    function key(uint256 x) internal pure returns (uint256) {
        return x & SIGN == 0 ? x | SIGN : x ^ 0xffffffff;
    }

    /// @return Whether x < y; false where either is a NaN; the zeros are equal.
    function less(uint256 x, uint256 y) internal pure returns (bool) {
        if (isNaN(x) || isNaN(y) || (isZero(x) && isZero(y))) return false;
        return key(x) < key(y);
    }

    /// @return Whether x = y; false where either is a NaN; the zeros are equal.
    function equal(uint256 x, uint256 y) internal pure returns (bool) {
        if (isNaN(x) || isNaN(y)) return false;
        return x == y || (isZero(x) && isZero(y));
    }

    /// @return The lesser one, -0 below +0; a NaN where either is a NaN.
    function min(uint256 x, uint256 y) internal pure returns (uint256) {
        if (isNaN(x) || isNaN(y)) return NAN;
        return key(x) < key(y) ? x : y;
    }

    /// @return The greater one, -0 below +0; a NaN where either is a NaN.
    function max(uint256 x, uint256 y) internal pure returns (uint256) {
        if (isNaN(x) || isNaN(y)) return NAN;
        return key(x) < key(y) ? y : x;
    }

    // Integers

    enum Direction {
        DOWN,
        UP,
        TO_ZERO,
        NEAREST_EVEN
    }

    /// @return magnitude The integer next to |x| in the direction (as seen from x). For finite x below 2^128 in magnitude.
    function integerPart(uint256 x, Direction direction) internal pure returns (uint256 magnitude) {
        (uint256 m, uint256 e) = unpack(x);
        unchecked {
            if (e >= 150) return m << (e - 150);
            uint256 fractionBits = 150 - e;
            magnitude = m >> fractionBits;
            uint256 rest = m - (magnitude << fractionBits);
            if (rest == 0 || direction == Direction.TO_ZERO) return magnitude;
            bool away;
            if (direction == Direction.NEAREST_EVEN) {
                uint256 half = 1 << (fractionBits - 1);
                away = rest > half || (rest == half && magnitude & 1 == 1);
            } else {
                away = (direction == Direction.DOWN) == (x & SIGN != 0);
            }
            return away ? magnitude + 1 : magnitude;
        }
    }

    /// @return The integer next to x in the direction, as a binary32 with the sign of x.
    function toIntegral(uint256 x, Direction direction) internal pure returns (uint256) {
        if (isNaN(x)) return NAN;
        if ((x & MAGNITUDE) >= 0x4b000000) return x;
        return round(x >> 31, integerPart(x, direction), 0, false);
    }

    /// @return x rounded to binary32; zero becomes +0. For |x| < 2^255.
    function fromInt(int256 x) internal pure returns (uint256) {
        unchecked {
            return x < 0 ? round(1, uint256(-x), 0, false) : round(0, uint256(x), 0, false);
        }
    }

    /// @return x, truncated towards zero, where it lies in [low, high]; else the nearer bound; 0 for NaN.
    /// @dev For bounds within ±2^127.
    function toInt(uint256 x, int256 low, int256 high) internal pure returns (int256) {
        if (isNaN(x)) return 0;
        // 2^127 and above, infinities among them.
        if ((x & MAGNITUDE) >= 0x7f000000) return x & SIGN != 0 ? low : high;
        int256 value = int256(integerPart(x, Direction.TO_ZERO));
        if (x & SIGN != 0) value = -value;
        return
            value < low
                ? low
                : value > high
                    ? high
                    : value;
    }
}

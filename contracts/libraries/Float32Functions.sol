// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Float32} from "./Float32.sol";

/// @title Correctly rounded functions of binary32
/// @notice Each result is the binary32 nearest to the real function's value at the exact argument (docs/canonical.md, §5).
/// @dev Values are evaluated in fixed point with 126 fraction bits (Q126) together with a bound on their error. Where both
/// ends of that interval round to one binary32, this is the result. `Undecided` says that they don't: the nearest that any
/// of the 2^32 arguments comes to a rounding boundary is far above the bounds (docs/step.md), so that no step ends so.
library Float32Functions {
    using Float32 for uint256;

    /// @notice The interval of the function's value at a binary32 word reaches over a rounding boundary.
    error Undecided(uint256 word);

    uint256 private constant Q = 126;
    int256 private constant ONE_Q = 1 << 126;
    /// @dev ln 2, 200 fraction bits.
    int256 private constant LN2_Q200 = 0xb17217f7d1cf79abc9e3b39803f2f6af40f343267298b62d8a;
    /// @dev 1 / ln 2, 64 fraction bits.
    int256 private constant INVERSE_LN2_Q64 = 0x171547652b82fe177;
    int256 private constant SQRT2_Q = 0x5a827999fcef32422cbec4d9baa55f50;
    uint256 private constant TWO_OVER_SQRT_PI_Q = 0x48375d410a6db446b8ea453fb5ff61a2;
    int256 private constant HALF_PI_Q = 0x6487ed5110b4611a62633145c06e0e69;
    /// @dev 2 / π: the first 256 fraction bits, and the next 256.
    uint256 private constant TWO_OVER_PI_HIGH = 0xa2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561;
    uint256 private constant TWO_OVER_PI_LOW = 0xb7246e3a424dd2e006492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484;

    /// @return RN(e^x).
    function exp(uint256 x) internal pure returns (uint256) {
        if (x.isNaN()) return Float32.NAN;
        uint256 size = x & Float32.MAGNITUDE;
        // Below 2^-26 the value is within a quarter of a unit of 1.
        if (size < 0x32800000) return Float32.ONE;
        // e^89 is above every binary32, e^-104 below half of the least one.
        if (x & Float32.SIGN == 0 && size >= 0x42b20000) return Float32.INFINITY;
        if (x & Float32.SIGN != 0 && size >= 0x42d00000) return 0;
        (uint256 mantissa, int256 exponent) = _exp(_fixed(x));
        return _decided(x, 0, mantissa, exponent, 1 << 8);
    }

    /// @return RN(ln x).
    function log(uint256 x) internal pure returns (uint256) {
        if (x.isNaN()) return Float32.NAN;
        if (x.isZero()) return Float32.INFINITY | Float32.SIGN;
        if (x & Float32.SIGN != 0) return Float32.NAN;
        if (x == Float32.INFINITY) return x;
        if (x == Float32.ONE) return 0;
        (uint256 m, uint256 e) = x.unpack();
        unchecked {
            // x = z · 2^exponent with z in [√½, √2).
            uint256 bits = 0;
            while (m >> bits != 0) ++bits;
            int256 exponent = int256(e + bits) - 151;
            int256 z = int256(m << (Q + 1 - bits));
            if (z > SQRT2_Q) {
                z >>= 1;
                ++exponent;
            }
            // ln z = 2 · artanh((z - 1) / (z + 1)); the power falls by 2^-5 from term to term.
            int256 s = ((z - ONE_Q) << Q) / (z + ONE_Q);
            int256 square = (s * s) >> Q;
            int256 power = s;
            int256 sum = 0;
            for (int256 odd = 1; odd < 55; odd += 2) {
                sum += power / odd;
                power = (power * square) >> Q;
            }
            int256 value = 2 * sum + ((exponent * LN2_Q200) >> 74);
            return _decided(x, value < 0 ? 1 : 0, uint256(value < 0 ? -value : value), -int256(Q), 1 << 8);
        }
    }

    /// @return RN(tanh x).
    function tanh(uint256 x) internal pure returns (uint256) {
        if (x.isNaN()) return Float32.NAN;
        uint256 size = x & Float32.MAGNITUDE;
        uint256 sign = x & Float32.SIGN;
        // |tanh x - x| < |x|³ / 3, below 2^-12 less than half a unit; 1 - tanh 10 is less than half a unit.
        if (size < 0x39800000) return x;
        if (size >= 0x41200000) return sign | Float32.ONE;
        unchecked {
            // (1 - u) / (1 + u), u = e^(-2 · |x|).
            (uint256 mantissa, int256 exponent) = _exp(-2 * _fixed(size));
            int256 u = int256(mantissa >> uint256(-exponent - int256(Q)));
            return _decided(x, sign >> 31, uint256(((ONE_Q - u) << Q) / (ONE_Q + u)), -int256(Q), 1 << 12);
        }
    }

    /// @return RN(1 / (1 + e^-x)).
    function sigmoid(uint256 x) internal pure returns (uint256) {
        if (x.isNaN()) return Float32.NAN;
        uint256 size = x & Float32.MAGNITUDE;
        bool negative = x & Float32.SIGN != 0;
        // Within 2^-32 of 1/2; within half a unit of 1; below half of the least binary32.
        if (size < 0x30800000) return Float32.HALF;
        if (!negative && size >= 0x41900000) return Float32.ONE;
        if (negative && size >= 0x42d00000) return 0;
        unchecked {
            // 1 / (1 + u) or u / (1 + u), u = mantissa · 2^exponent = e^-|x|.
            (uint256 mantissa, int256 exponent) = _exp(-_fixed(size));
            uint256 denominator = (1 << Q) + (mantissa >> uint256(-exponent - int256(Q)));
            uint256 numerator = negative ? mantissa : 1 << Q;
            return _decided(x, 0, (numerator << Q) / denominator, negative ? exponent : -int256(Q), 1 << 12);
        }
    }

    /// @return RN(erf x).
    function erf(uint256 x) internal pure returns (uint256) {
        if (x.isNaN()) return Float32.NAN;
        uint256 size = x & Float32.MAGNITUDE;
        if (size == 0) return x;
        // 1 - erf 4 is less than half a unit.
        if (size >= 0x40800000) return (x & Float32.SIGN) | Float32.ONE;
        (uint256 m, uint256 e) = x.unpack();
        unchecked {
            // 2/√π · |x| · e^(-y) · Σ (2y)^n / (2n + 1)!!, y = x²: all terms are positive.
            int256 shift = 2 * int256(e) - 300 + int256(Q);
            uint256 y = shift < 0 ? (m * m) >> uint256(-shift) : (m * m) << uint256(shift);
            uint256 sum = 0;
            uint256 term = 1 << 112;
            for (uint256 odd = 3; term != 0; odd += 2) {
                sum += term;
                term = ((term * (y >> 13)) >> 112) / odd;
            }
            uint256 bits = Q - 1;
            while (sum >> bits != 0) ++bits;
            (uint256 mantissa, int256 exponent) = _exp(-int256(y));
            uint256 product = ((sum >> (bits - (Q - 1))) * mantissa) >> Q;
            product = ((product * TWO_OVER_SQRT_PI_Q) >> Q) * m;
            exponent += int256(Q + e + bits) - 150 - 112 - int256(Q - 1);
            return _decided(x, x >> 31, product, exponent, product >> 90);
        }
    }

    /// @return RN(sin x).
    function sin(uint256 x) internal pure returns (uint256) {
        uint256 size = x & Float32.MAGNITUDE;
        if (size >= Float32.INFINITY) return Float32.NAN;
        // |x - sin x| < |x|³ / 6, below 2^-12 less than half a unit.
        if (size < 0x39800000) return x;
        return _sine(x, 0);
    }

    /// @return RN(cos x).
    function cos(uint256 x) internal pure returns (uint256) {
        uint256 size = x & Float32.MAGNITUDE;
        if (size >= Float32.INFINITY) return Float32.NAN;
        // 1 - cos x < x² / 2, below 2^-13 less than half a unit.
        if (size < 0x39000000) return Float32.ONE;
        return _sine(size, 1);
    }

    /// @dev RN(sin(x + quarters · π/2)), for |x| ≥ 2^-13.
    function _sine(uint256 x, uint256 quarters) private pure returns (uint256) {
        uint256 size = x & Float32.MAGNITUDE;
        unchecked {
            // |x| = quarters · π/2 + angle with |angle| ≤ π/4.
            int256 angle;
            if (size < Float32.HALF) {
                angle = _fixed(size);
            } else {
                (uint256 m, uint256 e) = size.unpack();
                // The fraction of 2/π · 2^(e - 152), then that of |x| / 2π: whole turns wrap off at 2^256.
                uint256 turns =
                    e >= 152
                        ? (TWO_OVER_PI_HIGH << (e - 152)) | (TWO_OVER_PI_LOW >> (408 - e))
                        : TWO_OVER_PI_HIGH >> (152 - e);
                turns *= m;
                uint256 rounded = (turns + (1 << 253)) >> 254;
                quarters += rounded;
                // In units of π/2, 254 fraction bits.
                angle = ((int256(turns - (rounded << 254)) >> 128) * HALF_PI_Q) >> 126;
            }
            bool negative = (x & Float32.SIGN != 0) != (quarters & 2 != 0);
            int256 value = _sinOrCos(angle, quarters & 1);
            if (value < 0) (value, negative) = (-value, !negative);
            return _decided(x, negative ? 1 : 0, uint256(value), -int256(Q), 1 << 12);
        }
    }

    /// @dev sin(angle) or, where `odd` is 1, cos(angle), for |angle| < 1, in Q126; within 2^8 units.
    function _sinOrCos(int256 angle, uint256 odd) private pure returns (int256 sum) {
        unchecked {
            int256 square = (angle * angle) >> Q;
            int256 term = odd == 1 ? ONE_Q : angle;
            for (int256 n = odd == 1 ? int256(1) : int256(2); term != 0 && n < 48; n += 2) {
                sum += term;
                term = -((term * square) >> Q) / (n * (n + 1));
            }
        }
    }

    /// @dev A finite word in [2^-49, 2^53) in magnitude, exactly, in Q126.
    function _fixed(uint256 x) private pure returns (int256 value) {
        (uint256 m, uint256 e) = x.unpack();
        unchecked {
            value = int256(m << (e - 24));
            if (x & Float32.SIGN != 0) value = -value;
        }
    }

    /// @return mantissa and
    /// @return exponent with e^x = mantissa · 2^exponent, mantissa within 2^8 units and in [2^125, 2^127).
    /// @dev x in Q126, |x| < 2^8.
    function _exp(int256 x) private pure returns (uint256 mantissa, int256 exponent) {
        unchecked {
            // x = k · ln 2 + r, |r| ≤ ½ ln 2.
            int256 k = (((x >> 30) * INVERSE_LN2_Q64) + (1 << 159)) >> 160;
            int256 r = ((x << 74) - k * LN2_Q200) >> 74;
            int256 sum = 0;
            int256 term = ONE_Q;
            for (int256 n = 1; n < 34; ++n) {
                sum += term;
                term = ((term * r) >> Q) / n;
            }
            return (uint256(sum), k - int256(Q));
        }
    }

    /// @dev The binary32 that all of (-1)^negative · [mantissa - margin, mantissa + margin] · 2^exponent rounds to. The real
    /// value is no binary32 and lies strictly inside.
    function _decided(
        uint256 x,
        uint256 negative,
        uint256 mantissa,
        int256 exponent,
        uint256 margin
    ) private pure returns (uint256 low) {
        unchecked {
            low = Float32.round(negative, mantissa - margin, exponent, true);
            if (low != Float32.round(negative, mantissa + margin, exponent, false)) revert Undecided(x);
        }
    }
}

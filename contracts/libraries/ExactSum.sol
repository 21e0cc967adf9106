// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Float32} from "./Float32.sol";

/// @title Exact sums of products of binary32 values, rounded once
/// @notice The value of a sum does not depend on the order of its terms nor on how they are spread over transactions.
/// @dev A product of two binary32 is an integer below 2^48 times 2^(s - 300), where s, the sum of the two biased exponents,
/// lies in [2, 508]. It is added to limb ⌊s / 170⌋, shifted left by s mod 170: fixed point over the whole range, without
/// carries between limbs. Products between 2^-130 and 2^88 in size all go to the middle limb.
/// INVARIANT: a term adds less than 2^217 to a limb, so that no limb overflows before 2^38 terms; a reduction space has
/// fewer elements (docs/canonical.md, §7).
library ExactSum {
    /// @dev Two sums of the same terms are equal field by field.
    struct Sum {
        /// @dev Limb i counts in units of 2^(170·i - 300).
        int256[3] limbs;
        /// @dev A set of `SAW_NAN`, `SAW_INFINITY` and `SAW_MINUS_INFINITY`.
        uint256 specials;
    }

    uint256 internal constant SAW_NAN = 1;
    uint256 internal constant SAW_INFINITY = 2;
    uint256 internal constant SAW_MINUS_INFINITY = 4;

    uint256 private constant LIMB_BITS = 170;
    int256 private constant LIMB_MASK = (1 << 170) - 1;
    /// @dev 2^-300 is the unit of the lowest limb.
    int256 private constant UNIT = -300;

    /// @notice Adds x · y.
    function addProduct(Sum memory sum, uint256 x, uint256 y) internal pure {
        uint256 negative = (x ^ y) >> 31;
        if (Float32.isNaN(x) || Float32.isNaN(y)) {
            sum.specials |= SAW_NAN;
        } else if (Float32.isInfinite(x) || Float32.isInfinite(y)) {
            if (Float32.isZero(x) || Float32.isZero(y)) sum.specials |= SAW_NAN;
            else sum.specials |= negative == 1 ? SAW_MINUS_INFINITY : SAW_INFINITY;
        } else {
            (uint256 mx, uint256 ex) = Float32.unpack(x);
            (uint256 my, uint256 ey) = Float32.unpack(y);
            unchecked {
                uint256 s = ex + ey;
                int256 product = int256((mx * my) << (s % LIMB_BITS));
                sum.limbs[s / LIMB_BITS] += negative == 1 ? -product : product;
            }
        }
    }

    /// @notice Adds Σ x[i] · y[i] for i < count.
    /// @param x Memory address of `count` little-endian words; `y` likewise.
    /// @dev Reads up to 28 bytes behind either end and ignores them.
    function addProducts(Sum memory sum, uint256 x, uint256 y, uint256 count) internal pure {
        unchecked {
            while (count != 0) {
                uint256 done = _addCommon(sum, x, y, count);
                if (done == count) break;
                count -= done;
                x += 4 * done;
                y += 4 * done;
                // Up to eight pairs with something rare among them.
                uint256 group = count < 8 ? count : 8;
                for (uint256 i = 0; i < group; ++i) addProduct(sum, loadWord(x + 4 * i), loadWord(y + 4 * i));
                count -= group;
                x += 4 * group;
                y += 4 * group;
            }
        }
    }

    /// @return word The little-endian word at a memory address.
    function loadWord(uint256 from) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(from)
            word := or(or(byte(0, word), shl(8, byte(1, word))), or(shl(16, byte(2, word)), shl(24, byte(3, word))))
        }
    }

    /// @dev Adds pairs, eight at a time, up to the first group that holds an infinity, a NaN, a subnormal or a product that
    /// belongs to an outer limb.
    /// @return done How many pairs were added: `count`, or a multiple of 8 below it.
    function _addCommon(Sum memory sum, uint256 x, uint256 y, uint256 count) private pure returns (uint256 done) {
        assembly ("memory-safe") {
            let total := 0
            for {} lt(done, count) {} {
                // Eight words of 32 bits side by side in one of 256: lanes, the first element in the highest one.
                let a := mload(add(x, shl(2, done)))
                let b := mload(add(y, shl(2, done)))
                a := or(
                    shl(8, and(a, 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)),
                    and(shr(8, a), 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)
                )
                b := or(
                    shl(8, and(b, 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)),
                    and(shr(8, b), 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)
                )
                a := or(
                    shl(16, and(a, 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)),
                    and(shr(16, a), 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)
                )
                b := or(
                    shl(16, and(b, 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)),
                    and(shr(16, b), 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)
                )
                done := add(done, 8)
                if gt(done, count) {
                    let beyond := shl(5, sub(done, count))
                    a := shl(beyond, shr(beyond, a))
                    b := shl(beyond, shr(beyond, b))
                }
                // The highest bit of a lane: the product is negative.
                let negative := xor(a, b)
                a := and(a, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                b := and(b, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)
                // The highest bit of a lane: |value| is at least the least normal number.
                let normalA := add(a, 0x7f8000007f8000007f8000007f8000007f8000007f8000007f8000007f800000)
                let normalB := add(b, 0x7f8000007f8000007f8000007f8000007f8000007f8000007f8000007f800000)
                // Subnormal: not normal, and not zero. Infinite or NaN: at least infinity.
                if and(
                    or(
                        or(
                            xor(normalA, add(a, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff)),
                            xor(normalB, add(b, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff))
                        ),
                        or(
                            add(a, 0x0080000000800000008000000080000000800000008000000080000000800000),
                            add(b, 0x0080000000800000008000000080000000800000008000000080000000800000)
                        )
                    ),
                    0x8000000080000000800000008000000080000000800000008000000080000000
                ) {
                    done := sub(done, 8)
                    break
                }
                // s + 86: from s = 170 to 339 its lowest byte is s - 170.
                let shift := add(
                    add(
                        and(shr(23, a), 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff),
                        and(shr(23, b), 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff)
                    ),
                    0x0000005600000056000000560000005600000056000000560000005600000056
                )
                // Mantissas, 0 for a zero.
                a := or(
                    and(a, 0x007fffff007fffff007fffff007fffff007fffff007fffff007fffff007fffff),
                    and(shr(8, normalA), 0x0080000000800000008000000080000000800000008000000080000000800000)
                )
                b := or(
                    and(b, 0x007fffff007fffff007fffff007fffff007fffff007fffff007fffff007fffff),
                    and(shr(8, normalB), 0x0080000000800000008000000080000000800000008000000080000000800000)
                )
                // The highest bit of a lane: the product is not zero.
                normalA := and(normalA, normalB)
                // Such a product is for the middle limb: bit 8 of s + 86 is set, bit 9 of s + 172 is not.
                if and(
                    and(
                        or(
                            shl(1, not(shift)),
                            add(shift, 0x0000005600000056000000560000005600000056000000560000005600000056)
                        ),
                        shr(22, normalA)
                    ),
                    0x0000020000000200000002000000020000000200000002000000020000000200
                ) {
                    done := sub(done, 8)
                    break
                }
                // Two's complement in each lane; a zero stays as it is, so that nothing carries into the next lane.
                negative := and(
                    shr(31, and(negative, normalA)),
                    0x0000000100000001000000010000000100000001000000010000000100000001
                )
                b := add(xor(b, sub(shl(32, negative), negative)), negative)

                total := add(total, shl(byte(31, shift), mul(and(a, 0xffffff), signextend(3, b))))
                total := add(total, shl(byte(27, shift), mul(and(shr(32, a), 0xffffff), signextend(3, shr(32, b)))))
                total := add(total, shl(byte(23, shift), mul(and(shr(64, a), 0xffffff), signextend(3, shr(64, b)))))
                total := add(total, shl(byte(19, shift), mul(and(shr(96, a), 0xffffff), signextend(3, shr(96, b)))))
                total := add(total, shl(byte(15, shift), mul(and(shr(128, a), 0xffffff), signextend(3, shr(128, b)))))
                total := add(total, shl(byte(11, shift), mul(and(shr(160, a), 0xffffff), signextend(3, shr(160, b)))))
                total := add(total, shl(byte(7, shift), mul(and(shr(192, a), 0xffffff), signextend(3, shr(192, b)))))
                total := add(total, shl(byte(3, shift), mul(shr(224, a), sar(224, b))))
            }
            if gt(done, count) {
                done := count
            }
            let middle := add(mload(sum), 32)
            mstore(middle, add(mload(middle), total))
        }
    }

    /// @return The exact sum divided by `divisor`, rounded once; +0 where the sum is zero.
    /// @param divisor In [1, 2^80).
    function result(Sum memory sum, uint256 divisor) internal pure returns (uint256) {
        if (sum.specials != 0) {
            if (sum.specials == SAW_INFINITY) return Float32.INFINITY;
            if (sum.specials == SAW_MINUS_INFINITY) return Float32.INFINITY | Float32.SIGN;
            return Float32.NAN;
        }
        unchecked {
            // Carries, so that the two lower limbs lie in [0, 2^170) and the highest one has the sum's sign.
            int256 high = sum.limbs[2] + ((sum.limbs[1] + (sum.limbs[0] >> LIMB_BITS)) >> LIMB_BITS);
            int256 middle = (sum.limbs[1] + (sum.limbs[0] >> LIMB_BITS)) & LIMB_MASK;
            int256 low = sum.limbs[0] & LIMB_MASK;
            uint256 negative = high < 0 ? 1 : 0;
            if (negative == 1) {
                low = -low;
                middle = -middle + (low >> LIMB_BITS);
                high = -high + (middle >> LIMB_BITS);
                low &= LIMB_MASK;
                middle &= LIMB_MASK;
            }
            return _rounded(uint256(high), uint256(middle), uint256(low), negative, divisor);
        }
    }

    /// @dev Divides limb by limb. The lowest limb's unit lies 150 places below the half of the least subnormal, so that
    /// what is left after the division only decides whether the quotient is exact.
    function _rounded(
        uint256 high,
        uint256 middle,
        uint256 low,
        uint256 negative,
        uint256 divisor
    ) private pure returns (uint256) {
        unchecked {
            uint256 rest = high % divisor;
            high /= divisor;
            middle |= rest << LIMB_BITS;
            rest = middle % divisor;
            middle /= divisor;
            low |= rest << LIMB_BITS;
            bool inexact = low % divisor != 0;
            low /= divisor;

            // The highest 85 bits or more in one word; a rounding looks at 25.
            int256 exponent = UNIT;
            if (high != 0) {
                exponent += int256(2 * LIMB_BITS);
            } else {
                (high, middle, low) = (middle, low, 0);
                exponent += int256(LIMB_BITS);
            }
            if (high >> 85 == 0) {
                (high, middle, low) = ((high << LIMB_BITS) | middle, low, 0);
                exponent -= int256(LIMB_BITS);
            }
            inexact = inexact || (middle | low) != 0;
            if (high == 0 && !inexact) return 0;
            return Float32.round(negative, high, exponent, inexact);
        }
    }
}

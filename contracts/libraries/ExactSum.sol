// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Float32} from "./Float32.sol";

/// @title Exact sums of products of binary32 values, rounded once
/// @notice The value of a sum does not depend on the order of its terms nor on how they are spread over transactions.
/// @dev A product of two binary32 is an integer below 2^48 times 2^(s - 300), where s, the sum of the two biased exponents,
/// lies in [2, 508]. Term by term it is added to the bin ⌊s / 128⌋, shifted left by s mod 128, with bins of their own for
/// positive and negative terms: fixed point over the whole range, without carries between bins.
/// INVARIANT: a term adds less than 2^175 to a bin, so that no bin overflows before 2^81 terms.
library ExactSum {
    /// @dev `bins` 0 to 3 hold positive terms, 4 to 7 negative ones; bin i counts in units of 2^(128·(i mod 4) - 300).
    struct Sum {
        uint256[8] bins;
        /// @dev A set of `SAW_NAN`, `SAW_INFINITY` and `SAW_MINUS_INFINITY`.
        uint256 specials;
    }

    /// @notice A sum as it is kept between transactions.
    struct Packed {
        int256[4] limbs;
        uint256 specials;
    }

    uint256 internal constant SAW_NAN = 1;
    uint256 internal constant SAW_INFINITY = 2;
    uint256 internal constant SAW_MINUS_INFINITY = 4;

    /// @dev 2^-300 is the unit of the lowest bin.
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
                sum.bins[(negative << 2) | (s >> 7)] += (mx * my) << (s & 127);
            }
        }
    }

    /// @notice Adds Σ x[i] · y[i] for i < count.
    /// @param x Memory address of `count` little-endian words; `y` likewise.
    /// @dev Reads up to 28 bytes behind either end and ignores them.
    function addProducts(Sum memory sum, uint256 x, uint256 y, uint256 count) internal pure {
        unchecked {
            while (count != 0) {
                uint256 done = _addFinite(sum, x, y, count);
                count -= done;
                if (count == 0) break;
                // Up to eight pairs with an infinity or a NaN among them.
                uint256 group = count < 8 ? count : 8;
                x += 4 * done;
                y += 4 * done;
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

    /// @dev Adds pairs, eight at a time, up to the first group that holds an infinity or a NaN.
    /// @return done How many pairs were added: `count`, or a multiple of 8 below it.
    function _addFinite(Sum memory sum, uint256 x, uint256 y, uint256 count) private pure returns (uint256 done) {
        assembly ("memory-safe") {
            // Eight words of 32 bits side by side in one of 256; lane 0 is the lowest.
            function swapped(w) -> r {
                r := or(
                    and(shl(8, w), 0xff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00),
                    and(shr(8, w), 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)
                )
                r := or(
                    and(shl(16, r), 0xffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000),
                    and(shr(16, r), 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)
                )
            }
            let bins := mload(sum)
            for {} lt(done, count) {} {
                let a := swapped(mload(x))
                let b := swapped(mload(y))
                {
                    let left := sub(count, done)
                    if lt(left, 8) {
                        // The first element is in the highest lane.
                        let beyond := shl(5, sub(8, left))
                        a := shl(beyond, shr(beyond, a))
                        b := shl(beyond, shr(beyond, b))
                    }
                }
                // Where each product goes: in a lane's lowest byte the shift, in the next one the bin's offset in bytes.
                let place := shr(16, and(xor(a, b), 0x8000000080000000800000008000000080000000800000008000000080000000))
                {
                    let ea := and(shr(23, a), 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff)
                    let eb := and(shr(23, b), 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff)
                    // Bit 8 of a lane: the exponent is 255.
                    if and(
                        or(
                            add(ea, 0x0000000100000001000000010000000100000001000000010000000100000001),
                            add(eb, 0x0000000100000001000000010000000100000001000000010000000100000001)
                        ),
                        0x0000010000000100000001000000010000000100000001000000010000000100
                    ) {
                        break
                    }
                    // 1 in a lane whose exponent is not 0.
                    let na := and(
                        shr(8, add(ea, 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff)),
                        0x0000000100000001000000010000000100000001000000010000000100000001
                    )
                    let nb := and(
                        shr(8, add(eb, 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff)),
                        0x0000000100000001000000010000000100000001000000010000000100000001
                    )
                    a := or(and(a, 0x007fffff007fffff007fffff007fffff007fffff007fffff007fffff007fffff), shl(23, na))
                    b := or(and(b, 0x007fffff007fffff007fffff007fffff007fffff007fffff007fffff007fffff), shl(23, nb))
                    // A subnormal's exponent counts as 1.
                    let s := sub(
                        add(add(ea, eb), 0x0000000200000002000000020000000200000002000000020000000200000002),
                        add(na, nb)
                    )
                    place := or(
                        place,
                        or(
                            and(s, 0x0000007f0000007f0000007f0000007f0000007f0000007f0000007f0000007f),
                            shl(6, and(s, 0x0000018000000180000001800000018000000180000001800000018000000180))
                        )
                    )
                }
                let bin := add(bins, byte(30, place))
                mstore(bin, add(mload(bin), shl(byte(31, place), mul(and(a, 0xffffff), and(b, 0xffffff)))))
                bin := add(bins, byte(26, place))
                mstore(
                    bin,
                    add(mload(bin), shl(byte(27, place), mul(and(shr(32, a), 0xffffff), and(shr(32, b), 0xffffff))))
                )
                bin := add(bins, byte(22, place))
                mstore(
                    bin,
                    add(mload(bin), shl(byte(23, place), mul(and(shr(64, a), 0xffffff), and(shr(64, b), 0xffffff))))
                )
                bin := add(bins, byte(18, place))
                mstore(
                    bin,
                    add(mload(bin), shl(byte(19, place), mul(and(shr(96, a), 0xffffff), and(shr(96, b), 0xffffff))))
                )
                bin := add(bins, byte(14, place))
                mstore(
                    bin,
                    add(mload(bin), shl(byte(15, place), mul(and(shr(128, a), 0xffffff), and(shr(128, b), 0xffffff))))
                )
                bin := add(bins, byte(10, place))
                mstore(
                    bin,
                    add(mload(bin), shl(byte(11, place), mul(and(shr(160, a), 0xffffff), and(shr(160, b), 0xffffff))))
                )
                bin := add(bins, byte(6, place))
                mstore(
                    bin,
                    add(mload(bin), shl(byte(7, place), mul(and(shr(192, a), 0xffffff), and(shr(192, b), 0xffffff))))
                )
                bin := add(bins, byte(2, place))
                mstore(bin, add(mload(bin), shl(byte(3, place), mul(shr(224, a), shr(224, b)))))
                x := add(x, 32)
                y := add(y, 32)
                done := add(done, 8)
            }
            if gt(done, count) {
                done := count
            }
        }
    }

    /// @notice Adds what a packed sum holds.
    function restore(Sum memory sum, Packed memory packed) internal pure {
        unchecked {
            for (uint256 i = 0; i < 4; ++i) {
                int256 limb = packed.limbs[i];
                if (limb < 0) sum.bins[4 + i] += uint256(-limb);
                else sum.bins[i] += uint256(limb);
            }
            sum.specials |= packed.specials;
        }
    }

    /// @notice The sum as it can be kept: equal sums may be packed differently.
    function pack(Sum memory sum) internal pure returns (Packed memory packed) {
        unchecked {
            for (uint256 i = 0; i < 4; ++i) packed.limbs[i] = int256(sum.bins[i]) - int256(sum.bins[4 + i]);
            packed.specials = sum.specials;
        }
    }

    /// @return The exact sum divided by `divisor`, rounded once; +0 where the sum is zero.
    /// @param divisor In [1, 2^127).
    function result(Sum memory sum, uint256 divisor) internal pure returns (uint256) {
        if (sum.specials != 0) {
            if (sum.specials == SAW_INFINITY) return Float32.INFINITY;
            if (sum.specials == SAW_MINUS_INFINITY) return Float32.INFINITY | Float32.SIGN;
            return Float32.NAN;
        }
        unchecked {
            // Carries, so that limbs 0 to 2 lie in [0, 2^128) and the highest one has the sum's sign.
            int256[4] memory limbs = pack(sum).limbs;
            for (uint256 i = 0; i < 3; ++i) {
                limbs[i + 1] += limbs[i] >> 128;
                limbs[i] &= int256(uint256(type(uint128).max));
            }
            uint256 negative = limbs[3] < 0 ? 1 : 0;
            if (negative == 1) {
                int256 borrow = 0;
                for (uint256 i = 0; i < 3; ++i) {
                    int256 limb = -limbs[i] - borrow;
                    borrow = limb < 0 ? int256(1) : int256(0);
                    limbs[i] = limb & int256(uint256(type(uint128).max));
                }
                limbs[3] = -limbs[3] - borrow;
            }
            return _rounded(limbs, negative, divisor);
        }
    }

    /// @dev Divides limb by limb. The lowest limb's unit lies 150 places below the half of the least subnormal, so that
    /// what is left after the division only decides whether the quotient is exact.
    function _rounded(int256[4] memory limbs, uint256 negative, uint256 divisor) private pure returns (uint256) {
        unchecked {
            uint256 rest = 0;
            for (uint256 i = 4; i-- > 0;) {
                uint256 limb = (rest << 128) | uint256(limbs[i]);
                limbs[i] = int256(limb / divisor);
                rest = limb % divisor;
            }
            uint256 top = 3;
            while (top > 0 && limbs[top] == 0) --top;
            int256 exponent = UNIT + 128 * int256(top);
            uint256 mantissa = uint256(limbs[top]);
            bool inexact = rest != 0;
            // Two limbs in one word where the upper one has room: together they have more bits than a rounding looks at.
            if (top > 0 && mantissa >> 127 == 0) {
                --top;
                exponent -= 128;
                mantissa = (mantissa << 128) | uint256(limbs[top]);
            }
            while (top > 0) inexact = limbs[--top] != 0 || inexact;
            if (mantissa == 0 && !inexact) return 0;
            return Float32.round(negative, mantissa, exponent, inexact);
        }
    }
}

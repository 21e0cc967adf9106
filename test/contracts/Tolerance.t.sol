// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Tolerance} from "../../contracts/libraries/Tolerance.sol";

contract ToleranceTest {
    uint256 private constant ONE = 0x3f800000;

    function _check(uint256 posted, uint256 canonical, uint256 deltaA, uint256 deltaR, bool expected) private pure {
        require(Tolerance.holds(posted, canonical, deltaA, deltaR) == expected, "tolerance");
    }

    function test_theBoundIsInclusiveAndExact() external pure {
        _check(ONE + 1, ONE, 0x34000000, 0, true); // 2^-23 apart
        _check(ONE + 1, ONE, 0x33ffffff, 0, false);
        _check(ONE + 1, ONE, 0, 0x34000000, true);
        _check(0xbf800000, ONE, 0x40000000, 0, true); // -1 and 1 are 2 apart
        _check(0xbf800000, ONE, 0x3fffffff, 0, false);
        _check(1, 0, 1, 0, true); // subnormals
        _check(2, 0, 1, 0, false);
        _check(0x7f7fffff, 0xff7fffff, 0x7f7fffff, ONE, true); // twice the largest number apart
        _check(0x7f7fffff, 0xff7fffff, 0x7f7fffff, ONE - 1, false);
    }

    function test_zeroToleranceAsksForTheSameValue() external pure {
        _check(ONE, ONE, 0, 0, true);
        _check(ONE + 1, ONE, 0, 0, false);
        _check(0x80000000, 0, 0, 0, true); // -0 and +0 are the same value
    }

    function test_A24_nanAndInfinitiesArePostedAsTheyAre() external pure {
        uint256 largest = 0x7f7fffff;
        _check(0x7fc00000, 0x7fc00000, 0, 0, true);
        _check(0xffffffff, 0x7fc00000, 0, 0, true);
        _check(ONE, 0x7fc00000, largest, largest, false);
        _check(0x7fc00000, ONE, largest, largest, false);
        _check(0x7f800000, 0x7f800000, 0, 0, true);
        _check(0xff800000, 0x7f800000, largest, largest, false);
        _check(largest, 0x7f800000, largest, largest, false);
        _check(0x7f800000, largest, largest, largest, false);
    }

    // ----------------------------------------------------------------------------------------------- choices

    function _checkTie(
        uint256 posted,
        uint256 best,
        uint256 deltaA,
        uint256 deltaR,
        bool greatest,
        bool tie
    ) private pure {
        require(Tolerance.isNearTie(posted, best, deltaA, deltaR, greatest) == tie, "near tie");
    }

    function test_aChoiceMayBeTwiceTheToleranceWorse() external pure {
        _checkTie(ONE, ONE, 0, 0, true, true);
        _checkTie(ONE - 1, ONE, 0, 0, true, false);
        _checkTie(ONE - 1, ONE, 0x33000000, 0, true, true); // 2^-24 apart, and twice 2^-25
        _checkTie(ONE - 1, ONE, 0x32ffffff, 0, true, false);
        _checkTie(ONE - 1, ONE, 0, 0x33000000, true, true);
        _checkTie(0, 0xc0000000, 0, 0x3f000000, false, true); // 0 is twice |-2| / 2 above the smallest
        _checkTie(1, 0xc0000000, 0, 0x3f000000, false, false);
        _checkTie(0xbf800000, ONE, 0x3f800000, 0, true, true); // -1 and 1
        _checkTie(0xbf800001, ONE, 0x3f800000, 0, true, false);
        _checkTie(ONE, 0xbf800000, 0x3f800000, 0, false, true);
        _checkTie(0xff7fffff, 0x7f7fffff, 0x7f7fffff, 0, true, true); // twice the largest number apart
        _checkTie(0x80000000, 0, 0, 0, true, true);
    }

    function test_aBetterChoiceIsRight() external pure {
        _checkTie(0x40000000, ONE, 0, 0, true, true);
        _checkTie(0, ONE, 0, 0, false, true);
    }

    function test_A24_nanAndInfinitiesTieWithNothingElse() external pure {
        uint256 largest = 0x7f7fffff;
        _checkTie(0x7fc00000, 0x7fc00000, largest, largest, true, false);
        _checkTie(ONE, 0x7fc00000, largest, largest, true, false);
        _checkTie(0x7fc00000, ONE, largest, largest, false, false);
        _checkTie(0x7f800000, 0x7f800000, 0, 0, true, true);
        _checkTie(largest, 0x7f800000, largest, largest, true, false);
        _checkTie(0xff800000, ONE, largest, largest, true, false);
    }
}

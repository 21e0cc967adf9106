// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {ExactSum} from "./ExactSum.sol";
import {Float32} from "./Float32.sol";

/// @title When a posted number is right: |y - y*| <= deltaAbsolute + deltaRelative · |y*|
library Tolerance {
    /// @param posted Bits of y. @param canonical Bits of y*.
    /// @param deltaAbsolute Bits of a non-negative finite number; `deltaRelative` likewise.
    /// @return Whether the inequality holds for the exact real values. A canonical NaN or infinity must be posted as it is
    /// (any NaN will do), and nothing else may be posted as one.
    function holds(
        uint256 posted,
        uint256 canonical,
        uint256 deltaAbsolute,
        uint256 deltaRelative
    ) internal pure returns (bool) {
        if (Float32.isNaN(canonical) || Float32.isNaN(posted)) return Float32.isNaN(canonical) && Float32.isNaN(posted);
        if (Float32.isInfinite(canonical) || Float32.isInfinite(posted)) return canonical == posted;
        (uint256 high, uint256 low) = Float32.less(posted, canonical) ? (canonical, posted) : (posted, canonical);
        ExactSum.Sum memory slack;
        _addTolerance(slack, canonical, deltaAbsolute, deltaRelative);
        return _holdsDistance(slack, low, high);
    }

    /// @notice When another choice among scores is right: its score is at most twice the tolerance worse than the best one.
    /// @param posted Bits of the other choice's score. @param best Bits of the canonical choice's.
    /// @param greatest Whether the best score is the greatest one, not the smallest.
    /// @return Whether the inequality holds for the exact real values. With a NaN among the two there is no tie; an infinite score
    /// ties with itself alone.
    function isNearTie(
        uint256 posted,
        uint256 best,
        uint256 deltaAbsolute,
        uint256 deltaRelative,
        bool greatest
    ) internal pure returns (bool) {
        if (Float32.isNaN(posted) || Float32.isNaN(best)) return false;
        if (Float32.isInfinite(posted) || Float32.isInfinite(best)) return posted == best;
        ExactSum.Sum memory slack;
        _addTolerance(slack, best, deltaAbsolute, deltaRelative);
        _addTolerance(slack, best, deltaAbsolute, deltaRelative);
        return greatest ? _holdsDistance(slack, posted, best) : _holdsDistance(slack, best, posted);
    }

    function _addTolerance(
        ExactSum.Sum memory slack,
        uint256 canonical,
        uint256 deltaAbsolute,
        uint256 deltaRelative
    ) private pure {
        ExactSum.addProduct(slack, deltaAbsolute, Float32.ONE);
        ExactSum.addProduct(slack, deltaRelative, Float32.abs(canonical));
    }

    /// @return Whether high - low <= slack. Uses `slack` up.
    function _holdsDistance(ExactSum.Sum memory slack, uint256 low, uint256 high) private pure returns (bool) {
        ExactSum.addProduct(slack, high, Float32.ONE | Float32.SIGN);
        ExactSum.addProduct(slack, low, Float32.ONE);
        // The rounding keeps the sign of every sum that isn't zero, and gives +0 for zero.
        return ExactSum.result(slack, 1) >> 31 == 0;
    }
}

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
        ExactSum.addProduct(slack, deltaAbsolute, Float32.ONE);
        ExactSum.addProduct(slack, deltaRelative, Float32.abs(canonical));
        ExactSum.addProduct(slack, high, Float32.ONE | Float32.SIGN);
        ExactSum.addProduct(slack, low, Float32.ONE);
        // The rounding keeps the sign of every sum that isn't zero, and gives +0 for zero.
        return ExactSum.result(slack, 1) >> 31 == 0;
    }
}

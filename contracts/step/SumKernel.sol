// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {ExactSum} from "../libraries/ExactSum.sol";

/// @title Exact sums of products, behind one call
/// @dev On its own so that the loop's variables have the stack to themselves: inside a larger contract the compiler spills
/// them to memory, and a pair costs half as much again.
contract SumKernel {
    using ExactSum for ExactSum.Sum;

    /// @param words Little-endian words: all the x, then as many y.
    /// @return Σ x·y, exactly.
    function dot(bytes calldata words) external pure returns (ExactSum.Sum memory) {
        ExactSum.Sum memory sum;
        uint256 x;
        assembly ("memory-safe") {
            x := mload(0x40)
            calldatacopy(x, words.offset, words.length)
            mstore(0x40, add(x, and(add(words.length, 63), not(31))))
        }
        sum.addProducts(x, x + words.length / 2, words.length / 8);
        return sum;
    }
}

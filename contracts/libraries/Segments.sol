// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

/// @title How a long reduction is cut into segments that one transaction can recompute
/// @notice All but the last are of one length; `oracle/core/dispute/segments.ts` cuts alike.
library Segments {
    uint256 internal constant MAXIMUM = 32;
    /// @dev Elements of a segment, doubled until there are few enough of them.
    uint256 private constant LENGTH = 256;

    /// @param total Elements of the whole reduction.
    function lengthOf(uint256 total) internal pure returns (uint256 length) {
        length = LENGTH;
        while (total > MAXIMUM * length) length *= 2;
    }

    /// @return hash What stands for the states at the segments' ends where these are kept.
    function hashOf(uint256[6][] calldata states) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := mul(states.length, 192)
            calldatacopy(free, states.offset, size)
            hash := keccak256(free, size)
        }
    }

    /// @return count How many segments there are; a reduction of no element is one.
    function countOf(uint256 total) internal pure returns (uint256 count) {
        uint256 length = lengthOf(total);
        count = (total + length - 1) / length;
        if (count == 0) count = 1;
    }
}

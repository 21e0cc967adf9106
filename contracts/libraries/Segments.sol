// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IDisputeGame} from "../interfaces/IDisputeGame.sol";

/// @title How a long reduction is cut into segments, these into segments of their own, down to what one transaction can recompute
/// @notice A *path* names one of them: 1 is the whole reduction, and the segment with number i of what a path names is 32 · path + i.
/// States are six words of 256 bits, one behind the other. `oracle/core/dispute/segments.ts` is the same in TypeScript.
library Segments {
    uint256 internal constant WHOLE = 1;
    uint256 internal constant STATE_BYTES = 192;
    /// @dev What is shown of `MAXIMUM` segments: the state before the first, and those at their ends.
    uint256 internal constant MOST_BYTES = (MAXIMUM + 1) * STATE_BYTES;
    uint256 private constant MAXIMUM = 32;
    uint256 private constant PATH_BITS = 5;
    /// @dev Segments of a reduction of 2^38 elements, the largest that a program may have, are cut eight times, so that the longest
    /// path has seven segments behind the whole (docs/canonical.md, §7).
    uint256 private constant DEEPEST = 7 * PATH_BITS;

    // ------------------------------------------------------------------------------------------------- lengths

    /// @param total Elements of what is cut, at least 1.
    /// @return length Elements of every segment but the last.
    function lengthOf(uint256 total) internal pure returns (uint256 length) {
        length =
            total > 256
                ? 256
                : total > 8
                    ? 8
                    : 1;
        while (total > MAXIMUM * length) length *= 2;
    }

    /// @param total Elements of the whole reduction.
    /// @return from Position of the first element of what the path names; `to` is the one behind its last. They are equal where there
    /// is no such segment.
    function rangeOf(uint256 path, uint256 total) internal pure returns (uint256 from, uint256 to) {
        uint256 shift = DEEPEST;
        while (path >> shift == 0) shift -= PATH_BITS;
        to = total;
        while (shift != 0 && from < to) {
            shift -= PATH_BITS;
            uint256 length = lengthOf(to - from);
            from += length * ((path >> shift) % MAXIMUM);
            if (from + length < to) to = from + length;
        }
        if (from > to) from = to;
    }

    // ---------------------------------------------------------------------------------------------- what is shown

    /// @return A number that no other segment of no other word of the trace has.
    function keyOf(uint256 leaf, uint256 word, uint256 path) internal pure returns (uint256) {
        return (path << 38) | (leaf << 6) | word;
    }

    /// @notice What stands for the two ends of a whole reduction: nothing before it, and its word after it.
    function frameOf(uint256 word) internal pure returns (bytes32 frame) {
        uint256[12] memory states;
        states[6] = word;
        assembly ("memory-safe") {
            frame := keccak256(states, 384)
        }
    }

    /// @return frame What stands for the first and the last of some states. Bytes that are no two states may give any: there are too few.
    function frameAround(bytes calldata states) internal pure returns (bytes32 frame) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, states.offset, 192)
            calldatacopy(add(free, 192), add(states.offset, sub(states.length, 192)), 192)
            frame := keccak256(free, 384)
        }
    }

    /// @return frame What stands for the ends of one segment of what the path names.
    /// @return below That segment's path.
    /// @param states What was shown of the path. A single segment is not picked: it has one element, or there are too few states.
    function pick(
        bytes calldata states,
        uint256 path,
        uint256 index
    ) internal pure returns (bytes32 frame, uint256 below) {
        unchecked {
            uint256 count = path >> DEEPEST == 0 ? states.length / STATE_BYTES : 0;
            if (count < 3 || index > count - 2) revert IDisputeGame.SegmentOutOfRange(index, count);
            below = path * MAXIMUM + index;
        }
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, add(states.offset, mul(index, 192)), 384)
            frame := keccak256(free, 384)
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Opening} from "../interfaces/IStepVerifier.sol";

/// @title Words that have been proven to lie in a tree
/// @dev The tree is that of docs/commitments.md; several runs of leaves are proven at once.
library Openings {
    /// @notice The opened words of one space.
    struct Words {
        /// @dev For each run, in increasing order: first word, the word after the last one, memory address of the first
        /// (little-endian words, one after the other), in 64 bits each from the top.
        uint256[] runs;
        /// @dev The run that was found last.
        uint256 hint;
        /// @dev Words from here on must not be read.
        uint256 limit;
    }

    uint256 private constant LEAF_BYTES = 256;
    uint256 private constant LEAF_WORDS = 64;

    error OpeningRangesInvalid(uint256 index);
    error OpeningLengthMismatch(uint256 leaves, uint256 bytesGiven);
    error OpeningSiblingsMismatch(uint256 given, uint256 used);
    error OpeningMismatch(bytes32 expected, bytes32 actual);
    error WordNotOpened(uint256 first, uint256 count);
    error WordOutside(int256 first, uint256 count, uint256 limit);

    /// @param leafCount Leaves of the whole tree.
    /// @return words The opened words; none where nothing is opened.
    /// @return top The top of the tree that holds them; zero where nothing is opened.
    function open(Opening calldata opening, uint256 leafCount) internal pure returns (Words memory words, bytes32 top) {
        uint256 runCount = opening.ranges.length / 8;
        if (runCount == 0) return (words, 0);
        words.runs = new uint256[](runCount);
        uint256 data = _load(opening.leaves);
        uint256 total = opening.leaves.length / LEAF_BYTES;
        uint256[] memory indices = new uint256[](total);
        bytes32[] memory hashes = new bytes32[](total);
        uint256 filled = 0;
        uint256 free = 0;
        unchecked {
            for (uint256 i = 0; i < runCount; ++i) {
                uint256 first = uint32(bytes4(opening.ranges[8 * i:8 * i + 4]));
                uint256 count = uint32(bytes4(opening.ranges[8 * i + 4:8 * i + 8]));
                // A run that touches the one before it would hide a word at the seam from contiguous reads.
                if (count == 0 || first < free || first + count > leafCount) revert OpeningRangesInvalid(i);
                if (filled + count > total) revert OpeningLengthMismatch(filled + count, opening.leaves.length);
                words.runs[i] =
                    ((first * LEAF_WORDS) << 128) |
                    (((first + count) * LEAF_WORDS) << 64) |
                    (data + filled * LEAF_BYTES);
                _hashLeaves(indices, hashes, filled, first, count, data);
                filled += count;
                free = first + count + 1;
            }
        }
        if (filled * LEAF_BYTES != opening.leaves.length || opening.ranges.length % 8 != 0) {
            revert OpeningLengthMismatch(filled, opening.leaves.length);
        }
        top = fold(indices, hashes, leafCount, opening.siblings);
        words.limit = leafCount * LEAF_WORDS;
    }

    /// @notice Folds some nodes of the lowest level up to the top. Uses up both arrays.
    /// @param indices Strictly increasing, below `width`.
    /// @param width How many nodes the lowest level has.
    function fold(
        uint256[] memory indices,
        bytes32[] memory hashes,
        uint256 width,
        bytes32[] calldata siblings
    ) internal pure returns (bytes32 top) {
        uint256 used = 0;
        assembly ("memory-safe") {
            let preimage := mload(0x40)
            mstore8(preimage, 1)
            let sibling := siblings.offset
            let last := add(add(indices, 32), shl(5, mload(indices)))
            // From an index to its hash.
            let apart := sub(hashes, indices)
            for {} gt(width, 1) {} {
                let kept := add(indices, 32)
                for {
                    let from := add(indices, 32)
                } lt(from, last) {} {
                    let index := mload(from)
                    let hash := mload(add(from, apart))
                    from := add(from, 32)
                    switch and(index, 1)
                    case 0 {
                        mstore(add(preimage, 1), hash)
                        switch and(lt(from, last), eq(mload(from), add(index, 1)))
                        case 1 {
                            mstore(add(preimage, 33), mload(add(from, apart)))
                            from := add(from, 32)
                        }
                        default {
                            // An absent subtree stands as zero. What lies behind calldata reads as zero, too; the number of
                            // siblings is compared below.
                            let present := lt(add(index, 1), width)
                            mstore(add(preimage, 33), mul(present, calldataload(sibling)))
                            sibling := add(sibling, shl(5, present))
                        }
                    }
                    default {
                        mstore(add(preimage, 1), calldataload(sibling))
                        mstore(add(preimage, 33), hash)
                        sibling := add(sibling, 32)
                    }
                    mstore(kept, shr(1, index))
                    mstore(add(kept, apart), keccak256(preimage, 65))
                    kept := add(kept, 32)
                }
                last := kept
                width := shr(1, add(width, 1))
            }
            top := mload(add(hashes, 32))
            used := shr(5, sub(sibling, siblings.offset))
        }
        if (used != siblings.length) revert OpeningSiblingsMismatch(siblings.length, used);
    }

    /// @return from Memory address of `count` little-endian words, the first of which is word `first` of the space.
    /// @dev They must lie in one run.
    function locate(Words memory words, int256 first, uint256 count) internal pure returns (uint256 from) {
        if (first < 0 || uint256(first) + count > words.limit) revert WordOutside(first, count, words.limit);
        uint256 start = uint256(first);
        uint256[] memory runs = words.runs;
        unchecked {
            uint256 low = words.hint;
            if (low < runs.length && _holds(runs[low], start, count)) return _address(runs[low], start);
            low = 0;
            uint256 high = runs.length;
            while (low < high) {
                uint256 middle = (low + high) / 2;
                if (start < uint64(runs[middle] >> 64)) high = middle;
                else low = middle + 1;
            }
            if (low == runs.length || !_holds(runs[low], start, count)) revert WordNotOpened(start, count);
            words.hint = low;
            return _address(runs[low], start);
        }
    }

    function _holds(uint256 run, uint256 first, uint256 count) private pure returns (bool) {
        unchecked {
            return first >= run >> 128 && first + count <= uint64(run >> 64);
        }
    }

    function _address(uint256 run, uint256 first) private pure returns (uint256) {
        unchecked {
            return uint64(run) + 4 * (first - (run >> 128));
        }
    }

    /// @return data Memory address of a copy, with 32 bytes of memory before it and after it.
    function _load(bytes calldata source) private pure returns (uint256 data) {
        assembly ("memory-safe") {
            data := add(mload(0x40), 32)
            calldatacopy(data, source.offset, source.length)
            mstore(0x40, add(data, and(add(source.length, 63), not(31))))
        }
    }

    /// @dev Writes numbers and hashes of `count` leaves behind the first `filled` ones.
    function _hashLeaves(
        uint256[] memory indices,
        bytes32[] memory hashes,
        uint256 filled,
        uint256 first,
        uint256 count,
        uint256 data
    ) private pure {
        assembly ("memory-safe") {
            let index := add(add(indices, 32), shl(5, filled))
            let hash := add(add(hashes, 32), shl(5, filled))
            let leaf := add(data, shl(8, filled))
            for {
                let end := add(leaf, shl(8, count))
            } lt(leaf, end) {
                leaf := add(leaf, 256)
            } {
                mstore(index, first)
                // The byte before the leaf is lent to the hash's domain.
                let before := mload(sub(leaf, 32))
                mstore8(sub(leaf, 1), 0)
                mstore(hash, keccak256(sub(leaf, 1), 257))
                mstore(sub(leaf, 32), before)
                first := add(first, 1)
                index := add(index, 32)
                hash := add(hash, 32)
            }
        }
    }
}

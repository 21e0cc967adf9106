// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {TensorLib} from "./TensorLib.sol";

/// @title The one way in which Assay commits to words: a binary Merkle tree over leaves of 64 words of 32 bits
/// @dev Written down in docs/commitments.md; `oracle/core/traceTree.ts` is the same in TypeScript, and both pass
/// test/vectors/commitments.json. The first byte of every preimage keeps leaves, nodes, tensors and bundles apart.
library TraceTree {
    uint256 internal constant LEAF_BYTES = 256;

    error TreeLeafLength(uint256 length, uint256 maximum);
    error TreeIndexOutOfRange(uint256 index, uint256 leafCount);
    error TreeProofLength(uint256 expected, uint256 actual);
    error TreeAbsentSibling(uint256 level);

    /// @param words Little-endian 32-bit words, at most 64; the rest of the leaf is zeros.
    function leafHash(bytes calldata words) internal pure returns (bytes32) {
        if (words.length > LEAF_BYTES) revert TreeLeafLength(words.length, LEAF_BYTES);
        return keccak256(bytes.concat(hex"00", words, new bytes(LEAF_BYTES - words.length)));
    }

    function nodeHash(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"01", left, right));
    }

    /// @param data Little-endian 32-bit words; zeros fill the last leaf.
    /// @return result The top of the tree over them; zero where there are none.
    function top(bytes calldata data) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            let count := shr(8, add(data.length, 255))
            if count {
                let preimage := mload(0x40)
                let hashes := add(preimage, 0x140)
                let last := sub(count, 1)
                mstore8(preimage, 0)
                for {
                    let i := 0
                } lt(i, last) {
                    i := add(i, 1)
                } {
                    calldatacopy(add(preimage, 1), add(data.offset, shl(8, i)), 256)
                    mstore(add(hashes, shl(5, i)), keccak256(preimage, 257))
                }
                // What lies behind the end of calldata reads as zeros.
                calldatacopy(add(preimage, 1), calldatasize(), 256)
                calldatacopy(add(preimage, 1), add(data.offset, shl(8, last)), sub(data.length, shl(8, last)))
                mstore(add(hashes, shl(5, last)), keccak256(preimage, 257))

                mstore8(preimage, 1)
                for {} gt(count, 1) {} {
                    let half := shr(1, add(count, 1))
                    for {
                        let i := 0
                    } lt(i, half) {
                        i := add(i, 1)
                    } {
                        let left := add(hashes, shl(6, i))
                        mstore(add(preimage, 1), mload(left))
                        mstore(add(preimage, 33), 0)
                        if lt(add(shl(1, i), 1), count) {
                            mstore(add(preimage, 33), mload(add(left, 32)))
                        }
                        mstore(add(hashes, shl(5, i)), keccak256(preimage, 65))
                    }
                    count := half
                }
                result := mload(hashes)
            }
        }
    }

    /// @notice What a request's `inputRoot` and an answer's `outputRoot` are, from the bytes alone.
    /// @dev Reverts where the bytes are no bundle (docs/commitments.md), so equal roots mean equal bytes.
    function bundleRoot(bytes calldata bundle) internal pure returns (bytes32 root) {
        uint256 count = TensorLib.tensorCount(bundle);
        uint256 preimage;
        assembly ("memory-safe") {
            preimage := mload(0x40)
            mstore(0x40, add(preimage, and(add(shl(5, count), 0x41), not(0x1f))))
            mstore8(preimage, 3)
            mstore8(add(preimage, 1), count)
        }
        uint256 offset = 1;
        for (uint256 i = 0; i < count;) {
            (, uint256 rank, uint256 start, uint256 length, uint256 end) = TensorLib.next(bundle, offset);
            bytes calldata data;
            assembly ("memory-safe") {
                data.offset := add(bundle.offset, start)
                data.length := length
            }
            bytes32 tensorTop = top(data);
            assembly ("memory-safe") {
                let header := mload(0x40)
                length := add(2, shl(2, rank))
                mstore8(header, 2)
                calldatacopy(add(header, 1), add(bundle.offset, offset), length)
                mstore(add(add(header, 1), length), tensorTop)
                mstore(add(add(preimage, 2), shl(5, i)), keccak256(header, add(33, length)))
                i := add(i, 1)
            }
            offset = end;
        }
        if (offset != bundle.length) revert TensorLib.TensorBytesTrailing(bundle.length - offset);
        assembly ("memory-safe") {
            root := keccak256(preimage, add(2, shl(5, count)))
        }
    }

    /// @return root A tensor's root, from its type, its shape and the top of the tree over its data.
    function tensorRoot(uint8 dtype, uint32[] memory shape, bytes32 tensorTop) internal pure returns (bytes32 root) {
        bytes memory header = abi.encodePacked(hex"02", dtype, uint8(shape.length));
        for (uint256 i = 0; i < shape.length; ++i) {
            uint32 d = shape[i];
            header = bytes.concat(
                header,
                bytes1(uint8(d)),
                bytes1(uint8(d >> 8)),
                bytes1(uint8(d >> 16)),
                bytes1(uint8(d >> 24))
            );
        }
        return keccak256(bytes.concat(header, tensorTop));
    }

    /// @notice Folds an opening of one leaf (or of one node, `leafCount` then counting the nodes of its level).
    /// @param hash The opened leaf's hash.
    /// @param proof Its siblings from the bottom up, one for each level; zero for one that holds no leaf.
    /// @return The top that the opening proves; compare it with the one that was committed to.
    function topOf(
        bytes32 hash,
        uint256 leafCount,
        uint256 index,
        bytes32[] calldata proof
    ) internal pure returns (bytes32) {
        uint256 depth = depthOf(leafCount);
        if (proof.length != depth) revert TreeProofLength(depth, proof.length);
        return ancestorOf(hash, leafCount, index, proof);
    }

    /// @notice Folds an opening part of the way up.
    /// @param hash A node's hash. @param width How many nodes of its height hold a leaf. @param index Its position among them.
    /// @param siblings One for each level up to the ancestor, lowest first; zero for one that holds no leaf.
    /// @return The hash of the ancestor `siblings.length` levels above.
    function ancestorOf(
        bytes32 hash,
        uint256 width,
        uint256 index,
        bytes32[] calldata siblings
    ) internal pure returns (bytes32) {
        if (index >= width) revert TreeIndexOutOfRange(index, width);
        for (uint256 level = 0; level < siblings.length; ++level) {
            bytes32 sibling = siblings[level];
            if (index ^ 1 >= width && sibling != 0) revert TreeAbsentSibling(level);
            hash = index & 1 == 0 ? nodeHash(hash, sibling) : nodeHash(sibling, hash);
            index >>= 1;
            width = (width + 1) / 2;
        }
        return hash;
    }

    /// @param nodes The hashes of all the node's descendants `levels` below it that hold a leaf, 32 bytes each, at least one.
    /// @return ancestor The node's hash.
    function ancestorOfAll(bytes calldata nodes, uint256 levels) internal pure returns (bytes32 ancestor) {
        assembly ("memory-safe") {
            let count := shr(5, nodes.length)
            let preimage := mload(0x40)
            mstore8(preimage, 1)
            let row := add(preimage, 0x60)
            calldatacopy(row, nodes.offset, shl(5, count))
            for {} levels {
                levels := sub(levels, 1)
            } {
                // The one after the last is absent.
                mstore(add(row, shl(5, count)), 0)
                count := shr(1, add(count, 1))
                for {
                    let to := row
                    let end := add(row, shl(5, count))
                    let from := row
                } lt(to, end) {
                    to := add(to, 32)
                    from := add(from, 64)
                } {
                    mcopy(add(preimage, 1), from, 64)
                    mstore(to, keccak256(preimage, 65))
                }
            }
            ancestor := mload(row)
        }
    }

    /// @return depth The number of levels above `leafCount` leaves.
    function depthOf(uint256 leafCount) internal pure returns (uint256 depth) {
        for (uint256 width = leafCount; width > 1; width = (width + 1) / 2) ++depth;
    }
}

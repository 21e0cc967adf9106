// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {ChunkOpening, IPublications} from "../interfaces/IPublications.sol";
import {ProgramHeader} from "./ProgramHeader.sol";
import {TensorLib} from "./TensorLib.sol";
import {TraceTree} from "./TraceTree.sol";

/// @title The pieces that a bundle is published in
/// @notice A chunk is a subtree of 256 leaves of one tensor's tree, or what the tensor's last one holds. Chunks are numbered through all
/// tensors of the bundle; `oracle/core/chunks.ts` cuts alike.
library Chunks {
    uint256 internal constant BYTES = 65_536;
    uint256 private constant HEIGHT = 8;

    /// @notice Where a chunk lies.
    struct Place {
        /// @dev Its tensor: type, shape, and number in the bundle.
        ProgramHeader.Tensor tensor;
        uint256 index;
        /// @dev Its number among the tensor's chunks, and how many bytes the tensor has.
        uint256 chunk;
        uint256 size;
    }

    /// @notice Reverts unless `data` are the chunk's bytes, under `root`.
    /// @dev The bytes' number is exact and what fills the last leaf is zero, so that a root which no bundle has can't be published.
    /// @param root The bundle's. @param isOutput Whether it is the program's outputs that it holds, or its inputs.
    /// @param opening Its header has been checked.
    function check(
        bytes32 root,
        bool isOutput,
        uint256 chunk,
        ChunkOpening calldata opening,
        bytes calldata data
    ) internal pure {
        Place memory place = _placeOf(opening.header, isOutput, chunk);
        uint256 tensors =
            isOutput ? ProgramHeader.outputCount(opening.header) : ProgramHeader.inputCount(opening.header);
        _checkTensor(root, tensors, place, opening);
        uint256 length = place.size - place.chunk * BYTES;
        if (length > BYTES) length = BYTES;
        if (data.length != length) revert IPublications.ChunkLength(length, data.length);
        uint256 count = _chunks(place.size);
        bytes32 actual = TraceTree.topOf(_nodeOf(data, count > 1), count, place.chunk, opening.siblings);
        if (actual != opening.tensorTop) revert IPublications.ChunkInvalid(opening.tensorTop, actual);
    }

    function _checkTensor(
        bytes32 root,
        uint256 tensors,
        Place memory place,
        ChunkOpening calldata opening
    ) private pure {
        bytes32[] memory roots = opening.tensorRoots;
        bytes32 actual = keccak256(abi.encodePacked(hex"03", uint8(tensors), roots));
        if (actual != root || roots.length != tensors) revert IPublications.ChunkInvalid(root, actual);
        actual = TraceTree.tensorRoot(place.tensor.dtype, place.tensor.shape, opening.tensorTop);
        if (actual != roots[place.index]) revert IPublications.ChunkInvalid(roots[place.index], actual);
    }

    function _placeOf(bytes calldata header, bool isOutput, uint256 chunk) private pure returns (Place memory place) {
        while (true) {
            place.tensor =
                isOutput ? ProgramHeader.output(header, place.index) : ProgramHeader.input(header, place.index);
            place.size = place.tensor.count * TensorLib.elementSize(place.tensor.dtype);
            uint256 count = _chunks(place.size);
            if (chunk < count) break;
            chunk -= count;
            ++place.index;
        }
        place.chunk = chunk;
    }

    /// @param lifted Whether the chunk is one of several: then its node lies `HEIGHT` levels above the leaves, however few it holds.
    function _nodeOf(bytes calldata data, bool lifted) private pure returns (bytes32 node) {
        node = TraceTree.top(data);
        if (!lifted) return node;
        uint256 leaves = (data.length + TraceTree.LEAF_BYTES - 1) / TraceTree.LEAF_BYTES;
        for (uint256 height = TraceTree.depthOf(leaves); height < HEIGHT; ++height) {
            node = TraceTree.nodeHash(node, 0);
        }
    }

    function _chunks(uint256 size) private pure returns (uint256) {
        return (size + BYTES - 1) / BYTES;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {ProgramHeader} from "./ProgramHeader.sol";
import {TensorLib} from "./TensorLib.sol";
import {Tolerance} from "./Tolerance.sol";
import {TraceTree} from "./TraceTree.sol";

/// @title What an operator must show to defend an answer
/// @notice That the disputed element of its answer lies within tolerance of the same element of its trace. Whether the trace
/// is the canonical one is what the rest of the dispute is about.
library Defence {
    /// @notice What is disputed.
    struct Target {
        bytes32 programRoot;
        bytes32 outputRoot;
        uint256 tensor;
        uint256 element;
        /// @dev The model's tolerance for this output, as binary32 bits.
        uint32 deltaAbsolute;
        uint32 deltaRelative;
    }

    /// @notice The element as it was posted, opened under the answer's root.
    struct Posted {
        /// @dev Roots of all the answer's tensors.
        bytes32[] tensorRoots;
        /// @dev Top of the tree over the disputed tensor.
        bytes32 tensorTop;
        /// @dev The leaf that holds the element (256 bytes), and its siblings, lowest first.
        bytes leaf;
        bytes32[] siblings;
    }

    /// @notice The same element of the operator's trace.
    struct Canonical {
        bytes header;
        bytes32 instructionsTop;
        bytes32 traceTop;
        bytes leaf;
        bytes32[] siblings;
        /// @dev Where the element is the number of a choice and another one was posted: what `IStepVerifier.isNearTie` takes to
        /// compare their scores. Otherwise empty.
        bytes choice;
    }

    /// @notice What a defence shows.
    struct Found {
        /// @dev Leaves of the program's trace, and the number of the element's word in it.
        uint32 leafCount;
        uint256 word;
        /// @dev The element as it was posted, and the trace's word.
        uint256 posted;
        uint256 canonical;
        /// @dev Whether the one lies within tolerance of the other.
        bool right;
        /// @dev Whether the element's type is one that choices are posted in.
        bool choosable;
    }

    error DefenceTensorCount(uint256 expected, uint256 actual);
    error DefenceOutputMismatch(bytes32 expected, bytes32 actual);
    error DefenceTensorMismatch(bytes32 expected, bytes32 actual);
    error DefenceOpeningMismatch(bytes32 expected, bytes32 actual);
    /// @dev No bundle has such a root: what fills the last leaf is zero.
    error DefencePaddingNotZero(uint256 offset);
    error DefenceOutsideTolerance(uint256 posted, uint256 canonical);

    /// @dev Reverts where either element is not what it is said to be.
    function check(
        Target memory target,
        Posted calldata posted,
        Canonical calldata canonical
    ) internal pure returns (Found memory found) {
        ProgramHeader.check(target.programRoot, canonical.instructionsTop, canonical.header);
        ProgramHeader.Tensor memory tensor = ProgramHeader.output(canonical.header, target.tensor);
        uint256 outputs = ProgramHeader.outputCount(canonical.header);
        if (posted.tensorRoots.length != outputs) revert DefenceTensorCount(outputs, posted.tensorRoots.length);
        found.posted = _openPosted(target, tensor, posted);
        (, uint256 leaves, ) = ProgramHeader.sizes(canonical.header);
        found.leafCount = uint32(leaves);
        found.word = tensor.offset + target.element;
        _checkLeaf(canonical.leaf, leaves, found.word / 64, canonical.siblings, canonical.traceTop);
        found.canonical = wordAt(canonical.leaf, found.word % 64);
        found.right = _isRight(target, tensor.dtype, found.posted, found.canonical);
        found.choosable = tensor.dtype == TensorLib.INT32 || tensor.dtype == TensorLib.INT64;
    }

    /// @return Word `index` of a leaf, which is little-endian.
    function wordAt(bytes calldata leaf, uint256 index) internal pure returns (uint256) {
        return TensorLib.littleEndian(leaf, 4 * index, 4);
    }

    /// @notice The trace's root from its top (docs/canonical.md §6).
    function traceRoot(uint32 leafCount, bytes32 top) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encodePacked(
                    hex"04",
                    uint8(leafCount),
                    uint8(leafCount >> 8),
                    uint8(leafCount >> 16),
                    uint8(leafCount >> 24),
                    top
                )
            );
    }

    /// @dev Fails where the answer has not the shape that the program gives: such an answer can't be defended.
    function _openPosted(
        Target memory target,
        ProgramHeader.Tensor memory tensor,
        Posted calldata posted
    ) private pure returns (uint256) {
        bytes32 outputRoot = keccak256(abi.encodePacked(hex"03", uint8(posted.tensorRoots.length), posted.tensorRoots));
        if (outputRoot != target.outputRoot) {
            revert DefenceOutputMismatch(target.outputRoot, outputRoot);
        }
        bytes32 tensorRoot = TraceTree.tensorRoot(tensor.dtype, tensor.shape, posted.tensorTop);
        if (tensorRoot != posted.tensorRoots[target.tensor]) {
            revert DefenceTensorMismatch(posted.tensorRoots[target.tensor], tensorRoot);
        }
        uint256 size = TensorLib.elementSize(tensor.dtype);
        uint256 length = tensor.count * size;
        uint256 leaves = (length + TraceTree.LEAF_BYTES - 1) / TraceTree.LEAF_BYTES;
        uint256 byteOffset = target.element * size;
        uint256 leaf = byteOffset / TraceTree.LEAF_BYTES;
        _checkLeaf(posted.leaf, leaves, leaf, posted.siblings, posted.tensorTop);
        // INVARIANT: a root that no bundle has can't be defended at its last element: not where its last leaf holds more than that
        // tensor, and not where its tree holds more than that leaf (`TraceTree.ancestorOf`).
        if (leaf + 1 == leaves && !TensorLib.isZero(posted.leaf[length - leaf * TraceTree.LEAF_BYTES:])) {
            revert DefencePaddingNotZero(length);
        }
        return TensorLib.littleEndian(posted.leaf, byteOffset % TraceTree.LEAF_BYTES, size);
    }

    function _checkLeaf(
        bytes calldata leaf,
        uint256 leafCount,
        uint256 index,
        bytes32[] calldata siblings,
        bytes32 expected
    ) private pure {
        bytes32 top = TraceTree.topOf(TraceTree.leafHash(leaf), leafCount, index, siblings);
        if (top != expected) revert DefenceOpeningMismatch(expected, top);
    }

    /// @dev Integers must be equal; how a word becomes an element is docs/canonical.md §2.
    function _isRight(Target memory target, uint256 dtype, uint256 posted, uint256 word) private pure returns (bool) {
        if (dtype == TensorLib.FLOAT32) {
            return Tolerance.holds(posted, word, target.deltaAbsolute, target.deltaRelative);
        }
        if (dtype == TensorLib.INT32) return posted == word;
        if (dtype == TensorLib.INT64) return posted == uint64(int64(int32(uint32(word))));
        if (dtype == TensorLib.BOOL) return posted == (word == 0 ? 0 : 1);
        return posted == word & 0xff;
    }
}

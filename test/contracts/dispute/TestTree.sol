// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice A whole trace in memory, as a player of the dispute has it: leaves, and the tree over them.
/// @dev Written apart from `TraceTree`, from docs/commitments.md alone.
library TestTree {
    struct Tree {
        bytes[] leaves;
        /// @dev levels[h] are the nodes of height h that hold a leaf.
        bytes32[][] levels;
    }

    function build(bytes[] memory leaves) internal pure returns (Tree memory tree) {
        tree.leaves = leaves;
        uint256 depth = 0;
        while (1 << depth < leaves.length) ++depth;
        tree.levels = new bytes32[][](depth + 1);
        tree.levels[0] = new bytes32[](leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) tree.levels[0][i] = keccak256(bytes.concat(hex"00", leaves[i]));
        for (uint256 h = 1; h <= depth; ++h) {
            bytes32[] memory below = tree.levels[h - 1];
            tree.levels[h] = new bytes32[]((below.length + 1) / 2);
            for (uint256 i = 0; i < tree.levels[h].length; ++i) {
                bytes32 right = 2 * i + 1 < below.length ? below[2 * i + 1] : bytes32(0);
                tree.levels[h][i] = keccak256(abi.encodePacked(hex"01", below[2 * i], right));
            }
        }
    }

    /// @notice Brings the nodes above a leaf in line with it.
    function update(Tree memory tree, uint256 leaf) internal pure {
        tree.levels[0][leaf] = keccak256(bytes.concat(hex"00", tree.leaves[leaf]));
        for (uint256 h = 1; h < tree.levels.length; ++h) {
            leaf >>= 1;
            bytes32 right = nodeAt(tree, h - 1, 2 * leaf + 1);
            tree.levels[h][leaf] = keccak256(abi.encodePacked(hex"01", tree.levels[h - 1][2 * leaf], right));
        }
    }

    function top(Tree memory tree) internal pure returns (bytes32) {
        return tree.levels[tree.levels.length - 1][0];
    }

    function nodeAt(Tree memory tree, uint256 height, uint256 position) internal pure returns (bytes32) {
        bytes32[] memory row = tree.levels[height];
        return position < row.length ? row[position] : bytes32(0);
    }

    /// @return siblings From height `from` up to height `to`, lowest first.
    function siblings(
        Tree memory tree,
        uint256 from,
        uint256 to,
        uint256 position
    ) internal pure returns (bytes32[] memory) {
        bytes32[] memory path = new bytes32[](to - from);
        for (uint256 h = from; h < to; ++h) {
            path[h - from] = nodeAt(tree, h, position ^ 1);
            position >>= 1;
        }
        return path;
    }

    function opening(Tree memory tree, uint256 leaf) internal pure returns (bytes32[] memory) {
        return siblings(tree, 0, tree.levels.length - 1, leaf);
    }

    /// @return first The first child's position. @return children Their hashes, `levels` below.
    function childrenOf(
        Tree memory tree,
        uint256 height,
        uint256 position
    ) internal pure returns (uint256 first, bytes32[] memory children) {
        uint256 levels = height < 6 ? height : 6;
        first = position << levels;
        bytes32[] memory row = tree.levels[height - levels];
        uint256 count = row.length - first;
        if (count > 1 << levels) count = 1 << levels;
        children = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) children[i] = row[first + i];
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {TraceTree} from "./TraceTree.sol";

/// @title The way of a dispute down a trace's tree
/// @notice Nodes are named by their height above the leaves and their position among the nodes of that height that hold a leaf.
/// `oracle/core/dispute/tree.ts` is the same in TypeScript.
library Descent {
    uint256 private constant LEVELS_PER_REVEAL = 6;

    /// @return levels How far the children lie below the node.
    /// @return first The first child's position at its height.
    /// @return count How many children hold a leaf.
    function childrenOf(
        uint256 height,
        uint256 position,
        uint256 leafCount
    ) internal pure returns (uint256 levels, uint256 first, uint256 count) {
        levels = height < LEVELS_PER_REVEAL ? height : LEVELS_PER_REVEAL;
        first = position << levels;
        count = widthAt(leafCount, height - levels) - first;
        if (count > 1 << levels) count = 1 << levels;
    }

    /// @return The number of nodes of a height that hold a leaf.
    function widthAt(uint256 leafCount, uint256 height) internal pure returns (uint256) {
        return (leafCount + (1 << height) - 1) >> height;
    }

    /// @param children The hashes of a node's children that hold a leaf, 32 bytes each, or a leaf's words.
    /// @return The hash of the node that has them; zero where it has more or fewer.
    function nodeOf(
        bytes calldata children,
        uint256 height,
        uint256 position,
        uint256 leafCount
    ) internal pure returns (bytes32) {
        if (height == 0) return children.length == TraceTree.LEAF_BYTES ? TraceTree.leafHash(children) : bytes32(0);
        (uint256 levels, , uint256 count) = childrenOf(height, position, leafCount);
        return children.length == 32 * count ? TraceTree.ancestorOfAll(children, levels) : bytes32(0);
    }

    /// @return A number that no other node has.
    function nodeKey(uint256 height, uint256 position) internal pure returns (uint256) {
        return (height << 32) | position;
    }
}

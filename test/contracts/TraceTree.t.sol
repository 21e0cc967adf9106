// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {TensorLib} from "../../contracts/libraries/TensorLib.sol";
import {TraceTree} from "../../contracts/libraries/TraceTree.sol";
import {vm} from "./Vm.sol";

/// @notice Makes the libraries' functions callable, so that their reverts can be expected.
contract TreeCaller {
    function bundleRoot(bytes calldata bundle) external pure returns (bytes32) {
        return TraceTree.bundleRoot(bundle);
    }

    function top(bytes calldata data) external pure returns (bytes32) {
        return TraceTree.top(data);
    }

    function leafHash(bytes calldata words) external pure returns (bytes32) {
        return TraceTree.leafHash(words);
    }

    function topOf(
        bytes32 hash,
        uint256 leafCount,
        uint256 index,
        bytes32[] calldata proof
    ) external pure returns (bytes32) {
        return TraceTree.topOf(hash, leafCount, index, proof);
    }

    function tensorRootAt(bytes calldata bundle, uint256 index) external pure returns (bytes32) {
        (uint256 dtype, uint256[] memory wide, bytes calldata data) = TensorLib.tensorAt(bundle, index);
        uint32[] memory shape = new uint32[](wide.length);
        for (uint256 i = 0; i < wide.length; ++i) shape[i] = uint32(wide[i]);
        return TraceTree.tensorRoot(uint8(dtype), shape, TraceTree.top(data));
    }

    function float32Wads(bytes calldata bundle) external pure returns (int256[] memory) {
        return TensorLib.float32Wads(bundle, 0);
    }

    function integers(bytes calldata bundle) external pure returns (int256[] memory) {
        return TensorLib.integers(bundle, 0);
    }
}

contract TraceTreeTest {
    TreeCaller private immutable TREE = new TreeCaller();

    function path(string memory list, uint256 i, string memory field) internal pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(i), "].", field);
    }

    function test_A21_rootsEqualTheTypeScriptTree() external view {
        string memory json = vm.readFile("test/vectors/commitments.json");
        uint256 count = vm.parseJsonUint(json, ".bundleCount");
        require(count >= 25, "too few bundles");
        for (uint256 i = 0; i < count; ++i) {
            bytes memory bundle = vm.parseJsonBytes(json, path("bundles", i, "bytes"));
            bytes32 root = vm.parseJsonBytes32(json, path("bundles", i, "root"));
            require(TREE.bundleRoot(bundle) == root, string.concat("root of bundle ", vm.toString(i)));
            uint256 tensors = uint8(bundle[0]);
            for (uint256 j = 0; j < tensors; ++j) {
                string memory at_ = string.concat(path("bundles", i, "tensorRoots"), "[", vm.toString(j), "]");
                require(TREE.tensorRootAt(bundle, j) == vm.parseJsonBytes32(json, at_), "root of a tensor");
            }
        }
    }

    function test_A21_openingsEqualTheTypeScriptTreeAndNoOtherFits() external {
        string memory json = vm.readFile("test/vectors/commitments.json");
        uint256 count = vm.parseJsonUint(json, ".openingCount");
        require(count >= 12, "too few openings");
        for (uint256 i = 0; i < count; ++i) checkOpening(json, i);
    }

    function checkOpening(string memory json, uint256 i) internal {
        uint256 leaves = vm.parseJsonUint(json, path("openings", i, "leaves"));
        uint256 index = vm.parseJsonUint(json, path("openings", i, "index"));
        bytes32 top = vm.parseJsonBytes32(json, path("openings", i, "top"));
        bytes32[] memory proof = new bytes32[](vm.parseJsonUint(json, path("openings", i, "depth")));
        for (uint256 j = 0; j < proof.length; ++j) {
            string memory at_ = string.concat(path("openings", i, "proof"), "[", vm.toString(j), "]");
            proof[j] = vm.parseJsonBytes32(json, at_);
        }
        bytes32 leaf = TREE.leafHash(vm.parseJsonBytes(json, path("openings", i, "leaf")));
        require(TREE.topOf(leaf, leaves, index, proof) == top, "the opening");
        for (uint256 other = 0; other < leaves; ++other) {
            if (other == index) continue;
            try TREE.topOf(leaf, leaves, other, proof) returns (bytes32 result) {
                require(result != top, "the same leaf elsewhere");
            } catch (bytes memory why) {
                require(bytes4(why) == TraceTree.TreeAbsentSibling.selector, "refused for another reason");
            }
        }
        vm.expectRevert(abi.encodeWithSelector(TraceTree.TreeIndexOutOfRange.selector, leaves, leaves));
        TREE.topOf(leaf, leaves, leaves, proof);
        bytes32[] memory longer = new bytes32[](proof.length + 1);
        for (uint256 j = 0; j < proof.length; ++j) longer[j] = proof[j];
        vm.expectRevert(abi.encodeWithSelector(TraceTree.TreeProofLength.selector, proof.length, proof.length + 1));
        TREE.topOf(leaf, leaves, index, longer);
        if (proof.length == 0) return;
        vm.expectRevert(abi.encodeWithSelector(TraceTree.TreeProofLength.selector, proof.length, 0));
        TREE.topOf(leaf, leaves, index, new bytes32[](0));
    }

    function test_A21_anOddLeafIsNotDoubled() external {
        bytes32 leaf = TREE.leafHash(hex"07");
        bytes32 doubled = keccak256(abi.encodePacked(hex"01", leaf, leaf));
        bytes32 single = keccak256(abi.encodePacked(hex"01", leaf, bytes32(0)));
        bytes memory three = bytes.concat(new bytes(512), hex"07");
        bytes32 zeroLeaf = TREE.leafHash("");
        bytes32 left = keccak256(abi.encodePacked(hex"01", zeroLeaf, zeroLeaf));
        require(TREE.top(three) == keccak256(abi.encodePacked(hex"01", left, single)), "joined with nothing");
        require(TREE.top(three) != keccak256(abi.encodePacked(hex"01", left, doubled)), "not with itself");
        bytes32[] memory proof = new bytes32[](2);
        (proof[0], proof[1]) = (leaf, left);
        vm.expectRevert(abi.encodeWithSelector(TraceTree.TreeAbsentSibling.selector, 0));
        TREE.topOf(leaf, 3, 2, proof);
    }

    function test_A21_aNodeIsNoLeaf() external view {
        bytes memory two = new bytes(512);
        bytes32 leaf = TREE.leafHash(new bytes(256));
        bytes32 top = TREE.top(two);
        // The node's preimage as the words of a leaf: the first byte of what is hashed keeps them apart.
        require(TREE.leafHash(bytes.concat(hex"01", leaf, leaf)) != top, "a leaf with the node's bytes");
        require(TREE.leafHash(bytes.concat(leaf, leaf)) != top, "a leaf with its children");
        require(TREE.top("") == 0, "the empty tree");
    }

    function testFuzz_A21_dirtyBundlesAreRefused(bytes memory noise) external view {
        // Whatever is accepted is the encoding of its own tensors: nothing is cut, trailing or unclean.
        try TREE.bundleRoot(noise) returns (bytes32) {
            uint256 length = 1;
            for (uint256 i = 0; i < uint8(noise[0]); ++i) {
                uint256 rank = uint8(noise[length + 1]);
                uint256 size = _size(uint8(noise[length]));
                for (uint256 d = 0; d < rank; ++d) size *= _dimension(noise, length + 2 + 4 * d);
                length += 2 + 4 * rank + ((size + 3) / 4) * 4;
            }
            require(length == noise.length, "the lengths add up");
        } catch (bytes memory why) {
            require(_isRefusal(bytes4(why)), "refused for another reason");
        }
    }

    function _isRefusal(bytes4 why) private pure returns (bool) {
        return
            why == TensorLib.TensorBundleCut.selector ||
            why == TensorLib.TensorBytesTrailing.selector ||
            why == TensorLib.TensorDtypeUnsupported.selector ||
            why == TensorLib.TensorRankTooHigh.selector ||
            why == TensorLib.TensorPaddingNotZero.selector;
    }

    function test_A21_malformedBundlesAreRefused() external {
        expectRefused("", abi.encodeWithSelector(TensorLib.TensorBundleCut.selector, 0, 1));
        expectRefused(hex"01", abi.encodeWithSelector(TensorLib.TensorBundleCut.selector, 1, 3));
        expectRefused(hex"0000", abi.encodeWithSelector(TensorLib.TensorBytesTrailing.selector, 1));
        expectRefused(hex"010500", abi.encodeWithSelector(TensorLib.TensorDtypeUnsupported.selector, 5));
        expectRefused(hex"01ff00", abi.encodeWithSelector(TensorLib.TensorDtypeUnsupported.selector, 255));
        expectRefused(hex"010109", abi.encodeWithSelector(TensorLib.TensorRankTooHigh.selector, 9, 8));
        expectRefused(hex"010101", abi.encodeWithSelector(TensorLib.TensorBundleCut.selector, 3, 7));
        expectRefused(hex"010200aabbccdd", abi.encodeWithSelector(TensorLib.TensorPaddingNotZero.selector, 4));
        expectRefused(hex"010100aabbcc", abi.encodeWithSelector(TensorLib.TensorBundleCut.selector, 6, 7));
        // 2^32 - 1 elements, eight times over: no overflow brings the size back into the bundle.
        bytes memory huge = hex"010708ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
        vm.expectRevert();
        TREE.bundleRoot(huge);
    }

    function expectRefused(bytes memory bundle, bytes memory error_) internal {
        vm.expectRevert(error_);
        TREE.bundleRoot(bundle);
    }

    function test_numbersAreReadAsTheyAre() external {
        // 1.5, -0.0, the smallest subnormal, 2^60
        int256[] memory wads = TREE.float32Wads(hex"010101040000000000c03f00000080010000000000805d");
        require(wads[0] == 1.5e18 && wads[1] == 0 && wads[2] == 0 && wads[3] == 2 ** 60 * 1e18, "float32");
        require(TREE.float32Wads(hex"010101010000000000c0bf")[0] == -1.5e18, "negative");
        int256[] memory int64s = TREE.integers(hex"01070102000000feffffffffffffff0100000000000000");
        require(int64s[0] == -2 && int64s[1] == 1, "int64");
        int256[] memory int8s = TREE.integers(hex"01030102000000ff7f0000");
        require(int8s[0] == -1 && int8s[1] == 127, "int8");
        require(TREE.integers(hex"01020102000000ff7f0000")[0] == 255, "uint8");
        require(TREE.integers(hex"010600fdffffff")[0] == -3, "int32");
        vm.expectRevert(abi.encodeWithSelector(TensorLib.TensorNotFinite.selector, 0x7fc00000));
        TREE.float32Wads(
            hex"0101010100000000"
            hex"00c07f"
        );
        vm.expectRevert(abi.encodeWithSelector(TensorLib.TensorDtypeUnexpected.selector, 1, 6));
        TREE.float32Wads(hex"010600fdffffff");
    }

    function _size(uint8 dtype) private pure returns (uint256) {
        return
            dtype == 7
                ? 8
                : dtype == 1 || dtype == 6
                    ? 4
                    : 1;
    }

    function _dimension(bytes memory data, uint256 offset) private pure returns (uint256) {
        return
            uint256(uint8(data[offset])) +
            (uint256(uint8(data[offset + 1])) << 8) +
            (uint256(uint8(data[offset + 2])) << 16) +
            (uint256(uint8(data[offset + 3])) << 24);
    }
}

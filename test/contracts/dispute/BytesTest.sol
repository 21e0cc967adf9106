// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Bundle, ChunkOpening, Demand} from "../../../contracts/interfaces/IPublications.sol";
import {Model} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Answer, Request, RequestParams, Transport} from "../../../contracts/libraries/RequestLib.sol";
import {TensorLib} from "../../../contracts/libraries/TensorLib.sol";
import {vm} from "../Vm.sol";
import {GameTest} from "./GameTest.sol";
import {TestTree} from "./TestTree.sol";

/// @notice Models of one float32 vector in and one out, of any lengths, and their bytes with the trees over them.
abstract contract BytesTest is GameTest {
    using TestTree for TestTree.Tree;

    uint256 internal constant CHUNK = 65_536;

    /// @return id A model that the operator serves.
    function modelOf(uint32 inputs, uint32 outputs) internal returns (bytes32 id) {
        Model memory made = model(author, ROYALTY_BPS);
        made.artifactURI = "ipfs://bytes";
        (made.inputs[0].shape[0], made.outputs[0].shape[0]) = (inputs, outputs);
        made.programRoot = keccak256(abi.encodePacked(hex"07", INSTRUCTIONS_TOP, headerOf(inputs, outputs)));
        vm.prank(author);
        id = models.registerModel(made, INSTRUCTIONS_TOP, headerOf(inputs, outputs));
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = id;
        vm.prank(operator);
        operators.setServedModels(ids, true);
        roll(1);
    }

    /// @dev The output is the end of the trace.
    function headerOf(uint32 inputs, uint32 outputs) internal pure returns (bytes memory) {
        uint64 offset = outputs > 64 * LEAVES ? 0 : uint64(64 * (LEAVES - (outputs + 63) / 64));
        return
            abi.encodePacked(
                abi.encodePacked(uint8(1), uint8(1), TensorLib.FLOAT32, uint8(1), inputs),
                abi.encodePacked(uint8(1), TensorLib.FLOAT32, uint8(1), outputs, offset),
                abi.encodePacked(uint32(1), uint32(LEAVES), uint32(0))
            );
    }

    function onDemand(bytes32 id) internal view returns (RequestParams memory terms) {
        terms = params();
        (terms.modelId, terms.transport, terms.callbackGasLimit) = (id, Transport.ON_DEMAND, 0);
    }

    function askByURI(RequestParams memory terms, bytes32 inputRoot) internal returns (Request memory) {
        vm.recordLogs();
        vm.deal(stranger, terms.fee);
        vm.prank(stranger);
        coordinator.requestByURI{value: terms.fee}(terms, inputRoot, "ipfs://input");
        return lastRequest();
    }

    function answerByURI(Request memory request, bytes32 root) internal returns (Answer memory) {
        becomeEligible(request, operator);
        vm.prank(operator);
        coordinator.submitByURI(request, root, "ipfs://nothing");
        return Answer(operator, root, uint48(vm.getBlockTimestamp()));
    }

    // --------------------------------------------------------------------------------------------------- bytes

    /// @dev Hardly a byte of them is zero.
    function bytesOf(uint256 length, uint256 seed) internal pure returns (bytes memory data) {
        data = new bytes((length + 31) & ~uint256(31));
        for (uint256 i = 0; i < length; i += 32) {
            bytes32 word = keccak256(abi.encode(seed, i));
            assembly ("memory-safe") {
                mstore(add(add(data, 32), i), word)
            }
        }
        return slice(data, 0, length);
    }

    function slice(bytes memory data, uint256 from, uint256 to) internal pure returns (bytes memory part) {
        part = new bytes(to - from);
        assembly ("memory-safe") {
            mcopy(add(part, 32), add(add(data, 32), from), sub(to, from))
        }
    }

    function chunkOf(bytes memory data, uint256 chunk) internal pure returns (bytes memory) {
        uint256 end = (chunk + 1) * CHUNK;
        return slice(data, chunk * CHUNK, end < data.length ? end : data.length);
    }

    function treeOf(bytes memory data) internal pure returns (TestTree.Tree memory) {
        bytes[] memory leaves = new bytes[]((data.length + 255) / 256);
        for (uint256 i = 0; i < leaves.length; ++i) {
            uint256 end = 256 * (i + 1);
            if (end <= data.length) leaves[i] = slice(data, 256 * i, end);
            else leaves[i] = bytes.concat(slice(data, 256 * i, data.length), new bytes(end - data.length));
        }
        return TestTree.build(leaves);
    }

    function tensorRootOf(uint32 count, bytes32 top) internal pure returns (bytes32) {
        bytes4 little = bytes4(
            abi.encodePacked(uint8(count), uint8(count >> 8), uint8(count >> 16), uint8(count >> 24))
        );
        return keccak256(abi.encodePacked(hex"02", TensorLib.FLOAT32, uint8(1), little, top));
    }

    function rootOf(uint32 count, bytes32 top) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"03", uint8(1), tensorRootOf(count, top)));
    }

    function openingOf(
        bytes memory header_,
        uint32 count,
        TestTree.Tree memory tree,
        uint256 chunk
    ) internal pure returns (ChunkOpening memory opening) {
        opening.header = header_;
        opening.instructionsTop = INSTRUCTIONS_TOP;
        opening.tensorTop = tree.top();
        opening.tensorRoots = new bytes32[](1);
        opening.tensorRoots[0] = tensorRootOf(count, opening.tensorTop);
        uint256 depth = tree.levels.length - 1;
        opening.siblings = depth > 8 ? tree.siblings(8, depth, chunk) : new bytes32[](0);
    }

    // --------------------------------------------------------------------------------------------------- moves

    function demand(Request memory request, Answer memory given, Bundle bundle) internal {
        uint256 value = publications.quote(request.params.modelId, bundle);
        vm.deal(challenger, value);
        vm.prank(challenger);
        publications.demand{value: value}(request, given, bundle);
    }

    function demandOf(
        Request memory request,
        Answer memory given,
        Bundle bundle
    ) internal view returns (Demand memory) {
        return publications.demandOf(request, given, bundle);
    }
}

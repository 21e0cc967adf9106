// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IModelRegistry, Model, TensorSpec} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Defence} from "../../../contracts/libraries/Defence.sol";
import {Answer, Request, RequestParams} from "../../../contracts/libraries/RequestLib.sol";
import {TensorLib} from "../../../contracts/libraries/TensorLib.sol";
import {TraceTree} from "../../../contracts/libraries/TraceTree.sol";
import {vm} from "../Vm.sol";
import {BytesTest} from "./BytesTest.sol";
import {TestTree} from "./TestTree.sol";

/// @notice An answer of 150 elements: three leaves, the last of 88 bytes and 168 of padding, in a tree of four.
contract PaddingTest is BytesTest {
    using TestTree for TestTree.Tree;

    uint32 private constant COUNT = 150;

    Request private request;
    Answer private given;

    function _tree() private pure returns (TestTree.Tree memory) {
        bytes memory data = bytes.concat(leafOf(LEAVES - 3), leafOf(LEAVES - 2), slice(leafOf(LEAVES - 1), 0, 88));
        return treeOf(data);
    }

    /// @return id A dispute about an element of the answer with this tree.
    function _dispute(bytes32 top, uint32 element) private returns (bytes32 id) {
        RequestParams memory terms = onDemand(modelOf(16, COUNT));
        request = askByURI(terms, keccak256("input"));
        given = answerByURI(request, rootOf(COUNT, top));
        id = open(challenger, request, given, element);
    }

    /// @dev The element's leaf in the answer, and in the true trace.
    function _shown(
        bytes32 top,
        bytes memory leaf,
        bytes32[] memory siblings,
        uint256 index
    ) private view returns (Defence.Posted memory posted_, Defence.Canonical memory truth) {
        posted_.tensorTop = top;
        posted_.tensorRoots = new bytes32[](1);
        posted_.tensorRoots[0] = tensorRootOf(COUNT, top);
        (posted_.leaf, posted_.siblings) = (leaf, siblings);
        truth.header = headerOf(16, COUNT);
        truth.instructionsTop = INSTRUCTIONS_TOP;
        TestTree.Tree memory trace = honest;
        truth.traceTop = trace.top();
        truth.leaf = trace.leaves[LEAVES - 3 + index];
        truth.siblings = trace.opening(LEAVES - 3 + index);
    }

    function _defend(
        bytes32 id,
        Defence.Posted memory posted_,
        Defence.Canonical memory truth,
        bytes memory why
    ) private {
        bytes memory children = topOf(honest);
        vm.prank(operator);
        if (why.length != 0) vm.expectRevert(why);
        dispute.defend(id, request, given, posted_, truth, children);
    }

    function test_A30_aCleanAnswerIsDefendedAtItsLastElementAndItsFirst() external {
        TestTree.Tree memory tree = _tree();
        bytes32 id = _dispute(tree.top(), COUNT - 1);
        (Defence.Posted memory posted_, Defence.Canonical memory truth) = _shown(
            tree.top(),
            tree.leaves[2],
            tree.opening(2),
            2
        );
        _defend(id, posted_, truth, "");
        bytes32 first = open(challenger, request, given, 0, "first");
        (posted_, truth) = _shown(tree.top(), tree.leaves[0], tree.opening(0), 0);
        _defend(first, posted_, truth, "");
    }

    function test_A30_junkBehindTheLastElementCannotBeDefended(uint256 seed) external {
        TestTree.Tree memory tree = _tree();
        tree.leaves[2][88 + (seed % 168)] = bytes1(uint8(1 << ((seed >> 8) % 8)));
        tree.update(2);
        // At any element of the last leaf.
        bytes32 id = _dispute(tree.top(), uint32(128 + ((seed >> 16) % 22)));
        (Defence.Posted memory posted_, Defence.Canonical memory truth) = _shown(
            tree.top(),
            tree.leaves[2],
            tree.opening(2),
            2
        );
        bytes memory why = abi.encodeWithSelector(Defence.DefencePaddingNotZero.selector, 4 * uint256(COUNT));
        _defend(id, posted_, truth, why);
        vm.warp(dispute.disputeOf(id).deadline);
        dispute.timeout(id, request, given);
        assertEq(operators.operatorOf(operator).stake, STAKE - BOND, "a root that no bundle has is a lie");
    }

    function test_A30_anAbsentSiblingThatIsNotZeroCannotBeDefended() external {
        TestTree.Tree memory tree = _tree();
        bytes32 junk = keccak256("junk");
        bytes32 right = keccak256(abi.encodePacked(hex"01", tree.levels[0][2], junk));
        bytes32 top = keccak256(abi.encodePacked(hex"01", tree.levels[1][0], right));
        bytes32 id = _dispute(top, COUNT - 1);
        bytes32[] memory siblings = new bytes32[](2);
        (siblings[0], siblings[1]) = (junk, tree.levels[1][0]);
        (Defence.Posted memory posted_, Defence.Canonical memory truth) = _shown(top, tree.leaves[2], siblings, 2);
        _defend(id, posted_, truth, abi.encodeWithSelector(TraceTree.TreeAbsentSibling.selector, 0));
    }

    function test_A30_everyTensorHasAnElementAndNoMoreThanADisputeCanName() external {
        Model memory made = model(author, ROYALTY_BPS);
        (made.programRoot, made.weightRoot) = (0, 0);
        made.outputs[0].shape[0] = 0;
        _refused(made, 0);
        made.outputs[0].shape = new uint32[](2);
        (made.outputs[0].shape[0], made.outputs[0].shape[1]) = (2 ** 16, 2 ** 16);
        vm.prank(author);
        models.registerModel(made, 0, "");
        made.outputs[0].shape = new uint32[](3);
        made.outputs[0].shape[0] = made.outputs[0].shape[1] = 2 ** 16;
        made.outputs[0].shape[2] = 0;
        _refused(made, 0);
        made.outputs[0].shape[2] = 2;
        _refused(made, 2 ** 33);
        made.outputs[0].shape = new uint32[](8);
        for (uint256 i = 0; i < 8; ++i) made.outputs[0].shape[i] = type(uint32).max;
        _refused(made, uint256(type(uint32).max) ** 2);
        made.outputs[0].shape = new uint32[](0);
        (made.inputs[0].shape[0], made.inputs[0].name) = (0, "y");
        _refused(made, 0);
    }

    function _refused(Model memory made, uint256 count) private {
        vm.prank(author);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelTensorSize.selector, "y", count, 2 ** 32));
        models.registerModel(made, 0, "");
    }

    // -------------------------------------------------------------------------------- the record and the program

    function test_A39_aRecordHasTheTensorsOfItsProgram() external {
        Model memory made = model(author, ROYALTY_BPS);
        made.artifactURI = "ipfs://other";
        made.outputs[0].shape[0] = 63;
        _mismatch(made, "y", TensorLib.FLOAT32, 64);
        made.outputs[0].shape[0] = 65;
        _mismatch(made, "y", TensorLib.FLOAT32, 64);
        made.outputs[0].shape[0] = 64;
        made.outputs[0].dtype = TensorLib.INT32;
        _mismatch(made, "y", TensorLib.FLOAT32, 64);
        made.outputs[0].dtype = TensorLib.FLOAT32;
        made.inputs[0].shape[0] = 17;
        _mismatch(made, "x", TensorLib.FLOAT32, 16);
        made.inputs[0].shape = new uint32[](2);
        (made.inputs[0].shape[0], made.inputs[0].shape[1]) = (16, 1);
        _mismatch(made, "x", TensorLib.FLOAT32, 16);
        made.inputs = model(author, ROYALTY_BPS).outputs;
        made.inputs[0].shape[0] = 16;
        vm.prank(author);
        register(made);
    }

    function test_A39_aRecordHasAsManyTensorsAsItsProgram() external {
        Model memory made = model(author, ROYALTY_BPS);
        made.artifactURI = "ipfs://other";
        Model memory twice = model(author, ROYALTY_BPS);
        twice.outputs = _double(made);
        vm.prank(author);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelProgramTensorCount.selector, 2, 1));
        models.registerModel(twice, INSTRUCTIONS_TOP, header());
        twice.inputs = twice.outputs;
        twice.outputs = made.outputs;
        vm.prank(author);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelProgramTensorCount.selector, 2, 1));
        models.registerModel(twice, INSTRUCTIONS_TOP, header());
    }

    function test_A39_theHeaderIsTheProgramsOwn() external {
        Model memory made = model(author, ROYALTY_BPS);
        made.artifactURI = "ipfs://other";
        made.outputs[0].shape[0] = 63;
        vm.prank(author);
        vm.expectRevert();
        models.registerModel(made, INSTRUCTIONS_TOP, headerOf(16, 63));
    }

    function _double(Model memory made) private pure returns (TensorSpec[] memory specs) {
        specs = new TensorSpec[](2);
        (specs[0], specs[1]) = (made.outputs[0], made.outputs[0]);
    }

    function _mismatch(Model memory made, string memory name, uint8 dtype, uint32 dimension) private {
        uint32[] memory shape = new uint32[](1);
        shape[0] = dimension;
        vm.prank(author);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelProgramTensorMismatch.selector, name, dtype, shape));
        models.registerModel(made, INSTRUCTIONS_TOP, header());
    }
}

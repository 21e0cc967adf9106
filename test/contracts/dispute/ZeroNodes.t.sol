// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Status} from "../../../contracts/interfaces/IInferenceCoordinator.sol";
import {Dispute, IDisputeGame, Turn} from "../../../contracts/interfaces/IDisputeGame.sol";
import {Answer, Request} from "../../../contracts/libraries/RequestLib.sol";
import {vm} from "../Vm.sol";
import {GameTest} from "./GameTest.sol";
import {TestTree} from "./TestTree.sol";

/// @notice An operator may commit to any trace: also to one with a node that holds leaves and is zero, which nothing hashes to.
contract ZeroNodesTest is GameTest {
    using TestTree for TestTree.Tree;

    /// @dev A lie, and a trace that has it at its end and zero for one node, so that nothing below that could be opened.
    function _lie(uint256 height) private pure returns (TestTree.Tree memory theirs, bytes memory lie) {
        lie = wrongLeaf(7);
        bytes[] memory leaves = honestLeaves();
        leaves[LEAVES - 1] = lie;
        theirs = TestTree.build(leaves);
        theirs.levels[height][0] = 0;
        for (uint256 h = height + 1; h < theirs.levels.length; ++h) {
            (bytes32 left, bytes32 right) = (theirs.nodeAt(h - 1, 0), theirs.nodeAt(h - 1, 1));
            theirs.levels[h][0] = keccak256(abi.encodePacked(hex"01", left, right));
        }
    }

    /// @dev Picks down to the zero node; then the operator shows bytes that hash to nothing.
    function _showNothing(uint256 height, bytes memory nothing) private {
        (TestTree.Tree memory theirs, bytes memory lie) = _lie(height);
        Request memory request = ask();
        Answer memory given = answer(request, operator, outputOf(lie));
        bytes32 id = open(challenger, request, given, 7);
        defend(id, request, given, lie, theirs);
        while (dispute.disputeOf(id).node != 0) {
            if (dispute.disputeOf(id).turn == Turn.REVEAL) reveal(id, operator, theirs);
            else pick(id, challenger, honest, theirs);
        }
        Dispute memory state = dispute.disputeOf(id);
        assertEq(state.height, height, "the zero node is disputed");
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.RevealInvalid.selector, bytes32(0), bytes32(0)));
        dispute.reveal(id, nothing);

        vm.warp(state.deadline);
        dispute.timeout(id, request, given);
        assertEq(operators.operatorOf(operator).stake, STAKE - BOND, "who can't show what it committed to has lost");
        assertEq(statusOf(request, given), Status.REQUESTED, "the lie is taken away");
    }

    function test_A21_aZeroNodeThatHoldsLeavesCannotBeShown() external {
        _showNothing(3, "");
    }

    function test_A21_aZeroLeafCannotBeShown() external {
        _showNothing(0, new bytes(255));
    }
}

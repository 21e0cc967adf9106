// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Status} from "../../../contracts/interfaces/IInferenceCoordinator.sol";
import {Dispute, IDisputeGame, Turn} from "../../../contracts/interfaces/IDisputeGame.sol";
import {Defence} from "../../../contracts/libraries/Defence.sol";
import {Answer, Request} from "../../../contracts/libraries/RequestLib.sol";
import {TraceTree} from "../../../contracts/libraries/TraceTree.sol";
import {vm} from "../Vm.sol";
import {GameTest} from "./GameTest.sol";
import {TestTree} from "./TestTree.sol";

contract DisputeGameTest is GameTest {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;

    Request private request;
    Answer private given;

    function _answer(bytes memory leaf) private {
        request = ask();
        given = answer(request, operator, outputOf(leaf));
    }

    // ------------------------------------------------------------------------------------------ who wins

    function test_aWrongTraceIsConvicted() external {
        TestTree.Tree memory wrong = wrongAt(LEAVES - 1, 7);
        _answer(leafOf(LEAVES - 1));
        bytes32 id = open(challenger, request, given, 7);
        assertEq(statusOf(request, given), Status.SUSPENDED, "while disputed");
        defend(id, request, given, leafOf(LEAVES - 1), wrong);
        play(id, challenger, request, given, honest, wrong);

        assertEq(operators.operatorOf(operator).stake, STAKE - BOND, "the bond is gone");
        assertEq(dispute.owed(challenger), CHALLENGER_BOND, "the challenger's bond goes back");
        assertEq(statusOf(request, given), Status.REQUESTED, "open to others");
        vm.warp(vm.getBlockTimestamp() + SUBMIT_PERIOD);
        claims.claimDispute(id, request, given);
        claims.claimRest(request, given);
        assertEq(claims.owed(challenger), BOND / 4, "a quarter of it is the challenger's");
        assertEq(claims.owed(address(consumer)), BOND / 8, "an eighth the requester's");
        assertEq(operators.owed(BURNED), BOND - (3 * BOND) / 8, "the rest is to be burned");
        coordinator.refund(request);
        assertEq(coordinator.owed(address(consumer), address(0)), FEE, "the fee is the requester's again");
    }

    function test_A23_aTrueTraceIsNeverConvictedWhateverThePicks(uint256 seed) external {
        _answer(leafOf(LEAVES - 1));
        bytes32 id = open(challenger, request, given, uint32(seed % 64));
        defend(id, request, given, leafOf(LEAVES - 1), honest);
        while (true) {
            Dispute memory state = dispute.disputeOf(id);
            if (state.turn == Turn.CLOSED || state.turn == Turn.VOIDED) break;
            seed = uint256(keccak256(abi.encode(seed)));
            if (state.turn == Turn.REVEAL) {
                reveal(id, operator, honest);
            } else if (state.height == 0) {
                vm.prank(challenger);
                dispute.step(id, request, given, honest.leaves[state.position], seed % 64, "");
            } else {
                (uint256 first, bytes32[] memory children) = TestTree.childrenOf(honest, state.height, state.position);
                pickChild(id, challenger, honest, state, first, seed % children.length);
            }
        }
        assertEq(operators.operatorOf(operator).stake, STAKE, "nothing was slashed");
        assertEq(dispute.owed(operator), CHALLENGER_BOND - CHALLENGER_BOND / 10, "the lost bond pays the operator");
        vm.warp(dispute.challengeableUntil(request, given));
        coordinator.finalize(request, given, honestOutput());
        assertEq(statusOf(request, given), Status.FINALIZED, "the answer stands");
    }

    function test_aWrongBitAnywhereIsConvicted(uint256 seed) external {
        uint256 leaf = seed % LEAVES;
        TestTree.Tree memory wrong = wrongAt(leaf, (seed >> 16) % 64);
        _answer(leafOf(LEAVES - 1));
        bytes32 id = open(challenger, request, given, 0);
        defend(id, request, given, leafOf(LEAVES - 1), wrong);
        uint256 moves = play(id, challenger, request, given, honest, wrong);
        assertTrue(moves <= 5, "two picks and reveals, the step");
        assertEq(operators.operatorOf(operator).stake, STAKE - BOND, "convicted");
    }

    function test_aWrongAnswerCannotBeDefendedWithTheTrueTrace() external {
        bytes memory leaf = wrongLeaf(3);
        _answer(leaf);
        bytes32 id = open(challenger, request, given, 3);
        Defence.Posted memory shown = posted(leaf);
        Defence.Canonical memory truth = canonical(honest);
        vm.prank(operator);
        vm.expectRevert(
            abi.encodeWithSelector(
                Defence.DefenceOutsideTolerance.selector,
                wordOf(leaf, 3),
                wordOf(leafOf(LEAVES - 1), 3)
            )
        );
        dispute.defend(id, request, given, shown, truth, "");
    }

    function test_anAnswerWithATensorTooManyCannotBeDefended() external {
        bytes memory one = outputOf(leafOf(LEAVES - 1));
        bytes memory twice = bytes.concat(hex"02", _tail(one), _tail(one));
        request = ask();
        given = answer(request, operator, twice);
        bytes32 id = open(challenger, request, given, 3);
        Defence.Posted memory shown = posted(leafOf(LEAVES - 1));
        bytes32 root = shown.tensorRoots[0];
        shown.tensorRoots = new bytes32[](2);
        (shown.tensorRoots[0], shown.tensorRoots[1]) = (root, root);
        Defence.Canonical memory truth = canonical(honest);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Defence.DefenceTensorCount.selector, 1, 2));
        dispute.defend(id, request, given, shown, truth, "");
    }

    function _tail(bytes memory bundle) private pure returns (bytes memory rest) {
        rest = new bytes(bundle.length - 1);
        for (uint256 i = 0; i < rest.length; ++i) rest[i] = bundle[i + 1];
    }

    function test_A17_anOperatorThatChallengesItselfLosesInEveryOrder() external {
        fund(operator, 10 * CHALLENGER_BOND);
        uint256 before = _wealth(operator);
        _answer(leafOf(LEAVES - 1));
        bytes32 first = open(operator, request, given, 0, "1");
        bytes32 second = open(operator, request, given, 1, "2");
        defend(first, request, given, leafOf(LEAVES - 1), honest);
        play(first, operator, request, given, honest, honest);
        assertTrue(_wealth(operator) + CHALLENGER_BOND < before, "acquitted: a part of the bond is burned");
        vm.prank(operator);
        dispute.retract(request, given);
        dispute.closeVoided(second, request, given);
        vm.warp(vm.getBlockTimestamp() + 180);
        claims.claimDispute(second, request, given);
        assertTrue(_wealth(operator) <= before - BOND / 2, "taken back: half of the bond is gone");
    }

    function _wealth(address account) private view returns (uint256) {
        return
            token.balanceOf(account) +
            operators.operatorOf(account).stake +
            claims.owed(account) +
            dispute.owed(account);
    }

    // ----------------------------------------------------------------------------------------- commitments

    function test_A08_aCopiedCommitmentOpensNothing() external {
        _answer(leafOf(LEAVES - 1));
        bytes32 id = dispute.commitmentOf(answerIdOf(request, given), 0, 0, SALT, challenger);
        vm.prank(stranger);
        dispute.commitChallenge(id);
        fund(stranger, CHALLENGER_BOND);
        vm.warp(vm.getBlockTimestamp() + 120);
        bytes32 own = dispute.commitmentOf(answerIdOf(request, given), 0, 0, SALT, stranger);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.CommitmentUnknown.selector, own));
        dispute.challenge(request, given, 0, 0, SALT);
        // The copy did its author no harm.
        vm.prank(challenger);
        dispute.challenge(request, given, 0, 0, SALT);
    }

    function test_aCommitmentIsOldEnoughAndYoungerThanTheAnswer() external {
        request = ask();
        Answer memory expected = Answer(operator, coordinatorRoot(honestOutput()), uint48(vm.getBlockTimestamp() + 60));
        bytes32 id = dispute.commitmentOf(answerIdOf(request, expected), 0, 0, SALT, challenger);
        vm.prank(challenger);
        dispute.commitChallenge(id);
        vm.warp(vm.getBlockTimestamp() + 60);
        given = answer(request, operator, honestOutput());
        vm.warp(vm.getBlockTimestamp() + 120);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.CommitmentUnknown.selector, id));
        dispute.challenge(request, given, 0, 0, SALT);
    }

    function test_A11_commitmentsOpenInAHalfOpenInterval() external {
        _answer(leafOf(LEAVES - 1));
        bytes32 id = dispute.commitmentOf(answerIdOf(request, given), 0, 0, SALT, challenger);
        vm.prank(challenger);
        dispute.commitChallenge(id);
        uint256 start = vm.getBlockTimestamp();
        vm.warp(start + 119);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.CommitmentTooYoung.selector, id, start + 120));
        dispute.challenge(request, given, 0, 0, SALT);
        vm.warp(start + 1 days);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.CommitmentTooOld.selector, id, start + 1 days));
        dispute.challenge(request, given, 0, 0, SALT);
    }

    // ---------------------------------------------------------------------------------------------- clocks

    function test_A13_whoStopsMovingCanBeTimedOutInEveryTurn() external {
        _answer(leafOf(LEAVES - 1));
        TestTree.Tree memory wrong = wrongAt(LEAVES - 1, 7);
        for (uint256 stop = 0; stop < 6; ++stop) {
            uint256 snapshot = vm.snapshotState();
            bytes32 id = open(challenger, request, given, 7);
            for (uint256 move = 0; move < stop; ++move) {
                Dispute memory state = dispute.disputeOf(id);
                if (state.turn == Turn.DEFEND) defend(id, request, given, leafOf(LEAVES - 1), wrong);
                else if (state.turn == Turn.REVEAL) reveal(id, operator, wrong);
                else pick(id, challenger, honest, wrong);
                if (state.turn == Turn.PICK && state.height == 0) break;
            }
            Dispute memory left = dispute.disputeOf(id);
            vm.warp(left.deadline - 1);
            vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ClockStillRunning.selector, id, left.deadline));
            dispute.timeout(id, request, given);
            vm.warp(left.deadline);
            dispute.timeout(id, request, given);
            uint256 stake = operators.operatorOf(operator).stake;
            assertEq(stake, left.turn == Turn.PICK ? STAKE : STAKE - BOND, "who had to move has lost");
            vm.revertToState(snapshot);
            if (left.turn == Turn.PICK && left.height == 0) return;
        }
    }

    function test_A14_aMoveAfterTheEndReverts() external {
        _answer(leafOf(LEAVES - 1));
        bytes32 id = open(challenger, request, given, 7);
        uint64 deadline = dispute.disputeOf(id).deadline;
        vm.warp(deadline);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ClockRunOut.selector, id, deadline));
        dispute.defend(id, request, given, posted(leafOf(0)), canonical(honest), "");
        dispute.timeout(id, request, given);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.AnswerVoided.selector, answerIdOf(request, given)));
        dispute.timeout(id, request, given);
    }

    function test_A12_movesInTheLastSecondEndWithinTheBound() external {
        _answer(leafOf(LEAVES - 1));
        TestTree.Tree memory wrong = wrongAt(LEAVES - 1, 7);
        bytes32 id = open(challenger, request, given, 7);
        uint256 start = vm.getBlockTimestamp();
        while (true) {
            Dispute memory state = dispute.disputeOf(id);
            if (state.turn == Turn.CLOSED || state.turn == Turn.VOIDED) break;
            vm.warp(state.deadline - 1);
            if (state.turn == Turn.DEFEND) defend(id, request, given, leafOf(LEAVES - 1), wrong);
            else if (state.turn == Turn.REVEAL) reveal(id, operator, wrong);
            else if (state.height == 0) step(id, challenger, request, given, honest, wrong);
            else pick(id, challenger, honest, wrong);
        }
        assertTrue(vm.getBlockTimestamp() - start > 2 * gameParameters().clock - 4, "both clocks were used up");
        assertTrue(vm.getBlockTimestamp() - start <= longestDispute(), "within the bound");
        assertTrue(dispute.maxDuration() <= operators.disputeBound(), "the bound that unbonding outlasts");
    }

    function test_A12_noDisputeProlongsAnAnswerBeyondTheCappedGrace() external {
        _answer(leafOf(LEAVES - 1));
        uint256 windowEnd = given.submittedAt + request.params.challengeWindow;
        uint256 last = windowEnd + gameParameters().maxGrace;
        for (uint256 i = 0; ; ++i) {
            uint256 until = dispute.challengeableUntil(request, given);
            assertTrue(until <= last, "capped");
            if (vm.getBlockTimestamp() + 120 >= until) break;
            vm.warp(until - 121);
            bytes32 id = open(challenger, request, given, 0, bytes32(i));
            vm.warp(vm.getBlockTimestamp() + 1);
            defend(id, request, given, leafOf(LEAVES - 1), honest);
            play(id, challenger, request, given, honest, honest);
        }
        vm.warp(last);
        coordinator.finalize(request, given, honestOutput());
    }

    // ------------------------------------------------------------------------------------ disputes in parallel

    function test_A09_revealsAreSharedAndEveryBogusChallengePays() external {
        _answer(leafOf(LEAVES - 1));
        uint256 reveals = 0;
        for (uint256 i = 0; i < 20; ++i) reveals += _playSybil(address(uint160(0xbad0 + i)));
        assertEq(reveals, 2, "the same path is revealed once; its first part came with the defence");
        assertEq(dispute.owed(operator), 20 * (CHALLENGER_BOND - CHALLENGER_BOND / 10), "every lost bond pays");
    }

    /// @return reveals How often the operator had to show something.
    function _playSybil(address sybil) private returns (uint256 reveals) {
        fund(sybil, CHALLENGER_BOND);
        bytes32 id = open(sybil, request, given, 0, SALT);
        defend(id, request, given, leafOf(LEAVES - 1), honest);
        while (true) {
            Dispute memory state = dispute.disputeOf(id);
            if (state.turn == Turn.CLOSED) return reveals;
            if (state.turn == Turn.REVEAL) {
                ++reveals;
                reveal(id, operator, honest);
            } else if (state.height == 0) {
                step(id, sybil, request, given, honest, honest);
            } else {
                pick(id, sybil, honest, honest);
            }
        }
    }

    function test_aBogusDisputeCannotShieldABadAnswer() external {
        TestTree.Tree memory wrong = wrongAt(LEAVES - 1, 7);
        _answer(leafOf(LEAVES - 1));
        fund(stranger, CHALLENGER_BOND);
        bytes32 bogus = open(stranger, request, given, 0);
        bytes32 id = open(challenger, request, given, 7);
        defend(bogus, request, given, leafOf(LEAVES - 1), wrong);
        defend(id, request, given, leafOf(LEAVES - 1), wrong);
        play(id, challenger, request, given, honest, wrong);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.AnswerVoided.selector, answerIdOf(request, given)));
        dispute.reveal(bogus, "");
        dispute.closeVoided(bogus, request, given);
        assertEq(dispute.owed(stranger), CHALLENGER_BOND, "a dispute that was overtaken costs nothing");
        dispute.withdraw(stranger);
        dispute.withdraw(challenger);
        assertEq(token.balanceOf(address(dispute)), 0, "nothing is left behind");
    }

    function test_anOperatorHasOneTraceForAnAnswer() external {
        TestTree.Tree memory wrong = wrongAt(0, 0);
        _answer(leafOf(LEAVES - 1));
        bytes32 first = open(challenger, request, given, 0, "1");
        bytes32 second = open(challenger, request, given, 0, "2");
        defend(first, request, given, leafOf(LEAVES - 1), wrong);
        Defence.Posted memory shown = posted(leafOf(LEAVES - 1));
        Defence.Canonical memory other = canonical(honest);
        vm.prank(operator);
        vm.expectRevert();
        dispute.defend(second, request, given, shown, other, "");
        defend(second, request, given, leafOf(LEAVES - 1), wrong);
    }

    // ------------------------------------------------------------------------------------------- what is refused

    function test_aRevealThatDoesNotHashIsRefused() external {
        TestTree.Tree memory wrong = wrongAt(LEAVES - 1, 7);
        _answer(leafOf(LEAVES - 1));
        bytes32 id = open(challenger, request, given, 7);
        Defence.Posted memory shown = posted(leafOf(LEAVES - 1));
        Defence.Canonical memory truth = canonical(honest);
        bytes memory other = topOf(wrong);
        bytes32 top = TestTree.top(honest);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.RevealInvalid.selector, top, TestTree.top(wrong)));
        dispute.defend(id, request, given, shown, truth, other);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.RevealInvalid.selector, top, bytes32(0)));
        dispute.defend(id, request, given, shown, truth, "");

        defend(id, request, given, leafOf(LEAVES - 1), honest);
        pick(id, challenger, wrong, honest);
        Dispute memory state = dispute.disputeOf(id);
        (, bytes32[] memory children) = TestTree.childrenOf(wrong, state.height, state.position);
        bytes32 wrongNode = TestTree.nodeAt(wrong, state.height, state.position);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.RevealInvalid.selector, state.node, wrongNode));
        dispute.reveal(id, abi.encodePacked(children));
    }

    function test_aDefenceShowsTheTopOnceForAllDisputes() external {
        _answer(leafOf(LEAVES - 1));
        bytes32 first = open(challenger, request, given, 0, "1");
        bytes32 second = open(challenger, request, given, 0, "2");
        defend(first, request, given, leafOf(LEAVES - 1), honest);
        assertTrue(dispute.isRevealed(answerIdOf(request, given), 9, 0), "shown with the defence");
        assertEq(uint256(dispute.disputeOf(first).turn), uint256(Turn.PICK), "the challenger's turn");
        Defence.Posted memory shown = posted(leafOf(LEAVES - 1));
        Defence.Canonical memory truth = canonical(honest);
        vm.prank(operator);
        dispute.defend(second, request, given, shown, truth, "");
        assertEq(uint256(dispute.disputeOf(second).turn), uint256(Turn.PICK), "nothing more to show");
    }

    function test_A21_aChildThatHoldsNoLeafCannotBePicked() external {
        _answer(leafOf(LEAVES - 1));
        bytes32 id = open(challenger, request, given, 7);
        defend(id, request, given, leafOf(LEAVES - 1), honest);
        // 300 leaves under a top of height 9: 38 of the 64 nodes of height 3 hold one.
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.PickOutOfRange.selector, 38, 38));
        dispute.pick(id, 38, 0, new bytes32[](6));
    }

    function test_onlyThePlayersMove() external {
        _answer(leafOf(LEAVES - 1));
        bytes32 id = open(challenger, request, given, 7);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.CallerNotPlayer.selector, stranger, operator));
        dispute.retract(request, given);
        Defence.Posted memory shown = posted(leafOf(LEAVES - 1));
        Defence.Canonical memory truth = canonical(honest);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.CallerNotPlayer.selector, stranger, operator));
        dispute.defend(id, request, given, shown, truth, "");
        defend(id, request, given, leafOf(LEAVES - 1), honest);
        (uint256 first, ) = TestTree.childrenOf(honest, 9, 0);
        bytes32 hash = TestTree.nodeAt(honest, 3, first);
        bytes32[] memory path = TestTree.siblings(honest, 3, 9, first);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.CallerNotPlayer.selector, stranger, challenger));
        dispute.pick(id, 0, hash, path);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {DisputeGame} from "../../../contracts/DisputeGame.sol";
import {Status} from "../../../contracts/interfaces/IInferenceCoordinator.sol";
import {Dispute, GameParameters, IDisputeGame, Turn} from "../../../contracts/interfaces/IDisputeGame.sol";
import {Model} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Defence} from "../../../contracts/libraries/Defence.sol";
import {ProgramHeader} from "../../../contracts/libraries/ProgramHeader.sol";
import {Answer, Request} from "../../../contracts/libraries/RequestLib.sol";
import {vm} from "../Vm.sol";
import {GameTest} from "./GameTest.sol";
import {TestTree} from "./TestTree.sol";

/// @notice Cheat codes that reach what no call does.
interface IStorage {
    function load(address account, bytes32 slot) external view returns (bytes32);
    function store(address account, bytes32 slot, bytes32 value) external;
}

/// @notice What is opened in a dispute is what the dispute is about. One test for each check: without the check it fails.
contract BindingsTest is GameTest {
    using TestTree for TestTree.Tree;

    uint256 private constant LAST = LEAVES - 1;
    uint32 private constant ELEMENT = 3;

    Request private request;
    Answer private given;

    /// @return id A dispute about an answer that is wrong in its third element, or right.
    function _dispute(bool wrong) private returns (bytes32 id) {
        request = ask();
        given = answer(request, operator, outputOf(wrong ? wrongLeaf(ELEMENT) : leafOf(LAST)));
        id = open(challenger, request, given, ELEMENT);
    }

    function _refused(
        bytes32 id,
        Defence.Posted memory shown,
        Defence.Canonical memory truth,
        bytes memory why
    ) private {
        bytes memory children = topOf(honest);
        vm.prank(operator);
        vm.expectRevert(why);
        dispute.defend(id, request, given, shown, truth, children);
    }

    // -------------------------------------------------------------------------------------------------- defence

    function test_A38_aDefenceOpensTheAnswersOutputRoot() external {
        bytes32 id = _dispute(true);
        bytes32 other = coordinatorRoot(honestOutput());
        bytes memory why = abi.encodeWithSelector(Defence.DefenceOutputMismatch.selector, given.outputRoot, other);
        _refused(id, posted(leafOf(LAST)), canonical(honest), why);
    }

    function test_A38_aDefenceOpensTheTensorsRoot() external {
        bytes32 id = _dispute(true);
        Defence.Posted memory shown = posted(leafOf(LAST));
        bytes32 other = shown.tensorRoots[0];
        shown.tensorRoots = posted(wrongLeaf(ELEMENT)).tensorRoots;
        bytes memory why = abi.encodeWithSelector(Defence.DefenceTensorMismatch.selector, shown.tensorRoots[0], other);
        _refused(id, shown, canonical(honest), why);
    }

    function test_A38_aDefenceOpensThePostedLeaf() external {
        bytes32 id = _dispute(true);
        Defence.Posted memory shown = posted(wrongLeaf(ELEMENT));
        shown.leaf = leafOf(LAST);
        bytes32 other = keccak256(bytes.concat(hex"00", leafOf(LAST)));
        bytes memory why = abi.encodeWithSelector(Defence.DefenceOpeningMismatch.selector, shown.tensorTop, other);
        _refused(id, shown, canonical(honest), why);
    }

    function test_A38_aDefenceOpensTheCanonicalLeaf() external {
        bytes32 id = _dispute(true);
        Defence.Canonical memory truth = canonical(honest);
        bytes[] memory leaves = honestLeaves();
        leaves[LAST] = truth.leaf = wrongLeaf(ELEMENT);
        bytes memory why = abi.encodeWithSelector(
            Defence.DefenceOpeningMismatch.selector,
            truth.traceTop,
            TestTree.build(leaves).top()
        );
        _refused(id, posted(wrongLeaf(ELEMENT)), truth, why);
    }

    function test_A38_aDefenceIsAboutTheModelsProgram() external {
        bytes32 id = _dispute(true);
        bytes32 programRoot = model(author, ROYALTY_BPS).programRoot;
        // Another program, whose output lies where the trace has the wrong element.
        Defence.Canonical memory truth = canonical(honest);
        truth.instructionsTop = keccak256("other instructions");
        bytes32 other = keccak256(abi.encodePacked(hex"07", truth.instructionsTop, truth.header));
        bytes memory why = abi.encodeWithSelector(ProgramHeader.ProgramRootMismatch.selector, programRoot, other);
        _refused(id, posted(wrongLeaf(ELEMENT)), truth, why);
        truth = canonical(honest);
        truth.header = header(LEAVES + 1);
        other = keccak256(abi.encodePacked(hex"07", truth.instructionsTop, truth.header));
        why = abi.encodeWithSelector(ProgramHeader.ProgramRootMismatch.selector, programRoot, other);
        _refused(id, posted(wrongLeaf(ELEMENT)), truth, why);
    }

    // ----------------------------------------------------------------------------------------------- its answer

    /// @dev Another answer of the same operator, in every move that names one.
    function test_A38_everyMoveIsAboutTheDisputesAnswer() external {
        bytes32 id = _dispute(false);
        Request memory other = ask();
        Answer memory theirs = answer(other, operator, honestOutput());
        bytes memory why = abi.encodeWithSelector(
            IDisputeGame.AnswerNotDisputed.selector,
            id,
            answerIdOf(request, given),
            answerIdOf(other, theirs)
        );
        Defence.Posted memory shown = posted(leafOf(LAST));
        Defence.Canonical memory truth = canonical(honest);
        bytes memory children = topOf(honest);
        vm.prank(operator);
        vm.expectRevert(why);
        dispute.defend(id, other, theirs, shown, truth, children);
        uint256 snapshot = vm.snapshotState();
        vm.warp(dispute.disputeOf(id).deadline);
        vm.expectRevert(why);
        dispute.timeout(id, other, theirs);
        vm.prank(operator);
        dispute.retract(request, given);
        vm.expectRevert(why);
        dispute.closeVoided(id, other, theirs);
        vm.revertToState(snapshot);

        defend(id, request, given, leafOf(LAST), honest);
        playToLeaf(id, challenger, given, honest, honest);
        vm.prank(challenger);
        vm.expectRevert(why);
        dispute.step(id, other, theirs, honest.leaves[LAST], 7, "");
        vm.prank(challenger);
        dispute.pickSums(id, honest.leaves[LAST], 7);
        bytes memory states = abi.encode(sumsOf(honest, LAST, 7));
        vm.prank(operator);
        vm.expectRevert(why);
        dispute.revealSums(id, other, theirs, states);
        vm.prank(operator);
        dispute.revealSums(id, request, given, states);
        vm.prank(challenger);
        vm.expectRevert(why);
        dispute.stepSegment(id, other, theirs, states, abi.encode(0));
    }

    // ---------------------------------------------------------------------------------------------------- leaf

    /// @dev The last words of the leaf that is disputed are zero, so that a leaf cut short has its hash.
    function _toZeroLeaf() private returns (bytes32 id, TestTree.Tree memory trace) {
        trace = TestTree.build(honestLeaves());
        setWord(trace.leaves[0], 63, 0);
        trace.update(0);
        id = _dispute(false);
        defend(id, request, given, leafOf(LAST), trace);
        pick(id, challenger, honest, trace);
        while (dispute.disputeOf(id).height != 0) {
            reveal(id, operator, trace);
            pick(id, challenger, honest, trace);
        }
    }

    function _cut(bytes memory leaf) private pure returns (bytes memory short) {
        short = new bytes(252);
        for (uint256 i = 0; i < 252; ++i) short[i] = leaf[i];
    }

    function test_A38_aLeafIsRevealedWhole() external {
        (bytes32 id, TestTree.Tree memory trace) = _toZeroLeaf();
        assertEq(uint256(dispute.disputeOf(id).turn), uint256(Turn.REVEAL), "the leaf is to be shown");
        bytes memory short = _cut(trace.leaves[0]);
        bytes32 node = dispute.disputeOf(id).node;
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.RevealInvalid.selector, node, bytes32(0)));
        dispute.reveal(id, short);
        reveal(id, operator, trace);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(challenger);
            vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
            if (i == 0) dispute.step(id, request, given, short, 62, "");
            else dispute.pickSums(id, short, 62);
        }
    }

    function test_A38_aStepIsOnTheDisputedLeaf() external {
        bytes32 id = _dispute(false);
        TestTree.Tree memory wrong = wrongAt(LAST, 7);
        defend(id, request, given, leafOf(LAST), wrong);
        playToLeaf(id, challenger, given, honest, wrong);
        // A true leaf would acquit, a false one would convict.
        bytes[3] memory others = [leafOf(LAST), leafOf(0), wrongLeaf(7)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(challenger);
            vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
            dispute.step(id, request, given, others[i], 7, "");
        }
        vm.prank(challenger);
        vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
        dispute.step(id, request, given, wrong.leaves[LAST], 64, "");
        step(id, challenger, request, given, honest, wrong);
        assertEq(operators.operatorOf(operator).stake, STAKE - BOND, "convicted by its own leaf");
    }

    function test_A38_aSegmentIsOfTheSumsThatWereShown() external {
        bytes32 id = _dispute(false);
        defend(id, request, given, leafOf(LAST), honest);
        playToLeaf(id, challenger, given, honest, honest);
        vm.prank(challenger);
        dispute.pickSums(id, honest.leaves[LAST], 7);
        bytes memory states = abi.encode(sumsOf(honest, LAST, 7));
        vm.prank(operator);
        dispute.revealSums(id, request, given, states);
        uint256[6][5] memory others = sumsOf(honest, LAST, 7);
        others[1][0] ^= 1;
        vm.prank(challenger);
        vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
        dispute.stepSegment(id, request, given, abi.encode(others), abi.encode(0));
        vm.prank(challenger);
        dispute.stepSegment(id, request, given, states, abi.encode(0));
        assertEq(operators.operatorOf(operator).stake, STAKE, "acquitted by what was shown");
    }

    /// @dev No play comes to a node above the leaves that has a leaf's hash; the check doesn't rely on that.
    function test_A38_noWordIsPickedAboveTheLeaves() external {
        bytes32 id = _dispute(false);
        defend(id, request, given, leafOf(LAST), honest);
        bytes memory leaf = leafOf(0);
        _setNode(id, keccak256(bytes.concat(hex"00", leaf)));
        Dispute memory state = dispute.disputeOf(id);
        assertTrue(state.height == 9 && state.node == keccak256(bytes.concat(hex"00", leaf)), "an inner node");
        vm.prank(challenger);
        vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
        dispute.pickSums(id, leaf, 7);
        vm.prank(challenger);
        vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
        dispute.step(id, request, given, leaf, 7, "");
    }

    /// @dev Finds a dispute by what is stored of it.
    function _setNode(bytes32 id, bytes32 node) private {
        IStorage cheats = IStorage(address(vm));
        bytes32 current = dispute.disputeOf(id).node;
        for (uint256 mapping_ = 0; mapping_ < 20; ++mapping_) {
            uint256 start = uint256(keccak256(abi.encode(id, mapping_)));
            for (uint256 slot = start; slot < start + 8; ++slot) {
                if (cheats.load(address(dispute), bytes32(slot)) == current) {
                    cheats.store(address(dispute), bytes32(slot), node);
                }
            }
        }
    }

    // ------------------------------------------------------------------------------------------------- descent

    function test_A38_aPickShowsOneSiblingForEachLevel() external {
        bytes32 id = _dispute(false);
        defend(id, request, given, leafOf(LAST), honest);
        for (uint256 height = 2; height <= 4; height += 2) {
            bytes32 hash = honest.nodeAt(height, 2);
            bytes32[] memory siblings = honest.siblings(height, 9, 2);
            vm.prank(challenger);
            vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
            dispute.pick(id, 2, hash, siblings);
        }
    }

    /// @dev It would be a move that leads nowhere, as often as the challenger likes.
    function test_A38_nothingIsPickedBelowALeaf() external {
        bytes32 id = _dispute(false);
        defend(id, request, given, leafOf(LAST), honest);
        playToLeaf(id, challenger, given, honest, honest);
        bytes32 node = dispute.disputeOf(id).node;
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.UnexpectedTurn.selector, id, Turn.PICK, Turn.PICK));
        dispute.pick(id, 0, node, new bytes32[](0));
    }

    function test_A38_aPickOpensTheDisputedNode() external {
        bytes32 id = _dispute(false);
        defend(id, request, given, leafOf(LAST), honest);
        bytes32[] memory siblings = honest.siblings(3, 9, 2);
        vm.prank(challenger);
        vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
        dispute.pick(id, 2, keccak256("other"), siblings);
        bytes32 hash = honest.nodeAt(3, 2);
        vm.prank(challenger);
        vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
        dispute.pick(id, 3, hash, siblings);
    }

    /// @dev An absent child counts as zero in the hash, so one more zero has the same hash.
    function test_A38_asManyChildrenAreShownAsHoldALeaf() external {
        bytes32 id = _dispute(false);
        Defence.Posted memory shown = posted(leafOf(LAST));
        Defence.Canonical memory truth = canonical(honest);
        bytes memory children = topOf(honest);
        bytes[2] memory more = [bytes.concat(children, bytes32(0)), bytes.concat(children, hex"00")];
        bytes memory why = abi.encodeWithSelector(IDisputeGame.RevealInvalid.selector, honest.top(), bytes32(0));
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(operator);
            vm.expectRevert(why);
            dispute.defend(id, request, given, shown, truth, more[i]);
        }
        defend(id, request, given, leafOf(LAST), honest);
    }

    // ---------------------------------------------------------------------------------------------- commitments

    function test_A38_committingAgainMakesNoCommitmentYounger() external {
        request = ask();
        given = answer(request, operator, honestOutput());
        bytes32 id = dispute.commitmentOf(answerIdOf(request, given), 0, ELEMENT, SALT, challenger);
        uint256 start = vm.getBlockTimestamp();
        vm.prank(challenger);
        dispute.commitChallenge(id);
        vm.warp(start + 119);
        vm.prank(stranger);
        dispute.commitChallenge(id);
        assertEq(dispute.committedAt(id), start, "as old as it was");
        vm.warp(start + 1 days - 1);
        vm.prank(stranger);
        dispute.commitChallenge(id);
        assertEq(dispute.committedAt(id), start, "up to the end of its life");
        vm.warp(start + 1 days);
        vm.prank(challenger);
        dispute.commitChallenge(id);
        assertEq(dispute.committedAt(id), start + 1 days, "then anew");
    }

    function test_A38_aCommitmentIsOpenedOnce() external {
        bytes32 id = _dispute(false);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.CommitmentUnknown.selector, id));
        dispute.challenge(request, given, 0, ELEMENT, SALT);
        vm.prank(challenger);
        dispute.commitChallenge(id);
        vm.warp(vm.getBlockTimestamp() + 120);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.DisputeNotOpen.selector, id, Turn.DEFEND));
        dispute.challenge(request, given, 0, ELEMENT, SALT);
    }

    function test_A38_onlyAnElementOfTheAnswerIsChallengedAndInTime() external {
        request = ask();
        given = answer(request, operator, honestOutput());
        bytes32 late = dispute.commitmentOf(answerIdOf(request, given), 0, 63, SALT, challenger);
        bytes32 beyond = dispute.commitmentOf(answerIdOf(request, given), 0, 64, SALT, challenger);
        vm.startPrank(challenger);
        dispute.commitChallenge(late);
        dispute.commitChallenge(beyond);
        vm.warp(vm.getBlockTimestamp() + 120);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ElementOutOfRange.selector, 0, 64, 64));
        dispute.challenge(request, given, 0, 64, SALT);
        uint256 until = given.submittedAt + WINDOW;
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ChallengeTooLate.selector, idOf(request), until));
        dispute.challenge(request, given, 0, 63, SALT);
        vm.warp(until - 1);
        dispute.challenge(request, given, 0, 63, SALT);
        vm.stopPrank();
        assertEq(dispute.disputeOf(late).otherClock, gameParameters().clock, "in the last second");
    }

    // ---------------------------------------------------------------------------------------------- retraction

    function test_A38_nobodyTakesAnothersAnswerBack() external {
        request = ask();
        given = answer(request, operator, honestOutput());
        address[3] memory others = [stranger, challenger, address(consumer)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(IDisputeGame.CallerNotPlayer.selector, others[i], operator));
            dispute.retract(request, given);
        }
    }

    function test_A38_nothingIsTakenBackAfterTheWindow() external {
        request = ask();
        given = answer(request, operator, honestOutput());
        vm.warp(given.submittedAt + WINDOW);
        Status[2] memory over = [Status.FINALIZABLE, Status.FINALIZED];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory why = unexpected(request, Status.SUBMITTED, over[i]);
            vm.prank(operator);
            vm.expectRevert(why);
            dispute.retract(request, given);
            if (i == 0) coordinator.finalize(request, given, honestOutput());
        }
    }

    // -------------------------------------------------------------------------------------------------- closing

    function _closed(bytes32 id, Turn turn) private {
        bytes memory why = abi.encodeWithSelector(IDisputeGame.DisputeNotOpen.selector, id, turn);
        vm.expectRevert(why);
        dispute.closeVoided(id, request, given);
        if (turn == Turn.VOIDED) return;
        vm.expectRevert(why);
        dispute.timeout(id, request, given);
    }

    function test_A38_aDisputeIsClosedOnce() external {
        bytes32 lost = _dispute(false);
        bytes32 id = open(challenger, request, given, ELEMENT, "second");
        defend(lost, request, given, leafOf(LAST), honest);
        play(lost, challenger, request, given, honest, honest);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.AnswerNotVoided.selector, answerIdOf(request, given)));
        dispute.closeVoided(id, request, given);
        vm.prank(operator);
        dispute.retract(request, given);
        _closed(lost, Turn.CLOSED);
        _closed(keccak256("no dispute"), Turn.NONE);
        dispute.closeVoided(id, request, given);
        _closed(id, Turn.VOIDED);
        vm.warp(vm.getBlockTimestamp() + 2 hours);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.AnswerVoided.selector, answerIdOf(request, given)));
        dispute.timeout(id, request, given);
        assertEq(dispute.withdraw(challenger), CHALLENGER_BOND, "one of two bonds");
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.NothingOwed.selector, challenger));
        dispute.withdraw(challenger);
    }

    function test_A38_anAnswerWithoutAProgramIsNotChallenged() external {
        Model memory made = model(author, ROYALTY_BPS);
        (made.programRoot, made.weightRoot) = (0, 0);
        vm.prank(author);
        modelId = models.registerModel(made, 0, "");
        bytes32[] memory served = new bytes32[](1);
        served[0] = modelId;
        vm.prank(operator);
        operators.setServedModels(served, true);
        roll(1);
        request = ask();
        given = answer(request, operator, honestOutput());
        bytes32 id = dispute.commitmentOf(answerIdOf(request, given), 0, ELEMENT, SALT, challenger);
        dispute.commitChallenge(id);
        vm.warp(vm.getBlockTimestamp() + 120);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ModelNotAdjudicable.selector, modelId));
        dispute.challenge(request, given, 0, ELEMENT, SALT);
    }

    function test_A38_aGameHasItsBounds() external {
        GameParameters[4] memory all;
        for (uint256 i = 0; i < 4; ++i) all[i] = gameParameters();
        (all[0].burnBps, all[1].moveTime) = (10_001, 0);
        (all[2].grace, all[3].clock) = (all[2].maxGrace + 1, 0);
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ParametersInvalid.selector, all[i]));
            _deploy(all[i]);
        }
        all[0].burnBps = 10_000;
        all[2].grace = all[2].maxGrace;
        _deploy(all[0]);
        _deploy(all[2]);
    }

    function _deploy(GameParameters memory parameters_) private {
        new DisputeGame(coordinator, publications, claims, models, verifier, IERC20(address(token)), parameters_);
    }
}

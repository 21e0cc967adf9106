// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {DisputeGame} from "../../../contracts/DisputeGame.sol";
import {Dispute, GameParameters, IDisputeGame, Turn} from "../../../contracts/interfaces/IDisputeGame.sol";
import {IInferenceCoordinator, Parameters, Status} from "../../../contracts/interfaces/IInferenceCoordinator.sol";
import {Bundle} from "../../../contracts/interfaces/IPublications.sol";
import {Defence} from "../../../contracts/libraries/Defence.sol";
import {Answer, Request, RequestParams} from "../../../contracts/libraries/RequestLib.sol";
import {TestDisputeGame} from "../TestDisputeGame.sol";
import {vm} from "../Vm.sol";
import {BytesTest} from "./BytesTest.sol";
import {TestTree} from "./TestTree.sol";

/// @notice What a deployment refuses, who may move for an operator, and verdicts while the stake token can't move.
contract ExitsTest is BytesTest {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;

    Request private request;
    Answer private given;

    function _answer() private {
        request = ask();
        given = answer(request, operator, outputOf(leafOf(LEAVES - 1)));
    }

    // -------------------------------------------------------------------------------------------------- deployment

    function _coordinatorRefused(Parameters memory parameters_) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                IInferenceCoordinator.ParametersRefused.selector,
                parameters_.minBond,
                parameters_.minChallengeWindow
            )
        );
        coordinator.setParameters(parameters_);
    }

    function test_A33_aChallengersBondIsAQuarterOfTheSmallestBondAtMost() external {
        Parameters memory parameters_ = defaultParameters();
        parameters_.minBond = 0.99e18;
        _coordinatorRefused(parameters_);
        parameters_.minBond = 4 * CHALLENGER_BOND;
        coordinator.setParameters(parameters_);
    }

    function test_A42_theSmallestWindowLeavesTimeToCheck() external {
        Parameters memory parameters_ = defaultParameters();
        parameters_.minChallengeWindow = 180;
        _coordinatorRefused(parameters_);
        parameters_.minChallengeWindow = 181;
        coordinator.setParameters(parameters_);
    }

    function _deploy(GameParameters memory parameters_) private returns (DisputeGame) {
        return
            new DisputeGame(coordinator, publications, claims, models, verifier, IERC20(address(token)), parameters_);
    }

    function _gameRefused(GameParameters memory parameters_) private {
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ParametersInvalid.selector, parameters_));
        this.deploy(parameters_);
    }

    function deploy(GameParameters calldata parameters_) external {
        _deploy(parameters_);
    }

    function test_A33_aGameWhoseTimesContradictEachOtherIsRefused() external {
        GameParameters memory parameters_ = gameParameters();
        parameters_.defendTime = 0;
        _gameRefused(parameters_);
        parameters_.defendTime = parameters_.clock + 1;
        _gameRefused(parameters_);
        parameters_.defendTime = parameters_.clock;
        this.deploy(parameters_);
        parameters_ = gameParameters();
        (parameters_.grace, parameters_.maxGrace) = (1, 180);
        _gameRefused(parameters_);
        parameters_.maxGrace = 181;
        this.deploy(parameters_);
        parameters_.openGrace = 0;
        _gameRefused(parameters_);
        parameters_ = gameParameters();
        parameters_.commitLifetime = 179;
        _gameRefused(parameters_);
    }

    function test_A33_theLongestDisputeAndBothPublicationsFitIntoTheUnbonding() external {
        GameParameters memory parameters_ = gameParameters();
        uint256 longest = publications.maxDuration() + dispute.parameters().defendTime;
        longest +=
            3 * uint256(parameters_.maxGrace) +
            2 * uint256(parameters_.clock) +
            30 * uint256(parameters_.moveTime);
        assertEq(dispute.maxDuration(), longest, "two publications, what each opens, a dispute and its grace");
        uint32 spare = uint32(DISPUTE_BOUND - longest);
        parameters_.maxGrace += spare / 3;
        this.deploy(parameters_);
        parameters_.maxGrace += 1;
        _gameRefused(parameters_);
    }

    // ----------------------------------------------------------------------------------------- the first clock

    function test_A33_theFirstMoveHasAShortClockOfItsOwn() external {
        _answer();
        bytes32 id = open(challenger, request, given, 7);
        Dispute memory state = dispute.disputeOf(id);
        assertEq(state.deadline, vm.getBlockTimestamp() + 900, "a quarter of an hour");
        vm.warp(state.deadline - 1);
        defend(id, request, given, leafOf(LEAVES - 1), honest);
        state = dispute.disputeOf(id);
        assertEq(state.deadline, vm.getBlockTimestamp() + 3_600, "the challenger's clock is whole");
        assertEq(state.otherClock, 3_600, "and the operator's, too");
    }

    function test_A33_aLieThatNobodyDefendsTiesABondUpForTheFirstClockAtMost() external {
        _answer();
        bytes32 id = open(challenger, request, given, 7);
        vm.warp(vm.getBlockTimestamp() + 900);
        dispute.timeout(id, request, given);
        assertEq(dispute.withdraw(challenger), CHALLENGER_BOND, "free for the next lie");
    }

    // ------------------------------------------------------------------------------------------------ delegates

    function _setDelegate(address delegate) private {
        vm.prank(operator);
        operators.setDelegate(delegate);
    }

    function _defendAs(address by, bytes32 id, bytes memory why) private {
        Defence.Posted memory posted_ = posted(leafOf(LEAVES - 1));
        Defence.Canonical memory truth = canonical(honest);
        bytes memory children = topOf(honest);
        vm.prank(by);
        if (why.length != 0) vm.expectRevert(why);
        dispute.defend(id, request, given, posted_, truth, children);
    }

    function test_A36_aDelegateMakesTheDisputesMovesAndNothingElse() external {
        _answer();
        bytes32 id = open(challenger, request, given, 7);
        bytes memory refused = abi.encodeWithSelector(IDisputeGame.CallerNotPlayer.selector, stranger, operator);
        _defendAs(stranger, id, refused);
        _setDelegate(stranger);
        assertEq(operators.delegateOf(operator), stranger, "named");
        _defendAs(stranger, id, "");
        while (dispute.disputeOf(id).height != 0 || dispute.disputeOf(id).turn != Turn.PICK) {
            if (dispute.disputeOf(id).turn == Turn.REVEAL) reveal(id, stranger, honest);
            else pick(id, challenger, honest, honest);
        }
        vm.prank(challenger);
        dispute.pickSums(id, honest.leaves[LEAVES - 1], 7);
        uint256[6][5] memory states = sumsOf(honest, LEAVES - 1, 7);
        vm.prank(stranger);
        dispute.revealSums(id, request, given, abi.encode(states));
        vm.prank(stranger);
        vm.expectRevert(refused);
        dispute.retract(request, given);
        vm.prank(stranger);
        vm.expectRevert();
        operators.startUnbonding(1);
    }

    function test_A36_whoeverIsDelegateNowMovesInDisputesThatRun() external {
        _answer();
        _setDelegate(stranger);
        bytes32 id = open(challenger, request, given, 7);
        _setDelegate(author);
        _defendAs(stranger, id, abi.encodeWithSelector(IDisputeGame.CallerNotPlayer.selector, stranger, operator));
        uint256 snapshot = vm.snapshotState();
        _defendAs(author, id, "");
        vm.revertToState(snapshot);
        _setDelegate(address(0));
        _defendAs(author, id, abi.encodeWithSelector(IDisputeGame.CallerNotPlayer.selector, author, operator));
        _defendAs(operator, id, "");
    }

    function test_A36_aDelegateOfAnotherOperatorMovesNothing() external {
        address other = address(0x07e4);
        enrol(other, STAKE);
        vm.prank(other);
        operators.setDelegate(stranger);
        _answer();
        bytes32 id = open(challenger, request, given, 7);
        _defendAs(stranger, id, abi.encodeWithSelector(IDisputeGame.CallerNotPlayer.selector, stranger, operator));
    }

    // ------------------------------------------------------------------------------- a stake token that can't move

    function _stopToken() private {
        vm.mockCallRevert(address(token), abi.encodeWithSelector(IERC20.transfer.selector), "stopped");
        vm.mockCallRevert(address(token), abi.encodeWithSelector(IERC20.transferFrom.selector), "stopped");
    }

    function _checkVerdict(bytes32 id) private {
        assertEq(operators.operatorOf(operator).stake, STAKE - BOND, "convicted");
        vm.expectRevert();
        dispute.withdraw(challenger);
        vm.clearMockedCalls();
        vm.warp(vm.getBlockTimestamp() + 180);
        claims.claimDispute(id, request, given);
        assertEq(claims.withdraw(challenger), BOND / 4, "paid once the token moves again");
        assertEq(dispute.withdraw(challenger), CHALLENGER_BOND, "and the bond");
        assertEq(operators.payOut(BURNED), BOND - (3 * BOND) / 8, "and what is burned");
    }

    function test_A43_aStepConvictsWhileTheStakeTokenCannotMove() external {
        TestTree.Tree memory wrong = wrongAt(LEAVES - 1, 7);
        _answer();
        bytes32 id = open(challenger, request, given, 7);
        _stopToken();
        defend(id, request, given, leafOf(LEAVES - 1), wrong);
        play(id, challenger, request, given, honest, wrong);
        _checkVerdict(id);
    }

    function test_A43_aTimeoutConvictsWhileTheStakeTokenCannotMove() external {
        _answer();
        bytes32 id = open(challenger, request, given, 7);
        _stopToken();
        vm.warp(dispute.disputeOf(id).deadline);
        dispute.timeout(id, request, given);
        _checkVerdict(id);
    }

    function test_A43_anAcquittalBooksWhileTheStakeTokenCannotMove() external {
        _answer();
        bytes32 id = open(challenger, request, given, 7);
        _stopToken();
        defend(id, request, given, leafOf(LEAVES - 1), honest);
        play(id, challenger, request, given, honest, honest);
        vm.clearMockedCalls();
        assertEq(dispute.withdraw(operator), CHALLENGER_BOND - CHALLENGER_BOND / 10, "paid later");
        assertEq(dispute.withdraw(BURNED), CHALLENGER_BOND / 10, "burned later");
    }

    function test_A43_retractingAndPublishingWorkWhileTheStakeTokenCannotMove() external {
        bytes32 id = modelOf(16, 64);
        request = askByURI(onDemand(id), keccak256("input"));
        given = answerByURI(request, keccak256("hidden"));
        demand(request, given, Bundle.OUTPUT);
        _stopToken();
        uint256 snapshot = vm.snapshotState();
        vm.warp(demandOf(request, given, Bundle.OUTPUT).deadline);
        publications.timeout(request, given, Bundle.OUTPUT);
        assertEq(operators.operatorOf(operator).stake, STAKE - BOND, "convicted");
        vm.revertToState(snapshot);
        vm.warp(given.submittedAt + 120);
        vm.prank(operator);
        dispute.retract(request, given);
        assertEq(operators.operatorOf(operator).stake, STAKE - BOND + BOND / 8, "taken back");
    }

    // --------------------------------------------------------------------------------------------------- bonds

    function test_A37_aRequestAsksForABondBetweenTheSmallestAndItsMultiple() external {
        RequestParams memory terms = params();
        uint256 least = 1e18;
        uint256 most = 1_000 * least;
        terms.bond = uint128(most);
        ask(terms);
        terms.bond = uint128(most + 1);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.BondOutOfRange.selector, most + 1, least, most));
        consumer.ask(terms, input());
        terms.bond = uint128(least - 1);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.BondOutOfRange.selector, least - 1, least, most));
        consumer.ask(terms, input());
        Parameters memory parameters_ = defaultParameters();
        parameters_.maxBondMultiple = 3;
        coordinator.setParameters(parameters_);
        terms.bond = uint128(3 * least + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceCoordinator.BondOutOfRange.selector, 3 * least + 1, least, 3 * least)
        );
        consumer.ask(terms, input());
        parameters_.maxBondMultiple = 0;
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.ParametersInvalid.selector, parameters_));
        coordinator.setParameters(parameters_);
    }
}

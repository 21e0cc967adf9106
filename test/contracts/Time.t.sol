// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInferenceCoordinator, Status} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {IOperatorRegistry} from "../../contracts/interfaces/IOperatorRegistry.sol";
import {Origin} from "../../contracts/libraries/OriginLib.sol";
import {Answer, Request, RequestParams} from "../../contracts/libraries/RequestLib.sol";
import {AssayTest} from "./AssayTest.sol";
import {vm} from "./Vm.sol";

contract TimeTest is AssayTest {
    function submitAt(Request memory request, uint256 time) internal returns (Answer memory) {
        vm.warp(time);
        vm.prank(operator);
        coordinator.submit(request, output());
        return Answer(operator, coordinatorRoot(output()), uint48(time));
    }

    function expectUnexpected(Request memory request, Status expected, Status actual) internal {
        vm.expectRevert(unexpected(request, expected, actual));
    }

    function test_A11_submitEndsWhereRefundBegins() external {
        Request memory request = ask();
        roll(1);
        uint256 deadline = request.origin.requestedAt() + SUBMIT_PERIOD;
        vm.warp(deadline - 1);
        assertEq(statusOf(request, noAnswer()), Status.REQUESTED, "open in the last second");
        expectUnexpected(request, Status.EXPIRED, Status.REQUESTED);
        coordinator.refund(request);
        uint256 state = vm.snapshotState();
        submitAt(request, deadline - 1);
        vm.revertToState(state);
        for (uint256 late = 0; late < 2; ++late) {
            vm.warp(deadline + late);
            assertEq(statusOf(request, noAnswer()), Status.EXPIRED, "over at the deadline");
            expectUnexpected(request, Status.REQUESTED, Status.EXPIRED);
            vm.prank(operator);
            coordinator.submit(request, output());
        }
        vm.warp(deadline);
        coordinator.refund(request);
    }

    function test_A11_challengesEndWhereFinalizeBegins() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        uint256 end = uint256(answer_.submittedAt) + WINDOW;
        vm.warp(end - 1);
        expectUnexpected(request, Status.FINALIZABLE, Status.SUBMITTED);
        coordinator.finalize(request, answer_, output());
        uint256 state = vm.snapshotState();
        game.suspend(request, answer_);
        vm.revertToState(state);
        for (uint256 late = 0; late < 2; ++late) {
            vm.warp(end + late);
            expectUnexpected(request, Status.SUBMITTED, Status.FINALIZABLE);
            game.suspend(request, answer_);
        }
        vm.warp(end);
        coordinator.finalize(request, answer_, output());
    }

    function test_A11_anUpheldAnswerIsFinalFromItsGraceOn() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        uint256 end = uint256(answer_.submittedAt) + WINDOW;
        vm.warp(end - 1);
        game.suspend(request, answer_);
        vm.warp(end + 100);
        expectUnexpected(request, Status.FINALIZABLE, Status.SUSPENDED);
        coordinator.finalize(request, answer_, output());
        game.uphold(request, answer_, uint64(end + 500));
        vm.warp(end + 499);
        expectUnexpected(request, Status.FINALIZABLE, Status.SUBMITTED);
        coordinator.finalize(request, answer_, output());
        uint256 state = vm.snapshotState();
        game.suspend(request, answer_);
        vm.revertToState(state);
        vm.warp(end + 500);
        expectUnexpected(request, Status.SUBMITTED, Status.FINALIZABLE);
        game.suspend(request, answer_);
        coordinator.finalize(request, answer_, output());
    }

    function test_A11_anEarlyUpholdDoesntShortenTheWindow() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        game.suspend(request, answer_);
        game.uphold(request, answer_, uint64(answer_.submittedAt));
        uint256 end = uint256(answer_.submittedAt) + WINDOW;
        vm.warp(end - 1);
        expectUnexpected(request, Status.FINALIZABLE, Status.SUBMITTED);
        coordinator.finalize(request, answer_, output());
        vm.warp(end);
        coordinator.finalize(request, answer_, output());
    }

    function test_A11_stakeIsUnbondedAtItsTime() external {
        vm.startPrank(operator);
        operators.startUnbonding(1);
        uint256 end = operators.operatorOf(operator).unbondsAt;
        vm.warp(end - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.OperatorStillUnbonding.selector, operator, end, end - 1)
        );
        operators.withdraw(operator);
        vm.warp(end);
        operators.withdraw(operator);
        vm.stopPrank();
    }

    function test_A11_boundsOfParametersAreInclusive() external {
        RequestParams memory params_ = params();
        (params_.submitPeriod, params_.challengeWindow, params_.bond, params_.callbackGasLimit) = (120, 300, 1e18, 5e6);
        ask(params_);
        params_.submitPeriod = 119;
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceCoordinator.SubmitPeriodOutOfRange.selector, 119, 120, 7 days)
        );
        consumer.ask(params_, input());
        (params_.submitPeriod, params_.challengeWindow) = (120, 299);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceCoordinator.ChallengeWindowOutOfRange.selector, 299, 300, 7 days)
        );
        consumer.ask(params_, input());
        (params_.challengeWindow, params_.bond) = (300, 1e18 - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceCoordinator.BondOutOfRange.selector, 1e18 - 1, 1e18, 1_000e18)
        );
        consumer.ask(params_, input());
        params_.bond = 1_000e18;
        ask(params_);
        params_.bond = 1_000e18 + 1;
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceCoordinator.BondOutOfRange.selector, 1_000e18 + 1, 1e18, 1_000e18)
        );
        consumer.ask(params_, input());
        (params_.bond, params_.callbackGasLimit) = (1e18, 5e6 + 1);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.CallbackGasTooHigh.selector, 5e6 + 1, 5e6));
        consumer.ask(params_, input());
    }

    function test_A14_nothingMovesAfterTheEnd() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        finalize(request, answer_);
        expectUnexpected(request, Status.FINALIZABLE, Status.FINALIZED);
        coordinator.finalize(request, answer_, output());
        expectUnexpected(request, Status.EXPIRED, Status.FINALIZED);
        coordinator.refund(request);
        expectUnexpected(request, Status.REQUESTED, Status.FINALIZED);
        vm.prank(operator);
        coordinator.submit(request, output());
        expectUnexpected(request, Status.SUBMITTED, Status.FINALIZED);
        game.suspend(request, answer_);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.NoOpenDispute.selector, idOf(request)));
        game.uphold(request, answer_, 0);
        expectUnexpected(request, Status.SUBMITTED, Status.FINALIZED);
        game.void(request, answer_, challenger);
    }

    function test_A14_nothingMovesAfterARefund() external {
        Request memory request = ask();
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD);
        coordinator.refund(request);
        expectUnexpected(request, Status.EXPIRED, Status.REFUNDED);
        coordinator.refund(request);
        expectUnexpected(request, Status.REQUESTED, Status.REFUNDED);
        vm.prank(operator);
        coordinator.submit(request, output());
        expectUnexpected(request, Status.FINALIZABLE, Status.REFUNDED);
        coordinator.finalize(request, noAnswer(), output());
    }

    function test_A14_oneAnswerARequest() external {
        enrol(stranger, STAKE);
        Request memory request = ask();
        answer(request);
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD - 1);
        expectUnexpected(request, Status.REQUESTED, Status.SUBMITTED);
        vm.prank(stranger);
        coordinator.submit(request, output());
    }

    function test_A25_aRequestThatNobodyServesIsRefunded() external {
        RequestParams memory params_ = params();
        params_.modelId = bytes32(uint256(1));
        Request memory request = ask(params_);
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD);
        vm.prank(stranger);
        coordinator.refund(request);
        assertEq(coordinator.owed(address(consumer), address(0)), FEE, "the whole fee is owed");
        consumer.withdraw(address(0), stranger);
        assertEq(stranger.balance, FEE, "and paid");
    }

    function test_A26_movesNameTheWholeContent() external {
        Request memory request = ask();
        bytes32 id = idOf(request);
        Request memory other = ask();
        assertTrue(idOf(other) != id && differByNonce(other, request), "equal requests of a block differ");
        // Another chain's history may hold another request in this one's place: then nothing here fits it.
        Request memory forked = ask();
        forked.params.fee += 1;
        assertEq(statusOf(forked, noAnswer()), Status.NONE, "other content is another request");
        expectUnexpected(forked, Status.REQUESTED, Status.NONE);
        vm.prank(operator);
        coordinator.submit(forked, output());
        uint256 chainId = block.chainid;
        vm.chainId(chainId + 1);
        assertTrue(idOf(request) != id, "another chain is another request");
        vm.chainId(chainId);
    }

    function differByNonce(Request memory second, Request memory first) private pure returns (bool) {
        return Origin.unwrap(second.origin) == Origin.unwrap(first.origin) + 1;
    }

    function test_A26_aMoveNamesItsAnswer() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        Answer memory other = Answer(answer_.operator, answer_.outputRoot, answer_.submittedAt - 1);
        vm.warp(uint256(answer_.submittedAt) + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.AnswerMismatch.selector, idOf(request)));
        coordinator.finalize(request, other, output());
        other = Answer(stranger, answer_.outputRoot, answer_.submittedAt);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.AnswerMismatch.selector, idOf(request)));
        coordinator.finalize(request, other, output());
    }
}

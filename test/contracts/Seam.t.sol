// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInferenceCoordinator, Status} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {InferenceCoordinator} from "../../contracts/InferenceCoordinator.sol";
import {Answer, Request} from "../../contracts/libraries/RequestLib.sol";
import {AssayTest} from "./AssayTest.sol";
import {vm} from "./Vm.sol";

/// @notice What the dispute contract may do to an answer, and nobody else.
contract SeamTest is AssayTest {
    function test_onlyTheDisputeContractMayTouchAnAnswer() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        bytes memory refused = abi.encodeWithSelector(
            IInferenceCoordinator.CallerNotDisputeGame.selector,
            address(this)
        );
        vm.expectRevert(refused);
        coordinator.suspend(request, answer_);
        vm.expectRevert(refused);
        coordinator.uphold(request, answer_, 0);
        vm.expectRevert(refused);
        coordinator.void(request, answer_, BOND, 0, challenger);
    }

    function test_theDisputeContractIsNamedOnce() external {
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceCoordinator.DisputeGameAlreadySet.selector, coordinator.disputeGame())
        );
        coordinator.setDisputeGame(address(this));
        InferenceCoordinator fresh = new InferenceCoordinator(
            address(authority),
            address(operators),
            treasury,
            defaultParameters()
        );
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.AddressWithoutCode.selector, stranger));
        fresh.setDisputeGame(stranger);
        Request memory request = ask();
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.CallerNotDisputeGame.selector, address(this)));
        fresh.suspend(request, noAnswer());
    }

    function test_A15_twoConvictionsOfOneAnswerSlashOnce() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        for (uint256 i = 0; i < 4; ++i) game.suspend(request, answer_);
        game.uphold(request, answer_, 0);
        assertEq(statusOf(request, answer_), Status.SUSPENDED, "the other disputes hold it");
        assertEq(game.void(request, answer_, challenger), 3, "three are open when the first conviction slashes");
        uint256 stake = operators.operatorOf(operator).stake;
        assertEq(stake, STAKE - BOND, "the bond is gone");
        vm.expectRevert(unexpected(request, Status.SUBMITTED, Status.REQUESTED));
        game.void(request, answer_, stranger);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.NoOpenDispute.selector, idOf(request)));
        game.uphold(request, answer_, type(uint64).max);
        assertEq(operators.operatorOf(operator).stake, stake, "slashed once");
        assertEq(operators.owed(stranger), 0, "rewarded once");
        assertEq(operators.operatorOf(operator).locked, 0, "nothing is locked any more");
        assertEq(statusOf(request, noAnswer()), Status.REQUESTED, "reopened, whatever came later");
    }

    function test_A15_aPenaltyIsAtMostTheBond() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        game.suspend(request, answer_);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.PenaltyAboveBond.selector, BOND + 1, BOND));
        vm.prank(address(game));
        coordinator.void(request, answer_, BOND + 1, 0, challenger);
    }

    function test_aReopenedRequestGoesToAnotherOperator() external {
        enrol(stranger, STAKE);
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        game.suspend(request, answer_);
        game.void(request, answer_, challenger);
        assertTrue(!coordinator.isEligible(request, operator), "the convicted operator is out");
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceCoordinator.ConvictedBefore.selector, idOf(request), operator)
        );
        vm.prank(operator);
        coordinator.submit(request, output());
        Answer memory second = answer(request, stranger, output());
        finalize(request, second);
        assertTrue(coordinator.owed(stranger, address(0)) != 0, "the second operator is paid");
        assertEq(coordinator.owed(operator, address(0)), 0, "the first isn't");
    }

    function test_aRequestReopenedTooLateIsRefunded() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        game.suspend(request, answer_);
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD);
        game.void(request, answer_, challenger);
        assertEq(statusOf(request, noAnswer()), Status.REQUESTED, "other operators have a submit period");
        vm.warp(vm.getBlockTimestamp() + SUBMIT_PERIOD - 1);
        assertEq(statusOf(request, noAnswer()), Status.REQUESTED, "up to its last second");
        vm.warp(vm.getBlockTimestamp() + 1);
        assertEq(statusOf(request, noAnswer()), Status.EXPIRED, "past its deadline");
        coordinator.refund(request);
        assertEq(coordinator.owed(address(consumer), address(0)), FEE, "the fee goes back");
    }

    function test_batchesLeaveOutWhatIsNotTheirs() external {
        (Request memory mine, Request memory taken, Request memory late) = (ask(), ask(), ask());
        enrol(stranger, 9 * STAKE);
        answer(taken, stranger, output());
        vm.warp(mine.origin.requestedAt() + SUBMIT_PERIOD / 2);
        (Request[] memory requests, bytes[] memory outputs) = (new Request[](3), new bytes[](3));
        (requests[0], requests[1], requests[2]) = (taken, mine, mine);
        for (uint256 i = 0; i < 3; ++i) outputs[i] = output();
        vm.prank(operator);
        bool[] memory submitted = coordinator.submitBatch(requests, outputs);
        assertTrue(!submitted[0] && submitted[1] && !submitted[2], "submitted only what was open, and once");
        assertEq(operators.operatorOf(operator).locked, BOND, "one bond is locked");

        Answer[] memory answers = new Answer[](3);
        Answer memory given = Answer(operator, coordinatorRoot(output()), uint48(mine.origin.requestedAt() + 300));
        for (uint256 i = 0; i < 3; ++i) answers[i] = given;
        (requests[0], requests[1], requests[2]) = (mine, taken, late);
        vm.warp(uint256(given.submittedAt) + WINDOW);
        bool[] memory finalized = coordinator.finalizeBatch(requests, answers, outputs);
        assertTrue(finalized[0] && !finalized[1] && !finalized[2], "finalized only what was final");
        finalized = coordinator.finalizeBatch(requests, answers, outputs);
        assertTrue(!finalized[0], "and once");
        assertEq(coordinator.owed(operator, address(0)), (FEE * 93) / 100, "paid once");
    }
}

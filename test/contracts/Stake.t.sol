// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInferenceCoordinator, Parameters, Status} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {IModelRegistry, Model} from "../../contracts/interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "../../contracts/interfaces/IOperatorRegistry.sol";
import {OperatorRegistry} from "../../contracts/OperatorRegistry.sol";
import {ModelIdLib} from "../../contracts/libraries/ModelIdLib.sol";
import {Answer, Request} from "../../contracts/libraries/RequestLib.sol";
import {AssayTest} from "./AssayTest.sol";
import {vm} from "./Vm.sol";

contract StakeTest is AssayTest {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;

    function test_A06_aBondCantLeaveInFrontOfASlash() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        vm.startPrank(operator);
        vm.expectRevert(
            abi.encodeWithSelector(
                IInferenceCoordinator.InsufficientFreeStake.selector,
                operator,
                STAKE - BOND,
                STAKE - BOND + 1
            )
        );
        operators.startUnbonding(STAKE - BOND + 1);
        operators.startUnbonding(STAKE - BOND);
        vm.stopPrank();

        game.suspend(request, answer_);
        vm.warp(uint256(answer_.submittedAt) + UNBONDING_PERIOD);
        vm.prank(operator);
        assertEq(operators.withdraw(operator), STAKE - BOND, "what was free is withdrawn");
        game.void(request, answer_, challenger);
        assertEq(operators.owed(BURNED), BOND / 2, "half is to be burned");
        assertEq(operators.owed(challenger), BOND / 2, "half is the challenger's");
        assertEq(operators.operatorOf(operator).stake, 0, "the stake is gone");
        assertEq(coordinator.totalStake(), 0, "nothing counts any more");
        operators.payOut(BURNED);
        operators.payOut(challenger);
        assertEq(token.balanceOf(challenger), BOND / 2, "the reward is paid");
        assertEq(token.balanceOf(address(operators)), 0, "nothing is left behind");
    }

    function test_A06_unbondingOutlastsWindowDisputeAndGrace() external {
        Parameters memory parameters = defaultParameters();
        parameters.maxChallengeWindow = UNBONDING_PERIOD - DISPUTE_BOUND;
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorRegistry.UnbondingTooShort.selector,
                UNBONDING_PERIOD,
                uint256(UNBONDING_PERIOD) + 1
            )
        );
        coordinator.setParameters(parameters);
        parameters.maxChallengeWindow -= 1;
        coordinator.setParameters(parameters);

        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.UnbondingTooShort.selector, 7 days, 7 days + 1));
        new OperatorRegistry(address(authority), address(token), address(models), 7 days, 7 days, 0);
    }

    function test_A07_noWithdrawalWithOpenBonds() external {
        Request[3] memory requests = [ask(), ask(), ask()];
        for (uint256 i = 0; i < 3; ++i) answer(requests[i]);
        IOperatorRegistry.Operator memory account = operators.operatorOf(operator);
        assertEq(account.locked, 3 * BOND, "locked");
        vm.startPrank(operator);
        operators.startUnbonding(STAKE - 3 * BOND);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.InsufficientFreeStake.selector, operator, 0, 1));
        operators.startUnbonding(1);
        vm.warp(operators.operatorOf(operator).unbondsAt);
        operators.withdraw(operator);
        vm.stopPrank();
        account = operators.operatorOf(operator);
        assertEq(account.stake, account.locked, "what is locked stays");
    }

    function test_A07_noBondWithoutFreeStake() external {
        vm.prank(operator);
        operators.startUnbonding(STAKE - BOND + 1);
        Request memory request = ask();
        roll(1);
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceCoordinator.InsufficientFreeStake.selector, operator, BOND - 1, BOND)
        );
        vm.prank(operator);
        coordinator.submit(request, output());
    }

    function test_whatIsNotTheBeneficiarysIsBurned() external {
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.OperatorCallerNotCoordinator.selector, address(this)));
        operators.slash(operator, 3, challenger, 1);
        vm.prank(address(coordinator));
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.OperatorRewardExceedsSlash.selector, 4, 3));
        operators.slash(operator, 3, challenger, 4);
        vm.prank(address(coordinator));
        operators.slash(operator, 3, challenger, 1);
        assertEq(operators.owed(challenger), 1, "the beneficiary's");
        assertEq(operators.owed(BURNED), 2, "to be burned");
    }

    function test_unbondingAgainRestartsTheClock() external {
        vm.startPrank(operator);
        operators.startUnbonding(1);
        uint256 first = operators.operatorOf(operator).unbondsAt;
        vm.warp(first - 1);
        operators.startUnbonding(1);
        vm.warp(first);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorRegistry.OperatorStillUnbonding.selector,
                operator,
                first - 1 + UNBONDING_PERIOD,
                first
            )
        );
        operators.withdraw(operator);
        vm.stopPrank();
    }

    function test_onlyARegisteredModelCanBeServedAndAnswered() external {
        bytes32[] memory unknown = new bytes32[](1);
        unknown[0] = ModelIdLib.make(author, ROYALTY_BPS, keccak256("nothing"));
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.OperatorModelUnknown.selector, unknown[0]));
        vm.prank(operator);
        operators.setServedModels(unknown, true);

        modelId = unknown[0];
        Request memory request = ask();
        roll(1);
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD - 1);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.NotServing.selector, operator, modelId));
        vm.prank(operator);
        coordinator.submit(request, output());
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.OperatorNotRegistered.selector, stranger));
        vm.prank(stranger);
        operators.setServedModels(unknown, true);
    }

    function test_aModelIsRegisteredOnceByItsAuthor() external {
        Model memory record = model(author, ROYALTY_BPS);
        assertEq(models.modelIdOf(record), modelId, "the identity can be told beforehand");
        assertEq(keccak256(abi.encode(models.modelOf(modelId))), keccak256(abi.encode(record)), "the record is kept");
        (address royaltyTo, uint16 royaltyBps) = models.royaltyOf(modelId);
        assertTrue(royaltyTo == author && royaltyBps == ROYALTY_BPS, "the identity tells the royalty");
        vm.startPrank(author);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelAlreadyRegistered.selector, modelId));
        models.registerModel(record, 0, "");
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelAuthorNotCaller.selector, author, address(this)));
        models.registerModel(record, 0, "");
    }

    /// @dev Ten operators with a tenth of the stake each: everyone becomes eligible, in 8 steps, by a quarter of the period.
    function testFuzz_eligibilityWidensUntilEveryoneIsIn(bytes32 randomness) external {
        for (uint160 i = 1; i < 10; ++i) enrol(address(0xbeef00 + i), STAKE);
        Request memory request = ask();
        roll(1);
        vm.setBlockhash(request.origin.requestedBlock(), randomness);
        for (uint160 i = 1; i < 10; ++i) {
            address account = address(0xbeef00 + i);
            uint256 eligibleAt = coordinator.eligibleAt(request, account);
            assertTrue(eligibleAt <= request.origin.requestedAt() + SUBMIT_PERIOD / 4, "in by a quarter of the period");
            if (eligibleAt > request.origin.requestedAt()) {
                vm.warp(eligibleAt - 1);
                assertTrue(!coordinator.isEligible(request, account), "eligible a second early");
                vm.expectRevert(
                    abi.encodeWithSelector(
                        IInferenceCoordinator.NotEligible.selector,
                        idOf(request),
                        account,
                        eligibleAt
                    )
                );
                vm.prank(account);
                coordinator.submit(request, output());
            }
            vm.warp(eligibleAt);
            assertTrue(coordinator.isEligible(request, account), "eligible in time");
        }
    }

    /// @dev 400 requests, ten operators: between one and two are expected to be eligible at once (10 / 8 here).
    function test_aboutOneOperatorIsEligibleAtFirst() external {
        for (uint160 i = 1; i < 10; ++i) enrol(address(0xbeef00 + i), STAKE);
        uint256 eligible = 0;
        for (uint256 n = 0; n < 400; ++n) {
            Request memory request = ask();
            roll(1);
            vm.setBlockhash(request.origin.requestedBlock(), keccak256(abi.encode(n)));
            if (coordinator.isEligible(request, operator)) ++eligible;
            for (uint160 i = 1; i < 10; ++i) {
                if (coordinator.isEligible(request, address(0xbeef00 + i))) ++eligible;
            }
        }
        assertTrue(eligible > 400 && eligible < 800, "operators eligible at first");
    }

    function test_theOnlyOperatorIsEligibleAtOnce() external {
        Request memory request = ask();
        assertTrue(!coordinator.isEligible(request, operator), "not in the request's block");
        roll(1);
        assertTrue(coordinator.isEligible(request, operator), "eligible in the next");
        assertEq(statusOf(request, noAnswer()), Status.REQUESTED, "open");
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CoordinatorBound} from "../../contracts/CoordinatorBound.sol";
import {InferenceCoordinator} from "../../contracts/InferenceCoordinator.sol";
import {OperatorRegistry} from "../../contracts/OperatorRegistry.sol";
import {IInferenceCoordinator, Status} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {IOperatorRegistry} from "../../contracts/interfaces/IOperatorRegistry.sol";
import {Answer, Request, RequestParams} from "../../contracts/libraries/RequestLib.sol";
import {AssayTest} from "./AssayTest.sol";
import {GasMeter} from "./Consumers.sol";
import {FeeOnTransferToken} from "./Tokens.sol";
import {vm} from "./Vm.sol";

/// @notice What binds money to what it stands behind. One test for each check: without the check it fails.
contract MoneyBindingsTest is AssayTest {
    // --------------------------------------------------------------------------------------------------- stake

    function _keep(uint128 active) private {
        vm.prank(operator);
        operators.startUnbonding(STAKE - active);
    }

    function test_A38_aBondIsTakenFromFreeStake() external {
        _keep(BOND + BOND / 2);
        (Request memory first, Request memory second) = (ask(), ask());
        answer(first);
        becomeEligible(second, operator);
        assertTrue(!coordinator.isEligible(second, operator), "half of a bond is free");
        vm.prank(operator);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceCoordinator.InsufficientFreeStake.selector, operator, BOND / 2, BOND)
        );
        coordinator.submit(second, output());
    }

    function test_A38_freeStakeThatEqualsTheBondIsEnough() external {
        _keep(2 * BOND);
        (Request memory first, Request memory second) = (ask(), ask());
        answer(first);
        becomeEligible(second, operator);
        assertTrue(coordinator.isEligible(second, operator), "exactly a bond is free");
        answer(second);
        (uint256 active, uint256 free) = coordinator.stakeOf(operator);
        assertTrue(active == 2 * BOND && free == 0, "all of it is locked");
    }

    function test_A38_aStakeTokenThatKeepsAPartIsRefused() external {
        FeeOnTransferToken keeper = new FeeOnTransferToken();
        OperatorRegistry registry = new OperatorRegistry(
            address(authority),
            address(keeper),
            address(models),
            UNBONDING_PERIOD,
            DISPUTE_BOUND,
            BONDING_BLOCKS
        );
        InferenceCoordinator fresh = new InferenceCoordinator(
            address(authority),
            address(registry),
            treasury,
            defaultParameters()
        );
        registry.bindCoordinator(address(fresh));
        keeper.mint(stranger, 1_000);
        vm.startPrank(stranger);
        registry.register("");
        keeper.approve(address(registry), 1_000);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.OperatorTokenAmountMismatch.selector, 1_000, 990));
        registry.stake(1_000);
        vm.stopPrank();
    }

    function test_A38_theCoordinatorIsBoundOnce() external {
        CoordinatorBound[2] memory all = [CoordinatorBound(models), CoordinatorBound(operators)];
        address other = address(game);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(CoordinatorBound.CoordinatorAlreadyBound.selector, address(coordinator))
            );
            all[i].bindCoordinator(other);
            assertEq(address(all[i].coordinator()), address(coordinator), "as it was");
        }
    }

    function test_A38_anAccountWithoutCodeIsNoCoordinator() external {
        OperatorRegistry registry = new OperatorRegistry(
            address(authority),
            address(token),
            address(models),
            UNBONDING_PERIOD,
            DISPUTE_BOUND,
            0
        );
        vm.expectRevert(abi.encodeWithSelector(CoordinatorBound.CoordinatorWithoutCode.selector, stranger));
        registry.bindCoordinator(stranger);
        vm.prank(stranger);
        registry.register("");
        vm.prank(stranger);
        vm.expectRevert(CoordinatorBound.CoordinatorNotBound.selector);
        registry.stake(1);
    }

    // ---------------------------------------------------------------------------------------------- the registry

    function _registry(address stakeToken, address modelRegistry) private {
        new OperatorRegistry(address(authority), stakeToken, modelRegistry, UNBONDING_PERIOD, DISPUTE_BOUND, 0);
    }

    function test_A38_theRegistrysContractsHaveCode() external {
        bytes memory why = abi.encodeWithSelector(CoordinatorBound.CoordinatorWithoutCode.selector, stranger);
        vm.expectRevert(why);
        _registry(stranger, address(models));
        vm.expectRevert(why);
        _registry(address(token), stranger);
    }

    function test_A38_anEndpointHasItsLength() external {
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.OperatorTextTooLong.selector, 2_049, 2_048));
        operators.register(string(new bytes(2_049)));
        operators.register(string(new bytes(2_048)));
        assertTrue(operators.operatorOf(address(this)).registered, "the longest");
    }

    function test_A38_nothingIsStakedUnbondedOrPaidOut() external {
        vm.startPrank(operator);
        vm.expectRevert(IOperatorRegistry.OperatorAmountZero.selector);
        operators.stake(0);
        vm.expectRevert(IOperatorRegistry.OperatorAmountZero.selector);
        operators.startUnbonding(0);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.OperatorNothingToWithdraw.selector, operator));
        operators.withdraw(operator);
        operators.startUnbonding(1);
        vm.warp(operators.operatorOf(operator).unbondsAt);
        vm.expectRevert(IOperatorRegistry.OperatorRecipientZero.selector);
        operators.withdraw(address(0));
        operators.withdraw(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.OperatorNothingToWithdraw.selector, operator));
        operators.withdraw(operator);
        vm.stopPrank();
        assertEq(token.balanceOf(stranger), 1, "to whom it was sent");
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.OperatorNothingToWithdraw.selector, operator));
        operators.payOut(operator);
    }

    function test_A38_stakeIsActivatedOnceAndNotBeforeItsBlock() external {
        token.mint(operator, 7);
        vm.prank(operator);
        operators.stake(7);
        uint256 bondsAt = vm.getBlockNumber() + BONDING_BLOCKS;
        vm.roll(bondsAt - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.OperatorStillBonding.selector, operator, bondsAt, bondsAt - 1)
        );
        operators.activateStake(operator);
        vm.roll(bondsAt);
        operators.activateStake(operator);
        (uint256 active, ) = coordinator.stakeOf(operator);
        assertEq(active, STAKE + 7, "counts");
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.OperatorNothingToActivate.selector, operator));
        operators.activateStake(operator);
    }

    function test_A38_onlyActiveStakeIsSlashed() external {
        token.mint(operator, 7);
        vm.startPrank(operator);
        operators.stake(7);
        operators.startUnbonding(5);
        vm.stopPrank();
        vm.prank(address(coordinator));
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.OperatorSlashExceedsStake.selector, operator, STAKE + 7, STAKE - 4)
        );
        operators.slash(operator, STAKE - 4, challenger, 0);
        vm.prank(address(coordinator));
        operators.slash(operator, STAKE - 5, challenger, 0);
        assertEq(operators.operatorOf(operator).stake, 12, "what unbonds and what bonds is left");
    }

    function test_A38_onlyARegisteredOperatorStakesServesAndNamesADelegate() external {
        bytes memory why = abi.encodeWithSelector(IOperatorRegistry.OperatorNotRegistered.selector, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(why);
        operators.stake(1);
        vm.expectRevert(why);
        operators.setDelegate(operator);
        vm.expectRevert(why);
        operators.setServedModels(new bytes32[](0), true);
        vm.stopPrank();
    }

    // -------------------------------------------------------------------------------------------------- callback

    function finalizeWith(uint256 gas_, Request calldata request, Answer calldata answer_) external returns (bool) {
        // solhint-disable-next-line avoid-low-level-calls
        (bool success, ) = address(coordinator).call{gas: gas_}(
            abi.encodeCall(IInferenceCoordinator.finalize, (request, answer_, output()))
        );
        return success;
    }

    /// @dev With the least gas that a finalize takes, the callee sees what it sees with plenty of it.
    function test_A38_aCallbackHasItsGasWhateverTheFinalizeIsGiven() external {
        GasMeter meter = new GasMeter(coordinator);
        vm.deal(address(meter), 1 ether);
        RequestParams memory params_ = params();
        params_.callbackGasLimit = 5_000_000;
        vm.recordLogs();
        meter.ask(params_, input());
        Request memory request = lastRequest();
        Answer memory answer_ = answer(request);
        vm.warp(uint256(answer_.submittedAt) + WINDOW);
        uint256 snapshot = vm.snapshotState();
        assertTrue(this.finalizeWith(50_000_000, request, answer_), "with plenty");
        uint256 seen = meter.seen();
        assertTrue(seen > 4_990_000 && seen <= 5_000_000, "what was asked for");
        (uint256 less, uint256 enough) = (0, 50_000_000);
        while (less + 1 < enough) {
            vm.revertToState(snapshot);
            snapshot = vm.snapshotState();
            uint256 middle = (less + enough) / 2;
            if (this.finalizeWith(middle, request, answer_)) enough = middle;
            else less = middle;
        }
        vm.revertToState(snapshot);
        assertTrue(this.finalizeWith(enough, request, answer_), "with the least");
        assertEq(meter.seen(), seen, "and no less");
        (, bool delivered) = coordinator.isFinal(idOf(request), answer_);
        assertTrue(delivered, "delivered");
    }

    function test_A38_theGasOfACallbackCountsWhatTheEvmKeepsAndTheCallItself() external view {
        assertEq(coordinator.callbackGasNeeded(0), 5_000, "for the call");
        assertEq(coordinator.callbackGasNeeded(6_300_000), 6_300_000 + 100_000 + 5_000, "and a 63rd");
    }

    // ------------------------------------------------------------------------------------------------- withdrawal

    function test_A38_nothingIsWithdrawnTwiceOrToNobody() external {
        Request memory request = ask();
        finalize(request, answer(request));
        vm.startPrank(operator);
        vm.expectRevert(IInferenceCoordinator.AddressZero.selector);
        coordinator.withdraw(address(0), address(0));
        uint256 amount = coordinator.withdraw(address(0), stranger);
        assertTrue(amount != 0 && stranger.balance == amount, "paid to whom it was sent");
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.NothingOwed.selector, operator, address(0)));
        coordinator.withdraw(address(0), stranger);
        vm.stopPrank();
    }

    // ---------------------------------------------------------------------------------------------------- grace

    function test_A38_aLaterUpholdDoesNotShortenTheGrace() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        uint256 end = uint256(answer_.submittedAt) + WINDOW;
        game.suspend(request, answer_);
        game.suspend(request, answer_);
        game.uphold(request, answer_, uint64(end + 500));
        game.uphold(request, answer_, uint64(end + 100));
        vm.warp(end + 499);
        vm.expectRevert(unexpected(request, Status.FINALIZABLE, Status.SUBMITTED));
        coordinator.finalize(request, answer_, output());
        vm.warp(end + 500);
        coordinator.finalize(request, answer_, output());
    }

    // ----------------------------------------------------------------------------------------------- eligibility

    /// @return request One on which the operator, with a thousandth of the stake, has the worst of draws.
    function _unlucky() private returns (Request memory request) {
        enrol(stranger, 1_000 * STAKE);
        request = ask();
        roll(1);
        uint256 last = request.origin.requestedAt() + SUBMIT_PERIOD / 4;
        for (uint256 n = 0; coordinator.eligibleAt(request, operator) != last; ++n) {
            vm.setBlockhash(request.origin.requestedBlock(), keccak256(abi.encode(n)));
        }
    }

    function test_A38_everybodyIsEligibleFromAQuarterOfThePeriodOn() external {
        Request memory request = _unlucky();
        uint256 last = request.origin.requestedAt() + SUBMIT_PERIOD / 4;
        vm.warp(last - 1);
        assertTrue(!coordinator.isEligible(request, operator), "a second before");
        vm.prank(operator);
        vm.expectPartialRevert(IInferenceCoordinator.NotEligible.selector);
        coordinator.submit(request, output());
        vm.warp(last);
        assertTrue(coordinator.isEligible(request, operator), "at it");
        vm.prank(operator);
        coordinator.submit(request, output());
    }

    function test_A38_everybodyIsEligibleAfterTheExclusiveBlocks() external {
        Request memory request = _unlucky();
        vm.roll(request.origin.requestedBlock() + coordinator.exclusiveBlocks());
        assertTrue(!coordinator.isEligible(request, operator), "in the last of them");
        vm.roll(request.origin.requestedBlock() + coordinator.exclusiveBlocks() + 1);
        assertTrue(coordinator.isEligible(request, operator), "in the next");
        assertEq(coordinator.eligibleAt(request, operator), request.origin.requestedAt(), "from the start");
    }
}

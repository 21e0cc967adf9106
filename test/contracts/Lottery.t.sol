// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IInferenceCoordinator} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {IOperatorRegistry} from "../../contracts/interfaces/IOperatorRegistry.sol";
import {Request} from "../../contracts/libraries/RequestLib.sol";
import {AssayTest} from "./AssayTest.sol";
import {vm} from "./Vm.sol";

/// @notice Who may answer first: nobody in the request's own block, and nobody who could choose an address for it.
contract LotteryTest is AssayTest {
    address private constant LATE = address(0x1a7e);

    function _refused(Request memory request, address by) private {
        bytes memory output_ = output();
        vm.prank(by);
        vm.expectPartialRevert(IInferenceCoordinator.NotEligible.selector);
        coordinator.submit(request, output_);
    }

    /// @dev A request whose draw this operator wins from its next block on: it has all stake but a wei.
    function _asked() private returns (Request memory request) {
        request = ask();
    }

    function _serve(address by) private {
        bytes32[] memory served = new bytes32[](1);
        served[0] = modelId;
        vm.prank(by);
        operators.setServedModels(served, true);
    }

    function test_A41_nobodyAnswersInTheRequestsOwnBlock() external {
        Request memory request = _asked();
        assertTrue(!coordinator.isEligible(request, operator), "not even who has all stake");
        _refused(request, operator);
        // However much time a block claims to have taken.
        vm.warp(vm.getBlockTimestamp() + SUBMIT_PERIOD - 1);
        _refused(request, operator);
        roll(1);
        assertTrue(coordinator.isEligible(request, operator), "from the next block on");
        bytes memory output_ = output();
        vm.prank(operator);
        coordinator.submit(request, output_);
    }

    function test_A41_stakeThatIsYoungerThanTheRequestDoesNotCount() external {
        uint256 before = vm.getBlockNumber();
        token.mint(LATE, STAKE);
        vm.startPrank(LATE);
        operators.register("https://late.example");
        token.approve(address(operators), STAKE);
        operators.stake(STAKE);
        vm.stopPrank();
        _serve(LATE);
        assertEq(coordinator.totalStake(), 2 * STAKE, "announced at once, so that nobody's chance grows later");
        (uint256 active, uint256 free) = coordinator.stakeOf(LATE);
        assertEq(active + free, 0, "but it backs nothing");
        Request memory request = _asked();
        roll(1);
        bytes memory output_ = output();
        vm.prank(LATE);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.InsufficientFreeStake.selector, LATE, 0, BOND));
        coordinator.submit(request, output_);
        vm.roll(before + BONDING_BLOCKS - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorRegistry.OperatorStillBonding.selector,
                LATE,
                before + BONDING_BLOCKS,
                before + BONDING_BLOCKS - 1
            )
        );
        operators.activateStake(LATE);
        vm.prank(LATE);
        vm.expectRevert();
        operators.startUnbonding(1);
        vm.roll(before + BONDING_BLOCKS);
        operators.activateStake(LATE);
        (active, free) = coordinator.stakeOf(LATE);
        assertTrue(active == STAKE && free == STAKE, "now it counts");
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.OperatorNothingToActivate.selector, LATE));
        operators.activateStake(LATE);
    }

    function test_A41_depositingAgainRestartsTheCount() external {
        token.mint(operator, 2);
        vm.prank(operator);
        operators.stake(1);
        roll(BONDING_BLOCKS - 1);
        vm.prank(operator);
        operators.stake(1);
        roll(1);
        vm.expectPartialRevert(IOperatorRegistry.OperatorStillBonding.selector);
        operators.activateStake(operator);
        roll(BONDING_BLOCKS - 1);
        operators.activateStake(operator);
        (uint256 active, ) = coordinator.stakeOf(operator);
        assertEq(active, STAKE + 2, "both");
    }

    function test_A41_stakeTakesLongerToCountThanTheDrawDecides() external view {
        assertTrue(coordinator.exclusiveBlocks() < operators.bondingBlocks(), "or it could be deposited afterwards");
        assertEq(coordinator.exclusiveBlocks(), 200, "a block's hash is known for 256 blocks");
    }

    function test_A41_serviceThatIsYoungerThanTheRequestDoesNotCount() external {
        enrolWithoutService(LATE);
        // In the request's own block, too.
        _serve(LATE);
        Request memory request = _asked();
        roll(1);
        assertTrue(!coordinator.isEligible(request, LATE), "it could have been chosen for the request");
        _refused(request, LATE);
        vm.warp(coordinator.eligibleAt(request, LATE));
        assertTrue(coordinator.isEligible(request, LATE), "until everybody may answer");
        assertEq(vm.getBlockTimestamp(), request.origin.requestedAt() + SUBMIT_PERIOD / 4, "after a quarter");
    }

    function test_A41_sayingTwiceThatOneServesIsNotYounger() external {
        roll(1);
        _serve(operator);
        Request memory request = _asked();
        _serve(operator);
        roll(1);
        assertTrue(coordinator.isEligible(request, operator), "it serves since it first said so");
    }

    function test_A41_afterTheExclusiveBlocksEverybodyMayAnswer() external {
        enrolWithoutService(LATE);
        Request memory request = _asked();
        _serve(LATE);
        vm.roll(request.origin.requestedBlock() + 200);
        _refused(request, LATE);
        roll(1);
        assertTrue(coordinator.isEligible(request, LATE), "the draw's hash will soon be unknown");
    }

    function test_A41_theDrawIsTakenFromTheHashOfTheRequestsBlock() external {
        // One of 65: its chance is about one in 32 at first.
        for (uint256 i = 0; i < 8; ++i) enrol(address(uint160(0xf00 + i)), 8 * STAKE);
        Request memory request = _asked();
        uint256 made = request.origin.requestedBlock();
        roll(1);
        uint256 won = 0;
        for (uint256 i = 0; i < 256; ++i) {
            bytes32 hash = keccak256(abi.encode(i));
            vm.setBlockhash(made, hash);
            uint256 draw = uint128(uint256(keccak256(abi.encode(hash, idOf(request), operator))));
            bool expected = draw < uint256(STAKE) << (128 - request.origin.stakeBits());
            assertTrue(coordinator.isEligible(request, operator) == expected, "hash, request and operator");
            if (expected) ++won;
        }
        assertTrue(won > 0 && won < 32, "seldom");
    }

    // ------------------------------------------------------------------------------------------------- operators

    function enrolWithoutService(address account) internal {
        enrol(account, STAKE);
        bytes32[] memory served = new bytes32[](1);
        served[0] = modelId;
        vm.prank(account);
        operators.setServedModels(served, false);
        roll(1);
    }
}

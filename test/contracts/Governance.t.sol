// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {IInferenceCoordinator, Parameters} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {Answer, Request} from "../../contracts/libraries/RequestLib.sol";
import {AssayTest} from "./AssayTest.sol";
import {vm} from "./Vm.sol";

contract GovernanceTest is AssayTest {
    function test_A18_aPauseStopsNewRequestsAndNothingElse() external {
        (Request memory answered, Request memory open, Request memory disputed, Request memory unserved) = (
            ask(),
            ask(),
            ask(),
            ask()
        );
        Answer memory answer_ = answer(answered);
        Answer memory other = answer(disputed);
        coordinator.setPaused(true);
        vm.expectRevert(IInferenceCoordinator.NewRequestsPaused.selector);
        consumer.ask(params(), input());

        game.suspend(disputed, other);
        game.uphold(disputed, other, 0);
        game.suspend(disputed, other);
        game.void(disputed, other, challenger);
        answer(open);
        finalize(answered, answer_);
        coordinator.refund(unserved);
        vm.startPrank(operator);
        coordinator.withdraw(address(0), operator);
        operators.startUnbonding(1);
        vm.warp(operators.operatorOf(operator).unbondsAt);
        operators.withdraw(operator);
        vm.stopPrank();
        consumer.withdraw(address(0), stranger);

        coordinator.setPaused(false);
        ask();
    }

    function test_A18_aLiveRequestKeepsItsParameters() external {
        Request memory request = ask();
        Parameters memory parameters = defaultParameters();
        (parameters.protocolFeeBps, parameters.minBond) = (2_000, 1_000e18);
        (parameters.minSubmitPeriod, parameters.minChallengeWindow) = (6 days, 6 days);
        parameters.maxCallbackGas = 0;
        coordinator.setParameters(parameters);
        coordinator.setTreasury(stranger);
        Answer memory answer_ = answer(request);
        finalize(request, answer_);
        (, bool delivered) = coordinator.isFinal(idOf(request), answer_);
        assertTrue(delivered, "with the callback's gas of old");
        assertEq(
            coordinator.uncollectedProtocolFees(author, address(0)),
            (uint256(FEE) * PROTOCOL_FEE_BPS) / 10_000,
            "the protocol's part of old"
        );
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceCoordinator.BondOutOfRange.selector, BOND, 1_000e18, 1_000_000e18)
        );
        consumer.ask(params(), input());
    }

    function test_A18_parametersComeBackAsTheyWereSet() external view {
        assertEq(
            keccak256(abi.encode(coordinator.parameters())),
            keccak256(abi.encode(defaultParameters())),
            "parameters"
        );
    }

    function testFuzz_A18_parametersComeBackAsTheyWereSet(Parameters memory parameters, uint64 bond) external {
        parameters.protocolFeeBps %= 2_001;
        parameters.maxCallbackGas %= 10_000_001;
        parameters.maxChallengeWindow = 1 + (parameters.maxChallengeWindow % 13 days);
        parameters.minChallengeWindow = 1 + (parameters.minChallengeWindow % parameters.maxChallengeWindow);
        parameters.maxSubmitPeriod = 1 + (parameters.maxSubmitPeriod / 2);
        parameters.minSubmitPeriod = 1 + (parameters.minSubmitPeriod % parameters.maxSubmitPeriod);
        parameters.minBond = (1 + (uint128(bond) % 999_999_999)) * uint128(10 ** (uint256(bond) % 29));
        if (parameters.maxBondMultiple == 0) parameters.maxBondMultiple = 1;
        coordinator.setPaused(bond % 2 == 0);
        uint256 stake = coordinator.totalStake();
        coordinator.setParameters(parameters);
        assertEq(keccak256(abi.encode(coordinator.parameters())), keccak256(abi.encode(parameters)), "parameters");
        assertTrue(coordinator.paused() == (bond % 2 == 0), "the pause is kept");
        assertEq(coordinator.totalStake(), stake, "the stake is kept");
    }

    function test_A18_parametersThatContradictEachOtherAreRefused() external {
        Parameters[8] memory invalid;
        for (uint256 i = 0; i < 8; ++i) invalid[i] = defaultParameters();
        invalid[0].protocolFeeBps = 2_001;
        invalid[1].minChallengeWindow = invalid[1].maxChallengeWindow + 1;
        invalid[2].minSubmitPeriod = invalid[2].maxSubmitPeriod + 1;
        invalid[3].maxCallbackGas = 10_000_001;
        invalid[4].minBond = 0;
        invalid[5].minBond = 1e18 + 1;
        invalid[6].minChallengeWindow = 0;
        invalid[7].maxBondMultiple = 0;
        for (uint256 i = 0; i < 8; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.ParametersInvalid.selector, invalid[i]));
            coordinator.setParameters(invalid[i]);
        }
    }

    function test_A18_everyAdministrativeFunctionIsRestricted() external {
        bytes[7] memory calls = [
            abi.encodeCall(IInferenceCoordinator.setParameters, (defaultParameters())),
            abi.encodeCall(IInferenceCoordinator.setPaused, (true)),
            abi.encodeCall(IInferenceCoordinator.setTreasury, (stranger)),
            abi.encodeCall(IInferenceCoordinator.setFeeToken, (address(token), false)),
            abi.encodeCall(IInferenceCoordinator.setDisputeGame, (address(token))),
            abi.encodeCall(operators.bindCoordinator, (address(token))),
            abi.encodeCall(models.bindCoordinator, (address(token)))
        ];
        for (uint256 i = 0; i < 7; ++i) {
            address target =
                i == 5
                    ? address(operators)
                    : i == 6
                        ? address(models)
                        : address(coordinator);
            vm.prank(stranger);
            (bool success, bytes memory result) = target.call(calls[i]);
            assertTrue(
                !success && bytes4(result) == IAccessManaged.AccessManagedUnauthorized.selector,
                string.concat("anyone may make call ", vm.toString(i))
            );
        }
    }

    function test_A18_parametersChangeOnlyAfterTheDelay() external {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = IInferenceCoordinator.setParameters.selector;
        authority.setTargetFunctionRole(address(coordinator), selectors, 1);
        authority.grantRole(1, stranger, 2 days);
        Parameters memory parameters = defaultParameters();
        parameters.protocolFeeBps = 1;
        bytes memory call = abi.encodeCall(IInferenceCoordinator.setParameters, (parameters));
        vm.startPrank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessManager.AccessManagerNotScheduled.selector,
                authority.hashOperation(stranger, address(coordinator), call)
            )
        );
        coordinator.setParameters(parameters);
        uint256 start = vm.getBlockTimestamp();
        authority.schedule(address(coordinator), call, 0);
        vm.warp(start + 2 days - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessManager.AccessManagerNotReady.selector,
                authority.hashOperation(stranger, address(coordinator), call)
            )
        );
        coordinator.setParameters(parameters);
        vm.warp(start + 2 days);
        coordinator.setParameters(parameters);
        vm.stopPrank();
        assertEq(coordinator.parameters().protocolFeeBps, 1, "changed");
    }
}

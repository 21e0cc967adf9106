// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {CoordinatorBound} from "../../contracts/CoordinatorBound.sol";
import {IInferenceCoordinator, Status} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {IModelRegistry} from "../../contracts/interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "../../contracts/interfaces/IOperatorRegistry.sol";
import {Answer, Request, RequestParams} from "../../contracts/libraries/RequestLib.sol";
import {AssayTest} from "./AssayTest.sol";
import {DeafConsumer, FailingConsumer, GasMeter, HostileConsumer, ReentrantConsumer} from "./Consumers.sol";
import {vm} from "./Vm.sol";

contract CallbackTest is AssayTest {
    function askAs(HostileConsumer hostile, RequestParams memory params_) internal returns (Request memory) {
        vm.deal(address(hostile), FEE);
        vm.recordLogs();
        hostile.ask(params_, input());
        return lastRequest();
    }

    /// @dev Also shows that the state is final and the money credited before the consumer hears of it.
    function test_A01_aCallbackCanChangeNothing() external {
        ReentrantConsumer hostile = new ReentrantConsumer(coordinator);
        RequestParams memory params_ = params();
        params_.callbackGasLimit = 4_000_000;
        Request memory request = askAs(hostile, params_);
        Request memory other = ask();
        Answer memory answer_ = answer(request);
        hostile.watch(request, answer_);

        planAll(hostile, request, other, answer_);

        finalize(request, answer_);
        (, bool delivered) = coordinator.isFinal(idOf(request), answer_);
        assertTrue(delivered, "the callback itself succeeded");
        assertTrue(hostile.sawFinal(), "the state is final before the callback");
        assertTrue(hostile.sawOwed() != 0, "the money is credited before the callback");
        checkRefused(hostile);
    }

    /// @dev The same of the call that tells of a refund.
    function test_A01_aCallbackAboutARefundCanChangeNothing() external {
        ReentrantConsumer hostile = new ReentrantConsumer(coordinator);
        RequestParams memory params_ = params();
        params_.callbackGasLimit = 4_000_000;
        Request memory request = askAs(hostile, params_);
        Request memory other = ask();
        hostile.watch(request, noAnswer());
        planAll(hostile, other, other, answer(other));
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD);
        coordinator.refund(request);
        assertTrue(hostile.sawFinal(), "the state is final before the callback");
        assertEq(hostile.sawOwed(), FEE, "the money is credited before the callback");
        checkRefused(hostile);
    }

    /// @dev Everything that changes something: twelve calls of the coordinator, nine of the registries.
    function planAll(
        ReentrantConsumer hostile,
        Request memory request,
        Request memory other,
        Answer memory answer_
    ) internal {
        (Request[] memory requests, Answer[] memory answers, bytes[] memory outputs) = (
            new Request[](1),
            new Answer[](1),
            new bytes[](1)
        );
        (requests[0], answers[0], outputs[0]) = (other, answer_, output());
        RequestParams[] memory paramses = new RequestParams[](1);
        paramses[0] = params();
        address c = address(coordinator);
        hostile.plan(c, abi.encodeCall(IInferenceCoordinator.request, (params(), input())));
        hostile.plan(c, abi.encodeCall(IInferenceCoordinator.requestByURI, (params(), bytes32(0), "")));
        hostile.plan(c, abi.encodeCall(IInferenceCoordinator.requestBatch, (paramses, outputs)));
        hostile.plan(c, abi.encodeCall(IInferenceCoordinator.refund, (other)));
        hostile.plan(c, abi.encodeCall(IInferenceCoordinator.submit, (other, output())));
        hostile.plan(c, abi.encodeCall(IInferenceCoordinator.submitByURI, (other, bytes32(0), "")));
        hostile.plan(c, abi.encodeCall(IInferenceCoordinator.submitBatch, (requests, outputs)));
        hostile.plan(c, abi.encodeCall(IInferenceCoordinator.finalize, (request, answer_, output())));
        hostile.plan(c, abi.encodeCall(IInferenceCoordinator.finalizeBatch, (requests, answers, outputs)));
        hostile.plan(c, abi.encodeCall(IInferenceCoordinator.deliver, (request, answer_, output())));
        hostile.plan(c, abi.encodeCall(IInferenceCoordinator.withdraw, (address(0), address(hostile))));
        hostile.plan(c, abi.encodeCall(IInferenceCoordinator.collectProtocolFees, (address(0), new address[](1))));
        address o = address(operators);
        hostile.plan(o, abi.encodeCall(IOperatorRegistry.register, ("")));
        hostile.plan(o, abi.encodeCall(IOperatorRegistry.setServedModels, (new bytes32[](0), true)));
        hostile.plan(o, abi.encodeCall(IOperatorRegistry.stake, (1)));
        hostile.plan(o, abi.encodeCall(IOperatorRegistry.startUnbonding, (1)));
        hostile.plan(o, abi.encodeCall(IOperatorRegistry.withdraw, (address(hostile))));
        hostile.plan(o, abi.encodeCall(IOperatorRegistry.payOut, (address(hostile))));
        hostile.plan(o, abi.encodeCall(IOperatorRegistry.activateStake, (address(hostile))));
        hostile.plan(o, abi.encodeCall(IOperatorRegistry.setDelegate, (address(hostile))));
        hostile.plan(
            address(models),
            abi.encodeCall(IModelRegistry.registerModel, (model(address(hostile), 0), 0, ""))
        );
    }

    function checkRefused(ReentrantConsumer hostile) internal view {
        assertEq(hostile.attempts(), 21, "attempts");
        for (uint256 i = 0; i < 21; ++i) {
            bytes4 expected =
                i < 12
                    ? ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector
                    : CoordinatorBound.CoordinatorBusy.selector;
            assertTrue(hostile.errors(i) == expected, string.concat("attempt was not refused: ", vm.toString(i)));
        }
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_A02_aCallbackGetsItsGasOrNothingHappens(uint256 gasGiven) external {
        GasMeter meter = new GasMeter(coordinator);
        RequestParams memory params_ = params();
        params_.callbackGasLimit = 500_000;
        Request memory request = askAs(meter, params_);
        Answer memory answer_ = answer(request);
        vm.warp(uint256(answer_.submittedAt) + WINDOW);
        gasGiven = 400_000 + (gasGiven % 300_000);
        try coordinator.finalize{gas: gasGiven}(request, answer_, output()) {
            // What the consumer spends before it looks at its gas is its dispatch and the decoding of its arguments.
            assertTrue(meter.seen() <= 500_000 && meter.seen() > 499_000, "the callback was starved");
            (, bool delivered) = coordinator.isFinal(idOf(request), answer_);
            assertTrue(delivered, "delivered");
        } catch {
            assertEq(meter.seen(), 0, "a reverted finalize leaves nothing");
            assertEq(statusOf(request, answer_), Status.FINALIZABLE, "still finalizable");
            assertTrue(gasGiven < 600_000, "enough gas was given, and it was refused");
        }
    }

    function test_A03_returnedBytesCostTheCallerNothing() external {
        for (uint256 mode = 3; mode <= 4; ++mode) {
            FailingConsumer bomb = new FailingConsumer(coordinator, FailingConsumer.Mode(mode));
            RequestParams memory params_ = params();
            params_.callbackGasLimit = 2_500_000;
            Request memory request = askAs(bomb, params_);
            Answer memory answer_ = answer(request);
            vm.warp(uint256(answer_.submittedAt) + WINDOW);
            uint256 before = gasleft();
            coordinator.finalize(request, answer_, output());
            uint256 used = before - gasleft();
            assertTrue(used > 2_000_000, "the bomb went off");
            assertTrue(used < 2_500_000 + 150_000, "its bytes were copied");
            assertEq(statusOf(request, answer_), Status.FINALIZED, "settled");
        }
    }

    function test_A04_aConsumerThatFailsHoldsNothingUp() external {
        for (uint256 mode = 0; mode < 3; ++mode) {
            Request memory request = askAs(new FailingConsumer(coordinator, FailingConsumer.Mode(mode)), params());
            checkUndelivered(request);
        }
    }

    function test_A04_aConsumerWithoutTheFunctionHoldsNothingUp() external {
        DeafConsumer deaf = new DeafConsumer();
        vm.recordLogs();
        deaf.ask{value: FEE}(coordinator, params(), input());
        checkUndelivered(lastRequest());
    }

    function test_A04_aConsumerWithoutCodeHoldsNothingUp() external {
        vm.deal(stranger, FEE);
        vm.recordLogs();
        vm.prank(stranger);
        coordinator.request{value: FEE}(params(), input());
        checkUndelivered(lastRequest());
    }

    function checkUndelivered(Request memory request) internal {
        uint256 owed = coordinator.owed(operator, address(0));
        Answer memory answer_ = answer(request);
        finalize(request, answer_);
        (bool final_, bool delivered) = coordinator.isFinal(idOf(request), answer_);
        assertTrue(final_ && !delivered, "final and flagged");
        assertTrue(coordinator.owed(operator, address(0)) > owed, "the operator is paid");
        assertEq(operators.operatorOf(operator).locked, 0, "the bond is free");
    }

    function test_theOutputMustMatchTheRoot() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        vm.warp(uint256(answer_.submittedAt) + WINDOW);
        bytes memory other = vectorOf(64, 3);
        vm.expectRevert(
            abi.encodeWithSelector(
                IInferenceCoordinator.OutputMismatch.selector,
                idOf(request),
                answer_.outputRoot,
                coordinatorRoot(other)
            )
        );
        coordinator.finalize(request, answer_, other);
    }

    function test_withoutACallbackTheOutputNeedNotTravel() external {
        RequestParams memory params_ = params();
        params_.callbackGasLimit = 0;
        Request memory request = ask(params_);
        Answer memory answer_ = answer(request);
        vm.warp(uint256(answer_.submittedAt) + WINDOW);
        coordinator.finalize(request, answer_, "");
        (bool final_, bool delivered) = coordinator.isFinal(idOf(request), answer_);
        assertTrue(final_ && delivered, "final");
    }
}

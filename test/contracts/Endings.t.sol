// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {InferenceConsumer} from "../../contracts/consumer/InferenceConsumer.sol";
import {Ending} from "../../contracts/interfaces/IInferenceCallback.sol";
import {IInferenceCoordinator, Status} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {Answer, Request, RequestParams} from "../../contracts/libraries/RequestLib.sol";
import {EmittingConsumer} from "../../contracts/test/EmittingConsumer.sol";
import {AssayTest} from "./AssayTest.sol";
import {FailingConsumer, GasMeter, GuardedConsumer, HostileConsumer} from "./Consumers.sol";
import {Vm, vm} from "./Vm.sol";

/// @notice A consumer that takes refunds as the base does, and no other ETH.
contract PlainConsumer is InferenceConsumer {
    constructor(address coordinator_) InferenceConsumer(coordinator_, 0, true) {}

    function ask(RequestParams calldata params, bytes calldata input) external payable returns (bytes32) {
        return _requestInference(params, input);
    }

    function _onInference(bytes32, bytes calldata) internal override {}
}

/// @notice How a consumer hears that a request ended without its answer, takes its refund, and gets what it was not told.
contract EndingsTest is AssayTest {
    uint256 private constant DELIVERY_PERIOD = 1 days;

    function askAs(HostileConsumer hostile, RequestParams memory params_) internal returns (Request memory) {
        vm.deal(address(hostile), FEE);
        vm.recordLogs();
        hostile.ask(params_, input());
        return lastRequest();
    }

    function expire(Request memory request) internal {
        vm.warp(request.origin.requestedAt() + request.params.submitPeriod);
    }

    /// @return The endings that the emitting consumer was told since the logs were last read.
    function told(Request memory request) internal returns (Ending[] memory) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Ending[] memory endings = new Ending[](logs.length);
        uint256 count = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != EmittingConsumer.Ended.selector) continue;
            assertEq(logs[i].topics[1], idOf(request), "told of its own request");
            endings[count++] = abi.decode(logs[i].data, (Ending));
        }
        assembly ("memory-safe") {
            mstore(endings, count)
        }
        return endings;
    }

    function checkTold(Request memory request, Ending ending, string memory what) internal {
        Ending[] memory endings = told(request);
        assertEq(endings.length, 1, what);
        assertEq(uint256(endings[0]), uint256(ending), what);
    }

    // --------------------------------------------------------------------------------------------------- refunds

    function test_A40_aConsumerTakesARefundInEther() external {
        PlainConsumer plain = new PlainConsumer(address(coordinator));
        vm.deal(address(this), FEE);
        vm.recordLogs();
        plain.ask{value: FEE}(params(), input());
        Request memory request = lastRequest();
        expire(request);
        coordinator.refund(request);
        vm.prank(stranger);
        assertEq(plain.withdrawOwed(address(0)), FEE, "what came in");
        assertEq(address(plain).balance, FEE, "the fee is the consumer's again");
        assertEq(coordinator.owed(address(plain), address(0)), 0, "nothing is owed any more");
    }

    function test_A40_aConsumerTakesARefundInATokenAndSaysWhatBecomesOfIt() external {
        token.mint(address(consumer), FEE);
        RequestParams memory params_ = params();
        params_.feeToken = address(token);
        Request memory request = ask(params_);
        expire(request);
        coordinator.refund(request);
        vm.recordLogs();
        vm.prank(stranger);
        consumer.withdrawOwed(address(token));
        Vm.Log memory last = vm.getRecordedLogs()[2];
        assertEq(last.topics[0], EmittingConsumer.Withdrawn.selector, "the hook");
        assertEq(last.topics[1], bytes32(uint256(uint160(address(token)))), "the token");
        assertEq(abi.decode(last.data, (uint256)), FEE, "the amount");
        assertEq(token.balanceOf(address(consumer)), FEE, "the fee is the consumer's again");
    }

    function test_A40_aConsumerTakesNoOtherEther() external {
        PlainConsumer plain = new PlainConsumer(address(coordinator));
        vm.deal(stranger, 1);
        vm.prank(stranger);
        (bool taken, bytes memory why) = address(plain).call{value: 1}("");
        assertTrue(!taken && bytes4(why) == InferenceConsumer.CallerNotCoordinator.selector, "ETH from a stranger");
    }

    // --------------------------------------------------------------------------------------------------- endings

    function test_A40_aConsumerHearsThatNobodyAnswered() external {
        Request memory request = ask();
        expire(request);
        coordinator.refund(request);
        checkTold(request, Ending.REFUNDED, "refunded");
    }

    function test_A40_aConsumerHearsThatItsAnswerWasTakenAway() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        game.suspend(request, answer_);
        game.void(request, answer_, challenger);
        assertEq(told(request).length, 0, "a verdict calls nobody");
        expire(request);
        coordinator.refund(request);
        checkTold(request, Ending.VOIDED, "voided");
    }

    function test_A40_aConsumerHearsThatItsAnswerWasNotDelivered() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        vm.warp(uint256(answer_.submittedAt) + WINDOW + DELIVERY_PERIOD);
        coordinator.finalize(request, answer_, "");
        checkTold(request, Ending.UNDELIVERED, "not delivered");
    }

    function test_A40_aDeliveredAnswerIsNoEnding() external {
        Request memory request = ask();
        finalize(request, answer(request));
        assertEq(told(request).length, 0, "told of an ending");
    }

    function test_A40_withoutACallbackNobodyIsTold() external {
        RequestParams memory params_ = params();
        params_.callbackGasLimit = 0;
        Request memory request = ask(params_);
        expire(request);
        coordinator.refund(request);
        assertEq(told(request).length, 0, "told of an ending");
        assertEq(statusOf(request, noAnswer()), Status.REFUNDED, "refunded");
    }

    function test_A40_aRequesterWithoutCodeIsRefunded() external {
        vm.deal(stranger, FEE);
        vm.recordLogs();
        vm.prank(stranger);
        coordinator.request{value: FEE}(params(), input());
        Request memory request = lastRequest();
        expire(request);
        coordinator.refund(request);
        assertEq(coordinator.owed(stranger, address(0)), FEE, "owed");
    }

    function test_A40_aConsumerThatFailsIsRefundedAllTheSame() external {
        for (uint256 mode = 0; mode <= 4; ++mode) {
            FailingConsumer failing = new FailingConsumer(coordinator, FailingConsumer.Mode(mode));
            RequestParams memory params_ = params();
            params_.callbackGasLimit = 2_500_000;
            Request memory request = askAs(failing, params_);
            expire(request);
            uint256 before = gasleft();
            coordinator.refund(request);
            assertTrue(before - gasleft() < 2_500_000 + 150_000, "the bytes that it returned were copied");
            assertEq(statusOf(request, noAnswer()), Status.REFUNDED, "refunded");
            assertEq(coordinator.owed(address(failing), address(0)), FEE, "owed");
        }
    }

    function test_A40_aConsumerThatFailsIsSettledWithoutBytesAllTheSame() external {
        FailingConsumer failing = new FailingConsumer(coordinator, FailingConsumer.Mode.REVERT);
        Request memory request = askAs(failing, params());
        Answer memory answer_ = answer(request);
        vm.warp(uint256(answer_.submittedAt) + WINDOW + DELIVERY_PERIOD);
        coordinator.finalize(request, answer_, "");
        (bool final_, bool delivered) = coordinator.isFinal(idOf(request), answer_);
        assertTrue(final_ && !delivered, "final");
        assertEq(operators.operatorOf(operator).locked, 0, "the bond is free");
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_A40_theEndingGetsItsGasOrNothingHappens(uint256 gasGiven) external {
        GasMeter meter = new GasMeter(coordinator);
        RequestParams memory params_ = params();
        params_.callbackGasLimit = 500_000;
        Request memory request = askAs(meter, params_);
        expire(request);
        gasGiven = 400_000 + (gasGiven % 300_000);
        try coordinator.refund{gas: gasGiven}(request) {
            assertTrue(meter.seen() <= 500_000 && meter.seen() > 499_000, "the callback was starved");
        } catch {
            assertEq(meter.seen(), 0, "a reverted refund leaves nothing");
            assertEq(statusOf(request, noAnswer()), Status.EXPIRED, "still to be refunded");
            assertTrue(gasGiven < 600_000, "enough gas was given, and it was refused");
        }
    }

    function test_A40_onlyTheCoordinatorTellsAnEnding() external {
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.CallerNotCoordinator.selector, address(this)));
        consumer.onInferenceEnded(0, Ending.REFUNDED);
    }

    function test_A45_theGasOfACallbackIsQuoted() external {
        GasMeter meter = new GasMeter(coordinator);
        RequestParams memory params_ = params();
        params_.callbackGasLimit = 500_000;
        Request memory request = askAs(meter, params_);
        expire(request);
        uint256 quoted = coordinator.callbackGasNeeded(500_000);
        // Far less than what comes before the callback is needed on top; with what is quoted alone it can't be reached.
        (bool done, bytes memory why) = address(coordinator).call{gas: quoted}(
            abi.encodeCall(coordinator.refund, (request))
        );
        assertTrue(!done && bytes4(why) == IInferenceCoordinator.InsufficientCallbackGas.selector, "too little");
        (uint256 available, uint256 needed) = abi.decode(cut(why), (uint256, uint256));
        assertEq(needed, quoted, "what is needed is what was quoted");
        coordinator.refund{gas: quoted + (quoted - available)}(request);
        assertTrue(meter.seen() > 499_000, "just enough");
    }

    function cut(bytes memory data) internal pure returns (bytes memory rest) {
        rest = new bytes(data.length - 4);
        for (uint256 i = 0; i < rest.length; ++i) rest[i] = data[i + 4];
    }

    // -------------------------------------------------------------------------------------------------- delivery

    /// @dev A consumer whose answer is final and undelivered, because its guard was entered then.
    function undelivered() internal returns (GuardedConsumer guarded, Request memory request, Answer memory answer_) {
        guarded = new GuardedConsumer(coordinator);
        request = askAs(guarded, params());
        answer_ = answer(request);
        vm.warp(uint256(answer_.submittedAt) + WINDOW);
        guarded.during(address(coordinator), abi.encodeCall(coordinator.finalize, (request, answer_, output())));
        checkDelivered(request, answer_, false);
    }

    function checkDelivered(Request memory request, Answer memory answer_, bool expected) internal view {
        (bool final_, bool delivered) = coordinator.isFinal(idOf(request), answer_);
        assertTrue(final_ && delivered == expected, expected ? "delivered" : "not delivered");
    }

    function nothingToDeliver(Request memory request) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IInferenceCoordinator.NothingToDeliver.selector, idOf(request));
    }

    function test_A46_whatWasNotDeliveredCanBeDeliveredByAnybody() external {
        (GuardedConsumer guarded, Request memory request, Answer memory answer_) = undelivered();
        uint256 owed = coordinator.owed(operator, address(0));
        vm.prank(stranger);
        coordinator.deliver(request, answer_, output());
        checkDelivered(request, answer_, true);
        assertEq(guarded.heard(), 1, "heard once");
        assertEq(guarded.heardRoot(), answer_.outputRoot, "heard the answer");
        assertEq(coordinator.owed(operator, address(0)), owed, "nobody is paid twice");
        assertEq(operators.operatorOf(operator).locked, 0, "no bond is freed twice");
        vm.expectRevert(nothingToDeliver(request));
        coordinator.deliver(request, answer_, output());
    }

    function test_A46_whatFailsToBeDeliveredAgainChangesNothing() external {
        (GuardedConsumer guarded, Request memory request, Answer memory answer_) = undelivered();
        vm.expectRevert(abi.encodeWithSelector(GuardedConsumer.CallFailed.selector));
        guarded.during(address(coordinator), abi.encodeCall(coordinator.deliver, (request, answer_, output())));
        checkDelivered(request, answer_, false);
        coordinator.deliver(request, answer_, output());
        checkDelivered(request, answer_, true);
    }

    function test_A46_whatWasSettledWithoutItsBytesIsDeliveredOnceTheyAreThere() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        vm.warp(uint256(answer_.submittedAt) + WINDOW + DELIVERY_PERIOD);
        coordinator.finalize(request, answer_, "");
        bytes memory other = vectorOf(64, 9);
        vm.expectRevert(
            abi.encodeWithSelector(
                IInferenceCoordinator.OutputMismatch.selector,
                idOf(request),
                answer_.outputRoot,
                coordinatorRoot(other)
            )
        );
        coordinator.deliver(request, answer_, other);
        coordinator.deliver(request, answer_, output());
        checkDelivered(request, answer_, true);
    }

    function test_A46_onlyAnUndeliveredFinalAnswerIsDelivered() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        vm.expectRevert(nothingToDeliver(request));
        coordinator.deliver(request, answer_, output());
        finalize(request, answer_);
        vm.expectRevert(nothingToDeliver(request));
        coordinator.deliver(request, answer_, output());

        (, Request memory failed, Answer memory its) = undelivered();
        Answer memory forged = Answer(stranger, its.outputRoot, its.submittedAt);
        vm.expectRevert(nothingToDeliver(failed));
        coordinator.deliver(failed, forged, output());
    }

    /// @dev A call to an account without code returns: it would count as delivered.
    function test_A46_nothingIsDeliveredToAnAccountWithoutCode() external {
        vm.deal(stranger, FEE);
        vm.recordLogs();
        vm.prank(stranger);
        coordinator.request{value: FEE}(params(), input());
        Request memory request = lastRequest();
        Answer memory answer_ = answer(request);
        finalize(request, answer_);
        checkDelivered(request, answer_, false);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.AddressWithoutCode.selector, stranger));
        coordinator.deliver(request, answer_, output());
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_A46_aDeliveryGetsItsGasOrNothingHappens(uint256 gasGiven) external {
        GasMeter meter = new GasMeter(coordinator);
        RequestParams memory params_ = params();
        params_.callbackGasLimit = 500_000;
        Request memory request = askAs(meter, params_);
        Answer memory answer_ = answer(request);
        vm.warp(uint256(answer_.submittedAt) + WINDOW + DELIVERY_PERIOD);
        meter.setFailing(true);
        coordinator.finalize(request, answer_, output());
        meter.setFailing(false);
        gasGiven = 400_000 + (gasGiven % 300_000);
        try coordinator.deliver{gas: gasGiven}(request, answer_, output()) {
            assertTrue(meter.seen() <= 500_000 && meter.seen() > 499_000, "the callback was starved");
            checkDelivered(request, answer_, true);
        } catch {
            assertEq(meter.seen(), 0, "a reverted delivery leaves nothing");
            checkDelivered(request, answer_, false);
            assertTrue(gasGiven < 600_000, "enough gas was given, and it was refused");
        }
    }
}

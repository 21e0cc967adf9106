// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Status} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {Answer, Request} from "../../contracts/libraries/RequestLib.sol";
import {EmittingConsumer} from "../../contracts/test/EmittingConsumer.sol";
import {AssayTest} from "./AssayTest.sol";
import {Vm, vm} from "./Vm.sol";

contract LifecycleTest is AssayTest {
    function test_requestAnswerFinalize() external {
        Request memory request = ask();
        assertEq(statusOf(request, noAnswer()), Status.REQUESTED, "status once requested");
        Answer memory answer_ = answer(request);
        assertEq(statusOf(request, answer_), Status.SUBMITTED, "status once submitted");
        assertEq(operators.operatorOf(operator).locked, BOND, "locked once submitted");

        vm.recordLogs();
        finalize(request, answer_);
        assertEq(statusOf(request, answer_), Status.FINALIZED, "status once finalized");
        (bool final_, bool delivered) = coordinator.isFinal(idOf(request), answer_);
        assertTrue(final_ && delivered, "final and delivered");
        assertEq(operators.operatorOf(operator).locked, 0, "locked once finalized");

        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[0].emitter, address(consumer), "the consumer emits first");
        assertEq(logs[0].topics[1], idOf(request), "the consumer is told the request");
        assertEq(keccak256(abi.decode(logs[0].data, (bytes))), keccak256(output()), "the consumer is told the output");

        uint256 protocolFee = (uint256(FEE) * PROTOCOL_FEE_BPS) / 10_000;
        uint256 royalty = (uint256(FEE) * ROYALTY_BPS) / 10_000;
        assertEq(coordinator.owed(operator, address(0)), FEE - protocolFee - royalty, "the operator's part");
        assertEq(coordinator.owed(author, address(0)), royalty, "the royalty");
        address[] memory authors = new address[](1);
        authors[0] = author;
        coordinator.collectProtocolFees(address(0), authors);
        assertEq(coordinator.owed(treasury, address(0)), protocolFee, "the protocol's part");

        vm.prank(operator);
        coordinator.withdraw(address(0), operator);
        assertEq(operator.balance, FEE - protocolFee - royalty, "the operator is paid");
        assertEq(address(coordinator).balance, royalty + protocolFee, "what is still owed stays");
    }
}

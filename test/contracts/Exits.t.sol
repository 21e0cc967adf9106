// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Answer, Request, RequestParams, Transport} from "../../contracts/libraries/RequestLib.sol";
import {TensorLib} from "../../contracts/libraries/TensorLib.sol";
import {AssayTest} from "./AssayTest.sol";
import {vm} from "./Vm.sol";

/// @notice Money has an exit in bounded time, whether or not an answer can be delivered.
contract ExitsTest is AssayTest {
    uint256 private constant DELIVERY_PERIOD = 1 days;
    uint256 private constant MAX_INLINE_BYTES = 98_304;

    /// @return A bundle that a callback can't take.
    function tooLarge() internal pure returns (bytes memory) {
        return TensorLib.single(TensorLib.UINT8, TensorLib.vector(MAX_INLINE_BYTES), new bytes(MAX_INLINE_BYTES));
    }

    function askOnDemand() internal returns (Request memory) {
        RequestParams memory terms = params();
        terms.transport = Transport.ON_DEMAND;
        return ask(terms);
    }

    function answerByURI(Request memory request, bytes32 root) internal returns (Answer memory) {
        becomeEligible(request, operator);
        vm.prank(operator);
        coordinator.submitByURI(request, root, "ipfs://large");
        return Answer(operator, root, uint48(vm.getBlockTimestamp()));
    }

    function checkRefused(
        Request memory request,
        Answer memory answer_,
        bytes memory output_,
        string memory what
    ) internal {
        try coordinator.finalize(request, answer_, output_) {
            revert(what);
        } catch (bytes memory why) {
            assertTrue(why.length >= 4, "the reason is told");
        }
    }

    function checkSettled(Request memory request, Answer memory answer_) internal view {
        (bool final_, bool delivered) = coordinator.isFinal(idOf(request), answer_);
        assertTrue(final_ && !delivered, "final, and not delivered");
        assertTrue(coordinator.owed(operator, address(0)) != 0, "the operator is paid");
        assertEq(operators.operatorOf(operator).locked, 0, "the bond is free");
    }

    function test_A34_anAnswerTooLargeForItsCallbackIsSettledWithoutItsBytes() external {
        Request memory request = askOnDemand();
        bytes memory large = tooLarge();
        Answer memory answer_ = answerByURI(request, coordinatorRoot(large));
        uint256 finalizableAt = uint256(answer_.submittedAt) + WINDOW;
        vm.warp(finalizableAt);
        checkRefused(request, answer_, large, "too large for a callback");
        vm.warp(finalizableAt + DELIVERY_PERIOD - 1);
        checkRefused(request, answer_, "", "a second too early");
        vm.warp(finalizableAt + DELIVERY_PERIOD);
        checkRefused(request, answer_, output(), "other bytes never fit");
        vm.prank(stranger);
        coordinator.finalize(request, answer_, "");
        checkSettled(request, answer_);
    }

    function test_A34_anAnswerWhoseBytesNobodyHasIsSettled() external {
        Request memory request = askOnDemand();
        Answer memory answer_ = answerByURI(request, keccak256("no bundle has this root"));
        vm.warp(uint256(answer_.submittedAt) + WINDOW + DELIVERY_PERIOD);
        coordinator.finalize(request, answer_, "");
        checkSettled(request, answer_);
    }

    function test_A34_theExitOpensADayAfterTheLastGrace() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        game.suspend(request, answer_);
        uint256 upheldUntil = uint256(answer_.submittedAt) + WINDOW + 5_000;
        game.uphold(request, answer_, uint64(upheldUntil));
        vm.warp(upheldUntil + DELIVERY_PERIOD - 1);
        checkRefused(request, answer_, "", "a second too early");
        vm.warp(upheldUntil + DELIVERY_PERIOD);
        coordinator.finalize(request, answer_, "");
        checkSettled(request, answer_);
    }

    function test_A34_aSuspendedAnswerHasNoLateExit() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        game.suspend(request, answer_);
        vm.warp(uint256(answer_.submittedAt) + WINDOW + 30 days);
        checkRefused(request, answer_, "", "a dispute is open");
    }

    function test_A34_theBytesAreDeliveredHoweverLate() external {
        Request memory request = ask();
        Answer memory answer_ = answer(request);
        vm.warp(uint256(answer_.submittedAt) + WINDOW + 30 days);
        coordinator.finalize(request, answer_, output());
        (bool final_, bool delivered) = coordinator.isFinal(idOf(request), answer_);
        assertTrue(final_ && delivered, "delivered");
    }

    /// @dev Bytes that fit, that are too many, another answer's and none; the last only once it is late enough.
    function test_A34_oneItemWhoseBytesDontFitHoldsNoBatchUp() external {
        (Request[] memory requests, Answer[] memory answers) = (new Request[](4), new Answer[](4));
        bytes[] memory outputs = new bytes[](4);
        for (uint256 i = 0; i < 4; ++i) requests[i] = i == 1 ? askOnDemand() : ask();
        (outputs[0], outputs[1], outputs[2], outputs[3]) = (output(), tooLarge(), vectorOf(64, 9), "");
        for (uint256 i = 0; i < 4; ++i) {
            answers[i] = i == 1 ? answerByURI(requests[i], coordinatorRoot(outputs[i])) : answer(requests[i]);
        }
        uint256 finalizableAt = uint256(answers[3].submittedAt) + WINDOW;
        vm.warp(finalizableAt);
        bool[] memory finalized = coordinator.finalizeBatch(requests, answers, outputs);
        assertTrue(finalized[0] && !finalized[1] && !finalized[2] && !finalized[3], "only what fits");
        assertEq(operators.operatorOf(operator).locked, 3 * BOND, "the others' bonds are locked");
        vm.warp(finalizableAt + DELIVERY_PERIOD);
        outputs[1] = "";
        outputs[2] = output();
        finalized = coordinator.finalizeBatch(requests, answers, outputs);
        assertTrue(!finalized[0] && finalized[1] && finalized[2] && finalized[3], "the rest");
        assertEq(operators.operatorOf(operator).locked, 0, "every bond is free");
        (bool final_, bool delivered) = coordinator.isFinal(idOf(requests[1]), answers[1]);
        assertTrue(final_ && !delivered, "settled without its bytes");
        (final_, delivered) = coordinator.isFinal(idOf(requests[2]), answers[2]);
        assertTrue(final_ && delivered, "delivered once its bytes fit");
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {InferenceConsumer} from "../../contracts/consumer/InferenceConsumer.sol";
import {IExchange, TradingVault} from "../../contracts/examples/TradingVault.sol";
import {TextConsumer} from "../../contracts/examples/TextConsumer.sol";
import {Answer, Request} from "../../contracts/libraries/RequestLib.sol";
import {TensorLib} from "../../contracts/libraries/TensorLib.sol";
import {TestToken} from "../../contracts/test/TestToken.sol";
import {AssayTest} from "./AssayTest.sol";
import {vm} from "./Vm.sol";

/// @notice Trades two tokens at a fixed price of 2 quote for a base, out of its own holdings.
contract FixedPriceExchange is IExchange {
    IERC20 private immutable BASE;

    constructor(IERC20 base) {
        BASE = base;
    }

    function swap(
        address tokenIn,
        address tokenOut,
        uint256 amountIn,
        uint256 minimumOut
    ) external returns (uint256 out) {
        IERC20(tokenIn).transferFrom(msg.sender, address(this), amountIn);
        out = tokenIn == address(BASE) ? amountIn * 2 : amountIn / 2;
        require(out >= minimumOut, "too little");
        IERC20(tokenOut).transfer(msg.sender, out);
    }
}

contract ExamplesTest is AssayTest {
    receive() external payable {}

    function test_theVaultActsOnlyOnAFinalAnswer() external {
        (TestToken base, TestToken quote) = (new TestToken(), new TestToken());
        FixedPriceExchange exchange = new FixedPriceExchange(base);
        TradingVault vault = new TradingVault(coordinator, exchange, base, quote, modelId);
        base.mint(address(exchange), 1_000e18);
        quote.mint(address(vault), 100e18);
        vm.deal(address(this), FEE);
        vm.recordLogs();
        vault.ask{value: FEE}(BOND, SUBMIT_PERIOD, WINDOW, input());
        Request memory request = lastRequest();
        bytes memory threeQuarters = TensorLib.single(TensorLib.FLOAT32, TensorLib.vector(1), hex"0000403f");
        bytes memory all = TensorLib.single(TensorLib.FLOAT32, TensorLib.vector(1), hex"0000803f");
        Answer memory answer_ = answer(request, operator, threeQuarters);
        bytes memory notFinal = abi.encodeWithSelector(TradingVault.AnswerNotFinal.selector, idOf(request));
        vm.expectRevert(notFinal);
        vault.settle(answer_, threeQuarters, 2e18, 0);
        vm.warp(uint256(answer_.submittedAt) + WINDOW);
        vm.expectRevert(notFinal);
        vault.settle(answer_, threeQuarters, 2e18, 0);
        coordinator.finalize(request, answer_, "");
        vm.expectRevert(
            abi.encodeWithSelector(
                TradingVault.OutputNotTheAnswers.selector,
                coordinatorRoot(threeQuarters),
                coordinatorRoot(all)
            )
        );
        vault.settle(answer_, all, 2e18, 0);
        Answer memory forged = Answer(operator, coordinatorRoot(all), answer_.submittedAt);
        vm.expectRevert(notFinal);
        vault.settle(forged, all, 2e18, 0);

        vault.settle(answer_, threeQuarters, 2e18, 0);
        assertEq(base.balanceOf(address(vault)), 37.5e18, "three quarters are base now");
        assertEq(quote.balanceOf(address(vault)), 25e18, "the rest is quote");
        vm.expectRevert(abi.encodeWithSelector(TradingVault.RequestNotPending.selector, bytes32(0)));
        vault.settle(answer_, threeQuarters, 2e18, 0);
    }

    function test_theVaultGivesUpARefundedRequest() external {
        TestToken base = new TestToken();
        TradingVault vault = new TradingVault(coordinator, new FixedPriceExchange(base), base, token, modelId);
        vm.deal(address(this), FEE);
        vm.recordLogs();
        bytes32 requestId = vault.ask{value: FEE}(BOND, SUBMIT_PERIOD, WINDOW, input());
        Request memory request = lastRequest();
        vm.expectRevert(abi.encodeWithSelector(TradingVault.RequestPending.selector, requestId));
        vault.abandon();
        vm.warp(uint256(request.requestedAt) + SUBMIT_PERIOD);
        coordinator.refund(request);
        vault.abandon();
        assertEq(address(this).balance, FEE, "the fee is back");
        assertEq(vault.pending(), bytes32(0), "free to ask again");
    }

    /// @dev Classes 1 to 4: a, é, 中 and an emoji: one to four bytes of UTF-8.
    function textConsumer() internal returns (TextConsumer) {
        return new TextConsumer(address(coordinator), modelId, hex"0000000000610000e9004e2d01f600");
    }

    function bundleOf(bytes memory classes) internal pure returns (bytes memory) {
        return TensorLib.single(TensorLib.INT8, TensorLib.vector(classes.length), classes);
    }

    function test_textIsStoredOnceItIsFinal() external {
        TextConsumer reader = textConsumer();
        vm.deal(address(this), FEE);
        TextConsumer.Terms memory terms = TextConsumer.Terms(FEE, BOND, SUBMIT_PERIOD, WINDOW, 1_000_000);
        vm.recordLogs();
        bytes32 requestId = reader.read{value: FEE}(terms, input());
        Request memory request = lastRequest();
        // Repeats merge, a blank keeps two apart.
        bytes memory classes = bundleOf(hex"000101000102020003030404");
        Answer memory answer_ = answer(request, operator, classes);
        assertEq(bytes(reader.textOf(requestId)).length, 0, "nothing before the answer is final");
        vm.warp(uint256(answer_.submittedAt) + WINDOW);
        coordinator.finalize(request, answer_, classes);
        assertEq(keccak256(bytes(reader.textOf(requestId))), keccak256(unicode"aaé中😀"), "the text");
        (bytes32 latest, string memory text) = reader.latest();
        assertTrue(latest == requestId && bytes(text).length == 11, "the latest");
    }

    function test_aClassOutsideTheAlphabetIsRefused() external {
        TextConsumer reader = textConsumer();
        vm.expectRevert(abi.encodeWithSelector(TextConsumer.ClassOutOfRange.selector, 5, 5));
        vm.prank(address(coordinator));
        reader.onInference(0, bundleOf(hex"05"));
        vm.expectRevert(abi.encodeWithSelector(TextConsumer.ClassOutOfRange.selector, -1, 5));
        vm.prank(address(coordinator));
        reader.onInference(0, bundleOf(hex"ff"));
    }

    function test_onlyTheCoordinatorTellsAConsumer() external {
        TextConsumer reader = textConsumer();
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.CallerNotCoordinator.selector, address(this)));
        reader.onInference(0, bundleOf(hex"01"));
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IExchange, TradingVault} from "../../contracts/examples/TradingVault.sol";
import {Status} from "../../contracts/interfaces/IInferenceCoordinator.sol";
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

/// @dev This contract manages the vault and takes no ETH.
contract VaultTest is AssayTest {
    TestToken private base;
    TestToken private quote;
    TradingVault private vault;

    function setUp() public override {
        super.setUp();
        (base, quote) = (new TestToken(), new TestToken());
        FixedPriceExchange exchange = new FixedPriceExchange(base);
        vault = new TradingVault(coordinator, exchange, base, quote, modelId);
        base.mint(address(exchange), 1_000e18);
        quote.mint(address(exchange), 1_000e18);
        quote.mint(address(vault), 100e18);
        vm.deal(address(this), 1 ether);
    }

    function askVault(uint128 fee) internal returns (Request memory) {
        vm.recordLogs();
        vault.ask{value: fee}(BOND, SUBMIT_PERIOD, WINDOW, input());
        return lastRequest();
    }

    function part(bytes memory bits) internal pure returns (bytes memory) {
        return TensorLib.single(TensorLib.FLOAT32, TensorLib.vector(1), bits);
    }

    function settleOn(bytes memory output_) internal {
        Request memory request = askVault(FEE);
        Answer memory answer_ = answer(request, operator, output_);
        vm.warp(uint256(answer_.submittedAt) + WINDOW);
        coordinator.finalize(request, answer_, "");
        vault.settle(answer_, output_, 2e18, 0);
        assertEq(vault.pending(), bytes32(0), "free to ask again");
    }

    function test_A44_theVaultActsOnlyOnAFinalAnswer() external {
        Request memory request = askVault(FEE);
        (bytes memory threeQuarters, bytes memory all) = (part(hex"0000403f"), part(hex"0000803f"));
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

    function test_A44_theVaultSurvivesEveryFinalAnswer() external {
        bytes[] memory answers = new bytes[](14);
        answers[0] = part(hex"0000c07f"); // the one NaN
        answers[1] = part(hex"010080ff"); // another
        answers[2] = part(hex"0000807f"); // infinity
        answers[3] = part(hex"000080ff"); // its negative
        answers[4] = part(hex"0100803f"); // the next number above 1
        answers[5] = part(hex"ffff7f7f"); // the largest
        answers[6] = part(hex"000080bf"); // -1
        answers[7] = TensorLib.single(TensorLib.INT32, TensorLib.vector(1), hex"01000000");
        answers[8] = TensorLib.single(TensorLib.UINT8, TensorLib.vector(4), hex"0000003f");
        answers[9] = TensorLib.single(TensorLib.FLOAT32, TensorLib.vector(0), "");
        answers[10] = TensorLib.single(TensorLib.FLOAT32, TensorLib.vector(2), hex"0000003f0000003f");
        answers[11] = hex"00"; // no tensor at all
        answers[12] = vectorOf(64, 3);
        answers[13] = TensorLib.single(TensorLib.INT64, TensorLib.vector(1), hex"0000000000000000");
        for (uint256 i = 0; i < answers.length; ++i) settleOn(answers[i]);
        assertEq(quote.balanceOf(address(vault)), 100e18, "nothing was traded");
    }

    function test_A44_theEndsOfTheRangeAndZeroBelowZeroAreParts() external {
        settleOn(part(hex"0000803f"));
        assertEq(base.balanceOf(address(vault)), 50e18, "all is base");
        settleOn(part(hex"00000080"));
        assertEq(quote.balanceOf(address(vault)), 100e18, "none is base");
        settleOn(TensorLib.single(TensorLib.FLOAT32, new uint256[](0), hex"0000003f"));
        assertEq(base.balanceOf(address(vault)), 25e18, "a scalar is one number, too");
    }

    // ---------------------------------------------------------------------------------------------------- endings

    function checkAbandoned(Request memory request, Answer memory answer_) internal {
        vault.abandon(request, answer_);
        assertEq(vault.pending(), bytes32(0), "free to ask again");
        vm.expectRevert(abi.encodeWithSelector(TradingVault.RequestNotPending.selector, idOf(request)));
        vault.abandon(request, answer_);
    }

    function checkNotOver(Request memory request, Answer memory answer_, Status status) internal {
        vm.expectRevert(abi.encodeWithSelector(TradingVault.RequestNotOver.selector, idOf(request), status));
        vault.abandon(request, answer_);
    }

    function test_A44_theVaultGivesUpARequestThatNobodyAnswered() external {
        Request memory request = askVault(FEE);
        checkNotOver(request, noAnswer(), Status.REQUESTED);
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD);
        checkAbandoned(request, noAnswer());
        vault.withdrawOwed(stranger);
        assertEq(stranger.balance, FEE, "the fee is back, though the manager takes no ETH");
    }

    function test_A44_theVaultGivesUpARequestThatWasRefundedWithoutAFee() external {
        Request memory request = askVault(0);
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD);
        coordinator.refund(request);
        checkAbandoned(request, noAnswer());
        askVault(FEE);
    }

    function test_A44_theVaultGivesUpARequestWhoseAnswerWasVoided() external {
        Request memory request = askVault(FEE);
        Answer memory answer_ = answer(request);
        checkNotOver(request, answer_, Status.SUBMITTED);
        game.suspend(request, answer_);
        checkNotOver(request, answer_, Status.SUSPENDED);
        game.void(request, answer_, challenger);
        checkNotOver(request, answer_, Status.REQUESTED);
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD);
        checkAbandoned(request, answer_);
    }

    function test_A44_theVaultGivesUpAFinalAnswerThatNobodyBringsToIt() external {
        Request memory request = askVault(FEE);
        Answer memory answer_ = answer(request);
        vm.warp(uint256(answer_.submittedAt) + WINDOW);
        checkNotOver(request, answer_, Status.FINALIZABLE);
        coordinator.finalize(request, answer_, "");
        uint256 from = request.origin.requestedAt() + vault.PATIENCE();
        vm.warp(from - 1);
        vm.expectRevert(abi.encodeWithSelector(TradingVault.AnswerNotYetAbandoned.selector, idOf(request), from));
        vault.abandon(request, answer_);
        vm.warp(from);
        checkAbandoned(request, answer_);
    }

    function test_A44_onlyThePendingRequestIsGivenUp() external {
        Request memory others = ask();
        vm.warp(others.origin.requestedAt() + SUBMIT_PERIOD);
        askVault(FEE);
        vm.expectRevert(abi.encodeWithSelector(TradingVault.RequestNotPending.selector, idOf(others)));
        vault.abandon(others, noAnswer());
        vm.expectRevert(abi.encodeWithSelector(TradingVault.CallerNotManager.selector, stranger));
        vm.prank(stranger);
        vault.withdrawOwed(stranger);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInferenceCoordinator, Parameters} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {Answer, Request, RequestParams} from "../../contracts/libraries/RequestLib.sol";
import {TestToken} from "../../contracts/test/TestToken.sol";
import {AssayTest} from "./AssayTest.sol";
import {BlockListToken, FeeOnTransferToken, HookToken, SilentToken} from "./Tokens.sol";
import {vm} from "./Vm.sol";

contract MoneyTest is AssayTest {
    function tokenParams(address feeToken, uint128 fee) internal view returns (RequestParams memory params_) {
        params_ = params();
        params_.feeToken = feeToken;
        params_.fee = fee;
    }

    function funded(TestToken feeToken, uint128 fee) internal returns (RequestParams memory) {
        feeToken.mint(address(consumer), fee);
        coordinator.setFeeToken(address(feeToken), true);
        return tokenParams(address(feeToken), fee);
    }

    function collect(address feeToken) internal {
        address[] memory authors = new address[](1);
        authors[0] = author;
        coordinator.collectProtocolFees(feeToken, authors);
    }

    function test_A05_onlyListedTokensAreTaken() external {
        TestToken other = new TestToken();
        other.mint(address(consumer), FEE);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.FeeTokenNotAllowed.selector, address(other)));
        consumer.ask(tokenParams(address(other), FEE), input());
    }

    function test_A05_aTokenThatKeepsAPartIsRefused() external {
        FeeOnTransferToken taxed = new FeeOnTransferToken();
        RequestParams memory params_ = funded(taxed, 10_000);
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceCoordinator.FeeTokenAmountMismatch.selector, address(taxed), 10_000, 9_900)
        );
        consumer.ask(params_, input());
    }

    /// @dev The hook asks once more, with the same token, while the first fee is under way: one of both would be credited
    /// with the other's tokens if only the difference at the end counted.
    function test_A05_aTokenWithHooksCantCountOneTransferTwice() external {
        HookToken hooked = new HookToken();
        RequestParams memory params_ = funded(hooked, 1_000);
        hooked.mint(address(hooked), 1_000);
        vm.prank(address(hooked));
        hooked.approve(address(coordinator), 1_000);
        hooked.plan(address(coordinator), abi.encodeCall(IInferenceCoordinator.request, (params_, input())));
        vm.expectRevert(
            abi.encodeWithSelector(IInferenceCoordinator.FeeTokenAmountMismatch.selector, address(hooked), 1_000, 2_000)
        );
        consumer.ask(params_, input());
    }

    function test_A05_aTokenThatReturnsNothingWorks() external {
        SilentToken silent = new SilentToken();
        silent.mint(address(consumer), FEE);
        coordinator.setFeeToken(address(silent), true);
        Request memory request = ask(tokenParams(address(silent), FEE));
        finalize(request, answer(request));
        uint256 owed = coordinator.owed(operator, address(silent));
        vm.prank(operator);
        coordinator.withdraw(address(silent), operator);
        assertEq(silent.balanceOf(operator), owed, "paid");
    }

    function test_A05_aBlockedAccountHoldsUpNobodyElse() external {
        BlockListToken listed = new BlockListToken();
        Request memory request = ask(funded(listed, FEE));
        Answer memory answer_ = answer(request);
        listed.setBlocked(author, true);
        listed.setBlocked(address(consumer), true);
        finalize(request, answer_);
        vm.prank(operator);
        assertTrue(coordinator.withdraw(address(listed), operator) != 0, "the operator is paid");
        vm.expectRevert(abi.encodeWithSelector(BlockListToken.Blocked.selector, author));
        vm.prank(author);
        coordinator.withdraw(address(listed), author);
        vm.prank(author);
        assertTrue(coordinator.withdraw(address(listed), stranger) != 0, "the author may be paid elsewhere");
    }

    /// @dev Against the division written down anew: the protocol's part rounds up, the royalty down, the operator has the rest.
    function testFuzz_A16_thePartsAddUpToTheFee(
        uint128 fee,
        uint16 protocolFeeBps,
        uint16 royaltyBps,
        bool eth
    ) external {
        Parameters memory parameters = defaultParameters();
        parameters.protocolFeeBps = protocolFeeBps % 2_001;
        royaltyBps = royaltyBps % 5_001;
        coordinator.setParameters(parameters);
        vm.prank(author);
        modelId = models.registerModel(model(author, royaltyBps), 0, "");
        bytes32[] memory served = new bytes32[](1);
        served[0] = modelId;
        vm.prank(operator);
        operators.setServedModels(served, true);

        TestToken feeToken = new TestToken();
        RequestParams memory params_ = funded(feeToken, fee);
        if (eth) {
            params_.feeToken = address(0);
            vm.deal(address(consumer), fee);
        }
        Request memory request = ask(params_);
        finalize(request, answer(request));

        uint256 protocolFee = (uint256(fee) * parameters.protocolFeeBps) / 10_000;
        if (protocolFee * 10_000 < uint256(fee) * parameters.protocolFeeBps) ++protocolFee;
        uint256 royalty = (uint256(fee) * royaltyBps) / 10_000;
        address t = params_.feeToken;
        assertEq(coordinator.uncollectedProtocolFees(author, t), protocolFee, "the protocol's part");
        assertEq(coordinator.owed(author, t), royalty, "the royalty");
        assertEq(coordinator.owed(operator, t), fee - protocolFee - royalty, "the operator's part");
        collect(t);
        assertEq(coordinator.owed(treasury, t), protocolFee, "the treasury");
        assertEq(coordinator.uncollectedProtocolFees(author, t), 0, "collected once");
        uint256 held = eth ? address(coordinator).balance : feeToken.balanceOf(address(coordinator));
        assertEq(held, fee, "what is held");
        if (protocolFee != 0) withdrawAll(treasury, t);
        if (royalty != 0) withdrawAll(author, t);
        if (fee != protocolFee + royalty) withdrawAll(operator, t);
        assertEq(eth ? address(coordinator).balance : feeToken.balanceOf(address(coordinator)), 0, "all is paid out");
    }

    function withdrawAll(address account, address t) internal {
        vm.prank(account);
        coordinator.withdraw(t, account);
        assertEq(coordinator.owed(account, t), 0, "owed after a withdrawal");
    }

    function test_A16_oneWeiGoesToTheProtocol() external {
        RequestParams memory params_ = params();
        params_.fee = 1;
        Request memory request = ask(params_);
        finalize(request, answer(request));
        assertEq(coordinator.uncollectedProtocolFees(author, address(0)), 1, "the protocol's part");
        assertEq(coordinator.owed(operator, address(0)), 0, "the operator's part");
    }

    function test_A27_theValueSentMustBeTheFee() external {
        uint256[3] memory sent = [uint256(0), FEE - 1, FEE + 1];
        for (uint256 i = 0; i < 3; ++i) {
            vm.deal(stranger, sent[i]);
            vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.WrongValue.selector, FEE, sent[i]));
            vm.prank(stranger);
            coordinator.request{value: sent[i]}(params(), input());
        }
    }

    function test_A27_noEthWithATokenFee() external {
        token.mint(stranger, FEE);
        vm.deal(stranger, 1);
        vm.startPrank(stranger);
        token.approve(address(coordinator), FEE);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.WrongValue.selector, 0, 1));
        coordinator.request{value: 1}(tokenParams(address(token), FEE), input());
        vm.stopPrank();
    }

    function test_A27_theBatchsValueIsTheSumOfItsFees() external {
        (RequestParams[] memory paramses, bytes[] memory inputs) = (new RequestParams[](2), new bytes[](2));
        (paramses[0], paramses[1]) = (params(), tokenParams(address(token), FEE));
        (inputs[0], inputs[1]) = (input(), input());
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.WrongValue.selector, FEE, 2 * FEE));
        consumer.askBatch{value: 2 * FEE}(paramses, inputs);
    }

    function test_A27_forcedEthBelongsToNobody() external {
        Request memory request = ask();
        vm.deal(address(coordinator), address(coordinator).balance + 5 ether);
        token.mint(address(coordinator), 5 ether);
        finalize(request, answer(request));
        collect(address(0));
        uint256 owed =
            coordinator.owed(operator, address(0)) +
                coordinator.owed(author, address(0)) +
                coordinator.owed(treasury, address(0));
        assertEq(owed, FEE, "only the fee is owed");
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.NothingOwed.selector, stranger, address(0)));
        vm.prank(stranger);
        coordinator.withdraw(address(0), stranger);
    }

    function test_aRefundIsOwedToTheRequester() external {
        Request memory request = ask(funded(token, FEE));
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD);
        coordinator.refund(request);
        consumer.withdraw(address(token), stranger);
        assertEq(token.balanceOf(stranger), FEE, "refunded");
    }
}

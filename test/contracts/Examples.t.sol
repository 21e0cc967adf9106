// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {InferenceConsumer} from "../../contracts/consumer/InferenceConsumer.sol";
import {PinnedTermsConsumer, Terms} from "../../contracts/consumer/PinnedTermsConsumer.sol";
import {FaceConsumer} from "../../contracts/examples/FaceConsumer.sol";
import {Forecaster} from "../../contracts/examples/Forecaster.sol";
import {TextConsumer} from "../../contracts/examples/TextConsumer.sol";
import {IModelRegistry, Model} from "../../contracts/interfaces/IModelRegistry.sol";
import {Answer, Request, RequestParams} from "../../contracts/libraries/RequestLib.sol";
import {TensorLib} from "../../contracts/libraries/TensorLib.sol";
import {AssayTest} from "./AssayTest.sol";
import {vm} from "./Vm.sol";

contract ExamplesTest is AssayTest {
    receive() external payable {}

    function terms() internal pure returns (Terms memory) {
        return
            Terms({
                fee: FEE,
                bond: BOND,
                submitPeriod: SUBMIT_PERIOD,
                challengeWindow: WINDOW,
                callbackGasLimit: 1_000_000
            });
    }

    /// @dev Classes 1 to 4: a, é, 中 and an emoji: one to four bytes of UTF-8.
    function textConsumer() internal returns (TextConsumer) {
        return
            new TextConsumer({
                coordinator_: address(coordinator),
                modelId: modelId,
                takesUndisputable: true,
                terms_: terms(),
                alphabet: hex"0000000000610000e9004e2d01f600"
            });
    }

    function bundleOf(bytes memory classes) internal pure returns (bytes memory) {
        return TensorLib.single(TensorLib.INT8, TensorLib.vector(classes.length), classes);
    }

    function test_textIsStoredOnceItIsFinal() external {
        TextConsumer reader = textConsumer();
        vm.deal(address(this), FEE);
        vm.recordLogs();
        bytes32 requestId = reader.read{value: FEE}(input());
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

    // ------------------------------------------------------------------------------------- terms, refunds, models

    function faceConsumer() internal returns (FaceConsumer) {
        return
            new FaceConsumer({
                coordinator_: address(coordinator),
                modelId: modelId,
                takesUndisputable: true,
                terms_: terms(),
                threshold: 0
            });
    }

    function checkTerms(Request memory request) internal view {
        assertEq(request.params.modelId, modelId, "the model");
        assertEq(request.params.feeToken, address(0), "the fee's token");
        assertEq(request.params.fee, FEE, "the fee");
        assertEq(request.params.bond, BOND, "the bond");
        assertEq(request.params.submitPeriod, SUBMIT_PERIOD, "the submit period");
        assertEq(request.params.challengeWindow, WINDOW, "the window");
        assertEq(request.params.callbackGasLimit, 1_000_000, "the callback's gas");
    }

    function test_A42_anAskerChoosesOnlyTheInput() external {
        (TextConsumer reader, FaceConsumer looker) = (textConsumer(), faceConsumer());
        bytes32 root = coordinatorRoot(input());
        vm.deal(stranger, 3 * FEE);
        vm.recordLogs();
        vm.startPrank(stranger);
        reader.read{value: FEE}(input());
        checkTerms(lastRequest());
        reader.readByURI{value: FEE}(root, "ipfs://line");
        checkTerms(lastRequest());
        looker.look{value: FEE}(root, "ipfs://picture");
        checkTerms(lastRequest());
        bytes memory notSent = abi.encodeWithSelector(PinnedTermsConsumer.FeeNotSent.selector, FEE, 0);
        vm.expectRevert(notSent);
        reader.read(input());
        vm.expectRevert(notSent);
        looker.look(root, "ipfs://picture");
        vm.stopPrank();
    }

    function test_A42_tooLittleGasToBookARefundIsRefused() external {
        Terms memory short = terms();
        short.callbackGasLimit = 199_999;
        vm.expectRevert(abi.encodeWithSelector(PinnedTermsConsumer.CallbackGasTooLow.selector, 199_999, 200_000));
        new FaceConsumer(address(coordinator), modelId, true, short, 0);
        short.callbackGasLimit = 200_000;
        FaceConsumer looker = new FaceConsumer(address(coordinator), modelId, true, short, 0);
        checkRefund(looker, lookAs(looker, stranger));
    }

    function lookAs(FaceConsumer looker, address asker) internal returns (Request memory) {
        vm.deal(asker, FEE);
        bytes32 root = coordinatorRoot(input());
        vm.recordLogs();
        vm.prank(asker);
        looker.look{value: FEE}(root, "ipfs://picture");
        return lastRequest();
    }

    function checkRefund(PinnedTermsConsumer asked, Request memory request) internal {
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD);
        coordinator.refund(request);
        assertEq(asked.refundOf(stranger), FEE, "booked");
        vm.prank(stranger);
        asked.takeRefund(payable(challenger));
        assertEq(challenger.balance, FEE, "paid where the asker said");
        assertEq(asked.refundOf(stranger), 0, "paid once");
        vm.expectRevert(abi.encodeWithSelector(PinnedTermsConsumer.NoRefund.selector, stranger));
        vm.prank(stranger);
        asked.takeRefund(payable(challenger));
    }

    function test_A40_anAskerOfATextTakesItsFeeBack() external {
        TextConsumer reader = textConsumer();
        vm.deal(stranger, FEE);
        vm.recordLogs();
        vm.prank(stranger);
        reader.read{value: FEE}(input());
        checkRefund(reader, lastRequest());
    }

    /// @dev Of two askers each gets its own fee, also where somebody has brought both in before.
    function test_A40_anAskerOfFacesTakesItsFeeBack() external {
        FaceConsumer looker = faceConsumer();
        Request memory others = lookAs(looker, author);
        Request memory request = lookAs(looker, stranger);
        vm.warp(request.origin.requestedAt() + SUBMIT_PERIOD);
        coordinator.refund(others);
        coordinator.refund(request);
        looker.withdrawOwed(address(0));
        vm.prank(stranger);
        looker.takeRefund(payable(stranger));
        vm.prank(author);
        looker.takeRefund(payable(author));
        assertEq(stranger.balance, FEE, "the one's");
        assertEq(author.balance, FEE, "the other's");
    }

    function test_A40_whatIsNotDeliveredIsNoRefund() external {
        FaceConsumer looker = faceConsumer();
        Request memory request = lookAs(looker, stranger);
        Answer memory answer_ = answer(request);
        vm.warp(uint256(answer_.submittedAt) + WINDOW + 1 days);
        coordinator.finalize(request, answer_, "");
        assertEq(looker.refundOf(stranger), 0, "the fee is the operator's");
    }

    function disputableModel() internal returns (bytes32) {
        Model memory disputable = model(author, ROYALTY_BPS);
        bytes memory x = abi.encodePacked(uint8(1), TensorLib.FLOAT32, uint8(1), uint32(16));
        bytes memory y = abi.encodePacked(uint8(1), TensorLib.FLOAT32, uint8(1), uint32(64), uint64(0));
        bytes memory header = abi.encodePacked(uint8(1), x, y, uint32(1), uint32(1), uint32(0));
        disputable.programRoot = keccak256(abi.encodePacked(hex"07", bytes32("instructions"), header));
        disputable.weightRoot = keccak256("weights");
        vm.prank(author);
        return models.registerModel(disputable, "instructions", header);
    }

    function test_A40_theForecastersOwnerTakesItsFeeBack() external {
        Forecaster forecaster = new Forecaster(address(coordinator), disputableModel());
        vm.deal(address(this), FEE);
        vm.recordLogs();
        forecaster.ask{value: FEE}(new bytes(64));
        Request memory request = lastRequest();
        vm.warp(request.origin.requestedAt() + request.params.submitPeriod);
        coordinator.refund(request);
        vm.prank(stranger);
        forecaster.withdrawOwed(address(0));
        assertEq(address(this).balance, FEE, "the fee is back");
        vm.expectRevert(abi.encodeWithSelector(Forecaster.CallerNotOwner.selector, stranger));
        vm.prank(stranger);
        forecaster.ask(new bytes(64));
    }

    function test_A39_aConsumerRefusesAModelThatCantBeDisputed() external {
        bytes memory refused = abi.encodeWithSelector(InferenceConsumer.ModelNotDisputable.selector, modelId);
        vm.expectRevert(refused);
        new Forecaster(address(coordinator), modelId);
        vm.expectRevert(refused);
        new FaceConsumer(address(coordinator), modelId, false, terms(), 0);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelUnknown.selector, bytes32(uint256(1))));
        new Forecaster(address(coordinator), bytes32(uint256(1)));
        new FaceConsumer(address(coordinator), disputableModel(), false, terms(), 0);
    }

    /// @dev A consumer that pins no model has it looked up with every request.
    function test_A39_aConsumerOfAnyModelRefusesOneThatCantBeDisputed() external {
        AnyModelConsumer asker = new AnyModelConsumer(address(coordinator));
        RequestParams memory params_ = params();
        params_.fee = 0;
        bytes32 root = coordinatorRoot(input());
        bytes memory refused = abi.encodeWithSelector(InferenceConsumer.ModelNotDisputable.selector, modelId);
        vm.expectRevert(refused);
        asker.ask(params_, input());
        vm.expectRevert(refused);
        asker.askByURI(params_, root);
        params_.modelId = disputableModel();
        asker.ask(params_, input());
        asker.askByURI(params_, root);
    }
}

contract AnyModelConsumer is InferenceConsumer {
    constructor(address coordinator_) InferenceConsumer(coordinator_, 0, false) {}

    function ask(RequestParams calldata params, bytes calldata input) external {
        _requestInference(params, input);
    }

    function askByURI(RequestParams calldata params, bytes32 inputRoot) external {
        _requestInferenceByURI(params, inputRoot, "ipfs://input");
    }

    // solhint-disable-next-line no-empty-blocks
    function _onInference(bytes32, bytes calldata) internal override {}
}

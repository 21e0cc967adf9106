// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInferenceCoordinator} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {IModelRegistry, Model, TensorSpec} from "../../contracts/interfaces/IModelRegistry.sol";
import {Answer, Request, RequestParams} from "../../contracts/libraries/RequestLib.sol";
import {TensorLib} from "../../contracts/libraries/TensorLib.sol";
import {AssayTest} from "./AssayTest.sol";
import {vm} from "./Vm.sol";

contract LimitsTest is AssayTest {
    uint256 private constant MAX_INLINE_BYTES = 98_304;
    uint256 private constant HALF_A_BLOCK = 18_000_000;
    uint256 private constant TRANSACTION_CAP = 2 ** 24;

    /// @return A bundle of `length` bytes, none of them zero as far as that is possible.
    function bundleOf(uint256 length) internal pure returns (bytes memory) {
        bytes memory data = new bytes(length - 7);
        for (uint256 i = 0; i < data.length; i += 32) {
            assembly ("memory-safe") {
                mstore(add(add(data, 32), i), not(0))
            }
        }
        assembly ("memory-safe") {
            mstore(data, sub(length, 7))
        }
        return TensorLib.single(TensorLib.INT8, TensorLib.vector(length - 7), data);
    }

    /// @dev What a transaction costs: execution, or the floor of its calldata, whichever is more.
    function transactionGas(uint256 execution, uint256 bytes_) internal pure returns (uint256) {
        uint256 standard = 21_000 + 16 * bytes_ + execution;
        uint256 floor = 21_000 + 40 * bytes_;
        return standard > floor ? standard : floor;
    }

    function checkGas(uint256 before, uint256 bytes_, string memory what) internal view {
        uint256 gas_ = transactionGas(before - gasleft(), bytes_ + 1_000);
        assertTrue(gas_ < TRANSACTION_CAP && gas_ < HALF_A_BLOCK, what);
    }

    function test_A20_theLargestInlineBytesFitIntoATransaction() external {
        uint256 length = MAX_INLINE_BYTES - 1; // 7 bytes of header and whole words
        bytes memory bundle = bundleOf(length);
        RequestParams memory params_ = params();
        params_.callbackGasLimit = 5_000_000;
        vm.deal(stranger, FEE);
        vm.recordLogs();
        uint256 before = gasleft();
        consumer.ask{value: FEE}(params_, bundle);
        checkGas(before, length, "the request is too expensive");
        Request memory request = lastRequest();
        roll(1);
        vm.prank(operator);
        before = gasleft();
        coordinator.submit(request, bundle);
        checkGas(before, length, "the answer is too expensive");
        Answer memory answer_ = Answer(operator, coordinatorRoot(bundle), uint48(request.origin.requestedAt()));
        vm.warp(request.origin.requestedAt() + WINDOW);
        before = gasleft();
        coordinator.finalize(request, answer_, bundle);
        checkGas(before, length, "finalizing is too expensive");
        (, bool delivered) = coordinator.isFinal(idOf(request), answer_);
        assertTrue(delivered, "delivered");
    }

    function test_A20_longerInlineBytesAreRefused() external {
        bytes memory bundle = bundleOf(MAX_INLINE_BYTES + 3);
        bytes memory refused = abi.encodeWithSelector(
            IInferenceCoordinator.InlineBytesTooLong.selector,
            bundle.length,
            MAX_INLINE_BYTES
        );
        vm.expectRevert(refused);
        consumer.ask(params(), bundle);
        Request memory request = ask();
        roll(1);
        vm.expectRevert(refused);
        vm.prank(operator);
        coordinator.submit(request, bundle);
    }

    function test_A20_longUrisAreRefused() external {
        string memory uri = string(new bytes(2_049));
        bytes memory refused = abi.encodeWithSelector(IInferenceCoordinator.UriTooLong.selector, 2_049, 2_048);
        vm.expectRevert(refused);
        coordinator.requestByURI{value: FEE}(params(), bytes32(0), uri);
        Request memory request = ask();
        vm.expectRevert(refused);
        vm.prank(operator);
        coordinator.submitByURI(request, bytes32(0), uri);
    }

    function test_A20_longAndUnevenBatchesAreRefused() external {
        bytes memory tooLong = abi.encodeWithSelector(IInferenceCoordinator.BatchTooLong.selector, 101, 100);
        vm.expectRevert(tooLong);
        coordinator.requestBatch(new RequestParams[](101), new bytes[](101));
        vm.expectRevert(tooLong);
        coordinator.submitBatch(new Request[](101), new bytes[](101));
        vm.expectRevert(tooLong);
        coordinator.finalizeBatch(new Request[](101), new Answer[](101), new bytes[](101));
        bytes memory uneven = abi.encodeWithSelector(IInferenceCoordinator.BatchLengthMismatch.selector, 2, 1);
        vm.expectRevert(uneven);
        coordinator.requestBatch(new RequestParams[](2), new bytes[](1));
        vm.expectRevert(uneven);
        coordinator.submitBatch(new Request[](2), new bytes[](1));
        vm.expectRevert(uneven);
        coordinator.finalizeBatch(new Request[](2), new Answer[](2), new bytes[](1));
    }

    function test_A20_oversizedRecordsAreRefused() external {
        Model memory record = model(address(this), 5_001);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelRoyaltyTooHigh.selector, 5_001, 5_000));
        models.registerModel(record, 0, "");
        record = model(address(this), 0);
        record.inputs = new TensorSpec[](33);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelTensorCount.selector, 33, 32));
        models.registerModel(record, 0, "");
        record = model(address(this), 0);
        record.outputs[0].shape = new uint32[](9);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelTensorInvalid.selector, "y", TensorLib.FLOAT32, 9));
        models.registerModel(record, 0, "");
        record = model(address(this), 0);
        record.artifactURI = string(new bytes(2_049));
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelTextTooLong.selector, 2_049, 2_048));
        models.registerModel(record, 0, "");
    }

    function test_A24_aToleranceThatAllowsEverythingIsRefused() external {
        uint32[5] memory words = [uint32(0x7f800000), 0x7fc00000, 0x7f800001, 0x80000000, 0xffffffff];
        for (uint256 i = 0; i < words.length; ++i) {
            Model memory record = model(address(this), 0);
            record.outputs[0].deltaAbsolute = words[i];
            vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelToleranceInvalid.selector, "y", words[i], 0));
            models.registerModel(record, 0, "");
            record.outputs[0].deltaAbsolute = 0;
            record.outputs[0].deltaRelative = words[i];
            vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelToleranceInvalid.selector, "y", 0, words[i]));
            models.registerModel(record, 0, "");
        }
        Model memory widest = model(address(this), 0);
        widest.outputs[0].deltaAbsolute = 0x7f7fffff;
        models.registerModel(widest, 0, "");
    }

    function test_aRoyaltyThatNoModelCanHaveIsRefused() external {
        RequestParams memory params_ = params();
        params_.modelId = bytes32(uint256(5_001) << 80);
        vm.expectRevert(abi.encodeWithSelector(IInferenceCoordinator.RoyaltyTooHigh.selector, 5_001, 5_000));
        consumer.ask(params_, input());
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IInferenceCallback} from "../interfaces/IInferenceCallback.sol";
import {IInferenceCoordinator} from "../interfaces/IInferenceCoordinator.sol";
import {RequestParams} from "../libraries/RequestLib.sol";
import {TensorLib} from "../libraries/TensorLib.sol";

/// @title Base of a contract that asks for inferences and is told their final answers
/// @dev The coordinator calls back nobody but the requester, and only once an answer is final: a callback that comes from
/// the coordinator is about a request that this contract made, and its output has been checked against the answer's root.
abstract contract InferenceConsumer is IInferenceCallback {
    using SafeERC20 for IERC20;

    IInferenceCoordinator private immutable COORDINATOR;

    error CallerNotCoordinator(address caller);
    error AddressWithoutCode(address account);

    constructor(address coordinator_) {
        if (coordinator_.code.length == 0) revert AddressWithoutCode(coordinator_);
        COORDINATOR = IInferenceCoordinator(coordinator_);
    }

    /// @inheritdoc IInferenceCallback
    function onInference(bytes32 requestId, bytes calldata output) external {
        if (msg.sender != address(COORDINATOR)) revert CallerNotCoordinator(msg.sender);
        _onInference(requestId, output);
    }

    function coordinator() public view returns (IInferenceCoordinator) {
        return COORDINATOR;
    }

    /// @notice Uses a final answer. Gets exactly the gas that the request asked for; the answer stays final if it reverts.
    function _onInference(bytes32 requestId, bytes calldata output) internal virtual;

    /// @notice Asks for one inference. The fee comes from this contract's own balance.
    /// @param input Input tensors: `TensorLib.single(...)` or `TensorLib.join(...)`.
    function _requestInference(RequestParams memory params, bytes memory input) internal returns (bytes32 requestId) {
        requestId = COORDINATOR.request{value: _approveFee(params)}(params, input);
    }

    /// @notice The same for an input that lies at `inputURI`.
    function _requestInferenceByURI(
        RequestParams memory params,
        bytes32 inputRoot,
        string memory inputURI
    ) internal returns (bytes32 requestId) {
        requestId = COORDINATOR.requestByURI{value: _approveFee(params)}(params, inputRoot, inputURI);
    }

    /// @return A float32 output in units of 1e-18, rounded towards zero. Reverts on NaN and infinities.
    function _float32Wads(bytes calldata output, uint256 index) internal pure returns (int256[] memory) {
        return TensorLib.float32Wads(output, index);
    }

    /// @return A float32 output as binary32 bits.
    function _float32Bits(bytes calldata output, uint256 index) internal pure returns (uint32[] memory) {
        return TensorLib.float32Bits(output, index);
    }

    /// @return An int8, uint8, bool, int32 or int64 output.
    function _integers(bytes calldata output, uint256 index) internal pure returns (int256[] memory) {
        return TensorLib.integers(output, index);
    }

    /// @return value What has to be sent along with the request, in wei.
    function _approveFee(RequestParams memory params) private returns (uint256 value) {
        if (params.feeToken == address(0)) return params.fee;
        IERC20(params.feeToken).forceApprove(address(COORDINATOR), params.fee);
    }
}

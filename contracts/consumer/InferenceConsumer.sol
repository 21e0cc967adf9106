// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IDisputeGame} from "../interfaces/IDisputeGame.sol";
import {Ending, IInferenceCallback} from "../interfaces/IInferenceCallback.sol";
import {IInferenceCoordinator} from "../interfaces/IInferenceCoordinator.sol";
import {RequestParams} from "../libraries/RequestLib.sol";
import {TensorLib} from "../libraries/TensorLib.sol";

/// @title Base of a contract that asks for inferences and is told their final answers
/// @dev The coordinator calls back nobody but the requester, and only once an answer is final: a callback that comes from
/// the coordinator is about a request that this contract made, and its output has been checked against the answer's root.
/// A refund is owed to this contract, which `withdrawOwed` brings in.
abstract contract InferenceConsumer is IInferenceCallback {
    using SafeERC20 for IERC20;

    IInferenceCoordinator private immutable COORDINATOR;
    /// @dev Needs no look-up before a request.
    bytes32 private immutable KNOWN_MODEL;
    bool private immutable TAKES_UNDISPUTABLE;

    error CallerNotCoordinator(address caller);
    error AddressWithoutCode(address account);
    /// @dev It has no program that a dispute could go by: whatever is answered would become final.
    error ModelNotDisputable(bytes32 modelId);

    /// @param modelId The model that this contract asks, if it is always the same: it is looked up here, once. Zero: every
    /// request looks its model up, which costs some 10,000 gas.
    /// @param takesUndisputable Whether models whose answers can't be challenged are asked all the same.
    constructor(address coordinator_, bytes32 modelId, bool takesUndisputable) {
        if (coordinator_.code.length == 0) revert AddressWithoutCode(coordinator_);
        COORDINATOR = IInferenceCoordinator(coordinator_);
        TAKES_UNDISPUTABLE = takesUndisputable;
        KNOWN_MODEL = modelId;
        if (modelId != 0 && !takesUndisputable) _checkDisputable(IInferenceCoordinator(coordinator_), modelId);
    }

    /// @dev What the coordinator pays out. Override it to take ETH from others.
    receive() external payable virtual {
        if (msg.sender != address(COORDINATOR)) revert CallerNotCoordinator(msg.sender);
    }

    /// @inheritdoc IInferenceCallback
    function onInference(bytes32 requestId, bytes calldata output) external {
        if (msg.sender != address(COORDINATOR)) revert CallerNotCoordinator(msg.sender);
        _onInference(requestId, output);
    }

    /// @inheritdoc IInferenceCallback
    function onInferenceEnded(bytes32 requestId, Ending ending) external {
        if (msg.sender != address(COORDINATOR)) revert CallerNotCoordinator(msg.sender);
        _onInferenceEnded(requestId, ending);
    }

    /// @notice Brings in what the coordinator owes to this contract: the fees of refunded requests. Anyone may call.
    /// @param token What the fees were paid in; the zero address for ETH.
    function withdrawOwed(address token) external returns (uint256 amount) {
        amount = COORDINATOR.withdraw(token, address(this));
        _onWithdrawn(token, amount);
    }

    function coordinator() public view returns (IInferenceCoordinator) {
        return COORDINATOR;
    }

    /// @notice Uses a final answer. Gets exactly the gas that the request asked for; the answer stays final if it reverts.
    function _onInference(bytes32 requestId, bytes calldata output) internal virtual;

    /// @notice Hears of a request that was refunded, voided or not delivered. Gets exactly the gas that the request asked for.
    // solhint-disable-next-line no-empty-blocks
    function _onInferenceEnded(bytes32 requestId, Ending ending) internal virtual {}

    /// @notice Says what becomes of a refund that has just come in; without it the refund stays in this contract.
    // solhint-disable-next-line no-empty-blocks
    function _onWithdrawn(address token, uint256 amount) internal virtual {}

    /// @notice Asks for one inference. The fee comes from this contract's own balance.
    /// @param input Input tensors: `TensorLib.single(...)` or `TensorLib.join(...)`.
    function _requestInference(RequestParams memory params, bytes memory input) internal returns (bytes32 requestId) {
        _checkModel(params.modelId);
        requestId = COORDINATOR.request{value: _approveFee(params)}(params, input);
    }

    /// @notice The same for an input that lies at `inputURI`.
    function _requestInferenceByURI(
        RequestParams memory params,
        bytes32 inputRoot,
        string memory inputURI
    ) internal returns (bytes32 requestId) {
        _checkModel(params.modelId);
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

    function _checkModel(bytes32 modelId) private view {
        if (modelId != KNOWN_MODEL && !TAKES_UNDISPUTABLE) _checkDisputable(COORDINATOR, modelId);
    }

    function _checkDisputable(IInferenceCoordinator coordinator_, bytes32 modelId) private view {
        address game = coordinator_.disputeGame();
        if (game == address(0)) revert ModelNotDisputable(modelId);
        (bytes32 programRoot, , , , ) = IDisputeGame(game).modelRegistry().rulesOf(modelId, 0);
        if (programRoot == 0) revert ModelNotDisputable(modelId);
    }

    /// @return value What has to be sent along with the request, in wei.
    function _approveFee(RequestParams memory params) private returns (uint256 value) {
        if (params.feeToken == address(0)) return params.fee;
        IERC20(params.feeToken).forceApprove(address(COORDINATOR), params.fee);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {InferenceConsumer} from "../consumer/InferenceConsumer.sol";
import {RequestParams, Transport} from "../libraries/RequestLib.sol";

/// @title A consumer that always asks on the same terms, and emits what it is told: for measuring gas
contract FixedTermsConsumer is InferenceConsumer {
    bytes32 private immutable MODEL_ID;
    uint128 private immutable FEE;
    uint128 private immutable BOND;
    uint32 private immutable SUBMIT_PERIOD;
    uint32 private immutable CHALLENGE_WINDOW;
    uint32 private immutable CALLBACK_GAS_LIMIT;

    event Answered(bytes32 indexed requestId, bytes output);

    constructor(
        address coordinator_,
        RequestParams memory params
    ) InferenceConsumer(coordinator_, params.modelId, true) {
        MODEL_ID = params.modelId;
        FEE = params.fee;
        BOND = params.bond;
        SUBMIT_PERIOD = params.submitPeriod;
        CHALLENGE_WINDOW = params.challengeWindow;
        CALLBACK_GAS_LIMIT = params.callbackGasLimit;
    }

    /// @notice Send the fee along.
    function ask(bytes calldata input) external payable returns (bytes32) {
        return _requestInference(_terms(), input);
    }

    function askBatch(bytes[] calldata inputs) external payable returns (bytes32[] memory) {
        RequestParams[] memory params = new RequestParams[](inputs.length);
        for (uint256 i = 0; i < inputs.length; ++i) params[i] = _terms();
        return coordinator().requestBatch{value: msg.value}(params, inputs);
    }

    function _onInference(bytes32 requestId, bytes calldata output) internal override {
        emit Answered(requestId, output);
    }

    function _terms() private view returns (RequestParams memory) {
        return
            RequestParams({
                modelId: MODEL_ID,
                feeToken: address(0),
                fee: FEE,
                bond: BOND,
                submitPeriod: SUBMIT_PERIOD,
                challengeWindow: CHALLENGE_WINDOW,
                callbackGasLimit: CALLBACK_GAS_LIMIT,
                transport: Transport.INLINE
            });
    }
}

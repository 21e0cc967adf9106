// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Ending} from "../interfaces/IInferenceCallback.sol";
import {RequestParams, Transport} from "../libraries/RequestLib.sol";
import {InferenceConsumer} from "./InferenceConsumer.sol";

/// @notice On which terms a consumer asks; see `RequestParams`. The fee is in wei.
struct Terms {
    uint128 fee;
    uint128 bond;
    uint32 submitPeriod;
    uint32 challengeWindow;
    uint32 callbackGasLimit;
}

/// @title Base of a consumer that anybody may ask: its deployer pins the model and the terms, the asker chooses the input
/// @dev Whoever could choose the terms could answer itself: with a small bond and a short window a lie costs next to nothing.
/// The fee of a request that ends without an answer goes back to its asker.
abstract contract PinnedTermsConsumer is InferenceConsumer {
    /// @dev Booking a refund needs a new slot: 22,100 gas, and 110,020 on the schedule that is planned.
    uint256 private constant MIN_CALLBACK_GAS = 200_000;

    /// @notice The model that is asked.
    bytes32 public immutable MODEL_ID;
    uint128 private immutable FEE;
    uint128 private immutable BOND;
    uint32 private immutable SUBMIT_PERIOD;
    uint32 private immutable CHALLENGE_WINDOW;
    uint32 private immutable CALLBACK_GAS_LIMIT;

    mapping(bytes32 requestId => address) private _askers;
    /// @notice Wei that an asker can take back.
    mapping(address asker => uint256) public refundOf;

    event RefundTaken(address indexed asker, address indexed to, uint256 amount);

    error FeeNotSent(uint256 expected, uint256 sent);
    error CallbackGasTooLow(uint256 callbackGasLimit, uint256 minimum);
    error NoRefund(address asker);

    constructor(
        address coordinator_,
        bytes32 modelId,
        bool takesUndisputable,
        Terms memory terms_
    ) InferenceConsumer(coordinator_, modelId, takesUndisputable) {
        if (terms_.callbackGasLimit < MIN_CALLBACK_GAS) {
            revert CallbackGasTooLow(terms_.callbackGasLimit, MIN_CALLBACK_GAS);
        }
        MODEL_ID = modelId;
        FEE = terms_.fee;
        BOND = terms_.bond;
        SUBMIT_PERIOD = terms_.submitPeriod;
        CHALLENGE_WINDOW = terms_.challengeWindow;
        CALLBACK_GAS_LIMIT = terms_.callbackGasLimit;
    }

    /// @notice Pays the caller what came back of its fees.
    function takeRefund(address payable to) external returns (uint256 amount) {
        amount = refundOf[msg.sender];
        if (amount == 0) revert NoRefund(msg.sender);
        refundOf[msg.sender] = 0;
        emit RefundTaken(msg.sender, to, amount);
        if (coordinator().owed(address(this), address(0)) != 0) coordinator().withdraw(address(0), address(this));
        Address.sendValue(to, amount);
    }

    function terms() public view returns (Terms memory) {
        return
            Terms({
                fee: FEE,
                bond: BOND,
                submitPeriod: SUBMIT_PERIOD,
                challengeWindow: CHALLENGE_WINDOW,
                callbackGasLimit: CALLBACK_GAS_LIMIT
            });
    }

    /// @dev The caller has sent the fee along.
    function _ask(bytes memory input) internal returns (bytes32 requestId) {
        requestId = _requestInference(_params(), input);
        _askers[requestId] = msg.sender;
    }

    /// @dev The caller has sent the fee along.
    function _askByURI(bytes32 inputRoot, string memory inputURI) internal returns (bytes32 requestId) {
        requestId = _requestInferenceByURI(_params(), inputRoot, inputURI);
        _askers[requestId] = msg.sender;
    }

    /// @dev INVARIANT: this contract and what the coordinator owes to it hold at least the sum of all refunds: a request ends
    /// with a refund at most once, and its fee is `FEE`.
    function _onInferenceEnded(bytes32 requestId, Ending ending) internal override {
        if (ending == Ending.UNDELIVERED) return;
        refundOf[_askers[requestId]] += FEE;
        delete _askers[requestId];
    }

    function _params() private view returns (RequestParams memory) {
        if (msg.value != FEE) revert FeeNotSent(FEE, msg.value);
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

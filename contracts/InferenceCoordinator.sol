// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {CoordinatorAdministration} from "./coordinator/CoordinatorAdministration.sol";
import {CoordinatorState} from "./coordinator/CoordinatorState.sol";
import {DisputeSeam} from "./coordinator/DisputeSeam.sol";
import {OperatorPool} from "./coordinator/OperatorPool.sol";
import {Ending, IInferenceCallback} from "./interfaces/IInferenceCallback.sol";
import {IInferenceCoordinator, Parameters, Status} from "./interfaces/IInferenceCoordinator.sol";
import {ModelIdLib} from "./libraries/ModelIdLib.sol";
import {Account} from "./libraries/AccountLib.sol";
import {OperatorAccount, OperatorAccountLib} from "./libraries/OperatorAccountLib.sol";
import {IPublications} from "./interfaces/IPublications.sol";
import {OriginLib} from "./libraries/OriginLib.sol";
import {Answer, Request, RequestLib, RequestParams, Transport} from "./libraries/RequestLib.sol";
import {Settings} from "./libraries/SettingsLib.sol";
import {Shares} from "./libraries/Shares.sol";
import {TraceTree} from "./libraries/TraceTree.sol";

/// @title The entry for consumers and operators: requests, escrow, answers, callbacks
contract InferenceCoordinator is CoordinatorAdministration, OperatorPool, DisputeSeam {
    using ModelIdLib for bytes32;
    using RequestLib for Request;
    using SafeERC20 for IERC20;

    /// @notice Seconds from which an answer could be final in which `finalize` needs its bytes for the callback; afterwards
    /// it settles without them.
    uint256 public constant DELIVERY_PERIOD = 1 days;

    uint256 private constant MAX_INLINE_BYTES = 98_304;
    uint256 private constant MAX_URI_LENGTH = 2_048;
    uint256 private constant MAX_BATCH = 100;
    uint256 private constant MAX_ROYALTY_BPS = 5_000;
    /// @dev Gas for reaching a cold account and what lies between the check and the call.
    uint256 private constant CALL_OVERHEAD = 5_000;

    constructor(
        address authority_,
        address operatorRegistry_,
        address treasury_,
        Parameters memory parameters_
    ) CoordinatorState(authority_, operatorRegistry_) CoordinatorAdministration(treasury_, parameters_) {}

    // ------------------------------------------------------------------------------------------------- consumers

    /// @inheritdoc IInferenceCoordinator
    function request(
        RequestParams calldata params,
        bytes calldata input
    ) external payable nonReentrantView returns (bytes32 requestId) {
        requestId = _request(params, _rootOf(input), input, _noURI(), false);
        _checkValue(params.feeToken == ETH ? params.fee : 0);
        _collect(params);
    }

    /// @inheritdoc IInferenceCoordinator
    function requestByURI(
        RequestParams calldata params,
        bytes32 inputRoot,
        string calldata inputURI
    ) external payable nonReentrantView returns (bytes32 requestId) {
        _checkURI(inputURI);
        requestId = _request(params, inputRoot, msg.data[:0], inputURI, true);
        _checkValue(params.feeToken == ETH ? params.fee : 0);
        _collect(params);
    }

    /// @inheritdoc IInferenceCoordinator
    function requestBatch(
        RequestParams[] calldata params,
        bytes[] calldata inputs
    ) external payable nonReentrantView returns (bytes32[] memory requestIds) {
        _checkBatch(params.length, inputs.length);
        requestIds = new bytes32[](params.length);
        uint256 value = 0;
        for (uint256 i = 0; i < params.length; ++i) {
            requestIds[i] = _request(params[i], _rootOf(inputs[i]), inputs[i], _noURI(), false);
            if (params[i].feeToken == ETH) value += params[i].fee;
        }
        _checkValue(value);
        for (uint256 i = 0; i < params.length; ++i) _collect(params[i]);
    }

    /// @inheritdoc IInferenceCoordinator
    function refund(Request calldata request_) external nonReentrant {
        bytes32 requestId = request_.idOf();
        uint256 slot = _slots[requestId];
        Status status = _openStatus(request_, slot);
        if (status != Status.EXPIRED) revert UnexpectedStatus(requestId, Status.EXPIRED, status);
        _slots[requestId] = REFUNDED << 248;
        _credit(request_.requester, request_.params.feeToken, request_.params.fee);
        emit Refunded(requestId, request_.requester);
        (address requester, uint256 gasLimit) = _callbackOf(request_);
        if (gasLimit == 0) return;
        _tellEnding(requester, gasLimit, requestId, slot >> 248 == REOPENED ? Ending.VOIDED : Ending.REFUNDED);
    }

    // ------------------------------------------------------------------------------------------------- operators

    /// @inheritdoc IInferenceCoordinator
    function submit(Request calldata request_, bytes calldata output) external nonReentrantView {
        (bytes32 requestId, OperatorAccount account, ) = _checkSubmit(request_, Transport.INLINE, true);
        _submit(request_, requestId, account, _rootOf(output), output, _noURI());
    }

    /// @inheritdoc IInferenceCoordinator
    function submitByURI(
        Request calldata request_,
        bytes32 outputRoot,
        string calldata outputURI
    ) external nonReentrantView {
        _checkURI(outputURI);
        (bytes32 requestId, OperatorAccount account, ) = _checkSubmit(request_, Transport.ON_DEMAND, true);
        _submit(request_, requestId, account, outputRoot, msg.data[:0], outputURI);
    }

    /// @inheritdoc IInferenceCoordinator
    function submitBatch(
        Request[] calldata requests,
        bytes[] calldata outputs
    ) external nonReentrantView returns (bool[] memory submitted) {
        _checkBatch(requests.length, outputs.length);
        submitted = new bool[](requests.length);
        for (uint256 i = 0; i < requests.length; ++i) {
            (bytes32 requestId, OperatorAccount account, bool open) = _checkSubmit(
                requests[i],
                Transport.INLINE,
                false
            );
            if (!open) continue;
            _submit(requests[i], requestId, account, _rootOf(outputs[i]), outputs[i], _noURI());
            submitted[i] = true;
        }
    }

    /// @inheritdoc IInferenceCoordinator
    function finalize(Request calldata request_, Answer calldata answer, bytes calldata output) external nonReentrant {
        if (!_finalize(request_, answer, output)) _refuseFinalize(request_, answer, output);
    }

    /// @inheritdoc IInferenceCoordinator
    function finalizeBatch(
        Request[] calldata requests,
        Answer[] calldata answers,
        bytes[] calldata outputs
    ) external nonReentrant returns (bool[] memory finalized) {
        _checkBatch(requests.length, answers.length);
        _checkBatch(requests.length, outputs.length);
        finalized = new bool[](requests.length);
        for (uint256 i = 0; i < requests.length; ++i) finalized[i] = _finalize(requests[i], answers[i], outputs[i]);
    }

    /// @inheritdoc IInferenceCoordinator
    function deliver(Request calldata request_, Answer calldata answer, bytes calldata output) external nonReentrant {
        bytes32 requestId = request_.idOf();
        bytes32 digest = RequestLib.digest(requestId, answer);
        if (_slots[requestId] != _slot(UNDELIVERED, digest)) revert NothingToDeliver(requestId);
        (address requester, uint256 gasLimit) = _callbackOf(request_);
        if (gasLimit == 0) revert AddressWithoutCode(requester);
        bytes32 root = _rootOf(output);
        if (root != answer.outputRoot) revert OutputMismatch(requestId, answer.outputRoot, root);
        _slots[requestId] = _slot(FINALIZED, digest);
        if (!_tellAnswer(requester, gasLimit, requestId, output)) revert CallbackFailed(requestId);
        emit Delivered(requestId, answer.operator);
    }

    /// @inheritdoc IInferenceCoordinator
    function withdraw(address token, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert AddressZero();
        amount = owed(msg.sender, token);
        if (amount == 0) revert NothingOwed(msg.sender, token);
        _accounts[msg.sender][token] = _accounts[msg.sender][token].withoutOwed();
        if (token == ETH) _operators[msg.sender] = _operators[msg.sender].withoutOwedEth();
        emit Withdrawn(msg.sender, token, amount);
        if (token == ETH) Address.sendValue(payable(to), amount);
        else IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc IInferenceCoordinator
    function collectProtocolFees(
        address token,
        address[] calldata authors
    ) external nonReentrantView returns (uint256 amount) {
        for (uint256 i = 0; i < authors.length; ++i) {
            Account account = _accounts[authors[i]][token];
            amount += account.protocolFees();
            _accounts[authors[i]][token] = account.withoutProtocolFees();
        }
        _credit(_treasury, token, amount);
        emit ProtocolFeesCollected(_treasury, token, amount);
    }

    // ----------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IInferenceCoordinator
    function statusOf(Request calldata request_, Answer calldata answer) external view returns (Status) {
        bytes32 requestId = request_.idOf();
        return _statusOf(request_, requestId, answer, RequestLib.digest(requestId, answer));
    }

    /// @inheritdoc IInferenceCoordinator
    function requestIdOf(Request calldata request_) external view returns (bytes32) {
        return request_.idOf();
    }

    /// @inheritdoc IInferenceCoordinator
    function isFinal(bytes32 requestId, Answer calldata answer) external view returns (bool final_, bool delivered) {
        uint256 slot = _slots[requestId];
        bytes32 digest = RequestLib.digest(requestId, answer);
        delivered = slot == _slot(FINALIZED, digest);
        final_ = delivered || slot == _slot(UNDELIVERED, digest);
    }

    /// @inheritdoc IInferenceCoordinator
    function owed(address account, address token) public view returns (uint256 amount) {
        amount = _accounts[account][token].owed();
        if (token == ETH) amount += _operators[account].owedEth();
    }

    /// @inheritdoc IInferenceCoordinator
    function uncollectedProtocolFees(address author, address token) external view returns (uint256) {
        return _accounts[author][token].protocolFees();
    }

    /// @inheritdoc IInferenceCoordinator
    function callbackGasNeeded(uint256 callbackGasLimit) public pure returns (uint256) {
        // SAFETY: of a request it has 32 bits; the sum of any other number that overflows is nobody's.
        unchecked {
            return callbackGasLimit + callbackGasLimit / 63 + CALL_OVERHEAD;
        }
    }

    /// @inheritdoc IInferenceCoordinator
    function entered() external view returns (bool) {
        return _reentrancyGuardEntered();
    }

    // -------------------------------------------------------------------------------------------------- requests

    function _request(
        RequestParams calldata params,
        bytes32 inputRoot,
        bytes calldata input,
        string calldata inputURI,
        bool byURI
    ) private returns (bytes32 requestId) {
        Settings settings = _settings;
        settings.check(params);
        if (!isFeeToken(params.feeToken)) revert FeeTokenNotAllowed(params.feeToken);
        bytes32 modelId = params.modelId;
        uint256 royaltyBps = modelId.royaltyBpsOf();
        if (royaltyBps > MAX_ROYALTY_BPS) revert RoyaltyTooHigh(royaltyBps, MAX_ROYALTY_BPS);

        if (byURI || params.transport == Transport.ON_DEMAND) {
            IPublications(_publications).checkPublishable(modelId, params.transport, byURI);
        }

        // SAFETY: every field of `params` has been read above or is read for the fee: none has dirty bits.
        uint256 laid = RequestLib.lay(
            params,
            inputRoot,
            OriginLib.make(settings.stakeBits(), settings.protocolFeeBps(), byURI)
        );
        requestId = RequestLib.laidId(laid);
        while (_slots[requestId] != NONE) {
            RequestLib.bumpNonce(laid);
            requestId = RequestLib.laidId(laid);
        }
        _slots[requestId] = REQUESTED << 248;
        RequestLib.log(laid, Requested.selector, requestId, modelId, input, inputURI);
    }

    function _noURI() private pure returns (string calldata uri) {
        assembly ("memory-safe") {
            uri.offset := 0
            uri.length := 0
        }
    }

    function _checkValue(uint256 expected) private view {
        if (msg.value != expected) revert WrongValue(expected, msg.value);
    }

    /// @dev INVARIANT: what is escrowed has arrived; a token that keeps a part of a transfer is refused.
    function _collect(RequestParams calldata params) private {
        if (params.feeToken == ETH || params.fee == 0) return;
        IERC20 token = IERC20(params.feeToken);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), params.fee);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != params.fee) revert FeeTokenAmountMismatch(params.feeToken, params.fee, received);
    }

    // --------------------------------------------------------------------------------------------------- answers

    /// @param transport How the bytes of this answer travel.
    /// @param strict Whether to revert (rather than to say no) where the request can't be answered now.
    /// @return requestId The request's identity.
    /// @return account The caller's.
    /// @return open Whether the caller may answer now.
    function _checkSubmit(
        Request calldata request_,
        Transport transport,
        bool strict
    ) private view returns (bytes32 requestId, OperatorAccount account, bool open) {
        requestId = request_.idOf();
        uint256 slot = _slots[requestId];
        Status status = _openStatus(request_, slot);
        if (status != Status.REQUESTED) {
            if (strict) revert UnexpectedStatus(requestId, Status.REQUESTED, status);
            return (requestId, account, false);
        }
        if (request_.params.transport != transport) revert TransportMismatch(requestId, request_.params.transport);
        if (slot >> 248 == REOPENED && _convicted[requestId][msg.sender]) revert ConvictedBefore(requestId, msg.sender);
        bytes32 modelId = request_.params.modelId;
        uint256 servesSince = _servesSince[msg.sender][modelId];
        if (servesSince == 0) revert NotServing(msg.sender, modelId);
        account = _operators[msg.sender];
        uint256 bond = request_.params.bond;
        if (account.free() < bond) revert InsufficientFreeStake(msg.sender, account.free(), bond);
        open = _isEligible(request_, requestId, msg.sender, account.active(), servesSince);
        if (strict && !open) {
            revert NotEligible(requestId, msg.sender, _eligibleAt(request_, requestId, msg.sender, account.active()));
        }
    }

    function _submit(
        Request calldata request_,
        bytes32 requestId,
        OperatorAccount account,
        bytes32 outputRoot,
        bytes calldata output,
        string calldata outputURI
    ) private {
        uint256 submittedAt = block.timestamp;
        bytes32 digest = RequestLib.digest(requestId, msg.sender, outputRoot, submittedAt);
        _slots[requestId] = _slot(SUBMITTED, digest);
        _operators[msg.sender] = account.lock(request_.params.bond);
        emit Submitted(requestId, msg.sender, outputRoot, uint64(submittedAt), output, outputURI);
    }

    /// @return Whether it is final now; else nothing has changed.
    function _finalize(
        Request calldata request_,
        Answer calldata answer,
        bytes calldata output
    ) private returns (bool) {
        address operator = answer.operator;
        bytes32 outputRoot = answer.outputRoot;
        bytes32 requestId = request_.idOf();
        uint256 submittedAt = answer.submittedAt;
        bytes32 digest = RequestLib.digest(requestId, operator, outputRoot, submittedAt);
        uint256 slot = _slots[requestId];
        if (slot != _slot(SUBMITTED, digest) && slot != _slot(UPHELD, digest)) return false;
        uint256 finalizableAt = _finalizableAt(request_, slot >> 248, submittedAt, digest);
        if (block.timestamp < finalizableAt) return false;

        uint256 gasLimit = request_.params.callbackGasLimit;
        address requester = request_.requester;
        uint256 outcome = gasLimit == 0 ? FINALIZED : UNDELIVERED;
        if (requester.code.length == 0) gasLimit = 0;
        if (gasLimit != 0) {
            // No bundle is empty: no bytes can't be the answer's.
            if (output.length != 0) {
                if (output.length > MAX_INLINE_BYTES || _rootOf(output) != outputRoot) return false;
                outcome = FINALIZED;
            } else if (block.timestamp < finalizableAt + DELIVERY_PERIOD) {
                return false;
            }
        }

        _slots[requestId] = _slot(outcome, digest);
        _settle(request_, operator);

        if (gasLimit != 0) {
            if (outcome == UNDELIVERED) {
                _tellEnding(requester, gasLimit, requestId, Ending.UNDELIVERED);
            } else if (!_tellAnswer(requester, gasLimit, requestId, output)) {
                outcome = UNDELIVERED;
                _slots[requestId] = _slot(UNDELIVERED, digest);
            }
        }
        emit Finalized(requestId, operator, outcome == FINALIZED);
        return true;
    }

    /// @dev Reverts with what keeps an answer from being final.
    function _refuseFinalize(Request calldata request_, Answer calldata answer, bytes calldata output) private view {
        bytes32 requestId = request_.idOf();
        bytes32 digest = RequestLib.digest(requestId, answer);
        Status status = _statusOf(request_, requestId, answer, digest);
        if (status != Status.FINALIZABLE) revert UnexpectedStatus(requestId, Status.FINALIZABLE, status);
        if (output.length != 0) revert OutputMismatch(requestId, answer.outputRoot, _rootOf(output));
        uint256 finalizableAt = _finalizableAt(request_, _slots[requestId] >> 248, answer.submittedAt, digest);
        revert OutputNeeded(requestId, finalizableAt + DELIVERY_PERIOD);
    }

    /// @dev Frees the bond and divides the fee.
    function _settle(Request calldata request_, address operator) private {
        RequestParams calldata params = request_.params;
        address token = params.feeToken;
        bytes32 modelId = params.modelId;
        (uint256 protocolFee, uint256 royalty, uint256 fee) = Shares.ofFee(
            params.fee,
            request_.origin.protocolFeeBps(),
            modelId.royaltyBpsOf()
        );

        OperatorAccount account = _operators[operator].release(params.bond);
        bool fits;
        // SAFETY: 80 and 128 bits.
        unchecked {
            fits = account.owedEth() + fee <= OperatorAccountLib.MAX_OWED;
        }
        if (token == ETH && fits) account = account.pay(fee);
        else _credit(operator, token, fee);
        _operators[operator] = account;

        if (protocolFee | royalty != 0) {
            mapping(address => Account) storage accounts = _accounts[modelId.authorOf()];
            accounts[token] = accounts[token].credit(royalty, protocolFee);
        }
    }

    function _credit(address account, address token, uint256 amount) private {
        _accounts[account][token] = _accounts[account][token].credit(amount);
    }

    /// @return requester Who is called back. @return gasLimit Gas of the call; 0: none was asked for, or nobody is there.
    function _callbackOf(Request calldata request_) private view returns (address requester, uint256 gasLimit) {
        requester = request_.requester;
        if (requester.code.length != 0) gasLimit = request_.params.callbackGasLimit;
    }

    function _tellAnswer(
        address requester,
        uint256 gasLimit,
        bytes32 requestId,
        bytes calldata output
    ) private returns (bool success) {
        return _call(requester, gasLimit, abi.encodeCall(IInferenceCallback.onInference, (requestId, output)));
    }

    function _tellEnding(address requester, uint256 gasLimit, bytes32 requestId, Ending ending) private {
        _call(requester, gasLimit, abi.encodeCall(IInferenceCallback.onInferenceEnded, (requestId, ending)));
    }

    /// @dev INVARIANT: the callee gets exactly `gasLimit`, or everything reverts: only 63/64 of what is left can be passed
    /// on, and the EVM would pass less without a word. Return data aren't copied: their cost would be the caller's.
    function _call(address target, uint256 gasLimit, bytes memory data) private returns (bool success) {
        uint256 needed = callbackGasNeeded(gasLimit);
        uint256 available = gasleft();
        if (available < needed) revert InsufficientCallbackGas(available, needed);
        assembly ("memory-safe") {
            success := call(gasLimit, target, 0, add(data, 0x20), mload(data), 0, 0)
        }
    }

    // ----------------------------------------------------------------------------------------------------- checks

    function _rootOf(bytes calldata bundle) private pure returns (bytes32) {
        if (bundle.length > MAX_INLINE_BYTES) revert InlineBytesTooLong(bundle.length, MAX_INLINE_BYTES);
        return TraceTree.bundleRoot(bundle);
    }

    function _checkURI(string calldata uri) private pure {
        if (bytes(uri).length > MAX_URI_LENGTH) revert UriTooLong(bytes(uri).length, MAX_URI_LENGTH);
    }

    function _checkBatch(uint256 length, uint256 other) private pure {
        if (length > MAX_BATCH) revert BatchTooLong(length, MAX_BATCH);
        if (other != length) revert BatchLengthMismatch(length, other);
    }
}

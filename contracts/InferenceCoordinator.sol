// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IInferenceCallback} from "./interfaces/IInferenceCallback.sol";
import {IInferenceCoordinator, Parameters, Status} from "./interfaces/IInferenceCoordinator.sol";
import {IOperatorRegistry} from "./interfaces/IOperatorRegistry.sol";
import {ModelIdLib} from "./libraries/ModelIdLib.sol";
import {Account} from "./libraries/AccountLib.sol";
import {OperatorAccount, OperatorAccountLib} from "./libraries/OperatorAccountLib.sol";
import {Answer, Request, RequestLib, RequestParams} from "./libraries/RequestLib.sol";
import {Settings, SettingsLib} from "./libraries/SettingsLib.sol";
import {TraceTree} from "./libraries/TraceTree.sol";

/// @title The entry for consumers and operators: requests, escrow, answers, callbacks
contract InferenceCoordinator is IInferenceCoordinator, AccessManaged, ReentrancyGuardTransient {
    using ModelIdLib for bytes32;
    using RequestLib for Request;
    using SafeERC20 for IERC20;

    uint256 private constant MAX_INLINE_BYTES = 98_304;
    uint256 private constant MAX_URI_LENGTH = 2_048;
    uint256 private constant MAX_BATCH = 100;
    uint256 private constant MAX_ROYALTY_BPS = 5_000;
    /// @dev Part of the bond that a retracted answer costs, burned, in 1/10,000.
    uint256 private constant RETRACT_PENALTY_BPS = 100;
    /// @dev The chance to be eligible doubles so many times within this part of the submit period; then everyone is.
    uint256 private constant DOUBLINGS = 8;
    uint256 private constant ELIGIBILITY_PART = 4;
    uint256 private constant BPS = 10_000;
    /// @dev Gas for reaching a cold account and what lies between the check and the call.
    uint256 private constant CALL_OVERHEAD = 5_000;
    address private constant ETH = address(0);

    /// @dev Top byte of a request's slot. The rest of the slot is the digest of its answer, once there is one.
    uint256 private constant NONE = 0;
    uint256 private constant REQUESTED = 1;
    uint256 private constant REOPENED = 2;
    uint256 private constant SUBMITTED = 3;
    uint256 private constant SUSPENDED = 4;
    uint256 private constant UPHELD = 5;
    uint256 private constant FINALIZED = 6;
    uint256 private constant UNDELIVERED = 7; // final, but the callback failed
    uint256 private constant REFUNDED = 8;

    /// @dev Of one answer; touched only where it is disputed.
    struct Disputes {
        uint32 open;
        uint64 finalizableAt;
        bool voided;
    }

    IOperatorRegistry private immutable OPERATOR_REGISTRY;

    Settings private _settings;
    mapping(bytes32 requestId => uint256) private _slots;
    mapping(address operator => OperatorAccount) private _operators;
    mapping(address operator => mapping(bytes32 modelId => bool)) private _serves;
    mapping(address account => mapping(address token => Account)) private _accounts;
    mapping(bytes32 answerDigest => Disputes) private _disputes;
    mapping(bytes32 requestId => mapping(address operator => bool)) private _convicted;
    mapping(address token => bool) private _feeTokens;
    uint256 private _totalStake;
    address private _treasury;
    address private _disputeGame;

    constructor(
        address authority_,
        address operatorRegistry_,
        address treasury_,
        Parameters memory parameters_
    ) AccessManaged(authority_) {
        if (operatorRegistry_.code.length == 0) revert AddressWithoutCode(operatorRegistry_);
        OPERATOR_REGISTRY = IOperatorRegistry(operatorRegistry_);
        _setParameters(parameters_);
        _setTreasury(treasury_);
    }

    modifier onlyDisputeGame() {
        if (msg.sender != _disputeGame) revert CallerNotDisputeGame(msg.sender);
        _;
    }

    modifier onlyOperatorRegistry() {
        if (msg.sender != address(OPERATOR_REGISTRY)) revert CallerNotOperatorRegistry(msg.sender);
        _;
    }

    // ------------------------------------------------------------------------------------------------- consumers

    /// @inheritdoc IInferenceCoordinator
    function request(
        RequestParams calldata params,
        bytes calldata input
    ) external payable nonReentrantView returns (bytes32 requestId) {
        requestId = _request(params, _rootOf(input), input, _noURI());
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
        requestId = _request(params, inputRoot, msg.data[:0], inputURI);
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
            requestIds[i] = _request(params[i], _rootOf(inputs[i]), inputs[i], _noURI());
            if (params[i].feeToken == ETH) value += params[i].fee;
        }
        _checkValue(value);
        for (uint256 i = 0; i < params.length; ++i) _collect(params[i]);
    }

    /// @inheritdoc IInferenceCoordinator
    function refund(Request calldata request_) external nonReentrantView {
        bytes32 requestId = request_.idOf();
        Status status = _openStatus(request_, _slots[requestId] >> 248);
        if (status != Status.EXPIRED) revert UnexpectedStatus(requestId, Status.EXPIRED, status);
        _slots[requestId] = REFUNDED << 248;
        _credit(request_.requester, request_.params.feeToken, request_.params.fee);
        emit Refunded(requestId, request_.requester);
    }

    // ------------------------------------------------------------------------------------------------- operators

    /// @inheritdoc IInferenceCoordinator
    function submit(Request calldata request_, bytes calldata output) external nonReentrantView {
        (bytes32 requestId, OperatorAccount account, ) = _checkSubmit(request_, true);
        _submit(request_, requestId, account, _rootOf(output), output, _noURI());
    }

    /// @inheritdoc IInferenceCoordinator
    function submitByURI(
        Request calldata request_,
        bytes32 outputRoot,
        string calldata outputURI
    ) external nonReentrantView {
        _checkURI(outputURI);
        (bytes32 requestId, OperatorAccount account, ) = _checkSubmit(request_, true);
        _submit(request_, requestId, account, outputRoot, msg.data[:0], outputURI);
    }

    /// @inheritdoc IInferenceCoordinator
    function retract(Request calldata request_, Answer calldata answer) external nonReentrant {
        if (msg.sender != answer.operator) revert CallerNotOperator(msg.sender, answer.operator);
        bytes32 requestId = request_.idOf();
        Status status = _statusOf(request_, requestId, answer, RequestLib.digest(requestId, answer));
        if (status != Status.SUBMITTED) revert UnexpectedStatus(requestId, Status.SUBMITTED, status);
        uint256 penalty = (uint256(request_.params.bond) * RETRACT_PENALTY_BPS + BPS - 1) / BPS;
        _reopen(request_, requestId, answer.operator, uint128(penalty), address(0));
    }

    /// @inheritdoc IInferenceCoordinator
    function submitBatch(
        Request[] calldata requests,
        bytes[] calldata outputs
    ) external nonReentrantView returns (bool[] memory submitted) {
        _checkBatch(requests.length, outputs.length);
        submitted = new bool[](requests.length);
        for (uint256 i = 0; i < requests.length; ++i) {
            (bytes32 requestId, OperatorAccount account, bool open) = _checkSubmit(requests[i], false);
            if (!open) continue;
            _submit(requests[i], requestId, account, _rootOf(outputs[i]), outputs[i], _noURI());
            submitted[i] = true;
        }
    }

    /// @inheritdoc IInferenceCoordinator
    function finalize(Request calldata request_, Answer calldata answer, bytes calldata output) external nonReentrant {
        bytes32 requestId = request_.idOf();
        bytes32 digest = RequestLib.digest(requestId, answer);
        Status status = _statusOf(request_, requestId, answer, digest);
        if (status != Status.FINALIZABLE) revert UnexpectedStatus(requestId, Status.FINALIZABLE, status);
        _finalize(request_, requestId, answer, digest, output);
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
        for (uint256 i = 0; i < requests.length; ++i) {
            bytes32 requestId = requests[i].idOf();
            bytes32 digest = RequestLib.digest(requestId, answers[i]);
            uint256 slot = _slots[requestId];
            if (_hasAnswer(slot >> 248) && slot << 8 != uint256(digest) & ~uint256(0xff)) continue;
            if (_statusOf(requests[i], requestId, answers[i], digest) != Status.FINALIZABLE) continue;
            _finalize(requests[i], requestId, answers[i], digest, outputs[i]);
            finalized[i] = true;
        }
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

    // -------------------------------------------------------------------------------------- the operator registry

    /// @inheritdoc IInferenceCoordinator
    function creditStake(address operator, uint128 amount) external onlyOperatorRegistry nonReentrantView {
        _operators[operator] = _operators[operator].credit(amount);
        _setTotalStake(_totalStake + amount);
    }

    /// @inheritdoc IInferenceCoordinator
    function debitStake(address operator, uint128 amount) external onlyOperatorRegistry nonReentrantView {
        OperatorAccount account = _operators[operator];
        if (account.free() < amount) revert InsufficientFreeStake(operator, account.free(), amount);
        _operators[operator] = account.debit(amount);
        _setTotalStake(_totalStake - amount);
    }

    /// @inheritdoc IInferenceCoordinator
    function setServing(
        address operator,
        bytes32[] calldata modelIds,
        bool served
    ) external onlyOperatorRegistry nonReentrantView {
        for (uint256 i = 0; i < modelIds.length; ++i) _serves[operator][modelIds[i]] = served;
    }

    // ------------------------------------------------------------------------------------------ the dispute contract

    /// @inheritdoc IInferenceCoordinator
    function suspend(Request calldata request_, Answer calldata answer) external onlyDisputeGame nonReentrantView {
        bytes32 requestId = request_.idOf();
        bytes32 digest = RequestLib.digest(requestId, answer);
        Status status = _statusOf(request_, requestId, answer, digest);
        if (status != Status.SUBMITTED && status != Status.SUSPENDED) {
            revert UnexpectedStatus(requestId, Status.SUBMITTED, status);
        }
        ++_disputes[digest].open;
        _slots[requestId] = _slot(SUSPENDED, digest);
        emit Suspended(requestId);
    }

    /// @inheritdoc IInferenceCoordinator
    function uphold(
        Request calldata request_,
        Answer calldata answer,
        uint64 finalizableAt
    ) external onlyDisputeGame nonReentrantView {
        bytes32 requestId = request_.idOf();
        bytes32 digest = RequestLib.digest(requestId, answer);
        Disputes storage disputes = _closeDispute(requestId, digest);
        if (disputes.voided) return;
        if (finalizableAt > disputes.finalizableAt) disputes.finalizableAt = finalizableAt;
        if (disputes.open == 0) _slots[requestId] = _slot(UPHELD, digest);
        emit Upheld(requestId, disputes.finalizableAt);
    }

    /// @inheritdoc IInferenceCoordinator
    function void(
        Request calldata request_,
        Answer calldata answer,
        address challenger,
        uint128 penalty
    ) external onlyDisputeGame nonReentrant returns (bool slashed) {
        if (penalty > request_.params.bond) revert PenaltyAboveBond(penalty, request_.params.bond);
        bytes32 requestId = request_.idOf();
        Disputes storage disputes = _closeDispute(requestId, RequestLib.digest(requestId, answer));
        if (disputes.voided) return false;
        disputes.voided = true;
        _reopen(request_, requestId, answer.operator, penalty, challenger);
        return true;
    }

    // -------------------------------------------------------------------------------------------- administration

    /// @inheritdoc IInferenceCoordinator
    function setParameters(Parameters calldata parameters_) external restricted {
        _setParameters(parameters_);
    }

    /// @inheritdoc IInferenceCoordinator
    function setPaused(bool paused_) external restricted {
        _settings = _settings.withPaused(paused_);
        emit RequestsPaused(paused_);
    }

    /// @inheritdoc IInferenceCoordinator
    function setTreasury(address treasury_) external restricted {
        _setTreasury(treasury_);
    }

    /// @inheritdoc IInferenceCoordinator
    function setFeeToken(address token, bool allowed) external restricted {
        if (allowed && token.code.length == 0) revert AddressWithoutCode(token);
        _feeTokens[token] = allowed;
        emit FeeTokenSet(token, allowed);
    }

    /// @inheritdoc IInferenceCoordinator
    function setDisputeGame(address disputeGame_) external restricted {
        if (_disputeGame != address(0)) revert DisputeGameAlreadySet(_disputeGame);
        if (disputeGame_.code.length == 0) revert AddressWithoutCode(disputeGame_);
        _disputeGame = disputeGame_;
        emit DisputeGameSet(disputeGame_);
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
    function isEligible(Request calldata request_, address operator) external view returns (bool) {
        bytes32 requestId = request_.idOf();
        OperatorAccount account = _operators[operator];
        return
            _openStatus(request_, _slots[requestId] >> 248) == Status.REQUESTED &&
            _serves[operator][request_.params.modelId] &&
            !_convicted[requestId][operator] &&
            account.free() >= request_.params.bond &&
            _isEligible(request_, requestId, operator, account.active());
    }

    /// @inheritdoc IInferenceCoordinator
    function eligibleAt(Request calldata request_, address operator) external view returns (uint256) {
        return _eligibleAt(request_, request_.idOf(), operator, _operators[operator].active());
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
    function isFeeToken(address token) public view returns (bool) {
        return token == ETH || _feeTokens[token];
    }

    /// @inheritdoc IInferenceCoordinator
    function serves(address operator, bytes32 modelId) external view returns (bool) {
        return _serves[operator][modelId];
    }

    /// @inheritdoc IInferenceCoordinator
    function stakeOf(address operator) external view returns (uint256 active, uint256 free) {
        return (_operators[operator].active(), _operators[operator].free());
    }

    /// @inheritdoc IInferenceCoordinator
    function totalStake() external view returns (uint256) {
        return _totalStake;
    }

    /// @inheritdoc IInferenceCoordinator
    function parameters() external view returns (Parameters memory) {
        return _settings.unpack();
    }

    /// @inheritdoc IInferenceCoordinator
    function paused() external view returns (bool) {
        return _settings.paused();
    }

    /// @inheritdoc IInferenceCoordinator
    function treasury() external view returns (address) {
        return _treasury;
    }

    /// @inheritdoc IInferenceCoordinator
    function disputeGame() external view returns (address) {
        return _disputeGame;
    }

    /// @inheritdoc IInferenceCoordinator
    function operatorRegistry() external view returns (address) {
        return address(OPERATOR_REGISTRY);
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
        string calldata inputURI
    ) private returns (bytes32 requestId) {
        Settings settings = _settings;
        settings.check(params);
        if (!isFeeToken(params.feeToken)) revert FeeTokenNotAllowed(params.feeToken);
        bytes32 modelId = params.modelId;
        uint256 royaltyBps = modelId.royaltyBpsOf();
        if (royaltyBps > MAX_ROYALTY_BPS) revert RoyaltyTooHigh(royaltyBps, MAX_ROYALTY_BPS);

        // SAFETY: every field of `params` has been read above or is read for the fee: none has dirty bits.
        uint256 laid = RequestLib.lay(params, inputRoot, settings.stakeBits(), settings.protocolFeeBps());
        requestId = RequestLib.laidId(laid);
        while (_slots[requestId] != NONE) {
            RequestLib.bumpSeed(laid);
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

    /// @param strict Whether to revert (rather than to say no) where the request can't be answered now.
    /// @return requestId The request's identity.
    /// @return account The caller's.
    /// @return open Whether the caller may answer now.
    function _checkSubmit(
        Request calldata request_,
        bool strict
    ) private view returns (bytes32 requestId, OperatorAccount account, bool open) {
        requestId = request_.idOf();
        uint256 stored = _slots[requestId] >> 248;
        Status status = _openStatus(request_, stored);
        if (status != Status.REQUESTED) {
            if (strict) revert UnexpectedStatus(requestId, Status.REQUESTED, status);
            return (requestId, account, false);
        }
        if (stored == REOPENED && _convicted[requestId][msg.sender]) revert ConvictedBefore(requestId, msg.sender);
        bytes32 modelId = request_.params.modelId;
        if (!_serves[msg.sender][modelId]) revert NotServing(msg.sender, modelId);
        account = _operators[msg.sender];
        uint256 bond = request_.params.bond;
        if (account.free() < bond) revert InsufficientFreeStake(msg.sender, account.free(), bond);
        open = _isEligible(request_, requestId, msg.sender, account.active());
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

    function _finalize(
        Request calldata request_,
        bytes32 requestId,
        Answer calldata answer,
        bytes32 digest,
        bytes calldata output
    ) private {
        uint256 gasLimit = request_.params.callbackGasLimit;
        address requester = request_.requester;
        bool calls = gasLimit != 0 && requester.code.length != 0;
        if (calls) {
            bytes32 root = _rootOf(output);
            if (root != answer.outputRoot) revert OutputMismatch(requestId, answer.outputRoot, root);
        }

        bool delivered = calls || gasLimit == 0;
        _slots[requestId] = _slot(delivered ? FINALIZED : UNDELIVERED, digest);
        _settle(request_, answer.operator);

        if (calls && !_call(requester, gasLimit, abi.encodeCall(IInferenceCallback.onInference, (requestId, output)))) {
            delivered = false;
            _slots[requestId] = _slot(UNDELIVERED, digest);
        }
        emit Finalized(requestId, answer.operator, delivered);
    }

    /// @dev Frees the bond and divides the fee: the protocol's part is rounded up, the royalty down, the operator gets the
    /// rest. INVARIANT: the parts add up to the fee.
    function _settle(Request calldata request_, address operator) private {
        RequestParams calldata params = request_.params;
        address token = params.feeToken;
        bytes32 modelId = params.modelId;
        uint256 fee = params.fee;
        uint256 protocolFee;
        uint256 royalty;
        // SAFETY: 128 bits times 16 bits can't overflow; the rates of a request that was made add up to less than BPS.
        unchecked {
            protocolFee = (fee * request_.protocolFeeBps + (BPS - 1)) / BPS;
            royalty = (fee * modelId.royaltyBpsOf()) / BPS;
            fee -= protocolFee + royalty;
        }

        OperatorAccount account = _operators[operator].release(params.bond);
        if (token == ETH && account.owedEth() + fee <= OperatorAccountLib.MAX_OWED) account = account.pay(fee);
        else _credit(operator, token, fee);
        _operators[operator] = account;

        if (protocolFee + royalty != 0) {
            address author = modelId.authorOf();
            _accounts[author][token] = _accounts[author][token].credit(royalty, protocolFee);
        }
    }

    function _credit(address account, address token, uint256 amount) private {
        _accounts[account][token] = _accounts[account][token].credit(amount);
    }

    /// @dev INVARIANT: the callee gets exactly `gasLimit`, or everything reverts: only 63/64 of what is left can be passed
    /// on, and the EVM would pass less without a word. Return data aren't copied: their cost would be the caller's.
    function _call(address target, uint256 gasLimit, bytes memory data) private returns (bool success) {
        uint256 needed = gasLimit + gasLimit / 63 + CALL_OVERHEAD;
        uint256 available = gasleft();
        if (available < needed) revert InsufficientCallbackGas(available, needed);
        assembly ("memory-safe") {
            success := call(gasLimit, target, 0, add(data, 0x20), mload(data), 0, 0)
        }
    }

    /// @dev Takes the answer away: the operator loses `penalty` of its bond and can't answer this request again.
    function _reopen(
        Request calldata request_,
        bytes32 requestId,
        address operator,
        uint128 penalty,
        address challenger
    ) private {
        _convicted[requestId][operator] = true;
        _slots[requestId] = REOPENED << 248;
        _operators[operator] = _operators[operator].release(request_.params.bond - penalty).slash(penalty);
        _setTotalStake(_totalStake - penalty);
        emit Voided(requestId, operator, block.timestamp < _submitDeadline(request_));
        OPERATOR_REGISTRY.slash(operator, penalty, challenger);
    }

    function _closeDispute(bytes32 requestId, bytes32 digest) private returns (Disputes storage disputes) {
        disputes = _disputes[digest];
        if (disputes.open == 0) revert NoOpenDispute(requestId);
        --disputes.open;
    }

    // ---------------------------------------------------------------------------------------------------- status

    function _slot(uint256 stored, bytes32 digest) private pure returns (uint256) {
        return (stored << 248) | (uint256(digest) >> 8);
    }

    function _hasAnswer(uint256 stored) private pure returns (bool) {
        return stored >= SUBMITTED && stored <= UNDELIVERED;
    }

    function _submitDeadline(Request calldata request_) private pure returns (uint256) {
        return uint256(request_.requestedAt) + request_.params.submitPeriod;
    }

    /// @dev The status as far as it can be told without the answer.
    function _openStatus(Request calldata request_, uint256 stored) private view returns (Status) {
        if (stored == NONE) return Status.NONE;
        if (stored <= REOPENED) {
            return block.timestamp < _submitDeadline(request_) ? Status.REQUESTED : Status.EXPIRED;
        }
        if (stored == SUSPENDED) return Status.SUSPENDED;
        if (stored == REFUNDED) return Status.REFUNDED;
        return stored >= FINALIZED ? Status.FINALIZED : Status.SUBMITTED;
    }

    function _statusOf(
        Request calldata request_,
        bytes32 requestId,
        Answer calldata answer,
        bytes32 digest
    ) private view returns (Status status) {
        uint256 slot = _slots[requestId];
        uint256 stored = slot >> 248;
        status = _openStatus(request_, stored);
        if (!_hasAnswer(stored)) return status;
        if (slot != _slot(stored, digest)) revert AnswerMismatch(requestId);
        if (status != Status.SUBMITTED) return status;
        uint256 finalizableAt = uint256(answer.submittedAt) + request_.params.challengeWindow;
        if (stored == UPHELD && _disputes[digest].finalizableAt > finalizableAt) {
            finalizableAt = _disputes[digest].finalizableAt;
        }
        if (block.timestamp >= finalizableAt) status = Status.FINALIZABLE;
    }

    // ----------------------------------------------------------------------------------------------- eligibility

    /// @dev A number in [0, 2^128) that an operator draws for a request.
    function _draw(bytes32 requestId, address operator) private pure returns (uint256 draw) {
        assembly ("memory-safe") {
            mstore(0, requestId)
            mstore(0x20, operator)
            draw := shr(128, shl(128, keccak256(0, 0x40)))
        }
    }

    function _isEligible(
        Request calldata request_,
        bytes32 requestId,
        address operator,
        uint256 active
    ) private view returns (bool) {
        // SAFETY: 88 bits of stake shifted by at most 128 + 7; a request isn't younger than its block.
        unchecked {
            uint256 elapsed = block.timestamp - request_.requestedAt;
            uint256 period = request_.params.submitPeriod / ELIGIBILITY_PART;
            if (elapsed >= period) return true;
            return _draw(requestId, operator) < active << (128 - request_.stakeBits + (DOUBLINGS * elapsed) / period);
        }
    }

    function _eligibleAt(
        Request calldata request_,
        bytes32 requestId,
        address operator,
        uint256 active
    ) private pure returns (uint256) {
        uint256 draw = _draw(requestId, operator);
        uint256 shift = 128 - request_.stakeBits;
        uint256 period = request_.params.submitPeriod / ELIGIBILITY_PART;
        uint256 doublings = 0;
        while (doublings < DOUBLINGS && draw >= active << (shift + doublings)) ++doublings;
        return uint256(request_.requestedAt) + (period * doublings + DOUBLINGS - 1) / DOUBLINGS;
    }

    function _setTotalStake(uint256 total) private {
        _totalStake = total;
        uint256 bits = Math.log2(total);
        if (bits != _settings.stakeBits()) _settings = _settings.withStakeBits(bits);
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

    function _setParameters(Parameters memory parameters_) private {
        uint256 atLeast = uint256(parameters_.maxChallengeWindow) + OPERATOR_REGISTRY.disputeBound() + 1;
        uint256 unbondingPeriod = OPERATOR_REGISTRY.unbondingPeriod();
        if (unbondingPeriod < atLeast) revert IOperatorRegistry.UnbondingTooShort(unbondingPeriod, atLeast);
        _settings = SettingsLib.pack(parameters_, _settings);
        emit ParametersSet(parameters_);
    }

    function _setTreasury(address treasury_) private {
        if (treasury_ == address(0)) revert AddressZero();
        _treasury = treasury_;
        emit TreasurySet(treasury_);
    }
}

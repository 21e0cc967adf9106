// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IInferenceCoordinator, Status} from "../interfaces/IInferenceCoordinator.sol";
import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {Account} from "../libraries/AccountLib.sol";
import {OperatorAccount} from "../libraries/OperatorAccountLib.sol";
import {Answer, Request} from "../libraries/RequestLib.sol";
import {Settings} from "../libraries/SettingsLib.sol";

/// @title What the coordinator stores, and the status of a request that follows from it
abstract contract CoordinatorState is IInferenceCoordinator, AccessManaged, ReentrancyGuardTransient {
    address internal constant ETH = address(0);

    /// @dev Top byte of a request's slot. The rest of the slot is the digest of its answer, once there is one.
    uint256 internal constant NONE = 0;
    uint256 internal constant REQUESTED = 1;
    uint256 internal constant REOPENED = 2;
    uint256 internal constant SUBMITTED = 3;
    uint256 internal constant SUSPENDED = 4;
    uint256 internal constant UPHELD = 5;
    uint256 internal constant FINALIZED = 6;
    uint256 internal constant UNDELIVERED = 7; // final, but the callback failed
    uint256 internal constant REFUNDED = 8;

    /// @dev Of one answer; touched only where it is disputed.
    struct Disputes {
        uint32 open;
        uint64 finalizableAt;
        bool voided;
    }

    IOperatorRegistry internal immutable OPERATOR_REGISTRY;

    Settings internal _settings;
    mapping(bytes32 requestId => uint256) internal _slots;
    mapping(address operator => OperatorAccount) internal _operators;
    mapping(address operator => mapping(bytes32 modelId => bool)) internal _serves;
    mapping(address account => mapping(address token => Account)) internal _accounts;
    mapping(bytes32 answerDigest => Disputes) internal _disputes;
    mapping(bytes32 requestId => mapping(address operator => bool)) internal _convicted;
    mapping(address token => bool) internal _feeTokens;
    uint256 internal _totalStake;
    address internal _treasury;
    address internal _disputeGame;

    constructor(address authority_, address operatorRegistry_) AccessManaged(authority_) {
        if (operatorRegistry_.code.length == 0) revert AddressWithoutCode(operatorRegistry_);
        OPERATOR_REGISTRY = IOperatorRegistry(operatorRegistry_);
    }

    modifier onlyDisputeGame() {
        if (msg.sender != _disputeGame) revert CallerNotDisputeGame(msg.sender);
        _;
    }

    modifier onlyOperatorRegistry() {
        if (msg.sender != address(OPERATOR_REGISTRY)) revert CallerNotOperatorRegistry(msg.sender);
        _;
    }

    function _slot(uint256 stored, bytes32 digest) internal pure returns (uint256) {
        return (stored << 248) | (uint256(digest) >> 8);
    }

    function _hasAnswer(uint256 stored) internal pure returns (bool) {
        return stored >= SUBMITTED && stored <= UNDELIVERED;
    }

    function _submitDeadline(Request calldata request_) internal pure returns (uint256) {
        return uint256(request_.requestedAt) + request_.params.submitPeriod;
    }

    /// @dev The status as far as it can be told without the answer.
    function _openStatus(Request calldata request_, uint256 stored) internal view returns (Status) {
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
    ) internal view returns (Status status) {
        uint256 slot = _slots[requestId];
        uint256 stored = slot >> 248;
        status = _openStatus(request_, stored);
        if (!_hasAnswer(stored)) return status;
        if (slot != _slot(stored, digest)) revert AnswerMismatch(requestId);
        if (status != Status.SUBMITTED) return status;
        if (block.timestamp >= _finalizableAt(request_, stored, answer.submittedAt, digest))
            status = Status.FINALIZABLE;
    }

    /// @return time Unix time, seconds, from which an undisputed answer can be final.
    function _finalizableAt(
        Request calldata request_,
        uint256 stored,
        uint256 submittedAt,
        bytes32 digest
    ) internal view returns (uint256 time) {
        // SAFETY: 48 and 32 bits.
        unchecked {
            time = submittedAt + request_.params.challengeWindow;
        }
        if (stored == UPHELD && _disputes[digest].finalizableAt > time) time = _disputes[digest].finalizableAt;
    }

    function _setTotalStake(uint256 total) internal {
        _totalStake = total;
        uint256 bits = Math.log2(total);
        if (bits != _settings.stakeBits()) _settings = _settings.withStakeBits(bits);
    }
}

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

    /// @dev Top byte of a request's slot. The rest of the slot is the digest of its answer, once there is one; of a reopened request
    /// its submit deadline.
    uint256 internal constant NONE = 0;
    uint256 internal constant REQUESTED = 1;
    uint256 internal constant REOPENED = 2;
    uint256 internal constant SUBMITTED = 3;
    uint256 internal constant SUSPENDED = 4;
    uint256 internal constant UPHELD = 5;
    uint256 internal constant FINALIZED = 6;
    uint256 internal constant UNDELIVERED = 7; // final, but the callback failed
    uint256 internal constant REFUNDED = 8;

    /// @dev Of one answer; touched only where it is disputed, or its bytes or its input's are demanded.
    struct Contest {
        uint32 open;
        uint64 finalizableAt;
    }

    /// @dev The draw's block hash can be read for 256 blocks.
    uint256 private constant MAX_EXCLUSIVE_BLOCKS = 200;

    IOperatorRegistry internal immutable OPERATOR_REGISTRY;
    uint256 internal immutable EXCLUSIVE_BLOCKS;
    uint256 internal immutable DISPUTE_BOUND;

    Settings internal _settings;
    mapping(bytes32 requestId => uint256) internal _slots;
    mapping(address operator => OperatorAccount) internal _operators;
    /// @dev The block since when it does; 0: it doesn't.
    mapping(address operator => mapping(bytes32 modelId => uint256)) internal _servesSince;
    mapping(address account => mapping(address token => Account)) internal _accounts;
    mapping(bytes32 answerDigest => Contest) internal _contests;
    mapping(bytes32 requestId => mapping(address operator => bool)) internal _convicted;
    mapping(address token => bool) internal _feeTokens;
    uint256 internal _totalStake;
    address internal _treasury;
    address internal _disputeGame;
    address internal _publications;

    constructor(address authority_, address operatorRegistry_) AccessManaged(authority_) {
        if (operatorRegistry_.code.length == 0) revert AddressWithoutCode(operatorRegistry_);
        OPERATOR_REGISTRY = IOperatorRegistry(operatorRegistry_);
        DISPUTE_BOUND = OPERATOR_REGISTRY.disputeBound();
        // INVARIANT: stake that is deposited in a request's block or later doesn't count while the draw decides.
        uint256 bondingBlocks = OPERATOR_REGISTRY.bondingBlocks();
        EXCLUSIVE_BLOCKS = bondingBlocks == 0 ? 0 : Math.min(bondingBlocks - 1, MAX_EXCLUSIVE_BLOCKS);
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

    /// @dev The status as far as it can be told without the answer.
    function _openStatus(Request calldata request_, uint256 slot) internal view returns (Status) {
        uint256 stored = slot >> 248;
        if (stored == NONE) return Status.NONE;
        if (stored <= REOPENED) {
            uint256 deadline =
                stored == REOPENED ? uint64(slot) : request_.origin.requestedAt() + request_.params.submitPeriod;
            return block.timestamp < deadline ? Status.REQUESTED : Status.EXPIRED;
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
        status = _openStatus(request_, slot);
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
        if (stored == UPHELD && _contests[digest].finalizableAt > time) time = _contests[digest].finalizableAt;
    }

    function _setTotalStake(uint256 total) internal {
        _totalStake = total;
        uint256 bits = Math.log2(total);
        if (bits != _settings.stakeBits()) _settings = _settings.withStakeBits(bits);
    }
}

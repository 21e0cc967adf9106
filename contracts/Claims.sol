// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IClaims} from "./interfaces/IClaims.sol";
import {Dispute, GameParameters, IDisputeGame, Turn} from "./interfaces/IDisputeGame.sol";
import {IInferenceCoordinator} from "./interfaces/IInferenceCoordinator.sol";
import {IOperatorRegistry} from "./interfaces/IOperatorRegistry.sol";
import {Bundle, Demand} from "./interfaces/IPublications.sol";
import {Clocks} from "./libraries/Clocks.sol";
import {Answer, Request, RequestLib} from "./libraries/RequestLib.sol";
import {Shares} from "./libraries/Shares.sol";

/// @title Who shares in the bond of an answer that was taken away
contract Claims is IClaims, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev The requester's part, beside the identities of disputes, commitments and demands.
    bytes32 private constant REST = 0;

    IInferenceCoordinator private immutable COORDINATOR;
    IOperatorRegistry private immutable OPERATOR_REGISTRY;
    IERC20 private immutable STAKE_TOKEN;

    mapping(bytes32 answerId => uint256) private _joined;
    mapping(bytes32 commitment => bytes32 answerId) private _joinedTo;
    mapping(bytes32 answerId => mapping(bytes32 claim => bool)) private _claimed;
    mapping(address account => uint256) private _owed;

    constructor(IInferenceCoordinator coordinator_) {
        COORDINATOR = coordinator_;
        OPERATOR_REGISTRY = IOperatorRegistry(coordinator_.operatorRegistry());
        STAKE_TOKEN = IERC20(OPERATOR_REGISTRY.stakeToken());
    }

    /// @inheritdoc IClaims
    function join(
        Request calldata request,
        Answer calldata answer,
        uint8 tensor,
        uint32 element,
        bytes32 salt
    ) external {
        IDisputeGame game = _game();
        bytes32 answerId = _answerId(request, answer);
        (uint256 voidedAt, , bool pooled) = game.voidOf(answerId);
        if (!pooled) revert NothingPooled(answerId);
        (uint256 delay, uint256 until) = _times(game, voidedAt);
        if (block.timestamp >= until) revert ClaimsOver(answerId, until);
        bytes32 commitment = game.commitmentOf(answerId, tensor, element, salt, msg.sender);
        // INVARIANT: a dispute and the commitment that opened it are one claim, also where the commitment is made once more.
        if (game.disputeOf(commitment).turn != Turn.NONE) revert ClaimedBefore(answerId, commitment);
        uint256 committedAt = game.committedAt(commitment);
        if (committedAt == 0 || committedAt < answer.submittedAt) revert CommitmentUnknown(commitment);
        if (block.timestamp < committedAt + delay) revert CommitmentTooYoung(commitment, committedAt + delay);
        // It could have been opened from `committedAt + delay` on; whoever waited longer than `openGrace` has waited by choice.
        if (!Clocks.isJoining(committedAt, voidedAt, until)) {
            revert CommitmentNotClaimable(commitment, committedAt, voidedAt);
        }
        if (_joinedTo[commitment] != 0) revert ClaimedBefore(answerId, commitment);
        _joinedTo[commitment] = answerId;
        ++_joined[answerId];
        emit Joined(answerId, msg.sender, commitment);
    }

    /// @inheritdoc IClaims
    function claimDispute(bytes32 disputeId, Request calldata request, Answer calldata answer) external {
        bytes32 answerId = _answerId(request, answer);
        Dispute memory dispute = _game().disputeOf(disputeId);
        // The game keeps what was open then open, until its bond has gone back.
        bool open = dispute.turn != Turn.NONE && dispute.turn != Turn.CLOSED;
        if (!open || dispute.answerId != answerId) revert NoClaim(answerId, disputeId);
        _claim(answerId, request, disputeId, dispute.challenger);
    }

    /// @inheritdoc IClaims
    function claimDemand(Request calldata request, Answer calldata answer, Bundle bundle) external {
        bytes32 answerId = _answerId(request, answer);
        Demand memory demand = _game().publications().demandOf(request, answer, bundle);
        bytes32 claim = bytes32(1 + uint256(bundle));
        // A demand that was met is no claim.
        if (demand.published == demand.chunks) revert NoClaim(answerId, claim);
        _claim(answerId, request, claim, demand.demander);
    }

    /// @inheritdoc IClaims
    function claimJoined(
        Request calldata request,
        Answer calldata answer,
        uint8 tensor,
        uint32 element,
        bytes32 salt,
        address challenger
    ) external {
        bytes32 answerId = _answerId(request, answer);
        bytes32 commitment = _game().commitmentOf(answerId, tensor, element, salt, challenger);
        if (_joinedTo[commitment] != answerId) revert NoClaim(answerId, commitment);
        _claim(answerId, request, commitment, challenger);
    }

    /// @inheritdoc IClaims
    function claimRest(Request calldata request, Answer calldata answer) external {
        bytes32 answerId = _answerId(request, answer);
        (uint256 share, uint256 count) = _shareOf(answerId, request.params.bond);
        _book(answerId, REST, request.requester, Shares.pool(request.params.bond) - count * share);
    }

    /// @inheritdoc IClaims
    function withdraw(address account) external nonReentrant returns (uint256 amount) {
        amount = _owed[account];
        if (amount == 0) revert NothingOwed(account);
        _owed[account] = 0;
        emit Withdrawn(account, amount);
        // The registry holds the stake until then.
        if (OPERATOR_REGISTRY.owed(address(this)) != 0) OPERATOR_REGISTRY.payOut(address(this));
        STAKE_TOKEN.safeTransfer(account, amount);
    }

    /// @inheritdoc IClaims
    function claimsOf(bytes32 answerId) external view returns (uint256 until, uint256 count) {
        (uint256 voidedAt, uint256 open, bool pooled) = _game().voidOf(answerId);
        if (pooled) (until, count) = (_until(voidedAt), open + _joined[answerId]);
    }

    /// @inheritdoc IClaims
    function owed(address account) external view returns (uint256) {
        return _owed[account];
    }

    function _claim(bytes32 answerId, Request calldata request, bytes32 claim, address account) private {
        (uint256 share, ) = _shareOf(answerId, request.params.bond);
        _book(answerId, claim, account, share);
    }

    /// @dev INVARIANT: every claim is booked once, and all of them together with the rest are the pool.
    function _book(bytes32 answerId, bytes32 claim, address account, uint256 amount) private {
        if (_claimed[answerId][claim]) revert ClaimedBefore(answerId, claim);
        _claimed[answerId][claim] = true;
        _owed[account] += amount;
        emit Claimed(answerId, account, amount);
    }

    /// @dev Reverts while commitments can join: until then nobody knows how many share.
    function _shareOf(bytes32 answerId, uint256 bond) private view returns (uint256 share, uint256 count) {
        (uint256 voidedAt, uint256 open, bool pooled) = _game().voidOf(answerId);
        if (voidedAt == 0) revert AnswerNotVoided(answerId);
        if (!pooled) revert NothingPooled(answerId);
        uint256 until = _until(voidedAt);
        if (block.timestamp < until) revert ClaimsStillOpen(answerId, until);
        count = open + _joined[answerId];
        share = Shares.ofPool(bond, count);
    }

    function _until(uint256 voidedAt) private view returns (uint256 until) {
        (, until) = _times(_game(), voidedAt);
    }

    /// @return delay Seconds that a commitment must be old. @return until When no more of them can join.
    function _times(IDisputeGame game, uint256 voidedAt) private view returns (uint256 delay, uint256 until) {
        GameParameters memory parameters = game.parameters();
        delay = parameters.commitDelay;
        until = Clocks.joinUntil(voidedAt, delay, parameters.openGrace);
    }

    function _answerId(Request calldata request, Answer calldata answer) private view returns (bytes32) {
        return RequestLib.digest(COORDINATOR.requestIdOf(request), answer);
    }

    function _game() private view returns (IDisputeGame) {
        return IDisputeGame(COORDINATOR.disputeGame());
    }
}

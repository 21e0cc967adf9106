// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IInferenceCoordinator, Status} from "../interfaces/IInferenceCoordinator.sol";
import {Answer, Request, RequestLib} from "../libraries/RequestLib.sol";
import {CoordinatorState} from "./CoordinatorState.sol";

/// @title How an answer is suspended, upheld or taken away
abstract contract DisputeSeam is CoordinatorState {
    using RequestLib for Request;

    /// @dev How many answers of the longest life a request outlives before it can only be refunded.
    uint256 private constant MAX_LIVES = 4;

    /// @inheritdoc IInferenceCoordinator
    function suspend(Request calldata request_, Answer calldata answer) external onlyDisputeGame nonReentrantView {
        (bytes32 requestId, bytes32 digest) = _checkContestable(request_, answer);
        ++_contests[digest].open;
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
        if (_slots[requestId] != _slot(SUSPENDED, digest)) revert NoOpenDispute(requestId);
        Contest storage contest = _contests[digest];
        --contest.open;
        if (finalizableAt > contest.finalizableAt) contest.finalizableAt = finalizableAt;
        if (contest.open == 0) _slots[requestId] = _slot(UPHELD, digest);
        emit Upheld(requestId, contest.finalizableAt);
    }

    /// @inheritdoc IInferenceCoordinator
    function void(
        Request calldata request_,
        Answer calldata answer,
        uint128 penalty,
        uint128 reward,
        address beneficiary
    ) external onlyDisputeGame nonReentrantView returns (uint32 open) {
        uint256 bond = request_.params.bond;
        if (penalty > bond) revert PenaltyAboveBond(penalty, bond);
        (bytes32 requestId, bytes32 digest) = _checkContestable(request_, answer);
        open = _contests[digest].open;
        address operator = answer.operator;
        _convicted[requestId][operator] = true;
        uint256 deadline = _reopenedUntil(request_);
        _slots[requestId] = (REOPENED << 248) | deadline;
        _operators[operator] = _operators[operator].release(bond - penalty).slash(penalty);
        _setTotalStake(_totalStake - penalty);
        emit Voided(requestId, operator, uint64(deadline));
        OPERATOR_REGISTRY.slash(operator, penalty, beneficiary, reward);
    }

    /// @dev An answer that isn't final and whose time to be contested isn't over.
    function _checkContestable(
        Request calldata request_,
        Answer calldata answer
    ) private view returns (bytes32 requestId, bytes32 digest) {
        requestId = request_.idOf();
        digest = RequestLib.digest(requestId, answer);
        Status status = _statusOf(request_, requestId, answer, digest);
        if (status != Status.SUBMITTED && status != Status.SUSPENDED) {
            revert UnexpectedStatus(requestId, Status.SUBMITTED, status);
        }
    }

    /// @dev INVARIANT: a request ends, however many answers are taken away: nothing reopens it past `MAX_LIVES`.
    function _reopenedUntil(Request calldata request_) private view returns (uint256) {
        uint256 submitPeriod = request_.params.submitPeriod;
        uint256 life = submitPeriod + request_.params.challengeWindow + DISPUTE_BOUND;
        return Math.min(block.timestamp + submitPeriod, request_.origin.requestedAt() + MAX_LIVES * life);
    }
}

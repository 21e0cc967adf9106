// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInferenceCoordinator, Status} from "../interfaces/IInferenceCoordinator.sol";
import {Answer, Request, RequestLib} from "../libraries/RequestLib.sol";
import {CoordinatorState} from "./CoordinatorState.sol";
import {Shares} from "../libraries/Shares.sol";

/// @title How an answer is suspended, upheld or taken away
abstract contract DisputeSeam is CoordinatorState {
    using RequestLib for Request;

    /// @dev Part of the bond that a retracted answer costs, burned, in 1/10,000.
    uint256 private constant RETRACT_PENALTY_BPS = 100;

    /// @inheritdoc IInferenceCoordinator
    function retract(Request calldata request_, Answer calldata answer) external nonReentrant {
        if (msg.sender != answer.operator) revert CallerNotOperator(msg.sender, answer.operator);
        bytes32 requestId = request_.idOf();
        Status status = _statusOf(request_, requestId, answer, RequestLib.digest(requestId, answer));
        if (status != Status.SUBMITTED) revert UnexpectedStatus(requestId, Status.SUBMITTED, status);
        uint256 penalty = Shares.part(request_.params.bond, RETRACT_PENALTY_BPS);
        _reopen(request_, requestId, answer.operator, uint128(penalty), address(0));
    }

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

    /// @dev Takes the answer away: the operator loses `penalty` of its bond and can't answer this request again.
    function _reopen(
        Request calldata request_,
        bytes32 requestId,
        address operator,
        uint128 penalty,
        address challenger
    ) internal {
        _convicted[requestId][operator] = true;
        _slots[requestId] = REOPENED << 248;
        _operators[operator] = _operators[operator].release(request_.params.bond - penalty).slash(penalty);
        _setTotalStake(_totalStake - penalty);
        emit Voided(requestId, operator, block.timestamp < _submitDeadline(request_));
        OPERATOR_REGISTRY.slash(operator, penalty, challenger);
    }

    function _closeDispute(bytes32 requestId, bytes32 digest) internal returns (Disputes storage disputes) {
        disputes = _disputes[digest];
        if (disputes.open == 0) revert NoOpenDispute(requestId);
        --disputes.open;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Dispute, Turn} from "../../../contracts/interfaces/IDisputeGame.sol";
import {vm} from "../Vm.sol";
import {Bundle} from "../../../contracts/interfaces/IPublications.sol";
import {ClaimMoves} from "./ClaimMoves.sol";

/// @notice Time, and what the honest do in it: every move that is theirs, often in its last second, never after.
abstract contract Duties is ClaimMoves {
    uint256 private constant NEVER = type(uint256).max;

    enum Duty {
        NONE,
        PLAY,
        DEMAND,
        COMMIT,
        CHALLENGE,
        JOIN,
        PUBLISH_OUTPUT,
        PUBLISH_INPUT
    }

    function movePass() internal {
        uint256 kind = draw(60);
        (Duty duty, , uint256 due) = nextDuty();
        if (kind == 0) pass(22 days);
        else if (kind < 2) pass(draw(4 hours));
        else if (kind < 12) pass(draw(20 minutes));
        else if (kind < 20 && duty != Duty.NONE) pass(due - moment());
        else pass(draw(90));
    }

    /// @notice Lets time pass, and the honest move in front of every deadline of theirs.
    function pass(uint256 duration) internal override {
        uint256 until = moment() + duration;
        while (true) {
            (Duty duty, uint256 which, uint256 due) = nextDuty();
            if (duty == Duty.NONE || due > until) break;
            require(due >= moment(), "an honest deadline was missed");
            _advance(due);
            if (duty == Duty.PLAY) playTurn(which);
            else if (duty == Duty.PUBLISH_OUTPUT) require(sendPublication(which, Bundle.OUTPUT, 9), "published");
            else if (duty == Duty.PUBLISH_INPUT) require(sendPublication(which, Bundle.INPUT, 9), "published");
            else watch(which);
        }
        _advance(until);
    }

    /// @dev A block comes every twelve seconds.
    function _advance(uint256 until) private {
        roll((until - moment() + 11) / 12);
        vm.warp(until);
    }

    /// @dev The watcher may act before it has to.
    function moveWatch() internal {
        if (answered.length == 0) return;
        uint256 which = _recent(answered.length);
        (Duty duty, ) = _watchDuty(which);
        if (duty == Duty.COMMIT || duty == Duty.DEMAND) watch(which);
        if (duty == Duty.COMMIT && draw(4) == 0) {
            // In front of the challenge.
            pass(1 + draw(gameParameters().commitDelay));
            sendRetraction(which);
        }
        if (duty == Duty.JOIN && moment() >= answered[which].watchedAt + gameParameters().commitDelay) watch(which);
        if (duty != Duty.CHALLENGE) return;
        if (moment() >= answered[which].watchedAt + gameParameters().commitDelay) watch(which);
    }

    /// @notice Demands a wrong answer's bytes where it can't see them, commits to a challenge of it, opens it, or joins.
    function watch(uint256 which) internal {
        Answered storage about = answered[which];
        (Duty duty, ) = _watchDuty(which);
        if (duty == Duty.DEMAND) {
            require(sendDemand(which, Bundle.OUTPUT, challenger, false), "the watcher's demand is taken");
            return;
        }
        if (about.watchedAt == 0) {
            about.watch = commit(which, challenger, about.element, SALT);
            about.watchedAt = uint64(moment());
            return;
        }
        Committed memory own = Committed(about.watch, which, challenger, about.element, SALT);
        if (duty == Duty.JOIN) {
            require(join(own), "who was overtaken joins");
            return;
        }
        require(challengeAs(own), "the watcher's challenge opens");
    }

    /// @return duty What the honest have to do first.
    /// @return which The dispute's or the answer's index.
    /// @return due The last second for it.
    function nextDuty() internal view returns (Duty duty, uint256 which, uint256 due) {
        due = NEVER;
        for (uint256 i = 0; i < disputed.length; ++i) {
            if (disputed[i].closed) continue;
            uint256 deadline = _playDeadline(i);
            if (deadline < due) (duty, which, due) = (Duty.PLAY, i, deadline);
        }
        for (uint256 i = 0; i < answered.length; ++i) {
            (Duty kind, uint256 deadline) = _watchDuty(i);
            if (kind != Duty.NONE && deadline < due) (duty, which, due) = (kind, i, deadline);
            (kind, deadline) = _publishDuty(i);
            if (kind != Duty.NONE && deadline < due) (duty, which, due) = (kind, i, deadline);
        }
    }

    function _publishDuty(uint256 which) private view returns (Duty duty, uint256 due) {
        due = NEVER;
        if (!isHonest(answered[which].answer.operator)) return (Duty.NONE, NEVER);
        for (uint256 kind = 0; kind < 2; ++kind) {
            Demanded storage entry = demands[which][Bundle(kind)];
            if (entry.by == address(0) || entry.published || entry.deadline > due) continue;
            duty = Bundle(kind) == Bundle.OUTPUT ? Duty.PUBLISH_OUTPUT : Duty.PUBLISH_INPUT;
            due = entry.deadline - 1;
        }
    }

    function _playDeadline(uint256 which) private view returns (uint256) {
        Disputed storage entry = disputed[which];
        Answered storage about = answered[entry.answered];
        bool plays = isHonest(entry.challenger);
        bool defends = isHonest(about.answer.operator);
        if (about.voided || !(plays || defends)) return NEVER;
        Dispute memory state = dispute.disputeOf(entry.id);
        return (challengerMoves(state.turn) ? plays : defends) ? state.deadline - 1 : NEVER;
    }

    function _watchDuty(uint256 which) private view returns (Duty, uint256 due) {
        Answered storage about = answered[which];
        if (!about.wrong || existed[about.watch]) return (Duty.NONE, NEVER);
        if (about.voided) return _joinDuty(about);
        if (!stands(which)) return (Duty.NONE, NEVER);
        Demanded storage entry = demands[which][Bundle.OUTPUT];
        if (hidden(which) && !entry.published) {
            return entry.by == address(0) ? (Duty.DEMAND, about.until - 1) : (Duty.NONE, NEVER);
        }
        // A commitment takes its time to become old enough, so the last second for it comes earlier.
        if (about.watchedAt == 0) return (Duty.COMMIT, about.until - gameParameters().commitDelay - 1);
        uint256 expires = about.watchedAt + gameParameters().commitLifetime;
        return (Duty.CHALLENGE, (expires < about.until ? expires : about.until) - 1);
    }

    function _joinDuty(Answered storage about) private view returns (Duty, uint256 due) {
        Committed memory own = Committed(about.watch, 0, challenger, about.element, SALT);
        if (about.watchedAt == 0 || !about.pooled || joinedOnce[own.id]) return (Duty.NONE, NEVER);
        uint256 since = committedAt[own.id];
        bool counts = since != 0 && since < about.voidedAt && since + joinTime() > about.voidedAt;
        if (!counts || moment() >= about.voidedAt + joinTime()) return (Duty.NONE, NEVER);
        return (Duty.JOIN, about.voidedAt + joinTime() - 1);
    }
}

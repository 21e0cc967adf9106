// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Dispute, Turn} from "../../../contracts/interfaces/IDisputeGame.sol";
import {vm} from "../Vm.sol";
import {DisputeMoves} from "./DisputeMoves.sol";

/// @notice Time, and what the honest do in it: every move that is theirs, often in its last second, never after.
abstract contract Duties is DisputeMoves {
    uint256 private constant NEVER = type(uint256).max;

    enum Duty {
        NONE,
        PLAY,
        COMMIT,
        CHALLENGE
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
            vm.warp(due);
            if (duty == Duty.PLAY) playTurn(which);
            else watch(which);
        }
        vm.warp(until);
    }

    /// @dev The watcher may act before it has to.
    function moveWatch() internal {
        if (answered.length == 0) return;
        uint256 which = _recent(answered.length);
        (Duty duty, ) = _watchDuty(which);
        if (duty == Duty.COMMIT) watch(which);
        if (duty != Duty.CHALLENGE) return;
        if (moment() >= answered[which].watchedAt + gameParameters().commitDelay) watch(which);
    }

    /// @notice Commits to a challenge of a wrong answer, or opens it.
    function watch(uint256 which) internal {
        Answered storage about = answered[which];
        if (about.watchedAt == 0) {
            about.watch = commit(which, challenger, about.element, SALT);
            about.watchedAt = uint64(moment());
            return;
        }
        Committed memory own = Committed(about.watch, which, challenger, about.element, SALT);
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
        if (!about.wrong || !stands(which) || existed[about.watch]) return (Duty.NONE, NEVER);
        // A commitment takes its time to become old enough, so the last second for it comes earlier.
        if (about.watchedAt == 0) return (Duty.COMMIT, about.until - gameParameters().commitDelay - 1);
        uint256 expires = about.watchedAt + gameParameters().commitLifetime;
        return (Duty.CHALLENGE, (expires < about.until ? expires : about.until) - 1);
    }
}

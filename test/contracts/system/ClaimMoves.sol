// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IClaims} from "../../../contracts/interfaces/IClaims.sol";
import {Bundle} from "../../../contracts/interfaces/IPublications.sol";
import {Reached} from "./Books.sol";
import {DisputeMoves} from "./DisputeMoves.sol";

/// @notice Who shares in the bond of an answer that was taken away.
abstract contract ClaimMoves is DisputeMoves {
    /// @return Seconds after an answer was taken away in which commitments join.
    function joinTime() internal pure returns (uint256) {
        return uint256(gameParameters().commitDelay) + gameParameters().openGrace;
    }

    // -------------------------------------------------------------------------------------------------- joining

    function moveJoin() internal {
        if (committed.length == 0) return;
        uint256 which = _recent(committed.length);
        for (uint256 i = committed.length; i > 0 && i + 24 > committed.length; --i) {
            if (joinRefusal(committed[i - 1]) == 0) which = i - 1;
        }
        join(committed[which]);
    }

    function join(Committed memory target) internal returns (bool) {
        Answered storage about = answered[target.answered];
        bytes4 expected = joinRefusal(target);
        bytes memory call_ = abi.encodeCall(
            claims.join,
            (asked[about.asked].request, about.answer, 0, target.element, target.salt)
        );
        if (!hold("join", attempt(target.by, address(claims), call_), expected)) return false;
        joinedOnce[target.id] = true;
        ++about.joined;
        count(Reached.JOINED);
        return true;
    }

    function joinRefusal(Committed memory target) internal view returns (bytes4) {
        Answered storage about = answered[target.answered];
        if (!about.pooled) return IClaims.NothingPooled.selector;
        if (moment() >= about.voidedAt + joinTime()) return IClaims.ClaimsOver.selector;
        uint256 since = committedAt[target.id];
        if (since == 0 || since < about.answer.submittedAt) return IClaims.CommitmentUnknown.selector;
        if (moment() < since + gameParameters().commitDelay) return IClaims.CommitmentTooYoung.selector;
        if (since >= about.voidedAt || since + joinTime() <= about.voidedAt) {
            return IClaims.CommitmentNotClaimable.selector;
        }
        return joinedOnce[target.id] ? IClaims.ClaimedBefore.selector : bytes4(0);
    }

    // ------------------------------------------------------------------------------------------------- claiming

    function moveClaim() internal {
        uint256 kind = draw(4);
        if (kind == 0 && disputed.length != 0) {
            uint256 which = _recent(disputed.length);
            for (uint256 i = 0; i < 8 && !answered[disputed[which].answered].voided; ++i) {
                which = _recent(disputed.length);
            }
            claimDispute(which);
        } else if (kind == 1) {
            (bool found, uint256 which, Bundle bundle) = anyDemand();
            if (found) claimDemand(which, bundle);
        } else if (kind == 2 && committed.length != 0) {
            uint256 which = _recent(committed.length);
            for (uint256 i = 0; i < committed.length; ++i) {
                if (joinedOnce[committed[i].id] && !joinClaimed[committed[i].id]) which = i;
            }
            claimJoined(committed[which]);
        } else if (answered.length != 0) {
            uint256 which = _recent(answered.length);
            for (uint256 i = 0; i < 8 && !answered[which].voided; ++i) which = _recent(answered.length);
            claimRest(which);
        }
    }

    function claimDispute(uint256 which) internal {
        Disputed storage entry = disputed[which];
        Answered storage about = answered[entry.answered];
        bytes4 expected = entry.acquitted ? IClaims.NoClaim.selector : _shareRefusal(about, entry.claimed);
        bytes memory call_ = abi.encodeCall(claims.claimDispute, (entry.id, asked[about.asked].request, about.answer));
        if (!hold("claimDispute", attempt(address(claims), call_), expected)) return;
        entry.claimed = true;
        _book(entry.challenger, shareOf(about));
        count(Reached.CLAIMED_DISPUTE);
    }

    function claimDemand(uint256 which, Bundle bundle) internal {
        Demanded storage entry = demands[which][bundle];
        Answered storage about = answered[which];
        bool none = entry.by == address(0) || entry.published;
        bytes4 expected = none ? IClaims.NoClaim.selector : _shareRefusal(about, entry.claimed);
        bytes memory call_ = abi.encodeCall(claims.claimDemand, (asked[about.asked].request, about.answer, bundle));
        if (!hold("claimDemand", attempt(address(claims), call_), expected)) return;
        entry.claimed = true;
        _book(entry.by, shareOf(about));
        count(Reached.CLAIMED_DEMAND);
    }

    function claimJoined(Committed memory target) internal {
        Answered storage about = answered[target.answered];
        bytes4 expected =
            joinedOnce[target.id] ? _shareRefusal(about, joinClaimed[target.id]) : IClaims.NoClaim.selector;
        bytes memory call_ = abi.encodeCall(
            claims.claimJoined,
            (asked[about.asked].request, about.answer, 0, target.element, target.salt, target.by)
        );
        if (!hold("claimJoined", attempt(address(claims), call_), expected)) return;
        joinClaimed[target.id] = true;
        _book(target.by, shareOf(about));
        count(Reached.CLAIMED_JOINED);
    }

    function claimRest(uint256 which) internal {
        Answered storage about = answered[which];
        bytes memory call_ = abi.encodeCall(claims.claimRest, (asked[about.asked].request, about.answer));
        bytes4 expected = _shareRefusal(about, about.restClaimed);
        if (!hold("claimRest", attempt(address(claims), call_), expected)) return;
        about.restClaimed = true;
        uint256 pool = (uint256(asked[about.asked].request.params.bond) * 3) / 8;
        _book(address(consumer), pool - (uint256(about.openAtVoid) + about.joined) * shareOf(about));
        count(Reached.CLAIMED_REST);
    }

    function withdrawClaims(address by) internal override {
        bytes4 expected = claimsOwed[by] == 0 ? IClaims.NothingOwed.selector : bytes4(0);
        bytes memory call_ = abi.encodeCall(claims.withdraw, (by));
        if (!hold("withdraw claims", attempt(address(claims), call_), expected)) return;
        got[by] += claimsOwed[by];
        claimsOut += claimsOwed[by];
        (claimsOwed[by], toClaims) = (0, 0);
        count(Reached.CLAIMS_WITHDRAWN);
    }

    function _shareRefusal(Answered storage about, bool before) private view returns (bytes4) {
        if (!about.voided) return IClaims.AnswerNotVoided.selector;
        if (!about.pooled) return IClaims.NothingPooled.selector;
        if (moment() < about.voidedAt + joinTime()) return IClaims.ClaimsStillOpen.selector;
        return before ? IClaims.ClaimedBefore.selector : bytes4(0);
    }

    function _book(address account, uint256 amount) private {
        claimsOwed[account] += amount;
        claimed += amount;
    }
}

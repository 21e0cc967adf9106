// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title The times of a dispute
/// @notice All in seconds. test/proofs/ has the proof of what is said here for all values that the game stores.
library Clocks {
    /// @notice Stops the mover's clock and starts the next player's, which has `moveTime` at least.
    /// @param time Now; before `deadline`.
    /// @param waiting What is left on the clock of who doesn't move.
    /// @param passes Whether the other player is next.
    /// @return next The next player's deadline. Together with `left` it grows by at most `moveTime`.
    /// @return left What is left on the other clock then.
    function moved(
        uint256 time,
        uint256 deadline,
        uint256 waiting,
        uint256 moveTime,
        bool passes
    ) internal pure returns (uint256 next, uint256 left) {
        uint256 clock = deadline - time;
        left = waiting;
        if (passes) (clock, left) = (waiting, clock);
        if (clock < moveTime) clock = moveTime;
        next = time + clock;
    }

    /// @notice Until when an answer stays open to challenge after a dispute: never shorter than before, and never past
    /// `windowEnd + maxGrace`.
    function graceUntil(
        uint256 time,
        uint256 windowEnd,
        uint256 before,
        uint256 grace,
        uint256 maxGrace
    ) internal pure returns (uint256 until) {
        until = time + grace;
        if (until > windowEnd + maxGrace) until = windowEnd + maxGrace;
        if (until < before) until = before;
    }

    /// @notice What a dispute of at most `moves` moves and its grace can add to a challenge window.
    function longest(uint256 clock, uint256 moveTime, uint256 maxGrace, uint256 moves) internal pure returns (uint256) {
        return maxGrace + 2 * clock + moves * moveTime;
    }

    /// @notice What an operator has for the publication of one bundle.
    function publication(uint256 baseTime, uint256 chunkTime, uint256 chunks) internal pure returns (uint256) {
        return baseTime + chunkTime * chunks;
    }

    /// @notice What the publications of both bundles can take, of `chunks` chunks together at most.
    function publications(uint256 baseTime, uint256 chunkTime, uint256 chunks) internal pure returns (uint256) {
        return 2 * baseTime + chunkTime * chunks;
    }

    /// @notice Until when commitments can join those who share in the bond of an answer that was taken away at `voidedAt`.
    function joinUntil(uint256 voidedAt, uint256 commitDelay, uint256 openGrace) internal pure returns (uint256) {
        return voidedAt + commitDelay + openGrace;
    }

    /// @notice Whether a commitment was made before the answer was taken away, and could not have been opened for longer than `openGrace`.
    /// @param until What `joinUntil` says.
    function isJoining(uint256 committedAt, uint256 voidedAt, uint256 until) internal pure returns (bool) {
        return committedAt < voidedAt && voidedAt - committedAt < until - voidedAt;
    }
}

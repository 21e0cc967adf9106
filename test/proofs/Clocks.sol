// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Clocks} from "../../contracts/libraries/Clocks.sol";

/// @notice One move, in any state that a dispute can be in. `budget` bounds deadline and waiting clock together: it starts as
/// the opening plus `defendTime` and two clocks, and every move adds `moveTime`, so a dispute of n moves ends by opening + defendTime +
/// 2 clocks + n moveTime.
contract AMoveKeepsTheBudget {
    function check(
        uint64 time,
        uint64 deadline,
        uint32 waiting,
        uint32 moveTime,
        bool passes,
        uint64 budget
    ) external pure {
        require(time < deadline && deadline - time <= type(uint32).max);
        require(deadline <= type(uint64).max - type(uint32).max);
        require(budget >= uint256(deadline) + waiting);
        (uint256 next, uint256 left) = Clocks.moved(time, deadline, waiting, moveTime, passes);
        assert(next >= uint256(time) + moveTime); // the next player has that long at least
        assert(next - time <= type(uint32).max); // so the state that was required comes again
        assert(next <= type(uint64).max && left <= type(uint32).max); // nothing is cut where it is stored
        assert(next + left <= uint256(budget) + moveTime);
        assert(left == (passes ? deadline - time : waiting)); // who has moved keeps what it had left
    }
}

/// @notice The first move has a clock of its own, after which both sides have a whole one.
contract ADefenceStartsBothClocks {
    function check(uint64 opening, uint64 time, uint32 defendTime, uint32 clock, uint32 moveTime) external pure {
        uint256 deadline = uint256(opening) + defendTime;
        require(opening <= time && time < deadline);
        (uint256 next, ) = Clocks.moved(time, deadline, clock, moveTime, true);
        assert(next >= uint256(time) + clock); // the challenger has all of its clock
        assert(next + clock <= uint256(opening) + defendTime + 2 * uint256(clock) + moveTime);
    }
}

contract AGraceIsCappedAndNeverShrinks {
    function check(uint64 time, uint64 windowEnd, uint64 before, uint32 grace, uint32 maxGrace) external pure {
        require(windowEnd <= type(uint64).max - type(uint32).max);
        require(before <= uint256(windowEnd) + maxGrace);
        uint256 until = Clocks.graceUntil(time, windowEnd, before, grace, maxGrace);
        assert(until >= before);
        assert(until <= uint256(windowEnd) + maxGrace);
        assert(until <= type(uint64).max);
        assert(until >= uint256(time) + grace || until == uint256(windowEnd) + maxGrace || until == before);
    }
}

contract TheLongestDisputeIsASum {
    function check(uint32 clock, uint32 moveTime, uint32 maxGrace, uint8 moves) external pure {
        uint256 longest = Clocks.longest(clock, moveTime, maxGrace, moves);
        assert(longest >= uint256(clock) + clock);
        assert(longest >= maxGrace);
        assert(longest < 2 ** 41);
    }
}

contract PublicationsFitIntoTheirBound {
    /// @dev Of one bundle after the other, of `first + second` chunks, of which `Publications` allows `most`.
    function check(uint32 baseTime, uint32 chunkTime, uint16 first, uint16 second, uint16 most) external pure {
        require(uint256(first) + second <= most);
        uint256 bound = Clocks.publications(baseTime, chunkTime, most);
        uint256 took = Clocks.publication(baseTime, chunkTime, first);
        assert(took >= baseTime);
        assert(took + Clocks.publication(baseTime, chunkTime, second) <= bound);
        assert(bound < 2 ** 49); // a deadline fits into 64 bits
    }
}

contract WhoeverMayJoinHasTimeTo {
    function check(uint48 committedAt, uint48 voidedAt, uint32 commitDelay, uint32 openGrace) external pure {
        uint256 until = Clocks.joinUntil(voidedAt, commitDelay, openGrace);
        uint256 opensAt = uint256(committedAt) + commitDelay;
        if (Clocks.isJoining(committedAt, voidedAt, until)) {
            assert(committedAt < voidedAt);
            assert(voidedAt < opensAt + openGrace); // it had less than `openGrace` for opening it
            assert(until > opensAt + uint256(openGrace)); // and has more than that for joining
        } else {
            assert(committedAt >= voidedAt || voidedAt >= opensAt + openGrace);
        }
    }
}

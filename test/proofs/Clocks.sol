// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Clocks} from "../../contracts/libraries/Clocks.sol";

/// @notice One move, in any state that a dispute can be in. `budget` bounds deadline and waiting clock together: it starts as
/// the opening plus two clocks, and every move adds `moveTime`, so a dispute of n moves ends by opening + 2 clocks + n moveTime.
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

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Shares} from "../../contracts/libraries/Shares.sol";

contract APartIsNoMoreThanTheWhole {
    function check(uint128 amount, uint16 bps) external pure {
        require(bps <= 10_000);
        uint256 part = Shares.part(amount, bps);
        assert(part <= amount);
        assert(part != 0 || amount == 0 || bps == 0); // rounded up: whatever costs something costs a unit
        assert(part * 10_000 >= uint256(amount) * bps);
        assert(part == 0 || (part - 1) * 10_000 < uint256(amount) * bps);
    }
}

contract AFeeIsDividedToTheLastUnit {
    function check(uint128 fee, uint16 protocolFeeBps, uint16 royaltyBps) external pure {
        require(protocolFeeBps <= 2_000 && royaltyBps <= 5_000);
        (uint256 protocolFee, uint256 royalty, uint256 rest) = Shares.ofFee(fee, protocolFeeBps, royaltyBps);
        assert(protocolFee <= fee && royalty <= fee && rest <= fee); // nothing wrapped
        assert(protocolFee + royalty + rest == fee);
    }
}

contract APoolIsSharedToTheLastUnit {
    function check(uint128 bond, uint32 claims) external pure {
        uint256 share = Shares.ofPool(bond, claims);
        assert(claims * share <= Shares.pool(bond)); // nothing is paid that isn't there
        assert(share <= bond / 4);
        assert(Shares.pool(bond) <= Shares.ofLateRetraction(bond));
        assert(Shares.ofLateRetraction(bond) <= bond);
    }
}

contract AnHonestClaimIsWorthAnEighth {
    /// @dev A quarter of the bond for who claims alone, half of that against two friends of the operator's.
    function check(uint128 bond, uint32 claims) external pure {
        require(claims != 0);
        uint256 share = Shares.ofPool(bond, claims);
        assert(claims > 1 || share == bond / 4);
        assert(claims > 3 || share >= bond / 8);
        assert(share == bond / 4 || (share + 1) * claims > Shares.pool(bond)); // else all is paid but a unit each
    }
}

contract TakingAnAnswerBackLateLosesHalf {
    /// @dev Whoever is paid, the requester included, gets the pool at most.
    function check(uint128 bond) external pure {
        assert(2 * (Shares.ofLateRetraction(bond) - Shares.pool(bond)) >= bond);
        assert(Shares.ofEarlyRetraction(bond) <= bond);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {OperatorAccount} from "../../contracts/libraries/OperatorAccountLib.sol";

// Every account that is in order (free <= active) stays in order, and nothing spills from one part into another, so what is
// locked (active - free) is never more than the stake.

contract AnOperatorIsItsParts {
    function check(uint88 active, uint88 free, uint80 owed) external pure {
        OperatorAccount any = OperatorAccount.wrap(active + uint256(free) * 2 ** 88 + uint256(owed) * 2 ** 176);
        assert(any.active() == active);
        assert(any.free() == free);
        assert(any.owedEth() == owed);
        assert(OperatorAccount.unwrap(any.withoutOwedEth()) == active + uint256(free) * 2 ** 88);
    }
}

contract ADepositIsActiveAndFree {
    function check(uint88 active, uint88 free, uint80 owed, uint128 amount) external pure {
        require(free <= active && uint256(active) + amount < 2 ** 88);
        OperatorAccount any = OperatorAccount.wrap(active + uint256(free) * 2 ** 88 + uint256(owed) * 2 ** 176);
        OperatorAccount got = any.credit(amount);
        (uint256 active_, uint256 free_) = (uint256(active) + amount, uint256(free) + amount);
        assert(free_ <= active_ && active_ < 2 ** 88);
        assert(OperatorAccount.unwrap(got) == active_ + free_ * 2 ** 88 + uint256(owed) * 2 ** 176);
    }
}

contract OnlyFreeStakeUnbonds {
    function check(uint88 active, uint88 free, uint80 owed, uint128 amount) external pure {
        require(free <= active && amount <= free);
        OperatorAccount any = OperatorAccount.wrap(active + uint256(free) * 2 ** 88 + uint256(owed) * 2 ** 176);
        OperatorAccount got = any.debit(amount);
        (uint256 active_, uint256 free_) = (uint256(active) - amount, uint256(free) - amount);
        assert(free_ <= active_);
        assert(OperatorAccount.unwrap(got) == active_ + free_ * 2 ** 88 + uint256(owed) * 2 ** 176);
    }
}

contract ALockedBondStaysActive {
    function check(uint88 active, uint88 free, uint80 owed, uint128 bond) external pure {
        require(free <= active && bond <= free);
        OperatorAccount any = OperatorAccount.wrap(active + uint256(free) * 2 ** 88 + uint256(owed) * 2 ** 176);
        OperatorAccount got = any.lock(bond);
        assert(OperatorAccount.unwrap(got) == active + (uint256(free) - bond) * 2 ** 88 + uint256(owed) * 2 ** 176);
    }
}

contract AReleasedBondIsFree {
    function check(uint88 active, uint88 free, uint80 owed, uint128 bond) external pure {
        require(free <= active && bond <= active - free); // it was locked
        OperatorAccount any = OperatorAccount.wrap(active + uint256(free) * 2 ** 88 + uint256(owed) * 2 ** 176);
        OperatorAccount got = any.release(bond);
        uint256 free_ = uint256(free) + bond;
        assert(free_ <= active);
        assert(OperatorAccount.unwrap(got) == active + free_ * 2 ** 88 + uint256(owed) * 2 ** 176);
    }
}

contract APenaltyIsTakenFromTheLockedBond {
    function check(uint88 active, uint88 free, uint80 owed, uint128 bond, uint128 penalty) external pure {
        require(free <= active && bond <= active - free && penalty <= bond); // it was locked
        OperatorAccount any = OperatorAccount.wrap(active + uint256(free) * 2 ** 88 + uint256(owed) * 2 ** 176);
        OperatorAccount got = any.release(bond - penalty).slash(penalty);
        (uint256 active_, uint256 free_) = (uint256(active) - penalty, uint256(free) + (bond - penalty));
        assert(free_ <= active_);
        assert(OperatorAccount.unwrap(got) == active_ + free_ * 2 ** 88 + uint256(owed) * 2 ** 176);
    }
}

contract AFeeIsOwed {
    function check(uint88 active, uint88 free, uint80 owed, uint128 amount) external pure {
        require(free <= active && uint256(owed) + amount < 2 ** 80);
        OperatorAccount any = OperatorAccount.wrap(active + uint256(free) * 2 ** 88 + uint256(owed) * 2 ** 176);
        OperatorAccount got = any.pay(amount);
        assert(OperatorAccount.unwrap(got) == active + uint256(free) * 2 ** 88 + (uint256(owed) + amount) * 2 ** 176);
    }
}

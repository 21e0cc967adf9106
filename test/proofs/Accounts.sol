// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Account} from "../../contracts/libraries/AccountLib.sol";

// The checker doesn't follow a `revert` with an error's arguments, so what `credit` refuses is required here and tested elsewhere.

contract AnAccountIsItsParts {
    function check(uint128 owed, uint128 fees) external pure {
        Account any = Account.wrap(owed + uint256(fees) * 2 ** 128);
        assert(any.owed() == owed);
        assert(any.protocolFees() == fees);
        assert(Account.unwrap(any.withoutOwed()) == uint256(fees) * 2 ** 128);
        assert(Account.unwrap(any.withoutProtocolFees()) == owed);
    }
}

contract ACreditGoesWhereItBelongs {
    function check(uint128 owed, uint128 fees, uint128 amount, uint128 fee) external pure {
        require(uint256(owed) + amount < 2 ** 128 && uint256(fees) + fee < 2 ** 128);
        Account got = Account.wrap(owed + uint256(fees) * 2 ** 128).credit(amount, fee);
        assert(Account.unwrap(got) == owed + uint256(amount) + (uint256(fees) + fee) * 2 ** 128);
    }
}

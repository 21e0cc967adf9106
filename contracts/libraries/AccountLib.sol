// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice What an account is owed in one token, and the protocol's fees that gathered beside it, in one slot.
/// @dev From the least significant bit: owed (128), protocolFees (128). The protocol's part gathers where the author's
/// royalty goes, because a finalize writes that slot anyway.
type Account is uint256;

using AccountLib for Account global;

/// @title What an account is owed in one token
library AccountLib {
    error AmountTooLarge(uint256 amount);

    function owed(Account account) internal pure returns (uint256) {
        return uint128(Account.unwrap(account));
    }

    function protocolFees(Account account) internal pure returns (uint256) {
        return Account.unwrap(account) >> 128;
    }

    function withoutOwed(Account account) internal pure returns (Account) {
        return Account.wrap(account.protocolFees() << 128);
    }

    function withoutProtocolFees(Account account) internal pure returns (Account) {
        return Account.wrap(account.owed());
    }

    /// @dev Reverts where a sum reaches 2^128, which only a token with a larger supply can do.
    function credit(Account account, uint256 amount) internal pure returns (Account) {
        return account.credit(amount, 0);
    }

    function credit(Account account, uint256 amount, uint256 protocolFee) internal pure returns (Account) {
        uint256 sum = account.owed() + amount;
        if (sum > type(uint128).max) revert AmountTooLarge(sum);
        return Account.wrap(Account.unwrap(account) + amount + (protocolFee << 128));
    }
}

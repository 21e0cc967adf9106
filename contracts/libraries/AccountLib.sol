// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice What an account is owed in one token, and the protocol's fees that gathered beside it, in one slot.
/// @dev From the least significant bit: owed (128), protocolFees (128). The protocol's part gathers where the author's
/// royalty goes, because a finalize writes that slot anyway. Written with powers of two, which compile to shifts, because the
/// proof of it (test/proofs/) can follow them.
type Account is uint256;

using AccountLib for Account global;

/// @title What an account is owed in one token
library AccountLib {
    error AmountTooLarge(uint256 amount);

    function owed(Account account) internal pure returns (uint256) {
        return Account.unwrap(account) % 2 ** 128;
    }

    function protocolFees(Account account) internal pure returns (uint256) {
        return Account.unwrap(account) / 2 ** 128;
    }

    function withoutOwed(Account account) internal pure returns (Account) {
        unchecked {
            return Account.wrap(account.protocolFees() * 2 ** 128);
        }
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
        // SAFETY: one fee is below 2^128; that their sum stays there is what the addition checks.
        unchecked {
            protocolFee *= 2 ** 128;
        }
        return Account.wrap(Account.unwrap(account) + amount + protocolFee);
    }
}

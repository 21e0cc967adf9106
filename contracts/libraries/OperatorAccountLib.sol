// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice All that a submit and a finalize read and write of an operator, in one slot.
/// @dev From the least significant bit: active stake (88), free stake (88), owed wei (80). INVARIANT: free <= active.
/// Written with powers of two, which compile to shifts, because the proof of it (test/proofs/) can follow them.
type OperatorAccount is uint256;

using OperatorAccountLib for OperatorAccount global;

/// @title An operator's stake and what it is owed in ETH
library OperatorAccountLib {
    /// @dev 3 * 10^26 units: 309 million tokens of 18 decimals.
    uint256 internal constant MAX_STAKE = type(uint88).max;
    /// @dev 1.2 million ETH.
    uint256 internal constant MAX_OWED = type(uint80).max;

    error StakeTooLarge(uint256 stake, uint256 maximum);

    /// @return Stake less what is unbonding, in the stake token's smallest unit.
    function active(OperatorAccount account) internal pure returns (uint256) {
        return OperatorAccount.unwrap(account) % 2 ** 88;
    }

    /// @return Active stake that isn't locked behind an answer.
    function free(OperatorAccount account) internal pure returns (uint256) {
        return (OperatorAccount.unwrap(account) / 2 ** 88) % 2 ** 88;
    }

    /// @return In wei.
    function owedEth(OperatorAccount account) internal pure returns (uint256) {
        return OperatorAccount.unwrap(account) / 2 ** 176;
    }

    function withoutOwedEth(OperatorAccount account) internal pure returns (OperatorAccount) {
        return OperatorAccount.wrap(OperatorAccount.unwrap(account) % 2 ** 176);
    }

    function credit(OperatorAccount account, uint256 amount) internal pure returns (OperatorAccount) {
        uint256 stake = account.active() + amount;
        if (stake > MAX_STAKE) revert StakeTooLarge(stake, MAX_STAKE);
        return OperatorAccount.wrap(OperatorAccount.unwrap(account) + amount + _atFree(amount));
    }

    // SAFETY: the callers of what follows have seen that the amount is there (or, in `release`, was locked before).

    function debit(OperatorAccount account, uint256 amount) internal pure returns (OperatorAccount) {
        return OperatorAccount.wrap(OperatorAccount.unwrap(account) - amount - _atFree(amount));
    }

    function lock(OperatorAccount account, uint256 bond) internal pure returns (OperatorAccount) {
        return OperatorAccount.wrap(OperatorAccount.unwrap(account) - _atFree(bond));
    }

    function release(OperatorAccount account, uint256 bond) internal pure returns (OperatorAccount) {
        return OperatorAccount.wrap(OperatorAccount.unwrap(account) + _atFree(bond));
    }

    /// @notice Takes a locked bond away.
    function slash(OperatorAccount account, uint256 bond) internal pure returns (OperatorAccount) {
        return OperatorAccount.wrap(OperatorAccount.unwrap(account) - bond);
    }

    /// @param amount Wei; `owedEth + amount` is at most MAX_OWED.
    function pay(OperatorAccount account, uint256 amount) internal pure returns (OperatorAccount) {
        unchecked {
            amount *= 2 ** 176;
        }
        return OperatorAccount.wrap(OperatorAccount.unwrap(account) + amount);
    }

    function _atFree(uint256 amount) private pure returns (uint256) {
        unchecked {
            return amount * 2 ** 88;
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title How amounts are divided
/// @notice Parts add up to the whole, to the smallest unit. test/proofs/ has the proof for amounts below 2^128.
library Shares {
    uint256 internal constant BPS = 10_000;

    /// @return `bps` in 10,000 of an amount, rounded up.
    function part(uint256 amount, uint256 bps) internal pure returns (uint256) {
        // SAFETY: an amount has 128 bits, a rate 16.
        unchecked {
            return (amount * bps + (BPS - 1)) / BPS;
        }
    }

    /// @notice A fee: the protocol's part is rounded up, the royalty down, the operator gets the rest.
    /// @dev The rates are at most 2,000 and 5,000: more could ask for more than the fee.
    function ofFee(
        uint256 fee,
        uint256 protocolFeeBps,
        uint256 royaltyBps
    ) internal pure returns (uint256 protocolFee, uint256 royalty, uint256 rest) {
        protocolFee = part(fee, protocolFeeBps);
        unchecked {
            royalty = (fee * royaltyBps) / BPS;
            rest = fee - (protocolFee + royalty);
        }
    }

    /// @notice What taking an answer back costs before anybody can have opened a challenge: 1 % of the bond, rounded up.
    function ofEarlyRetraction(uint256 bond) internal pure returns (uint256) {
        return part(bond, BPS / 100);
    }

    /// @notice What it costs later: seven eighths of the bond, rounded up.
    /// @dev What whoever takes part in a verdict gets (`pool`) is so much less that an operator and any friends of its lose half
    /// of the bond at least (docs/exits.md).
    function ofLateRetraction(uint256 bond) internal pure returns (uint256) {
        unchecked {
            return bond - bond / 8;
        }
    }

    /// @notice What is divided when an answer is taken away after a challenge could be opened: three eighths of the bond.
    function pool(uint256 bond) internal pure returns (uint256) {
        // SAFETY: a bond has 128 bits.
        unchecked {
            return (3 * bond) / 8;
        }
    }

    /// @notice What each of `claims` claimants gets of the pool, a quarter of the bond at most; the requester gets the rest.
    function ofPool(uint256 bond, uint256 claims) internal pure returns (uint256 share) {
        unchecked {
            share = bond / 4;
            if (claims * share > pool(bond)) share = pool(bond) / claims;
        }
    }
}

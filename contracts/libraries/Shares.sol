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

    /// @notice A penalty: half, rounded down, is the challenger's, the rest is burned.
    function ofPenalty(uint256 amount) internal pure returns (uint256 reward, uint256 burned) {
        reward = amount / 2;
        burned = amount - reward;
    }
}

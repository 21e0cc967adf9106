// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title What a demand escrows, and what the operator draws of it
/// @notice test/proofs/ has the proof of what is said here for all values that Publications stores.
library Escrow {
    /// @dev Of a chunk: the transaction's base, its checks, and its calldata beside the chunk's own bytes.
    uint256 internal constant CHUNK_GAS = 60_000;
    uint256 internal constant CHUNK_OVERHEAD_BYTES = 1_300;
    /// @dev Wei of priority fee a gas.
    uint256 internal constant PRIORITY_FEE = 2 gwei;

    /// @return What publishing a bundle takes at most, in gas.
    function gasFor(uint256 size, uint256 chunks, uint256 gasPerByte) internal pure returns (uint256) {
        return CHUNK_GAS * chunks + gasPerByte * (size + CHUNK_OVERHEAD_BYTES * chunks);
    }

    /// @return What must be escrowed at least, in wei: it covers twice the base fee.
    function minimum(uint256 gasNeeded, uint256 baseFee) internal pure returns (uint256) {
        return gasNeeded * (2 * baseFee + PRIORITY_FEE);
    }

    /// @return The price of gas, in wei, up to which an escrow pays for all of a publication.
    function covered(uint256 escrow, uint256 gasNeeded) internal pure returns (uint256) {
        return escrow / gasNeeded;
    }

    /// @return What the operator draws for one of `chunks` chunks, in wei: half of what it costs, so that neither hiding bytes nor demanding
    /// them is free, and half of the escrow at most for all of them.
    function drawn(
        uint256 escrow,
        uint256 gasNeeded,
        uint256 chunks,
        uint256 gasPrice
    ) internal pure returns (uint256) {
        uint256 price = covered(escrow, gasNeeded);
        if (gasPrice < price) price = gasPrice;
        return (price * gasNeeded) / (2 * chunks);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice What the coordinator noted when a request was made, in one word of the request.
/// @dev From the least significant bit: nonce (32), requestedAt (48), requestedBlock (48), stakeBits (8), protocolFeeBps (16),
/// inputByURI (8). The nonce comes first so that adding 1 to the word raises it.
type Origin is uint256;

using OriginLib for Origin global;

/// @title When a request was made, and the parameters that it was made under
/// @notice A live request keeps them: the word is part of its identity.
library OriginLib {
    /// @param stakeBits_ The binary logarithm, rounded down, of all stake. @param feeBps The protocol's part of the fee, in 1/10,000.
    /// @param byURI Whether the input's bytes are at a URI rather than in the request's event.
    function make(uint256 stakeBits_, uint256 feeBps, bool byURI) internal view returns (Origin) {
        // SAFETY: times and block numbers are below 2^48 for millions of years.
        unchecked {
            uint256 word = (block.timestamp << 32) | (block.number << 80) | (stakeBits_ << 128) | (feeBps << 136);
            return Origin.wrap(byURI ? word | (1 << 152) : word);
        }
    }

    /// @return Unix time, seconds.
    function requestedAt(Origin origin) internal pure returns (uint256) {
        return uint48(Origin.unwrap(origin) >> 32);
    }

    /// @return Its block's hash, which nobody knows before that block ends, decides who is eligible first.
    function requestedBlock(Origin origin) internal pure returns (uint256) {
        return uint48(Origin.unwrap(origin) >> 80);
    }

    /// @return The binary logarithm, rounded down, of all stake: what an operator's stake is measured against.
    function stakeBits(Origin origin) internal pure returns (uint256) {
        return uint8(Origin.unwrap(origin) >> 128);
    }

    /// @return The protocol's part of the fee, in 1/10,000.
    function protocolFeeBps(Origin origin) internal pure returns (uint256) {
        return uint16(Origin.unwrap(origin) >> 136);
    }

    /// @return Whether the input's bytes are at a URI: then whoever can't get them may demand them of who answered.
    function inputByURI(Origin origin) internal pure returns (bool) {
        return Origin.unwrap(origin) >> 152 != 0;
    }
}

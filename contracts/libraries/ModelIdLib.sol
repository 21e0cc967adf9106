// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title A model's identity says who is paid for its use
/// @dev `author (20 bytes) ‖ royalty in 1/10,000 (2 bytes) ‖ the first 10 bytes of the record's hash`. The coordinator
/// pays the royalty from the identity alone and needs no look-up.
/// Warning: 80 bits of hash name a record only together with the registry, which keeps the first record of an identity
/// for ever. Only the author itself could look for a second record with the same identity, and can't register it.
library ModelIdLib {
    function make(address author, uint16 royaltyBps, bytes32 recordHash) internal pure returns (bytes32) {
        return bytes32(bytes20(author)) | (bytes32(uint256(royaltyBps)) << 80) | (recordHash >> 176);
    }

    function authorOf(bytes32 modelId) internal pure returns (address) {
        return address(bytes20(modelId));
    }

    /// @return In 1/10,000 of the fee.
    function royaltyBpsOf(bytes32 modelId) internal pure returns (uint256) {
        return uint16(uint256(modelId) >> 80);
    }
}

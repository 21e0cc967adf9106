// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IStepVerifier, StepClaim} from "../interfaces/IStepVerifier.sol";

/// @title Many steps in one call
contract StepBatch {
    IStepVerifier private immutable _verifier;

    constructor(IStepVerifier verifier) {
        _verifier = verifier;
    }

    /// @return words The canonical word of each claim.
    function steps(
        StepClaim[] calldata claims,
        bytes[] calldata proofs
    ) external view returns (uint256[] memory words) {
        words = new uint256[](claims.length);
        for (uint256 i = 0; i < claims.length; ++i) words[i] = _verifier.step(claims[i], proofs[i]);
    }
}

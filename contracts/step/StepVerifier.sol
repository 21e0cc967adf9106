// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IStepKernel} from "../interfaces/IStepKernel.sol";
import {IStepVerifier, StepClaim, StepProof} from "../interfaces/IStepVerifier.sol";
import {Program} from "../libraries/Program.sol";
import {StepInput} from "./StepInput.sol";

/// @title One element of one instruction, through the kernel of its kind
/// @dev What the verifier stores are facts: "the elements in front of this position give this state" follows from the claim
/// alone, so that it doesn't matter who worked it out, and nothing needs ever be deleted.
contract StepVerifier is IStepVerifier {
    IStepKernel public immutable mapKernel;
    IStepKernel public immutable contractionKernel;
    IStepKernel public immutable reductionKernel;

    mapping(bytes32 fact => bool) private _proven;

    constructor(IStepKernel mapKernel_, IStepKernel contractionKernel_, IStepKernel reductionKernel_) {
        mapKernel = mapKernel_;
        contractionKernel = contractionKernel_;
        reductionKernel = reductionKernel_;
    }

    /// @inheritdoc IStepVerifier
    function step(StepClaim calldata claim, bytes calldata proof) external view returns (uint256 word) {
        StepProof calldata decoded = StepInput.decode(proof);
        _checkState(claim, decoded);
        (word, ) = _kernel(decoded).run(claim, proof, true);
    }

    /// @inheritdoc IStepVerifier
    function advance(StepClaim calldata claim, bytes calldata proof) external returns (uint256[6] memory state) {
        StepProof calldata decoded = StepInput.decode(proof);
        _checkState(claim, decoded);
        (, state) = _kernel(decoded).run(claim, proof, false);
        bytes32 claimHash = keccak256(abi.encode(claim));
        _proven[_fact(claimHash, decoded.end, state)] = true;
        emit Advanced(claimHash, decoded.end, state);
    }

    /// @inheritdoc IStepVerifier
    function isProven(
        StepClaim calldata claim,
        uint64 position,
        uint256[6] calldata state
    ) external view returns (bool) {
        return _proven[_fact(keccak256(abi.encode(claim)), position, state)];
    }

    /// @dev The kind comes from a record that is not proven yet: the kernel proves it, and refuses what is not its own.
    function _kernel(StepProof calldata proof) private view returns (IStepKernel) {
        uint256 kind = uint8(proof.record[0]);
        if (kind == Program.CONTRACT) return contractionKernel;
        if (kind == Program.REDUCE) return reductionKernel;
        return mapKernel;
    }

    function _checkState(StepClaim calldata claim, StepProof calldata proof) private view {
        if (proof.position == 0) {
            for (uint256 i = 0; i < 6; ++i) {
                if (proof.state[i] != 0) revert StateUnproven(keccak256(abi.encode(claim)), 0);
            }
        } else {
            bytes32 claimHash = keccak256(abi.encode(claim));
            if (!_proven[_fact(claimHash, proof.position, proof.state)]) {
                revert StateUnproven(claimHash, proof.position);
            }
        }
    }

    function _fact(bytes32 claimHash, uint64 position, uint256[6] memory state) private pure returns (bytes32) {
        return keccak256(abi.encode(claimHash, position, state));
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IStepKernel} from "../interfaces/IStepKernel.sol";
import {Choice, IStepVerifier, StepClaim, StepProof} from "../interfaces/IStepVerifier.sol";
import {Program} from "../libraries/Program.sol";
import {Segments} from "../libraries/Segments.sol";
import {ChoiceKernel} from "./ChoiceKernel.sol";
import {StepInput} from "./StepInput.sol";

/// @title One element of one instruction, through the kernel of its kind
/// @dev What the verifier stores are facts: "the elements in front of this position give this state" follows from the claim
/// alone, so that it doesn't matter who worked it out, and nothing needs ever be deleted.
contract StepVerifier is IStepVerifier {
    IStepKernel public immutable mapKernel;
    IStepKernel public immutable contractionKernel;
    IStepKernel public immutable reductionKernel;
    ChoiceKernel public immutable choiceKernel;

    mapping(bytes32 fact => bool) private _proven;

    constructor(
        IStepKernel mapKernel_,
        IStepKernel contractionKernel_,
        IStepKernel reductionKernel_,
        ChoiceKernel choiceKernel_
    ) {
        _requireClz();
        mapKernel = mapKernel_;
        contractionKernel = contractionKernel_;
        reductionKernel = reductionKernel_;
        choiceKernel = choiceKernel_;
    }

    /// @inheritdoc IStepVerifier
    function step(StepClaim calldata claim, bytes calldata proof) external view returns (uint256 word) {
        StepProof calldata decoded = StepInput.decode(proof);
        _checkState(claim, decoded);
        (word, , ) = _kernel(decoded).run(claim, proof, true);
    }

    /// @inheritdoc IStepVerifier
    function advance(StepClaim calldata claim, bytes calldata proof) external returns (uint256[6] memory state) {
        StepProof calldata decoded = StepInput.decode(proof);
        _checkState(claim, decoded);
        (, state, ) = _kernel(decoded).run(claim, proof, false);
        bytes32 claimHash = keccak256(abi.encode(claim));
        _proven[_fact(claimHash, decoded.end, state)] = true;
        emit Advanced(claimHash, decoded.end, state);
    }

    /// @inheritdoc IStepVerifier
    /// @dev INVARIANT: the state in front of a position has one form, whatever the way to it, so that equal sums are equal words.
    function follows(
        StepClaim calldata claim,
        uint256 word,
        uint256[6][] calldata states,
        bytes calldata proof
    ) external view returns (bool) {
        StepProof calldata decoded = StepInput.decode(proof);
        bool last = decoded.end == 0;
        (uint256 found, uint256[6] memory state, uint256 total) = _kernel(decoded).run(claim, proof, last);
        if (states.length + 1 != Segments.countOf(total)) return false;

        uint256 length = Segments.lengthOf(total);
        uint256 segment = decoded.position / length;
        uint256[6] memory first;
        bool valid = decoded.position % length == 0 && segment <= states.length;
        if (valid && segment != 0) first = states[segment - 1];
        valid = valid && (last ? segment == states.length : decoded.end == decoded.position + length);
        if (!valid || !_equal(decoded.state, first)) revert SegmentInvalid(decoded.position, decoded.end, length);
        return last ? found == word : _equal(states[segment], state);
    }

    /// @inheritdoc IStepVerifier
    function isNearTie(
        StepClaim calldata claim,
        Choice calldata choice,
        bytes calldata proof
    ) external view returns (bool) {
        return choiceKernel.isNearTie(claim, proof, choice);
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

    /// @dev On a chain without CLZ (EIP-7939) kernels deploy and every step reverts. The created code is one byte where CLZ counts
    /// as it should, and none where it isn't an instruction.
    function _requireClz() private {
        bytes memory probe = hex"60011e610100035ff3";
        address probed;
        assembly ("memory-safe") {
            probed := create(0, add(probe, 0x20), mload(probe))
        }
        if (probed.code.length != 1) revert ChainWithoutClz();
    }

    function _equal(uint256[6] calldata a, uint256[6] memory b) private pure returns (bool) {
        for (uint256 i = 0; i < 6; ++i) if (a[i] != b[i]) return false;
        return true;
    }

    function _fact(bytes32 claimHash, uint64 position, uint256[6] memory state) private pure returns (bytes32) {
        return keccak256(abi.encode(claimHash, position, state));
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IStepKernel} from "../interfaces/IStepKernel.sol";
import {Choice, IStepVerifier, StepClaim, StepProof} from "../interfaces/IStepVerifier.sol";
import {Program} from "../libraries/Program.sol";
import {Segments} from "../libraries/Segments.sol";
import {ChoiceKernel} from "./ChoiceKernel.sol";
import {StepInput} from "./StepInput.sol";

/// @title One element of one instruction, through the kernel of its kind
contract StepVerifier is IStepVerifier {
    IStepKernel public immutable mapKernel;
    IStepKernel public immutable contractionKernel;
    IStepKernel public immutable reductionKernel;
    ChoiceKernel public immutable choiceKernel;

    bytes32 private constant INITIAL_STATE = keccak256(abi.encode(0, 0, 0, 0, 0, 0));

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
        bool whole = decoded.position == 0 && keccak256(abi.encode(decoded.state)) == INITIAL_STATE;
        if (!whole) revert StepNotWhole(decoded.position);
        (word, , ) = _kernel(decoded).run(claim, proof, true);
    }

    /// @inheritdoc IStepVerifier
    /// @dev INVARIANT: the state before a position has one form, whatever the way to it, so that equal sums are equal words.
    function follows(
        StepClaim calldata claim,
        uint256 path,
        bytes calldata states,
        bytes calldata proof
    ) external view returns (bool) {
        StepProof calldata decoded = StepInput.decode(proof);
        bool last = decoded.end == 0;
        (uint256 word, uint256[6] memory found, uint256 total) = _kernel(decoded).run(claim, proof, last);
        if (last) found[0] = word;

        (uint256 from, uint256 to) = Segments.rangeOf(path, total);
        uint256 length = Segments.lengthOf(to - from);
        uint256 count = (to - from + length - 1) / length;
        if (count == 0 || states.length != (count + 1) * Segments.STATE_BYTES) return false;

        uint256 position = decoded.position;
        uint256 end = position + length < to ? position + length : to;
        bool valid = position >= from && position < to && (position - from) % length == 0;
        valid = valid && (last ? total : decoded.end) == end;
        uint256 index = valid ? (position - from) / length : 0;
        if (!valid || _stateAt(states, index) != keccak256(abi.encode(decoded.state))) {
            revert SegmentInvalid(position, decoded.end, length);
        }
        return _stateAt(states, index + 1) == keccak256(abi.encode(found));
    }

    /// @inheritdoc IStepVerifier
    function isNearTie(
        StepClaim calldata claim,
        Choice calldata choice,
        bytes calldata proof
    ) external view returns (bool) {
        return choiceKernel.isNearTie(claim, proof, choice);
    }

    /// @dev The kind comes from a record that is not proven yet: the kernel proves it, and refuses what is not its own.
    function _kernel(StepProof calldata proof) private view returns (IStepKernel) {
        uint256 kind = uint8(proof.record[0]);
        if (kind == Program.CONTRACT) return contractionKernel;
        if (kind == Program.REDUCE) return reductionKernel;
        return mapKernel;
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

    function _stateAt(bytes calldata states, uint256 index) private pure returns (bytes32) {
        return keccak256(states[Segments.STATE_BYTES * index:Segments.STATE_BYTES * (index + 1)]);
    }
}

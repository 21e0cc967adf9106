// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

/// @notice Which word of which trace is to be recomputed, and everything that it may depend on.
struct StepClaim {
    /// @dev The model's program and weights (docs/canonical.md, §6).
    bytes32 programRoot;
    bytes32 weightRoot;
    /// @dev The request's input tensors.
    bytes32 inputRoot;
    /// @dev Top of the tree over the disputed trace, and how many leaves that has.
    bytes32 traceTop;
    uint32 traceLeaves;
    /// @dev Which leaf of the trace, and which of its 64 words.
    uint32 leaf;
    uint8 word;
}

/// @notice Some leaves of one tree, proven together.
struct Opening {
    /// @dev For each run of adjacent leaves: number of the first one, number of leaves (4 bytes each, big-endian). Runs
    /// increase and don't touch.
    bytes ranges;
    /// @dev 256 bytes a leaf, in order.
    bytes leaves;
    /// @dev The hashes that the opened leaves lack, level by level from the bottom, from left to right. Subtrees that hold
    /// no leaf are left out.
    bytes32[] siblings;
}

/// @notice An element of a request's input. Only for `input` instructions.
struct InputOpening {
    /// @dev Roots of all of the request's input tensors.
    bytes32[] tensorRoots;
    /// @dev What the tensor's root binds beside its data: dtype, rank and dimensions as in docs/commitments.md.
    bytes shape;
    bytes32 top;
    /// @dev The leaf that holds the element; empty where count, dtype or shape are not those that the program takes.
    Opening leaf;
}

/// @notice What a step reads.
struct StepProof {
    bytes header;
    bytes record;
    /// @dev Number of the instruction in its program, and its siblings in the program's tree.
    uint32 instruction;
    bytes32[] recordSiblings;
    Opening trace;
    Opening weights;
    InputOpening input;
    /// @dev Position in the reduction space where a segment begins, and what the elements before it give; all 0 at the
    /// beginning of the reduction.
    uint64 position;
    uint256[6] state;
    /// @dev Position behind the segment's last element; 0 stands for the end of the reduction space.
    uint64 end;
}

/// @notice Two choices among the scores of one element, and the tolerance of these scores.
struct Choice {
    /// @dev Row-major numbers in the reduction space.
    uint256 posted;
    uint256 canonical;
    /// @dev Binary32 bits.
    uint32 deltaAbsolute;
    uint32 deltaRelative;
}

/// @title One element of one instruction of a canonical program, recomputed by the EVM
/// @notice Operands are opened under the disputed trace itself, the model's weights and the request's input, so that the
/// result says whether this element follows from what lies before it.
interface IStepVerifier {
    /// @notice A step's proof doesn't begin with its reduction, or not with the state before all elements.
    error StepNotWhole(uint64 position);
    /// @notice A proof is not for one segment, or doesn't begin with that segment's first state.
    error SegmentInvalid(uint256 position, uint256 end, uint256 length);
    /// @dev The chain doesn't execute CLZ (EIP-7939), without which no element can be computed.
    error ChainWithoutClz();

    /// @notice Recomputes the claimed word.
    /// @param proof An ABI-encoded `StepProof`.
    /// @return word The canonical word, below 2^32; `type(uint256).max` where there is none since the request's inputs are not
    /// those that the program takes: then every word is wrong.
    /// @dev Reverts where the proof does not show what the instruction reads, whoever is right.
    function step(StepClaim calldata claim, bytes calldata proof) external view returns (uint256 word);

    /// @notice Recomputes one segment of a reduction, or of a segment of it (libraries/Segments.sol): from `proof.position` to
    /// `proof.end`.
    /// @param path What is cut into the segments of which one is recomputed.
    /// @param states What is said to be the state before it, at the end of every segment in it, and at its own end, 192 bytes each.
    /// The state after a whole reduction is its word and five zeros.
    /// @param proof An ABI-encoded `StepProof` that begins with the state that is said to be before the recomputed segment.
    /// @return Whether the state that is said to be at its end follows; false where there are not as many states as the path has segments
    /// and one.
    function follows(
        StepClaim calldata claim,
        uint256 path,
        bytes calldata states,
        bytes calldata proof
    ) external view returns (bool);

    /// @notice Compares another choice among scores with the one that the trace makes in the claimed word.
    /// @param proof An ABI-encoded `StepProof` that opens the two scores.
    /// @return Whether the posted choice's score lies within twice the tolerance of the canonical one's (docs/canonical.md, §9).
    /// @dev Reverts where the word is not the number of a largest or smallest f32 score, or the proof doesn't show the scores.
    function isNearTie(
        StepClaim calldata claim,
        Choice calldata choice,
        bytes calldata proof
    ) external view returns (bool);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice One input or output tensor of a model.
struct TensorSpec {
    string name;
    /// @dev ONNX TensorProto.DataType.
    uint8 dtype;
    /// @dev Fixed at registration: no dynamic dimensions.
    uint32[] shape;
    /// @dev Tolerance δ of an output as binary32 bits: |y - y*| <= deltaAbsolute + deltaRelative * |y*|; where the output is a
    /// choice among scores, that of the scores (docs/canonical.md, §9). Zero for inputs.
    uint32 deltaAbsolute;
    uint32 deltaRelative;
}

struct Model {
    /// @dev keccak256 of the ONNX file's bytes.
    bytes32 artifactHash;
    string artifactURI;
    /// @dev Roots of the canonical program and of its weights; zero: not adjudicable, answers can't be challenged.
    bytes32 programRoot;
    bytes32 weightRoot;
    TensorSpec[] inputs;
    TensorSpec[] outputs;
    /// @dev Receives `royaltyBps` / 10,000 of every fee; must be the account that registers.
    address author;
    uint16 royaltyBps;
}

/// @title Immutable model records
interface IModelRegistry {
    event ModelRegistered(bytes32 indexed modelId, address indexed author, bytes32 artifactHash, string artifactURI);

    error ModelAlreadyRegistered(bytes32 modelId);
    error ModelUnknown(bytes32 modelId);
    error ModelOutputUnknown(bytes32 modelId, uint256 output, uint256 count);
    error ModelAuthorNotCaller(address author, address caller);
    error ModelRoyaltyTooHigh(uint256 royaltyBps, uint256 maximum);
    error ModelArtifactMissing();
    /// @dev programRoot and weightRoot are given together or not at all.
    error ModelRootsIncomplete(bytes32 programRoot, bytes32 weightRoot);
    error ModelTextTooLong(uint256 length, uint256 maximum);
    error ModelTensorCount(uint256 count, uint256 maximum);
    error ModelTensorInvalid(string name, uint8 dtype, uint256 rank);
    /// @dev A tensor has one element at least: a bundle of none has no bytes that a dispute could be about.
    error ModelTensorSize(string name, uint256 count, uint256 maximum);
    /// @dev The record says another number of inputs or outputs than the program has.
    error ModelProgramTensorCount(uint256 expected, uint256 actual);
    /// @dev The record says another type or shape than the program has.
    error ModelProgramTensorMismatch(string name, uint8 dtype, uint32[] shape);
    /// @dev A tolerance must be finite and not negative: every number would be within a NaN or an infinity.
    error ModelToleranceInvalid(string name, uint32 deltaAbsolute, uint32 deltaRelative);

    /// @notice Registers a model for ever; the caller is its author.
    /// @param instructionsTop Top of the tree over the program's instructions, and `header` the program's header (docs/canonical.md §6):
    /// what `programRoot` is the hash of. The record's inputs and outputs must be the header's. Both are ignored where the root is zero.
    /// @return modelId `ModelIdLib.make(author, royaltyBps, keccak256(abi.encode(model)))`.
    function registerModel(
        Model calldata model,
        bytes32 instructionsTop,
        bytes calldata header
    ) external returns (bytes32 modelId);

    /// @dev Reverts with `ModelUnknown` where there is none.
    function modelOf(bytes32 modelId) external view returns (Model memory);
    /// @notice What a dispute about one output goes by.
    /// @return programRoot Zero: the model's answers can't be challenged.
    /// @return weightRoot Root of the constants.
    /// @return count Elements of the output.
    /// @return deltaAbsolute Tolerance as binary32 bits.
    /// @return deltaRelative Tolerance as binary32 bits.
    function rulesOf(
        bytes32 modelId,
        uint256 output
    )
        external
        view
        returns (bytes32 programRoot, bytes32 weightRoot, uint256 count, uint32 deltaAbsolute, uint32 deltaRelative);
    /// @notice What publishing a model's inputs or outputs takes (`Publications`).
    /// @return inputBytes Of the elements of all inputs.
    /// @return inputChunks Pieces of at most 65,536 bytes that they are published in.
    /// @return outputBytes Of the elements of all outputs.
    /// @return outputChunks Pieces of at most 65,536 bytes.
    /// @return adjudicable Whether the model's answers can be challenged.
    function sizesOf(
        bytes32 modelId
    )
        external
        view
        returns (uint256 inputBytes, uint256 inputChunks, uint256 outputBytes, uint256 outputChunks, bool adjudicable);
    function isRegistered(bytes32 modelId) external view returns (bool);
    /// @return author The zero address where the model is unknown.
    /// @return royaltyBps In 1/10,000 of the fee.
    function royaltyOf(bytes32 modelId) external view returns (address author, uint16 royaltyBps);
    /// @return The identity that `registerModel` would give the record.
    function modelIdOf(Model calldata model) external pure returns (bytes32);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice One input or output tensor of a model.
struct TensorSpec {
    string name;
    /// @dev ONNX TensorProto.DataType.
    uint8 dtype;
    /// @dev Fixed at registration: no dynamic dimensions.
    uint32[] shape;
    /// @dev Tolerance δ of an output as binary32 bits: |y - y*| <= deltaAbsolute + deltaRelative * |y*|. Zero for inputs.
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
    /// @dev Receives `royaltyBps` / 10,000 of every fee.
    address author;
    uint16 royaltyBps;
}

/// @title Immutable model records
interface IModelRegistry {
    event ModelRegistered(bytes32 indexed modelId, address indexed author, bytes32 artifactHash, string artifactURI);

    /// @notice Registers a model for ever; the caller is its author. @return modelId keccak256(abi.encode(model)).
    function registerModel(Model calldata model) external returns (bytes32 modelId);
    function modelOf(bytes32 modelId) external view returns (Model memory);
    /// @return author The zero address where the model is unknown.
    function royaltyOf(bytes32 modelId) external view returns (address author, uint16 royaltyBps);
}

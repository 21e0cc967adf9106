// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {CoordinatorBound} from "./CoordinatorBound.sol";
import {IModelRegistry, Model, TensorSpec} from "./interfaces/IModelRegistry.sol";
import {ModelIdLib} from "./libraries/ModelIdLib.sol";
import {ProgramHeader} from "./libraries/ProgramHeader.sol";
import {TensorLib} from "./libraries/TensorLib.sol";

/// @title Immutable model records
contract ModelRegistry is IModelRegistry, CoordinatorBound {
    using ModelIdLib for bytes32;

    uint256 public constant MAX_ROYALTY_BPS = 5_000;
    uint256 public constant MAX_URI_LENGTH = 2_048;
    uint256 public constant MAX_NAME_LENGTH = 256;
    uint256 public constant MAX_TENSORS = 32;
    /// @dev Bits of the largest finite binary32: from the next word on they are infinities, NaNs and negative numbers.
    uint32 private constant LARGEST_FINITE = 0x7f7fffff;

    /// @notice What disputes read of a record.
    struct Rules {
        bytes32 programRoot;
        bytes32 weightRoot;
        /// @dev Of all inputs and of all outputs, packed by `_sizeOf`.
        uint128 inputSize;
        uint128 outputSize;
        /// @dev One for each output, packed by `_pack`.
        uint256[] outputs;
    }

    /// @dev A dispute names an element by 32 bits.
    uint256 private constant LARGEST_COUNT = 2 ** 32;
    /// @dev What is published at once: the leaves of a subtree of height 8.
    uint256 private constant CHUNK_BYTES = 65_536;

    /// @dev The ABI-encoded record, which is read as a whole.
    mapping(bytes32 modelId => bytes record) private _records;
    mapping(bytes32 modelId => Rules) private _rules;

    constructor(address authority_) AccessManaged(authority_) {}

    /// @inheritdoc IModelRegistry
    function registerModel(
        Model calldata model,
        bytes32 instructionsTop,
        bytes calldata header
    ) external whileIdle returns (bytes32 modelId) {
        if (model.author != msg.sender) revert ModelAuthorNotCaller(model.author, msg.sender);
        if (model.royaltyBps > MAX_ROYALTY_BPS) revert ModelRoyaltyTooHigh(model.royaltyBps, MAX_ROYALTY_BPS);
        if (model.artifactHash == 0) revert ModelArtifactMissing();
        if ((model.programRoot == 0) != (model.weightRoot == 0)) {
            revert ModelRootsIncomplete(model.programRoot, model.weightRoot);
        }
        _checkText(model.artifactURI, MAX_URI_LENGTH);
        _checkTensors(model.inputs);
        _checkTensors(model.outputs);
        if (model.programRoot != 0) _checkProgram(model, instructionsTop, header);

        bytes memory record = abi.encode(model);
        modelId = ModelIdLib.make(model.author, model.royaltyBps, keccak256(record));
        if (_records[modelId].length != 0) revert ModelAlreadyRegistered(modelId);
        _records[modelId] = record;
        _keepRules(_rules[modelId], model);
        emit ModelRegistered(modelId, model.author, model.artifactHash, model.artifactURI);
    }

    /// @inheritdoc IModelRegistry
    function modelOf(bytes32 modelId) public view returns (Model memory) {
        if (!isRegistered(modelId)) revert ModelUnknown(modelId);
        return abi.decode(_records[modelId], (Model));
    }

    /// @inheritdoc IModelRegistry
    function royaltyOf(bytes32 modelId) external view returns (address author, uint16 royaltyBps) {
        if (isRegistered(modelId)) (author, royaltyBps) = (modelId.authorOf(), uint16(modelId.royaltyBpsOf()));
    }

    /// @inheritdoc IModelRegistry
    function rulesOf(
        bytes32 modelId,
        uint256 output
    )
        external
        view
        returns (bytes32 programRoot, bytes32 weightRoot, uint256 count, uint32 deltaAbsolute, uint32 deltaRelative)
    {
        Rules storage rules = _rules[modelId];
        uint256 outputs = rules.outputs.length;
        // Every record has an output.
        if (outputs == 0) revert ModelUnknown(modelId);
        if (output >= outputs) revert ModelOutputUnknown(modelId, output, outputs);
        uint256 packed = rules.outputs[output];
        return (rules.programRoot, rules.weightRoot, packed >> 64, uint32(packed >> 32), uint32(packed));
    }

    /// @inheritdoc IModelRegistry
    function sizesOf(
        bytes32 modelId
    )
        external
        view
        returns (uint256 inputBytes, uint256 inputChunks, uint256 outputBytes, uint256 outputChunks, bool adjudicable)
    {
        Rules storage rules = _rules[modelId];
        if (rules.outputs.length == 0) revert ModelUnknown(modelId);
        (uint256 inputs, uint256 outputs) = (rules.inputSize, rules.outputSize);
        return (inputs >> 32, uint32(inputs), outputs >> 32, uint32(outputs), rules.programRoot != 0);
    }

    /// @inheritdoc IModelRegistry
    function modelIdOf(Model calldata model) external pure returns (bytes32) {
        return ModelIdLib.make(model.author, model.royaltyBps, keccak256(abi.encode(model)));
    }

    /// @inheritdoc IModelRegistry
    function isRegistered(bytes32 modelId) public view returns (bool) {
        return _records[modelId].length != 0;
    }

    function _keepRules(Rules storage rules, Model calldata model) private {
        (rules.programRoot, rules.weightRoot) = (model.programRoot, model.weightRoot);
        (rules.inputSize, rules.outputSize) = (_sizeOf(model.inputs), _sizeOf(model.outputs));
        for (uint256 i = 0; i < model.outputs.length; ++i) rules.outputs.push(_pack(model.outputs[i]));
    }

    /// @return The number of elements, then the two parts of the tolerance in 32 bits each.
    function _pack(TensorSpec calldata spec) private pure returns (uint256) {
        return (_countOf(spec) << 64) | (uint256(spec.deltaAbsolute) << 32) | spec.deltaRelative;
    }

    /// @return The bytes of all elements, then the number of chunks that they are published in (32 bits): none holds bytes of two
    /// tensors.
    function _sizeOf(TensorSpec[] calldata specs) private pure returns (uint128) {
        uint256 size = 0;
        for (uint256 i = 0; i < specs.length; ++i) {
            uint256 length = _countOf(specs[i]) * TensorLib.elementSize(specs[i].dtype);
            size += (length << 32) + (length + CHUNK_BYTES - 1) / CHUNK_BYTES;
        }
        return uint128(size);
    }

    /// @dev Above `LARGEST_COUNT` it may be any number above it.
    function _countOf(TensorSpec calldata spec) private pure returns (uint256 count) {
        count = 1;
        for (uint256 i = 0; i < spec.shape.length && count <= LARGEST_COUNT; ++i) count *= spec.shape[i];
    }

    /// @dev INVARIANT: an adjudicable model's record has the tensors of its program: else an author could make elements that nobody
    /// can challenge, or that nobody can defend.
    function _checkProgram(Model calldata model, bytes32 instructionsTop, bytes calldata header) private pure {
        ProgramHeader.check(model.programRoot, instructionsTop, header);
        uint256 inputs = ProgramHeader.inputCount(header);
        uint256 outputs = ProgramHeader.outputCount(header);
        if (inputs != model.inputs.length) revert ModelProgramTensorCount(model.inputs.length, inputs);
        if (outputs != model.outputs.length) revert ModelProgramTensorCount(model.outputs.length, outputs);
        for (uint256 i = 0; i < inputs; ++i) _checkSame(model.inputs[i], ProgramHeader.input(header, i));
        for (uint256 i = 0; i < outputs; ++i) _checkSame(model.outputs[i], ProgramHeader.output(header, i));
    }

    function _checkSame(TensorSpec calldata spec, ProgramHeader.Tensor memory tensor) private pure {
        bool same = spec.dtype == tensor.dtype && spec.shape.length == tensor.shape.length;
        for (uint256 i = 0; same && i < tensor.shape.length; ++i) same = spec.shape[i] == tensor.shape[i];
        if (!same) revert ModelProgramTensorMismatch(spec.name, tensor.dtype, tensor.shape);
    }

    function _checkTensors(TensorSpec[] calldata specs) private pure {
        if (specs.length == 0 || specs.length > MAX_TENSORS) revert ModelTensorCount(specs.length, MAX_TENSORS);
        for (uint256 i = 0; i < specs.length; ++i) {
            TensorSpec calldata spec = specs[i];
            _checkText(spec.name, MAX_NAME_LENGTH);
            if (TensorLib.elementSize(spec.dtype) == 0 || spec.shape.length > TensorLib.MAX_RANK) {
                revert ModelTensorInvalid(spec.name, spec.dtype, spec.shape.length);
            }
            uint256 count = _countOf(spec);
            if (count == 0 || count > LARGEST_COUNT) revert ModelTensorSize(spec.name, count, LARGEST_COUNT);
            if (spec.deltaAbsolute > LARGEST_FINITE || spec.deltaRelative > LARGEST_FINITE) {
                revert ModelToleranceInvalid(spec.name, spec.deltaAbsolute, spec.deltaRelative);
            }
        }
    }

    function _checkText(string calldata text, uint256 maximum) private pure {
        if (bytes(text).length > maximum) revert ModelTextTooLong(bytes(text).length, maximum);
    }
}

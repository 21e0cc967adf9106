// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {CoordinatorBound} from "./CoordinatorBound.sol";
import {IModelRegistry, Model, TensorSpec} from "./interfaces/IModelRegistry.sol";
import {ModelIdLib} from "./libraries/ModelIdLib.sol";
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
        /// @dev One for each output, packed by `_pack`.
        uint256[] outputs;
    }

    /// @dev Counts from here on are kept as this one: no element of a dispute can be named beyond it.
    uint256 private constant LARGEST_COUNT = type(uint128).max;

    /// @dev The ABI-encoded record, which is read as a whole.
    mapping(bytes32 modelId => bytes record) private _records;
    mapping(bytes32 modelId => Rules) private _rules;

    constructor(address authority_) AccessManaged(authority_) {}

    /// @inheritdoc IModelRegistry
    function registerModel(Model calldata model) external whileIdle returns (bytes32 modelId) {
        if (model.author != msg.sender) revert ModelAuthorNotCaller(model.author, msg.sender);
        if (model.royaltyBps > MAX_ROYALTY_BPS) revert ModelRoyaltyTooHigh(model.royaltyBps, MAX_ROYALTY_BPS);
        if (model.artifactHash == 0) revert ModelArtifactMissing();
        if ((model.programRoot == 0) != (model.weightRoot == 0)) {
            revert ModelRootsIncomplete(model.programRoot, model.weightRoot);
        }
        _checkText(model.artifactURI, MAX_URI_LENGTH);
        _checkTensors(model.inputs);
        _checkTensors(model.outputs);

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
    function modelIdOf(Model calldata model) external pure returns (bytes32) {
        return ModelIdLib.make(model.author, model.royaltyBps, keccak256(abi.encode(model)));
    }

    /// @inheritdoc IModelRegistry
    function isRegistered(bytes32 modelId) public view returns (bool) {
        return _records[modelId].length != 0;
    }

    function _keepRules(Rules storage rules, Model calldata model) private {
        (rules.programRoot, rules.weightRoot) = (model.programRoot, model.weightRoot);
        for (uint256 i = 0; i < model.outputs.length; ++i) rules.outputs.push(_pack(model.outputs[i]));
    }

    /// @return The number of elements, then the two parts of the tolerance in 32 bits each.
    function _pack(TensorSpec calldata spec) private pure returns (uint256) {
        uint256 count = 1;
        for (uint256 i = 0; i < spec.shape.length; ++i) {
            count *= spec.shape[i];
            if (count > LARGEST_COUNT) count = LARGEST_COUNT;
        }
        return (count << 64) | (uint256(spec.deltaAbsolute) << 32) | spec.deltaRelative;
    }

    function _checkTensors(TensorSpec[] calldata specs) private pure {
        if (specs.length == 0 || specs.length > MAX_TENSORS) revert ModelTensorCount(specs.length, MAX_TENSORS);
        for (uint256 i = 0; i < specs.length; ++i) {
            TensorSpec calldata spec = specs[i];
            _checkText(spec.name, MAX_NAME_LENGTH);
            if (TensorLib.elementSize(spec.dtype) == 0 || spec.shape.length > TensorLib.MAX_RANK) {
                revert ModelTensorInvalid(spec.name, spec.dtype, spec.shape.length);
            }
            if (spec.deltaAbsolute > LARGEST_FINITE || spec.deltaRelative > LARGEST_FINITE) {
                revert ModelToleranceInvalid(spec.name, spec.deltaAbsolute, spec.deltaRelative);
            }
        }
    }

    function _checkText(string calldata text, uint256 maximum) private pure {
        if (bytes(text).length > maximum) revert ModelTextTooLong(bytes(text).length, maximum);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title What a program's root says about its shape
/// @dev Written down in docs/canonical.md §6 and §7; `oracle/canonical/program/encode.ts` writes it. The header is trusted
/// once `check` has passed: registered programs are valid, and there is one encoding of each.
library ProgramHeader {
    /// @notice One input or output tensor of a program.
    struct Tensor {
        /// @dev ONNX TensorProto.DataType.
        uint8 dtype;
        uint32[] shape;
        /// @dev Product of the shape; 1 for a scalar.
        uint256 count;
        /// @dev Outputs only: the word of the trace where the first element is.
        uint256 offset;
    }

    error ProgramRootMismatch(bytes32 expected, bytes32 actual);
    error ProgramTensorUnknown(uint256 index, uint256 count);

    /// @notice Reverts unless `header` belongs to `programRoot`.
    /// @param instructionsTop Top of the tree over the instruction hashes.
    function check(bytes32 programRoot, bytes32 instructionsTop, bytes calldata header) internal pure {
        bytes32 actual = keccak256(abi.encodePacked(hex"07", instructionsTop, header));
        if (actual != programRoot) revert ProgramRootMismatch(programRoot, actual);
    }

    function input(bytes calldata header, uint256 index) internal pure returns (Tensor memory) {
        return _tensor(header, 1, index, 0);
    }

    function output(bytes calldata header, uint256 index) internal pure returns (Tensor memory) {
        return _tensor(header, _outputs(header), index, 8);
    }

    function inputCount(bytes calldata header) internal pure returns (uint256) {
        return uint8(header[1]);
    }

    function outputCount(bytes calldata header) internal pure returns (uint256) {
        return uint8(header[_outputs(header)]);
    }

    /// @return instructions How many there are.
    /// @return traceLeaves Leaves of 64 words.
    /// @return weightLeaves Leaves of 64 words.
    function sizes(
        bytes calldata header
    ) internal pure returns (uint256 instructions, uint256 traceLeaves, uint256 weightLeaves) {
        uint256 cursor = header.length - 12;
        instructions = uint32(bytes4(header[cursor:cursor + 4]));
        traceLeaves = uint32(bytes4(header[cursor + 4:cursor + 8]));
        weightLeaves = uint32(bytes4(header[cursor + 8:cursor + 12]));
    }

    /// @return cursor Where the list of outputs starts.
    function _outputs(bytes calldata header) private pure returns (uint256 cursor) {
        cursor = 2;
        for (uint256 i = uint8(header[1]); i > 0; --i) cursor += _tensorBytes(header, cursor);
    }

    /// @param cursor Where the list starts. @param trailer Bytes behind each tensor's dimensions.
    function _tensor(
        bytes calldata header,
        uint256 cursor,
        uint256 index,
        uint256 trailer
    ) private pure returns (Tensor memory tensor) {
        uint256 count = uint8(header[cursor]);
        if (index >= count) revert ProgramTensorUnknown(index, count);
        ++cursor;
        for (uint256 i = 0; i < index; ++i) cursor += _tensorBytes(header, cursor) + trailer;
        tensor.dtype = uint8(header[cursor]);
        tensor.shape = new uint32[](uint8(header[cursor + 1]));
        tensor.count = 1;
        cursor += 2;
        for (uint256 i = 0; i < tensor.shape.length; ++i) {
            tensor.shape[i] = uint32(bytes4(header[cursor:cursor + 4]));
            tensor.count *= tensor.shape[i];
            cursor += 4;
        }
        if (trailer != 0) tensor.offset = uint64(bytes8(header[cursor:cursor + 8]));
    }

    function _tensorBytes(bytes calldata header, uint256 cursor) private pure returns (uint256) {
        return 2 + 4 * uint256(uint8(header[cursor + 1]));
    }
}

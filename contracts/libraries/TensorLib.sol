// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Tensors as they travel: bundles of tensors, and the numbers in them
/// @dev Written down in docs/commitments.md; `oracle/core/tensor.ts` is the same in TypeScript. Numbers are little-endian.
library TensorLib {
    uint8 internal constant FLOAT32 = 1;
    uint8 internal constant UINT8 = 2;
    uint8 internal constant INT8 = 3;
    uint8 internal constant INT32 = 6;
    uint8 internal constant INT64 = 7;
    uint8 internal constant BOOL = 9;

    uint256 internal constant MAX_RANK = 8;

    /// @dev Bytes per element at the index of the element type; 0 for one that isn't supported.
    bytes32 private constant ELEMENT_SIZES = 0x0004010100000408000100000000000000000000000000000000000000000000;

    error TensorBundleCut(uint256 length, uint256 needed);
    error TensorBytesTrailing(uint256 count);
    error TensorDtypeUnsupported(uint256 dtype);
    error TensorDtypeUnexpected(uint256 expected, uint256 actual);
    error TensorRankTooHigh(uint256 rank, uint256 maximum);
    error TensorPaddingNotZero(uint256 offset);
    error TensorIndexOutOfRange(uint256 index, uint256 count);
    error TensorDataLength(uint256 expected, uint256 actual);
    error TensorNotFinite(uint256 bits);

    /// @return Bytes per element of an ONNX element type, 0 where it isn't supported.
    function elementSize(uint256 dtype) internal pure returns (uint256) {
        return uint256(uint8(bytes1(ELEMENT_SIZES << (8 * dtype))));
    }

    /// @notice Reads one tensor's header in a bundle and checks that its data lie in the bundle.
    /// @param offset Where its header starts.
    /// @return dtype Its element type.
    /// @return rank Its number of dimensions.
    /// @return start Where its elements start.
    /// @return length Their bytes, without padding.
    /// @return end Where the next tensor starts.
    function next(
        bytes calldata bundle,
        uint256 offset
    ) internal pure returns (uint256 dtype, uint256 rank, uint256 start, uint256 length, uint256 end) {
        // INVARIANT: 8 dimensions below 2^32 can't overflow, and no offset is far from the end of calldata. The count is
        // held against the bundle before the element size multiplies it.
        unchecked {
            start = offset + 2;
            if (start > bundle.length) revert TensorBundleCut(bundle.length, start);
            uint256 header;
            assembly ("memory-safe") {
                header := calldataload(add(bundle.offset, offset))
                dtype := byte(0, header)
                rank := byte(1, header)
            }
            uint256 size = elementSize(dtype);
            if (size == 0) revert TensorDtypeUnsupported(dtype);
            if (rank > MAX_RANK) revert TensorRankTooHigh(rank, MAX_RANK);
            uint256 count = 1;
            for (uint256 dimensionsEnd = start + 4 * rank; start < dimensionsEnd; start += 4) {
                count *= _dimension(bundle, start);
            }
            if (start > bundle.length) revert TensorBundleCut(bundle.length, start);
            if (count > bundle.length) revert TensorBundleCut(bundle.length, count);
            length = count * size;
            end = start + ((length + 3) & ~uint256(3));
            if (end > bundle.length) revert TensorBundleCut(bundle.length, end);
            if (length & 3 != 0 && !isZero(bundle[start + length:end])) revert TensorPaddingNotZero(start + length);
        }
    }

    /// @notice The number of tensors in a bundle.
    function tensorCount(bytes calldata bundle) internal pure returns (uint256) {
        if (bundle.length == 0) revert TensorBundleCut(0, 1);
        return uint8(bundle[0]);
    }

    /// @notice One tensor of a bundle.
    /// @return dtype ONNX element type.
    /// @return shape Its dimensions.
    /// @return data Its elements, little-endian, without padding.
    function tensorAt(
        bytes calldata bundle,
        uint256 index
    ) internal pure returns (uint256 dtype, uint256[] memory shape, bytes calldata data) {
        uint256 count = tensorCount(bundle);
        if (index >= count) revert TensorIndexOutOfRange(index, count);
        uint256 offset = 1;
        for (uint256 i = 0; i < index; ++i) (, , , , offset) = next(bundle, offset);
        uint256 rank;
        uint256 start;
        uint256 length;
        (dtype, rank, start, length, ) = next(bundle, offset);
        data = bundle[start:start + length];
        shape = new uint256[](rank);
        for (uint256 i = 0; i < rank; ++i) shape[i] = _dimension(bundle, offset + 2 + 4 * i);
    }

    /// @notice The elements of one tensor, which must be of `expectedDtype`.
    function elements(
        bytes calldata bundle,
        uint256 index,
        uint256 expectedDtype
    ) internal pure returns (bytes calldata data) {
        uint256 dtype;
        (dtype, , data) = tensorAt(bundle, index);
        if (dtype != expectedDtype) revert TensorDtypeUnexpected(expectedDtype, dtype);
    }

    /// @return values A float32 tensor as binary32 bits.
    function float32Bits(bytes calldata bundle, uint256 index) internal pure returns (uint32[] memory values) {
        bytes calldata data = elements(bundle, index, FLOAT32);
        values = new uint32[](data.length / 4);
        for (uint256 i = 0; i < values.length; ++i) values[i] = uint32(littleEndian(data, 4 * i, 4));
    }

    /// @return values A float32 tensor in units of 1e-18, rounded towards zero. Reverts on NaN and infinities.
    function float32Wads(bytes calldata bundle, uint256 index) internal pure returns (int256[] memory values) {
        bytes calldata data = elements(bundle, index, FLOAT32);
        values = new int256[](data.length / 4);
        for (uint256 i = 0; i < values.length; ++i) values[i] = toWad(littleEndian(data, 4 * i, 4));
    }

    /// @return values An int8, uint8, bool, int32 or int64 tensor.
    function integers(bytes calldata bundle, uint256 index) internal pure returns (int256[] memory values) {
        (uint256 dtype, , bytes calldata data) = tensorAt(bundle, index);
        if (dtype == FLOAT32) revert TensorDtypeUnexpected(INT64, dtype);
        uint256 size = elementSize(dtype);
        bool signed = dtype != UINT8 && dtype != BOOL;
        values = new int256[](data.length / size);
        for (uint256 i = 0; i < values.length; ++i) {
            uint256 value = littleEndian(data, size * i, size);
            values[i] = signed ? _signExtend(value, size) : int256(value);
        }
    }

    /// @param bits A binary32 number.
    /// @return Its value in units of 1e-18, rounded towards zero. Reverts on NaN and infinities.
    function toWad(uint256 bits) internal pure returns (int256) {
        uint256 exponent = (bits >> 23) & 0xff;
        if (exponent == 0xff) revert TensorNotFinite(bits);
        uint256 magnitude = (bits & 0x7fffff) * 1e18;
        // A normal number is 1.fraction * 2^(exponent - 127); a subnormal one 0.fraction * 2^-126.
        if (exponent > 0) magnitude += 1e18 << 23;
        else exponent = 1;
        magnitude = exponent >= 150 ? magnitude << (exponent - 150) : magnitude >> (150 - exponent);
        return bits >> 31 == 0 ? int256(magnitude) : -int256(magnitude);
    }

    /// @return value `size` bytes of `data` from `offset`, least significant first.
    function littleEndian(bytes calldata data, uint256 offset, uint256 size) internal pure returns (uint256 value) {
        for (uint256 i = size; i > 0; --i) value = (value << 8) | uint8(data[offset + i - 1]);
    }

    /// @notice Encodes one tensor; join several with `join`.
    /// @param data Elements in row-major order, little-endian, without padding.
    function encode(uint8 dtype, uint256[] memory shape, bytes memory data) internal pure returns (bytes memory) {
        uint256 length = elementSize(dtype);
        if (length == 0) revert TensorDtypeUnsupported(dtype);
        if (shape.length > MAX_RANK) revert TensorRankTooHigh(shape.length, MAX_RANK);
        bytes memory header = abi.encodePacked(dtype, uint8(shape.length));
        for (uint256 i = 0; i < shape.length; ++i) {
            length *= shape[i];
            header = bytes.concat(header, _littleEndianBytes(shape[i]));
        }
        if (data.length != length) revert TensorDataLength(length, data.length);
        return bytes.concat(header, data, new bytes((4 - (length % 4)) % 4));
    }

    /// @notice Joins encoded tensors to a bundle: what `request` and `submit` take.
    function join(bytes[] memory tensors) internal pure returns (bytes memory joined) {
        if (tensors.length > 255) revert TensorIndexOutOfRange(tensors.length, 255);
        joined = abi.encodePacked(uint8(tensors.length));
        for (uint256 i = 0; i < tensors.length; ++i) joined = bytes.concat(joined, tensors[i]);
    }

    /// @notice A bundle of one tensor.
    function single(uint8 dtype, uint256[] memory shape, bytes memory data) internal pure returns (bytes memory) {
        return bytes.concat(hex"01", encode(dtype, shape, data));
    }

    /// @return The dimensions of a vector.
    function vector(uint256 length) internal pure returns (uint256[] memory) {
        uint256[] memory shape = new uint256[](1);
        shape[0] = length;
        return shape;
    }

    function _dimension(bytes calldata bundle_, uint256 offset) private pure returns (uint256 dimension) {
        assembly ("memory-safe") {
            let word := calldataload(add(bundle_.offset, offset))
            dimension := or(
                or(byte(0, word), shl(8, byte(1, word))),
                or(shl(16, byte(2, word)), shl(24, byte(3, word)))
            )
        }
    }

    function _littleEndianBytes(uint256 dimension) private pure returns (bytes memory) {
        if (dimension > type(uint32).max) revert TensorDataLength(type(uint32).max, dimension);
        return
            abi.encodePacked(uint8(dimension), uint8(dimension >> 8), uint8(dimension >> 16), uint8(dimension >> 24));
    }

    /// @return Whether all bytes are zero; true of none.
    function isZero(bytes calldata data) internal pure returns (bool) {
        for (uint256 i = 0; i < data.length; ++i) if (data[i] != 0) return false;
        return true;
    }

    function _signExtend(uint256 value, uint256 size) private pure returns (int256 extended) {
        assembly ("memory-safe") {
            extended := signextend(sub(size, 1), value)
        }
    }
}

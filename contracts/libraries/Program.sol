// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

/// @title Reading a program's records
/// @notice The binary encoding of docs/canonical.md, §7.
/// @dev A cursor is an address in calldata. Reading does not check the record's end: whoever reads a record to its end must
/// compare the cursor with it (`finish`), and use nothing of what was read before that has passed.
library Program {
    uint256 internal constant INPUT = 1;
    uint256 internal constant MAP = 2;
    uint256 internal constant CONTRACT = 3;
    uint256 internal constant REDUCE = 4;

    uint256 internal constant TRACE = 1;
    uint256 internal constant WEIGHTS = 2;

    uint256 internal constant F32 = 1;
    uint256 internal constant I32 = 2;

    /// @dev Stands for "no operand".
    uint256 internal constant NONE = 255;

    uint256 private constant MAX_AXES = 8;
    uint256 private constant LEAF_WORDS = 64;

    /// @notice An instruction as far as all kinds have it in common.
    struct Instruction {
        uint256 kind;
        uint256 outLeaf;
        uint256[] dims;
        /// @dev Number of output words.
        uint256 count;
        /// @dev Where the kind's own part begins.
        uint256 cursor;
        /// @dev Behind the record's last byte.
        uint256 end;
    }

    /// @notice An access in which the output coordinates have been put in: what is left depends on the reduction axes.
    struct Access {
        uint256 space;
        int256 offset;
        int256[] strides;
        Bound[] bounds;
    }

    /// @notice Holds where 0 ≤ start + Σ factors[i]·k[i] < limit.
    struct Bound {
        int256 start;
        int256 limit;
        int256[] factors;
    }

    error CodeUnknown(bytes32 what, uint256 code);
    error NumberOutOfRange(bytes32 what, uint256 value);
    error RecordLengthMismatch(uint256 expected, uint256 actual);

    // Numbers

    function u8(uint256 cursor) internal pure returns (uint256 value, uint256 next) {
        assembly ("memory-safe") {
            value := shr(248, calldataload(cursor))
            next := add(cursor, 1)
        }
    }

    function u32(uint256 cursor) internal pure returns (uint256 value, uint256 next) {
        assembly ("memory-safe") {
            value := shr(224, calldataload(cursor))
            next := add(cursor, 4)
        }
    }

    function i32(uint256 cursor) internal pure returns (int256 value, uint256 next) {
        assembly ("memory-safe") {
            value := sar(224, calldataload(cursor))
            next := add(cursor, 4)
        }
    }

    function i64(uint256 cursor) internal pure returns (int256 value, uint256 next) {
        assembly ("memory-safe") {
            value := sar(192, calldataload(cursor))
            next := add(cursor, 8)
        }
    }

    // Records

    /// @param header Proven to be the program's.
    /// @return instructions Number of the program's instructions.
    /// @return traceLeaves and
    /// @return weightLeaves how many leaves the two spaces have.
    function sizes(
        bytes calldata header
    ) internal pure returns (uint256 instructions, uint256 traceLeaves, uint256 weightLeaves) {
        uint256 length = header.length;
        instructions = uint32(bytes4(header[length - 12:length - 8]));
        traceLeaves = uint32(bytes4(header[length - 8:length - 4]));
        weightLeaves = uint32(bytes4(header[length - 4:]));
    }

    /// @notice Reads what all kinds have in common.
    function open(bytes calldata record) internal pure returns (Instruction memory instruction) {
        uint256 cursor;
        assembly ("memory-safe") {
            cursor := record.offset
        }
        instruction.end = cursor + record.length;
        (instruction.kind, cursor) = u8(cursor);
        if (instruction.kind < INPUT || instruction.kind > REDUCE) revert CodeUnknown("kind", instruction.kind);
        (instruction.outLeaf, cursor) = u32(cursor);
        (instruction.dims, instruction.count, cursor) = shape(cursor);
        instruction.cursor = cursor;
    }

    /// @return dims Sizes of one to eight axes.
    /// @return count Their product.
    function shape(uint256 cursor) internal pure returns (uint256[] memory dims, uint256 count, uint256 next) {
        uint256 rank;
        (rank, next) = u8(cursor);
        if (rank == 0 || rank > MAX_AXES) revert NumberOutOfRange("axes", rank);
        dims = new uint256[](rank);
        count = 1;
        for (uint256 i = 0; i < rank; ++i) {
            (dims[i], next) = u32(next);
            count *= dims[i];
        }
        if (count == 0) revert NumberOutOfRange("axis", 0);
    }

    /// @return Whether a leaf of the trace belongs to the instruction's output.
    function holds(Instruction memory instruction, uint256 leaf) internal pure returns (bool) {
        uint256 leaves = (instruction.count + LEAF_WORDS - 1) / LEAF_WORDS;
        return leaf >= instruction.outLeaf && leaf < instruction.outLeaf + leaves;
    }

    /// @return x Coordinates of the element with a row-major number.
    function coordinatesOf(uint256 element, uint256[] memory dims) internal pure returns (uint256[] memory x) {
        unchecked {
            x = new uint256[](dims.length);
            for (uint256 axis = dims.length; axis-- > 0;) {
                x[axis] = element % dims[axis];
                element /= dims[axis];
            }
        }
    }

    function finish(Instruction memory instruction, uint256 cursor) internal pure {
        if (cursor != instruction.end) revert RecordLengthMismatch(instruction.end, cursor);
    }

    // Accesses

    /// @notice Reads an access of a core.
    /// @param x Coordinates of the output axes; the access has `reductionAxes` more.
    function access(
        uint256 cursor,
        uint256[] memory x,
        uint256 reductionAxes
    ) internal pure returns (Access memory result, uint256 next) {
        unchecked {
            (result.space, result.offset, next) = _head(cursor);
            for (uint256 i = 0; i < x.length; ++i) {
                int256 stride;
                (stride, next) = i32(next);
                result.offset += stride * int256(x[i]);
            }
            result.strides = new int256[](reductionAxes);
            for (uint256 i = 0; i < reductionAxes; ++i) (result.strides[i], next) = i32(next);
            uint256 count;
            (count, next) = u8(next);
            result.bounds = new Bound[](count);
            for (uint256 i = 0; i < count; ++i) {
                next = _bound(next, x, reductionAxes, result.bounds[i]);
            }
        }
    }

    /// @notice Reads an access over the output axes alone.
    /// @return space and
    /// @return word the address that it has at x.
    /// @return inBounds Whether all bounds hold there.
    function resolve(
        uint256 cursor,
        uint256[] memory x
    ) internal pure returns (uint256 space, int256 word, bool inBounds, uint256 next) {
        unchecked {
            (space, word, next) = _head(cursor);
            for (uint256 i = 0; i < x.length; ++i) {
                int256 stride;
                (stride, next) = i32(next);
                word += stride * int256(x[i]);
            }
            uint256 count;
            (count, next) = u8(next);
            inBounds = true;
            Bound memory bound;
            for (uint256 i = 0; i < count; ++i) {
                next = _bound(next, x, 0, bound);
                inBounds = inBounds && bound.start >= 0 && bound.start < bound.limit;
            }
        }
    }

    function _head(uint256 cursor) private pure returns (uint256 space, int256 offset, uint256 next) {
        (space, next) = u8(cursor);
        if (space != TRACE && space != WEIGHTS) revert CodeUnknown("space", space);
        (offset, next) = i64(next);
    }

    function _bound(
        uint256 cursor,
        uint256[] memory x,
        uint256 reductionAxes,
        Bound memory bound
    ) private pure returns (uint256 next) {
        unchecked {
            uint256 value;
            (bound.start, next) = i32(cursor);
            (value, next) = u32(next);
            bound.limit = int256(value);
            bound.factors = new int256[](reductionAxes);
            uint256 terms;
            (terms, next) = u8(next);
            for (uint256 i = 0; i < terms; ++i) {
                uint256 axis;
                int256 factor;
                (axis, next) = u8(next);
                (factor, next) = i32(next);
                if (axis < x.length) bound.start += factor * int256(x[axis]);
                else if (axis < x.length + reductionAxes) bound.factors[axis - x.length] += factor;
                else revert NumberOutOfRange("axis", axis);
            }
        }
    }
}

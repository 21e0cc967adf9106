// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {StepProof} from "../interfaces/IStepVerifier.sol";
import {IStepKernel} from "../interfaces/IStepKernel.sol";
import {ExactSum} from "../libraries/ExactSum.sol";
import {Program} from "../libraries/Program.sol";
import {StepInput} from "./StepInput.sol";

/// @title A reduction space, walked in row-major order by runs along its innermost axis
/// @notice All bounds are linear: what is in bounds along one axis is one interval.
library Runs {
    /// @notice Where a walk stands.
    struct Walk {
        uint256[] dims;
        /// @dev Size of the innermost axis.
        uint256 inner;
        /// @dev Row-major numbers of the next element and of the one after the last.
        uint256 position;
        uint256 end;
        /// @dev Coordinates of the run; 0 along the innermost axis.
        uint256[] k;
        /// @dev The run's interval along the innermost axis.
        uint256 low;
        uint256 high;
    }

    /// @param total Number of elements of the reduction space.
    function begin(
        StepProof calldata proof,
        uint256[] memory dims,
        uint256 total,
        bool finish
    ) internal pure returns (Walk memory walk) {
        walk.dims = dims;
        walk.inner = dims[dims.length - 1];
        walk.position = proof.position;
        walk.end = proof.end == 0 ? total : proof.end;
        bool valid =
            finish ? walk.end == total && walk.position <= total : walk.position < walk.end && walk.end < total;
        if (!valid) revert IStepKernel.PositionInvalid(walk.position, walk.end, total);
        walk.k = new uint256[](dims.length);
    }

    /// @notice Goes on to the next run.
    /// @return Whether there is one.
    function next(Walk memory walk) internal pure returns (bool) {
        unchecked {
            if (walk.position >= walk.end) return false;
            uint256 rest = walk.position / walk.inner;
            for (uint256 axis = walk.dims.length - 1; axis-- > 0;) {
                walk.k[axis] = rest % walk.dims[axis];
                rest /= walk.dims[axis];
            }
            walk.low = walk.position % walk.inner;
            walk.high = walk.low + (walk.end - walk.position);
            if (walk.high > walk.inner) walk.high = walk.inner;
            walk.position += walk.high - walk.low;
            return true;
        }
    }

    /// @notice Cuts the run's interval to where the access is in bounds.
    function clip(Walk memory walk, Program.Access memory access) internal pure {
        unchecked {
            uint256 last = walk.k.length - 1;
            for (uint256 i = 0; i < access.bounds.length; ++i) {
                Program.Bound memory bound = access.bounds[i];
                int256 start = bound.start;
                for (uint256 axis = 0; axis < last; ++axis) start += bound.factors[axis] * int256(walk.k[axis]);
                int256 factor = bound.factors[last];
                if (factor == 0) {
                    if (start < 0 || start >= bound.limit) walk.high = walk.low;
                } else if (factor > 0) {
                    _clip(walk, _ceil(-start, factor), _ceil(bound.limit - start, factor));
                } else {
                    _clip(walk, _ceil(start - bound.limit + 1, -factor), _ceil(start + 1, -factor));
                }
            }
        }
    }

    /// @return first The address of the run's first element.
    function addressOf(Walk memory walk, Program.Access memory access) internal pure returns (int256 first) {
        unchecked {
            uint256 last = walk.k.length - 1;
            first = access.offset + access.strides[last] * int256(walk.low);
            for (uint256 axis = 0; axis < last; ++axis) first += access.strides[axis] * int256(walk.k[axis]);
        }
    }

    /// @notice Copies the run's words that an access reads.
    /// @param to Memory for the run's little-endian words and 28 bytes more, which may be overwritten.
    function collect(
        StepInput.Step memory step,
        Program.Access memory access,
        Walk memory walk,
        uint256 to
    ) internal pure {
        uint256 count = walk.high - walk.low;
        int256 first = addressOf(walk, access);
        int256 stride = access.strides[walk.dims.length - 1];
        if (stride == 1) {
            uint256 from = StepInput.locate(step, access.space, first, count);
            assembly ("memory-safe") {
                mcopy(to, from, shl(2, count))
            }
        } else {
            for (uint256 i = 0; i < count; ++i) {
                uint256 from = StepInput.locate(step, access.space, first, 1);
                assembly ("memory-safe") {
                    mstore(add(to, shl(2, i)), mload(from))
                }
                first += stride;
            }
        }
    }

    /// @return to The address of that much fresh memory.
    function allocate(uint256 length) internal pure returns (uint256 to) {
        assembly ("memory-safe") {
            to := mload(0x40)
            mstore(0x40, add(to, and(add(length, 31), not(31))))
        }
    }

    /// @notice Adds what a state holds.
    function resume(ExactSum.Sum memory sum, uint256[6] calldata state) internal pure {
        for (uint256 i = 0; i < 3; ++i) sum.limbs[i] += int256(state[i]);
        sum.specials |= state[3];
    }

    /// @return state The limbs, the specials and the number of terms.
    function pack(ExactSum.Sum memory sum, uint256 terms) internal pure returns (uint256[6] memory state) {
        for (uint256 i = 0; i < 3; ++i) state[i] = uint256(sum.limbs[i]);
        state[3] = sum.specials;
        state[4] = terms;
    }

    function _clip(Walk memory walk, int256 low, int256 high) private pure {
        if (low > int256(walk.low)) walk.low = low > int256(walk.high) ? walk.high : uint256(low);
        if (high < int256(walk.high)) walk.high = high < int256(walk.low) ? walk.low : uint256(high);
    }

    /// @dev ⌈a / b⌉ for b > 0.
    function _ceil(int256 a, int256 b) private pure returns (int256) {
        unchecked {
            return a > 0 ? (a + b - 1) / b : a / b;
        }
    }
}

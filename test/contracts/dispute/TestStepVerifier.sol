// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Choice, IStepVerifier, StepClaim} from "../../../contracts/interfaces/IStepVerifier.sol";

/// @notice Knows the canonical trace, so that tests can be about the rules of the game alone.
/// @dev The arithmetic has tests of its own, against the real verifier.
contract TestStepVerifier is IStepVerifier {
    /// @notice Every word is reduced from 4^8 elements, and what is cut is cut into four segments.
    uint256 public constant SEGMENTS = 4;
    uint256 private constant TOTAL = 4 ** 8;
    uint256 private constant STATE = 192;

    bytes[] private _leaves;

    function setLeaves(bytes[] calldata leaves) external {
        delete _leaves;
        for (uint256 i = 0; i < leaves.length; ++i) _leaves.push(leaves[i]);
    }

    function step(StepClaim calldata claim, bytes calldata) external view returns (uint256 word) {
        return _wordAt(claim.leaf, claim.word);
    }

    /// @param proof The segment's number.
    function follows(
        StepClaim calldata claim,
        uint256 path,
        bytes calldata states,
        bytes calldata proof
    ) external view returns (bool) {
        uint256 end = STATE * (abi.decode(proof, (uint256)) + 1);
        if (states.length != STATE * (SEGMENTS + 1)) return false;
        bytes memory truth = this.statesOf(claim.leaf, claim.word, path);
        return keccak256(states[end:end + STATE]) == this.hashAt(truth, end);
    }

    function hashAt(bytes calldata states, uint256 from) external pure returns (bytes32) {
        return keccak256(states[from:from + STATE]);
    }

    /// @return states The true states in front of what a path names, and at the ends of its four segments.
    function statesOf(uint256 leaf, uint256 word, uint256 path) external view returns (bytes memory states) {
        uint256 length = TOTAL / SEGMENTS;
        uint256 from = 0;
        uint256 shift = 0;
        while (path >> (shift + 5) != 0) shift += 5;
        while (shift != 0) {
            shift -= 5;
            from += ((path >> shift) & 31) * length;
            length /= SEGMENTS;
        }
        for (uint256 i = 0; i <= SEGMENTS; ++i) {
            states = bytes.concat(states, abi.encode(_stateAt(leaf, word, from + i * length)));
        }
    }

    /// @return state What the elements in front of a position give.
    function _stateAt(uint256 leaf, uint256 word, uint256 position) private view returns (uint256[6] memory state) {
        if (position == TOTAL) state[0] = _wordAt(leaf, word);
        else if (position != 0) state[0] = uint256(keccak256(abi.encode(leaf, word, position)));
    }

    function _wordAt(uint256 leaf, uint256 word) private view returns (uint256 bits) {
        bytes memory words = _leaves[leaf];
        for (uint256 i = 4; i > 0; --i) bits = (bits << 8) | uint8(words[4 * word + i - 1]);
    }

    function isNearTie(StepClaim calldata, Choice calldata, bytes calldata) external pure returns (bool) {
        return false;
    }
}

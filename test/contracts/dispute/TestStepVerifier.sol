// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Choice, IStepVerifier, StepClaim} from "../../../contracts/interfaces/IStepVerifier.sol";

/// @notice Knows the canonical trace, so that tests can be about the rules of the game alone.
/// @dev The arithmetic has tests of its own, against the real verifier.
contract TestStepVerifier is IStepVerifier {
    error NotLong();

    uint256 public constant STATES = 3;

    bytes[] private _leaves;

    function setLeaves(bytes[] calldata leaves) external {
        delete _leaves;
        for (uint256 i = 0; i < leaves.length; ++i) _leaves.push(leaves[i]);
    }

    function step(StepClaim calldata claim, bytes calldata) external view returns (uint256 word) {
        bytes memory leaf = _leaves[claim.leaf];
        for (uint256 i = 4; i > 0; --i) word = (word << 8) | uint8(leaf[4 * claim.word + i - 1]);
    }

    /// @param proof The segment's number.
    function follows(
        StepClaim calldata claim,
        uint256 word,
        uint256[6][] calldata states,
        bytes calldata proof
    ) external view returns (bool) {
        uint256 segment = abi.decode(proof, (uint256));
        if (states.length != STATES) return false;
        if (segment == STATES) return word == this.step(claim, "");
        return
            keccak256(abi.encode(states[segment])) == keccak256(abi.encode(stateAt(claim.leaf, claim.word, segment)));
    }

    /// @return state What the first `segment + 1` of four segments of any word's reduction give.
    function stateAt(uint256 leaf, uint256 word, uint256 segment) public pure returns (uint256[6] memory state) {
        state[0] = uint256(keccak256(abi.encode(leaf, word, segment)));
    }

    function advance(StepClaim calldata, bytes calldata) external pure returns (uint256[6] memory) {
        revert NotLong();
    }

    function isNearTie(StepClaim calldata, Choice calldata, bytes calldata) external pure returns (bool) {
        return false;
    }

    function isProven(StepClaim calldata, uint64, uint256[6] calldata) external pure returns (bool) {
        return false;
    }
}

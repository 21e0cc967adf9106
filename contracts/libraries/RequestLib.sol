// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Origin} from "./OriginLib.sol";

/// @notice How the bytes of an answer travel.
enum Transport {
    INLINE, // in the operator's transaction: whoever reads the chain has them
    ON_DEMAND // by URI; whoever can't get them may demand that the operator publish them on chain
}

/// @notice What a requester chooses.
struct RequestParams {
    /// @dev A registered model (`ModelIdLib`). The coordinator doesn't look it up: only an operator that serves it can
    /// answer, and only a registered model can be served, so a request of an unknown one is refunded.
    bytes32 modelId;
    /// @dev What the fee is paid in: an allow-listed ERC-20, or the zero address for ETH.
    address feeToken;
    /// @dev Escrowed until the request is finalized or refunded, in the token's smallest unit.
    uint128 fee;
    /// @dev Stake that must stand behind the answer, in the stake token's smallest unit.
    uint128 bond;
    /// @dev Seconds from the request in which an answer may be submitted.
    uint32 submitPeriod;
    /// @dev Seconds from the answer in which it may be challenged.
    uint32 challengeWindow;
    /// @dev Gas that the requester's callback gets, exactly; 0 asks for no callback.
    uint32 callbackGasLimit;
    /// @dev Binding: an answer that travels another way is refused.
    Transport transport;
}

/// @notice A request as it was made: its hash is its identity, callers pass it back.
/// @dev Holds a copy of every protocol parameter that decides about money or time, so that a live request keeps them.
/// Author and royalty are part of the model's identity.
struct Request {
    RequestParams params;
    /// @dev Root of the input tensors (`TraceTree.bundleRoot`).
    bytes32 inputRoot;
    address requester;
    /// @dev When it was made, and the parameters that it was made under.
    Origin origin;
}

/// @notice An answer as it was submitted; callers pass it back.
struct Answer {
    address operator;
    /// @dev Root of the output tensors (`TraceTree.bundleRoot`).
    bytes32 outputRoot;
    /// @dev Unix time, seconds.
    uint48 submittedAt;
}

/// @title Identities of requests and answers
/// @dev In memory and in calldata a request is 11 words: its ABI encoding. That is what is hashed, and what an event tells.
library RequestLib {
    uint256 private constant BYTES = 0x160;
    uint256 private constant ORIGIN_OFFSET = 0x180;

    /// @return requestId The request's identity: the hash of its whole content, of the chain and of the coordinator.
    /// @dev Content-addressed, so that a reorganisation can't put another request behind the same identity. Words with
    /// dirty upper bits hash to an identity that nobody has.
    function idOf(Request calldata request) internal view returns (bytes32 requestId) {
        assembly ("memory-safe") {
            let preimage := mload(0x40)
            mstore(preimage, chainid())
            mstore(add(preimage, 0x20), address())
            calldatacopy(add(preimage, 0x40), request, BYTES)
            requestId := keccak256(preimage, add(0x40, BYTES))
        }
    }

    /// @notice Encodes the caller's new request after the chain and the coordinator, ready to be hashed.
    /// @dev SAFETY: `params` are copied as they are; the caller has read, and so validated, each of their fields.
    function lay(
        RequestParams calldata params,
        bytes32 inputRoot,
        Origin origin_
    ) internal view returns (uint256 preimage) {
        assembly ("memory-safe") {
            preimage := mload(0x40)
            mstore(0x40, add(preimage, add(0x40, BYTES)))
            mstore(preimage, chainid())
            mstore(add(preimage, 0x20), address())
            calldatacopy(add(preimage, 0x40), params, 0x100)
            mstore(add(preimage, 0x140), inputRoot)
            mstore(add(preimage, 0x160), caller())
            mstore(add(preimage, ORIGIN_OFFSET), origin_)
        }
    }

    function laidId(uint256 preimage) internal pure returns (bytes32 requestId) {
        assembly ("memory-safe") {
            requestId := keccak256(preimage, add(0x40, BYTES))
        }
    }

    /// @dev Tells equal requests of one requester in one block apart.
    function bumpNonce(uint256 preimage) internal pure {
        assembly ("memory-safe") {
            let position := add(preimage, ORIGIN_OFFSET)
            mstore(position, add(mload(position), 1))
        }
    }

    /// @notice Logs `Requested(requestId, modelId, caller, request, input, inputURI)`.
    /// @param topic The event's selector.
    function log(
        uint256 preimage,
        bytes32 topic,
        bytes32 requestId,
        bytes32 modelId,
        bytes calldata input,
        string calldata inputURI
    ) internal {
        assembly ("memory-safe") {
            function append(end, offset, length) -> newEnd {
                mstore(end, length)
                let start := add(end, 0x20)
                newEnd := add(start, and(add(length, 0x1f), not(0x1f)))
                // The last word first: the copy leaves zeros behind the bytes.
                if length {
                    mstore(sub(newEnd, 0x20), 0)
                }
                calldatacopy(start, offset, length)
            }
            let data := mload(0x40)
            mcopy(data, add(preimage, 0x40), BYTES)
            let tails := add(data, BYTES)
            let end := append(add(tails, 0x40), input.offset, input.length)
            mstore(tails, add(BYTES, 0x40))
            mstore(add(tails, 0x20), sub(end, data))
            end := append(end, inputURI.offset, inputURI.length)
            log4(data, sub(end, data), topic, requestId, modelId, caller())
        }
    }

    /// @return hash What a request's slot keeps of its answer: binds operator, root and time to the request.
    function digest(
        bytes32 requestId,
        address operator,
        bytes32 outputRoot,
        uint256 submittedAt
    ) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let preimage := mload(0x40)
            mstore(preimage, requestId)
            mstore(add(preimage, 0x20), operator)
            mstore(add(preimage, 0x40), outputRoot)
            mstore(add(preimage, 0x60), submittedAt)
            hash := keccak256(preimage, 0x80)
        }
    }

    function digest(bytes32 requestId, Answer calldata answer) internal pure returns (bytes32) {
        return digest(requestId, answer.operator, answer.outputRoot, answer.submittedAt);
    }
}

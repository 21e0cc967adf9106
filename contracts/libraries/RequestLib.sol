// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

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
}

/// @notice A request as it was made: its hash is its identity, callers pass it back.
/// @dev Holds a copy of every protocol parameter that decides about money or time, so that a live request keeps them.
/// Author and royalty are part of the model's identity.
struct Request {
    RequestParams params;
    /// @dev Root of the input tensors (`TraceTree.bundleRoot`).
    bytes32 inputRoot;
    address requester;
    /// @dev Tells equal requests of one requester in one block apart (0 for the first): no two have the same content.
    uint64 nonce;
    /// @dev Unix time, seconds.
    uint64 requestedAt;
    /// @dev Unpredictable before the request's block; decides who is eligible first.
    uint64 seed;
    /// @dev Seconds after which everyone is eligible.
    uint32 eligibilityPeriod;
    /// @dev The protocol's part of the fee, in 1/10,000.
    uint16 protocolFeeBps;
}

/// @notice An answer as it was submitted; callers pass it back.
struct Answer {
    address operator;
    /// @dev Root of the output tensors (`TraceTree.bundleRoot`).
    bytes32 outputRoot;
    /// @dev Unix time, seconds.
    uint64 submittedAt;
}

/// @title Identities of requests and answers
library RequestLib {
    uint256 private constant REQUEST_BYTES = 14 * 32;

    /// @return requestId The request's identity: the hash of its whole content, of the chain and of the coordinator.
    /// @dev Content-addressed, so that a reorganisation can't put another request behind the same identity.
    function id(Request memory request) internal view returns (bytes32 requestId) {
        return keccak256(abi.encode(block.chainid, address(this), request));
    }

    /// @dev Equals `id` of the same content; words with dirty upper bits hash to an identity that nobody has.
    function idOf(Request calldata request) internal view returns (bytes32 requestId) {
        assembly ("memory-safe") {
            let preimage := mload(0x40)
            mstore(preimage, chainid())
            mstore(add(preimage, 0x20), address())
            calldatacopy(add(preimage, 0x40), request, REQUEST_BYTES)
            requestId := keccak256(preimage, add(0x40, REQUEST_BYTES))
        }
    }

    /// @return What a request's slot keeps of its answer: binds operator, root and time to the request.
    function digest(bytes32 requestId, Answer memory answer) internal pure returns (bytes32) {
        return keccak256(abi.encode(requestId, answer));
    }
}

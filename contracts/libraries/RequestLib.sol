// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice What a requester chooses.
struct RequestParams {
    /// @dev A registered model.
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
struct Request {
    RequestParams params;
    /// @dev Root of the input tensors (`TraceTree.bundleRoot`).
    bytes32 inputRoot;
    address requester;
    /// @dev Receives the royalty.
    address modelAuthor;
    /// @dev Counts all requests of the coordinator: no two requests have the same content.
    uint64 nonce;
    /// @dev Unix time, seconds.
    uint64 requestedAt;
    /// @dev Unpredictable when the request is made; decides who is eligible first.
    uint64 seed;
    /// @dev Seconds after which everyone is eligible.
    uint32 eligibilityPeriod;
    /// @dev Parts of the fee, in 1/10,000.
    uint16 protocolFeeBps;
    uint16 royaltyBps;
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
    /// @return The request's identity: the hash of its whole content, of the chain and of the coordinator.
    /// @dev Content-addressed, so that a reorganisation can't put another request behind the same identity.
    function id(Request memory request) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), request));
    }
}

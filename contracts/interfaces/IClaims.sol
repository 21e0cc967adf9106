// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Answer, Request} from "../libraries/RequestLib.sol";
import {Bundle} from "./IPublications.sol";

/// @title Who shares in the bond of an answer that was taken away
/// @notice Each dispute and each demand that was open on it, and each commitment that was made before and could not be opened any more,
/// is one claim. All claims get the same part of a pool of three eighths of the bond, a quarter of the bond at most; the requester gets
/// what is left. So an operator that takes its answer back before a challenge, or loses to a friend, saves nothing by it, and a
/// challenger's reward doesn't depend on who moved first.
interface IClaims {
    event Joined(bytes32 indexed answerId, address indexed challenger, bytes32 commitment);
    event Claimed(bytes32 indexed answerId, address indexed account, uint256 amount);
    event Withdrawn(address indexed account, uint256 amount);

    error AnswerNotVoided(bytes32 answerId);
    error NothingPooled(bytes32 answerId);
    error ClaimsStillOpen(bytes32 answerId, uint256 until);
    error ClaimsOver(bytes32 answerId, uint256 until);
    error CommitmentUnknown(bytes32 commitment);
    error CommitmentTooYoung(bytes32 commitment, uint256 opensAt);
    /// @dev It was made when the answer was taken away or later, or could have been opened before.
    error CommitmentNotClaimable(bytes32 commitment, uint256 committedAt, uint256 voidedAt);
    error NoClaim(bytes32 answerId, bytes32 claim);
    error ClaimedBefore(bytes32 answerId, bytes32 claim);
    error NothingOwed(address account);

    /// @notice Opens a commitment whose answer was taken away before it could be opened as a challenge. No bond is needed.
    function join(
        Request calldata request,
        Answer calldata answer,
        uint8 tensor,
        uint32 element,
        bytes32 salt
    ) external;

    // Once no more commitments can join, anyone may call:

    /// @notice Books the part of a dispute that was open when its answer was taken away.
    function claimDispute(bytes32 disputeId, Request calldata request, Answer calldata answer) external;

    /// @notice Books the part of a demand that was open.
    function claimDemand(Request calldata request, Answer calldata answer, Bundle bundle) external;

    /// @notice Books the part of a commitment that joined.
    /// @param challenger Whose it is.
    function claimJoined(
        Request calldata request,
        Answer calldata answer,
        uint8 tensor,
        uint32 element,
        bytes32 salt,
        address challenger
    ) external;

    /// @notice Books what the claims leave of the pool for the requester.
    function claimRest(Request calldata request, Answer calldata answer) external;

    /// @notice Pays an account what has been booked for it, in the stake token. Anyone may call.
    function withdraw(address account) external returns (uint256 amount);

    /// @return until Unix time, seconds, until which (exclusive) commitments can join; 0: nothing is divided.
    /// @return count Claims so far.
    function claimsOf(bytes32 answerId) external view returns (uint256 until, uint256 count);
    function owed(address account) external view returns (uint256);
}

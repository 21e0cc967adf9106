// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Answer, Request, RequestParams} from "../libraries/RequestLib.sol";

/// @notice Where a request stands. What time decides (`EXPIRED`, `FINALIZABLE`) is derived in `statusOf`, never stored.
enum Status {
    NONE,
    REQUESTED, // open to operators, until its submit deadline
    EXPIRED, // nobody answered in time: can be refunded
    SUBMITTED, // answered, inside the challenge window
    SUSPENDED, // at least one dispute is open
    FINALIZABLE, // answered, the window is over
    FINALIZED, // final and paid
    REFUNDED
}

/// @title The entry for consumers and operators: requests, escrow, answers, callbacks
interface IInferenceCoordinator {
    event Requested(
        bytes32 indexed requestId,
        bytes32 indexed modelId,
        address indexed requester,
        Request request,
        bytes input,
        string inputURI
    );
    event Submitted(
        bytes32 indexed requestId,
        address indexed operator,
        bytes32 outputRoot,
        uint64 submittedAt,
        bytes output,
        string outputURI
    );
    /// @param delivered Whether the callback returned without reverting (true where none was asked for).
    event Finalized(bytes32 indexed requestId, address indexed operator, bool delivered);
    event Refunded(bytes32 indexed requestId, address indexed requester);
    event Suspended(bytes32 indexed requestId);
    event Upheld(bytes32 indexed requestId, uint64 finalizableAt);
    /// @param reopened Whether operators may answer again (else the request can be refunded).
    event Voided(bytes32 indexed requestId, address indexed operator, bool reopened);
    event Withdrawn(address indexed account, address indexed token, uint256 amount);

    // Consumers

    /// @notice Asks for one inference; the input travels in this call and in its event.
    /// @param input Input tensors (encoded as `TensorLib` says).
    function request(RequestParams calldata params, bytes calldata input) external payable returns (bytes32 requestId);

    /// @notice Asks for one inference whose input lies at `inputURI`; operators check it against `inputRoot`.
    function requestByURI(
        RequestParams calldata params,
        bytes32 inputRoot,
        string calldata inputURI
    ) external payable returns (bytes32 requestId);

    function requestBatch(
        RequestParams[] calldata params,
        bytes[] calldata inputs
    ) external payable returns (bytes32[] memory requestIds);

    /// @notice Returns the fee of a request that nobody answered in time. Anyone may call; the requester is owed.
    function refund(Request calldata request_) external;

    // Operators

    function submit(Request calldata request_, bytes calldata output) external;

    function submitByURI(Request calldata request_, bytes32 outputRoot, string calldata outputURI) external;

    /// @dev Items that can't be submitted any more (another operator was first) are left out, not reverted.
    function submitBatch(
        Request[] calldata requests,
        bytes[] calldata outputs
    ) external returns (bool[] memory submitted);

    /// @notice Makes an unchallenged answer final, pays, and calls back. Anyone may call.
    /// @param output The output tensors; must match the answer's root if a callback was asked for, else may be empty.
    function finalize(Request calldata request_, Answer calldata answer, bytes calldata output) external;

    /// @dev Items that can't be finalized (any more) are left out, not reverted.
    function finalizeBatch(
        Request[] calldata requests,
        Answer[] calldata answers,
        bytes[] calldata outputs
    ) external returns (bool[] memory finalized);

    /// @notice Pays out what the caller is owed in `token` (zero address: ETH).
    function withdraw(address token, address to) external returns (uint256 amount);

    // The dispute contract

    /// @notice A dispute was opened: the answer can't be finalized until every dispute on it is closed.
    function suspend(Request calldata request_, Answer calldata answer) external;

    /// @notice A dispute was closed in the operator's favour; the answer can't be finalized before `finalizableAt` (Unix time, seconds).
    function uphold(Request calldata request_, Answer calldata answer, uint64 finalizableAt) external;

    /// @notice The operator was convicted: its bond is slashed, half to `challenger`, half burned, and the request reopens or can be refunded.
    function void(Request calldata request_, Answer calldata answer, address challenger) external;

    // Views

    /// @param answer Ignored where the request has none (pass zeros).
    function statusOf(Request calldata request_, Answer calldata answer) external view returns (Status);
    function requestIdOf(Request calldata request_) external view returns (bytes32);
    /// @notice Whether `operator` may submit now.
    function isEligible(Request calldata request_, address operator) external view returns (bool);
    function owed(address account, address token) external view returns (uint256);
    function isFeeToken(address token) external view returns (bool);
}

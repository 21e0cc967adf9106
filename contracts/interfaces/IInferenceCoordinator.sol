// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Answer, Request, RequestParams, Transport} from "../libraries/RequestLib.sol";

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

/// @notice What new requests must keep to.
struct Parameters {
    /// @dev In 1/10,000 of the fee.
    uint16 protocolFeeBps;
    /// @dev Seconds; bounds are inclusive.
    uint32 minChallengeWindow;
    uint32 maxChallengeWindow;
    uint32 minSubmitPeriod;
    uint32 maxSubmitPeriod;
    /// @dev Gas.
    uint32 maxCallbackGas;
    /// @dev In the stake token's smallest unit; at most nine significant decimal digits.
    uint128 minBond;
    /// @dev The largest bond that a request may ask for, in multiples of `minBond`: what one request can lock of a stake.
    uint16 maxBondMultiple;
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
    /// @dev Follows a `Finalized` that said otherwise: the callback was repeated and returned.
    event Delivered(bytes32 indexed requestId, address indexed operator);
    event Refunded(bytes32 indexed requestId, address indexed requester);
    event Suspended(bytes32 indexed requestId);
    event Upheld(bytes32 indexed requestId, uint64 finalizableAt);
    /// @param submitDeadline Until when (Unix time, seconds, exclusive) other operators may answer; then the request can be refunded.
    event Voided(bytes32 indexed requestId, address indexed operator, uint64 submitDeadline);
    event Withdrawn(address indexed account, address indexed token, uint256 amount);
    event ProtocolFeesCollected(address indexed treasury, address indexed token, uint256 amount);
    event ParametersSet(Parameters parameters);
    event RequestsPaused(bool paused);
    event TreasurySet(address treasury);
    event FeeTokenSet(address indexed token, bool allowed);
    event DisputeGameSet(address disputeGame);

    error UnexpectedStatus(bytes32 requestId, Status expected, Status actual);
    error AnswerMismatch(bytes32 requestId);
    error OutputMismatch(bytes32 requestId, bytes32 expectedRoot, bytes32 actualRoot);
    /// @dev The callback needs the output tensors; without them the answer can be final from `until` on (Unix time, seconds).
    error OutputNeeded(bytes32 requestId, uint256 until);
    /// @dev The answer isn't final, was delivered, or its request asked for no callback.
    error NothingToDeliver(bytes32 requestId);
    error CallbackFailed(bytes32 requestId);
    error NotEligible(bytes32 requestId, address operator, uint256 eligibleAt);
    error NotServing(address operator, bytes32 modelId);
    error ConvictedBefore(bytes32 requestId, address operator);
    error InsufficientFreeStake(address operator, uint256 free, uint256 needed);
    error InsufficientCallbackGas(uint256 available, uint256 needed);
    error WrongValue(uint256 expected, uint256 sent);
    error FeeTokenNotAllowed(address token);
    error FeeTokenAmountMismatch(address token, uint256 expected, uint256 received);
    error NewRequestsPaused();
    error BondOutOfRange(uint256 bond, uint256 minimum, uint256 maximum);
    /// @dev The request says how its answer's bytes travel.
    error TransportMismatch(bytes32 requestId, Transport expected);
    error ChallengeWindowOutOfRange(uint256 challengeWindow, uint256 minimum, uint256 maximum);
    error SubmitPeriodOutOfRange(uint256 submitPeriod, uint256 minimum, uint256 maximum);
    error CallbackGasTooHigh(uint256 callbackGasLimit, uint256 maximum);
    error RoyaltyTooHigh(uint256 royaltyBps, uint256 maximum);
    error InlineBytesTooLong(uint256 length, uint256 maximum);
    error UriTooLong(uint256 length, uint256 maximum);
    error BatchTooLong(uint256 length, uint256 maximum);
    error BatchLengthMismatch(uint256 expected, uint256 actual);
    error NothingOwed(address account, address token);
    error CallerNotDisputeGame(address caller);
    error CallerNotOperatorRegistry(address caller);
    error DisputeGameAlreadySet(address disputeGame);
    error AddressWithoutCode(address account);
    error AddressZero();
    error PenaltyAboveBond(uint256 penalty, uint256 bond);
    error NoOpenDispute(bytes32 requestId);
    error ParametersInvalid(Parameters parameters);
    /// @dev The dispute contract's word: a challenger's bond must be a quarter of the smallest bond at most, and the smallest window must
    /// leave time to challenge.
    error ParametersRefused(uint256 minBond, uint256 minChallengeWindow);

    // Consumers

    /// @notice Asks for one inference; the input travels in this call and in its event.
    /// @param input Input tensors (encoded as `TensorLib` says); the coordinator computes their root.
    /// @dev ETH fees are sent along exactly; ERC-20 fees have been approved.
    function request(RequestParams calldata params, bytes calldata input) external payable returns (bytes32 requestId);

    /// @notice Asks for one inference whose input lies at `inputURI`; operators check it against `inputRoot`, and who answers
    /// must be able to publish it (`Publications`).
    function requestByURI(
        RequestParams calldata params,
        bytes32 inputRoot,
        string calldata inputURI
    ) external payable returns (bytes32 requestId);

    /// @dev The value sent is the sum of the fees in ETH.
    function requestBatch(
        RequestParams[] calldata params,
        bytes[] calldata inputs
    ) external payable returns (bytes32[] memory requestIds);

    /// @notice Returns the fee of a request that nobody answered in time. Anyone may call; the requester is owed, and told
    /// (`IInferenceCallback.onInferenceEnded`) where it asked for a callback.
    function refund(Request calldata request_) external;

    // Operators

    /// @notice Answers a request whose transport is `INLINE`, in [requestedAt, requestedAt + submitPeriod) and after the request's own
    /// block; locks the bond.
    function submit(Request calldata request_, bytes calldata output) external;

    /// @notice The same where the transport is `ON_DEMAND`: the operator must publish the bytes if anybody demands them.
    function submitByURI(Request calldata request_, bytes32 outputRoot, string calldata outputURI) external;

    /// @dev Items that can't be submitted any more or not yet (another operator was first, the deadline is past, the
    /// caller isn't eligible) are left out, not reverted. Anything else that is wrong reverts them all.
    function submitBatch(
        Request[] calldata requests,
        bytes[] calldata outputs
    ) external returns (bool[] memory submitted);

    /// @notice Makes an unchallenged answer final, pays, and calls back. Anyone may call.
    /// @param output The output tensors; must match the answer's root if a callback was asked for, else may be empty. From
    /// `DELIVERY_PERIOD` after the answer could be final it may always be empty: it is final then, and not delivered.
    function finalize(Request calldata request_, Answer calldata answer, bytes calldata output) external;

    /// @dev Items that can't be finalized (any more, yet, or with these tensors) are left out, not reverted. Bytes that are no
    /// bundle of tensors at all and too little gas for a callback revert them all.
    function finalizeBatch(
        Request[] calldata requests,
        Answer[] calldata answers,
        bytes[] calldata outputs
    ) external returns (bool[] memory finalized);

    /// @notice Repeats the callback of a final answer that was not delivered. Anyone who has its bytes may call, as often as
    /// it takes; reverts where the callback fails.
    /// @param output The output tensors; must match the answer's root.
    function deliver(Request calldata request_, Answer calldata answer, bytes calldata output) external;

    /// @notice Pays out what the caller is owed in `token` (zero address: ETH).
    function withdraw(address token, address to) external returns (uint256 amount);

    /// @notice Moves the protocol's fees in `token` that have gathered beside `authors`' royalties to what the treasury is
    /// owed. Anyone may call.
    function collectProtocolFees(address token, address[] calldata authors) external returns (uint256 amount);

    // The operator registry

    /// @notice Counts newly deposited stake in what eligibility is measured against; it backs no answer yet.
    function announceStake(uint128 amount) external;

    /// @notice Lets announced stake back answers.
    function creditStake(address operator, uint128 amount) external;

    /// @notice Takes free stake out of service; reverts where there isn't enough.
    function debitStake(address operator, uint128 amount) external;

    /// @dev A model that is served already keeps the block since when it is.
    function setServing(address operator, bytes32[] calldata modelIds, bool served) external;

    // The dispute contract

    /// @notice A dispute or a demand was opened: the answer can't be finalized until every one on it is closed.
    /// @dev The first one must come before the answer becomes finalizable; while one is open, more may follow.
    function suspend(Request calldata request_, Answer calldata answer) external;

    /// @notice One was closed in the operator's favour; the answer can't be finalized before `finalizableAt` (Unix time, seconds).
    function uphold(Request calldata request_, Answer calldata answer, uint64 finalizableAt) external;

    /// @notice Takes an answer away that isn't finalizable yet: `penalty` of its bond is slashed, `reward` of which is owed
    /// to `beneficiary`, the rest is burned. The request reopens to other operators for another submit period, but not past
    /// four times the longest that an answer can take.
    /// @return open How many disputes and demands were open on it.
    function void(
        Request calldata request_,
        Answer calldata answer,
        uint128 penalty,
        uint128 reward,
        address beneficiary
    ) external returns (uint32 open);

    // Administration (behind the access manager)

    /// @notice Sets what new requests must keep to; live requests keep what they were made with.
    function setParameters(Parameters calldata parameters_) external;

    /// @notice Stops or allows new requests. Nothing else can be stopped.
    function setPaused(bool paused) external;

    function setTreasury(address treasury_) external;

    /// @dev Warning: allow only plain tokens whose supply stays below 2^128.
    function setFeeToken(address token, bool allowed) external;

    /// @notice Names the one contract that may suspend, uphold and void. Once, for ever.
    /// @dev Reverts where that contract refuses the parameters in force (`IDisputeGame.checkParameters`).
    function setDisputeGame(address disputeGame_) external;

    // Views

    /// @param answer Ignored where the request has none (pass zeros); else reverts with `AnswerMismatch` if it is another.
    function statusOf(Request calldata request_, Answer calldata answer) external view returns (Status);
    function requestIdOf(Request calldata request_) external view returns (bytes32);
    /// @notice Whether `answer` is the final answer of the request. True for ever once it is.
    /// @return final_ Whether it is final.
    /// @return delivered Whether the callback returned without reverting (true where none was asked for); `deliver` can still
    /// make it true.
    function isFinal(bytes32 requestId, Answer calldata answer) external view returns (bool final_, bool delivered);
    /// @notice Whether `operator` may submit now.
    /// @dev Nobody is eligible in the request's own block. That block's hash then gives each operator a number in [0, 2^128), and an
    /// operator that served the model before that block is eligible while it is below
    /// `activeStake * 2^(128 - stakeBits + doublings)`. One or two operators are to be expected at first; then the chance doubles
    /// eight times in a quarter of the submit period, after which everyone is eligible, as everyone is after `exclusiveBlocks`.
    function isEligible(Request calldata request_, address operator) external view returns (bool);
    /// @return Unix time, seconds, from which `operator` may submit at the latest, as its stake stands now.
    /// @dev In the request's own block the draw isn't known yet.
    function eligibleAt(Request calldata request_, address operator) external view returns (uint256);
    function owed(address account, address token) external view returns (uint256);
    /// @return Protocol fees in `token` that `collectProtocolFees` would move for this author.
    function uncollectedProtocolFees(address author, address token) external view returns (uint256);
    /// @return Gas that must be left where `finalize`, `deliver` or `refund` reaches a callback that gets `callbackGasLimit`;
    /// what they need before comes on top.
    function callbackGasNeeded(uint256 callbackGasLimit) external view returns (uint256);
    function isFeeToken(address token) external view returns (bool);
    function serves(address operator, bytes32 modelId) external view returns (bool);
    /// @return Blocks after a request's own in which the draw decides; stake takes longer than that to count.
    function exclusiveBlocks() external view returns (uint256);
    /// @return active Stake that isn't unbonding and has come to count.
    /// @return free The part of it that isn't locked behind an answer.
    function stakeOf(address operator) external view returns (uint256 active, uint256 free);
    /// @return Stake of all operators, locked and announced included, unbonding not.
    function totalStake() external view returns (uint256);
    function parameters() external view returns (Parameters memory);
    function paused() external view returns (bool);
    function treasury() external view returns (address);
    function disputeGame() external view returns (address);
    function operatorRegistry() external view returns (address);
    /// @return Whether the coordinator is in one of its functions (a callback, say); the registries refuse changes then.
    function entered() external view returns (bool);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Defence} from "../libraries/Defence.sol";
import {Answer, Request} from "../libraries/RequestLib.sol";
import {IInferenceCoordinator, Parameters} from "./IInferenceCoordinator.sol";
import {IModelRegistry} from "./IModelRegistry.sol";
import {IClaims} from "./IClaims.sol";
import {IPublications} from "./IPublications.sol";

/// @notice Whose move it is, and which one.
enum Turn {
    NONE,
    DEFEND, // operator: `defend`
    REVEAL, // operator: `reveal` the children of the disputed node
    PICK, // challenger: `pick` a child, or `step` or `pickSums` once the leaf is reached
    CLOSED,
    SUMS, // operator: `revealSums` of the disputed word, or of a segment of its reduction
    SEGMENT, // challenger: `pickSums` of a segment, or `stepSegment`
    VOIDED // the answer was taken away while it was open; the bond has gone back
}

/// @notice What a dispute may cost in money and time; fixed when the game is deployed, so no live dispute can change under its players.
struct GameParameters {
    /// @dev Seconds that a commitment must be old before it can be opened: time for the operator to check itself and retract.
    uint32 commitDelay;
    /// @dev Seconds that an honest challenger needs at most from when its commitment is old enough until it has opened it.
    uint32 openGrace;
    /// @dev Seconds from the commitment after which it can't be opened any more.
    uint32 commitLifetime;
    /// @dev Seconds for the operator's first move: short, so that a lie that nobody defends ties up no challenger's bond.
    uint32 defendTime;
    /// @dev Seconds on each side's clock for all its other moves.
    uint32 clock;
    /// @dev Seconds that a side has at least for its next move; this is what a move can extend a clock by.
    uint32 moveTime;
    /// @dev Seconds that an answer stays open to challenge after a dispute was closed in the operator's favour.
    uint32 grace;
    /// @dev Seconds past the challenge window after which no dispute prolongs it any more.
    uint32 maxGrace;
    /// @dev What a challenger puts up, in the stake token's smallest unit. Pays the operator's gas if it loses.
    uint128 challengerBond;
    /// @dev Part of a lost challenger's bond that is burned, in 1/10,000: what an operator pays for challenging itself.
    uint16 burnBps;
}

/// @notice One open challenge between one challenger and one operator.
struct Dispute {
    /// @dev keccak256(requestId, answer): what the dispute is about.
    bytes32 answerId;
    address challenger;
    /// @dev Which of the model's outputs, and which element of it.
    uint8 tensor;
    uint32 element;
    /// @dev The disputed node's hash in the operator's trace; once sums are picked, what stands for the ends of their segment
    /// (libraries/Segments.sol).
    bytes32 node;
    /// @dev From here on all that moves change, in one slot.
    Turn turn;
    /// @dev Levels between the disputed node and the leaves; 0: the node is a leaf.
    uint8 height;
    /// @dev Position of the disputed node among the nodes of its height.
    uint32 position;
    /// @dev Which word of the disputed leaf, and which segment of its reduction (libraries/Segments.sol); 0 before `pickSums`.
    uint8 word;
    uint40 path;
    /// @dev Unix time, seconds, from which the side to move has lost.
    uint64 deadline;
    /// @dev Seconds left to the side that is not to move.
    uint32 otherClock;
}

/// @title The dispute, settled by the EVM
/// @notice A challenger says that one output element is wrong. The operator commits to a trace in which that element is
/// right; the two sides walk down its tree to one leaf, and the EVM recomputes one element of it.
interface IDisputeGame {
    event ChallengeCommitted(bytes32 indexed commitment, address indexed challenger);
    event Challenged(
        bytes32 indexed disputeId,
        bytes32 indexed requestId,
        address indexed challenger,
        address operator,
        uint8 tensor,
        uint32 element,
        uint64 deadline
    );
    event Defended(bytes32 indexed disputeId, bytes32 indexed answerId, bytes32 traceRoot, uint64 deadline);
    /// @param children The 64 nodes six levels below (fewer levels near the leaves), or the 64 words of a leaf.
    event Revealed(
        bytes32 indexed disputeId,
        bytes32 indexed answerId,
        uint8 height,
        uint32 position,
        bytes children,
        uint64 deadline
    );
    event Picked(bytes32 indexed disputeId, uint8 height, uint32 position, bool revealed, uint64 deadline);
    /// @param path Which segment of the word's reduction (libraries/Segments.sol); 1: all of it.
    /// @param revealed Whether its sums are known from an earlier dispute: then it is the challenger's turn.
    event SumsPicked(bytes32 indexed disputeId, uint8 word, uint40 path, bool revealed, uint64 deadline);
    /// @param states The exact states of the word's reduction before the segment, at the end of every segment in it, and at its
    /// own end: 192 bytes each.
    event SumsRevealed(
        bytes32 indexed disputeId,
        bytes32 indexed answerId,
        uint32 leaf,
        uint8 word,
        uint40 path,
        bytes states,
        uint64 deadline
    );
    /// @notice An answer was taken away; `Closed` says more where a dispute did it.
    /// @param penalty What its operator lost of its bond.
    /// @param pooled Whether a part of that is divided by `Claims`: not where it was taken back too early for anybody to have a claim.
    event AnswerTaken(bytes32 indexed requestId, bytes32 indexed answerId, uint128 penalty, bool pooled);
    /// @param convicted Whether the operator lost.
    event Closed(bytes32 indexed disputeId, bytes32 indexed requestId, bool convicted, Outcome outcome);
    event Withdrawn(address indexed account, uint256 amount);

    /// @notice How a dispute ended.
    enum Outcome {
        NONE,
        STEP_EQUAL, // the EVM computed the operator's word
        STEP_DIFFERENT, // the EVM computed another word
        OPERATOR_TIMEOUT,
        CHALLENGER_TIMEOUT,
        ANSWER_VOIDED // the answer was taken away
    }

    error UnexpectedTurn(bytes32 disputeId, Turn expected, Turn actual);
    error DisputeNotOpen(bytes32 disputeId, Turn turn);
    error AnswerVoided(bytes32 answerId);
    error AnswerNotVoided(bytes32 answerId);
    error CallerNotPublications(address caller);
    error TraceRootFixed(bytes32 answerId, bytes32 expected, bytes32 actual);
    /// @dev They contradict each other, or `maxDuration()` would be above the operator registry's `disputeBound()`.
    error ParametersInvalid(GameParameters parameters);
    error AnswerNotDisputed(bytes32 disputeId, bytes32 expected, bytes32 actual);
    error CallerNotPlayer(address caller, address player);
    error CommitmentTooYoung(bytes32 commitment, uint256 opensAt);
    error CommitmentTooOld(bytes32 commitment, uint256 expiredAt);
    error CommitmentUnknown(bytes32 commitment);
    error ChallengeTooLate(bytes32 requestId, uint256 until);
    error ModelNotAdjudicable(bytes32 modelId);
    error ElementOutOfRange(uint8 tensor, uint32 element, uint256 count);
    error ClockRunOut(bytes32 disputeId, uint256 deadline);
    error ClockStillRunning(bytes32 disputeId, uint256 deadline);
    error OpeningInvalid();
    error RevealInvalid(bytes32 expected, bytes32 actual);
    error PickOutOfRange(uint256 child, uint256 count);
    /// @dev Between so many states there is no such segment, or only one, or it lies deeper than any program's.
    error SegmentOutOfRange(uint256 index, uint256 states);
    /// @dev In bytes.
    error SumsTooMany(uint256 length, uint256 maximum);
    /// @dev Another dispute has shown other sums of the segment: hashes of both.
    error SumsFixed(bytes32 disputeId, bytes32 expected, bytes32 actual);
    error NothingOwed(address account);

    // Challenger

    /// @notice First half of a challenge: hides its target until the operator has had time to check itself.
    /// @param commitment `commitmentOf(answerId, tensor, element, salt, challenger)`.
    function commitChallenge(bytes32 commitment) external;

    /// @notice Second half: "this element is off by more than the model's tolerance". Takes the challenger's bond.
    function challenge(
        Request calldata request,
        Answer calldata answer,
        uint8 tensor,
        uint32 element,
        bytes32 salt
    ) external returns (bytes32 disputeId);

    /// @notice Names the first child that differs from the challenger's own trace.
    /// @param child Its number among the children of the disputed node.
    /// @param hash Its hash, and `siblings` the hashes that lead from it to the disputed node, lowest first.
    function pick(bytes32 disputeId, uint256 child, bytes32 hash, bytes32[] calldata siblings) external;

    /// @notice Has the EVM recompute one word of the disputed leaf. Ends the dispute, one way or the other.
    /// @param leaf The leaf's 64 words as the operator revealed them (256 bytes, little-endian).
    /// @param word Which of them.
    /// @param proof What `StepVerifier` needs: instruction and operands with their openings.
    function step(
        bytes32 disputeId,
        Request calldata request,
        Answer calldata answer,
        bytes calldata leaf,
        uint256 word,
        bytes calldata proof
    ) external;

    /// @notice Names what is too long to be recomputed at once: a word of the disputed leaf, then the first segment of its reduction
    /// whose end differs from the challenger's own state. The operator is to show how it summed it up.
    /// @param shown What the operator showed: the leaf's 64 words (256 bytes, little-endian), or the states.
    /// @param index The number of the word, below 64, or of the segment among those whose ends are shown.
    function pickSums(bytes32 disputeId, bytes calldata shown, uint256 index) external;

    /// @notice Has the EVM recompute one of the segments whose ends are shown. Ends the dispute, one way or the other.
    /// @param states What `revealSums` showed.
    /// @param proof What `StepVerifier.follows` needs.
    function stepSegment(
        bytes32 disputeId,
        Request calldata request,
        Answer calldata answer,
        bytes calldata states,
        bytes calldata proof
    ) external;

    // Operator

    /// @notice Takes the caller's own answer back, whether disputes are open or not, while it isn't finalizable. Costs 1 % of the bond
    /// before a challenge can have been opened (`submittedAt + commitDelay`), seven eighths of it afterwards; the request reopens to other
    /// operators or can be refunded. Not for the operator's delegate.
    function retract(Request calldata request, Answer calldata answer) external;

    /// @notice Commits to a trace whose output element lies within tolerance of the posted one. The first defence of an answer fixes
    /// the trace root for all its disputes.
    /// @param children What `reveal` would show of the tree's top. Not looked at where an earlier dispute has had it revealed.
    function defend(
        bytes32 disputeId,
        Request calldata request,
        Answer calldata answer,
        Defence.Posted calldata posted,
        Defence.Canonical calldata canonical,
        bytes calldata children
    ) external;

    /// @notice Shows the children of a disputed node. Every dispute on the same answer uses them.
    function reveal(bytes32 disputeId, bytes calldata children) external;

    /// @notice Shows the exact states of a reduction, or of one segment of it, before it, at the end of every segment in it and at
    /// its own end (libraries/Segments.sol): the first and the last as they were shown before; of the whole reduction, zeros and the word.
    /// Every dispute on the same answer uses them, so nothing can be shown in their place later.
    /// @param states 192 bytes each, at most 33.
    function revealSums(
        bytes32 disputeId,
        Request calldata request,
        Answer calldata answer,
        bytes calldata states
    ) external;

    // Anyone

    /// @notice Ends a dispute whose side to move has run out of time.
    function timeout(bytes32 disputeId, Request calldata request, Answer calldata answer) external;

    /// @notice Ends a dispute about an answer that was taken away; the challenger's bond goes back. Anyone may call. Its part of the
    /// operator's bond comes from `Claims`.
    function closeVoided(bytes32 disputeId, Request calldata request, Answer calldata answer) external;

    /// @notice Pays an account the bonds that it is owed, in the stake token. Anyone may call.
    function withdraw(address account) external returns (uint256 amount);

    // Publications

    function openDemand(Request calldata request, Answer calldata answer) external;

    /// @notice Everything was published: the answer is open to challenge again for a while.
    function closeDemand(Request calldata request, Answer calldata answer) external;

    /// @notice Not everything was: a conviction.
    function convictUnpublished(Request calldata request, Answer calldata answer) external;

    // Views

    /// @return Where the game reads what a model's answers are judged by.
    function modelRegistry() external view returns (IModelRegistry);
    function disputeOf(bytes32 disputeId) external view returns (Dispute memory);
    /// @return The trace root that the operator has committed to for an answer; zero: none yet.
    function traceRootOf(bytes32 answerId) external view returns (bytes32);
    /// @return Whether a node's children (a leaf's words) have been revealed.
    function isRevealed(bytes32 answerId, uint8 height, uint32 position) external view returns (bool);
    /// @return The commitment of a challenge; it becomes the dispute's identity.
    function commitmentOf(
        bytes32 answerId,
        uint8 tensor,
        uint32 element,
        bytes32 salt,
        address challenger
    ) external view returns (bytes32);
    /// @return voidedAt Unix time, seconds, at which the answer was taken away; 0: it wasn't.
    /// @return open How many disputes and demands were open on it then.
    /// @return pooled Whether they share in the operator's bond.
    function voidOf(bytes32 answerId) external view returns (uint48 voidedAt, uint32 open, bool pooled);
    /// @return Unix time, seconds, of a commitment that hasn't been opened; 0: there is none.
    function committedAt(bytes32 commitment) external view returns (uint256);
    /// @dev Coordinator's check: reverts where `parameters_` don't go with the game's.
    function checkParameters(Parameters calldata parameters_) external view;
    function publications() external view returns (IPublications);
    function claims() external view returns (IClaims);
    function coordinator() external view returns (IInferenceCoordinator);
    /// @return Unix time, seconds, until which (exclusive) the answer can be challenged.
    function challengeableUntil(Request calldata request, Answer calldata answer) external view returns (uint64);
    function parameters() external view returns (GameParameters memory);
    /// @return Seconds that publications, a dispute on a tree of 2^32 leaves and their grace can add to a challenge window at most.
    function maxDuration() external view returns (uint32);
    function owed(address account) external view returns (uint256);
}

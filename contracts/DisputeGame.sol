// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Dispute, GameParameters, IDisputeGame, Turn} from "./interfaces/IDisputeGame.sol";
import {IClaims} from "./interfaces/IClaims.sol";
import {IInferenceCoordinator, Parameters} from "./interfaces/IInferenceCoordinator.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "./interfaces/IOperatorRegistry.sol";
import {IPublications} from "./interfaces/IPublications.sol";
import {Choice, IStepVerifier, StepClaim} from "./interfaces/IStepVerifier.sol";
import {Clocks} from "./libraries/Clocks.sol";
import {Defence} from "./libraries/Defence.sol";
import {Descent} from "./libraries/Descent.sol";
import {Answer, Request, RequestLib} from "./libraries/RequestLib.sol";
import {Segments} from "./libraries/Segments.sol";
import {Shares} from "./libraries/Shares.sol";
import {TraceTree} from "./libraries/TraceTree.sol";

/// @title The dispute, settled by the EVM
/// @dev Who moves, what a move must show, and how long it may take stand here; what is *true* is decided by `Defence` (the
/// tolerance) and by the step verifier (the arithmetic).
contract DisputeGame is IDisputeGame, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice What all disputes on one answer share.
    struct Trace {
        /// @dev Zero until the first defence.
        bytes32 top;
        uint32 leafCount;
        uint64 graceUntil;
        /// @dev Unix time, seconds, at which the answer was taken away; 0: it wasn't.
        uint48 voidedAt;
        /// @dev Disputes and demands that were open then.
        uint32 openAtVoid;
        /// @dev Whether they share in the bond: not where the answer was taken back early.
        bool pooled;
    }

    /// @dev Defence, which shows the top's children, then a pick and a reveal for each six of at most 32 levels, a pick and sums for a
    /// word and at most seven segments (`Segments`), and the step.
    uint256 private constant MAX_MOVES = 1 + 2 * 6 + 2 * 8 + 1;
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;
    uint256 private constant MIN_BOND_IN_CHALLENGER_BONDS = 4;

    IInferenceCoordinator public immutable coordinator;
    IPublications public immutable publications;
    IClaims public immutable claims;
    IModelRegistry public immutable modelRegistry;
    IStepVerifier public immutable stepVerifier;
    IERC20 public immutable stakeToken;
    IOperatorRegistry private immutable _operatorRegistry;

    // The game's parameters: every move reads some.
    uint32 private immutable _commitDelay;
    uint32 private immutable _openGrace;
    uint32 private immutable _commitLifetime;
    uint32 private immutable _defendTime;
    uint32 private immutable _clock;
    uint32 private immutable _moveTime;
    uint32 private immutable _grace;
    uint32 private immutable _maxGrace;
    uint128 private immutable _challengerBond;
    uint16 private immutable _burnBps;

    mapping(bytes32 commitment => uint256 committedAt) private _commitments;
    mapping(bytes32 disputeId => Dispute) private _disputes;
    mapping(bytes32 answerId => Trace) private _traces;
    mapping(bytes32 answerId => mapping(uint256 node => bool)) private _revealed;
    mapping(bytes32 answerId => mapping(uint256 segment => bytes32)) private _sums;
    mapping(address account => uint256) private _owed;

    /// @dev Reverts where a dispute could outlast the operators' unbonding.
    constructor(
        IInferenceCoordinator coordinator_,
        IPublications publications_,
        IClaims claims_,
        IModelRegistry modelRegistry_,
        IStepVerifier stepVerifier_,
        IERC20 stakeToken_,
        GameParameters memory parameters_
    ) {
        publications = publications_;
        claims = claims_;
        _operatorRegistry = IOperatorRegistry(coordinator_.operatorRegistry());
        uint256 toOpen = uint256(parameters_.commitDelay) + parameters_.openGrace;
        if (
            parameters_.burnBps > Shares.BPS ||
            parameters_.clock == 0 ||
            parameters_.moveTime == 0 ||
            parameters_.defendTime == 0 ||
            parameters_.defendTime > parameters_.clock ||
            parameters_.grace > parameters_.maxGrace ||
            parameters_.openGrace == 0 ||
            // After a publication an answer is open for so long.
            parameters_.maxGrace <= toOpen ||
            parameters_.commitLifetime < toOpen ||
            _maxDuration(parameters_) > _operatorRegistry.disputeBound()
        ) revert ParametersInvalid(parameters_);
        coordinator = coordinator_;
        modelRegistry = modelRegistry_;
        stepVerifier = stepVerifier_;
        stakeToken = stakeToken_;
        _commitDelay = parameters_.commitDelay;
        _openGrace = parameters_.openGrace;
        _commitLifetime = parameters_.commitLifetime;
        _defendTime = parameters_.defendTime;
        _clock = parameters_.clock;
        _moveTime = parameters_.moveTime;
        _grace = parameters_.grace;
        _maxGrace = parameters_.maxGrace;
        _challengerBond = parameters_.challengerBond;
        _burnBps = parameters_.burnBps;
    }

    // -------------------------------------------------------------------------------------------------- challenger

    /// @inheritdoc IDisputeGame
    function commitChallenge(bytes32 commitment) external {
        uint256 before = _commitments[commitment];
        // An earlier commitment stands: committing somebody else's again must not make it younger.
        if (before != 0 && block.timestamp < before + _commitLifetime) return;
        _commitments[commitment] = block.timestamp;
        emit ChallengeCommitted(commitment, msg.sender);
    }

    /// @inheritdoc IDisputeGame
    function challenge(
        Request calldata request,
        Answer calldata answer,
        uint8 tensor,
        uint32 element,
        bytes32 salt
    ) external nonReentrant returns (bytes32 disputeId) {
        (bytes32 requestId, bytes32 answerId) = _identify(request, answer);
        disputeId = commitmentOf(answerId, tensor, element, salt, msg.sender);
        _openCommitment(disputeId, answer.submittedAt);
        uint64 until = challengeableUntil(request, answer);
        if (block.timestamp >= until) revert ChallengeTooLate(requestId, until);
        _checkElement(request.params.modelId, tensor, element);

        uint64 deadline = uint64(block.timestamp + _defendTime);
        _disputes[disputeId] = Dispute({
            answerId: answerId,
            challenger: msg.sender,
            tensor: tensor,
            element: element,
            node: 0,
            turn: Turn.DEFEND,
            height: 0,
            position: 0,
            word: 0,
            path: 0,
            deadline: deadline,
            otherClock: _clock
        });
        emit Challenged(disputeId, requestId, msg.sender, answer.operator, tensor, element, deadline);

        coordinator.suspend(request, answer);
        stakeToken.safeTransferFrom(msg.sender, address(this), _challengerBond);
    }

    /// @inheritdoc IDisputeGame
    function pick(bytes32 disputeId, uint256 child, bytes32 hash, bytes32[] calldata siblings) external {
        Dispute storage dispute = _load(disputeId, Turn.PICK);
        _checkPlayer(dispute.challenger);
        if (dispute.height == 0) revert UnexpectedTurn(disputeId, Turn.PICK, Turn.PICK);
        Trace storage trace = _traces[dispute.answerId];

        (uint256 levels, uint256 first, uint256 count) = Descent.childrenOf(
            dispute.height,
            dispute.position,
            trace.leafCount
        );
        if (child >= count) revert PickOutOfRange(child, count);
        if (siblings.length != levels) revert OpeningInvalid();
        uint256 height = dispute.height - levels;
        bytes32 node = TraceTree.ancestorOf(hash, Descent.widthAt(trace.leafCount, height), first + child, siblings);
        if (node != dispute.node) revert OpeningInvalid();

        dispute.node = hash;
        dispute.height = uint8(height);
        dispute.position = uint32(first + child);
        bool revealed = _revealed[dispute.answerId][Descent.nodeKey(height, first + child)];
        _move(dispute, revealed ? Turn.PICK : Turn.REVEAL, !revealed);
        emit Picked(disputeId, dispute.height, dispute.position, revealed, dispute.deadline);
    }

    /// @inheritdoc IDisputeGame
    function step(
        bytes32 disputeId,
        Request calldata request,
        Answer calldata answer,
        bytes calldata leaf,
        uint256 word,
        bytes calldata proof
    ) external nonReentrant {
        Dispute storage dispute = _load(disputeId, Turn.PICK);
        _checkPlayer(dispute.challenger);
        bytes32 requestId = _checkAnswer(disputeId, dispute, request, answer);
        uint256 claimed = _wordOf(dispute, leaf, word);
        bool equal = stepVerifier.step(_claim(dispute, request, word), proof) == claimed;
        _stepped(disputeId, dispute, requestId, request, answer, equal);
    }

    /// @inheritdoc IDisputeGame
    function pickSums(bytes32 disputeId, bytes calldata shown, uint256 index) external {
        bool within = _disputes[disputeId].turn == Turn.SEGMENT;
        Dispute storage dispute = _load(disputeId, within ? Turn.SEGMENT : Turn.PICK);
        _checkPlayer(dispute.challenger);
        if (within) {
            _checkSums(dispute, shown);
            uint256 path;
            (dispute.node, path) = Segments.pick(shown, dispute.path, index);
            dispute.path = uint40(path);
        } else {
            dispute.node = Segments.frameOf(_wordOf(dispute, shown, index));
            dispute.word = uint8(index);
            dispute.path = uint40(Segments.WHOLE);
        }
        bool revealed = _sums[dispute.answerId][_sumsKey(dispute)] != 0;
        _move(dispute, revealed ? Turn.SEGMENT : Turn.SUMS, !revealed);
        emit SumsPicked(disputeId, dispute.word, dispute.path, revealed, dispute.deadline);
    }

    /// @inheritdoc IDisputeGame
    function stepSegment(
        bytes32 disputeId,
        Request calldata request,
        Answer calldata answer,
        bytes calldata states,
        bytes calldata proof
    ) external nonReentrant {
        Dispute storage dispute = _load(disputeId, Turn.SEGMENT);
        _checkPlayer(dispute.challenger);
        bytes32 requestId = _checkAnswer(disputeId, dispute, request, answer);
        _checkSums(dispute, states);
        bool equal = stepVerifier.follows(_claim(dispute, request, dispute.word), dispute.path, states, proof);
        _stepped(disputeId, dispute, requestId, request, answer, equal);
    }

    // ---------------------------------------------------------------------------------------------------- operator

    /// @inheritdoc IDisputeGame
    function retract(Request calldata request, Answer calldata answer) external nonReentrant {
        _checkPlayer(answer.operator);
        (bytes32 requestId, bytes32 answerId) = _identify(request, answer);
        uint256 bond = request.params.bond;
        // INVARIANT: a commitment is as old as the answer at most, so nobody can have opened one before this.
        bool early = block.timestamp < answer.submittedAt + _commitDelay;
        uint256 penalty = early ? Shares.ofEarlyRetraction(bond) : Shares.ofLateRetraction(bond);
        _takeAnswer(requestId, answerId, request, answer, penalty, !early);
    }

    /// @inheritdoc IDisputeGame
    function defend(
        bytes32 disputeId,
        Request calldata request,
        Answer calldata answer,
        Defence.Posted calldata posted,
        Defence.Canonical calldata canonical,
        bytes calldata children
    ) external {
        Dispute storage dispute = _load(disputeId, Turn.DEFEND);
        _checkAnswer(disputeId, dispute, request, answer);
        _checkOperator(answer.operator);

        Defence.Target memory target = _target(dispute, request, answer);
        Defence.Found memory found = Defence.check(target, posted, canonical);
        (bytes32 traceRoot, bool first) = _fixTrace(dispute.answerId, found.leafCount, canonical.traceTop);
        if (!found.right && !_isNearTie(dispute, request, target, found, canonical.choice)) {
            revert Defence.DefenceOutsideTolerance(found.posted, found.canonical);
        }
        dispute.node = canonical.traceTop;
        dispute.height = uint8(TraceTree.depthOf(found.leafCount));
        _move(dispute, Turn.PICK, true);
        // The first move had a clock of its own.
        dispute.otherClock = _clock;
        emit Defended(disputeId, dispute.answerId, traceRoot, dispute.deadline);
        if (first) _reveal(disputeId, dispute, children);
    }

    /// @inheritdoc IDisputeGame
    function reveal(bytes32 disputeId, bytes calldata children) external {
        Dispute storage dispute = _load(disputeId, Turn.REVEAL);
        _move(dispute, Turn.PICK, true);
        _revealed[dispute.answerId][Descent.nodeKey(dispute.height, dispute.position)] = true;
        _reveal(disputeId, dispute, children);
    }

    /// @inheritdoc IDisputeGame
    function revealSums(
        bytes32 disputeId,
        Request calldata request,
        Answer calldata answer,
        bytes calldata states
    ) external {
        Dispute storage dispute = _load(disputeId, Turn.SUMS);
        _checkAnswer(disputeId, dispute, request, answer);
        _checkOperator(answer.operator);
        // More than any reduction has would only make the challenger's moves dearer. Too few convict.
        if (states.length > Segments.MOST_BYTES) revert SumsTooMany(states.length, Segments.MOST_BYTES);
        bytes32 frame = Segments.frameAround(states);
        if (frame != dispute.node) revert RevealInvalid(dispute.node, frame);
        bytes32 hash = keccak256(states);
        uint256 key = _sumsKey(dispute);
        bytes32 shown = _sums[dispute.answerId][key];
        // INVARIANT: what was shown of a segment stands. Else an operator could replace it under every step that is on its way, from
        // disputes with itself, until the challenger's clock runs out.
        if (shown != 0 && shown != hash) revert SumsFixed(disputeId, shown, hash);
        _sums[dispute.answerId][key] = hash;
        _move(dispute, Turn.SEGMENT, true);
        emit SumsRevealed(
            disputeId,
            dispute.answerId,
            dispute.position,
            dispute.word,
            dispute.path,
            states,
            dispute.deadline
        );
    }

    // ------------------------------------------------------------------------------------------------------ anyone

    /// @inheritdoc IDisputeGame
    function timeout(bytes32 disputeId, Request calldata request, Answer calldata answer) external nonReentrant {
        Dispute storage dispute = _open(disputeId);
        bytes32 requestId = _checkAnswer(disputeId, dispute, request, answer);
        if (block.timestamp < dispute.deadline) revert ClockStillRunning(disputeId, dispute.deadline);
        if (dispute.turn == Turn.PICK || dispute.turn == Turn.SEGMENT) {
            _acquit(disputeId, dispute, requestId, request, answer, Outcome.CHALLENGER_TIMEOUT);
        } else {
            _convict(disputeId, dispute, requestId, request, answer, Outcome.OPERATOR_TIMEOUT);
        }
    }

    /// @inheritdoc IDisputeGame
    function closeVoided(bytes32 disputeId, Request calldata request, Answer calldata answer) external {
        Dispute storage dispute = _disputes[disputeId];
        Turn turn = dispute.turn;
        if (turn == Turn.NONE || turn == Turn.CLOSED || turn == Turn.VOIDED) revert DisputeNotOpen(disputeId, turn);
        bytes32 requestId = _checkAnswer(disputeId, dispute, request, answer);
        if (_traces[dispute.answerId].voidedAt == 0) revert AnswerNotVoided(dispute.answerId);
        dispute.turn = Turn.VOIDED;
        _owed[dispute.challenger] += _challengerBond;
        emit Closed(disputeId, requestId, false, Outcome.ANSWER_VOIDED);
    }

    /// @inheritdoc IDisputeGame
    function withdraw(address account) external nonReentrant returns (uint256 amount) {
        amount = _owed[account];
        if (amount == 0) revert NothingOwed(account);
        _owed[account] = 0;
        emit Withdrawn(account, amount);
        stakeToken.safeTransfer(account, amount);
    }

    // ------------------------------------------------------------------------------------------------- publications

    modifier onlyPublications() {
        if (msg.sender != address(publications)) revert CallerNotPublications(msg.sender);
        _;
    }

    /// @inheritdoc IDisputeGame
    function openDemand(Request calldata request, Answer calldata answer) external onlyPublications {
        coordinator.suspend(request, answer);
    }

    /// @inheritdoc IDisputeGame
    function closeDemand(Request calldata request, Answer calldata answer) external onlyPublications {
        (, bytes32 answerId) = _identify(request, answer);
        uint256 window = request.params.challengeWindow;
        uint64 until = uint64(block.timestamp + (window < _maxGrace ? window : _maxGrace));
        Trace storage trace = _traces[answerId];
        if (until > trace.graceUntil) trace.graceUntil = until;
        coordinator.uphold(request, answer, until);
    }

    /// @inheritdoc IDisputeGame
    function convictUnpublished(Request calldata request, Answer calldata answer) external onlyPublications {
        (bytes32 requestId, bytes32 answerId) = _identify(request, answer);
        _takeAnswer(requestId, answerId, request, answer, request.params.bond, true);
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IDisputeGame
    function disputeOf(bytes32 disputeId) external view returns (Dispute memory) {
        return _disputes[disputeId];
    }

    /// @inheritdoc IDisputeGame
    function traceRootOf(bytes32 answerId) external view returns (bytes32) {
        Trace storage trace = _traces[answerId];
        return trace.top == 0 ? bytes32(0) : Defence.traceRoot(trace.leafCount, trace.top);
    }

    /// @inheritdoc IDisputeGame
    function isRevealed(bytes32 answerId, uint8 height, uint32 position) external view returns (bool) {
        Trace storage trace = _traces[answerId];
        // The first defence, which fixes the trace, shows what lies below its top.
        if (trace.top != 0 && position == 0 && height == TraceTree.depthOf(trace.leafCount)) return true;
        return _revealed[answerId][Descent.nodeKey(height, position)];
    }

    /// @inheritdoc IDisputeGame
    function commitmentOf(
        bytes32 answerId,
        uint8 tensor,
        uint32 element,
        bytes32 salt,
        address challenger
    ) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), answerId, tensor, element, salt, challenger));
    }

    /// @inheritdoc IDisputeGame
    function challengeableUntil(Request calldata request, Answer calldata answer) public view returns (uint64) {
        (, bytes32 answerId) = _identify(request, answer);
        uint64 windowEnd = answer.submittedAt + request.params.challengeWindow;
        uint64 graceUntil = _traces[answerId].graceUntil;
        return graceUntil > windowEnd ? graceUntil : windowEnd;
    }

    /// @inheritdoc IDisputeGame
    function parameters() public view returns (GameParameters memory) {
        return
            GameParameters({
                commitDelay: _commitDelay,
                openGrace: _openGrace,
                commitLifetime: _commitLifetime,
                defendTime: _defendTime,
                clock: _clock,
                moveTime: _moveTime,
                grace: _grace,
                maxGrace: _maxGrace,
                challengerBond: _challengerBond,
                burnBps: _burnBps
            });
    }

    /// @inheritdoc IDisputeGame
    function maxDuration() external view returns (uint32) {
        return uint32(_maxDuration(parameters()));
    }

    /// @inheritdoc IDisputeGame
    function owed(address account) external view returns (uint256) {
        return _owed[account];
    }

    /// @inheritdoc IDisputeGame
    function checkParameters(Parameters calldata parameters_) external view {
        uint256 bond = MIN_BOND_IN_CHALLENGER_BONDS * uint256(_challengerBond);
        if (parameters_.minBond < bond || parameters_.minChallengeWindow <= _commitDelay + _openGrace) {
            revert IInferenceCoordinator.ParametersRefused(parameters_.minBond, parameters_.minChallengeWindow);
        }
    }

    /// @inheritdoc IDisputeGame
    function voidOf(bytes32 answerId) external view returns (uint48 voidedAt, uint32 open, bool pooled) {
        Trace storage trace = _traces[answerId];
        return (trace.voidedAt, trace.openAtVoid, trace.pooled);
    }

    /// @inheritdoc IDisputeGame
    function committedAt(bytes32 commitment) external view returns (uint256) {
        return _commitments[commitment];
    }

    /// @dev Both bundles may be demanded one after the other, each at the end of what the last one opened.
    function _maxDuration(GameParameters memory p) private view returns (uint256) {
        return
            publications.maxDuration() +
            2 * uint256(p.maxGrace) +
            p.defendTime +
            Clocks.longest(p.clock, p.moveTime, p.maxGrace, MAX_MOVES);
    }

    // -------------------------------------------------------------------------------------------------- opening

    function _identify(
        Request calldata request,
        Answer calldata answer
    ) private view returns (bytes32 requestId, bytes32 answerId) {
        requestId = coordinator.requestIdOf(request);
        answerId = RequestLib.digest(requestId, answer);
    }

    /// @dev Uses the commitment up. It must have been made after the answer: one made before could be opened at once, and
    /// leave the operator no time to check itself.
    function _openCommitment(bytes32 commitment, uint256 submittedAt) private {
        uint256 madeAt = _commitments[commitment];
        if (madeAt < submittedAt || madeAt == 0) revert CommitmentUnknown(commitment);
        uint256 opensAt = madeAt + _commitDelay;
        if (block.timestamp < opensAt) revert CommitmentTooYoung(commitment, opensAt);
        uint256 expiresAt = madeAt + _commitLifetime;
        if (block.timestamp >= expiresAt) revert CommitmentTooOld(commitment, expiresAt);
        delete _commitments[commitment];
        if (_disputes[commitment].turn != Turn.NONE) revert DisputeNotOpen(commitment, _disputes[commitment].turn);
    }

    function _checkElement(bytes32 modelId, uint8 tensor, uint32 element) private view {
        (bytes32 programRoot, , uint256 count, , ) = modelRegistry.rulesOf(modelId, tensor);
        if (programRoot == 0) revert ModelNotAdjudicable(modelId);
        if (element >= count) revert ElementOutOfRange(tensor, element, count);
    }

    // ----------------------------------------------------------------------------------------------------- moving

    function _open(bytes32 disputeId) private view returns (Dispute storage dispute) {
        dispute = _disputes[disputeId];
        if (dispute.turn == Turn.NONE || dispute.turn == Turn.CLOSED) revert DisputeNotOpen(disputeId, dispute.turn);
        if (_traces[dispute.answerId].voidedAt != 0) revert AnswerVoided(dispute.answerId);
    }

    function _load(bytes32 disputeId, Turn expected) private view returns (Dispute storage dispute) {
        dispute = _open(disputeId);
        if (dispute.turn != expected) revert UnexpectedTurn(disputeId, expected, dispute.turn);
        if (block.timestamp >= dispute.deadline) revert ClockRunOut(disputeId, dispute.deadline);
    }

    function _checkPlayer(address player) private view {
        if (msg.sender != player) revert CallerNotPlayer(msg.sender, player);
    }

    /// @dev Or the operator's delegate.
    function _checkOperator(address operator) private view {
        if (msg.sender != operator && msg.sender != _operatorRegistry.delegateOf(operator)) {
            revert CallerNotPlayer(msg.sender, operator);
        }
    }

    function _checkAnswer(
        bytes32 disputeId,
        Dispute storage dispute,
        Request calldata request,
        Answer calldata answer
    ) private view returns (bytes32 requestId) {
        bytes32 answerId;
        (requestId, answerId) = _identify(request, answer);
        if (answerId != dispute.answerId) revert AnswerNotDisputed(disputeId, dispute.answerId, answerId);
    }

    /// @dev Stops the mover's clock and starts the next player's. Each has `moveTime` at least, so that the last seconds of a
    /// clock can't be spent on being censored; a game has at most `MAX_MOVES` moves, so this is bounded.
    function _move(Dispute storage dispute, Turn next, bool passes) private {
        (uint256 deadline, uint256 left) = Clocks.moved(
            block.timestamp,
            dispute.deadline,
            dispute.otherClock,
            _moveTime,
            passes
        );
        dispute.turn = next;
        dispute.deadline = uint64(deadline);
        dispute.otherClock = uint32(left);
    }

    function _target(
        Dispute storage dispute,
        Request calldata request,
        Answer calldata answer
    ) private view returns (Defence.Target memory target) {
        target.outputRoot = answer.outputRoot;
        target.tensor = dispute.tensor;
        target.element = dispute.element;
        (target.programRoot, , , target.deltaAbsolute, target.deltaRelative) = modelRegistry.rulesOf(
            request.params.modelId,
            dispute.tensor
        );
    }

    /// @return Whether the element is the number of a choice, and the posted one is as good as the canonical one.
    function _isNearTie(
        Dispute storage dispute,
        Request calldata request,
        Defence.Target memory target,
        Defence.Found memory found,
        bytes calldata proof
    ) private view returns (bool) {
        if (proof.length == 0 || !found.choosable) return false;
        StepClaim memory claim = _claim(dispute, request, found.word % 64);
        claim.leaf = uint32(found.word / 64);
        Choice memory choice = Choice(found.posted, found.canonical, target.deltaAbsolute, target.deltaRelative);
        return stepVerifier.isNearTie(claim, choice, proof);
    }

    /// @dev INVARIANT: an operator has one trace for an answer, whoever disputes it.
    function _fixTrace(bytes32 answerId, uint32 leafCount, bytes32 top) private returns (bytes32 root, bool first) {
        root = Defence.traceRoot(leafCount, top);
        Trace storage trace = _traces[answerId];
        first = trace.top == 0;
        if (first) {
            trace.top = top;
            trace.leafCount = leafCount;
        } else if (trace.top != top) {
            // The number of leaves is the program's.
            revert TraceRootFixed(answerId, Defence.traceRoot(leafCount, trace.top), root);
        }
    }

    /// @dev Shows what lies below the disputed node, to every dispute on the answer.
    function _reveal(bytes32 disputeId, Dispute storage dispute, bytes calldata children) private {
        (uint8 height, uint32 position) = (dispute.height, dispute.position);
        bytes32 node = Descent.nodeOf(children, height, position, _traces[dispute.answerId].leafCount);
        // INVARIANT: nothing hashes to zero, but an operator may commit to it: nobody could descend below a node that was shown as nothing.
        if (node == 0 || node != dispute.node) revert RevealInvalid(dispute.node, node);
        emit Revealed(disputeId, dispute.answerId, height, position, children, dispute.deadline);
    }

    /// @return word A word of the disputed leaf, which `leaf` is proven to be.
    function _wordOf(Dispute storage dispute, bytes calldata leaf, uint256 word) private view returns (uint256) {
        if (dispute.height != 0 || word >= 64 || leaf.length != TraceTree.LEAF_BYTES) revert OpeningInvalid();
        if (TraceTree.leafHash(leaf) != dispute.node) revert OpeningInvalid();
        return Defence.wordAt(leaf, word);
    }

    /// @dev What was shown follows from nothing but the answer, the word and the way to the segment, so all disputes share it.
    function _sumsKey(Dispute storage dispute) private view returns (uint256) {
        return Segments.keyOf(dispute.position, dispute.word, dispute.path);
    }

    function _checkSums(Dispute storage dispute, bytes calldata states) private view {
        if (keccak256(states) != _sums[dispute.answerId][_sumsKey(dispute)]) revert OpeningInvalid();
    }

    function _claim(
        Dispute storage dispute,
        Request calldata request,
        uint256 word
    ) private view returns (StepClaim memory) {
        Trace storage trace = _traces[dispute.answerId];
        (bytes32 programRoot, bytes32 weightRoot, , , ) = modelRegistry.rulesOf(request.params.modelId, dispute.tensor);
        return
            StepClaim({
                programRoot: programRoot,
                weightRoot: weightRoot,
                inputRoot: request.inputRoot,
                traceTop: trace.top,
                traceLeaves: trace.leafCount,
                leaf: dispute.position,
                word: uint8(word)
            });
    }

    // ---------------------------------------------------------------------------------------------------- closing

    /// @param equal Whether the EVM computed what the operator says.
    function _stepped(
        bytes32 disputeId,
        Dispute storage dispute,
        bytes32 requestId,
        Request calldata request,
        Answer calldata answer,
        bool equal
    ) private {
        if (equal) _acquit(disputeId, dispute, requestId, request, answer, Outcome.STEP_EQUAL);
        else _convict(disputeId, dispute, requestId, request, answer, Outcome.STEP_DIFFERENT);
    }

    function _acquit(
        bytes32 disputeId,
        Dispute storage dispute,
        bytes32 requestId,
        Request calldata request,
        Answer calldata answer,
        Outcome outcome
    ) private {
        dispute.turn = Turn.CLOSED;
        uint256 burned = Shares.part(_challengerBond, _burnBps);
        // INVARIANT: a verdict moves no token: it must not fail while the token can't move.
        _owed[answer.operator] += _challengerBond - burned;
        _owed[BURNED] += burned;
        uint64 graceUntil = _graceAfter(dispute.answerId, answer.submittedAt + request.params.challengeWindow);
        emit Closed(disputeId, requestId, false, outcome);
        coordinator.uphold(request, answer, graceUntil);
    }

    /// @dev INVARIANT: no grace ends later than `maxGrace` past the window, however many disputes there are.
    function _graceAfter(bytes32 answerId, uint64 windowEnd) private returns (uint64 until) {
        Trace storage trace = _traces[answerId];
        until = uint64(Clocks.graceUntil(block.timestamp, windowEnd, trace.graceUntil, _grace, _maxGrace));
        trace.graceUntil = until;
    }

    /// @dev What the challenger gets is paid as to every other dispute on the answer (`closeVoided`, `Claims`): how many share isn't known
    /// yet.
    function _convict(
        bytes32 disputeId,
        Dispute storage dispute,
        bytes32 requestId,
        Request calldata request,
        Answer calldata answer,
        Outcome outcome
    ) private {
        dispute.turn = Turn.VOIDED;
        _owed[dispute.challenger] += _challengerBond;
        emit Closed(disputeId, requestId, true, outcome);
        _takeAnswer(requestId, dispute.answerId, request, answer, request.params.bond, true);
    }

    /// @param pooled Whether a part of the penalty is divided among those who had a dispute, a demand or a commitment.
    function _takeAnswer(
        bytes32 requestId,
        bytes32 answerId,
        Request calldata request,
        Answer calldata answer,
        uint256 penalty,
        bool pooled
    ) private {
        uint256 reward = pooled ? Shares.pool(request.params.bond) : 0;
        Trace storage trace = _traces[answerId];
        trace.voidedAt = uint48(block.timestamp);
        trace.pooled = pooled;
        trace.openAtVoid = coordinator.void(request, answer, uint128(penalty), uint128(reward), address(claims));
        emit AnswerTaken(requestId, answerId, uint128(penalty), pooled);
    }
}

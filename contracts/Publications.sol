// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IInferenceCoordinator} from "./interfaces/IInferenceCoordinator.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "./interfaces/IOperatorRegistry.sol";
import {Bundle, ChunkOpening, Demand, IPublications, PublicationParameters} from "./interfaces/IPublications.sol";
import {Chunks} from "./libraries/Chunks.sol";
import {Clocks} from "./libraries/Clocks.sol";
import {Escrow} from "./libraries/Escrow.sol";
import {ProgramHeader} from "./libraries/ProgramHeader.sol";
import {Answer, Request, RequestLib, Transport} from "./libraries/RequestLib.sol";

/// @title Bytes are evidence: whoever is accused must not be able to hide them
contract Publications is IPublications, ReentrancyGuardTransient {
    using SafeCast for uint256;

    /// @dev of one demand, as it is kept.
    struct State {
        address demander;
        uint64 deadline;
        uint16 chunks;
        uint16 published;
        uint96 escrow;
        uint96 drawn;
        /// @dev What publishing everything takes at most.
        uint56 gasNeeded;
        bool collected;
    }

    uint256 private constant MAX_OUTPUT_BYTES = 2 ** 20;
    uint256 private constant MAX_INPUT_BYTES = 2 ** 22;
    /// @dev A bundle has at most 32 tensors, and each may leave its last chunk partly empty.
    uint256 private constant MAX_CHUNKS = (MAX_OUTPUT_BYTES + MAX_INPUT_BYTES) / Chunks.BYTES + 2 * 31;

    IInferenceCoordinator private immutable COORDINATOR;
    IModelRegistry private immutable MODEL_REGISTRY;
    IOperatorRegistry private immutable OPERATOR_REGISTRY;
    uint32 private immutable BASE_TIME;
    uint32 private immutable CHUNK_TIME;
    uint32 private immutable GAS_PER_BYTE;

    mapping(bytes32 answerId => mapping(Bundle => State)) private _demands;
    /// @dev A published input stays known when its request reopens.
    mapping(bytes32 requestId => bool) private _inputPublished;
    mapping(address account => uint256) private _owed;

    constructor(
        IInferenceCoordinator coordinator_,
        IModelRegistry modelRegistry_,
        PublicationParameters memory parameters_
    ) {
        if (parameters_.baseTime == 0 || parameters_.chunkTime == 0 || parameters_.gasPerByte == 0) {
            revert ParametersInvalid(parameters_);
        }
        COORDINATOR = coordinator_;
        MODEL_REGISTRY = modelRegistry_;
        OPERATOR_REGISTRY = IOperatorRegistry(coordinator_.operatorRegistry());
        BASE_TIME = parameters_.baseTime;
        CHUNK_TIME = parameters_.chunkTime;
        GAS_PER_BYTE = parameters_.gasPerByte;
    }

    // ------------------------------------------------------------------------------------------------------ anyone

    /// @inheritdoc IPublications
    function demand(Request calldata request, Answer calldata answer, Bundle bundle) external payable nonReentrant {
        (bytes32 requestId, bytes32 answerId) = _identify(request, answer);
        bool hidden =
            bundle == Bundle.OUTPUT
                ? request.params.transport == Transport.ON_DEMAND
                : request.origin.inputByURI() && !_inputPublished[requestId];
        if (!hidden) revert NothingToDemand(requestId, bundle);
        State storage state = _demands[answerId][bundle];
        if (state.demander != address(0)) revert DemandedBefore(requestId, bundle);
        uint64 until = disputeGame().challengeableUntil(request, answer);
        if (block.timestamp >= until) revert DemandTooLate(requestId, until);
        (uint256 size, uint256 chunks) = _sizeOf(request.params.modelId, bundle);
        uint256 gasNeeded = Escrow.gasFor(size, chunks, GAS_PER_BYTE);
        uint256 minimum = Escrow.minimum(gasNeeded, block.basefee);
        if (msg.value < minimum) revert EscrowTooSmall(msg.value, minimum);

        uint64 deadline = uint64(block.timestamp + Clocks.publication(BASE_TIME, CHUNK_TIME, chunks));
        (state.demander, state.deadline, state.chunks) = (msg.sender, deadline, uint16(chunks));
        (state.escrow, state.gasNeeded) = (msg.value.toUint96(), uint56(gasNeeded));
        emit Demanded(
            requestId,
            answerId,
            bundle,
            answer.operator,
            msg.sender,
            uint16(chunks),
            uint128(msg.value),
            deadline
        );
        disputeGame().openDemand(request, answer);
    }

    /// @inheritdoc IPublications
    function raiseEscrow(Request calldata request, Answer calldata answer, Bundle bundle) external payable {
        (bytes32 requestId, bytes32 answerId, State storage state) = _load(request, answer, bundle);
        if (state.collected) revert NotDemanded(requestId, bundle);
        uint96 escrow = (state.escrow + msg.value).toUint96();
        state.escrow = escrow;
        emit EscrowRaised(requestId, answerId, bundle, escrow);
    }

    /// @inheritdoc IPublications
    function timeout(Request calldata request, Answer calldata answer, Bundle bundle) external nonReentrant {
        (bytes32 requestId, bytes32 answerId, State storage state) = _load(request, answer, bundle);
        if (state.published == state.chunks) revert NotDemanded(requestId, bundle);
        if (block.timestamp < state.deadline) revert PublicationStillRunning(requestId, state.deadline);
        uint256 covered = Escrow.covered(state.escrow, state.gasNeeded);
        if (block.basefee > covered) revert BaseFeeAboveEscrow(block.basefee, covered);
        emit Unpublished(requestId, answerId, bundle, state.published, state.chunks);
        disputeGame().convictUnpublished(request, answer);
    }

    /// @inheritdoc IPublications
    function collect(Request calldata request, Answer calldata answer, Bundle bundle) external nonReentrant {
        (bytes32 requestId, bytes32 answerId, State storage state) = _load(request, answer, bundle);
        if (state.collected) revert NotDemanded(requestId, bundle);
        state.collected = true;
        (bool isFinal, ) = COORDINATOR.isFinal(requestId, answer);
        if (!isFinal) {
            (uint256 voidedAt, , ) = disputeGame().voidOf(answerId);
            if (voidedAt == 0) revert AnswerNotOver(requestId);
        }
        uint256 toOperator = isFinal ? state.drawn : 0;
        _owed[answer.operator] += toOperator;
        uint256 toDemander = state.escrow - toOperator;
        _owed[state.demander] += toDemander;
        emit Collected(requestId, answerId, bundle, toOperator, toDemander);
    }

    /// @inheritdoc IPublications
    function withdraw(address account) external nonReentrant returns (uint256 amount) {
        amount = _owed[account];
        if (amount == 0) revert NothingOwed(account);
        _owed[account] = 0;
        emit Withdrawn(account, amount);
        Address.sendValue(payable(account), amount);
    }

    // ---------------------------------------------------------------------------------------------------- operator

    /// @inheritdoc IPublications
    function publish(
        Request calldata request,
        Answer calldata answer,
        Bundle bundle,
        uint256 chunk,
        ChunkOpening calldata opening,
        bytes calldata data
    ) external nonReentrant {
        _checkPublisher(answer.operator);
        (bytes32 requestId, bytes32 answerId, State storage state) = _load(request, answer, bundle);
        if (chunk < state.published) return;
        _checkNext(requestId, state, bundle, chunk);
        _checkChunk(request, answer, bundle, chunk, opening, data);
        _count(state);
        emit Published(requestId, answerId, bundle, uint16(chunk), state.chunks, data);
        if (state.published < state.chunks) return;
        if (bundle == Bundle.INPUT) _inputPublished[requestId] = true;
        disputeGame().closeDemand(request, answer);
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IPublications
    function checkPublishable(bytes32 modelId, Transport transport, bool inputByURI) external view {
        (uint256 inputBytes, , uint256 outputBytes, , bool adjudicable) = MODEL_REGISTRY.sizesOf(modelId);
        if (transport == Transport.ON_DEMAND) {
            if (!adjudicable) revert ModelNotAdjudicable(modelId);
            if (outputBytes > MAX_OUTPUT_BYTES) {
                revert NotPublishable(modelId, Bundle.OUTPUT, outputBytes, MAX_OUTPUT_BYTES);
            }
        }
        // Nobody can challenge the answers of other models, whatever their inputs are.
        if (inputByURI && adjudicable && inputBytes > MAX_INPUT_BYTES) {
            revert NotPublishable(modelId, Bundle.INPUT, inputBytes, MAX_INPUT_BYTES);
        }
    }

    /// @inheritdoc IPublications
    function quote(bytes32 modelId, Bundle bundle) external view returns (uint256 escrow) {
        (uint256 size, uint256 chunks) = _sizeOf(modelId, bundle);
        return Escrow.minimum(Escrow.gasFor(size, chunks, GAS_PER_BYTE), block.basefee);
    }

    /// @inheritdoc IPublications
    function demandOf(
        Request calldata request,
        Answer calldata answer,
        Bundle bundle
    ) external view returns (Demand memory) {
        (, bytes32 answerId) = _identify(request, answer);
        State storage state = _demands[answerId][bundle];
        return
            Demand({
                demander: state.demander,
                deadline: state.deadline,
                chunks: state.chunks,
                published: state.published,
                collected: state.collected,
                escrow: state.escrow,
                drawn: state.drawn
            });
    }

    /// @inheritdoc IPublications
    function owed(address account) external view returns (uint256) {
        return _owed[account];
    }

    /// @inheritdoc IPublications
    function maxDuration() external view returns (uint32) {
        return Clocks.publications(BASE_TIME, CHUNK_TIME, MAX_CHUNKS).toUint32();
    }

    /// @inheritdoc IPublications
    function parameters() external view returns (PublicationParameters memory) {
        return PublicationParameters({baseTime: BASE_TIME, chunkTime: CHUNK_TIME, gasPerByte: GAS_PER_BYTE});
    }

    /// @inheritdoc IPublications
    function disputeGame() public view returns (IDisputeGame) {
        return IDisputeGame(COORDINATOR.disputeGame());
    }

    // ------------------------------------------------------------------------------------------------------ inside

    function _identify(
        Request calldata request,
        Answer calldata answer
    ) private view returns (bytes32 requestId, bytes32 answerId) {
        requestId = COORDINATOR.requestIdOf(request);
        answerId = RequestLib.digest(requestId, answer);
    }

    function _load(
        Request calldata request,
        Answer calldata answer,
        Bundle bundle
    ) private view returns (bytes32 requestId, bytes32 answerId, State storage state) {
        (requestId, answerId) = _identify(request, answer);
        state = _demands[answerId][bundle];
        if (state.demander == address(0)) revert NotDemanded(requestId, bundle);
    }

    function _sizeOf(bytes32 modelId, Bundle bundle) private view returns (uint256 size, uint256 chunks) {
        bool adjudicable;
        uint256 outputBytes;
        uint256 outputChunks;
        (size, chunks, outputBytes, outputChunks, adjudicable) = MODEL_REGISTRY.sizesOf(modelId);
        if (!adjudicable) revert ModelNotAdjudicable(modelId);
        if (bundle == Bundle.OUTPUT) (size, chunks) = (outputBytes, outputChunks);
    }

    function _checkPublisher(address operator) private view {
        if (msg.sender != operator && msg.sender != OPERATOR_REGISTRY.delegateOf(operator)) {
            revert CallerNotPublisher(msg.sender, operator);
        }
    }

    function _checkNext(bytes32 requestId, State storage state, Bundle bundle, uint256 chunk) private view {
        uint256 expected = state.published;
        if (chunk > expected) revert ChunkOutOfOrder(expected, chunk);
        if (expected == state.chunks) revert NotDemanded(requestId, bundle);
        if (block.timestamp >= state.deadline) revert PublicationTooLate(requestId, state.deadline);
    }

    function _count(State storage state) private {
        // SAFETY: half of the escrow at most, over all chunks.
        state.drawn += uint96(Escrow.drawn(state.escrow, state.gasNeeded, state.chunks, tx.gasprice));
        ++state.published;
    }

    function _checkChunk(
        Request calldata request,
        Answer calldata answer,
        Bundle bundle,
        uint256 chunk,
        ChunkOpening calldata opening,
        bytes calldata data
    ) private view {
        (bytes32 programRoot, , , , ) = MODEL_REGISTRY.rulesOf(request.params.modelId, 0);
        ProgramHeader.check(programRoot, opening.instructionsTop, opening.header);
        bytes32 root = bundle == Bundle.OUTPUT ? answer.outputRoot : request.inputRoot;
        Chunks.check(root, bundle == Bundle.OUTPUT, chunk, opening, data);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Answer, Request, Transport} from "../libraries/RequestLib.sol";
import {IDisputeGame} from "./IDisputeGame.sol";

/// @notice Whose bytes are demanded.
enum Bundle {
    OUTPUT, // the answer's, where the request's transport is `ON_DEMAND`
    INPUT // the request's, where they are at a URI: who answered an input vouches for having read it
}

/// @notice What publishing takes and costs; fixed at deployment.
struct PublicationParameters {
    /// @dev Seconds that the operator has for a publication, whatever its size.
    uint32 baseTime;
    /// @dev Seconds that it has besides for each chunk.
    uint32 chunkTime;
    /// @dev What a byte of calldata costs at most, in gas: what the escrow is computed with.
    uint32 gasPerByte;
}

/// @notice One demand for the bytes of one bundle.
struct Demand {
    /// @dev Zero: none was made.
    address demander;
    /// @dev Unix time, seconds, until which (exclusive) the operator may publish.
    uint64 deadline;
    /// @dev Chunks in all, and how many of them have been published.
    uint16 chunks;
    uint16 published;
    /// @dev Whether `collect` has paid.
    bool collected;
    /// @dev Escrowed, in wei, and the part of it that the operator has drawn so far.
    uint128 escrow;
    uint128 drawn;
}

/// @notice Where a chunk lies in its bundle's tree.
struct ChunkOpening {
    /// @dev The program's header and the top of its instructions' tree (docs/canonical.md §6): types and shapes of all tensors.
    bytes header;
    bytes32 instructionsTop;
    /// @dev Roots of all of the bundle's tensors, and the top of the tree over the chunk's one.
    bytes32[] tensorRoots;
    bytes32 tensorTop;
    /// @dev From the chunk up to the tensor's top, lowest first.
    bytes32[] siblings;
}

/// @title Bytes are evidence: whoever is accused must not be able to hide them
/// @notice Once for each bundle of an answer, anybody may demand that its operator publish the bytes on chain. What isn't published in
/// time convicts; while it is published the answer is suspended, and afterwards it is open to challenge again.
interface IPublications {
    event Demanded(
        bytes32 indexed requestId,
        bytes32 indexed answerId,
        Bundle indexed bundle,
        address operator,
        address demander,
        uint16 chunks,
        uint128 escrow,
        uint64 deadline
    );
    event EscrowRaised(bytes32 indexed requestId, bytes32 indexed answerId, Bundle indexed bundle, uint128 escrow);
    /// @dev Names the answer: the bytes of one that was taken away must not pass for another's.
    /// @param data The chunk's bytes: elements of one tensor.
    event Published(
        bytes32 indexed requestId,
        bytes32 indexed answerId,
        Bundle indexed bundle,
        uint16 chunk,
        uint16 chunks,
        bytes data
    );
    event Unpublished(
        bytes32 indexed requestId,
        bytes32 indexed answerId,
        Bundle indexed bundle,
        uint16 published,
        uint16 chunks
    );
    event Collected(
        bytes32 indexed requestId,
        bytes32 indexed answerId,
        Bundle indexed bundle,
        uint256 toOperator,
        uint256 toDemander
    );
    event Withdrawn(address indexed account, uint256 amount);

    error ParametersInvalid(PublicationParameters parameters);
    error NotPublishable(bytes32 modelId, Bundle bundle, uint256 size, uint256 maximum);
    error ModelNotAdjudicable(bytes32 modelId);
    /// @dev These bytes are on chain already, in the request or in the answer, or have been published.
    error NothingToDemand(bytes32 requestId, Bundle bundle);
    error DemandedBefore(bytes32 requestId, Bundle bundle);
    error DemandTooLate(bytes32 requestId, uint256 until);
    error NotDemanded(bytes32 requestId, Bundle bundle);
    error EscrowTooSmall(uint256 escrow, uint256 minimum);
    error CallerNotPublisher(address caller, address operator);
    error PublicationTooLate(bytes32 requestId, uint256 deadline);
    error PublicationStillRunning(bytes32 requestId, uint256 deadline);
    /// @dev Publishing costs more in this block than the escrow covers, so the operator must not be convicted in it.
    error BaseFeeAboveEscrow(uint256 baseFee, uint256 covered);
    error ChunkOutOfOrder(uint256 expected, uint256 actual);
    error ChunkInvalid(bytes32 expected, bytes32 actual);
    error ChunkLength(uint256 expected, uint256 actual);
    error AnswerNotOver(bytes32 requestId);
    error NothingOwed(address account);

    /// @notice Demands an answer's bytes or its input's; the answer is suspended until they are published. The value sent is escrowed.
    /// @dev Inside the challenge window or its grace, and before the answer is taken away. Once for each bundle, whoever asks: a second
    /// demand would only show what is on chain.
    function demand(Request calldata request, Answer calldata answer, Bundle bundle) external payable;

    /// @notice Adds to an escrow: the operator can't be convicted in blocks whose base fee it doesn't cover. Anyone may.
    function raiseEscrow(Request calldata request, Answer calldata answer, Bundle bundle) external payable;

    /// @notice Publishes the next chunk of what was demanded. For the operator and its delegate: a copy by somebody else would make the
    /// original pay for nothing. Does nothing where the chunk was published before.
    /// @param data The chunk's bytes, 65,536 of them but in a tensor's last chunk.
    function publish(
        Request calldata request,
        Answer calldata answer,
        Bundle bundle,
        uint256 chunk,
        ChunkOpening calldata opening,
        bytes calldata data
    ) external;

    /// @notice Convicts an operator that has not published in time; the demander is a claimant (`IClaims`). Anyone may call.
    function timeout(Request calldata request, Answer calldata answer, Bundle bundle) external;

    /// @notice Divides the escrow once the answer is final or taken away. Of a final one the operator gets half of what publishing cost
    /// it; the demander gets the rest. Anyone may call.
    function collect(Request calldata request, Answer calldata answer, Bundle bundle) external;

    /// @notice Pays an account what it is owed, in ETH. Anyone may call.
    function withdraw(address account) external returns (uint256 amount);

    /// @dev Coordinator's check of new requests: reverts where bytes that may have to be published are too many, or where nobody could
    /// challenge them.
    function checkPublishable(bytes32 modelId, Transport transport, bool inputByURI) external view;

    /// @return escrow What a demand has to escrow at the present base fee, in wei.
    function quote(bytes32 modelId, Bundle bundle) external view returns (uint256 escrow);
    function demandOf(
        Request calldata request,
        Answer calldata answer,
        Bundle bundle
    ) external view returns (Demand memory);
    function owed(address account) external view returns (uint256);
    /// @return Seconds that the longest publications of an answer and of its input take together.
    function maxDuration() external view returns (uint32);
    function parameters() external view returns (PublicationParameters memory);
    function disputeGame() external view returns (IDisputeGame);
}

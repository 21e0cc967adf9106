// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IInferenceCoordinator, Status} from "../interfaces/IInferenceCoordinator.sol";
import {Answer, Request, RequestParams, Transport} from "../libraries/RequestLib.sol";
import {TensorLib} from "../libraries/TensorLib.sol";
import {TraceTree} from "../libraries/TraceTree.sol";

/// @notice Where the vault trades.
interface IExchange {
    /// @dev Takes `amountIn` of `tokenIn` from the caller, who has approved it.
    /// @return amountOut What the caller got of `tokenOut`, at least `minimumOut`.
    function swap(
        address tokenIn,
        address tokenOut,
        uint256 amountIn,
        uint256 minimumOut
    ) external returns (uint256 amountOut);
}

/// @title Holds two tokens in the proportion that a model asks for, and trades on final answers only
/// @dev Asks without a callback and pulls: whoever settles brings the answer and its bytes, the coordinator says whether
/// it is final, the root says whether the bytes are the answer's. An answer that was submitted, but may still be
/// challenged, moves nothing. The model's first output is one float32: the part of `BASE` in [0, 1]. A final answer that
/// is anything else moves nothing either: the vault is free to ask again, as it is however a request ends.
contract TradingVault {
    using SafeERC20 for IERC20;

    /// @notice Seconds from a request in which a final answer can't be abandoned: its bytes may still turn up.
    uint256 public constant PATIENCE = 30 days;

    IInferenceCoordinator public immutable COORDINATOR;
    IExchange public immutable EXCHANGE;
    IERC20 public immutable BASE;
    IERC20 public immutable QUOTE;
    bytes32 public immutable MODEL_ID;
    /// @notice May deposit, ask, and say at which price a trade is acceptable.
    address public immutable MANAGER;

    /// @notice The request that the vault waits for; zero where it waits for none.
    bytes32 public pending;

    event Asked(bytes32 indexed requestId);
    event Abandoned(bytes32 indexed requestId, Status status);
    /// @dev The final answer names no part of the holdings.
    event Ignored(bytes32 indexed requestId);
    event Rebalanced(bytes32 indexed requestId, uint256 partWad, bool boughtBase, uint256 amountIn, uint256 amountOut);

    error CallerNotManager(address caller);
    error RequestPending(bytes32 requestId);
    error RequestNotPending(bytes32 requestId);
    error AnswerNotFinal(bytes32 requestId);
    error OutputNotTheAnswers(bytes32 expectedRoot, bytes32 actualRoot);
    error RequestNotOver(bytes32 requestId, Status status);
    error AnswerNotYetAbandoned(bytes32 requestId, uint256 from);

    modifier onlyManager() {
        if (msg.sender != MANAGER) revert CallerNotManager(msg.sender);
        _;
    }

    constructor(
        IInferenceCoordinator coordinator_,
        IExchange exchange_,
        IERC20 base_,
        IERC20 quote_,
        bytes32 modelId_
    ) {
        (COORDINATOR, EXCHANGE, BASE, QUOTE, MODEL_ID) = (coordinator_, exchange_, base_, quote_, modelId_);
        MANAGER = msg.sender;
    }

    /// @notice Asks the model. The fee is paid in ETH and sent along.
    /// @param bond Stake behind the answer: what lying about it must cost, so no less than what the vault could lose by it.
    /// @param challengeWindow Seconds that others have to object: the vault can wait.
    /// @param market The model's input tensors.
    function ask(
        uint128 bond,
        uint32 submitPeriod,
        uint32 challengeWindow,
        bytes calldata market
    ) external payable onlyManager returns (bytes32 requestId) {
        if (pending != 0) revert RequestPending(pending);
        RequestParams memory params = RequestParams({
            modelId: MODEL_ID,
            feeToken: address(0),
            fee: uint128(msg.value),
            bond: bond,
            submitPeriod: submitPeriod,
            challengeWindow: challengeWindow,
            callbackGasLimit: 0,
            transport: Transport.INLINE
        });
        requestId = COORDINATOR.request{value: msg.value}(params, market);
        pending = requestId;
        emit Asked(requestId);
    }

    /// @notice Trades towards the final answer of the pending request; ignores one that names no part.
    /// @param answer The answer as it was submitted. @param output Its tensors.
    /// @param priceWad Quote per base in units of 1e-18: what the two holdings are weighed with.
    /// @param minimumOut The least that the trade may bring, in the smallest unit of what is bought.
    function settle(
        Answer calldata answer,
        bytes calldata output,
        uint256 priceWad,
        uint256 minimumOut
    ) external onlyManager {
        bytes32 requestId = pending;
        if (requestId == 0) revert RequestNotPending(requestId);
        (bool isFinal, ) = COORDINATOR.isFinal(requestId, answer);
        if (!isFinal) revert AnswerNotFinal(requestId);
        bytes32 root = TraceTree.bundleRoot(output);
        if (root != answer.outputRoot) revert OutputNotTheAnswers(answer.outputRoot, root);

        pending = 0;
        (bool named, uint256 part) = _partOf(output);
        if (named) _rebalance(requestId, part, priceWad, minimumOut);
        else emit Ignored(requestId);
    }

    /// @notice Gives up the pending request where there is nothing to settle: it was refunded, or can be (which this does), or
    /// nobody has brought the bytes of its final answer for a long time.
    /// @param answer The answer, if there is one; else zeros.
    function abandon(Request calldata request, Answer calldata answer) external onlyManager {
        bytes32 requestId = COORDINATOR.requestIdOf(request);
        if (requestId == 0 || requestId != pending) revert RequestNotPending(requestId);
        Status status = COORDINATOR.statusOf(request, answer);
        if (status == Status.FINALIZED) {
            uint256 from = request.origin.requestedAt() + PATIENCE;
            if (block.timestamp < from) revert AnswerNotYetAbandoned(requestId, from);
        } else if (status != Status.EXPIRED && status != Status.REFUNDED) {
            revert RequestNotOver(requestId, status);
        }
        pending = 0;
        emit Abandoned(requestId, status);
        if (status == Status.EXPIRED) COORDINATOR.refund(request);
    }

    /// @notice Takes the fees of refunded requests out of the coordinator.
    function withdrawOwed(address to) external onlyManager returns (uint256 amount) {
        amount = COORDINATOR.withdraw(address(0), to);
    }

    function withdraw(IERC20 token, uint256 amount) external onlyManager {
        token.safeTransfer(MANAGER, amount);
    }

    /// @dev Never reverts on a bundle, whatever is in it: what is final stays as it is, and so would a revert.
    /// @return named Whether the first output is one float32 in [0, 1].
    /// @return part It, in units of 1e-18.
    function _partOf(bytes calldata output) private pure returns (bool named, uint256 part) {
        if (TensorLib.tensorCount(output) == 0) return (false, 0);
        (uint256 dtype, , bytes calldata data) = TensorLib.tensorAt(output, 0);
        if (dtype != TensorLib.FLOAT32 || data.length != 4) return (false, 0);
        uint256 bits = TensorLib.littleEndian(data, 0, 4);
        if ((bits >> 23) & 0xff == 0xff) return (false, 0); // NaN and infinities
        int256 wad = TensorLib.toWad(bits);
        if (wad < 0 || wad > 1e18) return (false, 0);
        return (true, uint256(wad));
    }

    function _rebalance(bytes32 requestId, uint256 partWad, uint256 priceWad, uint256 minimumOut) private {
        uint256 base = BASE.balanceOf(address(this));
        uint256 baseValue = (base * priceWad) / 1e18;
        uint256 wanted = ((baseValue + QUOTE.balanceOf(address(this))) * partWad) / 1e18;
        bool buys = wanted > baseValue;
        uint256 amountIn = buys ? wanted - baseValue : ((baseValue - wanted) * 1e18) / priceWad;
        uint256 amountOut = 0;
        if (amountIn != 0) {
            (IERC20 tokenIn, IERC20 tokenOut) = buys ? (QUOTE, BASE) : (BASE, QUOTE);
            tokenIn.forceApprove(address(EXCHANGE), amountIn);
            amountOut = EXCHANGE.swap(address(tokenIn), address(tokenOut), amountIn, minimumOut);
        }
        emit Rebalanced(requestId, partWad, buys, amountIn, amountOut);
    }
}

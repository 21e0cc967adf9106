// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IInferenceCoordinator} from "../interfaces/IInferenceCoordinator.sol";
import {Answer, RequestParams} from "../libraries/RequestLib.sol";
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
/// challenged, moves nothing. The model's first output is one float32: the part of `BASE` in [0, 1].
contract TradingVault {
    using SafeERC20 for IERC20;

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
    event Abandoned(bytes32 indexed requestId);
    event Rebalanced(bytes32 indexed requestId, uint256 partWad, bool boughtBase, uint256 amountIn, uint256 amountOut);

    error CallerNotManager(address caller);
    error RequestPending(bytes32 requestId);
    error RequestNotPending(bytes32 requestId);
    error AnswerNotFinal(bytes32 requestId);
    error OutputNotTheAnswers(bytes32 expectedRoot, bytes32 actualRoot);
    error PartOutOfRange(int256 partWad);

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
            callbackGasLimit: 0
        });
        requestId = COORDINATOR.request{value: msg.value}(params, market);
        pending = requestId;
        emit Asked(requestId);
    }

    /// @notice Trades towards the final answer of the pending request.
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
        int256 part = TensorLib.float32Wads(output, 0)[0];
        if (part < 0 || part > 1e18) revert PartOutOfRange(part);

        pending = 0;
        _rebalance(requestId, uint256(part), priceWad, minimumOut);
    }

    /// @notice Gives up a request that was refunded; the fee goes to the manager.
    function abandon() external onlyManager {
        bytes32 requestId = pending;
        if (COORDINATOR.owed(address(this), address(0)) == 0) revert RequestPending(requestId);
        pending = 0;
        emit Abandoned(requestId);
        COORDINATOR.withdraw(address(0), MANAGER);
    }

    function withdraw(IERC20 token, uint256 amount) external onlyManager {
        token.safeTransfer(MANAGER, amount);
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

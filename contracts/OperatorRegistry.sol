// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {CoordinatorBound} from "./CoordinatorBound.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "./interfaces/IOperatorRegistry.sol";
import {Shares} from "./libraries/Shares.sol";

/// @title Operators: stake, unbonding, slashing, endpoint and served models
contract OperatorRegistry is IOperatorRegistry, CoordinatorBound, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @dev Where burned stake goes: works with every ERC-20, and nobody has the key.
    address public constant BURN_ADDRESS = 0x000000000000000000000000000000000000dEaD;
    uint256 public constant MAX_ENDPOINT_LENGTH = 2_048;

    struct Account {
        uint128 stake;
        uint128 unbonding;
        uint64 unbondsAt;
        bool registered;
        string endpoint;
    }

    IERC20 private immutable STAKE_TOKEN;
    IModelRegistry private immutable MODEL_REGISTRY;
    uint32 private immutable UNBONDING_PERIOD;
    uint32 private immutable DISPUTE_BOUND;

    mapping(address operator => Account) private _accounts;
    mapping(address challenger => uint256) private _rewards;

    /// @param stakeToken_ A plain ERC-20 that this deployment trusts (no fees, no hooks, no rebasing).
    /// @param unbondingPeriod_ Seconds.
    /// @param disputeBound_ Seconds that a dispute and its grace can add to a challenge window at most.
    constructor(
        address authority_,
        address stakeToken_,
        address modelRegistry_,
        uint32 unbondingPeriod_,
        uint32 disputeBound_
    ) AccessManaged(authority_) {
        if (stakeToken_.code.length == 0) revert CoordinatorWithoutCode(stakeToken_);
        if (modelRegistry_.code.length == 0) revert CoordinatorWithoutCode(modelRegistry_);
        if (unbondingPeriod_ <= disputeBound_) revert UnbondingTooShort(unbondingPeriod_, uint256(disputeBound_) + 1);
        STAKE_TOKEN = IERC20(stakeToken_);
        MODEL_REGISTRY = IModelRegistry(modelRegistry_);
        UNBONDING_PERIOD = unbondingPeriod_;
        DISPUTE_BOUND = disputeBound_;
    }

    modifier onlyRegistered() {
        if (!_accounts[msg.sender].registered) revert OperatorNotRegistered(msg.sender);
        _;
    }

    /// @inheritdoc IOperatorRegistry
    function register(string calldata endpoint) external whileIdle {
        uint256 length = bytes(endpoint).length;
        if (length > MAX_ENDPOINT_LENGTH) revert OperatorTextTooLong(length, MAX_ENDPOINT_LENGTH);
        Account storage account = _accounts[msg.sender];
        account.registered = true;
        account.endpoint = endpoint;
        emit Registered(msg.sender, endpoint);
    }

    /// @inheritdoc IOperatorRegistry
    function setServedModels(bytes32[] calldata modelIds, bool served) external whileIdle onlyRegistered {
        for (uint256 i = 0; i < modelIds.length; ++i) {
            if (served && !MODEL_REGISTRY.isRegistered(modelIds[i])) revert OperatorModelUnknown(modelIds[i]);
            emit ServedModelSet(msg.sender, modelIds[i], served);
        }
        _boundCoordinator().setServing(msg.sender, modelIds, served);
    }

    /// @inheritdoc IOperatorRegistry
    function stake(uint128 amount) external whileIdle onlyRegistered nonReentrant {
        if (amount == 0) revert OperatorAmountZero();
        _accounts[msg.sender].stake += amount;
        emit Staked(msg.sender, amount);
        _boundCoordinator().creditStake(msg.sender, amount);

        uint256 before = STAKE_TOKEN.balanceOf(address(this));
        STAKE_TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = STAKE_TOKEN.balanceOf(address(this)) - before;
        if (received != amount) revert OperatorTokenAmountMismatch(amount, received);
    }

    /// @inheritdoc IOperatorRegistry
    function startUnbonding(uint128 amount) external whileIdle {
        if (amount == 0) revert OperatorAmountZero();
        Account storage account = _accounts[msg.sender];
        uint64 unbondsAt = (block.timestamp + UNBONDING_PERIOD).toUint64();
        account.unbonding += amount;
        account.unbondsAt = unbondsAt;
        emit UnbondingStarted(msg.sender, amount, unbondsAt);
        _boundCoordinator().debitStake(msg.sender, amount);
    }

    /// @inheritdoc IOperatorRegistry
    function withdraw(address to) external whileIdle nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert OperatorRecipientZero();
        Account storage account = _accounts[msg.sender];
        amount = account.unbonding;
        if (amount == 0) revert OperatorNothingToWithdraw(msg.sender);
        if (block.timestamp < account.unbondsAt) {
            revert OperatorStillUnbonding(msg.sender, account.unbondsAt, block.timestamp);
        }
        account.unbonding = 0;
        account.stake -= uint128(amount);
        emit StakeWithdrawn(msg.sender, to, amount);
        STAKE_TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc IOperatorRegistry
    function claimReward(address to) external whileIdle nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert OperatorRecipientZero();
        amount = _rewards[msg.sender];
        if (amount == 0) revert OperatorNothingToWithdraw(msg.sender);
        _rewards[msg.sender] = 0;
        emit RewardClaimed(msg.sender, to, amount);
        STAKE_TOKEN.safeTransfer(to, amount);
    }

    /// @inheritdoc IOperatorRegistry
    function slash(address operator, uint128 amount, address challenger) external nonReentrant {
        if (msg.sender != address(coordinator())) revert OperatorCallerNotCoordinator(msg.sender);
        Account storage account = _accounts[operator];
        uint128 staked = account.stake;
        // INVARIANT: a bond is part of the stake and can't be unbonding, so this can't happen.
        if (amount > staked - account.unbonding) revert OperatorSlashExceedsStake(operator, staked, amount);
        account.stake = staked - amount;
        (uint256 reward, uint256 burned) = challenger == address(0) ? (0, amount) : Shares.ofPenalty(amount);
        _rewards[challenger] += reward;
        emit Slashed(operator, challenger, amount, burned);
        STAKE_TOKEN.safeTransfer(BURN_ADDRESS, burned);
    }

    /// @inheritdoc IOperatorRegistry
    function operatorOf(address operator) external view returns (Operator memory) {
        Account storage account = _accounts[operator];
        (uint256 active, uint256 free) = _boundCoordinator().stakeOf(operator);
        return
            Operator({
                stake: account.stake,
                locked: (active - free).toUint128(),
                unbonding: account.unbonding,
                unbondsAt: account.unbondsAt,
                registered: account.registered,
                endpoint: account.endpoint
            });
    }

    /// @inheritdoc IOperatorRegistry
    function serves(address operator, bytes32 modelId) external view returns (bool) {
        return _boundCoordinator().serves(operator, modelId);
    }

    /// @inheritdoc IOperatorRegistry
    function activeStake(address operator) external view returns (uint256 active, uint256 total) {
        return (_accounts[operator].stake - _accounts[operator].unbonding, _boundCoordinator().totalStake());
    }

    /// @inheritdoc IOperatorRegistry
    function rewardOf(address challenger) external view returns (uint256) {
        return _rewards[challenger];
    }

    /// @inheritdoc IOperatorRegistry
    function stakeToken() external view returns (address) {
        return address(STAKE_TOKEN);
    }

    /// @inheritdoc IOperatorRegistry
    function unbondingPeriod() external view returns (uint32) {
        return UNBONDING_PERIOD;
    }

    /// @inheritdoc IOperatorRegistry
    function disputeBound() external view returns (uint32) {
        return DISPUTE_BOUND;
    }
}

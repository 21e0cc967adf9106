// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {CoordinatorBound} from "./CoordinatorBound.sol";
import {IInferenceCoordinator} from "./interfaces/IInferenceCoordinator.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "./interfaces/IOperatorRegistry.sol";

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
        /// @dev May make the operator's dispute moves.
        address delegate;
        /// @dev Deposited, but not counting yet, and the block from which it may be activated.
        uint128 bonding;
        uint64 bondsAt;
        string endpoint;
    }

    IERC20 private immutable STAKE_TOKEN;
    IModelRegistry private immutable MODEL_REGISTRY;
    uint32 private immutable UNBONDING_PERIOD;
    uint32 private immutable DISPUTE_BOUND;
    uint32 private immutable BONDING_BLOCKS;

    mapping(address operator => Account) private _accounts;
    mapping(address account => uint256) private _owed;

    /// @param stakeToken_ A plain ERC-20 that this deployment trusts (no fees, no hooks, no rebasing).
    /// @param unbondingPeriod_ Seconds.
    /// @param disputeBound_ Seconds that publications, disputes and their grace can add to a challenge window at most.
    /// @param bondingBlocks_ Blocks before deposited stake counts; 0: at once, and every operator may answer every request at once.
    constructor(
        address authority_,
        address stakeToken_,
        address modelRegistry_,
        uint32 unbondingPeriod_,
        uint32 disputeBound_,
        uint32 bondingBlocks_
    ) AccessManaged(authority_) {
        if (stakeToken_.code.length == 0) revert CoordinatorWithoutCode(stakeToken_);
        if (modelRegistry_.code.length == 0) revert CoordinatorWithoutCode(modelRegistry_);
        if (unbondingPeriod_ <= disputeBound_) revert UnbondingTooShort(unbondingPeriod_, uint256(disputeBound_) + 1);
        STAKE_TOKEN = IERC20(stakeToken_);
        MODEL_REGISTRY = IModelRegistry(modelRegistry_);
        UNBONDING_PERIOD = unbondingPeriod_;
        DISPUTE_BOUND = disputeBound_;
        BONDING_BLOCKS = bondingBlocks_;
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
        Account storage account = _accounts[msg.sender];
        uint256 bondsAt = block.number + BONDING_BLOCKS;
        account.stake += amount;
        emit Staked(msg.sender, amount, bondsAt);
        IInferenceCoordinator bound = _boundCoordinator();
        bound.announceStake(amount);
        if (BONDING_BLOCKS == 0) {
            bound.creditStake(msg.sender, amount);
        } else {
            account.bonding += amount;
            account.bondsAt = bondsAt.toUint64();
        }

        uint256 before = STAKE_TOKEN.balanceOf(address(this));
        STAKE_TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = STAKE_TOKEN.balanceOf(address(this)) - before;
        if (received != amount) revert OperatorTokenAmountMismatch(amount, received);
    }

    /// @inheritdoc IOperatorRegistry
    function activateStake(address operator) external whileIdle {
        Account storage account = _accounts[operator];
        uint128 amount = account.bonding;
        if (amount == 0) revert OperatorNothingToActivate(operator);
        if (block.number < account.bondsAt) revert OperatorStillBonding(operator, account.bondsAt, block.number);
        account.bonding = 0;
        emit StakeActivated(operator, amount);
        _boundCoordinator().creditStake(operator, amount);
    }

    /// @inheritdoc IOperatorRegistry
    function setDelegate(address delegate) external whileIdle onlyRegistered {
        _accounts[msg.sender].delegate = delegate;
        emit DelegateSet(msg.sender, delegate);
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
    function payOut(address account) external whileIdle nonReentrant returns (uint256 amount) {
        amount = _owed[account];
        if (amount == 0) revert OperatorNothingToWithdraw(account);
        _owed[account] = 0;
        emit PaidOut(account, amount);
        STAKE_TOKEN.safeTransfer(account, amount);
    }

    /// @inheritdoc IOperatorRegistry
    function slash(address operator, uint128 amount, address beneficiary, uint128 reward) external nonReentrant {
        if (msg.sender != address(coordinator())) revert OperatorCallerNotCoordinator(msg.sender);
        Account storage account = _accounts[operator];
        uint128 staked = account.stake;
        // INVARIANT: a bond is part of the active stake, so neither of these can happen.
        if (amount > staked - account.unbonding - account.bonding)
            revert OperatorSlashExceedsStake(operator, staked, amount);
        if (reward > amount) revert OperatorRewardExceedsSlash(reward, amount);
        account.stake = staked - amount;
        // INVARIANT: a verdict moves no token: it must not fail while the token can't move.
        if (reward != 0) _owed[beneficiary] += reward;
        _owed[BURN_ADDRESS] += amount - reward;
        emit Slashed(operator, beneficiary, amount, amount - reward);
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
                bonding: account.bonding,
                bondsAt: account.bondsAt,
                delegate: account.delegate,
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
        IInferenceCoordinator bound = _boundCoordinator();
        (active, ) = bound.stakeOf(operator);
        total = bound.totalStake();
    }

    /// @inheritdoc IOperatorRegistry
    function owed(address account) external view returns (uint256) {
        return _owed[account];
    }

    /// @inheritdoc IOperatorRegistry
    function delegateOf(address operator) external view returns (address) {
        return _accounts[operator].delegate;
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

    /// @inheritdoc IOperatorRegistry
    function bondingBlocks() external view returns (uint32) {
        return BONDING_BLOCKS;
    }
}

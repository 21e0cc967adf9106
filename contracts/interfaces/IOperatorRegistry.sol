// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Operators: stake, unbonding, slashing, endpoint and served models
/// @dev Holds the stake. How much of it is free (not locked behind an answer) is kept by the coordinator, which locks and
/// frees it with every answer. Only free stake can start unbonding: a bond is never on its way out.
interface IOperatorRegistry {
    struct Operator {
        /// @dev Deposited, unbonding included, in the stake token's smallest unit. INVARIANT: locked + unbonding + bonding <= stake.
        uint128 stake;
        /// @dev Bonds behind answers that are not final yet.
        uint128 locked;
        /// @dev Part of `stake` that is on its way out: no longer counted for eligibility, backs no new answer.
        uint128 unbonding;
        /// @dev Unix time, seconds, from which `unbonding` can be withdrawn.
        uint64 unbondsAt;
        /// @dev Part of `stake` that doesn't count yet.
        uint128 bonding;
        /// @dev The block from which `bonding` can be activated.
        uint64 bondsAt;
        /// @dev May make the operator's dispute moves and nothing else; zero: nobody.
        address delegate;
        bool registered;
        string endpoint;
    }

    event Registered(address indexed operator, string endpoint);
    event ServedModelSet(address indexed operator, bytes32 indexed modelId, bool served);
    /// @param bondsAt The block from which it can be activated.
    event Staked(address indexed operator, uint256 amount, uint256 bondsAt);
    event StakeActivated(address indexed operator, uint256 amount);
    event DelegateSet(address indexed operator, address delegate);
    event UnbondingStarted(address indexed operator, uint256 amount, uint64 unbondsAt);
    event StakeWithdrawn(address indexed operator, address to, uint256 amount);
    event Slashed(address indexed operator, address indexed beneficiary, uint256 amount, uint256 burned);
    event PaidOut(address indexed account, uint256 amount);

    error OperatorNotRegistered(address operator);
    error OperatorTextTooLong(uint256 length, uint256 maximum);
    error OperatorAmountZero();
    error OperatorModelUnknown(bytes32 modelId);
    error OperatorNothingToWithdraw(address operator);
    error OperatorStillUnbonding(address operator, uint256 unbondsAt, uint256 currentTime);
    error OperatorNothingToActivate(address operator);
    error OperatorStillBonding(address operator, uint256 bondsAt, uint256 currentBlock);
    error OperatorRewardExceedsSlash(uint256 reward, uint256 amount);
    error OperatorSlashExceedsStake(address operator, uint256 stake, uint256 amount);
    error OperatorTokenAmountMismatch(uint256 expected, uint256 received);
    error OperatorCallerNotCoordinator(address caller);
    error OperatorRecipientZero();
    error UnbondingTooShort(uint256 unbondingPeriod, uint256 atLeast);

    /// @notice Registers the caller as an operator, or changes its endpoint.
    function register(string calldata endpoint) external;

    /// @notice Says which models the caller answers; only those it may answer.
    function setServedModels(bytes32[] calldata modelIds, bool served) external;

    /// @notice Deposits stake; the caller has approved `amount` of the stake token. It counts once it has been activated.
    /// @dev Depositing again restarts the count of blocks for all that is bonding.
    function stake(uint128 amount) external;

    /// @notice Makes an operator's deposits count, `bondingBlocks` after the last of them. Anyone may call.
    /// @dev Stake that could be deposited after a request was seen would make the draw for it a matter of choosing an address.
    function activateStake(address operator) external;

    /// @notice Names who may make the caller's dispute moves (`defend`, `reveal`, `revealSums`, `publish`), also of disputes that are
    /// under way, and nothing else; the zero address: nobody.
    function setDelegate(address delegate) external;

    /// @notice Takes free stake out of service. Starting again adds to what is unbonding and restarts the clock for all of it.
    function startUnbonding(uint128 amount) external;

    /// @notice Pays out all that has unbonded.
    function withdraw(address to) external returns (uint256 amount);

    /// @notice Pays an account what slashing brought it: the dispute contract, which divides it, or the burn address. Anyone may
    /// call.
    function payOut(address account) external returns (uint256 amount);

    /// @notice Coordinator only. Takes `amount` of an operator's bond: `reward` of it is owed to `beneficiary`, the rest is burned.
    function slash(address operator, uint128 amount, address beneficiary, uint128 reward) external;

    function operatorOf(address operator) external view returns (Operator memory);
    function serves(address operator, bytes32 modelId) external view returns (bool);
    /// @return active Stake less what is bonding or unbonding.
    /// @return total Stake less what is unbonding, of all operators: what eligibility is measured against.
    function activeStake(address operator) external view returns (uint256 active, uint256 total);
    /// @return In the stake token's smallest unit.
    function owed(address account) external view returns (uint256);
    function delegateOf(address operator) external view returns (address);
    function stakeToken() external view returns (address);
    function unbondingPeriod() external view returns (uint32);
    /// @return Seconds that publications, disputes and their grace can add to a challenge window at most.
    function disputeBound() external view returns (uint32);
    /// @return Blocks before deposited stake counts.
    function bondingBlocks() external view returns (uint32);
}

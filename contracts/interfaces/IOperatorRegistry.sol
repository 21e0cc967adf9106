// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Operators: stake, unbonding, slashing, endpoint and served models
/// @dev Holds the stake. How much of it is free (not locked behind an answer) is kept by the coordinator, which locks and
/// frees it with every answer. Only free stake can start unbonding: a bond is never on its way out.
interface IOperatorRegistry {
    struct Operator {
        /// @dev Deposited, unbonding included, in the stake token's smallest unit. INVARIANT: locked + unbonding <= stake.
        uint128 stake;
        /// @dev Bonds behind answers that are not final yet.
        uint128 locked;
        /// @dev Part of `stake` that is on its way out: no longer counted for eligibility, backs no new answer.
        uint128 unbonding;
        /// @dev Unix time, seconds, from which `unbonding` can be withdrawn.
        uint64 unbondsAt;
        bool registered;
        string endpoint;
    }

    event Registered(address indexed operator, string endpoint);
    event ServedModelSet(address indexed operator, bytes32 indexed modelId, bool served);
    event Staked(address indexed operator, uint256 amount);
    event UnbondingStarted(address indexed operator, uint256 amount, uint64 unbondsAt);
    event StakeWithdrawn(address indexed operator, address to, uint256 amount);
    event Slashed(address indexed operator, address indexed challenger, uint256 amount, uint256 burned);
    event RewardClaimed(address indexed challenger, address to, uint256 amount);

    error OperatorNotRegistered(address operator);
    error OperatorTextTooLong(uint256 length, uint256 maximum);
    error OperatorAmountZero();
    error OperatorModelUnknown(bytes32 modelId);
    error OperatorNothingToWithdraw(address operator);
    error OperatorStillUnbonding(address operator, uint256 unbondsAt, uint256 currentTime);
    error OperatorSlashExceedsStake(address operator, uint256 stake, uint256 amount);
    error OperatorTokenAmountMismatch(uint256 expected, uint256 received);
    error OperatorCallerNotCoordinator(address caller);
    error OperatorRecipientZero();
    error UnbondingTooShort(uint256 unbondingPeriod, uint256 atLeast);

    /// @notice Registers the caller as an operator, or changes its endpoint.
    function register(string calldata endpoint) external;

    /// @notice Says which models the caller answers; only those it may answer.
    function setServedModels(bytes32[] calldata modelIds, bool served) external;

    /// @notice Deposits stake; the caller has approved `amount` of the stake token.
    function stake(uint128 amount) external;

    /// @notice Takes free stake out of service. Starting again adds to what is unbonding and restarts the clock for all of it.
    function startUnbonding(uint128 amount) external;

    /// @notice Pays out all that has unbonded.
    function withdraw(address to) external returns (uint256 amount);

    /// @notice Pays out what the caller earned by convicting operators, in the stake token.
    function claimReward(address to) external returns (uint256 amount);

    /// @notice Coordinator only. Takes a convicted operator's bond: half (rounded down) to `challenger`,
    /// the rest burned; all of it burned where there is none (zero address).
    function slash(address operator, uint128 amount, address challenger) external;

    function operatorOf(address operator) external view returns (Operator memory);
    function serves(address operator, bytes32 modelId) external view returns (bool);
    /// @return active Stake less what is unbonding.
    /// @return total The same of all operators: what eligibility is measured against.
    function activeStake(address operator) external view returns (uint256 active, uint256 total);
    /// @return In the stake token's smallest unit.
    function rewardOf(address challenger) external view returns (uint256);
    function stakeToken() external view returns (address);
    function unbondingPeriod() external view returns (uint32);
    /// @return Seconds that a dispute and its grace can add to a challenge window at most.
    function disputeBound() external view returns (uint32);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Operators: stake, locked bonds, unbonding, slashing, endpoint and served models
interface IOperatorRegistry {
    struct Operator {
        /// @dev Deposited, unbonding included, in the stake token's smallest unit. INVARIANT: locked <= stake.
        uint128 stake;
        /// @dev Bonds behind answers that are not final yet.
        uint128 locked;
        /// @dev Part of `stake` that is on its way out: still slashable, no longer counted for eligibility.
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
    event BondLocked(address indexed operator, uint256 amount);
    event BondReleased(address indexed operator, uint256 amount);
    event Slashed(address indexed operator, address indexed challenger, uint256 amount, uint256 burned);

    function register(string calldata endpoint) external;
    function setServedModels(bytes32[] calldata modelIds, bool served) external;
    function stake(uint128 amount) external;
    function startUnbonding(uint128 amount) external;
    function withdraw(address to) external returns (uint256 amount);

    // Coordinator only
    function lockBond(address operator, uint128 amount) external;
    function releaseBond(address operator, uint128 amount) external;
    function slashBond(address operator, uint128 amount, address challenger) external;

    // Views
    function operatorOf(address operator) external view returns (Operator memory);
    function serves(address operator, bytes32 modelId) external view returns (bool);
    /// @return active Stake that counts for eligibility. @return total The same of all operators.
    function activeStake(address operator) external view returns (uint256 active, uint256 total);
    function stakeToken() external view returns (address);
    function unbondingPeriod() external view returns (uint32);
}

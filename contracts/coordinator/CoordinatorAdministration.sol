// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInferenceCoordinator, Parameters} from "../interfaces/IInferenceCoordinator.sol";
import {IDisputeGame} from "../interfaces/IDisputeGame.sol";
import {IOperatorRegistry} from "../interfaces/IOperatorRegistry.sol";
import {SettingsLib} from "../libraries/SettingsLib.sol";
import {CoordinatorState} from "./CoordinatorState.sol";

/// @title What the authority may set
/// @dev A live request keeps the parameters that it was made with: they are part of its identity.
abstract contract CoordinatorAdministration is CoordinatorState {
    constructor(address treasury_, Parameters memory parameters_) {
        _setParameters(parameters_);
        _setTreasury(treasury_);
    }

    /// @inheritdoc IInferenceCoordinator
    function setParameters(Parameters calldata parameters_) external restricted {
        _setParameters(parameters_);
    }

    /// @inheritdoc IInferenceCoordinator
    function setPaused(bool paused_) external restricted {
        _settings = _settings.withPaused(paused_);
        emit RequestsPaused(paused_);
    }

    /// @inheritdoc IInferenceCoordinator
    function setTreasury(address treasury_) external restricted {
        _setTreasury(treasury_);
    }

    /// @inheritdoc IInferenceCoordinator
    function setFeeToken(address token, bool allowed) external restricted {
        if (allowed && token.code.length == 0) revert AddressWithoutCode(token);
        _feeTokens[token] = allowed;
        emit FeeTokenSet(token, allowed);
    }

    /// @inheritdoc IInferenceCoordinator
    function setDisputeGame(address disputeGame_) external restricted {
        if (_disputeGame != address(0)) revert DisputeGameAlreadySet(_disputeGame);
        if (disputeGame_.code.length == 0) revert AddressWithoutCode(disputeGame_);
        IDisputeGame(disputeGame_).checkParameters(_settings.unpack());
        _disputeGame = disputeGame_;
        _publications = address(IDisputeGame(disputeGame_).publications());
        emit DisputeGameSet(disputeGame_);
    }

    /// @inheritdoc IInferenceCoordinator
    function isFeeToken(address token) public view returns (bool) {
        return token == ETH || _feeTokens[token];
    }

    /// @inheritdoc IInferenceCoordinator
    function parameters() external view returns (Parameters memory) {
        return _settings.unpack();
    }

    /// @inheritdoc IInferenceCoordinator
    function paused() external view returns (bool) {
        return _settings.paused();
    }

    /// @inheritdoc IInferenceCoordinator
    function treasury() external view returns (address) {
        return _treasury;
    }

    /// @inheritdoc IInferenceCoordinator
    function disputeGame() external view returns (address) {
        return _disputeGame;
    }

    function _setParameters(Parameters memory parameters_) private {
        uint256 atLeast = uint256(parameters_.maxChallengeWindow) + DISPUTE_BOUND + 1;
        uint256 unbondingPeriod = OPERATOR_REGISTRY.unbondingPeriod();
        if (unbondingPeriod < atLeast) revert IOperatorRegistry.UnbondingTooShort(unbondingPeriod, atLeast);
        if (_disputeGame != address(0)) IDisputeGame(_disputeGame).checkParameters(parameters_);
        _settings = SettingsLib.pack(parameters_, _settings);
        emit ParametersSet(parameters_);
    }

    function _setTreasury(address treasury_) private {
        if (treasury_ == address(0)) revert AddressZero();
        _treasury = treasury_;
        emit TreasurySet(treasury_);
    }
}

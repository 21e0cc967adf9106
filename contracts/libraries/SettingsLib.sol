// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInferenceCoordinator, Parameters} from "../interfaces/IInferenceCoordinator.sol";
import {RequestParams} from "./RequestLib.sol";

/// @notice The parameters as they are stored: everything that a request reads is in one slot.
struct Settings {
    uint16 protocolFeeBps;
    uint32 eligibilityPeriod;
    uint32 minChallengeWindow;
    uint32 maxChallengeWindow;
    uint32 minSubmitPeriod;
    uint32 maxSubmitPeriod;
    uint32 maxCallbackGas;
    /// @dev The least bond is mantissa * 10^exponent.
    uint32 minBondMantissa;
    uint8 minBondExponent;
    bool paused;
}

/// @title What new requests must keep to
library SettingsLib {
    uint256 internal constant MAX_PROTOCOL_FEE_BPS = 2_000;
    /// @dev A callback must fit into a transaction (2^24 gas) beside the rest of a finalize.
    uint256 internal constant MAX_CALLBACK_GAS = 10_000_000;

    /// @dev Reverts with `ParametersInvalid` where they contradict each other or their caps.
    function pack(Parameters memory parameters, bool paused) internal pure returns (Settings memory settings) {
        (uint256 mantissa, uint256 exponent) = (parameters.minBond, 0);
        while (mantissa > type(uint32).max && mantissa % 10 == 0) (mantissa, exponent) = (mantissa / 10, exponent + 1);
        bool valid =
            parameters.protocolFeeBps <= MAX_PROTOCOL_FEE_BPS &&
                parameters.eligibilityPeriod != 0 &&
                parameters.minChallengeWindow != 0 &&
                parameters.minChallengeWindow <= parameters.maxChallengeWindow &&
                parameters.minSubmitPeriod != 0 &&
                parameters.minSubmitPeriod <= parameters.maxSubmitPeriod &&
                parameters.eligibilityPeriod <= parameters.minSubmitPeriod &&
                parameters.maxCallbackGas <= MAX_CALLBACK_GAS &&
                parameters.minBond != 0 &&
                mantissa <= type(uint32).max;
        if (!valid) revert IInferenceCoordinator.ParametersInvalid(parameters);
        settings = Settings({
            protocolFeeBps: parameters.protocolFeeBps,
            eligibilityPeriod: parameters.eligibilityPeriod,
            minChallengeWindow: parameters.minChallengeWindow,
            maxChallengeWindow: parameters.maxChallengeWindow,
            minSubmitPeriod: parameters.minSubmitPeriod,
            maxSubmitPeriod: parameters.maxSubmitPeriod,
            maxCallbackGas: parameters.maxCallbackGas,
            minBondMantissa: uint32(mantissa),
            minBondExponent: uint8(exponent),
            paused: paused
        });
    }

    function unpack(Settings memory settings) internal pure returns (Parameters memory) {
        return
            Parameters({
                protocolFeeBps: settings.protocolFeeBps,
                eligibilityPeriod: settings.eligibilityPeriod,
                minChallengeWindow: settings.minChallengeWindow,
                maxChallengeWindow: settings.maxChallengeWindow,
                minSubmitPeriod: settings.minSubmitPeriod,
                maxSubmitPeriod: settings.maxSubmitPeriod,
                maxCallbackGas: settings.maxCallbackGas,
                minBond: uint128(minBond(settings))
            });
    }

    function minBond(Settings memory settings) internal pure returns (uint256) {
        return uint256(settings.minBondMantissa) * 10 ** settings.minBondExponent;
    }

    /// @dev Reverts where a new request breaks a rule.
    function check(Settings memory settings, RequestParams calldata params) internal pure {
        if (settings.paused) revert IInferenceCoordinator.NewRequestsPaused();
        if (params.bond < minBond(settings)) {
            revert IInferenceCoordinator.BondTooSmall(params.bond, minBond(settings));
        }
        (uint256 least, uint256 most) = (settings.minChallengeWindow, settings.maxChallengeWindow);
        if (params.challengeWindow < least || params.challengeWindow > most) {
            revert IInferenceCoordinator.ChallengeWindowOutOfRange(params.challengeWindow, least, most);
        }
        (least, most) = (settings.minSubmitPeriod, settings.maxSubmitPeriod);
        if (params.submitPeriod < least || params.submitPeriod > most) {
            revert IInferenceCoordinator.SubmitPeriodOutOfRange(params.submitPeriod, least, most);
        }
        if (params.callbackGasLimit > settings.maxCallbackGas) {
            revert IInferenceCoordinator.CallbackGasTooHigh(params.callbackGasLimit, settings.maxCallbackGas);
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInferenceCoordinator, Parameters} from "../interfaces/IInferenceCoordinator.sol";
import {RequestParams} from "./RequestLib.sol";

/// @notice The parameters as they are stored: everything that a request reads is in one slot.
/// @dev From the least significant bit: protocolFeeBps (16), stakeBits (8), minChallengeWindow, maxChallengeWindow,
/// minSubmitPeriod, maxSubmitPeriod, maxCallbackGas (32 each), mantissa (32) and decimal exponent (8) of minBond, paused (8),
/// maxBondMultiple (16).
/// `stakeBits` is no parameter: it follows the stake.
type Settings is uint256;

using SettingsLib for Settings global;

/// @title What new requests must keep to
library SettingsLib {
    uint256 internal constant MAX_PROTOCOL_FEE_BPS = 2_000;
    /// @dev A callback must fit into a transaction (2^24 gas) beside the rest of a finalize.
    uint256 internal constant MAX_CALLBACK_GAS = 10_000_000;

    uint256 private constant PAUSED = 224;
    uint256 private constant MAX_BOND_MULTIPLE = 232;

    /// @dev Reverts with `ParametersInvalid` where they contradict each other or their caps.
    function pack(Parameters memory parameters, Settings before) internal pure returns (Settings) {
        (uint256 mantissa, uint256 exponent) = (parameters.minBond, 0);
        while (mantissa > type(uint32).max && mantissa % 10 == 0) (mantissa, exponent) = (mantissa / 10, exponent + 1);
        bool valid =
            parameters.protocolFeeBps <= MAX_PROTOCOL_FEE_BPS &&
                parameters.minChallengeWindow != 0 &&
                parameters.minChallengeWindow <= parameters.maxChallengeWindow &&
                parameters.minSubmitPeriod != 0 &&
                parameters.minSubmitPeriod <= parameters.maxSubmitPeriod &&
                parameters.maxCallbackGas <= MAX_CALLBACK_GAS &&
                parameters.minBond != 0 &&
                parameters.maxBondMultiple != 0 &&
                mantissa <= type(uint32).max;
        if (!valid) revert IInferenceCoordinator.ParametersInvalid(parameters);
        return
            Settings
                .wrap(
                    parameters.protocolFeeBps |
                        (before.stakeBits() << 16) |
                        (uint256(parameters.minChallengeWindow) << 24) |
                        (uint256(parameters.maxChallengeWindow) << 56) |
                        (uint256(parameters.minSubmitPeriod) << 88) |
                        (uint256(parameters.maxSubmitPeriod) << 120) |
                        (uint256(parameters.maxCallbackGas) << 152) |
                        (mantissa << 184) |
                        (exponent << 216) |
                        (uint256(parameters.maxBondMultiple) << MAX_BOND_MULTIPLE)
                )
                .withPaused(before.paused());
    }

    function unpack(Settings settings) internal pure returns (Parameters memory) {
        return
            Parameters({
                protocolFeeBps: uint16(settings.protocolFeeBps()),
                minChallengeWindow: _period(settings, 24),
                maxChallengeWindow: _period(settings, 56),
                minSubmitPeriod: _period(settings, 88),
                maxSubmitPeriod: _period(settings, 120),
                maxCallbackGas: _period(settings, 152),
                minBond: uint128(settings.minBond()),
                maxBondMultiple: uint16(Settings.unwrap(settings) >> MAX_BOND_MULTIPLE)
            });
    }

    function withPaused(Settings settings, bool paused_) internal pure returns (Settings) {
        uint256 word = Settings.unwrap(settings) & ~(uint256(0xff) << PAUSED);
        return Settings.wrap(paused_ ? word | (1 << PAUSED) : word);
    }

    function paused(Settings settings) internal pure returns (bool) {
        return uint8(Settings.unwrap(settings) >> PAUSED) != 0;
    }

    function protocolFeeBps(Settings settings) internal pure returns (uint256) {
        return uint16(Settings.unwrap(settings));
    }

    function stakeBits(Settings settings) internal pure returns (uint256) {
        return uint8(Settings.unwrap(settings) >> 16);
    }

    function withStakeBits(Settings settings, uint256 bits) internal pure returns (Settings) {
        return Settings.wrap((Settings.unwrap(settings) & ~(uint256(0xff) << 16)) | (bits << 16));
    }

    function minBond(Settings settings) internal pure returns (uint256) {
        unchecked {
            return uint256(_period(settings, 184)) * 10 ** uint8(Settings.unwrap(settings) >> 216);
        }
    }

    /// @dev Reverts where a new request breaks a rule.
    function check(Settings settings, RequestParams calldata params) internal pure {
        if (settings.paused()) revert IInferenceCoordinator.NewRequestsPaused();
        uint256 value = params.bond;
        uint256 least = settings.minBond();
        uint256 most;
        // SAFETY: a bond of 128 bits times 16 bits.
        unchecked {
            most = least * (Settings.unwrap(settings) >> MAX_BOND_MULTIPLE);
        }
        if (value < least || value > most) revert IInferenceCoordinator.BondOutOfRange(value, least, most);
        value = params.challengeWindow;
        (least, most) = (_period(settings, 24), _period(settings, 56));
        if (value < least || value > most) revert IInferenceCoordinator.ChallengeWindowOutOfRange(value, least, most);
        value = params.submitPeriod;
        (least, most) = (_period(settings, 88), _period(settings, 120));
        if (value < least || value > most) revert IInferenceCoordinator.SubmitPeriodOutOfRange(value, least, most);
        value = params.callbackGasLimit;
        most = _period(settings, 152);
        if (value > most) revert IInferenceCoordinator.CallbackGasTooHigh(value, most);
    }

    function _period(Settings settings, uint256 shift) private pure returns (uint32) {
        return uint32(Settings.unwrap(settings) >> shift);
    }
}

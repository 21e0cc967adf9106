// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInferenceCoordinator, Status} from "../interfaces/IInferenceCoordinator.sol";
import {OperatorAccount} from "../libraries/OperatorAccountLib.sol";
import {Request, RequestLib} from "../libraries/RequestLib.sol";
import {CoordinatorState} from "./CoordinatorState.sol";

/// @title Stake that can stand behind answers, and who may give them
abstract contract OperatorPool is CoordinatorState {
    using RequestLib for Request;

    /// @dev The chance to be eligible doubles so many times within this part of the submit period; then everyone is.
    uint256 private constant DOUBLINGS = 8;
    uint256 private constant ELIGIBILITY_PART = 4;

    /// @inheritdoc IInferenceCoordinator
    function announceStake(uint128 amount) external onlyOperatorRegistry nonReentrantView {
        _setTotalStake(_totalStake + amount);
    }

    /// @inheritdoc IInferenceCoordinator
    function creditStake(address operator, uint128 amount) external onlyOperatorRegistry nonReentrantView {
        _operators[operator] = _operators[operator].credit(amount);
    }

    /// @inheritdoc IInferenceCoordinator
    function debitStake(address operator, uint128 amount) external onlyOperatorRegistry nonReentrantView {
        OperatorAccount account = _operators[operator];
        if (account.free() < amount) revert InsufficientFreeStake(operator, account.free(), amount);
        _operators[operator] = account.debit(amount);
        _setTotalStake(_totalStake - amount);
    }

    /// @inheritdoc IInferenceCoordinator
    function setServing(
        address operator,
        bytes32[] calldata modelIds,
        bool served
    ) external onlyOperatorRegistry nonReentrantView {
        mapping(bytes32 => uint256) storage since = _servesSince[operator];
        for (uint256 i = 0; i < modelIds.length; ++i) {
            bytes32 modelId = modelIds[i];
            if (!served) since[modelId] = 0;
            else if (since[modelId] == 0) since[modelId] = block.number;
        }
    }

    /// @inheritdoc IInferenceCoordinator
    function eligibleAt(Request calldata request_, address operator) external view returns (uint256) {
        return _eligibleAt(request_, request_.idOf(), operator, _operators[operator].active());
    }

    /// @inheritdoc IInferenceCoordinator
    function isEligible(Request calldata request_, address operator) external view returns (bool) {
        bytes32 requestId = request_.idOf();
        OperatorAccount account = _operators[operator];
        uint256 servesSince = _servesSince[operator][request_.params.modelId];
        return
            _openStatus(request_, _slots[requestId]) == Status.REQUESTED &&
            servesSince != 0 &&
            !_convicted[requestId][operator] &&
            account.free() >= request_.params.bond &&
            _isEligible(request_, requestId, operator, account.active(), servesSince);
    }

    /// @inheritdoc IInferenceCoordinator
    function serves(address operator, bytes32 modelId) external view returns (bool) {
        return _servesSince[operator][modelId] != 0;
    }

    /// @inheritdoc IInferenceCoordinator
    function exclusiveBlocks() external view returns (uint256) {
        return EXCLUSIVE_BLOCKS;
    }

    /// @inheritdoc IInferenceCoordinator
    function stakeOf(address operator) external view returns (uint256 active, uint256 free) {
        return (_operators[operator].active(), _operators[operator].free());
    }

    /// @inheritdoc IInferenceCoordinator
    function totalStake() external view returns (uint256) {
        return _totalStake;
    }

    /// @inheritdoc IInferenceCoordinator
    function operatorRegistry() external view returns (address) {
        return address(OPERATOR_REGISTRY);
    }

    /// @dev A number in [0, 2^128) that an operator draws for a request. Neither the requester nor an operator can know it when the
    /// request is sent: it depends on the hash of the request's block.
    function _draw(bytes32 requestId, uint256 requestedBlock, address operator) internal view returns (uint256 draw) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, blockhash(requestedBlock))
            mstore(add(free, 0x20), requestId)
            mstore(add(free, 0x40), operator)
            draw := shr(128, shl(128, keccak256(free, 0x60)))
        }
    }

    function _isEligible(
        Request calldata request_,
        bytes32 requestId,
        address operator,
        uint256 active,
        uint256 servesSince
    ) internal view returns (bool) {
        // SAFETY: 88 bits of stake shifted by at most 128 + 7; a request isn't younger than its block.
        unchecked {
            uint256 requestedBlock = request_.origin.requestedBlock();
            if (block.number <= requestedBlock) return false;
            uint256 elapsed = block.timestamp - request_.origin.requestedAt();
            uint256 period = request_.params.submitPeriod / ELIGIBILITY_PART;
            if (elapsed >= period || block.number > requestedBlock + EXCLUSIVE_BLOCKS) return true;
            if (servesSince >= requestedBlock) return false;
            uint256 shift = 128 - request_.origin.stakeBits() + (DOUBLINGS * elapsed) / period;
            return _draw(requestId, requestedBlock, operator) < active << shift;
        }
    }

    function _eligibleAt(
        Request calldata request_,
        bytes32 requestId,
        address operator,
        uint256 active
    ) internal view returns (uint256) {
        uint256 requestedBlock = request_.origin.requestedBlock();
        uint256 period = request_.params.submitPeriod / ELIGIBILITY_PART;
        uint256 doublings = 0;
        if (block.number <= requestedBlock || _servesSince[operator][request_.params.modelId] >= requestedBlock) {
            doublings = DOUBLINGS;
        } else if (block.number <= requestedBlock + EXCLUSIVE_BLOCKS) {
            uint256 draw = _draw(requestId, requestedBlock, operator);
            uint256 shift = 128 - request_.origin.stakeBits();
            while (doublings < DOUBLINGS && draw >= active << (shift + doublings)) ++doublings;
        }
        return request_.origin.requestedAt() + (period * doublings + DOUBLINGS - 1) / DOUBLINGS;
    }
}

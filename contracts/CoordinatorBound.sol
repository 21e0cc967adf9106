// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IInferenceCoordinator} from "./interfaces/IInferenceCoordinator.sol";

/// @title A contract that shares the coordinator's reentrancy guard
abstract contract CoordinatorBound is AccessManaged {
    IInferenceCoordinator private _coordinator;

    event CoordinatorBoundTo(address coordinator);

    error CoordinatorAlreadyBound(address coordinator);
    error CoordinatorNotBound();
    error CoordinatorWithoutCode(address coordinator);
    error CoordinatorBusy();

    /// @dev Nothing changes while the coordinator is in one of its functions: a callback can't get in sideways.
    modifier whileIdle() {
        if (address(_coordinator) != address(0) && _coordinator.entered()) revert CoordinatorBusy();
        _;
    }

    /// @notice Names the coordinator. Once, for ever.
    function bindCoordinator(address coordinator_) external restricted {
        if (address(_coordinator) != address(0)) revert CoordinatorAlreadyBound(address(_coordinator));
        if (coordinator_.code.length == 0) revert CoordinatorWithoutCode(coordinator_);
        _coordinator = IInferenceCoordinator(coordinator_);
        emit CoordinatorBoundTo(coordinator_);
    }

    /// @return The zero address until it is bound.
    function coordinator() public view returns (IInferenceCoordinator) {
        return _coordinator;
    }

    function _boundCoordinator() internal view returns (IInferenceCoordinator bound) {
        bound = _coordinator;
        if (address(bound) == address(0)) revert CoordinatorNotBound();
    }
}

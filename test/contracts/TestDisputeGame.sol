// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInferenceCoordinator, Parameters} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {IModelRegistry} from "../../contracts/interfaces/IModelRegistry.sol";
import {Answer, Request, Transport} from "../../contracts/libraries/RequestLib.sol";
import {TraceTree} from "../../contracts/libraries/TraceTree.sol";

/// @notice Plays the dispute contract's part: opens and closes disputes as it is told.
contract TestDisputeGame {
    IInferenceCoordinator private immutable COORDINATOR;
    IModelRegistry public immutable modelRegistry;

    constructor(IInferenceCoordinator coordinator_, IModelRegistry modelRegistry_) {
        COORDINATOR = coordinator_;
        modelRegistry = modelRegistry_;
    }

    function suspend(Request calldata request, Answer calldata answer) external {
        COORDINATOR.suspend(request, answer);
    }

    function uphold(Request calldata request, Answer calldata answer, uint64 finalizableAt) external {
        COORDINATOR.uphold(request, answer, finalizableAt);
    }

    /// @dev Half of the bond is the challenger's.
    function void(Request calldata request, Answer calldata answer, address challenger) external returns (uint32) {
        uint128 bond = request.params.bond;
        return COORDINATOR.void(request, answer, bond, bond / 2, challenger);
    }

    /// @dev Accepts every request.
    function checkPublishable(bytes32 modelId, Transport transport, bool inputByURI) external view {}

    function checkParameters(Parameters calldata parameters) external view {}

    function publications() external view returns (address) {
        return address(this);
    }

    function rootOf(bytes calldata bundle) external pure returns (bytes32) {
        return TraceTree.bundleRoot(bundle);
    }
}

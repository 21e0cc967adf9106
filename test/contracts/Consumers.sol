// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IInferenceCallback} from "../../contracts/interfaces/IInferenceCallback.sol";
import {IInferenceCoordinator, Status} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {Answer, Request, RequestParams} from "../../contracts/libraries/RequestLib.sol";

/// @notice What every hostile consumer shares: it can ask.
abstract contract HostileConsumer is IInferenceCallback {
    IInferenceCoordinator internal immutable COORDINATOR;

    constructor(IInferenceCoordinator coordinator_) {
        COORDINATOR = coordinator_;
    }

    receive() external payable {}

    function ask(RequestParams calldata params, bytes calldata input) external payable returns (bytes32) {
        return COORDINATOR.request{value: params.fee}(params, input);
    }
}

/// @notice Makes a list of calls from inside the callback and keeps what came of them.
contract ReentrantConsumer is HostileConsumer {
    address[] private _targets;
    bytes[] private _calls;
    bytes4[] public errors;
    bool public sawFinal;
    uint256 public sawOwed;
    Request private _request;
    Answer private _answer;

    constructor(IInferenceCoordinator coordinator_) HostileConsumer(coordinator_) {}

    function plan(address target, bytes calldata data) external {
        _targets.push(target);
        _calls.push(data);
    }

    function watch(Request calldata request, Answer calldata answer) external {
        _request = request;
        _answer = answer;
    }

    function attempts() external view returns (uint256) {
        return errors.length;
    }

    function onInference(bytes32 requestId, bytes calldata) external {
        (sawFinal, ) = COORDINATOR.isFinal(requestId, _answer);
        sawFinal = sawFinal && COORDINATOR.statusOf(_request, _answer) == Status.FINALIZED;
        sawOwed = COORDINATOR.owed(_answer.operator, address(0));
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool success, bytes memory result) = _targets[i].call(_calls[i]);
            errors.push(success ? bytes4(0) : bytes4(result));
        }
    }
}

/// @notice Keeps how much gas it was given.
contract GasMeter is HostileConsumer {
    uint256 public seen;

    constructor(IInferenceCoordinator coordinator_) HostileConsumer(coordinator_) {}

    function onInference(bytes32, bytes calldata) external {
        seen = gasleft();
    }
}

/// @notice Fails in the way it is told.
contract FailingConsumer is HostileConsumer {
    enum Mode {
        REVERT,
        INVALID,
        LOOP,
        RETURN_BOMB,
        REVERT_BOMB
    }

    Mode private immutable MODE;

    constructor(IInferenceCoordinator coordinator_, Mode mode) HostileConsumer(coordinator_) {
        MODE = mode;
    }

    function onInference(bytes32, bytes calldata) external view {
        if (MODE == Mode.REVERT) revert("no");
        if (MODE == Mode.LOOP) for (;;) {} // solhint-disable-line no-empty-blocks
        uint256 mode = uint256(MODE);
        assembly {
            switch mode
            case 1 {
                invalid()
            }
            case 3 {
                return(0, 1000000)
            }
            default {
                revert(0, 1000000)
            }
        }
    }
}

/// @notice Asks, but has no callback function.
contract DeafConsumer {
    function ask(
        IInferenceCoordinator coordinator,
        RequestParams calldata params,
        bytes calldata input
    ) external payable {
        coordinator.request{value: params.fee}(params, input);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Ending, IInferenceCallback} from "../../contracts/interfaces/IInferenceCallback.sol";
import {IInferenceCoordinator, Status} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {Answer, Request, RequestParams} from "../../contracts/libraries/RequestLib.sol";
import {TraceTree} from "../../contracts/libraries/TraceTree.sol";

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
        _attempt();
    }

    function onInferenceEnded(bytes32, Ending) external {
        sawFinal = COORDINATOR.statusOf(_request, _answer) == Status.REFUNDED;
        sawOwed = COORDINATOR.owed(address(this), address(0));
        _attempt();
    }

    function _attempt() private {
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool success, bytes memory result) = _targets[i].call(_calls[i]);
            errors.push(success ? bytes4(0) : bytes4(result));
        }
    }
}

/// @notice Keeps how much gas it was given.
contract GasMeter is HostileConsumer {
    uint256 public seen;
    bool private _failing;

    constructor(IInferenceCoordinator coordinator_) HostileConsumer(coordinator_) {}

    function setFailing(bool failing) external {
        _failing = failing;
    }

    function onInference(bytes32, bytes calldata) external {
        seen = gasleft();
        if (_failing) revert("no");
    }

    function onInferenceEnded(bytes32, Ending) external {
        seen = gasleft();
    }
}

/// @notice Hears nothing while it is in one of its functions, in which anybody may have it make a call.
contract GuardedConsumer is HostileConsumer {
    bool private _entered;
    uint256 public heard;
    bytes32 public heardRoot;

    error CallFailed();
    error Entered();

    constructor(IInferenceCoordinator coordinator_) HostileConsumer(coordinator_) {}

    function during(address target, bytes calldata call_) external {
        _entered = true;
        (bool success, ) = target.call(call_);
        if (!success) revert CallFailed();
        _entered = false;
    }

    function onInference(bytes32, bytes calldata output) external {
        if (_entered) revert Entered();
        ++heard;
        heardRoot = TraceTree.bundleRoot(output);
    }

    // solhint-disable-next-line no-empty-blocks
    function onInferenceEnded(bytes32, Ending) external {}
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
        _fail();
    }

    function onInferenceEnded(bytes32, Ending) external view {
        _fail();
    }

    function _fail() private view {
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

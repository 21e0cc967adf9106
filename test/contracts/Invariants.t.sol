// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {InferenceCoordinator} from "../../contracts/InferenceCoordinator.sol";
import {OperatorRegistry} from "../../contracts/OperatorRegistry.sol";
import {IInferenceCoordinator, Status} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {IOperatorRegistry} from "../../contracts/interfaces/IOperatorRegistry.sol";
import {Answer, Request, RequestParams} from "../../contracts/libraries/RequestLib.sol";
import {EmittingConsumer} from "../../contracts/test/EmittingConsumer.sol";
import {TestToken} from "../../contracts/test/TestToken.sol";
import {AssayTest} from "./AssayTest.sol";
import {TestDisputeGame} from "./TestDisputeGame.sol";
import {Vm, vm} from "./Vm.sol";

/// @notice Moves the system at random and keeps its own books.
contract Handler {
    struct Item {
        Request request;
        Answer answer;
        uint256 openDisputes;
        Book book;
    }

    enum Book {
        OPEN,
        ANSWERED,
        FINAL,
        REFUNDED
    }

    InferenceCoordinator private immutable COORDINATOR;
    OperatorRegistry private immutable OPERATORS;
    TestDisputeGame private immutable GAME;
    EmittingConsumer private immutable CONSUMER;
    TestToken private immutable TOKEN;
    bytes private _input;
    bytes private _output;
    bytes32 private _outputRoot;
    bytes32 private immutable MODEL_ID;

    Item[] private _items;
    address[3] public operatorsOf;
    address public immutable CHALLENGER = address(0xc4a11e);
    /// @dev Index 0: ETH, 1: the token.
    uint256[2] public escrow;
    uint256[2] public paidOut;
    uint256[2] public taken;
    uint256 public burned;
    uint256 public rewarded;
    uint256 public staked;
    uint256 public unstaked;
    mapping(bytes32 requestId => uint256) public answersFinal;
    mapping(address operator => uint256) public locked;

    constructor(
        InferenceCoordinator coordinator,
        OperatorRegistry operators,
        TestDisputeGame game,
        EmittingConsumer consumer,
        TestToken token,
        address[3] memory operators_,
        bytes32 modelId,
        uint256 staked_,
        bytes memory input_,
        bytes memory output_
    ) {
        (COORDINATOR, OPERATORS, GAME, CONSUMER, TOKEN) = (coordinator, operators, game, consumer, token);
        (operatorsOf, MODEL_ID, staked, _input, _output) = (operators_, modelId, staked_, input_, output_);
        _outputRoot = game.rootOf(output_);
    }

    function items() external view returns (uint256) {
        return _items.length;
    }

    function item(uint256 i) external view returns (Item memory) {
        return _items[i];
    }

    function pass(uint256 duration) external {
        vm.warp(vm.getBlockTimestamp() + (duration % 2 hours));
    }

    function ask(uint128 fee, uint128 bond, bool eth, bool calls) external {
        (fee, bond) = (fee % 1e24, 1e18 + (bond % 400e18));
        uint256 kind = eth ? 0 : 1;
        RequestParams memory params = RequestParams(
            MODEL_ID,
            eth ? address(0) : address(TOKEN),
            fee,
            bond,
            600,
            3600,
            calls ? 100_000 : 0
        );
        if (eth) vm.deal(address(CONSUMER), fee);
        else TOKEN.mint(address(CONSUMER), fee);
        vm.recordLogs();
        CONSUMER.ask(params, _input);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IInferenceCoordinator.Requested.selector) continue;
            (Request memory request, , ) = abi.decode(logs[i].data, (Request, bytes, string));
            _items.push();
            _items[_items.length - 1].request = request;
        }
        escrow[kind] += fee;
        taken[kind] += fee;
    }

    function submit(uint256 which, uint256 who) external {
        if (_items.length == 0) return;
        Item storage entry = _items[which % _items.length];
        address operator = operatorsOf[who % 3];
        vm.prank(operator);
        try COORDINATOR.submit(entry.request, _output) {
            require(entry.book == Book.OPEN, "a second answer stands beside the first");
            entry.book = Book.ANSWERED;
            entry.answer = Answer(operator, _outputRoot, uint48(vm.getBlockTimestamp()));
            locked[operator] += entry.request.params.bond;
        } catch {} // solhint-disable-line no-empty-blocks
    }

    function finalize(uint256 which) external {
        if (_items.length == 0) return;
        Item storage entry = _items[which % _items.length];
        try COORDINATOR.finalize(entry.request, entry.answer, _output) {
            require(entry.book == Book.ANSWERED && entry.openDisputes == 0, "finalized what wasn't answered");
            entry.book = Book.FINAL;
            ++answersFinal[COORDINATOR.requestIdOf(entry.request)];
            locked[entry.answer.operator] -= entry.request.params.bond;
            escrow[_kind(entry)] -= entry.request.params.fee;
        } catch {} // solhint-disable-line no-empty-blocks
    }

    function refund(uint256 which) external {
        if (_items.length == 0) return;
        Item storage entry = _items[which % _items.length];
        try COORDINATOR.refund(entry.request) {
            require(entry.book == Book.OPEN, "refunded what wasn't open");
            entry.book = Book.REFUNDED;
            escrow[_kind(entry)] -= entry.request.params.fee;
        } catch {} // solhint-disable-line no-empty-blocks
    }

    function retract(uint256 which) external {
        if (_items.length == 0) return;
        Item storage entry = _items[which % _items.length];
        vm.prank(entry.answer.operator);
        try COORDINATOR.retract(entry.request, entry.answer) {
            require(entry.book == Book.ANSWERED && entry.openDisputes == 0, "retracted a disputed answer");
            entry.book = Book.OPEN;
            locked[entry.answer.operator] -= entry.request.params.bond;
            burned += (uint256(entry.request.params.bond) + 99) / 100;
        } catch {} // solhint-disable-line no-empty-blocks
    }

    function suspend(uint256 which) external {
        if (_items.length == 0) return;
        Item storage entry = _items[which % _items.length];
        try GAME.suspend(entry.request, entry.answer) {
            require(entry.book == Book.ANSWERED, "disputed what wasn't answered");
            ++entry.openDisputes;
        } catch {} // solhint-disable-line no-empty-blocks
    }

    function uphold(uint256 which, uint256 grace) external {
        if (_items.length == 0) return;
        Item storage entry = _items[which % _items.length];
        if (entry.openDisputes == 0) return;
        GAME.uphold(entry.request, entry.answer, uint64(vm.getBlockTimestamp() + (grace % 1 days)));
        --entry.openDisputes;
    }

    /// @dev The other disputes of the answer are closed, too: all but the first conviction must find nothing to slash.
    function void(uint256 which) external {
        if (_items.length == 0) return;
        Item storage entry = _items[which % _items.length];
        if (entry.openDisputes == 0) return;
        uint256 bond = entry.request.params.bond;
        require(GAME.void(entry.request, entry.answer, CHALLENGER), "the first conviction slashes");
        for (uint256 i = 1; i < entry.openDisputes; ++i) {
            require(!GAME.void(entry.request, entry.answer, CHALLENGER), "slashed twice");
        }
        entry.openDisputes = 0;
        entry.book = Book.OPEN;
        locked[entry.answer.operator] -= bond;
        rewarded += bond / 2;
        burned += bond - bond / 2;
    }

    function stake(uint256 who, uint128 amount) external {
        amount = 1 + (amount % 1_000e18);
        address operator = operatorsOf[who % 3];
        TOKEN.mint(operator, amount);
        vm.prank(operator);
        OPERATORS.stake(amount);
        staked += amount;
    }

    function unbond(uint256 who, uint128 amount) external {
        address operator = operatorsOf[who % 3];
        vm.prank(operator);
        try OPERATORS.startUnbonding(1 + (amount % 1_000e18)) {} catch {} // solhint-disable-line no-empty-blocks
    }

    function withdrawStake(uint256 who) external {
        address operator = operatorsOf[who % 3];
        uint256 unbondsAt = OPERATORS.operatorOf(operator).unbondsAt;
        if (OPERATORS.operatorOf(operator).unbonding == 0 || unbondsAt > vm.getBlockTimestamp() + 1 days) return;
        if (unbondsAt > vm.getBlockTimestamp()) vm.warp(unbondsAt);
        vm.prank(operator);
        unstaked += OPERATORS.withdraw(address(0xdead1));
    }

    function withdraw(uint256 who, bool eth) external {
        address account = operatorsOf[who % 3];
        address feeToken = eth ? address(0) : address(TOKEN);
        if (COORDINATOR.owed(account, feeToken) == 0) return;
        vm.prank(account);
        paidOut[eth ? 0 : 1] += COORDINATOR.withdraw(feeToken, address(0xdead2));
    }

    function _kind(Item storage entry) private view returns (uint256) {
        return entry.request.params.feeToken == address(0) ? 0 : 1;
    }
}

/// @notice What holds after any sequence of moves.
contract InvariantsTest is AssayTest {
    Handler private _handler;

    function setUp() public override {
        super.setUp();
        address[3] memory three = [operator, address(0xbeef01), address(0xbeef02)];
        enrol(three[1], STAKE);
        enrol(three[2], STAKE);
        _handler = new Handler(
            coordinator,
            operators,
            game,
            consumer,
            token,
            three,
            modelId,
            3 * uint256(STAKE),
            vectorOf(4, 1),
            vectorOf(4, 2)
        );
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function owedTo(address feeToken) internal view returns (uint256 sum) {
        for (uint256 i = 0; i < 3; ++i) sum += coordinator.owed(_handler.operatorsOf(i), feeToken);
        sum += coordinator.owed(address(consumer), feeToken) + coordinator.owed(author, feeToken);
        sum += coordinator.uncollectedProtocolFees(author, feeToken) + coordinator.owed(treasury, feeToken);
    }

    /// forge-config: default.invariant.runs = 20
    /// forge-config: default.invariant.depth = 150
    function invariant_theBooksAgree() external view {
        checkFees();
        checkStake();
        checkLocked();
        checkRequests();
    }

    /// @dev Solvency and conservation: what came in is in escrow, owed or paid out, to the wei, and is there.
    function checkFees() internal view {
        uint256 ethOwed = owedTo(address(0));
        assertEq(_handler.escrow(0) + ethOwed, address(coordinator).balance, "ETH held");
        assertEq(_handler.taken(0), _handler.escrow(0) + ethOwed + _handler.paidOut(0), "ETH in and out");
        uint256 tokenOwed = owedTo(address(token));
        assertEq(_handler.escrow(1) + tokenOwed, token.balanceOf(address(coordinator)), "tokens held");
        assertEq(_handler.taken(1), _handler.escrow(1) + tokenOwed + _handler.paidOut(1), "tokens in and out");
    }

    function checkStake() internal view {
        uint256 sum = 0;
        for (uint256 i = 0; i < 3; ++i) sum += operators.operatorOf(_handler.operatorsOf(i)).stake;
        uint256 out = _handler.burned() + _handler.rewarded() + _handler.unstaked();
        assertEq(_handler.staked(), sum + out, "stake in and out");
        assertEq(operators.rewardOf(_handler.CHALLENGER()), _handler.rewarded(), "rewards");
        assertEq(token.balanceOf(address(operators)), sum + _handler.rewarded(), "stake held");
        assertEq(token.balanceOf(operators.BURN_ADDRESS()), _handler.burned(), "burned");
    }

    function checkLocked() internal view {
        uint256 total = 0;
        for (uint256 i = 0; i < 3; ++i) {
            address account = _handler.operatorsOf(i);
            IOperatorRegistry.Operator memory entry = operators.operatorOf(account);
            (uint256 active, uint256 free) = coordinator.stakeOf(account);
            assertTrue(uint256(entry.locked) + entry.unbonding <= entry.stake, "locked + unbonding <= stake");
            assertEq(entry.locked, _handler.locked(account), "locked is the sum of the open bonds");
            assertEq(active, entry.stake - entry.unbonding, "both contracts agree on the active stake");
            assertEq(active - free, entry.locked, "both contracts agree on what is locked");
            total += active;
        }
        assertEq(coordinator.totalStake(), total, "the total is the sum");
    }

    function checkRequests() internal view {
        uint256 count = _handler.items();
        for (uint256 i = 0; i < count; ++i) {
            Handler.Item memory entry = _handler.item(i);
            Status status = statusOf(entry.request, entry.answer);
            Handler.Book book = entry.book;
            if (book == Handler.Book.OPEN) {
                assertTrue(status == Status.REQUESTED || status == Status.EXPIRED, "open");
            } else if (book == Handler.Book.ANSWERED) {
                assertTrue(
                    entry.openDisputes == 0
                        ? status == Status.SUBMITTED || status == Status.FINALIZABLE
                        : status == Status.SUSPENDED,
                    "answered"
                );
            } else {
                assertEq(status, book == Handler.Book.FINAL ? Status.FINALIZED : Status.REFUNDED, "ended");
                assertTrue(_handler.answersFinal(idOf(entry.request)) <= 1, "one answer a request");
            }
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {InferenceCoordinator} from "../../contracts/InferenceCoordinator.sol";
import {ModelRegistry} from "../../contracts/ModelRegistry.sol";
import {OperatorRegistry} from "../../contracts/OperatorRegistry.sol";
import {IInferenceCoordinator, Parameters, Status} from "../../contracts/interfaces/IInferenceCoordinator.sol";
import {Model, TensorSpec} from "../../contracts/interfaces/IModelRegistry.sol";
import {Answer, Request, RequestParams, Transport} from "../../contracts/libraries/RequestLib.sol";
import {TensorLib} from "../../contracts/libraries/TensorLib.sol";
import {EmittingConsumer} from "../../contracts/test/EmittingConsumer.sol";
import {TestToken} from "../../contracts/test/TestToken.sol";
import {TestDisputeGame} from "./TestDisputeGame.sol";
import {Vm, vm} from "./Vm.sol";

/// @notice The whole system with one operator, one model and one consumer; what every test starts from.
abstract contract AssayTest {
    uint128 internal constant FEE = 0.01 ether;
    uint128 internal constant BOND = 10e18;
    uint128 internal constant STAKE = 1_000e18;
    uint32 internal constant SUBMIT_PERIOD = 600;
    uint32 internal constant WINDOW = 3_600;
    uint16 internal constant PROTOCOL_FEE_BPS = 200;
    uint16 internal constant ROYALTY_BPS = 500;
    uint32 internal constant UNBONDING_PERIOD = 21 days;
    uint32 internal constant DISPUTE_BOUND = 7 days;
    uint32 internal constant BONDING_BLOCKS = 300;

    address internal immutable operator = address(uint160(uint256(keccak256("operator"))));
    address internal immutable author = address(uint160(uint256(keccak256("author"))));
    address internal immutable treasury = address(uint160(uint256(keccak256("treasury"))));
    address internal immutable challenger = address(uint160(uint256(keccak256("challenger"))));
    address internal immutable stranger = address(uint160(uint256(keccak256("stranger"))));

    AccessManager internal authority;
    TestToken internal token;
    ModelRegistry internal models;
    OperatorRegistry internal operators;
    InferenceCoordinator internal coordinator;
    TestDisputeGame internal game;
    EmittingConsumer internal consumer;
    bytes32 internal modelId;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        authority = new AccessManager(address(this));
        token = new TestToken();
        models = new ModelRegistry(address(authority));
        operators = new OperatorRegistry(
            address(authority),
            address(token),
            address(models),
            UNBONDING_PERIOD,
            DISPUTE_BOUND,
            BONDING_BLOCKS
        );
        coordinator = new InferenceCoordinator(address(authority), address(operators), treasury, defaultParameters());
        models.bindCoordinator(address(coordinator));
        operators.bindCoordinator(address(coordinator));
        game = new TestDisputeGame(coordinator, models);
        coordinator.setDisputeGame(deployGame());
        coordinator.setFeeToken(address(token), true);
        vm.prank(author);
        modelId = register(model(author, ROYALTY_BPS));
        enrol(operator, STAKE);
        consumer = new EmittingConsumer(address(coordinator));
        vm.deal(address(consumer), 1_000 ether);
    }

    // ---------------------------------------------------------------------------------------------------- fixtures

    /// @return The contract that may suspend, uphold and void; tests of the real dispute return that one.
    function deployGame() internal virtual returns (address) {
        return address(game);
    }

    function defaultParameters() internal pure returns (Parameters memory) {
        return
            Parameters({
                protocolFeeBps: PROTOCOL_FEE_BPS,
                minChallengeWindow: 300,
                maxChallengeWindow: 7 days,
                minSubmitPeriod: 120,
                maxSubmitPeriod: 7 days,
                maxCallbackGas: 5_000_000,
                minBond: 1e18,
                maxBondMultiple: 1_000
            });
    }

    function model(address author_, uint16 royaltyBps) internal view virtual returns (Model memory) {
        uint32[] memory shape = new uint32[](1);
        shape[0] = 16;
        TensorSpec[] memory inputs = new TensorSpec[](1);
        inputs[0] = TensorSpec("x", TensorLib.FLOAT32, shape, 0, 0);
        TensorSpec[] memory outputs = new TensorSpec[](1);
        uint32[] memory outputShape = new uint32[](1);
        outputShape[0] = 64;
        outputs[0] = TensorSpec("y", TensorLib.FLOAT32, outputShape, 0, 0);
        return Model(keccak256("onnx"), "ipfs://model", bytes32(0), bytes32(0), inputs, outputs, author_, royaltyBps);
    }

    function enrol(address account, uint128 amount) internal {
        bytes32[] memory served = new bytes32[](1);
        served[0] = modelId;
        token.mint(account, amount);
        vm.startPrank(account);
        operators.register("https://operator.example");
        operators.setServedModels(served, true);
        token.approve(address(operators), type(uint256).max);
        operators.stake(amount);
        vm.stopPrank();
        activate(account);
    }

    /// @dev Lets so many blocks pass that stake which was deposited counts.
    function activate(address account) internal {
        roll(BONDING_BLOCKS);
        operators.activateStake(account);
    }

    function roll(uint256 blocks) internal {
        vm.roll(vm.getBlockNumber() + blocks);
    }

    /// @dev By its author, who is the caller to be. Tests of disputes register a program with it.
    function register(Model memory record) internal virtual returns (bytes32) {
        return models.registerModel(record, 0, "");
    }

    function params() internal view returns (RequestParams memory) {
        return
            RequestParams({
                modelId: modelId,
                feeToken: address(0),
                fee: FEE,
                bond: BOND,
                submitPeriod: SUBMIT_PERIOD,
                challengeWindow: WINDOW,
                callbackGasLimit: 100_000,
                transport: Transport.INLINE
            });
    }

    /// @return A bundle of one float32 vector whose bits are a function of the seed.
    function vectorOf(uint256 words, uint256 seed) internal pure returns (bytes memory) {
        bytes memory data = new bytes(4 * words);
        for (uint256 i = 0; i < words; ++i) {
            bytes4 word = bytes4(keccak256(abi.encode(seed, i)));
            for (uint256 j = 0; j < 4; ++j) data[4 * i + j] = word[j];
        }
        return TensorLib.single(TensorLib.FLOAT32, TensorLib.vector(words), data);
    }

    function input() internal pure returns (bytes memory) {
        return vectorOf(16, 1);
    }

    function output() internal pure returns (bytes memory) {
        return vectorOf(64, 2);
    }

    // -------------------------------------------------------------------------------------------- the life of a request

    /// @return made The request that the consumer made, as its event says.
    function ask(RequestParams memory params_) internal returns (Request memory made) {
        vm.recordLogs();
        consumer.ask(params_, input());
        return lastRequest();
    }

    function ask() internal returns (Request memory) {
        return ask(params());
    }

    function lastRequest() internal returns (Request memory made) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = logs.length; i > 0; --i) {
            if (logs[i - 1].topics[0] != IInferenceCoordinator.Requested.selector) continue;
            (made, , ) = abi.decode(logs[i - 1].data, (Request, bytes, string));
            return made;
        }
        revert("no request was made");
    }

    function idOf(Request memory request) internal view returns (bytes32) {
        return coordinator.requestIdOf(request);
    }

    /// @dev Waits until the account is eligible.
    function becomeEligible(Request memory request, address by) internal {
        if (vm.getBlockNumber() <= request.origin.requestedBlock()) roll(1);
        uint256 from = coordinator.eligibleAt(request, by);
        if (from > vm.getBlockTimestamp()) vm.warp(from);
    }

    /// @dev As soon as the account is eligible.
    function answer(Request memory request, address by, bytes memory output_) internal returns (Answer memory) {
        becomeEligible(request, by);
        vm.prank(by);
        coordinator.submit(request, output_);
        return Answer(by, coordinatorRoot(output_), uint48(vm.getBlockTimestamp()));
    }

    function answer(Request memory request) internal returns (Answer memory) {
        return answer(request, operator, output());
    }

    function coordinatorRoot(bytes memory bundle) internal view returns (bytes32) {
        return game.rootOf(bundle);
    }

    function finalize(Request memory request, Answer memory answer_) internal {
        vm.warp(uint256(answer_.submittedAt) + request.params.challengeWindow);
        coordinator.finalize(request, answer_, output());
    }

    function statusOf(Request memory request, Answer memory answer_) internal view returns (Status) {
        return coordinator.statusOf(request, answer_);
    }

    function noAnswer() internal pure returns (Answer memory none) {}

    function unexpected(Request memory request, Status expected, Status actual) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IInferenceCoordinator.UnexpectedStatus.selector, idOf(request), expected, actual);
    }

    // -------------------------------------------------------------------------------------------------- assertions

    function assertTrue(bool condition, string memory what) internal pure {
        require(condition, what);
    }

    function assertEq(uint256 actual, uint256 expected, string memory what) internal pure {
        require(actual == expected, string.concat(what, ": ", vm.toString(actual), " is not ", vm.toString(expected)));
    }

    function assertEq(Status actual, Status expected, string memory what) internal pure {
        assertEq(uint256(actual), uint256(expected), what);
    }

    function assertEq(bytes32 actual, bytes32 expected, string memory what) internal pure {
        require(actual == expected, what);
    }

    function assertEq(address actual, address expected, string memory what) internal pure {
        require(actual == expected, what);
    }
}

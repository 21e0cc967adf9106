// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Claims} from "../../../contracts/Claims.sol";
import {DisputeGame} from "../../../contracts/DisputeGame.sol";
import {Publications} from "../../../contracts/Publications.sol";
import {Dispute, GameParameters, Turn} from "../../../contracts/interfaces/IDisputeGame.sol";
import {PublicationParameters} from "../../../contracts/interfaces/IPublications.sol";
import {Model, TensorSpec} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Defence} from "../../../contracts/libraries/Defence.sol";
import {Answer, Request} from "../../../contracts/libraries/RequestLib.sol";
import {TensorLib} from "../../../contracts/libraries/TensorLib.sol";
import {AssayTest} from "../AssayTest.sol";
import {vm} from "../Vm.sol";
import {TestStepVerifier} from "./TestStepVerifier.sol";
import {TestTree} from "./TestTree.sol";

/// @notice The real game over traces of 300 leaves, and players for both sides.
abstract contract GameTest is AssayTest {
    using TestTree for TestTree.Tree;

    uint256 internal constant LEAVES = 300;
    uint128 internal constant CHALLENGER_BOND = 0.25e18;
    bytes32 internal constant INSTRUCTIONS_TOP = keccak256("instructions");
    bytes32 internal constant SALT = keccak256("salt");
    uint32 internal constant DELTA = 0x3a83126f; // 0.001

    DisputeGame internal dispute;
    Publications internal publications;
    Claims internal claims;
    TestStepVerifier internal verifier;
    TestTree.Tree internal honest;

    function deployGame() internal override returns (address) {
        verifier = new TestStepVerifier();
        publications = new Publications(coordinator, models, publicationParameters());
        claims = new Claims(coordinator);
        dispute = new DisputeGame(
            coordinator,
            publications,
            claims,
            models,
            verifier,
            IERC20(address(token)),
            gameParameters()
        );
        return address(dispute);
    }

    function gameParameters() internal pure returns (GameParameters memory) {
        return
            GameParameters({
                commitDelay: 120,
                openGrace: 60,
                commitLifetime: 1 days,
                defendTime: 900,
                clock: 3_600,
                moveTime: 300,
                grace: 600,
                maxGrace: 2 hours,
                challengerBond: CHALLENGER_BOND,
                burnBps: 1_000
            });
    }

    function publicationParameters() internal pure returns (PublicationParameters memory) {
        return PublicationParameters({baseTime: 1 hours, chunkTime: 5 minutes, gasPerByte: 64});
    }

    /// @dev Seconds that a dispute takes at most, from its opening to its end.
    function longestDispute() internal view returns (uint256) {
        return dispute.maxDuration() - publications.maxDuration() - 3 * uint256(gameParameters().maxGrace);
    }

    function register(Model memory record) internal override returns (bytes32) {
        return models.registerModel(record, INSTRUCTIONS_TOP, header());
    }

    function model(address author_, uint16 royaltyBps) internal view override returns (Model memory made) {
        made = super.model(author_, royaltyBps);
        made.programRoot = keccak256(abi.encodePacked(hex"07", INSTRUCTIONS_TOP, header()));
        made.weightRoot = keccak256("weights");
        made.outputs[0].deltaAbsolute = DELTA;
    }

    function header() internal pure returns (bytes memory) {
        return header(LEAVES);
    }

    /// @dev The output is the trace's last leaf.
    function header(uint256 leaves) internal pure returns (bytes memory) {
        bytes memory inputs = abi.encodePacked(uint8(1), TensorLib.FLOAT32, uint8(1), uint32(16));
        bytes memory outputs = abi.encodePacked(
            uint8(1),
            TensorLib.FLOAT32,
            uint8(1),
            uint32(64),
            uint64(64 * (leaves - 1))
        );
        return abi.encodePacked(uint8(1), inputs, outputs, uint32(1), uint32(leaves), uint32(0));
    }

    function setUp() public virtual override {
        super.setUp();
        honest = TestTree.build(honestLeaves());
        verifier.setLeaves(honest.leaves);
        fund(challenger, 100 * CHALLENGER_BOND);
    }

    function fund(address account, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(dispute), type(uint256).max);
    }

    // ---------------------------------------------------------------------------------------------------- traces

    function honestLeaves() internal pure returns (bytes[] memory leaves) {
        leaves = new bytes[](LEAVES);
        for (uint256 i = 0; i < LEAVES; ++i) leaves[i] = leafOf(i);
    }

    /// @dev Floats in [1, 2).
    function leafOf(uint256 seed) internal pure returns (bytes memory) {
        bytes memory leaf = new bytes(256);
        for (uint256 i = 0; i < 64; ++i) {
            uint32 bits = 0x3f800000 | (uint32(uint256(keccak256(abi.encode("leaf", seed, i)))) & 0x7fffff);
            setWord(leaf, i, bits);
        }
        return leaf;
    }

    function setWord(bytes memory leaf, uint256 index, uint32 bits) internal pure {
        for (uint256 i = 0; i < 4; ++i) leaf[4 * index + i] = bytes1(uint8(bits >> (8 * i)));
    }

    function wordOf(bytes memory leaf, uint256 index) internal pure returns (uint32 bits) {
        for (uint256 i = 4; i > 0; --i) bits = (bits << 8) | uint8(leaf[4 * index + i - 1]);
    }

    /// @dev A trace that is wrong in one word.
    function wrongAt(uint256 leaf, uint256 word) internal pure returns (TestTree.Tree memory) {
        bytes[] memory leaves = honestLeaves();
        setWord(leaves[leaf], word, wordOf(leaves[leaf], word) ^ 1);
        return TestTree.build(leaves);
    }

    // ---------------------------------------------------------------------------------------------------- answers

    function outputOf(bytes memory leaf) internal pure returns (bytes memory) {
        return TensorLib.single(TensorLib.FLOAT32, TensorLib.vector(64), leaf);
    }

    function honestOutput() internal pure returns (bytes memory) {
        return outputOf(leafOf(LEAVES - 1));
    }

    /// @dev Off by far more than the tolerance in one element.
    function wrongLeaf(uint256 element) internal pure returns (bytes memory leaf) {
        leaf = leafOf(LEAVES - 1);
        setWord(leaf, element, 0x40a00000); // 5
    }

    function open(address by, Request memory request, Answer memory given, uint32 element) internal returns (bytes32) {
        return open(by, request, given, element, SALT);
    }

    function open(
        address by,
        Request memory request,
        Answer memory given,
        uint32 element,
        bytes32 salt
    ) internal returns (bytes32 id) {
        id = dispute.commitmentOf(answerIdOf(request, given), 0, element, salt, by);
        vm.prank(by);
        dispute.commitChallenge(id);
        vm.warp(vm.getBlockTimestamp() + gameParameters().commitDelay);
        vm.prank(by);
        bytes32 opened = dispute.challenge(request, given, 0, element, salt);
        assertEq(opened, id, "a dispute's identity is its commitment");
    }

    function answerIdOf(Request memory request, Answer memory given) internal view returns (bytes32) {
        return keccak256(abi.encode(idOf(request), given));
    }

    // ---------------------------------------------------------------------------------------------------- players

    function posted(bytes memory leaf) internal pure returns (Defence.Posted memory shown) {
        shown.tensorTop = keccak256(bytes.concat(hex"00", leaf));
        shown.tensorRoots = new bytes32[](1);
        shown.tensorRoots[0] = keccak256(abi.encodePacked(hex"02", uint8(1), uint8(1), hex"40000000", shown.tensorTop));
        shown.leaf = leaf;
    }

    function canonical(TestTree.Tree memory trace) internal pure returns (Defence.Canonical memory shown) {
        uint256 last = trace.leaves.length - 1;
        shown.header = header(trace.leaves.length);
        shown.instructionsTop = INSTRUCTIONS_TOP;
        shown.traceTop = trace.top();
        shown.leaf = trace.leaves[last];
        shown.siblings = trace.opening(last);
    }

    function defend(
        bytes32 id,
        Request memory request,
        Answer memory given,
        bytes memory postedLeaf,
        TestTree.Tree memory trace
    ) internal {
        vm.prank(given.operator);
        dispute.defend(id, request, given, posted(postedLeaf), canonical(trace), topOf(trace));
    }

    /// @return What a defence shows of the trace's tree: the children of its top, or the words of its only leaf.
    function topOf(TestTree.Tree memory trace) internal pure returns (bytes memory) {
        if (trace.leaves.length == 1) return trace.leaves[0];
        (, bytes32[] memory children) = trace.childrenOf(trace.levels.length - 1, 0);
        return abi.encodePacked(children);
    }

    function reveal(bytes32 id, address by, TestTree.Tree memory trace) internal {
        Dispute memory state = dispute.disputeOf(id);
        bytes memory shown;
        if (state.height == 0) {
            shown = trace.leaves[state.position];
        } else {
            (, bytes32[] memory children) = trace.childrenOf(state.height, state.position);
            shown = abi.encodePacked(children);
        }
        vm.prank(by);
        dispute.reveal(id, shown);
    }

    /// @dev Picks the first child that differs from `own`; the last one where none does.
    function pick(bytes32 id, address by, TestTree.Tree memory own, TestTree.Tree memory theirs) internal {
        Dispute memory state = dispute.disputeOf(id);
        (uint256 first, bytes32[] memory children) = theirs.childrenOf(state.height, state.position);
        (, bytes32[] memory mine) = own.childrenOf(state.height, state.position);
        uint256 child = 0;
        while (child + 1 < children.length && children[child] == mine[child]) ++child;
        pickChild(id, by, theirs, state, first, child);
    }

    function pickChild(
        bytes32 id,
        address by,
        TestTree.Tree memory theirs,
        Dispute memory state,
        uint256 first,
        uint256 child
    ) internal {
        uint256 height = state.height < 6 ? 0 : state.height - 6;
        bytes32 hash = theirs.nodeAt(height, first + child);
        bytes32[] memory path = theirs.siblings(height, state.height, first + child);
        vm.prank(by);
        dispute.pick(id, child, hash, path);
    }

    /// @dev Steps at the first word that differs from `own`; at the last one where none does.
    function step(
        bytes32 id,
        address by,
        Request memory request,
        Answer memory given,
        TestTree.Tree memory own,
        TestTree.Tree memory theirs
    ) internal {
        uint256 leaf = dispute.disputeOf(id).position;
        uint256 word = 0;
        while (word < 63 && wordOf(own.leaves[leaf], word) == wordOf(theirs.leaves[leaf], word)) ++word;
        vm.prank(by);
        dispute.step(id, request, given, theirs.leaves[leaf], word, "");
    }

    /// @return states The true states between the ends of a word's reduction, from nothing to the word as `theirs` has it.
    function sumsOf(
        TestTree.Tree memory theirs,
        uint256 leaf,
        uint256 word
    ) internal view returns (uint256[6][5] memory states) {
        return sumsOf(leaf, word, 1, wordOf(theirs.leaves[leaf], word));
    }

    /// @param value What is said to be the word.
    function sumsOf(
        uint256 leaf,
        uint256 word,
        uint256 path,
        uint256 value
    ) internal view returns (uint256[6][5] memory states) {
        states = abi.decode(verifier.statesOf(leaf, word, path), (uint256[6][5]));
        uint256 last = path;
        while (last != 1 && last % 32 == 3) last /= 32;
        if (last == 1) states[4][0] = value;
    }

    /// @return states What is to be shown of a segment that lies between two that were shown.
    function sumsBelow(
        uint256[6][5] memory shown,
        uint256 leaf,
        uint256 word,
        uint256 path
    ) internal view returns (uint256[6][5] memory states) {
        states = abi.decode(verifier.statesOf(leaf, word, path), (uint256[6][5]));
        states[0] = shown[path % 32];
        states[4] = shown[(path % 32) + 1];
    }

    /// @dev Plays up to the leaf's words, both sides by the rules.
    function playToLeaf(
        bytes32 id,
        address by,
        Answer memory given,
        TestTree.Tree memory own,
        TestTree.Tree memory theirs
    ) internal {
        while (true) {
            Dispute memory state = dispute.disputeOf(id);
            if (state.turn == Turn.REVEAL) reveal(id, given.operator, theirs);
            else if (state.height == 0) return;
            else pick(id, by, own, theirs);
        }
    }

    /// @dev Plays to the end, both sides by the rules; `own` is the challenger's trace, `theirs` the operator's.
    /// @return moves How many were made.
    function play(
        bytes32 id,
        address by,
        Request memory request,
        Answer memory given,
        TestTree.Tree memory own,
        TestTree.Tree memory theirs
    ) internal returns (uint256 moves) {
        while (true) {
            Dispute memory state = dispute.disputeOf(id);
            if (state.turn == Turn.CLOSED || state.turn == Turn.VOIDED) return moves;
            ++moves;
            if (state.turn == Turn.REVEAL) reveal(id, given.operator, theirs);
            else if (state.height == 0) step(id, by, request, given, own, theirs);
            else pick(id, by, own, theirs);
        }
    }
}

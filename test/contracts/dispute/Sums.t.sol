// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IDisputeGame, Turn} from "../../../contracts/interfaces/IDisputeGame.sol";
import {Answer, Request} from "../../../contracts/libraries/RequestLib.sol";
import {Segments} from "../../../contracts/libraries/Segments.sol";
import {vm} from "../Vm.sol";
import {GameTest} from "./GameTest.sol";
import {TestTree} from "./TestTree.sol";

/// @notice Disputes in which the sums of a word are shown.
contract SumsTest is GameTest {
    uint256 private constant LEAF = LEAVES - 1;
    uint256 private constant WORD = 7;
    uint256 private constant STATE = 192;

    Request private request;
    Answer private given;

    /// @dev Up to the turn in which word 7 of the last leaf is to be summed up; it is wrong where `theirs` is not the honest tree.
    function _toSums(TestTree.Tree memory theirs) private returns (bytes32 id) {
        request = ask();
        given = answer(request, operator, outputOf(leafOf(LEAF)));
        id = open(challenger, request, given, 7);
        _pickWord(id, challenger, theirs);
    }

    function _pickWord(bytes32 id, address by, TestTree.Tree memory theirs) private {
        defend(id, request, given, leafOf(LEAF), theirs);
        playToLeaf(id, by, given, honest, theirs);
        vm.prank(by);
        dispute.pickSums(id, theirs.leaves[LEAF], WORD);
    }

    function _stepSegment(bytes32 id, uint256[6][5] memory states, uint256 segment) private {
        vm.prank(challenger);
        dispute.stepSegment(id, request, given, abi.encode(states), abi.encode(segment));
    }

    function _pick(bytes32 id, uint256[6][5] memory states, uint256 segment) private {
        vm.prank(challenger);
        dispute.pickSums(id, abi.encode(states), segment);
    }

    function _reveal(bytes32 id, uint256[6][5] memory states) private {
        vm.prank(operator);
        dispute.revealSums(id, request, given, abi.encode(states));
    }

    function _convicted() private view returns (bool) {
        return operators.operatorOf(operator).stake == STAKE - BOND;
    }

    // ---------------------------------------------------------------------------------------------- who wins

    function test_aWordWhoseSumsAreTrueIsConvictedByTheLastSegment() external {
        TestTree.Tree memory wrong = wrongAt(LEAF, WORD);
        bytes32 id = _toSums(wrong);
        uint256[6][5] memory states = sumsOf(wrong, LEAF, WORD);
        _reveal(id, states);
        _stepSegment(id, states, 3);
        assertTrue(_convicted(), "convicted");
    }

    function test_aWrongSumIsConvictedByItsSegment(uint256 seed) external {
        TestTree.Tree memory wrong = wrongAt(LEAF, WORD);
        bytes32 id = _toSums(wrong);
        uint256[6][5] memory states = sumsOf(wrong, LEAF, WORD);
        uint256 segment = seed % 3;
        states[segment + 1][(seed >> 8) % 6] ^= 1 << ((seed >> 16) % 256);
        _reveal(id, states);
        _stepSegment(id, states, segment);
        assertTrue(_convicted(), "convicted");
    }

    /// @dev A wrong state anywhere in any depth, or only a wrong word: whoever always takes the first end that differs convicts.
    function test_A35_aWrongSumIsConvictedHoweverDeepItLies(uint256 seed) external {
        TestTree.Tree memory theirs = wrongAt(LEAF, WORD);
        bytes32 id = _toSums(theirs);
        uint256[6][5] memory states = sumsOf(theirs, LEAF, WORD);
        uint256 path = 1;
        for (uint256 depth = 0; ; ++depth) {
            uint256 lie = (seed >> (8 * depth)) % 4;
            if (lie != 3) states[lie + 1][(seed >> 64) % 6] ^= 1 << ((seed >> 72) % 256);
            _reveal(id, states);
            if (depth == 7 || depth == (seed >> 80) % 8) {
                _stepSegment(id, states, lie);
                break;
            }
            _pick(id, states, lie);
            path = 32 * path + lie;
            assertEq(dispute.disputeOf(id).path, path, "the way to the segment");
            states = sumsBelow(states, LEAF, WORD, path);
        }
        assertTrue(_convicted(), "convicted");
    }

    function test_A35_trueSumsAreNeverConvictedWhateverIsPicked(uint256 seed) external {
        bytes32 id = _toSums(honest);
        uint256[6][5] memory states = sumsOf(honest, LEAF, WORD);
        uint256 path = 1;
        for (uint256 depth = 0; depth < seed % 8; ++depth) {
            uint256 picked = (seed >> (8 + 2 * depth)) % 4;
            _reveal(id, states);
            _pick(id, states, picked);
            path = 32 * path + picked;
            states = sumsOf(LEAF, WORD, path, wordOf(honest.leaves[LEAF], WORD));
        }
        _reveal(id, states);
        _stepSegment(id, states, (seed >> 64) % 4);
        assertEq(operators.operatorOf(operator).stake, STAKE, "nothing was slashed");
        assertEq(dispute.owed(operator), CHALLENGER_BOND - CHALLENGER_BOND / 10, "the lost bond pays the operator");
    }

    /// @dev The first state and the last stand already; what lies between them may be left out, or be too many, or be cut off.
    function test_tooFewOrTooManySumsConvict(uint256 length) external {
        bytes32 id = _toSums(honest);
        uint256[6][5] memory true_ = sumsOf(honest, LEAF, WORD);
        length %= 31 * STATE + 1;
        if (length == 3 * STATE) length = 0;
        bytes memory states = bytes.concat(abi.encode(true_[0]), new bytes(length), abi.encode(true_[4]));
        vm.prank(operator);
        dispute.revealSums(id, request, given, states);
        vm.prank(challenger);
        dispute.stepSegment(id, request, given, states, abi.encode(0));
        assertTrue(_convicted(), "convicted");
    }

    function test_A23_trueSumsAreNeverConvictedWhateverTheSegment(uint256 seed) external {
        bytes32 id = _toSums(honest);
        uint256[6][5] memory states = sumsOf(honest, LEAF, WORD);
        _reveal(id, states);
        _stepSegment(id, states, seed % 4);
        assertEq(operators.operatorOf(operator).stake, STAKE, "nothing was slashed");
    }

    // ------------------------------------------------------------------------------------------ what is shown

    function test_A20_noMoreSumsAreTakenThanAReductionHas() external {
        bytes32 id = _toSums(honest);
        uint256[6][5] memory true_ = sumsOf(honest, LEAF, WORD);
        bytes memory states = bytes.concat(abi.encode(true_[0]), new bytes(31 * STATE + 1), abi.encode(true_[4]));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SumsTooMany.selector, 33 * STATE + 1, 33 * STATE));
        dispute.revealSums(id, request, given, states);
    }

    function _refused(bytes32 id, uint256[6][5] memory states) private {
        bytes32 frame = dispute.disputeOf(id).node;
        bytes32 found = keccak256(abi.encode(states[0], states[4]));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.RevealInvalid.selector, frame, found));
        dispute.revealSums(id, request, given, abi.encode(states));
    }

    function test_A35_sumsBeginAndEndWithWhatWasShownBefore(uint256 seed) external {
        TestTree.Tree memory wrong = wrongAt(LEAF, WORD);
        bytes32 id = _toSums(wrong);
        uint256[6][5] memory states = sumsOf(wrong, LEAF, WORD);
        uint256 part = (seed >> 8) % 6;
        uint256 bit = 1 << ((seed >> 16) % 256);
        uint256 end = seed % 2 == 0 ? 0 : 4;
        states[end][part] ^= bit;
        _refused(id, states);
        states[end][part] ^= bit;
        _refused(id, sumsOf(honest, LEAF, WORD));
        _reveal(id, states);
        uint256 picked = (seed >> 24) % 4;
        _pick(id, states, picked);
        states = sumsBelow(states, LEAF, WORD, 32 + picked);
        states[end][part] ^= bit;
        _refused(id, states);
        states[end][part] ^= bit;
        _reveal(id, states);
    }

    function test_sumsAreShownOnceForAllDisputes() external {
        bytes32 id = _toSums(honest);
        uint256[6][5] memory states = sumsOf(honest, LEAF, WORD);
        _reveal(id, states);
        bytes32 second = open(challenger, request, given, 7, "2");
        _pickWord(second, challenger, honest);
        assertEq(uint256(dispute.disputeOf(second).turn), uint256(Turn.SEGMENT), "the challenger's turn at once");
        uint256[6][5] memory other = sumsOf(honest, LEAF, 8);
        vm.prank(challenger);
        vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
        dispute.stepSegment(second, request, given, abi.encode(other), abi.encode(0));
        vm.prank(challenger);
        vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
        dispute.pickSums(second, abi.encode(other), 0);
        _stepSegment(second, states, 0);
    }

    function test_A35_sumsOfASegmentAreSharedByTheWayToIt() external {
        bytes32 id = _toSums(honest);
        uint256[6][5] memory states = sumsOf(honest, LEAF, WORD);
        _reveal(id, states);
        _pick(id, states, 2);
        uint256[6][5] memory below = sumsBelow(states, LEAF, WORD, 32 + 2);
        _reveal(id, below);
        _pick(id, below, 1);

        bytes32 second = open(challenger, request, given, 7, "2");
        _pickWord(second, challenger, honest);
        _pick(second, states, 1);
        assertEq(uint256(dispute.disputeOf(second).turn), uint256(Turn.SUMS), "another segment");
        bytes32 third = open(challenger, request, given, 7, "3");
        _pickWord(third, challenger, honest);
        _pick(third, states, 2);
        assertEq(uint256(dispute.disputeOf(third).turn), uint256(Turn.SEGMENT), "the same segment");
        vm.prank(challenger);
        vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
        dispute.stepSegment(third, request, given, abi.encode(states), abi.encode(0));
        _stepSegment(third, below, 1);
    }

    function test_A17_sumsThatWereShownCannotBeReplacedByADisputeWithOneself(uint256 seed) external {
        TestTree.Tree memory wrong = wrongAt(LEAF, WORD);
        bytes32 id = _toSums(wrong);
        fund(operator, CHALLENGER_BOND);
        bytes32 own = open(operator, request, given, 7, "own");
        _pickWord(own, operator, wrong);
        uint256[6][5] memory states = sumsOf(wrong, LEAF, WORD);
        _reveal(id, states);
        bytes32 hash = keccak256(abi.encode(states));

        uint256[6][5] memory others = sumsOf(wrong, LEAF, WORD);
        others[1 + (seed % 3)][(seed >> 8) % 6] ^= 1 << ((seed >> 16) % 256);
        bytes32 otherHash = keccak256(abi.encode(others));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SumsFixed.selector, own, hash, otherHash));
        dispute.revealSums(own, request, given, abi.encode(others));
        _reveal(own, states);
        _stepSegment(id, states, 3);
        assertTrue(_convicted(), "convicted");
    }

    // ---------------------------------------------------------------------------------------- what is refused

    function test_A35_onlyASegmentThatIsShownAndNotAloneIsPicked() external {
        bytes32 id = _toSums(honest);
        uint256[6][5] memory states = sumsOf(honest, LEAF, WORD);
        _reveal(id, states);
        uint256 snapshot = vm.snapshotState();
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SegmentOutOfRange.selector, 4, 5));
        dispute.pickSums(id, abi.encode(states), 4);
        vm.revertToState(snapshot);

        bytes32 second = open(challenger, request, given, 8, "2");
        defend(second, request, given, leafOf(LEAF), honest);
        playToLeaf(second, challenger, given, honest, honest);
        vm.prank(challenger);
        dispute.pickSums(second, honest.leaves[LEAF], 8);
        states = sumsOf(honest, LEAF, 8);
        bytes memory alone = abi.encode(states[0], states[4]);
        vm.prank(operator);
        dispute.revealSums(second, request, given, alone);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SegmentOutOfRange.selector, 0, 2));
        dispute.pickSums(second, alone, 0);
    }

    /// @dev The number of moves is bounded by the longest way, whoever plays both sides.
    function test_A35_noWayIsLongerThanTheLongestReductionHas() external {
        bytes32 id = _toSums(honest);
        uint256[6][5] memory states = sumsOf(honest, LEAF, WORD);
        uint256 path = 1;
        for (uint256 depth = 0; depth < 7; ++depth) {
            _reveal(id, states);
            _pick(id, states, 3);
            path = 32 * path + 3;
            states = sumsBelow(states, LEAF, WORD, path);
        }
        _reveal(id, states);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SegmentOutOfRange.selector, 3, 0));
        dispute.pickSums(id, abi.encode(states), 3);
        (uint256 from, uint256 to) = Segments.rangeOf(path, 2 ** 38);
        assertEq(Segments.lengthOf(to - from), 1, "of the longest reduction nothing is left to be cut");
    }

    function test_A13_whoStopsSummingIsTimedOut() external {
        bytes32 id = _toSums(honest);
        uint256 snapshot = vm.snapshotState();
        vm.warp(dispute.disputeOf(id).deadline);
        dispute.timeout(id, request, given);
        assertTrue(_convicted(), "the operator shows no sums");
        vm.revertToState(snapshot);
        _reveal(id, sumsOf(honest, LEAF, WORD));
        vm.warp(dispute.disputeOf(id).deadline);
        dispute.timeout(id, request, given);
        assertEq(operators.operatorOf(operator).stake, STAKE, "the challenger takes no step");
    }

    function test_onlyThePlayersSumUp() external {
        bytes32 id = _toSums(honest);
        bytes memory states = abi.encode(sumsOf(honest, LEAF, WORD));
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.CallerNotPlayer.selector, stranger, operator));
        vm.prank(stranger);
        dispute.revealSums(id, request, given, states);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.UnexpectedTurn.selector, id, Turn.PICK, Turn.SUMS));
        vm.prank(challenger);
        dispute.pickSums(id, states, 0);
        vm.prank(operator);
        dispute.revealSums(id, request, given, states);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IDisputeGame.CallerNotPlayer.selector, stranger, challenger));
            vm.prank(stranger);
            if (i == 0) dispute.stepSegment(id, request, given, states, abi.encode(0));
            else dispute.pickSums(id, states, 0);
        }
    }

    function test_onlyAWordOfTheDisputedLeafIsPicked() external {
        request = ask();
        given = answer(request, operator, outputOf(leafOf(LEAF)));
        bytes32 id = open(challenger, request, given, 7);
        defend(id, request, given, leafOf(LEAF), honest);
        vm.prank(challenger);
        vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
        dispute.pickSums(id, honest.leaves[LEAF], WORD);
        playToLeaf(id, challenger, given, honest, honest);
        bytes memory other = leafOf(LEAF);
        other[4 * WORD] ^= 0x01;
        vm.prank(challenger);
        vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
        dispute.pickSums(id, other, WORD);
        vm.prank(challenger);
        vm.expectRevert(IDisputeGame.OpeningInvalid.selector);
        dispute.pickSums(id, honest.leaves[LEAF], 64);
    }

    // ----------------------------------------------------------------------------------------- how it is cut

    function test_A35_segmentsCoverWhatIsCut(uint256 total, uint256 path) external pure {
        total = 1 + (total % 2 ** 38);
        (uint256 from, uint256 to) = (0, total);
        uint256 way = 1;
        for (uint256 depth = 0; depth < 8; ++depth) {
            uint256 length = Segments.lengthOf(to - from);
            uint256 count = (to - from + length - 1) / length;
            assertTrue(
                count <= 32 && (count > 1 || to - from == 1),
                "at most 32, and more than one of what can be cut"
            );
            if (depth == 7) break;
            uint256 index = (path >> (5 * depth)) % 32;
            if (index >= count) index %= count;
            way = 32 * way + index;
            (uint256 left, uint256 right) = Segments.rangeOf(way, total);
            assertEq(left, from + index * length, "segments touch");
            assertEq(right, left + length < to ? left + length : to, "the last one ends with what is cut");
            (from, to) = (left, right);
            if (to - from == 1) break;
        }
        (from, to) = (Segments.rangeOf(32 + 31, 1));
        assertEq(from, to, "there is no such segment");
    }
}

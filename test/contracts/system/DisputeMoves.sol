// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Dispute, IDisputeGame, Turn} from "../../../contracts/interfaces/IDisputeGame.sol";
import {Defence} from "../../../contracts/libraries/Defence.sol";
import {vm} from "../Vm.sol";
import {TestTree} from "../dispute/TestTree.sol";
import {Reached} from "./Books.sol";
import {PublicationMoves} from "./PublicationMoves.sol";

/// @notice The moves of both sides of a dispute. The honest ones play to win, the others as it comes.
abstract contract DisputeMoves is PublicationMoves {
    using TestTree for TestTree.Tree;

    // ---------------------------------------------------------------------------------------------- challenging

    /// @dev Anybody but the honest: against any element of any answer, right or wrong.
    function moveCommit() internal {
        if (answered.length == 0) return;
        uint256 which = _recent(answered.length);
        for (uint256 i = 0; i < 3 && !stands(which); ++i) which = _recent(answered.length);
        address by = [BOGUS, SYBIL, CHEAT, CHEAT_TOO, LAZY][draw(5)];
        if (draw(4) == 0 && !isHonest(answered[which].answer.operator)) by = answered[which].answer.operator;
        uint8 element = draw(3) == 0 ? answered[which].element : uint8(draw(65));
        commit(which, by, element, bytes32(draw(1_000)));
    }

    function commit(uint256 which, address by, uint8 element, bytes32 salt) internal returns (bytes32 id) {
        id = dispute.commitmentOf(answered[which].id, 0, element, salt, by);
        // A copy that somebody else sends first, or once more, changes nothing for the commitment's author.
        address sender = draw(5) == 0 ? BOGUS : by;
        bytes memory call_ = abi.encodeCall(dispute.commitChallenge, (id));
        hold("commitChallenge", attempt(sender, address(dispute), call_), 0);
        uint256 since = committedAt[id];
        if (since == 0 || moment() >= since + gameParameters().commitLifetime) committedAt[id] = moment();
        committed.push(Committed(id, which, by, element, salt));
        count(Reached.COMMITTED);
    }

    function moveChallenge() internal {
        if (committed.length == 0) return;
        uint256 which = _recent(committed.length);
        for (uint256 i = 0; i < 4; ++i) {
            Committed storage target = committed[which];
            if (_challengeRefusal(target, answered[target.answered]) == 0) break;
            which = _recent(committed.length);
        }
        challengeAs(committed[which]);
    }

    function challengeAs(Committed memory target) internal returns (bool) {
        Answered storage about = answered[target.answered];
        Asked storage question = asked[about.asked];
        token.mint(target.by, CHALLENGER_BOND);
        bytes memory call_ = abi.encodeCall(
            dispute.challenge,
            (question.request, about.answer, 0, target.element, target.salt)
        );
        bytes4 expected = _challengeRefusal(target, about);
        if (!hold("challenge", attempt(target.by, address(dispute), call_), expected)) return false;
        if (about.open != 0) count(Reached.CHALLENGED_IN_PARALLEL);
        if (target.by == about.answer.operator) count(Reached.SELF_CHALLENGED);
        ++about.open;
        put[target.by] += CHALLENGER_BOND;
        (bondsIn, bondsHeld) = (bondsIn + CHALLENGER_BOND, bondsHeld + CHALLENGER_BOND);
        (committedAt[target.id], existed[target.id]) = (0, true);
        disputed.push(
            Disputed(target.id, target.answered, target.by, target.element, uint64(moment()), 0, false, false, false)
        );
        count(Reached.CHALLENGED);
        return true;
    }

    function _challengeRefusal(Committed memory target, Answered storage about) private view returns (bytes4) {
        uint256 since = committedAt[target.id];
        if (since < about.answer.submittedAt || since == 0) return IDisputeGame.CommitmentUnknown.selector;
        if (moment() < since + gameParameters().commitDelay) return IDisputeGame.CommitmentTooYoung.selector;
        if (moment() >= since + gameParameters().commitLifetime) return IDisputeGame.CommitmentTooOld.selector;
        if (existed[target.id]) return IDisputeGame.DisputeNotOpen.selector;
        if (moment() >= about.until) return IDisputeGame.ChallengeTooLate.selector;
        if (target.element >= 64) return IDisputeGame.ElementOutOfRange.selector;
        return contestRefusal(target.answered);
    }

    // ------------------------------------------------------------------------------------------------- playing

    function moveAny() internal {
        uint256 which = _anyOpen();
        if (which == disputed.length) return;
        Turn turn = dispute.disputeOf(disputed[which].id).turn;
        address by =
            challengerMoves(turn) ? disputed[which].challenger : answered[disputed[which].answered].answer.operator;
        // The honest often wait for their last second.
        if (isHonest(by) && draw(3) == 0) return;
        playTurn(which);
    }

    /// @notice Lets the side whose turn it is make one move; who isn't honest may also do nothing, or what is refused.
    function playTurn(uint256 which) internal {
        Disputed storage entry = disputed[which];
        Answered storage about = answered[entry.answered];
        Dispute memory state = dispute.disputeOf(entry.id);
        if (moment() == state.deadline - 1) count(Reached.LAST_SECOND);
        bytes4 refused = 0;
        if (about.voided) refused = IDisputeGame.AnswerVoided.selector;
        else if (moment() >= state.deadline) refused = IDisputeGame.ClockRunOut.selector;
        if (state.turn == Turn.DEFEND) _playDefence(which, refused);
        else if (state.turn == Turn.REVEAL) _playReveal(which, state, refused);
        else if (state.turn == Turn.PICK && state.height == 0) _playStep(which, state, refused);
        else if (state.turn == Turn.PICK) _playPick(which, state, refused);
        else if (state.turn == Turn.SUMS) _playSums(which, state, refused);
        else if (state.turn == Turn.SEGMENT) _playSegment(which, state, refused);
    }

    function challengerMoves(Turn turn) internal pure returns (bool) {
        return turn == Turn.PICK || turn == Turn.SEGMENT;
    }

    function _playDefence(uint256 which, bytes4 refused) private {
        Disputed storage entry = disputed[which];
        Answered storage about = answered[entry.answered];
        address by = about.answer.operator;
        uint256 choice = isHonest(by) ? 9 : draw(10);
        if (choice < 2 || (by == LAZY && choice < 4)) return;
        if (choice < 3) {
            bytes4 stranger_ = refused == 0 ? IDisputeGame.CallerNotPlayer.selector : refused;
            hold(
                "defend for another",
                attempt(address(this), abi.encodeCall(this.sendDefence, (which, false, SYBIL))),
                stranger_
            );
            return;
        }
        _defend(which, refused, choice == 5);
    }

    /// @param turncoat Whether to show the true trace, whatever trace the operator has shown before.
    function _defend(uint256 which, bytes4 refused, bool turncoat) private {
        Disputed storage entry = disputed[which];
        Answered storage about = answered[entry.answered];
        bool differs = about.lies || (about.wrong && about.consistent);
        bool other = turncoat && differs && about.traceRoot != 0;
        bytes4 expected = refused;
        if (expected == 0) {
            if (other) {
                expected = IDisputeGame.TraceRootFixed.selector;
            } else if (about.wrong && !about.consistent && entry.element == about.element) {
                expected = Defence.DefenceOutsideTolerance.selector;
            }
        }
        bytes4 why = attempt(
            address(this),
            abi.encodeCall(this.sendDefence, (which, other, moverFor(about.answer.operator)))
        );
        if (!hold("defend", why, expected)) return;
        bytes32 root = dispute.traceRootOf(about.id);
        require(root != 0 && (about.traceRoot == 0 || about.traceRoot == root), "the defence has a fixed root");
        about.traceRoot = root;
        revealed.push(Revealed(about.id, uint8(honest.levels.length - 1), 0));
        ++entry.moves;
        count(Reached.DEFENDED);
    }

    function _playReveal(uint256 which, Dispute memory state, bytes4 refused) private {
        Disputed storage entry = disputed[which];
        Answered storage about = answered[entry.answered];
        uint256 choice = isHonest(about.answer.operator) ? 9 : draw(10);
        if (choice < 1) return;
        if (choice < 3) {
            bytes4 expected = refused == 0 ? IDisputeGame.RevealInvalid.selector : refused;
            bytes memory call_ = abi.encodeCall(dispute.reveal, (entry.id, new bytes(256)));
            hold("reveal something else", attempt(about.answer.operator, address(dispute), call_), expected);
            return;
        }
        if (!hold("reveal", attempt(address(this), abi.encodeCall(this.sendReveal, (which))), refused)) return;
        revealed.push(Revealed(about.id, state.height, state.position));
        ++entry.moves;
        count(Reached.REVEALED);
    }

    function _playPick(uint256 which, Dispute memory state, bytes4 refused) private {
        Disputed storage entry = disputed[which];
        uint256 choice = isHonest(entry.challenger) ? 9 : draw(10);
        if (choice < 1) return;
        if (choice < 3) {
            bytes4 expected = refused;
            if (expected == 0) {
                expected = choice == 1 ? IDisputeGame.PickOutOfRange.selector : IDisputeGame.OpeningInvalid.selector;
            }
            uint256 child = choice == 1 ? 64 : 0;
            bytes memory call_ = abi.encodeCall(dispute.pick, (entry.id, child, 0, new bytes32[](6)));
            hold("pick nothing", attempt(entry.challenger, address(dispute), call_), expected);
            return;
        }
        uint256 random = choice < 6 ? 1 + draw(64) : 0;
        bytes4 why = attempt(address(this), abi.encodeCall(this.sendPick, (which, random)));
        if (!hold("pick", why, refused)) return;
        ++entry.moves;
        count(Reached.PICKED);
        Dispute memory next = dispute.disputeOf(entry.id);
        if (next.turn == Turn.PICK) count(Reached.PICKED_REVEALED);
        require(next.height < state.height, "a pick goes down");
    }

    function _playStep(uint256 which, Dispute memory state, bytes4 refused) private {
        Disputed storage entry = disputed[which];
        Answered memory about = answered[entry.answered];
        uint256 choice = isHonest(entry.challenger) ? 9 : draw(10);
        if (choice < 1) return;
        TestTree.Tree memory trace = traceOf(about);
        uint256 word = choice < 6 ? draw(64) : firstWrong(trace, state.position);
        if (draw(2) == 0) {
            bytes memory pick_ = abi.encodeCall(dispute.pickSums, (entry.id, trace.leaves[state.position], word));
            if (hold("pickSums", attempt(entry.challenger, address(dispute), pick_), refused)) ++entry.moves;
            return;
        }
        bool equal = wordOf(trace.leaves[state.position], word) == wordOf(honest.leaves[state.position], word);
        bytes memory call_ = abi.encodeCall(
            dispute.step,
            (entry.id, asked[about.asked].request, about.answer, trace.leaves[state.position], word, "")
        );
        if (!hold("step", attempt(entry.challenger, address(dispute), call_), refused)) return;
        _bookStep(entry, equal);
        count(equal ? Reached.STEP_EQUAL : Reached.STEP_DIFFERENT);
    }

    function _bookStep(Disputed storage entry, bool equal) private {
        ++entry.moves;
        if (equal) bookAcquittal(entry);
        else bookConviction(entry);
    }

    /// @dev The sums of a segment are shown once for all disputes; who shows others later is refused.
    function _playSums(uint256 which, Dispute memory state, bytes4 refused) private {
        Disputed storage entry = disputed[which];
        Answered storage about = answered[entry.answered];
        bool honest_ = isHonest(about.answer.operator);
        if (!honest_ && draw(8) == 0) return;
        uint256 shape = honest_ ? TRUE_SUMS : draw(5);
        uint256 shown = sumsShown[about.id][_keyOf(state, state.path)];
        bytes4 expected = refused;
        if (expected == 0 && shown != 0 && shown != shape + 1) expected = IDisputeGame.SumsFixed.selector;
        bytes memory call_ = abi.encodeCall(
            dispute.revealSums,
            (entry.id, asked[about.asked].request, about.answer, _sums(about, state, state.path, shape))
        );
        if (!hold("revealSums", attempt(moverFor(about.answer.operator), address(dispute), call_), expected)) {
            return;
        }
        sumsShown[about.id][_keyOf(state, state.path)] = shape + 1;
        ++entry.moves;
        count(Reached.SUMS_REVEALED);
    }

    /// @dev The honest take the first segment whose end they know otherwise; where there are too few any shows it.
    function _playSegment(uint256 which, Dispute memory state, bytes4 refused) private {
        Disputed storage entry = disputed[which];
        Answered storage about = answered[entry.answered];
        bool honest_ = isHonest(entry.challenger);
        if (!honest_ && draw(8) == 0) return;
        uint256 shape = sumsShown[about.id][_keyOf(state, state.path)] - 1;
        bytes memory shown = _sums(about, state, state.path, shape);
        uint256 segments = shown.length / STATE - 1;
        bytes memory truth = verifier.statesOf(state.position, state.word, state.path);
        uint256 segment = draw(segments);
        if (honest_) {
            segment = 0;
            while (segment + 1 < segments && _alike(shown, truth, segment + 1)) ++segment;
        }
        bool whole = shape != TOO_FEW_SUMS;
        if ((whole || !honest_) && draw(2) == 0) {
            _pickSegment(which, state, shown, segment, refused);
            return;
        }
        bool equal = whole && _alike(shown, truth, segment + 1);
        bytes memory call_ = abi.encodeCall(
            dispute.stepSegment,
            (entry.id, asked[about.asked].request, about.answer, shown, abi.encode(segment))
        );
        if (!hold("stepSegment", attempt(entry.challenger, address(dispute), call_), refused)) return;
        _bookStep(entry, equal);
        count(equal ? Reached.SEGMENT_EQUAL : Reached.SEGMENT_DIFFERENT);
    }

    function _pickSegment(
        uint256 which,
        Dispute memory state,
        bytes memory shown,
        uint256 segment,
        bytes4 refused
    ) private {
        Disputed storage entry = disputed[which];
        bytes4 expected = refused;
        if (expected == 0 && state.path >> 35 != 0) expected = IDisputeGame.SegmentOutOfRange.selector;
        bytes memory call_ = abi.encodeCall(dispute.pickSums, (entry.id, shown, segment));
        if (!hold("pickSums", attempt(entry.challenger, address(dispute), call_), expected)) return;
        ++entry.moves;
        count(Reached.SEGMENT_PICKED);
    }

    function _keyOf(Dispute memory state, uint256 path) private pure returns (uint256) {
        return (path << 38) | (64 * uint256(state.position) + state.word);
    }

    /// @return What is shown in a shape, between the ends that were shown before.
    function _sums(
        Answered storage about,
        Dispute memory state,
        uint256 path,
        uint256 shape
    ) private view returns (bytes memory) {
        uint256[6][5] memory states = abi.decode(verifier.statesOf(state.position, state.word, path), (uint256[6][5]));
        bytes memory first = abi.encode(states[0]);
        bytes memory last;
        if (path == 1) {
            states[4][0] = wordOf(traceOf(about).leaves[state.position], state.word);
            last = abi.encode(states[4]);
        } else {
            uint256 outer = sumsShown[about.id][_keyOf(state, path / 32)] - 1;
            bytes memory around = _sums(about, state, path / 32, outer);
            (first, last) = (_stateAt(around, path % 32), _stateAt(around, (path % 32) + 1));
        }
        if (shape == TOO_FEW_SUMS) return bytes.concat(first, abi.encode(states[1], states[2]), last);
        if (shape != TRUE_SUMS) states[shape][5] ^= 1;
        return bytes.concat(first, abi.encode(states[1], states[2], states[3]), last);
    }

    function _stateAt(bytes memory states, uint256 index) private pure returns (bytes memory state) {
        state = new bytes(STATE);
        for (uint256 i = 0; i < STATE; ++i) state[i] = states[STATE * index + i];
    }

    function _alike(bytes memory a, bytes memory b, uint256 index) private pure returns (bool) {
        return keccak256(_stateAt(a, index)) == keccak256(_stateAt(b, index));
    }

    // -------------------------------------------------------------------------------------------------- anybody

    function moveTimeout() internal {
        if (disputed.length == 0) return;
        uint256 which = draw(4) == 0 ? draw(disputed.length) : _anyOpen();
        if (which < disputed.length) sendTimeout(which);
    }

    function sendTimeout(uint256 which) internal {
        Disputed storage entry = disputed[which];
        Answered storage about = answered[entry.answered];
        Dispute memory state = dispute.disputeOf(entry.id);
        bytes4 expected = 0;
        if (entry.acquitted) expected = IDisputeGame.DisputeNotOpen.selector;
        else if (about.voided) expected = IDisputeGame.AnswerVoided.selector;
        else if (moment() < state.deadline) expected = IDisputeGame.ClockStillRunning.selector;
        Asked storage question = asked[about.asked];
        bytes memory call_ = abi.encodeCall(dispute.timeout, (entry.id, question.request, about.answer));
        if (!hold("timeout", attempt(address(dispute), call_), expected)) return;
        if (challengerMoves(state.turn)) {
            bookAcquittal(entry);
            count(Reached.CHALLENGER_TIMEOUT);
        } else {
            bookConviction(entry);
            count(Reached.OPERATOR_TIMEOUT);
        }
    }

    function moveCloseVoided() internal {
        if (disputed.length == 0) return;
        uint256 which = draw(disputed.length);
        for (uint256 i = 0; i < disputed.length; ++i) {
            if (!disputed[i].closed && answered[disputed[i].answered].voided) which = i;
        }
        sendCloseVoided(which);
    }

    function sendCloseVoided(uint256 which) internal {
        Disputed storage entry = disputed[which];
        Answered storage about = answered[entry.answered];
        bytes4 expected = 0;
        if (entry.closed) expected = IDisputeGame.DisputeNotOpen.selector;
        else if (!about.voided) expected = IDisputeGame.AnswerNotVoided.selector;
        Asked storage question = asked[about.asked];
        bytes memory call_ = abi.encodeCall(dispute.closeVoided, (entry.id, question.request, about.answer));
        if (!hold("closeVoided", attempt(address(dispute), call_), expected)) return;
        bookVoided(entry);
        count(Reached.CLOSED_VOIDED);
    }

    function withdrawBonds(address by) internal override {
        bytes4 expected = bondsOwed[by] == 0 ? IDisputeGame.NothingOwed.selector : bytes4(0);
        bytes memory call_ = abi.encodeCall(dispute.withdraw, (by));
        if (!hold("withdraw bonds", attempt(address(dispute), call_), expected)) return;
        got[by] += bondsOwed[by];
        bondsOut += bondsOwed[by];
        bondsHeld -= bondsOwed[by];
        bondsOwed[by] = 0;
        count(Reached.BONDS_WITHDRAWN);
    }

    // --------------------------------------------------------------------- what is called, so that it may revert

    function sendDefence(uint256 which, bool truth, address by) external {
        Disputed storage entry = disputed[which];
        Answered memory about = answered[entry.answered];
        bytes memory leaf = postedLeafOf(about.wrong, about.element);
        TestTree.Tree memory trace = truth ? honest : traceOf(about);
        vm.prank(by);
        dispute.defend(
            entry.id,
            asked[about.asked].request,
            about.answer,
            posted(leaf),
            canonical(trace),
            topOf(trace)
        );
    }

    function sendReveal(uint256 which) external {
        Answered memory about = answered[disputed[which].answered];
        reveal(disputed[which].id, about.answer.operator, traceOf(about));
    }

    /// @param random Picks child `random - 1` of those there are; 0: the first that differs from the true trace.
    function sendPick(uint256 which, uint256 random) external {
        Disputed storage entry = disputed[which];
        TestTree.Tree memory theirs = traceOf(answered[entry.answered]);
        if (random == 0) {
            pick(entry.id, entry.challenger, honest, theirs);
        } else {
            Dispute memory state = dispute.disputeOf(entry.id);
            (uint256 first, bytes32[] memory children) = theirs.childrenOf(state.height, state.position);
            pickChild(entry.id, entry.challenger, theirs, state, first, (random - 1) % children.length);
        }
    }

    function firstWrong(TestTree.Tree memory trace, uint256 leaf) internal view returns (uint256 word) {
        bytes memory own = honest.leaves[leaf];
        while (word < 63 && wordOf(own, word) == wordOf(trace.leaves[leaf], word)) ++word;
    }

    /// @return which The index of an open dispute, `disputed.length` where there is none.
    function _anyOpen() internal returns (uint256 which) {
        uint256 length = disputed.length;
        if (length == 0) return 0;
        uint256 start = draw(length);
        for (uint256 i = 0; i < length; ++i) {
            which = (start + i) % length;
            if (!disputed[which].closed) return which;
        }
        return length;
    }
}

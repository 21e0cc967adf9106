// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Status} from "../../../contracts/interfaces/IInferenceCoordinator.sol";
import {Dispute, Turn} from "../../../contracts/interfaces/IDisputeGame.sol";
import {Model} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Answer, Request, RequestParams} from "../../../contracts/libraries/RequestLib.sol";
import {vm} from "../Vm.sol";
import {GameTest} from "./GameTest.sol";
import {TestTree} from "./TestTree.sol";

/// @notice Whole games at random on the real contracts: trees of many sizes, lies anywhere or nowhere, several challengers at
/// once, moves at any time up to the last second, sides that fall silent.
/// @dev ASSAY_GAMES says how many, ASSAY_GAMES_SEED from where, ASSAY_GAMES_REPORT to print how they ended.
contract RandomGamesTest is GameTest {
    using TestTree for TestTree.Tree;

    /// @notice What the sides of one game are like.
    struct Setting {
        bool honestOperator;
        /// @dev The posted element is wrong, and an honest challenger is among the challengers.
        bool wrong;
        uint256 element;
        /// @dev The operator's trace.
        TestTree.Tree trace;
        TestTree.Tree truth;
        Request request;
        Answer given;
        uint256 challengers;
    }

    struct Player {
        bytes32 id;
        address by;
        /// @dev Follows the true trace.
        bool honest;
        uint256 openedAt;
        uint256 moves;
        bool open;
        /// @dev When the side to move moves; the deadline: never.
        uint256 next;
    }

    /// @notice How the games of a run ended.
    struct Ends {
        uint256 acquitted;
        uint256 convicted;
        uint256 operatorTimeouts;
        uint256 challengerTimeouts;
        uint256 overtaken;
        uint256 lastSeconds;
        uint256 mostMoves;
        uint256 longest;
    }

    event log_named_uint(string key, uint256 value); // solhint-disable-line event-name-capwords

    uint256 private _seed;
    Ends private _ends;

    function test_randomGamesAreNeverLostByTheHonestAndAlwaysEnd() external {
        uint256 games = vm.envOr("ASSAY_GAMES", 200);
        uint256 seed = vm.envOr("ASSAY_GAMES_SEED", 1);
        Ends memory total;
        for (uint256 i = 0; i < games; ++i) {
            uint256 start = vm.snapshotState();
            uint256 from = uint256(keccak256(abi.encode(seed, i)));
            try this.playGame(from) returns (Ends memory ends) {
                _add(total, ends);
            } catch Error(string memory why) {
                revert(string.concat("game ", vm.toString(i), " from ", vm.toString(from), ": ", why));
            }
            vm.revertToState(start);
        }
        _report(games, total);
        assertTrue(total.acquitted > games / 10 && total.convicted > games / 10, "both ends are reached");
        assertTrue(total.operatorTimeouts > games / 20, "operators fall silent");
        assertTrue(total.challengerTimeouts > games / 20, "challengers fall silent");
        assertTrue(total.overtaken > games / 50 && total.lastSeconds > games / 2, "overtaken, and in the last second");
    }

    // ------------------------------------------------------------------------------------------------- one game

    function playGame(uint256 seed) external returns (Ends memory) {
        _seed = seed;
        Setting memory setting = _setting();
        Player[] memory players = _openAll(setting);
        while (true) {
            uint256 next = players.length;
            for (uint256 i = 0; i < players.length; ++i) {
                if (players[i].open && (next == players.length || players[i].next < players[next].next)) next = i;
            }
            if (next == players.length) break;
            _moveOn(setting, players[next]);
            if (_isVoided(setting)) _closeOthers(setting, players);
        }
        _judge(setting, players);
        return _ends;
    }

    function _setting() private returns (Setting memory setting) {
        uint256 leaves = [uint256(1), 2, 3, 9, 63, 64, 65, 66, 100, 128, 130, 4 * 64 + 1][_draw(12)];
        setting.honestOperator = _draw(2) == 0;
        setting.truth = _tree(leaves);
        setting.trace = _tree(leaves);
        setting.element = _draw(64);
        setting.challengers = 1 + _draw(3);
        bytes memory posted_ = setting.truth.leaves[leaves - 1];
        if (!setting.honestOperator) {
            setting.wrong = _draw(4) != 0;
            posted_ = _lie(setting);
        }
        setting.request = _askOf(leaves);
        setting.given = answer(setting.request, operator, outputOf(posted_));
        verifier.setLeaves(setting.truth.leaves);
    }

    /// @return posted_ The leaf that is posted.
    function _lie(Setting memory setting) private returns (bytes memory posted_) {
        uint256 last = setting.trace.leaves.length - 1;
        posted_ = bytes.concat(setting.trace.leaves[last]);
        if (setting.wrong) setWord(posted_, setting.element, 0x40a00000);
        for (uint256 i = _draw(4); i > 0; --i) {
            uint256 leaf = _draw(last + 1);
            uint256 word = _draw(64);
            bytes memory words = setting.trace.leaves[leaf];
            setWord(words, word, wordOf(words, word) ^ uint32(1 << _draw(8)));
            setting.trace.update(leaf);
        }
        // Else it can't defend the element, and has to take the answer back or to fall silent.
        if (!setting.wrong || _draw(4) == 0) return posted_;
        setWord(setting.trace.leaves[last], setting.element, 0x40a00000);
        setting.trace.update(last);
    }

    function _askOf(uint256 leaves) private returns (Request memory) {
        Model memory made = model(author, ROYALTY_BPS);
        made.artifactURI = "ipfs://random";
        made.programRoot = keccak256(abi.encodePacked(hex"07", INSTRUCTIONS_TOP, header(leaves)));
        vm.prank(author);
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = models.registerModel(made, INSTRUCTIONS_TOP, header(leaves));
        vm.prank(operator);
        operators.setServedModels(ids, true);
        RequestParams memory terms = params();
        (terms.modelId, terms.callbackGasLimit) = (ids[0], 0);
        return ask(terms);
    }

    /// @dev The first challenger is honest where there is something to challenge; all come at a time of their own.
    function _openAll(Setting memory setting) private returns (Player[] memory players) {
        players = new Player[](setting.challengers);
        for (uint256 i = 0; i < players.length; ++i) {
            address by = address(uint160(0xc0de00 + i));
            bool honest_ = setting.wrong && i == 0;
            fund(by, CHALLENGER_BOND);
            uint256 left = dispute.challengeableUntil(setting.request, setting.given) - vm.getBlockTimestamp();
            uint256 spread = (left - 121) / (players.length - i);
            // Nobody moves before all are open, so the first of them must not run out of its first clock.
            if (i != 0 && spread > 250) spread = 250;
            vm.warp(vm.getBlockTimestamp() + _draw(spread));
            uint32 element = uint32(honest_ || _draw(2) == 0 ? setting.element : _draw(64));
            bytes32 id = open(by, setting.request, setting.given, element, bytes32(i));
            players[i] = Player(id, by, honest_, vm.getBlockTimestamp(), 0, true, 0);
        }
        for (uint256 i = 0; i < players.length; ++i) _plan(setting, players[i]);
    }

    /// @dev Who is honest moves in time, the others perhaps.
    function _plan(Setting memory setting, Player memory player) private {
        Dispute memory state = dispute.disputeOf(player.id);
        bool honest_ = state.turn == Turn.PICK ? player.honest : setting.honestOperator;
        uint256 left = state.deadline - vm.getBlockTimestamp();
        uint256 kind = _draw(10);
        if (!honest_ && kind == 0) player.next = state.deadline;
        else if (kind < 4) player.next = state.deadline - 1;
        else player.next = vm.getBlockTimestamp() + _draw(kind < 8 ? 1 + left / 16 : left);
    }

    function _moveOn(Setting memory setting, Player memory player) private {
        Dispute memory state = dispute.disputeOf(player.id);
        if (player.next > vm.getBlockTimestamp()) vm.warp(player.next);
        assertTrue(vm.getBlockTimestamp() <= state.deadline, "moves come in their order");
        if (vm.getBlockTimestamp() == state.deadline) {
            dispute.timeout(player.id, setting.request, setting.given);
            if (state.turn == Turn.PICK) ++_ends.challengerTimeouts;
            else ++_ends.operatorTimeouts;
        } else {
            if (vm.getBlockTimestamp() + 1 == state.deadline) ++_ends.lastSeconds;
            _send(setting, player, state);
            ++player.moves;
        }
        Turn turn = dispute.disputeOf(player.id).turn;
        if (turn == Turn.CLOSED || turn == Turn.VOIDED) _end(player);
        else _plan(setting, player);
    }

    function _send(Setting memory setting, Player memory player, Dispute memory state) private {
        if (state.turn == Turn.DEFEND) {
            _defend(setting, player, state);
        } else if (state.turn == Turn.REVEAL) {
            reveal(player.id, operator, setting.trace);
        } else if (player.honest || _draw(3) == 0) {
            if (state.height == 0) {
                step(player.id, player.by, setting.request, setting.given, setting.truth, setting.trace);
            } else {
                pick(player.id, player.by, setting.truth, setting.trace);
            }
        } else if (state.height == 0) {
            vm.prank(player.by);
            bytes memory leaf = setting.trace.leaves[state.position];
            dispute.step(player.id, setting.request, setting.given, leaf, _draw(64), "");
        } else {
            (uint256 first, bytes32[] memory children) = setting.trace.childrenOf(state.height, state.position);
            pickChild(player.id, player.by, setting.trace, state, first, _draw(children.length));
        }
    }

    function _defend(Setting memory setting, Player memory player, Dispute memory state) private {
        uint256 last = setting.trace.leaves.length - 1;
        bytes memory posted_ = bytes.concat(setting.truth.leaves[last]);
        if (setting.wrong) setWord(posted_, setting.element, 0x40a00000);
        bool able = wordOf(setting.trace.leaves[last], setting.element) >> 16 == wordOf(posted_, setting.element) >> 16;
        if (able || state.element != setting.element) {
            defend(player.id, setting.request, setting.given, posted_, setting.trace);
        } else {
            vm.prank(operator);
            dispute.retract(setting.request, setting.given);
        }
    }

    // ------------------------------------------------------------------------------------------------ the ends

    function _end(Player memory player) private {
        player.open = false;
        uint256 duration = vm.getBlockTimestamp() - player.openedAt;
        assertTrue(duration <= longestDispute(), "a game ends in bounded time");
        uint256 fixedTime = 2 * uint256(gameParameters().clock) + gameParameters().defendTime;
        uint256 most = (longestDispute() - fixedTime) / gameParameters().moveTime;
        assertTrue(player.moves <= most, "a game ends in a bounded number of moves");
        if (player.moves > _ends.mostMoves) _ends.mostMoves = player.moves;
        if (duration > _ends.longest) _ends.longest = duration;
    }

    function _isVoided(Setting memory setting) private view returns (bool) {
        return statusOf(setting.request, setting.given) != Status.SUSPENDED && _stake() != STAKE;
    }

    function _closeOthers(Setting memory setting, Player[] memory players) private {
        for (uint256 i = 0; i < players.length; ++i) {
            if (!players[i].open) continue;
            dispute.closeVoided(players[i].id, setting.request, setting.given);
            assertEq(dispute.owed(players[i].by), CHALLENGER_BOND, "who is overtaken gets its bond back");
            players[i].open = false;
            ++_ends.overtaken;
        }
    }

    function _judge(Setting memory setting, Player[] memory players) private {
        bool convicted = _stake() != STAKE;
        if (setting.honestOperator) {
            assertTrue(!convicted, "an honest operator is never convicted");
            uint256 earned = players.length * (CHALLENGER_BOND - CHALLENGER_BOND / 10);
            assertEq(dispute.owed(operator), earned, "every bogus challenge pays it");
        }
        if (setting.wrong) {
            assertTrue(convicted, "a wrong answer is convicted");
            assertEq(dispute.owed(players[0].by), CHALLENGER_BOND, "an honest challenger never loses its bond");
        }
        if (convicted) {
            ++_ends.convicted;
            return;
        }
        ++_ends.acquitted;
        uint256 until = dispute.challengeableUntil(setting.request, setting.given);
        uint256 last = uint256(setting.given.submittedAt) + setting.request.params.challengeWindow;
        assertTrue(until <= last + gameParameters().maxGrace, "the grace is capped");
        if (until > vm.getBlockTimestamp()) vm.warp(until);
        coordinator.finalize(setting.request, setting.given, "");
    }

    function _stake() private view returns (uint256) {
        return operators.operatorOf(operator).stake;
    }

    function _add(Ends memory total, Ends memory ends) private pure {
        total.acquitted += ends.acquitted;
        total.convicted += ends.convicted;
        total.operatorTimeouts += ends.operatorTimeouts;
        total.challengerTimeouts += ends.challengerTimeouts;
        total.overtaken += ends.overtaken;
        total.lastSeconds += ends.lastSeconds;
        if (ends.mostMoves > total.mostMoves) total.mostMoves = ends.mostMoves;
        if (ends.longest > total.longest) total.longest = ends.longest;
    }

    function _report(uint256 games, Ends memory total) private {
        if (vm.envOr("ASSAY_GAMES_REPORT", 0) == 0) return;
        emit log_named_uint("games", games);
        emit log_named_uint("acquitted", total.acquitted);
        emit log_named_uint("convicted", total.convicted);
        emit log_named_uint("operatorTimeouts", total.operatorTimeouts);
        emit log_named_uint("challengerTimeouts", total.challengerTimeouts);
        emit log_named_uint("overtaken", total.overtaken);
        emit log_named_uint("lastSeconds", total.lastSeconds);
        emit log_named_uint("mostMoves", total.mostMoves);
        emit log_named_uint("longestSeconds", total.longest);
    }

    // -------------------------------------------------------------------------------------------------- chance

    function _draw(uint256 n) private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % n;
    }

    /// @dev Floats in [1, 2).
    function _tree(uint256 leaves) private pure returns (TestTree.Tree memory) {
        uint256 mask = 0xffff7f00ffff7f00ffff7f00ffff7f00ffff7f00ffff7f00ffff7f00ffff7f00;
        uint256 ones = 0x0000803f0000803f0000803f0000803f0000803f0000803f0000803f0000803f;
        bytes[] memory made = new bytes[](leaves);
        for (uint256 i = 0; i < leaves; ++i) {
            uint256[8] memory words;
            for (uint256 j = 0; j < 8; ++j) words[j] = (uint256(keccak256(abi.encode(i, j))) & mask) | ones;
            made[i] = abi.encodePacked(words);
        }
        return TestTree.build(made);
    }
}

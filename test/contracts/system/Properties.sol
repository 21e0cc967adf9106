// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Status} from "../../../contracts/interfaces/IInferenceCoordinator.sol";
import {Dispute, GameParameters, Turn} from "../../../contracts/interfaces/IDisputeGame.sol";
import {Bundle} from "../../../contracts/interfaces/IPublications.sol";
import {IOperatorRegistry} from "../../../contracts/interfaces/IOperatorRegistry.sol";
import {Answer} from "../../../contracts/libraries/RequestLib.sol";
import {Book, Books} from "./Books.sol";

/// @notice What holds after any sequence of moves. P01 is asserted where answers become final.
abstract contract Properties is Books {
    function checkMoney() internal {
        _checkFees(ETHER, address(coordinator).balance, giftsOfEther);
        _checkFees(TOKEN, token.balanceOf(address(coordinator)), giftsOfTokens[address(coordinator)]);
        _checkStake();
        _checkBonds();
        checkEscrow();
        _checkPlayers();
    }

    function _checkFees(uint256 kind, uint256 held, uint256 gifts) private view {
        address token_ = kind == ETHER ? address(0) : address(token);
        uint256 owed = coordinator.uncollectedProtocolFees(author, token_);
        assertEq(owed, protocolFees[kind], "P02 the protocol's part of every fee is rounded up and kept");
        for (uint256 i = 0; i < 8; ++i) {
            uint256 amount = coordinator.owed(payeeAt(i), token_);
            assertEq(amount, feesOwed[payeeAt(i)][kind], "P03 fees are owed as the request's own terms divide them");
            owed += amount;
        }
        assertEq(held, escrow[kind] + owed + gifts, "P04 the coordinator holds what is escrowed and owed");
        assertEq(taken[kind], escrow[kind] + owed + paidOut[kind], "P05 fees that came in are escrowed, owed or paid");
        uint256 open = 0;
        for (uint256 i = 0; i < asked.length; ++i) {
            bool pending = asked[i].book == Book.OPEN || asked[i].book == Book.ANSWERED;
            bool same = (asked[i].request.params.feeToken == address(0)) == (kind == ETHER);
            if (pending && same) open += asked[i].request.params.fee;
        }
        assertEq(escrow[kind], open, "P06 the escrow is the fees of open requests");
    }

    function _checkStake() private view {
        uint256 total = 0;
        uint256 active = 0;
        for (uint256 i = 0; i < 5; ++i) {
            address account = operatorAt(i);
            IOperatorRegistry.Operator memory entry = operators.operatorOf(account);
            (uint256 active_, uint256 free) = coordinator.stakeOf(account);
            assertEq(entry.bonding, bonding[account], "P56 a deposit counts once it is activated");
            assertTrue(
                uint256(entry.locked) + entry.unbonding + entry.bonding <= entry.stake,
                "P07 locked and unbonding are staked"
            );
            assertEq(entry.locked, locked[account], "P08 what is locked is the sum of the open bonds");
            assertEq(entry.stake, stakes[account], "P09 stake changes by deposits, withdrawals and penalties alone");
            assertEq(
                active_,
                entry.stake - entry.unbonding - entry.bonding,
                "P10 both contracts agree on the active stake"
            );
            assertEq(active_ - free, entry.locked, "P11 both contracts agree on the locked stake");
            total += entry.stake;
            active += active_ + entry.bonding;
        }
        assertEq(coordinator.totalStake(), active, "P12 the total stake is the sum");
        assertEq(operators.owed(address(claims)), toClaims, "P13 three eighths of a bond lost late are divided");
        assertEq(operators.owed(BURN), toBurn, "P13 the rest of it is to be burned");
        uint256 held = token.balanceOf(address(operators));
        assertEq(
            held,
            total + toClaims + toBurn + giftsOfTokens[address(operators)],
            "P14 the registry holds stake and penalties"
        );
        assertEq(slashed, pooled + stakeBurned, "P15 what is slashed is divided or burned");
        _checkClaims();
    }

    function _checkClaims() private view {
        uint256 owed = 0;
        for (uint256 i = 0; i < 9; ++i) {
            uint256 amount = claims.owed(claimantAt(i));
            assertEq(amount, claimsOwed[claimantAt(i)], "P48 every claim on an answer's bond gets the same part");
            owed += amount;
        }
        assertEq(owed + claimsOut, claimed, "P49 what is claimed is owed or paid");
        uint256 held = token.balanceOf(address(claims)) - giftsOfTokens[address(claims)];
        assertEq(held + toClaims + claimsOut, pooled, "P50 what is divided is there or paid");
        assertTrue(claimed <= pooled, "P51 no more is claimed than is divided");
    }

    function checkEscrow() internal view {
        uint256 owed = 0;
        for (uint256 i = 0; i < 8; ++i) {
            uint256 amount = publications.owed(playerAt(i));
            assertEq(amount, escrowOwed[playerAt(i)], "P52 an escrow is divided as publishing cost");
            owed += amount;
        }
        uint256 open = 0;
        for (uint256 i = 0; i < answered.length; ++i) {
            for (uint256 kind = 0; kind < 2; ++kind) {
                Demanded storage entry = demands[i][Bundle(kind)];
                if (!entry.collected) open += entry.escrow;
                assertTrue(2 * entry.drawn <= entry.escrow, "P53 an operator draws half of an escrow at most");
            }
        }
        assertEq(address(publications).balance, open + owed, "P54 escrows are held or owed");
        assertEq(escrowIn, open + owed + escrowOut, "P55 every wei of an escrow comes out");
    }

    function _checkBonds() private {
        uint256 owed = 0;
        for (uint256 i = 0; i < 8; ++i) {
            uint256 amount = dispute.owed(playerAt(i));
            assertEq(amount, bondsOwed[playerAt(i)], "P16 the game owes what it credited less what was withdrawn");
            owed += amount;
        }
        assertEq(dispute.owed(BURN), bondsOwed[BURN], "P16 what is to be burned of lost bonds");
        owed += bondsOwed[BURN];
        uint256 open = 0;
        for (uint256 i = 0; i < disputed.length; ++i) if (!disputed[i].closed) open += CHALLENGER_BOND;
        uint256 held = token.balanceOf(address(dispute));
        assertEq(held, open + owed + giftsOfTokens[address(dispute)], "P17 the game holds open bonds and what it owes");
        assertEq(bondsIn, bondsHeld + bondsOut, "P18 bonds come back, pay the other side or are burned");
        uint256 burned = token.balanceOf(BURN) + toBurn + bondsOwed[BURN];
        assertEq(burned, stakeBurned + bondsBurned, "P19 what is burned is the penalties' and the lost bonds' part");
        assertTrue(burned >= burnedBefore, "P20 what is burned only grows");
        burnedBefore = burned;
    }

    /// @dev In the stake token, before gas; fees are counted apart.
    function _checkPlayers() private view {
        uint256 gains = 0;
        uint256 costs = 0;
        for (uint256 i = 0; i < 8; ++i) {
            address account = playerAt(i);
            uint256 worth =
                got[account] + stakes[account] + claimsOwed[account] + bondsOwed[account] + _atStake(account);
            if (isHonest(account)) {
                assertTrue(worth >= put[account], "P21 nobody honest loses stake or bond");
                assertEq(slashes[account], 0, "P22 an honest operator is never slashed");
            } else {
                gains += worth;
                costs += put[account];
            }
        }
        assertTrue(gains + leastLoss <= costs, "P23 all that cheat together lose half of every bond at least");
    }

    function _atStake(address account) private view returns (uint256 amount) {
        for (uint256 i = 0; i < disputed.length; ++i) {
            if (!disputed[i].closed && disputed[i].challenger == account) amount += CHALLENGER_BOND;
        }
    }

    // -------------------------------------------------------------------------------------------- requests

    function checkRequests(uint256 from) internal view {
        for (uint256 i = from; i < asked.length; ++i) {
            Asked storage entry = asked[i];
            assertEq(idOf(entry.request), entry.id, "P24 a request keeps its identity, and with it its terms");
            Answer memory given = entry.standing == 0 ? noAnswer() : answered[entry.standing - 1].answer;
            Status status = statusOf(entry.request, given);
            if (entry.book == Book.OPEN) {
                bool late = moment() >= entry.deadline;
                assertEq(status, late ? Status.EXPIRED : Status.REQUESTED, "P25 an open request is open or expired");
            } else if (entry.book == Book.ANSWERED) {
                Answered storage about = answered[entry.standing - 1];
                assertTrue(
                    (status == Status.SUSPENDED) == (about.open != 0),
                    "P26 an answer is suspended while a dispute about it is open, and only then"
                );
                bool due = about.open == 0 && moment() >= about.until;
                assertTrue((status == Status.FINALIZABLE) == due, "P27 an answer is finalizable when its time is up");
            } else {
                bool final_ = entry.book == Book.FINAL;
                assertEq(status, final_ ? Status.FINALIZED : Status.REFUNDED, "P28 what has ended stays as it ended");
                (bool told, bool delivered) = coordinator.isFinal(entry.id, given);
                assertTrue(told == final_ && delivered == final_, "P29 a final answer can be proven, no other can");
            }
            bool calls = entry.book == Book.FINAL && entry.request.params.callbackGasLimit != 0;
            assertEq(entry.calls, calls ? 1 : 0, "P30 a callback comes once, with the final answer");
            assertTrue(entry.finals <= 1, "P31 a request has one final answer");
        }
    }

    // -------------------------------------------------------------------------------------------- disputes

    function checkAnswers(uint256 from) internal {
        // Two publications of one chunk, each opening the answer again.
        uint256 most = 3 * uint256(gameParameters().maxGrace);
        most += 2 * (uint256(publicationParameters().baseTime) + publicationParameters().chunkTime);
        for (uint256 i = from; i < answered.length; ++i) {
            Answered storage about = answered[i];
            uint64 until = dispute.challengeableUntil(asked[about.asked].request, about.answer);
            assertEq(until, about.until, "P32 an answer stays open to challenge as long as window and grace say");
            assertTrue(until <= windowEndOf(about) + most, "P33 nothing prolongs a window past its cap");
            assertEq(dispute.traceRootOf(about.id), about.traceRoot, "P34 a trace root is fixed once");
            bool honestly = isHonest(about.answer.operator);
            assertTrue(!(honestly && about.voided), "P35 an honest operator's answer is never voided");
        }
        for (uint256 i = 0; i < revealed.length; i += 1 + draw(8)) {
            Revealed storage node = revealed[i];
            assertTrue(
                dispute.isRevealed(node.answerId, node.height, node.position),
                "P36 what has been revealed stays revealed"
            );
        }
    }

    function checkDisputes(uint256 from) internal view {
        GameParameters memory p = gameParameters();
        uint256 mostTime = longestDispute();
        uint256 mostMoves = (mostTime - 2 * uint256(p.clock) - p.defendTime) / p.moveTime;
        for (uint256 i = from; i < disputed.length; ++i) {
            Disputed storage entry = disputed[i];
            Dispute memory state = dispute.disputeOf(entry.id);
            assertEq(state.challenger, entry.challenger, "P37 a dispute keeps its players");
            assertEq(state.answerId, answered[entry.answered].id, "P38 a dispute keeps its answer");
            bool over = state.turn == Turn.CLOSED || state.turn == Turn.VOIDED;
            assertTrue(over == entry.closed, "P39 a closed dispute stays closed");
            assertTrue((state.turn == Turn.CLOSED) == entry.acquitted, "P39 only an acquittal has no claim");
            assertTrue(entry.moves <= mostMoves, "P40 a dispute has a bounded number of moves");
            assertTrue(state.deadline <= entry.openedAt + mostTime, "P41 a dispute's last deadline is bounded");
            assertTrue(state.otherClock <= p.clock, "P42 a clock never runs backwards");
            bool lost = entry.closed && isHonest(entry.challenger) && !answered[entry.answered].voided;
            assertTrue(!lost, "P43 an honest challenger never loses");
        }
        uint256 longest = uint256(coordinator.parameters().maxChallengeWindow) + dispute.maxDuration();
        assertTrue(longest < operators.unbondingPeriod(), "P44 unbonding outlasts window, dispute and grace");
    }
}

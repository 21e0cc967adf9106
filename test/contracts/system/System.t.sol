// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Bundle} from "../../../contracts/interfaces/IPublications.sol";
import {vm} from "../Vm.sol";
import {Book, Books, Reached} from "./Books.sol";
import {Duties} from "./Duties.sol";
import {Properties} from "./Properties.sol";

/// @notice Walks through the whole system at random: consumers, honest, cheating and lazy operators, an honest watcher, bogus
/// challengers, the administration and time. Every property holds after every call, and everybody gets out at the end.
/// @dev Length and seed come from the environment (scripts/invariants.ts): ASSAY_WALKS, ASSAY_WALK_CALLS, ASSAY_WALK_SEED,
/// and ASSAY_WALK_REPORT to print what was reached.
contract SystemTest is Duties, Properties {
    event log_named_uint(string key, uint256 value); // solhint-disable-line event-name-capwords

    uint256 private constant KINDS = uint256(Reached.REFUSED) + 1;

    function setUp() public override(Books) {
        super.setUp();
    }

    function test_whateverAnybodyDoesThePropertiesHold() external {
        uint256 walks = vm.envOr("ASSAY_WALKS", 8);
        uint256 calls = vm.envOr("ASSAY_WALK_CALLS", 500);
        uint256 seed = vm.envOr("ASSAY_WALK_SEED", 1);
        uint256[64] memory total;
        uint256 start = vm.snapshotState();
        for (uint256 i = 0; i < walks; ++i) {
            this.walk(uint256(keccak256(abi.encode(seed, i))), calls);
            uint256[64] memory found = this.harvest();
            for (uint256 j = 0; j < KINDS; ++j) total[j] += found[j];
            vm.revertToState(start);
            start = vm.snapshotState();
        }
        if (vm.envOr("ASSAY_WALK_REPORT", 0) != 0) {
            for (uint256 i = 0; i < KINDS; ++i) emit log_named_uint(vm.toString(i), total[i]);
            return; // whoever adds many walks up looks for what they seldom reach
        }
        uint256 least = 1 + (walks * calls) / 5_000;
        for (uint256 i = 0; i < KINDS; ++i) {
            assertTrue(total[i] >= least, string.concat("seldom reached: ", vm.toString(i)));
        }
    }

    function harvest() external view returns (uint256[64] memory) {
        return reached;
    }

    function walk(uint256 seed, uint256 calls) external {
        sow(seed);
        // What a transaction pays is not part of a snapshot.
        _price(1 gwei, 2 gwei);
        for (uint256 i = 0; i < calls; ++i) {
            try this.call() {
                continue;
            } catch Error(string memory why) {
                revert(_place(seed, i, why));
            } catch (bytes memory why) {
                revert(_place(seed, i, vm.toString(bytes32(why))));
            }
        }
        this.endAll();
    }

    function _place(uint256 seed, uint256 i, string memory why) private pure returns (string memory) {
        return string.concat("call ", vm.toString(i), " of the walk from ", vm.toString(seed), ": ", why);
    }

    /// @notice One move of somebody, and the properties behind it.
    function call() external {
        uint256 kind = draw(100);
        if (kind < 10) movePass();
        else if (kind < 17) moveAsk();
        else if (kind < 27) moveSubmit();
        else if (kind < 32) moveWatch();
        else if (kind < 38) moveCommit();
        else if (kind < 46) moveChallenge();
        else if (kind < 68) _movePlay();
        else if (kind < 80) _moveBytes();
        else if (kind < 83) moveTimeout();
        else if (kind < 85) moveCloseVoided();
        else if (kind < 87) moveFinalize();
        else if (kind < 89) moveRefund();
        else if (kind < 92) moveRetract();
        else if (kind < 94) _moveClaims();
        else if (kind < 96) moveStake();
        else if (kind < 98) moveWithdraw();
        else if (kind < 99) moveGovern();
        else moveTrespass();
        _check(false);
    }

    function _movePlay() private {
        moveAny();
        if (draw(2) == 0) moveAny();
    }

    function _moveBytes() private {
        uint256 kind = draw(16);
        if (kind < 5) moveDemand();
        else if (kind < 9) movePublish();
        else if (kind < 12) moveTimeoutPublication();
        else if (kind < 13) moveRaiseEscrow();
        else if (kind < 15) moveCollect();
        else withdrawEscrow(playerAt(draw(8)));
    }

    function _moveClaims() private {
        if (draw(2) == 0) moveJoin();
        else moveClaim();
    }

    /// @notice Ends everything that is open: every dispute can be closed, every request ended, every deposit taken out.
    function endAll() external {
        _price(0, 0);
        for (uint256 round = 0; _disputesOpen(); ++round) {
            require(round < 64, "P45 every dispute and every demand has an exit");
            pass(1 days);
            for (uint256 i = 0; i < answered.length; ++i) {
                for (uint256 kind = 0; kind < 2; ++kind) {
                    if (_isDue(i, Bundle(kind))) sendTimeoutPublication(i, Bundle(kind));
                }
            }
            for (uint256 i = 0; i < disputed.length; ++i) {
                if (disputed[i].closed) continue;
                if (answered[disputed[i].answered].voided) sendCloseVoided(i);
                else if (moment() >= dispute.disputeOf(disputed[i].id).deadline) sendTimeout(i);
            }
        }
        _check(true);
        for (uint256 i = 0; i < asked.length; ++i) _end(i);
        pass(joinTime());
        _claimAll();
        for (uint256 i = 0; i < 5; ++i) {
            if (bonding[operatorAt(i)] != 0) {
                roll(BONDING_BLOCKS);
                activateStake(operatorAt(i));
            }
            if (stakes[operatorAt(i)] > unbonding[operatorAt(i)]) {
                startUnbonding(operatorAt(i), uint128(stakes[operatorAt(i)] - unbonding[operatorAt(i)]));
            }
        }
        pass(UNBONDING_PERIOD);
        collectFees(ETHER);
        collectFees(TOKEN);
        for (uint256 i = 0; i < 8; ++i) {
            if (unbonding[playerAt(i)] != 0) withdrawStake(playerAt(i));
            if (escrowOwed[playerAt(i)] != 0) withdrawEscrow(playerAt(i));
            if (bondsOwed[playerAt(i)] != 0) withdrawBonds(playerAt(i));
            for (uint256 kind = 0; kind < 2; ++kind) {
                if (feesOwed[payeeAt(i)][kind] != 0) withdrawFees(payeeAt(i), kind);
            }
        }
        for (uint256 i = 0; i < 9; ++i) if (claimsOwed[claimantAt(i)] != 0) withdrawClaims(claimantAt(i));
        pullBurned(true);
        pullBurned(false);
        _check(true);
        assertEq(address(publications).balance, 0, "P46 every wei gets out of escrow");
        assertEq(address(coordinator).balance, giftsOfEther, "P46 every wei gets out of the coordinator");
        address[4] memory holders = [address(coordinator), address(operators), address(dispute), address(claims)];
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(token.balanceOf(holders[i]), giftsOfTokens[holders[i]], "P47 every token gets out");
        }
    }

    /// @dev What ended long ago is looked at again at the end of the walk.
    function _check(bool everything) private {
        checkMoney();
        checkRequests(_from(asked.length, everything));
        checkAnswers(_from(answered.length, everything));
        checkDisputes(_from(disputed.length, everything));
    }

    function _from(uint256 length, bool everything) private pure returns (uint256) {
        return everything || length < 16 ? 0 : length - 16;
    }

    function _disputesOpen() private view returns (bool) {
        for (uint256 i = 0; i < disputed.length; ++i) if (!disputed[i].closed) return true;
        for (uint256 i = 0; i < answered.length; ++i) {
            if (!stands(i)) continue;
            if (answered[i].open != 0 || (answered[i].wrong && !existed[answered[i].watch])) return true;
        }
        return false;
    }

    function _isDue(uint256 which, Bundle bundle) private view returns (bool) {
        Demanded storage entry = demands[which][bundle];
        bool open = entry.by != address(0) && !entry.published && stands(which);
        return open && moment() >= entry.deadline;
    }

    function _claimAll() private {
        for (uint256 i = 0; i < disputed.length; ++i) {
            Disputed storage entry = disputed[i];
            if (answered[entry.answered].pooled && !entry.acquitted && !entry.claimed) claimDispute(i);
        }
        for (uint256 i = 0; i < committed.length; ++i) {
            bytes32 id = committed[i].id;
            if (joinedOnce[id] && !joinClaimed[id]) claimJoined(committed[i]);
        }
        for (uint256 i = 0; i < answered.length; ++i) {
            if (answered[i].pooled && !answered[i].restClaimed) claimRest(i);
            for (uint256 kind = 0; kind < 2; ++kind) {
                Demanded storage entry = demands[i][Bundle(kind)];
                if (entry.by == address(0)) continue;
                if (answered[i].pooled && !entry.published && !entry.claimed) claimDemand(i, Bundle(kind));
                if (!entry.collected) collect(i, Bundle(kind));
            }
        }
        assertEq(claimed, pooled, "P57 claims and rests are all that is divided");
    }

    function _end(uint256 which) private {
        Asked storage entry = asked[which];
        if (entry.book == Book.ANSWERED) {
            Answered storage about = answered[entry.standing - 1];
            if (moment() < about.until) pass(about.until - moment());
            finalizeAnswer(entry.standing - 1);
        } else if (entry.book == Book.OPEN) {
            if (moment() < entry.deadline) pass(entry.deadline - moment());
            refund(entry);
        }
    }
}

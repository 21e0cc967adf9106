// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

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
        uint256 walks = vm.envOr("ASSAY_WALKS", 4);
        uint256 calls = vm.envOr("ASSAY_WALK_CALLS", 250);
        uint256 seed = vm.envOr("ASSAY_WALK_SEED", 1);
        uint256[40] memory total;
        uint256 start = vm.snapshotState();
        for (uint256 i = 0; i < walks; ++i) {
            this.walk(uint256(keccak256(abi.encode(seed, i))), calls);
            uint256[40] memory found = this.harvest();
            for (uint256 j = 0; j < KINDS; ++j) total[j] += found[j];
            vm.revertToState(start);
            start = vm.snapshotState();
        }
        if (vm.envOr("ASSAY_WALK_REPORT", 0) != 0) {
            for (uint256 i = 0; i < KINDS; ++i) emit log_named_uint(vm.toString(i), total[i]);
        }
        uint256 least = 1 + (walks * calls) / 5_000;
        for (uint256 i = 0; i < KINDS; ++i) {
            assertTrue(total[i] >= least, string.concat("seldom reached: ", vm.toString(i)));
        }
    }

    function harvest() external view returns (uint256[40] memory) {
        return reached;
    }

    function walk(uint256 seed, uint256 calls) external {
        sow(seed);
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
        else if (kind < 80) moveAny();
        else if (kind < 84) moveTimeout();
        else if (kind < 86) moveCloseVoided();
        else if (kind < 89) moveFinalize();
        else if (kind < 91) moveRefund();
        else if (kind < 93) moveRetract();
        else if (kind < 95) moveStake();
        else if (kind < 97) moveWithdraw();
        else if (kind < 99) moveGovern();
        else moveTrespass();
        _check(false);
    }

    /// @notice Ends everything that is open: every dispute can be closed, every request ended, every deposit taken out.
    function endAll() external {
        for (uint256 round = 0; _disputesOpen(); ++round) {
            require(round < 64, "P45 every dispute has an exit");
            pass(1 days);
            for (uint256 i = 0; i < disputed.length; ++i) {
                if (disputed[i].closed) continue;
                if (answered[disputed[i].answered].voided) sendCloseVoided(i);
                else if (moment() >= dispute.disputeOf(disputed[i].id).deadline) sendTimeout(i);
            }
        }
        _check(true);
        for (uint256 i = 0; i < asked.length; ++i) _end(i);
        for (uint256 i = 0; i < 5; ++i) {
            if (stakes[operatorAt(i)] > unbonding[operatorAt(i)]) {
                startUnbonding(operatorAt(i), uint128(stakes[operatorAt(i)] - unbonding[operatorAt(i)]));
            }
        }
        pass(UNBONDING_PERIOD);
        collectFees(ETHER);
        collectFees(TOKEN);
        for (uint256 i = 0; i < 8; ++i) {
            if (unbonding[playerAt(i)] != 0) withdrawStake(playerAt(i));
            if (rewards[playerAt(i)] != 0) claimReward(playerAt(i));
            if (bondsOwed[playerAt(i)] != 0) withdrawBonds(playerAt(i));
            for (uint256 kind = 0; kind < 2; ++kind) {
                if (feesOwed[payeeAt(i)][kind] != 0) withdrawFees(payeeAt(i), kind);
            }
        }
        _check(true);
        assertEq(address(coordinator).balance, giftsOfEther, "P46 every wei gets out of the coordinator");
        address[3] memory holders = [address(coordinator), address(operators), address(dispute)];
        for (uint256 i = 0; i < 3; ++i) {
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
            if (answered[i].wrong && stands(i) && !existed[answered[i].watch]) return true;
        }
        return false;
    }

    function _end(uint256 which) private {
        Asked storage entry = asked[which];
        if (entry.book == Book.ANSWERED) {
            Answered storage about = answered[entry.standing - 1];
            if (moment() < about.until) pass(about.until - moment());
            finalizeAnswer(entry.standing - 1);
        } else if (entry.book == Book.OPEN) {
            uint256 deadline = uint256(entry.request.requestedAt) + entry.request.params.submitPeriod;
            if (moment() < deadline) pass(deadline - moment());
            refund(entry);
        }
    }
}

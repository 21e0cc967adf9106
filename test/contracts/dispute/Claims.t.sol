// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Status} from "../../../contracts/interfaces/IInferenceCoordinator.sol";
import {IClaims} from "../../../contracts/interfaces/IClaims.sol";
import {Answer, Request} from "../../../contracts/libraries/RequestLib.sol";
import {Shares} from "../../../contracts/libraries/Shares.sol";
import {vm} from "../Vm.sol";
import {GameTest} from "./GameTest.sol";

/// @notice What leaving costs, and who shares in a bond.
contract ClaimsTest is GameTest {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;
    address private constant FRIEND = address(0xf4167d);

    Request private request;
    Answer private given;

    function setUp() public override {
        super.setUp();
        fund(FRIEND, 100 * CHALLENGER_BOND);
        fund(operator, 100 * CHALLENGER_BOND);
        request = ask();
        given = answer(request, operator, outputOf(wrongLeaf(3)));
    }

    function _retract() private {
        vm.prank(operator);
        dispute.retract(request, given);
    }

    function _commit(address by) private returns (bytes32 id) {
        id = dispute.commitmentOf(answerIdOf(request, given), 0, 3, SALT, by);
        vm.prank(by);
        dispute.commitChallenge(id);
    }

    function _join(address by) private {
        vm.prank(by);
        claims.join(request, given, 0, 3, SALT);
    }

    function _claimJoined(address by) private {
        claims.claimJoined(request, given, 0, 3, SALT, by);
    }

    function _pass(uint256 duration) private {
        vm.warp(vm.getBlockTimestamp() + duration);
    }

    function _convict(bytes32 id) private {
        vm.warp(dispute.disputeOf(id).deadline);
        dispute.timeout(id, request, given);
    }

    // ------------------------------------------------------------------------------------------------ leaving

    function test_A31_takingBackCostsOnePercentUntilAChallengeCanBeOpened() external {
        vm.warp(given.submittedAt + 119);
        _retract();
        assertEq(operators.operatorOf(operator).stake, STAKE - BOND / 100, "one per cent");
        assertEq(operators.owed(BURNED), BOND / 100, "is to be burned");
        assertEq(operators.owed(address(claims)), 0, "nothing is divided");
        vm.expectRevert(abi.encodeWithSelector(IClaims.NothingPooled.selector, answerIdOf(request, given)));
        claims.claimRest(request, given);
    }

    function test_A31_andSevenEighthsFromThenOn() external {
        vm.warp(given.submittedAt + 120);
        _retract();
        assertEq(operators.operatorOf(operator).stake, STAKE - BOND + BOND / 8, "seven eighths");
        assertEq(operators.owed(BURNED), BOND / 2, "half is to be burned");
        _pass(180);
        claims.claimRest(request, given);
        assertEq(claims.owed(address(consumer)), (3 * BOND) / 8, "the requester gets what nobody else claims");
        assertEq(claims.withdraw(address(consumer)), (3 * BOND) / 8, "in stake tokens");
        assertEq(token.balanceOf(address(consumer)), (3 * BOND) / 8, "to the requester");
    }

    function test_A31_takingBackIsPossibleUntilTheAnswerCanBeFinalized() external {
        uint256 snapshot = vm.snapshotState();
        vm.warp(given.submittedAt + WINDOW);
        bytes memory why = unexpected(request, Status.SUBMITTED, Status.FINALIZABLE);
        vm.prank(operator);
        vm.expectRevert(why);
        dispute.retract(request, given);
        vm.revertToState(snapshot);
        vm.warp(given.submittedAt + WINDOW - 1);
        _retract();
        // It isn't over for the requester: others have a whole submit period.
        vm.warp(given.submittedAt + WINDOW - 2 + SUBMIT_PERIOD);
        assertEq(statusOf(request, noAnswer()), Status.REQUESTED, "time for others");
        _pass(1);
        assertEq(statusOf(request, noAnswer()), Status.EXPIRED, "and then it ends");
        coordinator.refund(request);
        assertEq(coordinator.owed(address(consumer), address(0)), FEE, "refunded");
    }

    function test_A31_takingAnswersBackHoldsNoRequestForEver() external {
        uint256 last = request.origin.requestedAt() + 4 * (uint256(SUBMIT_PERIOD) + WINDOW + DISPUTE_BOUND);
        bytes32 id = open(challenger, request, given, 3);
        vm.warp(last - 100);
        dispute.timeout(id, request, given);
        vm.warp(last - 1);
        assertEq(statusOf(request, noAnswer()), Status.REQUESTED, "a hundred seconds, not a submit period");
        vm.warp(last);
        assertEq(statusOf(request, noAnswer()), Status.EXPIRED, "no later than four of the longest lives");
        coordinator.refund(request);
    }

    function test_A31_takingBackUnderADisputeCostsTheSameAndPaysIt() external {
        bytes32 id = open(challenger, request, given, 3);
        _retract();
        dispute.closeVoided(id, request, given);
        assertEq(dispute.owed(challenger), CHALLENGER_BOND, "its bond comes back");
        _pass(180);
        claims.claimDispute(id, request, given);
        assertEq(claims.owed(challenger), BOND / 4, "a quarter of the operator's, as after a conviction");
    }

    // ------------------------------------------------------------------------------------------------- joining

    function test_A32_aChallengeThatARetractionOvertookJoins() external {
        _pass(60);
        _commit(challenger);
        _pass(120);
        _retract();
        _join(challenger);
        _pass(180);
        _claimJoined(challenger);
        assertEq(claims.owed(challenger), BOND / 4, "as if it had been opened");
        vm.expectPartialRevert(IClaims.ClaimedBefore.selector);
        claims.claimJoined(request, given, 0, 3, SALT, challenger);
        claims.claimRest(request, given);
        assertEq(claims.owed(address(consumer)), BOND / 8, "the rest");
        vm.expectPartialRevert(IClaims.ClaimedBefore.selector);
        claims.claimRest(request, given);
    }

    function test_A32_onlyWhatCouldNotBeOpenedBeforeJoins() external {
        _pass(60);
        _commit(FRIEND);
        _pass(1);
        bytes32 young = _commit(challenger);
        _pass(179);
        _retract();
        vm.prank(FRIEND);
        vm.expectPartialRevert(IClaims.CommitmentNotClaimable.selector);
        claims.join(request, given, 0, 3, SALT);
        _join(challenger);
        bytes memory why = abi.encodeWithSelector(IClaims.ClaimedBefore.selector, answerIdOf(request, given), young);
        vm.prank(challenger);
        vm.expectRevert(why);
        claims.join(request, given, 0, 3, SALT);
        vm.prank(stranger);
        vm.expectPartialRevert(IClaims.CommitmentUnknown.selector);
        claims.join(request, given, 0, 3, SALT);
        vm.expectPartialRevert(IClaims.NoClaim.selector);
        claims.claimJoined(request, given, 0, 3, SALT, FRIEND);
    }

    function test_A32_whoCommitsInTheBlockOfTheEndOrLaterHasNoClaim() external {
        _pass(200);
        _commit(FRIEND);
        _retract();
        _commit(challenger);
        _pass(120);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(i == 0 ? FRIEND : challenger);
            vm.expectPartialRevert(IClaims.CommitmentNotClaimable.selector);
            claims.join(request, given, 0, 3, SALT);
        }
    }

    function test_A32_joiningHasItsTimeAndClaimingComesAfterIt() external {
        _pass(180);
        bytes32 id = _commit(challenger);
        _pass(1);
        _retract();
        uint256 end = vm.getBlockTimestamp();
        (uint256 until, ) = claims.claimsOf(answerIdOf(request, given));
        assertEq(until, end + 180, "commitDelay and openGrace");
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IClaims.CommitmentTooYoung.selector, id, end + 119));
        claims.join(request, given, 0, 3, SALT);
        vm.warp(until - 1);
        vm.expectRevert(abi.encodeWithSelector(IClaims.ClaimsStillOpen.selector, answerIdOf(request, given), until));
        claims.claimRest(request, given);
        uint256 snapshot = vm.snapshotState();
        _join(challenger);
        vm.revertToState(snapshot);
        vm.warp(until);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IClaims.ClaimsOver.selector, answerIdOf(request, given), until));
        claims.join(request, given, 0, 3, SALT);
    }

    // ------------------------------------------------------------------------------------------ order of moves

    function test_A32_theRewardDoesNotDependOnWhoMovedFirst() external {
        bytes32 friend = open(FRIEND, request, given, 3);
        bytes32 id = open(challenger, request, given, 3);
        uint256 snapshot = vm.snapshotState();
        for (uint256 first = 0; first < 3; ++first) {
            if (first == 2) _retract();
            else _convict(first == 0 ? friend : id);
            if (first != 0) dispute.closeVoided(friend, request, given);
            if (first != 1) dispute.closeVoided(id, request, given);
            _pass(180);
            claims.claimDispute(friend, request, given);
            claims.claimDispute(id, request, given);
            claims.claimRest(request, given);
            assertEq(claims.owed(challenger), (3 * BOND) / 16, "half of three eighths");
            assertEq(claims.owed(FRIEND), (3 * BOND) / 16, "each");
            assertEq(claims.owed(address(consumer)), 0, "nothing is left");
            assertEq(dispute.owed(challenger), CHALLENGER_BOND, "and the bonds");
            assertEq(dispute.owed(FRIEND), CHALLENGER_BOND, "come back");
            vm.revertToState(snapshot);
            snapshot = vm.snapshotState();
        }
    }

    function test_A32_anOperatorAndItsFriendsLoseHalfAtLeast() external {
        uint256 before = _wealth(operator) + _wealth(FRIEND);
        bytes32 own = open(operator, request, given, 3);
        bytes32 friend = open(FRIEND, request, given, 3, "1");
        bytes32 again = open(FRIEND, request, given, 3, "2");
        bytes32 id = open(challenger, request, given, 3);
        _retract();
        bytes32[4] memory all = [own, friend, again, id];
        for (uint256 i = 0; i < 4; ++i) dispute.closeVoided(all[i], request, given);
        _pass(180);
        for (uint256 i = 0; i < 4; ++i) claims.claimDispute(all[i], request, given);
        uint256 lost = before - _wealth(operator) - _wealth(FRIEND);
        assertTrue(lost >= BOND / 2, "half of the bond at least");
        assertEq(lost, BOND - BOND / 8 - 3 * ((3 * BOND) / 32), "seven eighths less three of four shares");
        assertEq(claims.owed(challenger), (3 * BOND) / 32, "one honest share");
    }

    function test_A32_aDisputeThatWasLostHasNoClaim() external {
        // An honest answer, and a bogus challenge of it that runs out of time.
        request = ask();
        given = answer(request, operator, honestOutput());
        bytes32 lost = open(FRIEND, request, given, 3);
        defend(lost, request, given, leafOf(LEAVES - 1), honest);
        vm.warp(dispute.disputeOf(lost).deadline);
        dispute.timeout(lost, request, given);
        _retract();
        _pass(180);
        vm.expectRevert(abi.encodeWithSelector(IClaims.NoClaim.selector, answerIdOf(request, given), lost));
        claims.claimDispute(lost, request, given);
    }

    function test_A32_aDisputeIsOneClaimHoweverOftenItsCommitmentIsMade() external {
        bytes32 id = open(challenger, request, given, 3);
        _pass(900 - 60);
        assertEq(_commit(challenger), id, "made again");
        _convict(id);
        _pass(60);
        // A share that is counted, but can't be booked, would be nobody's.
        vm.expectRevert(abi.encodeWithSelector(IClaims.ClaimedBefore.selector, answerIdOf(request, given), id));
        _join(challenger);
        _pass(120);
        claims.claimDispute(id, request, given);
        claims.claimRest(request, given);
        uint256 booked = claims.owed(challenger) + claims.owed(address(consumer));
        assertEq(booked, operators.owed(address(claims)), "all of the pool is somebody's");
    }

    function test_A32_aClaimIsOnTheAnswerThatItIsAbout() external {
        bytes32 id = open(challenger, request, given, 3);
        _retract();
        dispute.closeVoided(id, request, given);
        Request memory other = ask();
        address second = address(0x07e4);
        enrol(second, STAKE);
        Answer memory theirs = answer(other, second, honestOutput());
        _pass(180);
        vm.prank(second);
        dispute.retract(other, theirs);
        _pass(180);
        vm.expectRevert(abi.encodeWithSelector(IClaims.NoClaim.selector, answerIdOf(other, theirs), id));
        claims.claimDispute(id, other, theirs);
    }

    // ----------------------------------------------------------------------------------------------- the table

    function test_A32_sharesAreTheTables(uint128 bond, uint8 n) external pure {
        uint256 b = bond;
        uint256 quarter = b / 4;
        uint256 pool = (3 * b) / 8;
        uint256 share = Shares.ofPool(b, n);
        if (n <= 1) assertEq(share, quarter, "a quarter");
        else assertEq(share, pool / n, "the same part of three eighths");
        uint256 rest = pool - n * share;
        assertTrue(n <= 1 || rest < n, "dust is left for the requester");
        assertEq(Shares.ofLateRetraction(b), b - b / 8, "seven eighths");
        assertEq(Shares.ofEarlyRetraction(b), (b + 99) / 100, "a hundredth, rounded up");
        assertTrue(2 * (Shares.ofLateRetraction(b) - n * share - rest) >= b, "half is lost whoever is paid");
        // With two friends an honest claim is worth half of what it is alone.
        assertTrue(8 * Shares.ofPool(b, 3) + 8 > b, "an eighth");
    }

    function _wealth(address account) private view returns (uint256) {
        return
            token.balanceOf(account) +
            operators.operatorOf(account).stake +
            claims.owed(account) +
            dispute.owed(account);
    }
}

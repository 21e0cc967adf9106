// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Publications} from "../../../contracts/Publications.sol";
import {IClaims} from "../../../contracts/interfaces/IClaims.sol";
import {
    Bundle,
    ChunkOpening,
    Demand,
    IPublications,
    PublicationParameters
} from "../../../contracts/interfaces/IPublications.sol";
import {Model} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Answer, Request, RequestParams} from "../../../contracts/libraries/RequestLib.sol";
import {Vm, vm} from "../Vm.sol";
import {HiddenBytesTest} from "./HiddenBytesTest.sol";
import {TestTree} from "./TestTree.sol";

/// @notice What binds demands, publications and claims to what they are about. One test for each check: without the check it fails.
contract DemandBindingsTest is HiddenBytesTest {
    using TestTree for TestTree.Tree;

    function _publish(Bundle bundle, uint256 chunk, bytes memory why) private {
        bool isOutput = bundle == Bundle.OUTPUT;
        bytes memory all = isOutput ? output_ : input_;
        ChunkOpening memory opening = openingOf(
            headerOf(INPUTS, OUTPUTS),
            isOutput ? OUTPUTS : INPUTS,
            treeOf(all),
            chunk
        );
        bytes memory data = chunkOf(all, chunk);
        vm.prank(operator);
        if (why.length != 0) vm.expectRevert(why);
        publications.publish(request, given, bundle, chunk, opening, data);
    }

    function _retractLate() private {
        vm.warp(given.submittedAt + 120);
        vm.prank(operator);
        dispute.retract(request, given);
    }

    /// @dev Since logs were recorded last.
    function _told(bytes32[] memory selectors) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < selectors.length; ++i) {
            uint256 times = 0;
            for (uint256 j = 0; j < logs.length; ++j) if (logs[j].topics[0] == selectors[i]) ++times;
            assertEq(times, 1, string.concat("told once: ", vm.toString(i)));
        }
        vm.recordLogs();
    }

    function _told(bytes32 selector) private {
        bytes32[] memory selectors = new bytes32[](1);
        selectors[0] = selector;
        _told(selectors);
    }

    // -------------------------------------------------------------------------------------------------- demands

    function test_A38_whatNobodyDemandedIsNotPublishedRaisedOrTimedOut() external {
        bytes memory why = abi.encodeWithSelector(IPublications.NotDemanded.selector, idOf(request), Bundle.OUTPUT);
        _publish(Bundle.OUTPUT, 0, why);
        vm.expectRevert(why);
        publications.timeout(request, given, Bundle.OUTPUT);
        vm.expectRevert(why);
        publications.collect(request, given, Bundle.OUTPUT);
        vm.deal(address(this), 1);
        vm.expectRevert(why);
        publications.raiseEscrow{value: 1}(request, given, Bundle.OUTPUT);
        demand(request, given, Bundle.INPUT);
        _publish(Bundle.OUTPUT, 0, why);
    }

    /// @dev Bytes with an opening of their own, right but for the root: `ownRoots` says whose tensor roots it shows.
    function _publishOthers(bool ownRoots, bytes32 expected, bytes32 actual) private {
        bytes memory others = bytesOf(4 * OUTPUTS, 3);
        ChunkOpening memory opening = openingOf(headerOf(INPUTS, OUTPUTS), OUTPUTS, treeOf(others), 0);
        if (!ownRoots) opening.tensorRoots[0] = tensorRootOf(OUTPUTS, treeOf(output_).top());
        bytes memory data = chunkOf(others, 0);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IPublications.ChunkInvalid.selector, expected, actual));
        publications.publish(request, given, Bundle.OUTPUT, 0, opening, data);
    }

    function test_A38_whatIsPublishedIsUnderTheAnswersRoot() external {
        demand(request, given, Bundle.OUTPUT);
        bytes32 theirs = rootOf(OUTPUTS, treeOf(bytesOf(4 * OUTPUTS, 3)).top());
        _publishOthers(true, outputRoot, theirs);
    }

    function test_A38_whatIsPublishedIsUnderItsTensorsRoot() external {
        demand(request, given, Bundle.OUTPUT);
        bytes32 theirs = tensorRootOf(OUTPUTS, treeOf(bytesOf(4 * OUTPUTS, 3)).top());
        _publishOthers(false, tensorRootOf(OUTPUTS, treeOf(output_).top()), theirs);
    }

    function test_A38_whatWasPublishedIsNotPublishedAgain() external {
        demand(request, given, Bundle.OUTPUT);
        _publish(Bundle.OUTPUT, 0, "");
        _publish(Bundle.OUTPUT, 1, "");
        bytes memory data = chunkOf(output_, 1);
        ChunkOpening memory opening = openingOf(headerOf(INPUTS, OUTPUTS), OUTPUTS, treeOf(output_), 1);
        bytes memory why = abi.encodeWithSelector(IPublications.NotDemanded.selector, idOf(request), Bundle.OUTPUT);
        vm.prank(operator);
        vm.expectRevert(why);
        publications.publish(request, given, Bundle.OUTPUT, 2, opening, data);
    }

    function test_A38_aDemandKeepsWhatItIsAbout() external {
        demand(request, given, Bundle.OUTPUT);
        uint256 value = publications.quote(id, Bundle.OUTPUT);
        vm.deal(stranger, 5);
        vm.prank(stranger);
        publications.raiseEscrow{value: 5}(request, given, Bundle.OUTPUT);
        vm.txGasPrice(1 gwei);
        _publish(Bundle.OUTPUT, 0, "");
        Demand memory kept = demandOf(request, given, Bundle.OUTPUT);
        assertEq(kept.demander, challenger, "who demanded");
        assertEq(kept.deadline, vm.getBlockTimestamp() + 1 hours + 10 minutes, "by when");
        assertTrue(kept.chunks == 2 && kept.published == 1 && !kept.collected, "how much");
        assertEq(kept.escrow, value + 5, "what was escrowed and added");
        uint256 needed = 60_000 * 2 + 64 * (4 * uint256(OUTPUTS) + 1_300 * 2);
        assertEq(kept.drawn, (1 gwei * needed) / 4, "what was drawn");
        kept = demandOf(request, given, Bundle.INPUT);
        assertTrue(kept.demander == address(0) && kept.deadline == 0, "nothing of the input");
    }

    function test_A38_thePublishedOutputIsNotTheInput() external {
        demand(request, given, Bundle.OUTPUT);
        _publish(Bundle.OUTPUT, 0, "");
        _publish(Bundle.OUTPUT, 1, "");
        demand(request, given, Bundle.INPUT);
        _publish(Bundle.INPUT, 0, "");
        assertEq(demandOf(request, given, Bundle.INPUT).published, 1, "the input, too");
    }

    function test_A38_timesOfPublicationAreNotZero() external {
        PublicationParameters[3] memory all;
        for (uint256 i = 0; i < 3; ++i) all[i] = publicationParameters();
        (all[0].baseTime, all[1].chunkTime, all[2].gasPerByte) = (0, 0, 0);
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IPublications.ParametersInvalid.selector, all[i]));
            new Publications(coordinator, models, all[i]);
        }
        bytes32 kept = keccak256(abi.encode(publications.parameters()));
        assertEq(kept, keccak256(abi.encode(publicationParameters())), "and come back as they were set");
        // Two base times; 16 and 64 chunks of 64 KiB, and one more for each tensor but the first.
        assertEq(publications.maxDuration(), 2 * 1 hours + 142 * 5 minutes, "the longest publications");
    }

    function test_A38_anInputWhoseAnswerNobodyCanChallengeMayBeAnyLength() external {
        Model memory made = model(author, ROYALTY_BPS);
        (made.programRoot, made.weightRoot) = (0, 0);
        made.inputs[0].shape[0] = 2 ** 21;
        vm.prank(author);
        RequestParams memory terms = params();
        terms.modelId = models.registerModel(made, 0, "");
        Request memory free = askByURI(terms, inputRoot);
        vm.expectRevert(abi.encodeWithSelector(IPublications.ModelNotAdjudicable.selector, terms.modelId));
        publications.quote(terms.modelId, Bundle.INPUT);
        assertTrue(free.origin.inputByURI(), "asked for all the same");
    }

    function test_A38_nobodyIsPaidTwiceOrForNothing() external {
        bytes memory why = abi.encodeWithSelector(IPublications.NothingOwed.selector, challenger);
        vm.expectRevert(why);
        publications.withdraw(challenger);
        demand(request, given, Bundle.OUTPUT);
        vm.warp(demandOf(request, given, Bundle.OUTPUT).deadline);
        publications.timeout(request, given, Bundle.OUTPUT);
        publications.collect(request, given, Bundle.OUTPUT);
        assertTrue(demandOf(request, given, Bundle.OUTPUT).collected, "collected");
        publications.withdraw(challenger);
        vm.expectRevert(why);
        publications.withdraw(challenger);
        assertEq(address(publications).balance, 0, "nothing is left");
    }

    function test_A38_everyPublicationIsTold() external {
        vm.deal(challenger, 1 ether);
        vm.recordLogs();
        demand(request, given, Bundle.OUTPUT);
        _told(IPublications.Demanded.selector);
        vm.deal(address(this), 1);
        publications.raiseEscrow{value: 1}(request, given, Bundle.OUTPUT);
        _told(IPublications.EscrowRaised.selector);
        _publish(Bundle.OUTPUT, 0, "");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        (uint16 chunk, uint16 chunks, bytes memory data) = abi.decode(logs[0].data, (uint16, uint16, bytes));
        assertTrue(logs[0].topics[0] == IPublications.Published.selector && chunk == 0 && chunks == 2, "published");
        assertEq(keccak256(data), keccak256(chunkOf(output_, 0)), "the chunk's bytes");
        vm.warp(demandOf(request, given, Bundle.OUTPUT).deadline);
        vm.recordLogs();
        publications.timeout(request, given, Bundle.OUTPUT);
        _told(IPublications.Unpublished.selector);
        publications.collect(request, given, Bundle.OUTPUT);
        _told(IPublications.Collected.selector);
        publications.withdraw(challenger);
        _told(IPublications.Withdrawn.selector);
    }

    // --------------------------------------------------------------------------------------------------- claims

    function test_A38_anUnmetDemandIsAClaimAndAMetOneIsNot() external {
        demand(request, given, Bundle.INPUT);
        _publish(Bundle.INPUT, 0, "");
        demand(request, given, Bundle.OUTPUT);
        vm.warp(demandOf(request, given, Bundle.OUTPUT).deadline);
        publications.timeout(request, given, Bundle.OUTPUT);
        vm.warp(vm.getBlockTimestamp() + 180);
        bytes32 answerId = answerIdOf(request, given);
        vm.expectRevert(abi.encodeWithSelector(IClaims.NoClaim.selector, answerId, bytes32(1 + uint256(Bundle.INPUT))));
        claims.claimDemand(request, given, Bundle.INPUT);
        claims.claimDemand(request, given, Bundle.OUTPUT);
        bytes32 claim = bytes32(1 + uint256(Bundle.OUTPUT));
        vm.expectRevert(abi.encodeWithSelector(IClaims.ClaimedBefore.selector, answerId, claim));
        claims.claimDemand(request, given, Bundle.OUTPUT);
        claims.claimRest(request, given);
        assertEq(claims.owed(challenger), BOND / 4, "one share");
        assertEq(claims.owed(stranger), BOND / 8, "the requester's rest");
        assertEq(claims.withdraw(challenger), BOND / 4, "paid from what the registry holds");
        assertEq(claims.withdraw(stranger), BOND / 8, "and from what was brought in with it");
        vm.expectRevert(abi.encodeWithSelector(IClaims.NothingOwed.selector, challenger));
        claims.withdraw(challenger);
        assertEq(token.balanceOf(address(claims)), 0, "nothing is left");
    }

    function test_A38_aDemandThatNobodyMadeIsNoClaim() external {
        _retractLate();
        vm.warp(vm.getBlockTimestamp() + 180);
        vm.expectPartialRevert(IClaims.NoClaim.selector);
        claims.claimDemand(request, given, Bundle.OUTPUT);
        vm.expectPartialRevert(IClaims.NoClaim.selector);
        claims.claimDispute(bytes32(0), request, given);
        vm.expectPartialRevert(IClaims.NoClaim.selector);
        claims.claimJoined(request, given, 0, 3, SALT, challenger);
    }

    function test_A38_nothingIsClaimedOfAnAnswerThatStands() external {
        bytes32 answerId = answerIdOf(request, given);
        bytes memory why = abi.encodeWithSelector(IClaims.AnswerNotVoided.selector, answerId);
        vm.expectRevert(why);
        claims.claimRest(request, given);
        bytes32 opened = open(challenger, request, given, 3);
        vm.expectRevert(why);
        claims.claimDispute(opened, request, given);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IClaims.NothingPooled.selector, answerId));
        claims.join(request, given, 0, 3, SALT);
        (uint256 until, uint256 count) = claims.claimsOf(answerId);
        assertTrue(until == 0 && count == 0, "nothing to share");
    }

    function test_A38_disputesDemandsAndCommitmentsAreCounted() external {
        demand(request, given, Bundle.OUTPUT);
        bytes32 joined = dispute.commitmentOf(answerIdOf(request, given), 0, 5, SALT, stranger);
        vm.warp(given.submittedAt + 30);
        bytes32 opened = open(challenger, request, given, 3);
        vm.prank(stranger);
        dispute.commitChallenge(joined);
        vm.warp(vm.getBlockTimestamp() + 10);
        vm.recordLogs();
        vm.prank(operator);
        dispute.retract(request, given);
        uint256 end = vm.getBlockTimestamp();
        vm.warp(end + 179);
        vm.expectRevert(
            abi.encodeWithSelector(IClaims.ClaimsStillOpen.selector, answerIdOf(request, given), end + 180)
        );
        claims.claimDispute(opened, request, given);
        vm.prank(stranger);
        claims.join(request, given, 0, 5, SALT);
        (uint256 until, uint256 count) = claims.claimsOf(answerIdOf(request, given));
        assertTrue(until == end + 180 && count == 3, "a dispute, a demand and a commitment");
        vm.warp(end + 180);
        claims.claimDispute(opened, request, given);
        claims.claimDemand(request, given, Bundle.OUTPUT);
        claims.claimJoined(request, given, 0, 5, SALT, stranger);
        claims.claimRest(request, given);
        uint256 share = ((3 * BOND) / 8) / 3;
        assertEq(claims.owed(challenger), 2 * share, "each the same share");
        assertEq(claims.owed(stranger), share + (3 * BOND) / 8 - 3 * share, "and the rest");
        claims.withdraw(challenger);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bytes32[3] memory selectors = [IClaims.Joined.selector, IClaims.Claimed.selector, IClaims.Withdrawn.selector];
        uint256[3] memory times;
        for (uint256 i = 0; i < logs.length; ++i) {
            for (uint256 j = 0; j < 3; ++j) {
                if (logs[i].emitter == address(claims) && logs[i].topics[0] == selectors[j]) ++times[j];
            }
        }
        assertTrue(times[0] == 1 && times[1] == 4 && times[2] == 1, "told");
    }

    function test_A38_aCommitmentOlderThanTheAnswerDoesNotJoin() external {
        Request memory other = askByURI(onDemand(id), inputRoot);
        roll(1);
        Answer memory expected = Answer(operator, outputRoot, uint48(vm.getBlockTimestamp() + 1));
        bytes32 early = dispute.commitmentOf(answerIdOf(other, expected), 0, 3, SALT, challenger);
        vm.prank(challenger);
        dispute.commitChallenge(early);
        vm.warp(vm.getBlockTimestamp() + 1);
        Answer memory made = answerByURI(other, outputRoot);
        assertEq(answerIdOf(other, made), answerIdOf(other, expected), "as it was foreseen");
        vm.warp(made.submittedAt + 130);
        vm.prank(operator);
        dispute.retract(other, made);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IClaims.CommitmentUnknown.selector, early));
        claims.join(other, made, 0, 3, SALT);
    }

    function test_A38_aCommitmentJoinsTheAnswerThatItIsAboutOnly() external {
        bytes32 joined = dispute.commitmentOf(answerIdOf(request, given), 0, 3, SALT, challenger);
        vm.warp(given.submittedAt + 60);
        vm.prank(challenger);
        dispute.commitChallenge(joined);
        Request memory other = askByURI(onDemand(id), inputRoot);
        roll(1);
        Answer memory theirs = answerByURI(other, outputRoot);
        vm.warp(theirs.submittedAt + 120);
        vm.startPrank(operator);
        dispute.retract(request, given);
        dispute.retract(other, theirs);
        vm.stopPrank();
        vm.prank(challenger);
        claims.join(request, given, 0, 3, SALT);
        vm.prank(challenger);
        vm.expectPartialRevert(IClaims.CommitmentUnknown.selector);
        claims.join(other, theirs, 0, 3, SALT);
        vm.warp(vm.getBlockTimestamp() + 180);
        vm.expectPartialRevert(IClaims.NoClaim.selector);
        claims.claimJoined(other, theirs, 0, 3, SALT, challenger);
    }
}

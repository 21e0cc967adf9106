// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IInferenceCoordinator, Status} from "../../../contracts/interfaces/IInferenceCoordinator.sol";
import {IDisputeGame} from "../../../contracts/interfaces/IDisputeGame.sol";
import {Bundle, ChunkOpening, IPublications} from "../../../contracts/interfaces/IPublications.sol";
import {Model} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Answer, Request, RequestParams, Transport} from "../../../contracts/libraries/RequestLib.sol";
import {vm} from "../Vm.sol";
import {HiddenBytesTest} from "./HiddenBytesTest.sol";
import {TestTree} from "./TestTree.sol";

/// @notice An answer of two chunks, the second of them short, and an input of one.
contract PublicationsTest is HiddenBytesTest {
    using TestTree for TestTree.Tree;

    function _opening(uint256 chunk) private view returns (ChunkOpening memory) {
        return openingOf(headerOf(INPUTS, OUTPUTS), OUTPUTS, treeOf(output_), chunk);
    }

    function _publish(address by, uint256 chunk) private {
        (ChunkOpening memory opening, bytes memory data) = (_opening(chunk), chunkOf(output_, chunk));
        vm.prank(by);
        publications.publish(request, given, Bundle.OUTPUT, chunk, opening, data);
    }

    function _publishInput(Answer memory answer_) private {
        ChunkOpening memory opening = openingOf(headerOf(INPUTS, OUTPUTS), INPUTS, treeOf(input_), 0);
        bytes memory data = input_;
        vm.prank(answer_.operator);
        publications.publish(request, answer_, Bundle.INPUT, 0, opening, data);
    }

    function _refused(uint256 chunk, ChunkOpening memory opening, bytes memory data, bytes4 why) private {
        vm.prank(operator);
        vm.expectPartialRevert(why);
        publications.publish(request, given, Bundle.OUTPUT, chunk, opening, data);
    }

    // ---------------------------------------------------------------------------------------- how bytes travel

    function test_A29_anAnswerTravelsAsTheRequestSays() external {
        RequestParams memory terms = onDemand(id);
        terms.transport = Transport.INLINE;
        Request memory inline_ = askByURI(terms, inputRoot);
        becomeEligible(inline_, operator);
        bytes memory why = abi.encodeWithSelector(
            IInferenceCoordinator.TransportMismatch.selector,
            idOf(inline_),
            Transport.INLINE
        );
        vm.prank(operator);
        vm.expectRevert(why);
        coordinator.submitByURI(inline_, outputRoot, "ipfs://nothing");
        Request memory demanded = askByURI(onDemand(id), inputRoot);
        becomeEligible(demanded, operator);
        vm.prank(operator);
        vm.expectPartialRevert(IInferenceCoordinator.TransportMismatch.selector);
        coordinator.submit(demanded, output());
    }

    function test_A29_whatIsOnChainCannotBeDemanded() external {
        RequestParams memory terms = onDemand(id);
        terms.transport = Transport.INLINE;
        Request memory inline_ = ask(terms);
        Answer memory answer_ = answer(inline_, operator, output());
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IPublications.NothingToDemand.selector, idOf(inline_), Bundle(i)));
            publications.demand(inline_, answer_, Bundle(i));
        }
    }

    // -------------------------------------------------------------------------------------------- hidden bytes

    function test_A29_aHiddenAnswerIsConvicted() external {
        demand(request, given, Bundle.OUTPUT);
        uint64 deadline = demandOf(request, given, Bundle.OUTPUT).deadline;
        assertEq(deadline, vm.getBlockTimestamp() + 1 hours + 2 * 5 minutes, "an hour, and five minutes a chunk");
        assertEq(statusOf(request, given), Status.SUSPENDED, "suspended meanwhile");
        vm.warp(deadline - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IPublications.PublicationStillRunning.selector, idOf(request), deadline)
        );
        publications.timeout(request, given, Bundle.OUTPUT);
        vm.warp(deadline);
        publications.timeout(request, given, Bundle.OUTPUT);
        assertEq(operators.operatorOf(operator).stake, STAKE - BOND, "the whole bond");
        assertEq(statusOf(request, noAnswer()), Status.REQUESTED, "open to others");
        vm.warp(deadline + 180);
        claims.claimDemand(request, given, Bundle.OUTPUT);
        assertEq(claims.owed(challenger), BOND / 4, "the demander is a claimant");
        uint256 escrow = publications.quote(id, Bundle.OUTPUT);
        publications.collect(request, given, Bundle.OUTPUT);
        assertEq(publications.owed(challenger), escrow, "its escrow comes back");
        assertEq(publications.withdraw(challenger), escrow, "in ETH");
        assertEq(challenger.balance, escrow, "to the demander");
    }

    function test_A29_aHalfPublishedAnswerIsConvicted() external {
        demand(request, given, Bundle.OUTPUT);
        _publish(operator, 0);
        uint64 deadline = demandOf(request, given, Bundle.OUTPUT).deadline;
        vm.warp(deadline);
        (ChunkOpening memory opening, bytes memory data) = (_opening(1), chunkOf(output_, 1));
        _refused(1, opening, data, IPublications.PublicationTooLate.selector);
        publications.timeout(request, given, Bundle.OUTPUT);
        assertEq(operators.operatorOf(operator).stake, STAKE - BOND, "the whole bond");
        publications.collect(request, given, Bundle.OUTPUT);
        assertEq(publications.owed(operator), 0, "nothing is paid for half of the bytes");
    }

    function test_A29_itIsPublishedChunkByChunkAndOpenToChallengeAgain() external {
        vm.warp(dispute.challengeableUntil(request, given) - 1);
        demand(request, given, Bundle.OUTPUT);
        vm.warp(vm.getBlockTimestamp() + 30 minutes);
        (ChunkOpening memory opening, bytes memory data) = (_opening(1), chunkOf(output_, 1));
        _refused(1, opening, data, IPublications.ChunkOutOfOrder.selector);
        _publish(operator, 0);
        _publish(operator, 0);
        assertEq(demandOf(request, given, Bundle.OUTPUT).published, 1, "a repeat does nothing");
        assertEq(statusOf(request, given), Status.SUSPENDED, "not all is there");
        _publish(operator, 1);
        assertEq(statusOf(request, given), Status.SUBMITTED, "open to challenge");
        uint256 until = vm.getBlockTimestamp() + WINDOW;
        assertEq(dispute.challengeableUntil(request, given), until, "for another window");
        bytes32 opened = open(challenger, request, given, OUTPUTS - 1);
        vm.warp(dispute.disputeOf(opened).deadline);
        dispute.timeout(opened, request, given);
        vm.expectPartialRevert(IPublications.NotDemanded.selector);
        publications.timeout(request, given, Bundle.OUTPUT);
        vm.expectPartialRevert(IPublications.NotDemanded.selector);
        vm.prank(operator);
        publications.publish(request, given, Bundle.INPUT, 0, opening, data);
    }

    function test_A29_anAnswerIsNotFinalWhileItsBytesAreDemanded() external {
        vm.warp(dispute.challengeableUntil(request, given) - 1);
        demand(request, given, Bundle.OUTPUT);
        vm.warp(vm.getBlockTimestamp() + 1);
        vm.expectRevert(unexpected(request, Status.FINALIZABLE, Status.SUSPENDED));
        coordinator.finalize(request, given, "");
        _publish(operator, 0);
        _publish(operator, 1);
        vm.warp(dispute.challengeableUntil(request, given) - 1);
        vm.expectRevert(unexpected(request, Status.FINALIZABLE, Status.SUBMITTED));
        coordinator.finalize(request, given, "");
        vm.warp(vm.getBlockTimestamp() + 1);
        coordinator.finalize(request, given, "");
    }

    function test_A29_theWindowOpensForTheCapAtMost() external {
        RequestParams memory terms = onDemand(id);
        terms.challengeWindow = 7 days;
        request = askByURI(terms, inputRoot);
        given = answerByURI(request, outputRoot);
        vm.warp(dispute.challengeableUntil(request, given) - 1);
        demand(request, given, Bundle.OUTPUT);
        vm.warp(vm.getBlockTimestamp() + 1 hours);
        _publish(operator, 0);
        _publish(operator, 1);
        uint256 until = vm.getBlockTimestamp() + gameParameters().maxGrace;
        assertEq(dispute.challengeableUntil(request, given), until, "two hours, not seven days");
    }

    function test_A29_oneDemandForEachBundle() external {
        demand(request, given, Bundle.OUTPUT);
        uint256 value = publications.quote(id, Bundle.OUTPUT);
        vm.deal(stranger, value);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IPublications.DemandedBefore.selector, idOf(request), Bundle.OUTPUT));
        publications.demand{value: value}(request, given, Bundle.OUTPUT);
        demand(request, given, Bundle.INPUT);
        _publish(operator, 0);
        _publish(operator, 1);
        assertEq(statusOf(request, given), Status.SUSPENDED, "the input is still demanded");
        vm.deal(stranger, value);
        vm.prank(stranger);
        vm.expectPartialRevert(IPublications.DemandedBefore.selector);
        publications.demand{value: value}(request, given, Bundle.OUTPUT);
        _publishInput(given);
        assertEq(statusOf(request, given), Status.SUBMITTED, "everything is there");
    }

    function test_A29_aDemandComesInTheWindowAndBeforeTheEnd() external {
        uint256 value = publications.quote(id, Bundle.OUTPUT);
        uint256 until = dispute.challengeableUntil(request, given);
        uint256 snapshot = vm.snapshotState();
        vm.warp(until);
        vm.deal(challenger, 2 * value);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IPublications.DemandTooLate.selector, idOf(request), until));
        publications.demand{value: value}(request, given, Bundle.OUTPUT);
        vm.revertToState(snapshot);
        vm.prank(operator);
        dispute.retract(request, given);
        vm.deal(challenger, 2 * value);
        vm.prank(challenger);
        vm.expectRevert(unexpected(request, Status.SUBMITTED, Status.REQUESTED));
        publications.demand{value: value}(request, given, Bundle.OUTPUT);
    }

    // -------------------------------------------------------------------------------------------- which bytes

    function test_A29_onlyTheChunksOwnBytesAreTaken() external {
        demand(request, given, Bundle.OUTPUT);
        bytes memory data = chunkOf(output_, 0);
        _refused(0, _opening(0), chunkOf(output_, 1), IPublications.ChunkLength.selector);
        _refused(0, _opening(0), bytes.concat(data, hex"00"), IPublications.ChunkLength.selector);
        data[CHUNK - 1] ^= 0x01;
        _refused(0, _opening(0), data, IPublications.ChunkInvalid.selector);
        data[CHUNK - 1] ^= 0x01;
        ChunkOpening memory opening = _opening(0);
        opening.siblings[0] = 0;
        _refused(0, opening, data, IPublications.ChunkInvalid.selector);
        opening = _opening(0);
        opening.tensorTop = treeOf(input_).top();
        _refused(0, opening, data, IPublications.ChunkInvalid.selector);
        opening = _opening(0);
        opening.tensorRoots[0] = 0;
        _refused(0, opening, data, IPublications.ChunkInvalid.selector);
        opening = _opening(0);
        opening.header = headerOf(INPUTS, OUTPUTS + 1);
        vm.prank(operator);
        vm.expectRevert();
        publications.publish(request, given, Bundle.OUTPUT, 0, opening, data);
        _publish(operator, 0);
    }

    function test_A30_aRootThatNoBundleHasCannotBePublished() external {
        // The last leaf holds 80 bytes of the tensor; behind them lies junk.
        TestTree.Tree memory tree = treeOf(output_);
        bytes memory last = tree.leaves[tree.leaves.length - 1];
        last[255] = 0x01;
        tree.update(tree.leaves.length - 1);
        request = askByURI(onDemand(id), inputRoot);
        given = answerByURI(request, rootOf(OUTPUTS, tree.top()));
        demand(request, given, Bundle.OUTPUT);
        ChunkOpening memory opening = openingOf(headerOf(INPUTS, OUTPUTS), OUTPUTS, tree, 0);
        bytes memory data = chunkOf(output_, 0);
        vm.prank(operator);
        publications.publish(request, given, Bundle.OUTPUT, 0, opening, data);
        opening = openingOf(headerOf(INPUTS, OUTPUTS), OUTPUTS, tree, 1);
        data = chunkOf(output_, 1);
        _refused(1, opening, data, IPublications.ChunkInvalid.selector);
        data = bytes.concat(data, new bytes(CHUNK - data.length));
        _refused(1, opening, data, IPublications.ChunkLength.selector);
    }

    function test_A36_onlyTheOperatorAndItsDelegatePublish() external {
        demand(request, given, Bundle.OUTPUT);
        (ChunkOpening memory opening, bytes memory data) = (_opening(0), chunkOf(output_, 0));
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IPublications.CallerNotPublisher.selector, stranger, operator));
        publications.publish(request, given, Bundle.OUTPUT, 0, opening, data);
        vm.prank(operator);
        operators.setDelegate(stranger);
        _publish(stranger, 0);
        assertEq(demandOf(request, given, Bundle.OUTPUT).published, 1, "by the delegate");
    }

    // ------------------------------------------------------------------------------------------------ the input

    function test_A29_whoAnsweredAnInputVouchesForHavingReadIt() external {
        demand(request, given, Bundle.INPUT);
        vm.warp(demandOf(request, given, Bundle.INPUT).deadline);
        publications.timeout(request, given, Bundle.INPUT);
        assertEq(operators.operatorOf(operator).stake, STAKE - BOND, "convicted for an input that nobody can read");
    }

    function test_A29_aPublishedInputIsNotDemandedAgain() external {
        address other = address(0x07e4);
        modelId = id;
        enrol(other, STAKE);
        // Enrolling lets blocks pass: a request that both can answer.
        request = askByURI(onDemand(id), inputRoot);
        given = answerByURI(request, outputRoot);
        demand(request, given, Bundle.INPUT);
        _publishInput(given);
        vm.prank(operator);
        dispute.retract(request, given);
        becomeEligible(request, other);
        vm.prank(other);
        coordinator.submitByURI(request, outputRoot, "ipfs://nothing");
        Answer memory second = Answer(other, outputRoot, uint48(vm.getBlockTimestamp()));
        vm.expectRevert(abi.encodeWithSelector(IPublications.NothingToDemand.selector, idOf(request), Bundle.INPUT));
        publications.demand(request, second, Bundle.INPUT);
        demand(request, second, Bundle.OUTPUT);
    }

    // --------------------------------------------------------------------------------------------------- escrow

    function test_A29_theEscrowCoversPublishingAtTwiceTheBaseFee() external {
        uint256 needed = 60_000 * 2 + 64 * (4 * uint256(OUTPUTS) + 1_300 * 2);
        uint256 least = needed * (2 * 3 gwei + 2 gwei);
        assertEq(publications.quote(id, Bundle.OUTPUT), least, "what publishing takes, at twice the base fee");
        vm.deal(challenger, least);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IPublications.EscrowTooSmall.selector, least - 1, least));
        publications.demand{value: least - 1}(request, given, Bundle.OUTPUT);
        vm.prank(challenger);
        publications.demand{value: least}(request, given, Bundle.OUTPUT);
        assertEq(address(publications).balance, least, "escrowed");
    }

    function test_A29_theOperatorDrawsHalfOfWhatPublishingCost() external {
        uint256 needed = 60_000 * 2 + 64 * (4 * uint256(OUTPUTS) + 1_300 * 2);
        demand(request, given, Bundle.OUTPUT);
        uint256 escrow = demandOf(request, given, Bundle.OUTPUT).escrow;
        vm.txGasPrice(4 gwei);
        _publish(operator, 0);
        vm.txGasPrice(100 gwei);
        _publish(operator, 1);
        vm.expectRevert(abi.encodeWithSelector(IPublications.AnswerNotOver.selector, idOf(request)));
        publications.collect(request, given, Bundle.OUTPUT);
        vm.warp(dispute.challengeableUntil(request, given));
        coordinator.finalize(request, given, "");
        publications.collect(request, given, Bundle.OUTPUT);
        uint256 drawn = (4 gwei * needed) / 4 + (8 gwei * needed) / 4;
        assertEq(publications.owed(operator), drawn, "at the price paid, and at the escrow's where that is lower");
        assertEq(publications.owed(challenger), escrow - drawn, "the rest comes back");
        vm.expectPartialRevert(IPublications.NotDemanded.selector);
        publications.collect(request, given, Bundle.OUTPUT);
        vm.expectPartialRevert(IPublications.NotDemanded.selector);
        publications.raiseEscrow{value: 1}(request, given, Bundle.OUTPUT);
    }

    function test_A29_nobodyIsConvictedInABlockThatTheEscrowDoesNotCover() external {
        demand(request, given, Bundle.OUTPUT);
        vm.warp(demandOf(request, given, Bundle.OUTPUT).deadline);
        vm.fee(8 gwei + 1);
        vm.expectRevert(abi.encodeWithSelector(IPublications.BaseFeeAboveEscrow.selector, 8 gwei + 1, uint256(8 gwei)));
        publications.timeout(request, given, Bundle.OUTPUT);
        uint256 needed = 60_000 * 2 + 64 * (4 * uint256(OUTPUTS) + 1_300 * 2);
        vm.deal(stranger, needed);
        vm.prank(stranger);
        publications.raiseEscrow{value: needed}(request, given, Bundle.OUTPUT);
        publications.timeout(request, given, Bundle.OUTPUT);
        publications.collect(request, given, Bundle.OUTPUT);
        assertEq(publications.owed(challenger), (8 gwei + 1) * needed, "what was added goes to the demander, too");
    }

    // ----------------------------------------------------------------------------------------------------- caps

    function test_A29_whatCannotBePublishedCannotBeAskedFor() external {
        uint32 most = 2 ** 18;
        bytes32 large = modelOf(16, most);
        bytes32 larger = modelOf(16, most + 1);
        askByURI(onDemand(large), inputRoot);
        RequestParams memory terms = onDemand(larger);
        vm.deal(stranger, 1 ether);
        vm.prank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(IPublications.NotPublishable.selector, larger, Bundle.OUTPUT, 2 ** 20 + 4, 2 ** 20)
        );
        coordinator.request{value: FEE}(terms, input());
        terms.transport = Transport.INLINE;
        vm.prank(stranger);
        coordinator.request{value: FEE}(terms, input());

        bytes32 long = modelOf(2 ** 20, 16);
        bytes32 longer = modelOf(2 ** 20 + 1, 16);
        terms.modelId = long;
        askByURI(terms, inputRoot);
        terms.modelId = longer;
        vm.deal(stranger, FEE);
        vm.prank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(IPublications.NotPublishable.selector, longer, Bundle.INPUT, 2 ** 22 + 4, 2 ** 22)
        );
        coordinator.requestByURI{value: FEE}(terms, inputRoot, "ipfs://input");
    }

    function test_A29_anAnswerThatNobodyCanChallengeTravelsInline() external {
        Model memory made = model(author, ROYALTY_BPS);
        (made.programRoot, made.weightRoot) = (0, 0);
        vm.prank(author);
        bytes32 free = models.registerModel(made, 0, "");
        RequestParams memory terms = onDemand(free);
        vm.deal(stranger, FEE);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IPublications.ModelNotAdjudicable.selector, free));
        coordinator.request{value: FEE}(terms, input());
    }

    function test_onlyPublicationsSuspendAndConvictForBytes() external {
        bytes memory why = abi.encodeWithSelector(IDisputeGame.CallerNotPublications.selector, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(why);
        dispute.openDemand(request, given);
        vm.expectRevert(why);
        dispute.closeDemand(request, given);
        vm.expectRevert(why);
        dispute.convictUnpublished(request, given);
        vm.stopPrank();
    }
}

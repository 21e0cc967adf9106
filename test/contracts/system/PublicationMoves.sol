// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {IInferenceCoordinator} from "../../../contracts/interfaces/IInferenceCoordinator.sol";
import {Bundle, ChunkOpening, IPublications} from "../../../contracts/interfaces/IPublications.sol";
import {TensorLib} from "../../../contracts/libraries/TensorLib.sol";
import {Book, Reached} from "./Books.sol";
import {LifeMoves} from "./LifeMoves.sol";

/// @notice The moves around bytes that aren't on chain: who demands them, who publishes them, and what it costs.
abstract contract PublicationMoves is LifeMoves {
    // ------------------------------------------------------------------------------------------------ demanding

    function moveDemand() internal {
        if (answered.length == 0) return;
        uint256 which = _recent(answered.length);
        Bundle bundle = draw(3) == 0 ? Bundle.INPUT : Bundle.OUTPUT;
        // Half of them look for a lie, which is rarer.
        bool lie = draw(2) == 0;
        for (uint256 i = 0; i < 12; ++i) {
            if (demandRefusal(which, bundle) == 0 && (answered[which].wrong || !lie)) break;
            which = _recent(answered.length);
        }
        sendDemand(which, bundle, [BOGUS, SYBIL, CHEAT, challenger][draw(4)], draw(8) == 0);
    }

    /// @param poor Whether to send a wei too little.
    function sendDemand(uint256 which, Bundle bundle, address by, bool poor) internal returns (bool) {
        Answered storage about = answered[which];
        Asked storage question = asked[about.asked];
        bytes4 expected = demandRefusal(which, bundle);
        uint256 value = gasOf(bundle) * (2 * baseFee + 2 gwei);
        if (poor) value -= 1;
        else value += draw(2) * draw(1e15);
        if (poor && (expected == 0 || isContest(expected))) expected = IPublications.EscrowTooSmall.selector;
        bytes memory call_ = abi.encodeCall(publications.demand, (question.request, about.answer, bundle));
        if (!hold("demand", attempt(by, address(publications), value, call_), expected)) return false;
        Demanded storage entry = demands[which][bundle];
        (entry.by, entry.escrow) = (by, value);
        entry.deadline = uint64(moment() + publicationParameters().baseTime + publicationParameters().chunkTime);
        ++about.open;
        escrowIn += value;
        count(bundle == Bundle.OUTPUT ? Reached.DEMANDED_OUTPUT : Reached.DEMANDED_INPUT);
        return true;
    }

    /// @dev Of a demand that escrows enough.
    function demandRefusal(uint256 which, Bundle bundle) internal view returns (bytes4) {
        Asked storage question = asked[answered[which].asked];
        bool missing =
            bundle == Bundle.OUTPUT ? hidden(which) : question.request.origin.inputByURI() && !question.inputPublished;
        if (!missing) return IPublications.NothingToDemand.selector;
        if (demands[which][bundle].by != address(0)) return IPublications.DemandedBefore.selector;
        if (moment() >= answered[which].until) return IPublications.DemandTooLate.selector;
        return contestRefusal(which);
    }

    /// @dev What the coordinator refuses, after everything else has been checked.
    function isContest(bytes4 why) internal pure returns (bool) {
        return
            why == IInferenceCoordinator.UnexpectedStatus.selector ||
            why == IInferenceCoordinator.AnswerMismatch.selector;
    }

    function moveRaiseEscrow() internal {
        (bool found, uint256 which, Bundle bundle) = anyDemand();
        if (!found) return;
        Answered storage about = answered[which];
        Demanded storage entry = demands[which][bundle];
        uint256 value = draw(1e16);
        bytes4 expected = entry.collected ? IPublications.NotDemanded.selector : bytes4(0);
        bytes memory call_ = abi.encodeCall(
            publications.raiseEscrow,
            (asked[about.asked].request, about.answer, bundle)
        );
        if (!hold("raiseEscrow", attempt(SYBIL, address(publications), value, call_), expected)) return;
        entry.escrow += value;
        escrowIn += value;
        count(Reached.ESCROW_RAISED);
    }

    // ----------------------------------------------------------------------------------------------- publishing

    /// @dev Who lies seldom shows it.
    function movePublish() internal {
        (bool found, uint256 which, Bundle bundle) = anyDemand();
        if (!found) return;
        address by = answered[which].answer.operator;
        if (!isHonest(by) && draw(3) == 0) return;
        sendPublication(which, bundle, draw(6));
    }

    /// @param choice 0: by somebody else; 1: a byte is wrong; 2: a byte is missing; otherwise as it should be.
    function sendPublication(uint256 which, Bundle bundle, uint256 choice) internal returns (bool) {
        Answered storage about = answered[which];
        Demanded storage entry = demands[which][bundle];
        bytes4 expected = _publicationRefusal(which, bundle);
        bool checked = expected == 0 || expected == IInferenceCoordinator.NoOpenDispute.selector;
        bytes memory data = bytesOf(about, bundle);
        address by = moverFor(about.answer.operator);
        if (choice == 0) (by, expected) = (SYBIL, IPublications.CallerNotPublisher.selector);
        else if (choice == 1 && checked && !entry.published) expected = IPublications.ChunkInvalid.selector;
        else if (choice == 2 && checked && !entry.published) expected = IPublications.ChunkLength.selector;
        if (choice == 1) data[draw(data.length)] ^= 0x01;
        else if (choice == 2) data = bytes.concat(data, hex"00");
        bytes memory call_ = abi.encodeCall(
            publications.publish,
            (asked[about.asked].request, about.answer, bundle, 0, openingOf(about, bundle), data)
        );
        bool again = entry.published;
        if (!hold("publish", attempt(by, address(publications), call_), expected) || again) return false;
        _bookPublication(about, entry, bundle);
        return true;
    }

    function _bookPublication(Answered storage about, Demanded storage entry, Bundle bundle) private {
        Asked storage question = asked[about.asked];
        uint256 price = entry.escrow / gasOf(bundle);
        if (tx.gasprice < price) price = tx.gasprice;
        entry.drawn = (price * gasOf(bundle)) / 2;
        entry.published = true;
        if (bundle == Bundle.INPUT) question.inputPublished = true;
        --about.open;
        uint256 window = question.request.params.challengeWindow;
        if (window > gameParameters().maxGrace) window = gameParameters().maxGrace;
        if (moment() + window > about.until) about.until = uint64(moment() + window);
        count(about.wrong && bundle == Bundle.OUTPUT ? Reached.PUBLISHED_WRONG : Reached.PUBLISHED_RIGHT);
    }

    /// @dev A chunk that was published before is taken again, and does nothing.
    function _publicationRefusal(uint256 which, Bundle bundle) private view returns (bytes4) {
        Demanded storage entry = demands[which][bundle];
        if (entry.by == address(0)) return IPublications.NotDemanded.selector;
        if (entry.published) return 0;
        if (moment() >= entry.deadline) return IPublications.PublicationTooLate.selector;
        return answered[which].voided ? IInferenceCoordinator.NoOpenDispute.selector : bytes4(0);
    }

    function moveTimeoutPublication() internal {
        (bool found, uint256 which, Bundle bundle) = anyDemand();
        if (found) sendTimeoutPublication(which, bundle);
    }

    function sendTimeoutPublication(uint256 which, Bundle bundle) internal {
        Answered storage about = answered[which];
        Demanded storage entry = demands[which][bundle];
        bytes4 expected = 0;
        if (entry.by == address(0) || entry.published) expected = IPublications.NotDemanded.selector;
        else if (moment() < entry.deadline) expected = IPublications.PublicationStillRunning.selector;
        else if (baseFee > entry.escrow / gasOf(bundle)) expected = IPublications.BaseFeeAboveEscrow.selector;
        else expected = contestRefusal(which);
        bytes memory call_ = abi.encodeCall(publications.timeout, (asked[about.asked].request, about.answer, bundle));
        if (!hold("time a publication out", attempt(address(publications), call_), expected)) return;
        bookVoid(which, asked[about.asked].request.params.bond, true);
        count(Reached.UNPUBLISHED);
    }

    // --------------------------------------------------------------------------------------------------- escrow

    function moveCollect() internal {
        (bool found, uint256 which, Bundle bundle) = anyDemand();
        if (found) collect(which, bundle);
    }

    function collect(uint256 which, Bundle bundle) internal {
        Answered storage about = answered[which];
        Demanded storage entry = demands[which][bundle];
        Asked storage question = asked[about.asked];
        bool final_ = question.book == Book.FINAL && question.standing == which + 1;
        bytes4 expected = 0;
        if (entry.by == address(0) || entry.collected) expected = IPublications.NotDemanded.selector;
        else if (!final_ && !about.voided) expected = IPublications.AnswerNotOver.selector;
        bytes memory call_ = abi.encodeCall(publications.collect, (question.request, about.answer, bundle));
        if (!hold("collect", attempt(address(publications), call_), expected)) return;
        entry.collected = true;
        uint256 toOperator = final_ ? entry.drawn : 0;
        escrowOwed[about.answer.operator] += toOperator;
        escrowOwed[entry.by] += entry.escrow - toOperator;
        count(Reached.COLLECTED);
    }

    function withdrawEscrow(address by) internal {
        bytes4 expected = escrowOwed[by] == 0 ? IPublications.NothingOwed.selector : bytes4(0);
        bytes memory call_ = abi.encodeCall(publications.withdraw, (by));
        if (!hold("withdraw an escrow", attempt(address(publications), call_), expected)) return;
        escrowOut += escrowOwed[by];
        escrowOwed[by] = 0;
        count(Reached.ESCROW_WITHDRAWN);
    }

    // ---------------------------------------------------------------------------------------------------- bytes

    function gasOf(Bundle bundle) internal pure returns (uint256) {
        return bundle == Bundle.OUTPUT ? OUTPUT_GAS : INPUT_GAS;
    }

    function bytesOf(Answered memory about, Bundle bundle) internal view returns (bytes memory data) {
        if (bundle == Bundle.OUTPUT) return postedLeafOf(about.wrong, about.element);
        bytes memory whole = input();
        // In front of the data: tensors, type, rank, dimension.
        data = new bytes(whole.length - 7);
        for (uint256 i = 0; i < data.length; ++i) data[i] = whole[7 + i];
    }

    function openingOf(Answered memory about, Bundle bundle) internal view returns (ChunkOpening memory opening) {
        bytes memory leaf = bytes.concat(bytesOf(about, bundle), new bytes(bundle == Bundle.OUTPUT ? 0 : 192));
        bytes memory dimension = bundle == Bundle.OUTPUT ? bytes(hex"40000000") : bytes(hex"10000000");
        opening.header = header();
        opening.instructionsTop = INSTRUCTIONS_TOP;
        opening.tensorTop = keccak256(bytes.concat(hex"00", leaf));
        opening.tensorRoots = new bytes32[](1);
        opening.tensorRoots[0] = keccak256(
            abi.encodePacked(hex"02", TensorLib.FLOAT32, uint8(1), dimension, opening.tensorTop)
        );
    }

    /// @dev One of the last answers' demands, open ones first.
    function anyDemand() internal returns (bool found, uint256 which, Bundle bundle) {
        uint256 length = answered.length;
        uint256 start = length == 0 ? 0 : draw(4);
        for (uint256 i = start; i < length && i < 40; ++i) {
            uint256 candidate = length - 1 - i;
            for (uint256 kind = 0; kind < 2; ++kind) {
                Demanded storage entry = demands[candidate][Bundle(kind)];
                if (entry.by == address(0)) continue;
                bool open = !entry.published && !answered[candidate].voided;
                if (!found || draw(open ? 2 : 5) == 0) (found, which, bundle) = (true, candidate, Bundle(kind));
            }
        }
    }
}

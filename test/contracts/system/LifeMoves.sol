// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IInferenceCoordinator, Parameters} from "../../../contracts/interfaces/IInferenceCoordinator.sol";
import {IDisputeGame} from "../../../contracts/interfaces/IDisputeGame.sol";
import {IOperatorRegistry} from "../../../contracts/interfaces/IOperatorRegistry.sol";
import {Answer, RequestParams, Transport} from "../../../contracts/libraries/RequestLib.sol";
import {EmittingConsumer} from "../../../contracts/test/EmittingConsumer.sol";
import {Vm, vm} from "../Vm.sol";
import {Book, Books, Reached} from "./Books.sol";

/// @notice The moves of consumers, operators and the administration.
abstract contract LifeMoves is Books {
    bool private _paused;
    bool private _tokenRefused;
    uint256 private _minBond = 1e18;

    // ------------------------------------------------------------------------------------------------- consumers

    function moveAsk() internal {
        if (_paused && draw(3) == 0) _pause(false);
        uint256 kind = draw(2);
        RequestParams memory terms = RequestParams({
            modelId: modelId,
            feeToken: kind == ETHER ? address(0) : address(token),
            fee: uint128(draw(1e18)),
            bond: uint128(1e18 + draw(60e18)),
            submitPeriod: uint32(600 + draw(3_000)),
            challengeWindow: uint32(600 + draw(6_600)),
            callbackGasLimit: draw(3) == 0 ? 0 : 100_000,
            transport: draw(3) == 0 ? Transport.ON_DEMAND : Transport.INLINE
        });
        if (kind == TOKEN) token.mint(address(consumer), terms.fee);
        vm.prank(address(consumer));
        token.approve(address(coordinator), type(uint256).max);

        bytes4 expected = 0;
        if (_paused) expected = IInferenceCoordinator.NewRequestsPaused.selector;
        else if (terms.bond < _minBond) expected = IInferenceCoordinator.BondOutOfRange.selector;
        else if (kind == TOKEN && _tokenRefused) expected = IInferenceCoordinator.FeeTokenNotAllowed.selector;
        vm.recordLogs();
        bool byURI = draw(3) == 0;
        bytes memory call_ =
            byURI
                ? abi.encodeCall(coordinator.requestByURI, (terms, coordinatorRoot(input()), "ipfs://input"))
                : abi.encodeCall(coordinator.request, (terms, input()));
        uint256 value = kind == ETHER ? terms.fee : 0;
        if (!hold("ask", attempt(address(consumer), address(coordinator), value, call_), expected)) return;
        Asked storage entry = asked.push();
        entry.request = lastRequest();
        entry.id = idOf(entry.request);
        entry.deadline = moment() + terms.submitPeriod;
        if (byURI) count(Reached.ASKED_BY_URI);
        if (terms.transport == Transport.ON_DEMAND) count(Reached.ASKED_ON_DEMAND);
        escrow[kind] += terms.fee;
        taken[kind] += terms.fee;
        count(Reached.ASKED);
    }

    function moveRefund() internal {
        if (asked.length == 0) return;
        refund(asked[_recent(asked.length)]);
    }

    function refund(Asked storage entry) internal {
        bool due = entry.book == Book.OPEN && moment() >= entry.deadline;
        bytes4 expected = due ? bytes4(0) : IInferenceCoordinator.UnexpectedStatus.selector;
        bytes memory call_ = abi.encodeCall(coordinator.refund, (entry.request));
        if (!hold("refund", attempt(address(coordinator), call_), expected)) return;
        entry.book = Book.REFUNDED;
        uint256 kind = kindOf(entry);
        escrow[kind] -= entry.request.params.fee;
        feesOwed[address(consumer)][kind] += entry.request.params.fee;
        count(Reached.REFUNDED);
    }

    // ------------------------------------------------------------------------------------------------- operators

    function moveSubmit() internal {
        if (asked.length == 0) return;
        uint256 which = _recent(asked.length);
        for (uint256 i = 0; i < 3 && asked[which].book != Book.OPEN; ++i) which = _recent(asked.length);
        Asked storage entry = asked[which];
        address by = draw(3) == 0 ? operatorAt(draw(5)) : operatorAt(2 + draw(3));
        if (vm.getBlockNumber() <= entry.request.origin.requestedBlock() && draw(4) != 0) pass(1);
        uint256 eligible = coordinator.eligibleAt(entry.request, by);
        if (eligible > moment() && draw(4) != 0) pass(eligible - moment());
        Answered memory plan = _plan(by);
        bytes memory output_ = outputOf(postedLeafOf(plan.wrong, plan.element));

        bool onDemand = entry.request.params.transport == Transport.ON_DEMAND;
        bool byURI = draw(8) == 0 ? !onDemand : onDemand;
        bytes memory call_ =
            byURI
                ? abi.encodeCall(coordinator.submitByURI, (entry.request, coordinatorRoot(output_), "ipfs://nothing"))
                : abi.encodeCall(coordinator.submit, (entry.request, output_));
        bytes4 expected = _submitRefusal(entry, by, byURI == onDemand);
        if (!hold("submit", attempt(by, address(coordinator), call_), expected)) return;
        if (byURI) count(Reached.ANSWERED_HIDDEN);
        plan.asked = which;
        plan.answer = Answer(by, coordinatorRoot(output_), uint48(moment()));
        plan.id = answerIdOf(entry.request, plan.answer);
        plan.until = uint64(moment() + entry.request.params.challengeWindow);
        answered.push(plan);
        (entry.book, entry.standing) = (Book.ANSWERED, answered.length);
        locked[by] += entry.request.params.bond;
        count(plan.wrong ? Reached.ANSWERED_WRONG : Reached.ANSWERED_RIGHT);
        if (plan.wrong && draw(6) == 0) sendRetraction(answered.length - 1);
    }

    /// @dev Rather in front of a challenge that somebody is about to open.
    function moveRetract() internal {
        if (answered.length == 0) return;
        uint256 which = _recent(answered.length);
        for (uint256 i = 0; i < 6 && !(stands(which) && answered[which].wrong); ++i) which = _recent(answered.length);
        for (uint256 i = committed.length; i > 0 && i + 6 > committed.length && draw(3) != 0; --i) {
            uint256 target = committed[i - 1].answered;
            if (stands(target) && answered[target].wrong) which = target;
        }
        sendRetraction(which);
    }

    function sendRetraction(uint256 which) internal {
        Answered storage about = answered[which];
        address by = about.answer.operator;
        if (isHonest(by)) return;
        bytes memory call_ = abi.encodeCall(dispute.retract, (asked[about.asked].request, about.answer));
        if (draw(8) == 0) {
            address other = delegates[by] == address(0) ? SYBIL : delegates[by];
            bytes4 refused = IDisputeGame.CallerNotPlayer.selector;
            hold("retract for another", attempt(other, address(dispute), call_), refused);
            return;
        }
        bytes4 expected = contestRefusal(which);
        uint32 open_ = about.open;
        if (!hold("retract", attempt(by, address(dispute), call_), expected)) return;
        uint256 bond = asked[about.asked].request.params.bond;
        bool early = moment() < uint256(about.answer.submittedAt) + gameParameters().commitDelay;
        bookVoid(which, early ? (bond + 99) / 100 : bond - bond / 8, !early);
        count(early ? Reached.RETRACTED_EARLY : Reached.RETRACTED_LATE);
        if (open_ != 0) count(Reached.RETRACTED_UNDER_DISPUTE);
    }

    function moveFinalize() internal {
        if (answered.length == 0) return;
        finalizeAnswer(_recent(answered.length));
    }

    function finalizeAnswer(uint256 index) internal {
        Answered storage about = answered[index];
        Asked storage question = asked[about.asked];
        bytes4 expected = settledRefusal(index);
        if (expected == 0 && (about.open != 0 || moment() < about.until))
            expected = IInferenceCoordinator.UnexpectedStatus.selector;
        bytes memory output_ = outputOf(postedLeafOf(about.wrong, about.element));
        vm.recordLogs();
        bytes memory call_ = abi.encodeCall(coordinator.finalize, (question.request, about.answer, output_));
        if (!hold("finalize", attempt(address(coordinator), call_), expected)) return;
        question.calls += _callbacks(question.id);
        ++question.finals;
        question.book = Book.FINAL;
        locked[about.answer.operator] -= question.request.params.bond;
        _bookFee(question, about.answer.operator);
        count(Reached.FINALIZED);
        if (question.calls == 1) count(Reached.CALLED_BACK);
        require(!about.wrong, "P01 a wrong answer never becomes final while somebody honest watches");
    }

    function moveStake() internal {
        address by = operatorAt(draw(5));
        uint128 amount = uint128(1 + draw(500e18));
        uint256 kind = draw(6);
        if (kind == 0) {
            token.mint(by, amount);
            hold("stake", attempt(by, address(operators), abi.encodeCall(operators.stake, (amount))), 0);
            stakes[by] += amount;
            put[by] += amount;
            bonding[by] += amount;
            bondsAt[by] = vm.getBlockNumber() + BONDING_BLOCKS;
            count(Reached.STAKED);
        } else if (kind == 1) {
            startUnbonding(by, amount / 5 + 1);
        } else if (kind == 2) {
            withdrawStake(by);
        } else if (kind == 3) {
            activateStake(by);
        } else if (kind == 4) {
            _delegate(by, draw(3) == 0 ? address(0) : DELEGATE);
        } else {
            bytes32[] memory ids = new bytes32[](1);
            ids[0] = modelId;
            bool serves_ = !serving[by] || draw(4) != 0;
            if (serves_ && !serving[by]) servesSince[by] = vm.getBlockNumber();
            serving[by] = serves_;
            vm.prank(by);
            operators.setServedModels(ids, serving[by]);
        }
    }

    function activateStake(address by) internal {
        bytes4 expected = 0;
        if (bonding[by] == 0) expected = IOperatorRegistry.OperatorNothingToActivate.selector;
        else if (vm.getBlockNumber() < bondsAt[by]) expected = IOperatorRegistry.OperatorStillBonding.selector;
        bytes memory call_ = abi.encodeCall(operators.activateStake, (by));
        if (!hold("activateStake", attempt(address(operators), call_), expected)) return;
        bonding[by] = 0;
        count(Reached.ACTIVATED);
    }

    function startUnbonding(address by, uint128 amount) internal {
        uint256 free = stakes[by] - bonding[by] - unbonding[by] - locked[by];
        bytes4 expected = amount > free ? IInferenceCoordinator.InsufficientFreeStake.selector : bytes4(0);
        bytes memory call_ = abi.encodeCall(operators.startUnbonding, (amount));
        if (!hold("startUnbonding", attempt(by, address(operators), call_), expected)) return;
        unbonding[by] += amount;
        unbondsAt[by] = moment() + UNBONDING_PERIOD;
        count(Reached.UNBONDED);
    }

    function withdrawStake(address by) internal {
        bytes4 expected = 0;
        if (unbonding[by] == 0) expected = IOperatorRegistry.OperatorNothingToWithdraw.selector;
        else if (moment() < unbondsAt[by]) expected = IOperatorRegistry.OperatorStillUnbonding.selector;
        bytes memory call_ = abi.encodeCall(operators.withdraw, (ELSEWHERE));
        if (!hold("withdraw stake", attempt(by, address(operators), call_), expected)) return;
        stakes[by] -= unbonding[by];
        got[by] += unbonding[by];
        unbonding[by] = 0;
        count(Reached.UNSTAKED);
    }

    // ------------------------------------------------------------------------------------------------- payments

    function moveWithdraw() internal {
        uint256 kind = draw(5);
        if (kind == 4) withdrawClaims(claimantAt(draw(9)));
        else if (kind == 0) withdrawBonds(playerAt(draw(8)));
        else if (kind == 1) pullBurned(draw(2) == 0);
        else if (kind == 2) collectFees(draw(2));
        else withdrawFees(payeeAt(draw(8)), draw(2));
    }

    /// @notice Sends what verdicts have burned where nobody has the key. @param stake_ Of stakes, or of challengers' bonds.
    function pullBurned(bool stake_) internal {
        if (stake_) {
            bytes4 expected = toBurn == 0 ? IOperatorRegistry.OperatorNothingToWithdraw.selector : bytes4(0);
            bytes memory call_ = abi.encodeCall(operators.payOut, (BURN));
            if (!hold("burn stake", attempt(address(operators), call_), expected)) return;
            toBurn = 0;
            count(Reached.BURNED);
        } else {
            withdrawBonds(BURN);
        }
    }

    function collectFees(uint256 kind) internal {
        address[] memory authors = new address[](1);
        authors[0] = author;
        coordinator.collectProtocolFees(tokenOf(kind), authors);
        feesOwed[treasury][kind] += protocolFees[kind];
        protocolFees[kind] = 0;
    }

    function withdrawFees(address by, uint256 kind) internal {
        bytes4 expected = feesOwed[by][kind] == 0 ? IInferenceCoordinator.NothingOwed.selector : bytes4(0);
        bytes4 why =
            by == address(consumer)
                ? attempt(by, abi.encodeCall(EmittingConsumer.withdraw, (tokenOf(kind), ELSEWHERE)))
                : attempt(by, address(coordinator), abi.encodeCall(coordinator.withdraw, (tokenOf(kind), ELSEWHERE)));
        if (!hold("withdraw fees", why, expected)) return;
        paidOut[kind] += feesOwed[by][kind];
        feesOwed[by][kind] = 0;
        count(Reached.FEES_WITHDRAWN);
    }

    function withdrawBonds(address by) internal virtual;

    function withdrawClaims(address by) internal virtual;

    /// @notice Lets time pass; the honest do what they must in it.
    function pass(uint256 duration) internal virtual;

    // -------------------------------------------------------------------------------------------- administration

    function moveGovern() internal {
        uint256 kind = draw(6);
        if (kind == 5) {
            _price(draw(3) == 0 ? draw(100 gwei) : draw(5 gwei), draw(100 gwei));
        } else if (kind == 0) {
            _pause(!_paused);
        } else if (kind == 1) {
            Parameters memory changed = defaultParameters();
            _minBond = (1 + draw(20)) * 1e18;
            changed.minBond = uint128(_minBond);
            changed.protocolFeeBps = uint16(draw(2_001));
            changed.maxChallengeWindow = uint32(8_000 + draw(13 days));
            coordinator.setParameters(changed);
        } else if (kind == 2) {
            _tokenRefused = !_tokenRefused;
            coordinator.setFeeToken(address(token), !_tokenRefused);
        } else if (kind == 3) {
            giftsOfEther += 1 + draw(1e18);
            vm.deal(address(coordinator), taken[ETHER] - paidOut[ETHER] + giftsOfEther);
            count(Reached.GIVEN_AWAY);
        } else {
            address to = [address(coordinator), address(operators), address(dispute), address(claims)][draw(4)];
            uint256 amount = 1 + draw(1e18);
            token.mint(to, amount);
            giftsOfTokens[to] += amount;
            count(Reached.GIVEN_AWAY);
        }
        count(Reached.GOVERNED);
    }

    /// @dev What nobody but the other contracts or the administration may do.
    function moveTrespass() internal {
        uint256 kind = draw(6);
        bytes4 expected = IInferenceCoordinator.CallerNotDisputeGame.selector;
        (address target, bytes memory call_) = (address(coordinator), bytes(""));
        address by = playerAt(draw(8));
        if (kind < 3) {
            if (answered.length == 0) return;
            Answered storage about = answered[_recent(answered.length)];
            Asked storage question = asked[about.asked];
            if (kind == 0) call_ = abi.encodeCall(coordinator.suspend, (question.request, about.answer));
            else if (kind == 1) call_ = abi.encodeCall(coordinator.uphold, (question.request, about.answer, 0));
            else call_ = abi.encodeCall(coordinator.void, (question.request, about.answer, 1, 1, by));
        } else if (kind == 3) {
            expected = IInferenceCoordinator.CallerNotOperatorRegistry.selector;
            call_ = abi.encodeCall(coordinator.creditStake, (by, 1e18));
        } else if (kind == 4) {
            expected = IOperatorRegistry.OperatorCallerNotCoordinator.selector;
            (target, call_) = (address(operators), abi.encodeCall(operators.slash, (operator, 1, by, 1)));
        } else {
            expected = IAccessManaged.AccessManagedUnauthorized.selector;
            call_ = abi.encodeCall(coordinator.setParameters, (defaultParameters()));
        }
        hold("trespass", attempt(by, target, call_), expected);
        count(Reached.TRESPASSED);
    }

    // ---------------------------------------------------------------------------------------------------- books

    function kindOf(Asked storage entry) internal view returns (uint256) {
        return entry.request.params.feeToken == address(0) ? ETHER : TOKEN;
    }

    function tokenOf(uint256 kind) internal view returns (address) {
        return kind == ETHER ? address(0) : address(token);
    }

    /// @dev One of the last twelve, so that a long walk doesn't lose itself in what has ended.
    function _recent(uint256 length) internal returns (uint256) {
        return length - 1 - draw(length < 12 ? length : 12);
    }

    function _pause(bool paused) private {
        coordinator.setPaused(paused);
        _paused = paused;
    }

    function _plan(address by) private returns (Answered memory plan) {
        if (isHonest(by)) return plan;
        plan.wrong = draw(10) < (by == LAZY ? 4 : 7);
        plan.element = uint8(draw(64));
        plan.consistent = draw(4) != 0;
        plan.lies = draw(2) == 0;
        plan.lieLeaf = uint16(draw(LEAVES));
        plan.lieWord = uint8(draw(64));
    }

    function _submitRefusal(Asked storage entry, address by, bool fits) private view returns (bytes4) {
        if (entry.book != Book.OPEN || moment() >= entry.deadline) {
            return IInferenceCoordinator.UnexpectedStatus.selector;
        }
        if (!fits) return IInferenceCoordinator.TransportMismatch.selector;
        if (lostOnce[entry.id][by]) return IInferenceCoordinator.ConvictedBefore.selector;
        if (!serving[by]) return IInferenceCoordinator.NotServing.selector;
        if (stakes[by] - bonding[by] - unbonding[by] - locked[by] < entry.request.params.bond) {
            return IInferenceCoordinator.InsufficientFreeStake.selector;
        }
        return _isEarly(entry, by) ? IInferenceCoordinator.NotEligible.selector : bytes4(0);
    }

    /// @dev Nobody answers in the request's own block; then the draw decides, for some blocks and some time.
    function _isEarly(Asked storage entry, address by) private view returns (bool) {
        uint256 made = entry.request.origin.requestedBlock();
        if (vm.getBlockNumber() <= made) return true;
        bool everyone = moment() >= entry.request.origin.requestedAt() + entry.request.params.submitPeriod / 4;
        if (everyone || vm.getBlockNumber() > made + EXCLUSIVE_BLOCKS) return false;
        return servesSince[by] >= made || moment() < coordinator.eligibleAt(entry.request, by);
    }

    function _callbacks(bytes32 requestId) private returns (uint256 calls) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            bool answer_ = logs[i].topics[0] == EmittingConsumer.Answered.selector;
            if (answer_ && logs[i].topics[1] == requestId) ++calls;
        }
    }

    function _bookFee(Asked storage question, address by) private {
        (uint256 kind, uint256 fee) = (kindOf(question), question.request.params.fee);
        uint256 protocolFee = (fee * question.request.origin.protocolFeeBps() + BPS - 1) / BPS;
        uint256 royalty = (fee * ROYALTY_BPS) / BPS;
        escrow[kind] -= fee;
        protocolFees[kind] += protocolFee;
        feesOwed[author][kind] += royalty;
        feesOwed[by][kind] += fee - protocolFee - royalty;
    }
}

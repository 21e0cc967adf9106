// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Bundle} from "../../../contracts/interfaces/IPublications.sol";
import {Answer, Request, Transport} from "../../../contracts/libraries/RequestLib.sol";
import {IInferenceCoordinator} from "../../../contracts/interfaces/IInferenceCoordinator.sol";
import {vm} from "../Vm.sol";
import {GameTest} from "../dispute/GameTest.sol";
import {TestTree} from "../dispute/TestTree.sol";

enum Book {
    OPEN,
    ANSWERED,
    FINAL,
    REFUNDED
}

/// @notice What a walk must have reached; counted over all its calls.
enum Reached {
    ASKED,
    ASKED_BY_URI,
    ASKED_ON_DEMAND,
    ANSWERED_RIGHT,
    ANSWERED_WRONG,
    ANSWERED_HIDDEN,
    FINALIZED,
    CALLED_BACK,
    REFUNDED,
    RETRACTED_EARLY,
    RETRACTED_LATE,
    RETRACTED_UNDER_DISPUTE,
    COMMITTED,
    CHALLENGED,
    SELF_CHALLENGED,
    CHALLENGED_IN_PARALLEL,
    DEFENDED,
    DELEGATED,
    REVEALED,
    PICKED,
    PICKED_REVEALED,
    STEP_EQUAL,
    STEP_DIFFERENT,
    SUMS_REVEALED,
    SEGMENT_PICKED,
    SEGMENT_EQUAL,
    SEGMENT_DIFFERENT,
    OPERATOR_TIMEOUT,
    CHALLENGER_TIMEOUT,
    CLOSED_VOIDED,
    LAST_SECOND,
    DEMANDED_OUTPUT,
    DEMANDED_INPUT,
    PUBLISHED_RIGHT,
    PUBLISHED_WRONG,
    UNPUBLISHED,
    ESCROW_RAISED,
    COLLECTED,
    ESCROW_WITHDRAWN,
    JOINED,
    CLAIMED_DISPUTE,
    CLAIMED_DEMAND,
    CLAIMED_JOINED,
    CLAIMED_REST,
    CLAIMS_WITHDRAWN,
    STAKED,
    ACTIVATED,
    UNBONDED,
    UNSTAKED,
    FEES_WITHDRAWN,
    BONDS_WITHDRAWN,
    BURNED,
    GOVERNED,
    GIVEN_AWAY,
    TRESPASSED,
    REFUSED
}

/// @notice Everybody who moves in a walk, and books kept apart from the contracts' own, from docs/protocol.md and
/// docs/dispute.md alone. The contracts must agree with them after every call.
abstract contract Books is GameTest {
    using TestTree for TestTree.Tree;

    struct Asked {
        Request request;
        bytes32 id;
        Book book;
        /// @dev Index of the answer that stands, plus one.
        uint256 standing;
        uint256 calls;
        uint256 finals;
        /// @dev Until when it can be answered.
        uint256 deadline;
        bool inputPublished;
    }

    struct Answered {
        uint256 asked;
        Answer answer;
        bytes32 id;
        /// @dev The posted element is off by far more than the tolerance.
        bool wrong;
        uint8 element;
        /// @dev The operator's trace has the posted element; else it can't defend it.
        bool consistent;
        /// @dev The operator's trace is wrong in this word.
        bool lies;
        uint16 lieLeaf;
        uint8 lieWord;
        uint64 until;
        bool voided;
        uint64 voidedAt;
        /// @dev A part of its bond is divided: it was not taken back early.
        bool pooled;
        /// @dev Disputes and demands: that are open, that were when it was taken away; commitments that joined since.
        uint32 open;
        uint32 openAtVoid;
        uint32 joined;
        bool restClaimed;
        bytes32 traceRoot;
        uint64 watchedAt;
        bytes32 watch;
    }

    struct Disputed {
        bytes32 id;
        uint256 answered;
        address challenger;
        uint8 element;
        uint64 openedAt;
        uint32 moves;
        bool closed;
        bool acquitted;
        bool claimed;
    }

    struct Demanded {
        address by;
        uint64 deadline;
        bool published;
        bool collected;
        bool claimed;
        uint256 escrow;
        uint256 drawn;
    }

    struct Committed {
        bytes32 id;
        uint256 answered;
        address by;
        uint8 element;
        bytes32 salt;
    }

    struct Revealed {
        bytes32 answerId;
        uint8 height;
        uint32 position;
    }

    /// @dev How the sums of a segment are shown: as they are, with a wrong state (1 to 3: the first to the third), or too few.
    uint256 internal constant TRUE_SUMS = 0;
    uint256 internal constant TOO_FEW_SUMS = 4;
    /// @dev Bytes of a state.
    uint256 internal constant STATE = 192;

    /// @dev What publishing one chunk of the walks' bundles takes: 60,000 + 64 * (bytes + 1,300).
    uint256 internal constant OUTPUT_GAS = 60_000 + 64 * (256 + 1_300);
    uint256 internal constant INPUT_GAS = 60_000 + 64 * (64 + 1_300);
    uint256 internal constant BPS = 10_000;
    /// @dev In which the draw decides.
    uint256 internal constant EXCLUSIVE_BLOCKS = 200;
    uint256 internal constant ETHER = 0;
    uint256 internal constant TOKEN = 1;

    address internal constant HONEST = address(0x4041);
    address internal constant CHEAT = address(0xc4ea1);
    address internal constant CHEAT_TOO = address(0xc4ea2);
    address internal constant LAZY = address(0x1a27);
    address internal constant BOGUS = address(0xb0905);
    address internal constant SYBIL = address(0x5b11);
    address internal constant ELSEWHERE = address(0xe15e);
    address internal constant DELEGATE = address(0xde1e);
    address internal constant BURN = 0x000000000000000000000000000000000000dEaD;

    uint256 private _seed;
    uint256[64] internal reached;

    Asked[] internal asked;
    Answered[] internal answered;
    Disputed[] internal disputed;
    Committed[] internal committed;
    Revealed[] internal revealed;
    mapping(bytes32 commitment => uint256) internal committedAt;
    /// @dev How they were shown first, plus one.
    mapping(bytes32 answerId => mapping(uint256 segment => uint256)) internal sumsShown;
    mapping(bytes32 disputeId => bool) internal existed;
    mapping(bytes32 commitment => bool) internal joinedOnce;
    mapping(bytes32 commitment => bool) internal joinClaimed;
    mapping(uint256 answered => mapping(Bundle => Demanded)) internal demands;
    mapping(bytes32 requestId => mapping(address operator => bool)) internal lostOnce;

    mapping(address account => bool) internal serving;
    mapping(address account => uint256) internal servesSince;
    mapping(address account => address) internal delegates;
    mapping(address account => uint256) internal bonding;
    mapping(address account => uint256) internal bondsAt;
    mapping(address account => uint256) internal stakes;
    mapping(address account => uint256) internal locked;
    mapping(address account => uint256) internal unbonding;
    mapping(address account => uint256) internal unbondsAt;
    mapping(address account => uint256) internal claimsOwed;
    mapping(address account => uint256) internal escrowOwed;
    mapping(address account => uint256) internal bondsOwed;
    mapping(address account => mapping(uint256 kind => uint256)) internal feesOwed;
    /// @dev Stake tokens that an account has put into the system, and has taken out of it.
    mapping(address account => uint256) internal put;
    mapping(address account => uint256) internal got;
    mapping(address account => uint256) internal slashes;
    uint256[2] internal escrow;
    uint256[2] internal taken;
    uint256[2] internal paidOut;
    uint256[2] internal protocolFees;
    uint256 internal slashed;
    /// @dev Of slashed bonds: what is divided, and the part of it that claimants have booked and withdrawn.
    uint256 internal pooled;
    uint256 internal claimed;
    uint256 internal claimsOut;
    /// @dev What the registry still has to hand to those who divide it, and to burn.
    uint256 internal toClaims;
    uint256 internal toBurn;
    uint256 internal bondsBurned;
    uint256 internal stakeBurned;
    /// @dev Half of each bond that was lost after a challenge could be opened.
    uint256 internal leastLoss;
    /// @dev Escrows of demands, in wei.
    uint256 internal escrowIn;
    uint256 internal escrowOut;
    uint256 internal baseFee;
    uint256 internal bondsIn;
    uint256 internal bondsOut;
    uint256 internal bondsHeld;
    uint256 internal burnedBefore;
    /// @dev Sent without a call: belongs to nobody.
    mapping(address account => uint256) internal giftsOfTokens;
    uint256 internal giftsOfEther;

    function setUp() public virtual override {
        super.setUp();
        for (uint256 i = 0; i < 5; ++i) {
            address account = operatorAt(i);
            if (account != operator) enrol(account, STAKE);
            (serving[account], stakes[account], put[account]) = (true, STAKE, STAKE);
            servesSince[account] = 1;
            if (i % 2 == 0) _delegate(account, DELEGATE);
            fund(account, 0);
        }
        fund(BOGUS, 0);
        fund(SYBIL, 0);
        _price(1 gwei, 2 gwei);
    }

    function _delegate(address account, address delegate) internal {
        delegates[account] = delegate;
        vm.prank(account);
        operators.setDelegate(delegate);
    }

    function _price(uint256 baseFee_, uint256 gasPrice_) internal {
        baseFee = baseFee_;
        vm.fee(baseFee_);
        vm.txGasPrice(gasPrice_);
    }

    // ------------------------------------------------------------------------------------------------------ people

    /// @dev Two honest ones, two that cheat, and one that is wrong now and then and seldom defends.
    function operatorAt(uint256 i) internal view returns (address) {
        return [operator, HONEST, CHEAT, CHEAT_TOO, LAZY][i % 5];
    }

    function isHonest(address account) internal view returns (bool) {
        return account == operator || account == HONEST || account == challenger;
    }

    /// @dev Everybody who may hold stake, rewards or bonds.
    function playerAt(uint256 i) internal view returns (address) {
        if (i < 5) return operatorAt(i);
        return
            i == 5
                ? challenger
                : i == 6
                    ? BOGUS
                    : SYBIL;
    }

    /// @dev Everybody who is owed fees.
    function payeeAt(uint256 i) internal view returns (address) {
        if (i < 5) return operatorAt(i);
        return
            i == 5
                ? author
                : i == 6
                    ? treasury
                    : address(consumer);
    }

    /// @dev Everybody who may share in a bond.
    function claimantAt(uint256 i) internal view returns (address) {
        return i < 8 ? playerAt(i) : address(consumer);
    }

    /// @dev Who moves for an operator: itself or its delegate.
    function moverFor(address account) internal returns (address) {
        if (delegates[account] == address(0) || draw(2) == 0) return account;
        count(Reached.DELEGATED);
        return delegates[account];
    }

    // ---------------------------------------------------------------------------------------------------- chance

    function sow(uint256 seed) internal {
        _seed = seed;
    }

    /// @return A number below `n`.
    function draw(uint256 n) internal returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % n;
    }

    function count(Reached what) internal {
        ++reached[uint256(what)];
    }

    function moment() internal view returns (uint256) {
        return vm.getBlockTimestamp();
    }

    // ---------------------------------------------------------------------------------------------------- calls

    /// @return why The selector of the error that it reverted with, zero where it didn't.
    function attempt(address by, address target, bytes memory data) internal returns (bytes4 why) {
        vm.prank(by);
        return attempt(target, data);
    }

    function attempt(address target, bytes memory data) internal returns (bytes4 why) {
        return _attempt(target, 0, data);
    }

    function attempt(address by, address target, uint256 value, bytes memory data) internal returns (bytes4 why) {
        vm.deal(by, value);
        vm.prank(by);
        return _attempt(target, value, data);
    }

    function _attempt(address target, uint256 value, bytes memory data) private returns (bytes4 why) {
        (bool success, bytes memory result) = target.call{value: value}(data);
        if (success) return 0;
        why = bytes4(result);
        require(why != 0, "reverted without a reason");
    }

    /// @dev Everything that reverts must have been foreseen, by its error; everything that was must revert.
    function hold(string memory move, bytes4 why, bytes4 expected) internal returns (bool success) {
        if (why != expected) {
            string memory told = string.concat(": expected ", vm.toString(bytes32(expected)), ", got ");
            revert(string.concat(move, told, vm.toString(bytes32(why))));
        }
        if (why != 0) count(Reached.REFUSED);
        return why == 0;
    }

    // -------------------------------------------------------------------------------------------------- answers

    function stands(uint256 index) internal view returns (bool) {
        Asked storage entry = asked[answered[index].asked];
        return entry.book == Book.ANSWERED && entry.standing == index + 1;
    }

    function postedLeafOf(bool wrong, uint8 element) internal view returns (bytes memory leaf) {
        leaf = honest.leaves[LEAVES - 1];
        if (wrong) setWord(leaf, element, 0x40a00000);
    }

    /// @dev The trace that the operator of an answer holds to be true, or wants others to.
    function traceOf(Answered memory entry) internal view returns (TestTree.Tree memory trace) {
        trace = honest;
        if (entry.lies) {
            bytes memory leaf = trace.leaves[entry.lieLeaf];
            setWord(leaf, entry.lieWord, wordOf(leaf, entry.lieWord) ^ 1);
            trace.update(entry.lieLeaf);
        }
        if (entry.wrong && entry.consistent) {
            setWord(trace.leaves[LEAVES - 1], entry.element, 0x40a00000);
            trace.update(LEAVES - 1);
        }
    }

    // ----------------------------------------------------------------------------------------------- verdicts

    /// @dev The bond goes back at once; its part of the operator's bond can be claimed as every other dispute's.
    function bookConviction(Disputed storage entry) internal {
        bookVoid(entry.answered, asked[answered[entry.answered].asked].request.params.bond, true);
        bookVoided(entry);
    }

    function bookAcquittal(Disputed storage entry) internal {
        Answered storage about = answered[entry.answered];
        _close(entry, about);
        entry.acquitted = true;
        uint256 burned = (uint256(CHALLENGER_BOND) * gameParameters().burnBps + BPS - 1) / BPS;
        bondsOwed[about.answer.operator] += CHALLENGER_BOND - burned;
        bondsBurned += burned;
        bondsOwed[BURN] += burned;
        uint256 until = moment() + gameParameters().grace;
        uint256 last = windowEndOf(about) + gameParameters().maxGrace;
        if (until > last) until = last;
        if (until > about.until) about.until = uint64(until);
    }

    function bookVoided(Disputed storage entry) internal {
        _close(entry, answered[entry.answered]);
        bondsOwed[entry.challenger] += CHALLENGER_BOND;
    }

    /// @param divided Whether three eighths of the bond are divided.
    function bookVoid(uint256 index, uint256 penalty, bool divided) internal {
        Answered storage about = answered[index];
        Asked storage question = asked[about.asked];
        (address loser, uint256 bond) = (about.answer.operator, question.request.params.bond);
        (about.voided, about.voidedAt) = (true, uint64(moment()));
        (about.pooled, about.openAtVoid) = (divided, about.open);
        (question.book, question.standing) = (Book.OPEN, 0);
        question.deadline = _reopenedUntil(question);
        lostOnce[question.id][loser] = true;
        locked[loser] -= bond;
        stakes[loser] -= penalty;
        slashes[loser] += penalty;
        slashed += penalty;
        uint256 pool = divided ? (bond * 3) / 8 : 0;
        (pooled, toClaims) = (pooled + pool, toClaims + pool);
        (stakeBurned, toBurn) = (stakeBurned + penalty - pool, toBurn + penalty - pool);
        if (divided) leastLoss += bond / 2;
    }

    function _reopenedUntil(Asked storage question) private view returns (uint256) {
        uint256 submitPeriod = question.request.params.submitPeriod;
        uint256 life = submitPeriod + question.request.params.challengeWindow + DISPUTE_BOUND;
        uint256 last = question.request.origin.requestedAt() + 4 * life;
        return moment() + submitPeriod < last ? moment() + submitPeriod : last;
    }

    /// @return What each claim on an answer's bond is worth.
    function shareOf(Answered storage about) internal view returns (uint256) {
        uint256 bond = asked[about.asked].request.params.bond;
        uint256 claims_ = uint256(about.openAtVoid) + about.joined;
        return
            claims_ < 2
                ? bond / 4
                : ((bond * 3) / 8) / claims_ < bond / 4
                    ? ((bond * 3) / 8) / claims_
                    : bond / 4;
    }

    function windowEndOf(Answered storage about) internal view returns (uint256) {
        return uint256(about.answer.submittedAt) + asked[about.asked].request.params.challengeWindow;
    }

    function _close(Disputed storage entry, Answered storage about) private {
        require(!entry.closed, "closed twice");
        entry.closed = true;
        --about.open;
    }

    // ----------------------------------------------------------------------------------------------- refusals

    /// @dev What `retract`, `challenge` and `demand` meet where an answer can't be contested any more.
    function contestRefusal(uint256 index) internal view returns (bytes4) {
        Answered storage about = answered[index];
        bytes4 settled = settledRefusal(index);
        if (settled != 0 || about.open != 0 || moment() < about.until) return settled;
        return IInferenceCoordinator.UnexpectedStatus.selector;
    }

    /// @dev What every call about an answer meets that doesn't stand.
    function settledRefusal(uint256 index) internal view returns (bytes4) {
        Asked storage question = asked[answered[index].asked];
        if (question.book == Book.OPEN || question.book == Book.REFUNDED) {
            return IInferenceCoordinator.UnexpectedStatus.selector;
        }
        if (question.standing != index + 1) return IInferenceCoordinator.AnswerMismatch.selector;
        return question.book == Book.FINAL ? IInferenceCoordinator.UnexpectedStatus.selector : bytes4(0);
    }

    function hidden(uint256 index) internal view returns (bool) {
        return asked[answered[index].asked].request.params.transport == Transport.ON_DEMAND;
    }
}

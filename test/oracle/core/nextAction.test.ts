import assert from "node:assert/strict";
import { test } from "node:test";
import { foldEvents, type Job, type Request, type RequestEvent } from "../../../oracle/core/job.ts";
import { originFields } from "../../../oracle/core/origin.ts";
import { nextAction, type Action, type NodePolicy } from "../../../oracle/core/nextAction.ts";

const me = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const other = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const modelId = `0x${"11".repeat(32)}`;
const token = `0x${"00".repeat(20)}`;

const request: Request = {
  params: { modelId, feeToken: token, fee: 100n, bond: 50n, submitPeriod: 60, challengeWindow: 30, callbackGasLimit: 0, transport: 0 },
  inputRoot: `0x${"22".repeat(32)}`,
  requester: other,
  ...originFields(0n),
  origin: 0n,
  blockHash: null,
  requestedAt: 1000,
};

const job: Job = {
  requestId: `0x${"33".repeat(32)}`,
  request,
  status: "REQUESTED",
  answer: null,
  finalizableAt: null,
  submitDeadline: 1060,
  convicted: [],
  work: "NEW",
  reason: null,
  starts: 0,
  crashes: 0,
  retryAt: 0,
  outputRoot: null,
  selfCheck: "NEVER",
  verdict: null,
  submission: null,
  finalization: null,
};

const policy: NodePolicy = {
  operator: me,
  serves: (id) => id === modelId,
  minimumFee: (feeToken) => (feeToken === token ? 100n : null),
  stake: 1000n,
  stakeBlock: 1_000_000,
  freeStake: 50n,
  answerLimit: 1000n,
  consumerLimit: 1000n,
  isDisputed: () => true,
  lockedFor: () => 0n,
  reasonAgainst: () => null,
  eligibleAt: () => 1000,
  submitMargin: 5,
  evaluationLead: 2,
};

const evaluated = { work: "EVALUATED" } as const;
const answered = {
  ...evaluated,
  status: "SUBMITTED",
  answer: { operator: me, outputRoot: "0x", submittedAt: 1010 },
  finalizableAt: 1040,
} as const;
const params = (changes: Partial<Request["params"]>): Partial<Job> => ({
  request: { ...request, params: { ...request.params, ...changes } },
});
const wait = (until: number | null): Action => ({ kind: "wait", until });

const table: [name: string, job: Partial<Job>, time: number, policy: Partial<NodePolicy>, expected: Action | Action["kind"]][] = [
  ["a new request is evaluated", {}, 1000, {}, "evaluate"],
  ["the last second before the margin is not too late", {}, 1054, {}, "evaluate"],
  ["the margin before the deadline is too late", {}, 1055, {}, "decline"],
  ["an evaluated answer is given up at the margin, too", evaluated, 1055, {}, "decline"],
  ["a model that isn't served is declined", {}, 1000, { serves: () => false }, "decline"],
  ["a fee below the minimum is declined", params({ fee: 99n }), 1000, {}, "decline"],
  ["a fee at the minimum is enough", params({ fee: 100n }), 1000, {}, "evaluate"],
  ["a token that isn't taken is declined", params({ feeToken: other }), 1000, {}, "decline"],
  ["a bond above all stake is declined", params({ bond: 1001n }), 1000, {}, "decline"],
  [
    "a bond above the free stake waits",
    params({ bond: 51n }),
    1000,
    {},
    { kind: "wait", until: null, reason: "the bond 51 is above the free stake of 50" },
  ],
  ["A37 a bond above what one answer may lock is declined", params({ bond: 50n }), 1000, { answerLimit: 49n }, "decline"],
  ["A37 a bond of all that one answer may lock is enough", params({ bond: 50n }), 1000, { answerLimit: 50n }, "evaluate"],
  [
    "A37 a requester that has locked its part waits",
    {},
    1000,
    { stake: 100n, consumerLimit: 99n, lockedFor: (who) => (who === other ? 50n : 0n) },
    {
      kind: "wait",
      until: null,
      reason: `${other} has locked 50; with 50 it is more than one requester may lock (99, by scheduler.consumerShare)`,
    },
  ],
  ["A37 a requester may lock all of its part", {}, 1000, { stake: 100n, consumerLimit: 99n, lockedFor: () => 49n }, "evaluate"],
  ["A37 what others have locked is not held against a requester", {}, 1000, { stake: 100n, consumerLimit: 60n }, "evaluate"],
  [
    "N26 a fee that doesn't pay for its answer is declined",
    {},
    1000,
    { reasonAgainst: () => "too little" },
    { kind: "decline", reason: "too little" },
  ],
  [
    "why a request was not begun is said when it is too late",
    { reason: "no stake" },
    1055,
    {},
    { kind: "decline", reason: "the answer is due at 1060, it is 1055: too late to submit (until now: no stake)" },
  ],
  ["a bond of all free stake is enough", params({ bond: 50n }), 1000, {}, "evaluate"],
  ["evaluation waits for its lead", {}, 1000, { eligibleAt: () => 1010 }, wait(1008)],
  ["evaluation begins at its lead", {}, 1008, { eligibleAt: () => 1010 }, "evaluate"],
  ["a failed evaluation waits for its retry", { retryAt: 1001 }, 1000, {}, wait(1001)],
  ["a failed evaluation is tried again in time", { retryAt: 1001 }, 1001, {}, "evaluate"],
  ["an answer is submitted", evaluated, 1000, {}, "submit"],
  ["an answer waits until its operator is eligible", evaluated, 1009, { eligibleAt: () => 1010 }, wait(1010)],
  ["an answer is submitted once its operator is eligible", evaluated, 1010, { eligibleAt: () => 1010 }, "submit"],
  ["a journalled submission is left alone", { ...evaluated, submission: "JOURNALLED" }, 1000, {}, wait(null)],
  ["a sent submission is left alone", { ...evaluated, submission: "SENT" }, 1059, {}, wait(null)],
  ["a mined submission waits for its event", { ...evaluated, submission: "MINED" }, 1000, {}, wait(null)],
  ["a failed submission is made again", { ...evaluated, submission: "FAILED" }, 1000, {}, "submit"],
  ["a declined job is done", { work: "DECLINED" }, 1000, {}, "done"],
  ["a quarantined job is done", { work: "QUARANTINED" }, 1000, {}, "done"],
  ["a convicted operator does not answer again", { ...evaluated, convicted: [me] }, 1000, {}, "decline"],
  ["another operator's conviction is none of ours", { ...evaluated, convicted: [other] }, 1000, {}, "submit"],
  ["our answer waits for its window", answered, 1039, {}, wait(1040)],
  ["our answer is made final at the window's end", answered, 1040, {}, "finalize"],
  ["a refused finalization waits for its retry", { ...answered, retryAt: 1050 }, 1045, {}, wait(1050)],
  ["a sent finalization is left alone", { ...answered, finalization: "SENT" }, 1040, {}, wait(null)],
  ["an answer that is to be canonical is checked at once", { work: "UNCHECKED" }, 1000, { eligibleAt: () => 1010 }, "check"],
  ["an answer that isn't canonical in time is given up", { work: "UNCHECKED" }, 1055, {}, "decline"],
  ["our answer is checked in its window", { ...answered, selfCheck: "AFTER" }, 1010, {}, "check"],
  ["our answer is checked where nothing is decided yet", { ...answered, selfCheck: null }, 1010, {}, "check"],
  ["our answer that was found right waits", { ...answered, selfCheck: "AFTER", verdict: "RIGHT" }, 1010, {}, wait(1040)],
  ["our answer that was found wrong is retracted", { ...answered, selfCheck: "AFTER", verdict: "WRONG" }, 1039, {}, "retract"],
  ["behind its window nothing can be retracted", { ...answered, selfCheck: "AFTER", verdict: "WRONG" }, 1040, {}, "finalize"],
  ["behind its window nothing is checked", { ...answered, selfCheck: "AFTER" }, 1040, {}, "finalize"],
  ["a disputed answer is not retracted", { ...answered, status: "SUSPENDED", verdict: "WRONG" }, 1010, {}, wait(null)],
  [
    "A29 a demanded answer is checked",
    { ...answered, status: "SUSPENDED", selfCheck: "AFTER" },
    1010,
    { isDisputed: () => false },
    "check",
  ],
  [
    "A29 a demanded answer that was found wrong is retracted",
    { ...answered, status: "SUSPENDED", selfCheck: "AFTER", verdict: "WRONG" },
    1010,
    { isDisputed: () => false },
    "retract",
  ],
  [
    "A29 a demanded answer that was found right waits",
    { ...answered, status: "SUSPENDED", selfCheck: "AFTER", verdict: "RIGHT" },
    1010,
    { isDisputed: () => false },
    wait(null),
  ],
  [
    "A29 another operator's demanded answer is its own affair",
    { ...answered, status: "SUSPENDED", verdict: "WRONG", answer: { ...answered.answer, operator: other } },
    1010,
    { isDisputed: () => false },
    wait(null),
  ],
  ["another operator's answer is its own affair", { ...answered, answer: { ...answered.answer, operator: other } }, 1040, {}, "done"],
  ["a disputed answer waits", { ...answered, status: "SUSPENDED" }, 2000, {}, wait(null)],
  ["a request that was reorganised away is done", { status: "ABSENT" }, 1000, {}, "done"],
  ["a final request is done", { status: "FINALIZED" }, 1000, {}, "done"],
  ["a refunded request is done", { status: "REFUNDED" }, 1000, {}, "done"],
];

for (const [name, changes, time, policyChanges, expected] of table) {
  test(name, () => {
    const action = nextAction({ ...job, ...changes }, { number: 1, hash: "0x", time }, { ...policy, ...policyChanges });
    if (typeof expected === "string") assert.equal(action.kind, expected);
    else assert.deepEqual(action, expected);
  });
}

test("a dispute that ends early does not shorten the window", () => {
  const events: RequestEvent[] = [
    { kind: "Requested", request },
    { kind: "Submitted", answer: { operator: me, outputRoot: "0x", submittedAt: 1010 } },
    { kind: "Suspended" },
    { kind: "Upheld", finalizableAt: 1015 },
  ];
  assert.equal(foldEvents(events).finalizableAt, 1040);
});

test("events fold into what the chain says, and unfold when a block is undone", () => {
  const answer = { operator: me, outputRoot: "0x", submittedAt: 1010 };
  const events: RequestEvent[] = [
    { kind: "Requested", request },
    { kind: "Submitted", answer },
    { kind: "Suspended" },
    { kind: "Upheld", finalizableAt: 1100 },
    { kind: "Suspended" },
    { kind: "Voided", operator: me, submitDeadline: 1160 },
    { kind: "Submitted", answer: { ...answer, operator: other, submittedAt: 1050 } },
    { kind: "Finalized", delivered: true },
  ];
  const expected = [
    ["ABSENT", null, null],
    ["REQUESTED", null, null],
    ["SUBMITTED", 1040, me],
    ["SUSPENDED", 1040, me],
    ["SUBMITTED", 1100, me],
    ["SUSPENDED", 1100, me],
    ["REQUESTED", null, null],
    ["SUBMITTED", 1080, other],
    ["FINALIZED", 1080, other],
  ];
  const folded = expected.map((_, i) => foldEvents(events.slice(0, i)));
  assert.deepEqual(
    folded.map((facts) => [facts.status, facts.finalizableAt, facts.answer?.operator ?? null]),
    expected,
  );
  assert.deepEqual(folded.at(-1)!.convicted, [me]);
  assert.deepEqual(
    folded.map(({ submitDeadline }) => submitDeadline),
    [0, 1060, 1060, 1060, 1060, 1060, 1160, 1160, 1160],
  );
});

test("N18 a request isn't declined for stake that was read before the request", () => {
  const later: Job = { ...job, request: { ...request, requestedBlock: 8 } };
  const head = { time: 1010, number: 9, hash: "0x09" };
  for (const [stake, answerLimit] of [
    [0n, 0n],
    [1000n, 40n],
  ] as const) {
    const small = { ...policy, stake, answerLimit };
    const reason = "the stake was read as of block 7, before the request";
    assert.deepEqual(nextAction(later, head, { ...small, stakeBlock: 7 }), { kind: "wait", until: null, reason });
    assert.equal(nextAction(later, head, { ...small, stakeBlock: 8 }).kind, "decline");
  }
});

test("N19 an answer about which several things are open is suspended until the last of them is over", () => {
  const events: RequestEvent[] = [
    { kind: "Requested", request },
    { kind: "Submitted", answer: { operator: me, outputRoot: "0x", submittedAt: 1010 } },
    { kind: "Suspended" },
    { kind: "Suspended" },
    { kind: "Upheld", finalizableAt: 1100 },
    { kind: "Suspended" },
    { kind: "Upheld", finalizableAt: 1100 },
    { kind: "Upheld", finalizableAt: 1120 },
  ];
  assert.deepEqual(
    events.map((_, i) => foldEvents(events.slice(0, i + 1)).status),
    ["REQUESTED", "SUBMITTED", "SUSPENDED", "SUSPENDED", "SUSPENDED", "SUSPENDED", "SUSPENDED", "SUBMITTED"],
  );
  const voided: RequestEvent[] = [{ kind: "Voided", operator: me, submitDeadline: 1160 }];
  const again: RequestEvent[] = [
    { kind: "Submitted", answer: { operator: other, outputRoot: "0x", submittedAt: 1050 } },
    { kind: "Suspended" },
    { kind: "Upheld", finalizableAt: 1100 },
  ];
  assert.equal(foldEvents([...events.slice(0, 4), ...voided, ...again]).status, "SUBMITTED");
});

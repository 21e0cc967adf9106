import type { Job, Request } from "./job.ts";

/** Where the chain stands, as far as it has been read. */
export interface Head {
  number: number;
  hash: string;
  /** Chain time now: seconds, from block time alone, never from this machine's clock. */
  time: number;
}

/** What decides about a job besides the job itself. */
export interface NodePolicy {
  /** The operator's address, as the chain writes it. */
  operator: string;
  serves(modelId: string): boolean;
  /** The least fee in `feeToken`'s smallest unit, or null where that token isn't taken. */
  minimumFee(feeToken: string): bigint | null;
  /** Stake that could ever stand behind an answer, in the stake token's smallest unit. */
  stake: bigint;
  /** The block as of which the stake was read; a request of a later one isn't declined for it. */
  stakeBlock: number;
  /** The part of `stake` behind which nothing stands, answers on their way to the chain included. */
  freeStake: bigint;
  /** Most that one answer, and all open answers to one requester together, may lock of `stake`. */
  answerLimit: bigint;
  consumerLimit: bigint;
  /** Whether a dispute about this operator's answer is open, so that its defence decides what becomes of it. */
  isDisputed(requestId: string): boolean;
  /** What open answers to a requester lock, answers on their way to the chain included. */
  lockedFor(requester: string): bigint;
  /** Why a request's fee doesn't pay for its answer; null where it does. */
  reasonAgainst(request: Request): string | null;
  /** Chain time from which this operator may answer the request. */
  eligibleAt(job: Job): number;
  /** An answer that can't be on the chain this many seconds before its deadline isn't begun. */
  submitMargin: number;
  /** An evaluation begins this many seconds before this operator becomes eligible. */
  evaluationLead: number;
}

export type Action =
  | { kind: "evaluate" }
  /** The own answer is to be held against the canonical one. */
  | { kind: "check" }
  | { kind: "retract" }
  | { kind: "submit" }
  | { kind: "finalize" }
  | { kind: "decline"; reason: string }
  /** `until`: chain time in seconds; null: until the chain or the node changes the job. `reason`: for people. */
  | { kind: "wait"; until: number | null; reason?: string }
  | { kind: "done" };

const waitForChange = { kind: "wait", until: null } as const satisfies Action;
const done: Action = { kind: "done" };

/**
 * Decides what is to be done about a job now; has no effects and reads no clock.
 * Whoever acts on it records the result in the job, so that the next call decides anew.
 */
export function nextAction(job: Job, head: Head, policy: NodePolicy): Action {
  switch (job.status) {
    case "REQUESTED":
      return nextForRequested(job, head, policy);
    case "SUBMITTED":
      return nextForSubmitted(job, head, policy);
    case "SUSPENDED":
      return nextForSuspended(job, policy);
    case "ABSENT":
    case "FINALIZED":
    case "REFUNDED":
      return done;
  }
}

function nextForRequested(job: Job, head: Head, policy: NodePolicy): Action {
  if (job.work === "DECLINED" || job.work === "QUARANTINED") return done;
  if (job.convicted.includes(policy.operator))
    return { kind: "decline", reason: "this operator's answer was convicted or retracted: it may not answer again" };
  if (isLive(job.submission)) return waitForChange;
  const deadline = job.submitDeadline;
  if (head.time >= deadline - policy.submitMargin) {
    const until = job.reason === null ? "" : ` (until now: ${job.reason})`;
    return { kind: "decline", reason: `the answer is due at ${deadline}, it is ${head.time}: too late to submit${until}` };
  }
  if (job.retryAt > head.time) return { kind: "wait", until: job.retryAt };
  const eligibleAt = policy.eligibleAt(job);
  switch (job.work) {
    case "NEW":
      return nextForNew(job, head, policy, eligibleAt);
    case "UNCHECKED":
      return { kind: "check" };
    case "EVALUATED":
      return eligibleAt > head.time ? { kind: "wait", until: eligibleAt } : { kind: "submit" };
  }
}

function nextForNew({ request }: Job, head: Head, policy: NodePolicy, eligibleAt: number): Action {
  const { params, requester } = request;
  const { modelId, feeToken, fee, bond } = params;
  if (!policy.serves(modelId)) return { kind: "decline", reason: `model ${modelId} is not served by this operator` };
  const minimum = policy.minimumFee(feeToken);
  if (minimum === null) return { kind: "decline", reason: `fees in ${feeToken} are not taken` };
  if (fee < minimum) return { kind: "decline", reason: `the fee ${fee} is below the minimum of ${minimum}` };
  if (bond > policy.answerLimit && policy.stakeBlock < request.requestedBlock) {
    return { ...waitForChange, reason: `the stake was read as of block ${policy.stakeBlock}, before the request` };
  }
  if (bond > policy.stake) return { kind: "decline", reason: `the bond ${bond} is above the whole stake of ${policy.stake}` };
  if (bond > policy.answerLimit) {
    return {
      kind: "decline",
      reason: `the bond ${bond} is more than one answer may lock (${policy.answerLimit}, by scheduler.answerShare)`,
    };
  }
  const unprofitable = policy.reasonAgainst(request);
  if (unprofitable !== null) return { kind: "decline", reason: unprofitable };
  if (bond > policy.freeStake) return { ...waitForChange, reason: `the bond ${bond} is above the free stake of ${policy.freeStake}` };
  // Where all that is locked is below the limit, so is each requester's part.
  if (policy.stake - policy.freeStake + bond > policy.consumerLimit) {
    const locked = policy.lockedFor(requester);
    if (locked + bond > policy.consumerLimit) {
      const limit = `${policy.consumerLimit}, by scheduler.consumerShare`;
      return {
        ...waitForChange,
        reason: `${requester} has locked ${locked}; with ${bond} it is more than one requester may lock (${limit})`,
      };
    }
  }
  const beginAt = eligibleAt - policy.evaluationLead;
  return beginAt > head.time ? { kind: "wait", until: beginAt } : { kind: "evaluate" };
}

function nextForSubmitted(job: Job, head: Head, policy: NodePolicy): Action {
  if (job.answer?.operator !== policy.operator) return done;
  if (isLive(job.finalization)) return waitForChange;
  const finalizableAt = job.finalizableAt!;
  if (head.time < finalizableAt) {
    if (job.verdict === "WRONG") return { kind: "retract" };
    if (job.verdict === null && job.selfCheck !== "NEVER") return { kind: "check" };
  }
  if (Math.max(finalizableAt, job.retryAt) > head.time) return { kind: "wait", until: Math.max(finalizableAt, job.retryAt) };
  return { kind: "finalize" };
}

/** A demand for its bytes suspends an answer, too, and whoever makes one must not win the time in which taking it back is cheap. */
function nextForSuspended(job: Job, policy: NodePolicy): Action {
  if (job.answer?.operator !== policy.operator || policy.isDisputed(job.requestId)) return waitForChange;
  if (job.verdict === "WRONG") return { kind: "retract" };
  return job.verdict === null && job.selfCheck !== "NEVER" ? { kind: "check" } : waitForChange;
}

const isLive = (state: Job["submission"]) => state !== null && state !== "FAILED";

/** A node's work on a request: what the chain says of it, what was done about it, and nothing else. */
import type { OriginFields } from "./origin.ts";
import type { SelfCheck } from "./selfCheck.ts";

/** The most bytes of an answer that a callback can take, as the coordinator has it. */
export const maxCallbackBytes = 98_304;
/** Seconds from which an answer could be final in which the coordinator makes it final only with its bytes, where a callback is due. */
export const deliveryPeriod = 86_400;

/** What a requester chooses; amounts in the token's smallest unit, periods in seconds. */
export interface RequestParams {
  modelId: string;
  feeToken: string;
  fee: bigint;
  bond: bigint;
  submitPeriod: number;
  challengeWindow: number;
  callbackGasLimit: number;
  /** How the answer's bytes travel: one of `transports`. */
  transport: number;
}

/** inline: in the operator's transaction. on demand: by URI, and on chain where anybody demands it. */
export const transports = { inline: 0, onDemand: 1 } as const;

/** A request as it was made; its hash is its identity. */
export interface Request extends OriginFields {
  params: RequestParams;
  inputRoot: string;
  requester: string;
  /** What the fields of `OriginFields` are read from. */
  origin: bigint;
  /** Hash of the block that it was made in; null where that isn't known. */
  blockHash: string | null;
}

export interface Answer {
  operator: string;
  outputRoot: string;
  /** Unix time, seconds. */
  submittedAt: number;
}

/** An event of the coordinator that moves a request, in chain order. */
export type RequestEvent =
  | { kind: "Requested"; request: Request }
  | { kind: "Submitted"; answer: Answer }
  | { kind: "Suspended" }
  | { kind: "Upheld"; finalizableAt: number }
  /** `submitDeadline`: Unix time, seconds, until which others may answer. */
  | { kind: "Voided"; operator: string; submitDeadline: number }
  | { kind: "Finalized"; delivered: boolean }
  | { kind: "Refunded" };

/** ABSENT: a reorganisation took the request away. */
export type ChainStatus = "ABSENT" | "REQUESTED" | "SUBMITTED" | "SUSPENDED" | "FINALIZED" | "REFUNDED";

/** What the chain says of one request. */
export interface ChainFacts {
  status: ChainStatus;
  request: Request | null;
  answer: Answer | null;
  /** Unix time, seconds; null where there is no answer. */
  finalizableAt: number | null;
  /** Unix time, seconds, from which no answer is accepted any more; 0 where there is no request. */
  submitDeadline: number;
  /** Operators whose answers to this request were convicted: they may not answer it again. */
  convicted: readonly string[];
}

/** NEW: not evaluated yet. UNCHECKED: evaluated, but the canonical outputs are to be posted. DECLINED and QUARANTINED are final for this node. */
export type WorkState = "NEW" | "UNCHECKED" | "EVALUATED" | "DECLINED" | "QUARANTINED";

/** Whether the node's own answer is within tolerance of the canonical one. */
export type SelfVerdict = "RIGHT" | "WRONG";

/** A transaction's life in the journal. FAILED frees its items to be sent again. */
export type TransactionState = "JOURNALLED" | "SENT" | "MINED" | "FAILED";

export interface Job extends ChainFacts {
  requestId: string;
  request: Request;
  work: WorkState;
  /** Why it was declined or quarantined, or why the last attempt failed. */
  reason: string | null;
  /** How often an evaluation was begun whose end the node has not seen. */
  starts: number;
  /** How often an evaluation killed a process that did nothing else. */
  crashes: number;
  /** Chain time in seconds before which nothing is tried again; 0 where nothing failed. */
  retryAt: number;
  /** Root of the output tensors; null until evaluated. */
  outputRoot: string | null;
  /** What is done to know whether the own answer is right; null until it is decided. */
  selfCheck: SelfCheck | null;
  /** What came out, for the answer as it is; null where it isn't known. */
  verdict: SelfVerdict | null;
  /** Of the live transaction that carries this job's submission (finalization), null where none is live. */
  submission: TransactionState | null;
  finalization: TransactionState | null;
}

const absent: ChainFacts = { status: "ABSENT", request: null, answer: null, finalizableAt: null, submitDeadline: 0, convicted: [] };

/**
 * Folds a request's events, in chain order, into what they say together. An undone block is undone by folding again without it.
 * @returns ABSENT facts where no event is left.
 */
export function foldEvents(events: readonly RequestEvent[]): ChainFacts {
  return events.reduce(applyCounted, { facts: absent, open: 0 }).facts;
}

/** `open`: disputes and demands about the answer; it is suspended until the last of them is over. */
interface Counted {
  facts: ChainFacts;
  open: number;
}

function applyCounted({ facts, open }: Counted, event: RequestEvent): Counted {
  const after = applyEvent(facts, event);
  if (event.kind === "Suspended") return { facts: after, open: open + 1 };
  if (event.kind !== "Upheld") return { facts: after, open: 0 };
  return { facts: open > 1 ? { ...after, status: "SUSPENDED" } : after, open: Math.max(0, open - 1) };
}

function applyEvent(facts: ChainFacts, event: RequestEvent): ChainFacts {
  switch (event.kind) {
    case "Requested":
      return { ...absent, status: "REQUESTED", request: event.request, submitDeadline: firstDeadline(event.request) };
    case "Submitted":
      return { ...facts, status: "SUBMITTED", answer: event.answer, finalizableAt: windowEnd(facts.request, event.answer) };
    case "Suspended":
      return { ...facts, status: "SUSPENDED" };
    case "Upheld":
      // A dispute that ends early leaves a grace that ends before the window does.
      return { ...facts, status: "SUBMITTED", finalizableAt: Math.max(event.finalizableAt, windowEnd(facts.request, facts.answer)) };
    case "Voided":
      return {
        ...facts,
        status: "REQUESTED",
        submitDeadline: event.submitDeadline,
        answer: null,
        finalizableAt: null,
        convicted: [...facts.convicted, event.operator],
      };
    case "Finalized":
      return { ...facts, status: "FINALIZED" };
    case "Refunded":
      return { ...facts, status: "REFUNDED" };
  }
}

/** @returns Unix time in seconds at which an answer's challenge window ends, graces aside; 0 where there is no answer. */
function windowEnd(request: Request | null, answer: Answer | null): number {
  return (answer?.submittedAt ?? 0) + (request?.params.challengeWindow ?? 0);
}

/** @returns Unix time in seconds from which no answer is accepted, unless one was taken away meanwhile. */
export function firstDeadline({ requestedAt, params }: Request): number {
  return requestedAt + params.submitPeriod;
}

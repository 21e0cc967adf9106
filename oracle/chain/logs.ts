import { AbiCoder, getAddress, type LogDescription, type ParamType, type Result } from "ethers";
import { bundles, demandEventKinds, type DemandEvent } from "../core/demandFacts.ts";
import { disputeEventKinds, type DisputeEvent } from "../core/dispute/facts.ts";
import type { Request, RequestEvent } from "../core/job.ts";
import type { LoggedEvent } from "../store/chainLog.ts";
import { demandSubject } from "../store/demands.ts";
import { coordinatorInterface, operatorInterface, toRequest } from "./contracts.ts";
import { disputeInterface, outcomes, publicationsInterface } from "./disputeCalls.ts";
import { bytesOf } from "./rpc.ts";

/** As `eth_getLogs` gives them. */
export interface RawLog {
  address: string;
  topics: string[];
  data: string;
  blockNumber: string;
  blockHash: string;
  logIndex: string;
  removed?: boolean;
}

const coordinatorEvents = ["Requested", "Submitted", "Finalized", "Refunded", "Suspended", "Upheld", "Voided"] as const;

const topicOf = (name: string) => coordinatorInterface.getEvent(name)!.topicHash;
export const servedModelTopic = operatorInterface.getEvent("ServedModelSet")!.topicHash;
const watchedDisputeEvents = disputeEventKinds.map((name) => [disputeInterface.getEvent(name)!.topicHash, name] as const);
const watchedDemandEvents = demandEventKinds.map((name) => [publicationsInterface.getEvent(name)!.topicHash, name] as const);
export const watchedTopics = [
  ...coordinatorEvents.map(topicOf),
  servedModelTopic,
  ...[...watchedDisputeEvents, ...watchedDemandEvents].map(([topic]) => topic),
];
const demandEventOfTopic = new Map(watchedDemandEvents);
const disputeEventOfTopic = new Map(watchedDisputeEvents);
const eventOfTopic = new Map(coordinatorEvents.map((name) => [topicOf(name), name]));
const doneTopics = { Submitted: topicOf("Submitted"), Finalized: topicOf("Finalized") };

/** @returns whether a receipt's log says that this request was answered (made final). */
export function requestIdIn(log: { topics: string[] }, name: "Submitted" | "Finalized"): string | undefined {
  return log.topics[0] === doneTopics[name] ? log.topics[1] : undefined;
}

/**
 * @param operator whose served models and answers are of interest.
 * @param othersAnswers whether the bytes of everybody's answers are.
 * @returns undefined where the log is of no interest.
 */
export function decodeLog(raw: RawLog, operator: string, othersAnswers = false): LoggedEvent | undefined {
  const place = { blockNumber: Number(raw.blockNumber), blockHash: raw.blockHash, logIndex: Number(raw.logIndex) };
  const subject = raw.topics[1]!;
  if (raw.topics[0] === servedModelTopic) {
    const { args } = operatorInterface.parseLog(raw)!;
    if (args.operator !== getAddress(operator)) return undefined;
    return { ...place, subject: args.modelId as string, event: { kind: "ServedModelSet", served: args.served as boolean } };
  }
  const demandEvent = demandEventOfTopic.get(raw.topics[0]!);
  if (demandEvent !== undefined) return { ...place, ...decodeDemandEvent(demandEvent, raw, othersAnswers) };
  const disputeEvent = decodeDisputeEvent(raw);
  if (disputeEvent !== undefined) return { ...place, subject, event: disputeEvent };
  const name = eventOfTopic.get(raw.topics[0]!);
  if (name === undefined) return undefined;
  if (name !== "Requested") {
    const log = coordinatorInterface.parseLog(raw)!;
    const event = toRequestEvent(name, log);
    if (name !== "Submitted" || !(othersAnswers || log.args.operator === getAddress(operator))) return { ...place, subject, event };
    return { ...place, subject, event, posted: { bytes: bytesOf(log.args.output as string), uri: log.args.outputURI as string } };
  }
  const { request, input } = decodeRequested(raw);
  return { ...place, subject, event: { kind: "Requested", request }, input };
}

function decodeDemandEvent(kind: DemandEvent["kind"], raw: RawLog, withBytes: boolean): { subject: string; event: DemandEvent } {
  const { args } = publicationsInterface.parseLog(raw)!;
  const subject = demandSubject(args.answerId as string, bundles[Number(args.bundle)]!);
  switch (kind) {
    case "Demanded": {
      const { requestId, operator, demander, chunks, escrow, deadline } = args;
      const made = { requestId, operator, demander, escrow } as { requestId: string; operator: string; demander: string; escrow: bigint };
      return { subject, event: { kind, ...made, chunks: Number(chunks), deadline: Number(deadline) } };
    }
    case "EscrowRaised":
      return { subject, event: { kind, escrow: args.escrow as bigint } };
    case "Published":
      return { subject, event: { kind, chunk: Number(args.chunk), data: withBytes ? (args.data as string) : "" } };
    case "Unpublished":
    case "Collected":
      return { subject, event: { kind } };
  }
}

const requestType = coordinatorInterface.getEvent("Requested")!.inputs[3]!;
const word = 32;
/** @returns the number of words that a type without dynamic parts takes. */
const wordsOf = ({ components }: ParamType): number => components?.reduce((sum, part) => sum + wordsOf(part), 0) ?? 1;
/** The request has no dynamic part: its words stand in front of the offsets of input and URI. */
const requestWords = wordsOf(requestType);

/** Inputs may be large: they are cut out of the data instead of going through the library's hexadecimal text. */
function decodeRequested({ data, blockHash }: RawLog): { request: Request; input: { bytes: Uint8Array; uri: string } } {
  const [request] = AbiCoder.defaultAbiCoder().decode([requestType], data.slice(0, 2 + 2 * word * requestWords));
  const bytes = bytesOf(data);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dynamic = (index: number) => {
    const start = view.getUint32(word * (requestWords + index + 1) - 4) + word;
    return bytes.subarray(start, start + view.getUint32(start - 4));
  };
  return { request: toRequest(request as Result, blockHash), input: { bytes: dynamic(0), uri: Buffer.from(dynamic(1)).toString("utf8") } };
}

function toRequestEvent(name: Exclude<(typeof coordinatorEvents)[number], "Requested">, { args }: LogDescription): RequestEvent {
  switch (name) {
    case "Submitted":
      return {
        kind: name,
        answer: { operator: args.operator as string, outputRoot: args.outputRoot as string, submittedAt: Number(args.submittedAt) },
      };
    case "Finalized":
      return { kind: name, delivered: args.delivered as boolean };
    case "Upheld":
      return { kind: name, finalizableAt: Number(args.finalizableAt) };
    case "Voided":
      return { kind: name, operator: args.operator as string, submitDeadline: Number(args.submitDeadline) };
    case "Refunded":
    case "Suspended":
      return { kind: name };
  }
}

/** @returns undefined where the log is no move of a dispute. */
export function decodeDisputeEvent(raw: RawLog): DisputeEvent | undefined {
  const kind = disputeEventOfTopic.get(raw.topics[0]!);
  return kind === undefined ? undefined : toDisputeEvent(kind, disputeInterface.parseLog(raw)!.args, Number(raw.blockNumber));
}

function toDisputeEvent(kind: DisputeEvent["kind"], args: Result, blockNumber: number): DisputeEvent {
  const deadline = Number(args.toObject().deadline ?? 0);
  switch (kind) {
    case "ChallengeCommitted":
      return { kind, challenger: args.challenger as string, blockNumber };
    case "Challenged":
      return {
        kind,
        requestId: args.requestId as string,
        challenger: args.challenger as string,
        operator: args.operator as string,
        tensor: Number(args.tensor),
        element: Number(args.element),
        deadline,
      };
    case "Defended":
      return { kind, answerId: args.answerId as string, traceRoot: args.traceRoot as string, deadline };
    case "Revealed": {
      const { answerId, height, position, children } = args;
      return {
        kind,
        answerId: answerId as string,
        height: Number(height),
        position: Number(position),
        children: children as string,
        deadline,
      };
    }
    case "Picked":
      return { kind, height: Number(args.height), position: Number(args.position), revealed: args.revealed as boolean, deadline };
    case "SumsPicked": {
      const { word, path, revealed } = args;
      return { kind, word: Number(word), path: Number(path), revealed: revealed as boolean, deadline };
    }
    case "SumsRevealed": {
      const { answerId, leaf, word, path, states } = args;
      return {
        kind,
        answerId: answerId as string,
        leaf: Number(leaf),
        word: Number(word),
        path: Number(path),
        states: states as string,
        deadline,
      };
    }
    case "Closed":
      return { kind, convicted: args.convicted as boolean, outcome: outcomes[Number(args.outcome)]! };
  }
}

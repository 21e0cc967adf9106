import type { Result } from "ethers";
import { disputeInterface } from "../chain/disputeCalls.ts";
import { DisputeViews } from "../chain/disputeViews.ts";
import { decodeDisputeEvent, type RawLog } from "../chain/logs.ts";
import { foldDispute, type DisputeEvent, type DisputeFacts } from "../core/dispute/facts.ts";
import { indicesOf } from "../core/dispute/segments.ts";
import type { Chain } from "./chain.ts";
import { CliError } from "./exitCodes.ts";

export interface DisputeMove {
  event: DisputeEvent;
  blockNumber: number;
  transaction: string;
}

/** One dispute, as the game's events tell it. */
export interface DisputeStory {
  disputeId: string;
  facts: DisputeFacts;
  moves: DisputeMove[];
}

type ChainLog = RawLog & { transactionHash: string };

export const disputeTopic = (name: string): string => disputeInterface.getEvent(name)!.topicHash;

/** @throws CliError usage where the text is no identity. */
function checkDisputeId(id: string): void {
  if (!/^0x[0-9a-fA-F]{64}$/.test(id)) throw new CliError("usage", `${id} is no dispute identity: 0x and 64 hexadecimal digits are`);
}

/** @throws CliError usage, or not-found where this deployment knows no such dispute. */
export async function findDispute(chain: Chain, id: string): Promise<DisputeStory> {
  checkDisputeId(id);
  const { disputeGame } = chain.deployment;
  const logs = (await chain.logs(disputeGame, [null, id])) as ChainLog[];
  const moves = logs.flatMap((log) => {
    const event = decodeDisputeEvent(log);
    return event === undefined ? [] : [{ event, blockNumber: Number(log.blockNumber), transaction: log.transactionHash }];
  });
  const facts = foldDispute(moves.map(({ event }) => event));
  if (facts === null)
    throw new CliError("not-found", `there is no dispute ${id} at ${disputeGame}; \`assay dispute list\` shows those that there are`);
  return { disputeId: id, facts, moves };
}

/** A dispute as the list shows it. */
export interface DisputeSummary {
  disputeId: string;
  requestId: string;
  challenger: string;
  operator: string;
  /** OPEN, or how it ended. */
  state: "OPEN" | "CONVICTED" | "ACQUITTED";
  blockNumber: number;
}

/** @returns disputes that were opened, the latest first. @param request only about this one. */
export async function listDisputes(chain: Chain, request: string | null): Promise<DisputeSummary[]> {
  const { disputeGame } = chain.deployment;
  const [opened, closed] = await Promise.all([
    chain.logs(disputeGame, [disputeTopic("Challenged"), null, request]),
    chain.logs(disputeGame, [disputeTopic("Closed"), null, request]),
  ]);
  const argsOf = (log: RawLog): Result => disputeInterface.parseLog(log)!.args;
  const ended = new Map(closed.map((log) => [log.topics[1]!, argsOf(log).convicted as boolean]));
  return opened.reverse().map((log) => {
    const { challenger, operator, requestId } = argsOf(log);
    const disputeId = log.topics[1]!;
    const convicted = ended.get(disputeId);
    return {
      disputeId,
      requestId: requestId as string,
      challenger: challenger as string,
      operator: operator as string,
      state: convicted === undefined ? "OPEN" : convicted ? "CONVICTED" : "ACQUITTED",
      blockNumber: Number(log.blockNumber),
    };
  });
}

/** What disputes have paid to an account and it hasn't withdrawn, in the stake token's smallest unit. */
export interface DisputeEarnings {
  /** Its own bonds that came back, and those of challengers that lost against it. */
  owedByDisputes: bigint;
  /** Its part of the bonds of operators that it convicted. */
  rewards: bigint;
}

export async function earnedInDisputes({ rpc, deployment }: Chain, account: string): Promise<DisputeEarnings> {
  const game = new DisputeViews(rpc, deployment.disputeGame);
  const { claims } = await game.parts();
  const [owedByDisputes, rewards] = await Promise.all([game.owed(account), game.rewardOf(claims, account)]);
  return { owedByDisputes, rewards };
}

const ends: Record<string, string> = {
  STEP_EQUAL: "the EVM computed the operator's word: the operator was right",
  STEP_DIFFERENT: "the EVM computed another word than the operator's: the operator is convicted",
  OPERATOR_TIMEOUT: "the operator's clock ran out: it is convicted",
  CHALLENGER_TIMEOUT: "the challenger's clock ran out: the operator keeps its bond",
  ANSWER_VOIDED: "the answer was taken away: the bond goes back to the challenger",
};

/** @returns how the dispute stands, in a sentence without its deadline. */
export function standing({ turn, outcome, height, word, path }: DisputeFacts): string {
  const where = height === null ? "the top of the trace" : height === 0 ? "a leaf" : `a node ${height} levels above the leaves`;
  switch (turn) {
    case "COMMITTED":
      return "committed to; what is challenged isn't known yet";
    case "DEFEND":
      return "the operator is to defend, or to take its answer back";
    case "REVEAL":
      return `the operator is to reveal ${where}`;
    case "PICK":
      return height === 0 ? "the challenger is to step, or to pick a word's sums" : `the challenger is to pick below ${where}`;
    case "SUMS":
      return `the operator is to reveal the sums of ${summedText(word!, path!)} of the leaf`;
    case "SEGMENT":
      return `the challenger is to step through a segment of ${summedText(word!, path!)} of the leaf, or to pick its sums`;
    case "CLOSED":
      return ends[outcome ?? ""] ?? `closed (${outcome})`;
  }
}

/** @returns one move in words. */
export function moveText(event: DisputeEvent): string {
  switch (event.kind) {
    case "ChallengeCommitted":
      return `${event.challenger} committed to a challenge`;
    case "Challenged":
      return `the challenger opened it: element ${event.element} of output ${event.tensor} is wrong`;
    case "Defended":
      return `the operator defended the element under the trace ${event.traceRoot}`;
    case "Revealed":
      return event.height === 0
        ? `the operator revealed the 64 words of leaf ${event.position}`
        : `the operator revealed ${(event.children.length - 2) / 64} nodes below node ${event.position} at height ${event.height}`;
    case "Picked":
      return event.height === 0
        ? `the challenger picked leaf ${event.position}`
        : `the challenger picked node ${event.position} at height ${event.height}`;
    case "SumsPicked":
      return `the challenger picked the sums of ${summedText(event.word, event.path)}${event.revealed ? ", which were revealed before" : ""}`;
    case "SumsRevealed":
      return `the operator revealed ${(event.states.length - 2) / (6 * 64)} sums of ${summedText(event.word, event.path)} of leaf ${event.leaf}`;
    case "Closed":
      return ends[event.outcome] ?? `closed (${event.outcome})`;
  }
}

/** @returns a word, or a segment of its reduction by the numbers of the segments around it and its own, in words. */
function summedText(word: number, path: number): string {
  const indices = indicesOf(path);
  return indices.length === 0 ? `word ${word}` : `segment ${indices.join(".")} of word ${word}`;
}

import type { Interface, Result } from "ethers";
import { coordinatorInterface, operatorInterface, statuses, type Deployment } from "../chain/contracts.ts";
import { answerIdOf, disputeInterface, publicationsInterface, turns } from "../chain/disputeCalls.ts";
import { callViews, type ViewCall } from "../chain/multicall.ts";
import { ChainUnavailableError, quantity, RpcError, type Rpc } from "../chain/rpc.ts";
import { bundles } from "../core/demandFacts.ts";
import { transports, type Job } from "../core/job.ts";
import type { Block, ChainLog } from "../store/chainLog.ts";
import type { DemandRow, DemandStore } from "../store/demands.ts";
import type { DisputeRow, DisputeStore } from "../store/disputes.ts";
import type { JobStore } from "../store/jobs.ts";
import type { Logger } from "../telemetry/log.ts";
import { InconsistentReply } from "./blocks.ts";

export interface OwnStateOptions {
  rpc: Rpc;
  deployment: Deployment;
  account: string;
  /** An operator's answers and the disputes about them, or a challenger's disputes. */
  role: "operator" | "challenger";
  jobs: JobStore;
  disputes: DisputeStore;
  demands: DemandStore;
  chainLog: ChainLog;
  /** Reads blocks once more, and completely; see Watcher. */
  reread(from: number, to: number): Promise<number>;
  log: Logger;
}

/** Something that the contracts say, and what the logs that were read make of it. */
interface Expectation extends ViewCall {
  /** For people. */
  what: string;
  expected: string;
  /** @param result what the view returned; null where it reverted. */
  read(result: string | null): string;
  /** Who must seem to ask; where nobody must, all are asked in one call. */
  from?: string;
}

/** An operator's stake in the stake token's smallest unit: all of it, the part that counts for eligibility, and the part that is free. */
export interface Stake {
  stake: bigint;
  active: bigint;
  free: bigint;
  /** Deposited, but not counting before it is activated, from block `bondsAt` on. */
  bonding: bigint;
  bondsAt: number;
  /** The block as of which all this was read. */
  block: number;
}

/** Most blocks that are read again. */
const mostReread = 1024;
/** Seconds of chain time between two looks for the reason of a difference that stays, and between two complaints about it. */
const retryEvery = 60;

/**
 * Compares at every head what the logs say about whatever this account's bonds stand behind with what the contracts say, all in one call. A log
 * that no provider gave can't cost a bond unseen: where the two differ, the blocks since they last agreed are read again by their receipts.
 */
export class OwnState {
  readonly #options: OwnStateOptions;
  #stake: Stake = { stake: 0n, active: 0n, free: 0n, bonding: 0n, bondsAt: 0, block: -1 };
  #checkedAt: string | undefined;
  #agreedAt: number | undefined;
  #complainedAt = -Infinity;
  /** The differences that reading again did not explain, and when that was. */
  #unexplained = { text: "", at: -Infinity };

  constructor(options: OwnStateOptions) {
    this.#options = options;
    this.#agreedAt = options.chainLog.head()?.number;
  }

  /** An operator's stake, as of the last check. */
  get stake(): Stake {
    return this.#stake;
  }

  /** Looks at the contracts as of the last block that was read, once for each block. @throws ChainUnavailableError */
  async check(): Promise<void> {
    const head = this.#options.chainLog.head();
    if (head === undefined || head.hash === this.#checkedAt) return;
    const differences = await this.#differences(head);
    if (differences.length > 0 && (await this.#readAgain(head, differences)) > 0) {
      // What was found may be about disputes that weren't known before.
      const left = await this.#differences(head);
      if (left.length > 0) this.#complain(head, left);
      else this.#agreedAt = head.number;
    } else if (differences.length === 0) {
      this.#agreedAt = head.number;
    }
    this.#checkedAt = head.hash;
  }

  async #differences(head: Block): Promise<string[]> {
    const { role, account, deployment } = this.#options;
    const expectations = role === "operator" ? this.#ofOperator(head) : this.#ofChallenger();
    const stake = role === "operator" ? [view(deployment.coordinator, coordinatorInterface, "stakeOf", account)] : [];
    if (expectations.length + stake.length === 0) return [];
    const results = await this.#readAll([...expectations, ...stake], head.number);
    if (role === "operator") this.#setStake(results[0]!, results.at(-1)!, head.number);
    return expectations.flatMap(({ what, expected, read }, i) => {
      const actual = read(results[i]!);
      return actual === expected ? [] : [`${what}: ${actual} by the contract, ${expected} by the logs`];
    });
  }

  /** @returns what each returned; null where it reverted. */
  async #readAll(calls: readonly (ViewCall & { from?: string })[], block: number): Promise<(string | null)[]> {
    const asOthers = calls.filter(({ from }) => from !== undefined);
    const [views, others] = await Promise.all([
      this.#read(
        calls.filter(({ from }) => from === undefined),
        block,
      ),
      asOthers.length === 0 ? [] : this.#readEach(asOthers, block),
    ]);
    return calls.map(({ from }) => (from === undefined ? views.shift()! : others.shift()!));
  }

  /** Providers that run no code without an address are asked one by one. */
  async #read(calls: readonly ViewCall[], block: number): Promise<(string | null)[]> {
    const { rpc } = this.#options;
    try {
      return await callViews(rpc, calls, block);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      return this.#readEach(calls, block);
    }
  }

  async #readEach(calls: readonly (ViewCall & { from?: string })[], block: number): Promise<(string | null)[]> {
    const params = calls.map(({ from, to, data }) => [{ ...(from !== undefined && { from }), to, data }, quantity(block)]);
    const replies = await this.#options.rpc.settle(params.map((each) => ({ method: "eth_call", params: each })));
    return replies.map((reply) => ("error" in reply ? null : (reply.result as string)));
  }

  #setStake(operator: string | null, parts: string | null, block: number): void {
    if (operator === null || parts === null)
      throw new ChainUnavailableError("the operator's stake can't be read: check the contracts' addresses");
    const [account] = operatorInterface.decodeFunctionResult("operatorOf", operator) as unknown as [Result];
    const { active, free } = coordinatorInterface.decodeFunctionResult("stakeOf", parts);
    const { stake, bonding, bondsAt } = account as unknown as { stake: bigint; bonding: bigint; bondsAt: bigint };
    this.#stake = { stake, active: active as bigint, free: free as bigint, bonding, bondsAt: Number(bondsAt), block };
  }

  #ofOperator(head: Block): Expectation[] {
    const { jobs, disputes, account, deployment } = this.#options;
    const standing = jobs.standing(account);
    const locked = standing.reduce((sum, { request }) => sum + request.params.bond, 0n);
    const bonds: Expectation = {
      ...view(deployment.operatorRegistry, operatorInterface, "operatorOf", account),
      what: "bonds behind this operator's answers",
      expected: String(locked),
      read: decoder(operatorInterface, "operatorOf", ([found]) => String((found as Result).locked)),
    };
    return [
      bonds,
      ...standing.map((job) => this.#ofAnswer(job, head)),
      ...standing.flatMap((job) => this.#ofDemands(job)),
      ...standing.flatMap((job) => this.#ofOpen(job)),
      ...disputes.open("operator", account).flatMap((dispute) => this.#ofDispute(dispute)),
    ];
  }

  #ofChallenger(): Expectation[] {
    const { disputes, account } = this.#options;
    const committed = disputes
      .wrong()
      .flatMap(({ commitment }) => disputes.get(commitment!) ?? [])
      .filter(({ turn }) => turn === "COMMITTED");
    return [...disputes.open("challenger", account), ...committed].flatMap((dispute) => this.#ofDispute(dispute));
  }

  #ofAnswer({ requestId, request, answer, status, finalizableAt }: Job, head: Block): Expectation {
    return {
      ...view(this.#options.deployment.coordinator, coordinatorInterface, "statusOf", request, answer),
      what: `the answer to ${requestId}`,
      expected: status === "SUBMITTED" && head.timestamp >= finalizableAt! ? "FINALIZABLE" : status,
      read: decoder(coordinatorInterface, "statusOf", ([found]) => statuses[Number(found)] ?? "unknown"),
    };
  }

  /**
   * An answer's status says that something is open about it, not how much. No view says that; the coordinator says it to the dispute contract
   * when that takes an answer away, and only seems to do so here.
   */
  #ofOpen({ requestId, request, answer, status }: Job): Expectation[] {
    const { deployment, disputes, demands, account } = this.#options;
    const { coordinator, disputeGame } = deployment;
    if (disputeGame === undefined || status !== "SUSPENDED") return [];
    const isOpen = (demand: DemandRow | undefined) => demand !== undefined && demand.published < demand.chunks && !demand.unpublished;
    const demanded = bundles.filter((bundle) => isOpen(demands.get(answerIdOf(requestId, answer!), bundle))).length;
    const disputed = disputes.open("operator", account).filter((dispute) => dispute.requestId === requestId).length;
    return [
      {
        ...view(coordinator, coordinatorInterface, "void", request, answer, 0n, 0n, disputeGame),
        from: disputeGame,
        what: `disputes and demands about ${requestId}`,
        expected: `${disputed + demanded} open`,
        read: decoder(coordinatorInterface, "void", ([open]) => `${String(open)} open`),
      },
    ];
  }

  /** A demand that isn't seen costs the whole bond, and so does a publication that is believed and wasn't mined. */
  #ofDemands({ requestId, request, answer }: Job): Expectation[] {
    const { publications } = this.#options.deployment;
    if (publications === undefined) return [];
    const possible = [request.params.transport === transports.onDemand, request.inputByURI];
    return bundles
      .filter((_, i) => possible[i])
      .map((bundle) => {
        const made = this.#options.demands.get(answerIdOf(requestId, answer!), bundle);
        const text = (published: unknown, chunks: unknown, deadline: unknown) =>
          `${String(published)} of ${String(chunks)} chunks until ${String(deadline)}`;
        return {
          ...view(publications, publicationsInterface, "demandOf", request, answer, bundles.indexOf(bundle)),
          what: `what is demanded of ${requestId}: ${bundle}`,
          expected: text(made?.published ?? 0, made?.chunks ?? 0, made?.deadline ?? 0),
          read: decoder(publicationsInterface, "demandOf", ([found]) => {
            const { published, chunks, deadline } = found as Result;
            return text(published, chunks, deadline);
          }),
        };
      });
  }

  #ofDispute({ disputeId, turn, deadline, height, position }: DisputeRow): Expectation[] {
    const { disputeGame } = this.#options.deployment;
    if (disputeGame === undefined) return [];
    // Which node is the top depends on the trace, which an operator names with its defence.
    const place = (at: number | bigint, node: number | bigint) => (height === null ? "" : ` of node ${node} at height ${at}`);
    const what = `dispute ${disputeId}`;
    const expected = turn === "COMMITTED" ? "NONE until 0" : `${turn} until ${deadline}${place(height ?? 0, position)}`;
    const read = decoder(disputeInterface, "disputeOf", ([found]) => {
      const state = found as Result;
      const known = turn === "COMMITTED" ? "" : place(state.height as bigint, state.position as bigint);
      return `${turns[Number(state.turn)]} until ${String(state.deadline)}${known}`;
    });
    return [{ ...view(disputeGame, disputeInterface, "disputeOf", disputeId), what, expected, read }];
  }

  /** @returns how many logs were found that had been missed. */
  async #readAgain(head: Block, differences: readonly string[]): Promise<number> {
    const { reread, deployment, log } = this.#options;
    const text = differences.join();
    if (text === this.#unexplained.text && head.timestamp < this.#unexplained.at + retryEvery) return 0;
    const from = Math.max(this.#agreedAt === undefined ? deployment.startBlock : this.#agreedAt + 1, head.number - mostReread);
    try {
      const missed = await reread(Math.min(from, head.number), head.number);
      this.#unexplained = { text: missed > 0 ? "" : text, at: head.timestamp };
      if (missed > 0) log.warn({ differences, missed, from, to: head.number }, "logs had been left out; they were found in receipts");
      else this.#complain(head, differences);
      return missed;
    } catch (error) {
      if (!(error instanceof InconsistentReply || error instanceof RpcError)) throw error;
      // The chain has gone on, or the provider can't tell: the next head decides.
      log.debug({ err: error, differences }, "what differs could not be read again yet");
      return 0;
    }
  }

  #complain(head: Block, differences: readonly string[]): void {
    if (head.timestamp < this.#complainedAt + retryEvery) return;
    this.#complainedAt = head.timestamp;
    this.#options.log.error(
      { differences, block: head.number },
      "the contracts and the logs that were read disagree about this account, and receipts don't say why: bonds may be at stake; add another provider to chain.rpc",
    );
  }
}

function view(to: string, abi: Interface, name: string, ...args: unknown[]): ViewCall {
  return { to, data: abi.encodeFunctionData(name, args) };
}

function decoder(abi: Interface, name: string, read: (result: Result) => string): (result: string | null) => string {
  return (result) => (result === null ? "nothing" : read(abi.decodeFunctionResult(name, result)));
}

import { setTimeout as sleep } from "node:timers/promises";
import { ForgedSums, type Behaviour, type Forge } from "../../fixtures/dispute.ts";
import { OwnSums } from "../../oracle/canonical/dispute/ownSums.ts";
import { childrenBytes, defenceOf } from "../../oracle/canonical/dispute/moves.ts";
import type { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { MemoryTree, type TreeView } from "../../oracle/canonical/proof/treeView.ts";
import { DisputeCalls, disputeInterface, outcomes, turns } from "../../oracle/chain/disputeCalls.ts";
import type { ContractCall } from "../../oracle/chain/contracts.ts";
import type { Receipt } from "../../oracle/cli/chain.ts";
import { CliError } from "../../oracle/cli/exitCodes.ts";
import { findRequest, topicOf } from "../../oracle/cli/requests.ts";
import type { Answer, Request } from "../../oracle/core/job.ts";
import { encodeBundle, type Tensor } from "../../oracle/core/tensor.ts";
import type { Account, LocalSystem } from "./localSystem.ts";

/** What an operator that lies shows: the answer that it posts and the trace that it takes for true. */
export interface Lie {
  posted: Tensor[];
  trace: TreeView;
  /** Default: it plays, with every move that the contract takes. */
  behaviour?: Behaviour;
  /** What it makes of the sums of a word of its trace before it reveals them; nothing by default. */
  sums?: Forge;
  /** Where the answer is not carried by its transaction: what it commits to, and where its bytes are said to lie. */
  carried?: { outputRoot: string; uri: string };
}

/** @returns an answer that is wrong in one float32 element of its first tensor, by `error`, and a trace that agrees with it. */
export function lieAbout(model: CanonicalModel, inputs: readonly Tensor[], element: number, error: number): Lie {
  const { outputs, trace } = evaluateHere(model.program, model.weights, inputs);
  const posted = outputs.map((tensor) => ({ ...tensor, data: Uint8Array.from(tensor.data) }));
  const view = new DataView(posted[0]!.data.buffer);
  view.setFloat32(4 * element, view.getFloat32(4 * element, true) + error, true);
  const forged = Uint8Array.from(trace);
  const at = 4 * (model.program.outputs[0]!.offset + element);
  forged.set(posted[0]!.data.subarray(4 * element, 4 * element + 4), at);
  return { posted, trace: new MemoryTree(forged) };
}

/** Only what hangs takes as long, on however loaded a machine. */
const patienceMs = 3_600_000;

/** An operator that answers wrongly and fights for it as its lie says. */
export class Liar {
  readonly #system: LocalSystem;
  readonly #account: Account;
  readonly #model: CanonicalModel;
  readonly #calls: DisputeCalls;
  readonly #sums = new WeakMap<Lie, ForgedSums>();

  constructor(system: LocalSystem, account: Account, model: CanonicalModel) {
    this.#system = system;
    this.#account = account;
    this.#model = model;
    this.#calls = new DisputeCalls(system.chain.deployment);
  }

  /** Answers as soon as the account is eligible. */
  async answer(requestId: string, { posted, carried }: Lie): Promise<Receipt> {
    const { chain } = this.#system;
    const { request } = await findRequest(chain, requestId);
    const { address } = this.#system.signer(this.#account);
    const end = performance.now() + patienceMs;
    while (!(await chain.views.isEligible(request, address))) {
      if (performance.now() > end) throw new Error(`${address} did not become eligible for request ${requestId} in ${patienceMs / 1000} s`);
      await sleep(100);
    }
    const call =
      carried === undefined
        ? chain.calls.submit(request, encodeBundle(posted))
        : chain.calls.submitByURI(request, carried.outputRoot, carried.uri);
    return this.#system.send(this.#account, call);
  }

  /**
   * Plays every dispute about its answer until the answer is taken away.
   * @param only a dispute: it plays no other, and until that one is closed. @returns the moves that it made.
   */
  async fight(
    requestId: string,
    lie: Lie,
    { timeoutMs = patienceMs, only }: { timeoutMs?: number; only?: string } = {},
  ): Promise<Receipt[]> {
    const { request, answer } = await findRequest(this.#system.chain, requestId);
    const moves: Receipt[] = [];
    const refused = new Set<string>();
    const end = performance.now() + timeoutMs;
    for (; performance.now() < end; await sleep(100)) {
      for (const disputeId of only === undefined ? await this.#disputesAbout(requestId) : [only]) {
        const state = await this.#state(disputeId);
        if (disputeId === only && ["CLOSED", "VOIDED"].includes(turns[Number(state.turn)]!)) return moves;
        const call = refused.has(disputeId) ? undefined : this.#move(disputeId, request, answer!, state, lie);
        if (call === undefined) continue;
        try {
          moves.push(await this.#system.send(this.#account, call));
        } catch (error) {
          // What the contract refuses once it would refuse again: the lie has nothing better to show.
          if (!(error instanceof CliError && error.failure === "refused")) throw error;
          refused.add(disputeId);
        }
      }
      if (await this.#isTaken(requestId)) return moves;
    }
    throw new Error(`the answer to request ${requestId} was not taken away in ${timeoutMs / 1000} s`);
  }

  async #disputesAbout(requestId: string): Promise<string[]> {
    return (await this.#events("Challenged", requestId)).map(({ topics }) => topics[1]!);
  }

  async #isTaken(requestId: string): Promise<boolean> {
    const closed = (await this.#events("Closed", requestId)).map((log) => disputeInterface.parseLog(log)!.args);
    return closed.some(({ convicted, outcome }) => (convicted as boolean) || outcomes[Number(outcome)] === "ANSWER_VOIDED");
  }

  #events(name: "Challenged" | "Closed", requestId: string): ReturnType<LocalSystem["chain"]["logs"]> {
    const { chain } = this.#system;
    return chain.logs(chain.deployment.disputeGame, [disputeInterface.getEvent(name)!.topicHash, null, requestId]);
  }

  async #state(disputeId: string): Promise<State> {
    const { chain } = this.#system;
    const data = disputeInterface.encodeFunctionData("disputeOf", [disputeId]);
    const result = await chain.rpc.call<string>("eth_call", [{ to: chain.deployment.disputeGame, data }, "latest"]);
    return disputeInterface.decodeFunctionResult("disputeOf", result)[0] as State;
  }

  #move(
    disputeId: string,
    request: Request,
    answer: Answer,
    { turn, height, position, word, path, tensor, element }: State,
    lie: Lie,
  ): ContractCall | undefined {
    const { posted, trace, behaviour = "plays" } = lie;
    const expected = turns[Number(turn)];
    if (expected === "DEFEND") {
      const target = { tensor: Number(tensor), element: Number(element) };
      if (behaviour === "retracts") return this.#calls.retract(request, answer);
      if (behaviour === "never defends" || posted[target.tensor] === undefined) return undefined;
      return this.#calls.defend(disputeId, request, answer, defenceOf(this.#model, trace, posted, target));
    }
    if (expected === "SUMS") {
      if (behaviour === "never sums up") return undefined;
      const states = this.#sumsOf(lie).at(Number(position), Number(word), Number(path));
      return this.#calls.revealSums(disputeId, request, answer, states);
    }
    if (expected !== "REVEAL" || behaviour === "never reveals") return undefined;
    const children = Uint8Array.from(childrenBytes(trace, Number(height), Number(position)));
    if (behaviour === "reveals something else") children[0]! ^= 1;
    return this.#calls.reveal(disputeId, children);
  }

  #sumsOf(lie: Lie): ForgedSums {
    let sums = this.#sums.get(lie);
    if (sums === undefined) {
      const { prover, weightTree: weights } = this.#model;
      sums = new ForgedSums(new OwnSums(prover, { trace: lie.trace, weights, inputs: [] }), lie.sums ?? ((states) => states));
      this.#sums.set(lie, sums);
    }
    return sums;
  }
}

/** As `disputeOf` gives it. */
interface State {
  turn: bigint;
  height: bigint;
  position: bigint;
  word: bigint;
  path: bigint;
  tensor: bigint;
  element: bigint;
}

/** @returns whether the coordinator has said this about the request. */
export async function happened(system: LocalSystem, requestId: string, event: string): Promise<boolean> {
  return (await system.chain.logs(system.chain.deployment.coordinator, [topicOf(event), requestId])).length > 0;
}

import { setTimeout as sleep } from "node:timers/promises";
import { childrenBytes, defenceOf } from "../../oracle/canonical/dispute/moves.ts";
import type { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { MemoryTree, type TreeView } from "../../oracle/canonical/proof/treeView.ts";
import { DisputeCalls, disputeInterface } from "../../oracle/chain/disputeCalls.ts";
import type { ContractCall } from "../../oracle/chain/contracts.ts";
import type { Receipt } from "../../oracle/cli/chain.ts";
import type { AccountName } from "../../oracle/cli/localChain.ts";
import { findRequest, topicOf } from "../../oracle/cli/requests.ts";
import type { Answer, Request } from "../../oracle/core/job.ts";
import { encodeBundle, type Tensor } from "../../oracle/core/tensor.ts";
import type { LocalSystem } from "./localSystem.ts";

/** What an operator that lies shows: the answer that it posts and the trace that it takes for true. */
export interface Lie {
  posted: Tensor[];
  trace: TreeView;
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

/** An operator that answers wrongly and fights for it with every move that the contract takes. */
export class Liar {
  readonly #system: LocalSystem;
  readonly #account: AccountName;
  readonly #model: CanonicalModel;
  readonly #calls: DisputeCalls;

  constructor(system: LocalSystem, account: AccountName, model: CanonicalModel) {
    this.#system = system;
    this.#account = account;
    this.#model = model;
    this.#calls = new DisputeCalls(system.chain.deployment);
  }

  /** Answers as soon as the account is eligible. */
  async answer(requestId: string, { posted }: Lie): Promise<Receipt> {
    const { chain } = this.#system;
    const { request } = await findRequest(chain, requestId);
    const { address } = this.#system.signer(this.#account);
    const end = performance.now() + 60_000;
    while (!(await chain.views.isEligible(request, address))) {
      if (performance.now() > end) throw new Error(`${address} did not become eligible for request ${requestId} in 60 s`);
      await sleep(100);
    }
    return this.#system.send(this.#account, chain.calls.submit(request, encodeBundle(posted)));
  }

  /** Defends and reveals until the dispute about its answer is closed. @returns the moves that it made. */
  async fight(requestId: string, lie: Lie, timeoutMs = 120_000): Promise<Receipt[]> {
    const { chain } = this.#system;
    const { request, answer } = await findRequest(chain, requestId);
    const moves: Receipt[] = [];
    const end = performance.now() + timeoutMs;
    for (; performance.now() < end; await sleep(100)) {
      const opened = disputeInterface.getEvent("Challenged")!.topicHash;
      const [log] = await chain.logs(chain.deployment.disputeGame, [opened, null, requestId]);
      if (log === undefined) continue;
      const disputeId = log.topics[1]!;
      const data = disputeInterface.encodeFunctionData("disputeOf", [disputeId]);
      const result = await chain.rpc.call<string>("eth_call", [{ to: chain.deployment.disputeGame, data }, "latest"]);
      const [state] = disputeInterface.decodeFunctionResult("disputeOf", result) as unknown as [State];
      if (Number(state.turn) === 4) return moves;
      const call = this.#move(disputeId, request, answer!, state, lie);
      if (call !== undefined) moves.push(await this.#system.send(this.#account, call));
    }
    throw new Error(`the dispute about request ${requestId} was not decided in ${timeoutMs / 1000} s`);
  }

  #move(
    disputeId: string,
    request: Request,
    answer: Answer,
    { turn, height, position, tensor, element }: State,
    lie: Lie,
  ): ContractCall | undefined {
    if (Number(turn) === 1) {
      const target = { tensor: Number(tensor), element: Number(element) };
      return this.#calls.defend(disputeId, request, answer, defenceOf(this.#model, lie.trace, lie.posted, target));
    }
    if (Number(turn) !== 2) return undefined;
    return this.#calls.reveal(disputeId, childrenBytes(lie.trace, Number(height), Number(position)));
  }
}

/** As `disputeOf` gives it. */
interface State {
  turn: bigint;
  height: bigint;
  position: bigint;
  tensor: bigint;
  element: bigint;
}

/** @returns whether the coordinator has said this about the request. */
export async function happened(system: LocalSystem, requestId: string, event: string): Promise<boolean> {
  return (await system.chain.logs(system.chain.deployment.coordinator, [topicOf(event), requestId])).length > 0;
}

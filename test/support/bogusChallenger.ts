import { setTimeout as sleep } from "node:timers/promises";
import type { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { pickOpening, type Target } from "../../oracle/canonical/dispute/moves.ts";
import { DisputedTree, RevealedNodes } from "../../oracle/canonical/dispute/views.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { initialState } from "../../oracle/canonical/proof/stepProof.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import { erc20Interface, type ContractCall } from "../../oracle/chain/contracts.ts";
import { answerIdOf, DisputeCalls, disputeInterface } from "../../oracle/chain/disputeCalls.ts";
import { findRequest } from "../../oracle/cli/requests.ts";
import { childrenOf } from "../../oracle/core/dispute/tree.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import type { LocalSystem } from "../../scripts/local/localSystem.ts";

const account = "challenger";

/** Challenges a right answer and walks to the last leaf it can, as if something differed there. @returns the dispute's identity. */
export async function challengeInVain(
  system: LocalSystem,
  model: CanonicalModel,
  inputs: readonly Tensor[],
  requestId: string,
  { tensor, element }: Target,
): Promise<string> {
  const { chain } = system;
  const { disputeGame, stakeToken } = chain.deployment;
  const calls = new DisputeCalls(chain.deployment);
  const { request, answer } = await findRequest(chain, requestId);
  const own = new MemoryTree(evaluateHere(model.program, model.weights, inputs).trace);
  const salt = `0x${"1".repeat(64)}`;
  const disputeId = calls.commitmentOf(answerIdOf(requestId, answer!), tensor, element, salt, system.signer(account).address);
  const send = (call: ContractCall) => system.send(account, call);
  await send({ to: stakeToken, data: erc20Interface.encodeFunctionData("approve", [disputeGame, 10n ** 24n]) });
  await send(calls.commitChallenge(disputeId));
  await system.passTime(3);
  await send(calls.challenge(request, answer!, tensor, element, salt));

  const end = performance.now() + 120_000;
  for (; performance.now() < end; await sleep(100)) {
    const data = disputeInterface.encodeFunctionData("disputeOf", [disputeId]);
    const [state] = disputeInterface.decodeFunctionResult(
      "disputeOf",
      await chain.rpc.call<string>("eth_call", [{ to: disputeGame, data }, "latest"]),
    );
    const { turn, height: level, position: place } = state as Record<string, bigint>;
    const [height, position] = [Number(level), Number(place)];
    if (Number(turn) === 4) return disputeId;
    if (Number(turn) !== 3) continue;
    const revealed = await revealedNodes(system, answerIdOf(requestId, answer!), own.leafCount);
    const shown = revealed.children(height, position)!;
    if (height > 0) {
      const below = childrenOf(height, position, own.leafCount);
      const child = below.count - 1;
      const { hash, siblings } = pickOpening(shown, height - below.height, child);
      await send(calls.pick(disputeId, child, hash, siblings));
    } else {
      const trace = new DisputedTree(own, revealed, position);
      const [part] = model.prover.parts(position, 0, { trace, weights: model.weightTree, inputs });
      await send(calls.step(disputeId, request, answer!, shown, 0, part!.encode(initialState)));
    }
  }
  throw new Error(`the dispute ${disputeId} did not end in 120 s`);
}

async function revealedNodes(system: LocalSystem, answerId: string, leafCount: number): Promise<RevealedNodes> {
  const nodes = new RevealedNodes(leafCount);
  const topic = disputeInterface.getEvent("Revealed")!.topicHash;
  for (const log of await system.chain.logs(system.chain.deployment.disputeGame, [topic, null, answerId])) {
    const { height, position, children } = disputeInterface.parseLog(log)!.args.toObject() as Record<string, bigint> & { children: string };
    nodes.add(Number(height), Number(position), Uint8Array.from(Buffer.from(children.slice(2), "hex")));
  }
  return nodes;
}

/** What it costs a node to defend a right answer of a transformer against one bogus challenger, and against twenty at once. */
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import { findRequest } from "../../oracle/cli/requests.ts";
import { buildTransformer, tokens } from "../../examples/transformer/model.ts";
import { cheatTolerance } from "../../test/support/cheats.ts";
import { DisputeScene } from "../../test/support/disputeScene.ts";
import { assumed, breakEvenOf, playSybils, sybilLeaves, type DefenceCost } from "../../test/support/sybils.ts";
import { until } from "../../test/support/until.ts";
import { once, type Bench } from "./harness.ts";

const count = 20;

interface Figures {
  single: DefenceCost;
  /** All walk to the same leaf. */
  together: DefenceCost;
  /** Every one walks to another leaf, far from the others. */
  apart: DefenceCost;
}

async function measure(): Promise<Figures> {
  const scene = await DisputeScene.open();
  try {
    const { system } = scene;
    const { model, modelId } = await scene.registerModel("transformer", buildTransformer(), cheatTolerance);
    await system.registerOperator({ account: "operator", stake: 1000n, models: [modelId] });
    await system.startNode({ account: "operator" });
    const inputs = [{ dtype: "int64" as const, shape: [1, tokens], data: new Uint8Array(8 * tokens) }];
    const trace = new MemoryTree(evaluateHere(model.program, model.weights, inputs).trace);
    const play = async (challengers: number, where: "together" | "apart") => {
      const [requestId] = await scene.request(modelId, inputs, 1200);
      await until("the answer is there", async () => (await findRequest(system.chain, requestId!)).answer !== null, 60_000);
      return playSybils(scene, { model, inputs, trace }, requestId!, sybilLeaves(challengers, trace.leafCount, where));
    };
    return { single: await play(1, "together"), together: await play(count, "together"), apart: await play(count, "apart") };
  } finally {
    await scene.close();
  }
}

const figures = once(measure);

/** @returns the operator's gas against one challenger, and against twenty, by names as "together.gas". */
export async function measureSybils(): Promise<Record<string, number>> {
  const { single, together, apart } = await figures();
  return { "one.gas": single.gas, "together.gas": together.gas, "apart.gas": apart.gas };
}

const ratio = async (of: "together" | "apart") => {
  const all = await figures();
  return all[of].gas / all.single.gas;
};
/** Of the price of the stake token. */
const breakEven = (cost: DefenceCost): number => Number(breakEvenOf(cost)) / 1e12;

export const benches: Bench[] = [
  { name: "dispute.sybils1.gas", unit: "gas of the operator", target: null, run: async () => (await figures()).single.gas },
  { name: "dispute.sybils20.gas", unit: "gas of the operator", target: null, run: async () => (await figures()).together.gas },
  { name: "dispute.sybils20.ratio", unit: "times one dispute's", target: 15, run: () => ratio("together") },
  { name: "dispute.sybils20apart.gas", unit: "gas of the operator", target: null, run: async () => (await figures()).apart.gas },
  { name: "dispute.sybils20apart.ratio", unit: "times one dispute's", target: 18, run: () => ratio("apart") },
  {
    name: "dispute.sybils20.breakEven",
    unit: "µETH per stake token at 10 gwei",
    target: Number(assumed.tokenPrice / 10n ** 12n),
    run: async () => Math.max(...Object.values(await figures()).map(breakEven)),
  },
];

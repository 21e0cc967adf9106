/** Gas and moves of whole disputes on real models, in which the operator is convicted of one wrong bit in its trace. */
import { network } from "hardhat";
import { buildFaceDetector } from "../../examples/faceDetector/model.ts";
import { readPicture, twoPeople } from "../../examples/faceDetector/picture.ts";
import { renderLine } from "../../examples/recogniser/line.ts";
import { buildRecogniser } from "../../examples/recogniser/model.ts";
import { seededFloats } from "../../examples/seededFloats.ts";
import { DisputeTable, type Play, type Played } from "../../fixtures/dispute.ts";
import { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { outputOffset, outputWords } from "../../oracle/canonical/program/layout.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import { lieAbout } from "../local/liar.ts";
import { once, type Bench } from "./harness.ts";
import { buildLongReduction, inputs as reductionInputs } from "./longReduction.ts";

/**
 * The wrong bit lies in the instruction that sums up the most terms, and so is dearest to recompute; where the sums are shown, the one in
 * their middle is wrong, so that a whole segment is recomputed. Measured in the steady state, as bench/gas.ts does: the same challenger has
 * convicted before.
 */
async function playWrongBit(model: CanonicalModel, inputs: readonly Tensor[]): Promise<Played> {
  const { outputs, trace } = evaluateHere(model.program, model.weights, inputs);
  const terms = model.program.instructions.map((one) => (one.kind === "contract" ? outputWords({ dims: one.reduce }) : 0));
  const longest = model.program.instructions[terms.indexOf(Math.max(...terms))]!;
  const lie = Uint8Array.from(trace);
  lie[4 * (outputOffset(longest) + Math.floor(outputWords(longest) / 2))]! ^= 1;
  // The posted answer is wrong in its first element, and the trace says so too.
  const posted = outputs.map((tensor) => ({ ...tensor, data: Uint8Array.from(tensor.data) }));
  posted[0]!.data[2]! ^= 0x40;
  lie[4 * model.program.outputs[0]!.offset + 2]! ^= 0x40;
  return playLie(model, { inputs, posted, trace: new MemoryTree(lie) });
}

async function playLie(model: CanonicalModel, lie: Play): Promise<Played> {
  const connection = await network.create();
  try {
    const table = await DisputeTable.open(connection, model, { absolute: 0, relative: 0 });
    await table.play({ ...lie, behaviour: "never defends" });
    const played = await table.play({ ...lie, sums: withWrongMiddle });
    if (played.outcome !== "STEP_DIFFERENT") throw new Error(`the dispute ended with ${played.outcome}; its gas would mean nothing`);
    return played;
  } finally {
    await connection.close();
  }
}

function withWrongMiddle(states: bigint[][]): bigint[][] {
  const middle = Math.floor(states.length / 2);
  return states.map((state, i) => (i === middle ? state.with(1, state[1]! ^ 1n) : state));
}

/** Every state in the middle of what is shown is wrong, so that the dispute goes as deep as it can, and to full segments. */
function playReduction(terms: number): Promise<Played> {
  const model = CanonicalModel.ofOnnx(buildLongReduction(terms));
  const inputs: Tensor[] = [
    { dtype: "float32", shape: [1, reductionInputs], data: new Uint8Array(seededFloats(reductionInputs, 3).buffer) },
  ];
  return playLie(model, { inputs, ...lieAbout(model, inputs, 0, 1) });
}

const disputes = {
  detector: once(async () => playWrongBit(CanonicalModel.ofOnnx(buildFaceDetector()), [await readPicture(twoPeople)])),
  recogniser: once(async () => playWrongBit(CanonicalModel.ofOnnx(buildRecogniser()), [await renderLine("assay the answer 42")])),
};

/** By the number of pairs in their contraction. */
const reductions = {
  "256k": once(() => playReduction(2 ** 18)),
  "1m": once(() => playReduction(2 ** 20)),
  "16m": once(() => playReduction(2 ** 24)),
};

const operatorMoves = new Set(["defend", "reveal", "revealSums"]);
const gasOf = ({ moves }: Played, byOperator: boolean) =>
  moves.reduce((sum, { name, gas }) => (operatorMoves.has(name) === byOperator ? sum + gas : sum), 0);

/** @returns gas, of both sides and of each, and number of the moves of each dispute, by names as "detector.operator.gas". */
async function measure(plays: Record<string, () => Promise<Played>>): Promise<Record<string, number>> {
  const measured: Record<string, number> = {};
  for (const [name, play] of Object.entries(plays)) {
    const played = await play();
    measured[`${name}.gas`] = played.gas;
    measured[`${name}.operator.gas`] = gasOf(played, true);
    measured[`${name}.challenger.gas`] = gasOf(played, false);
    measured[`${name}.moves`] = played.moves.length;
  }
  return measured;
}

export const measureDisputes = (): Promise<Record<string, number>> => measure(disputes);
export const measureReductions = (): Promise<Record<string, number>> => measure(reductions);

const figuresOf = (name: string, play: () => Promise<Played>, gas: number, moves: number | null): Bench[] => [
  { name: `dispute.${name}.gas`, unit: "gas", target: gas, run: async () => (await play()).gas },
  { name: `dispute.${name}.operator.gas`, unit: "gas", target: null, run: async () => gasOf(await play(), true) },
  { name: `dispute.${name}.challenger.gas`, unit: "gas", target: null, run: async () => gasOf(await play(), false) },
  { name: `dispute.${name}.moves`, unit: "moves", target: moves, run: async () => (await play()).moves.length },
];

export const benches: Bench[] = [
  ...Object.entries(disputes).flatMap(([name, play]) => figuresOf(name, play, 1_500_000, 12)),
  ...Object.entries(reductions).flatMap(([name, play]) => figuresOf(`reduction_${name}`, play, 2_500_000, null)),
];

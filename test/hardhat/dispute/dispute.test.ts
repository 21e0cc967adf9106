import assert from "node:assert/strict";
import { network } from "hardhat";
import { before, describe, it } from "mocha";
import { buildTiny, tinyInputs } from "../../../examples/tiny/model.ts";
import { seededFloats } from "../../../examples/seededFloats.ts";
import { buildTransformer, tokens } from "../../../examples/transformer/model.ts";
import { DisputeTable, type Play } from "../../../fixtures/dispute.ts";
import { CanonicalModel } from "../../../oracle/canonical/dispute/model.ts";
import { evaluateHere } from "../../../oracle/canonical/evaluate.ts";
import { outputOffset, outputWords } from "../../../oracle/canonical/program/layout.ts";
import { MemoryTree } from "../../../oracle/canonical/proof/treeView.ts";
import type { OutcomeName } from "../../../oracle/chain/disputeCalls.ts";
import type { Tensor } from "../../../oracle/core/tensor.ts";

const connection = await network.create();

/** 2^-10, and nothing relative. */
const tolerance = { absolute: 0x3a800000, relative: 0 };

/** @returns the tensors with one float32 element of the first replaced. */
function withElement(tensors: readonly Tensor[], element: number, value: (before: number) => number): Tensor[] {
  const [first, ...rest] = tensors.map((tensor) => ({ ...tensor, data: Uint8Array.from(tensor.data) })) as [Tensor, ...Tensor[]];
  const view = new DataView(first.data.buffer);
  view.setFloat32(4 * element, value(view.getFloat32(4 * element, true)), true);
  return [first, ...rest];
}

const off = (value: number) => value + 2 ** -9;

/** One model, one input, and the ways to lie about it. */
function setUp(model: CanonicalModel, inputs: Tensor[], otherInputs: Tensor[], other: CanonicalModel) {
  const evaluate = (by: CanonicalModel, on: Tensor[]) => evaluateHere(by.program, by.weights, on);
  const honest = evaluate(model, inputs);
  const element = 5;
  const posted = withElement(honest.outputs, element, off);
  const outputAt = 4 * (model.program.outputs[0]!.offset + element);
  /** The honest trace with the posted output element written in, and what else is to be changed. */
  const forged = (change: (bytes: Uint8Array, view: DataView) => void = () => undefined) => {
    const bytes = Uint8Array.from(honest.trace);
    const view = new DataView(bytes.buffer);
    view.setUint32(outputAt, new DataView(posted[0]!.data.buffer).getUint32(4 * element, true), true);
    change(bytes, view);
    return new MemoryTree(bytes);
  };
  const computed = model.program.instructions.filter(({ kind }) => kind !== "input");
  const middle = computed[Math.floor(computed.length / 2) - 1] ?? computed[0]!;
  const reversed = new CanonicalModel({ program: model.program, weights: Uint32Array.from(model.weights).reverse() });
  const cheats: Record<string, [play: Omit<Play, "inputs">, outcome: OutcomeName]> = {
    "one wrong output element": [{ posted, trace: forged() }, "STEP_DIFFERENT"],
    "one wrong bit in the middle of the trace": [
      { posted, trace: forged((bytes) => void (bytes[4 * outputOffset(middle) + 1]! ^= 1)) },
      "STEP_DIFFERENT",
    ],
    "a wrong weight used": [lieOf(evaluate(withWeight(model), inputs)), "STEP_DIFFERENT"],
    "weights in another order": [lieOf(evaluate(reversed, inputs)), "STEP_DIFFERENT"],
    "a correct trace with a wrong output": [{ posted, trace: new MemoryTree(honest.trace) }, "OPERATOR_TIMEOUT"],
    "a NaN payload": [{ posted, trace: forged((_, view) => view.setUint32(4 * outputOffset(middle), 0x7fc00001, true)) }, "STEP_DIFFERENT"],
    "a skipped instruction": [
      { posted, trace: forged((bytes) => void bytes.fill(0, 4 * outputOffset(middle), 4 * (outputOffset(middle) + outputWords(middle)))) },
      "STEP_DIFFERENT",
    ],
    "the trace of another input": [lieOf(evaluate(model, otherInputs)), "STEP_DIFFERENT"],
    "another model's trace": [lieOf(evaluate(other, inputs)), "STEP_DIFFERENT"],
    "no defence": [{ posted, trace: forged(), behaviour: "never defends" }, "OPERATOR_TIMEOUT"],
    "no reveal": [{ posted, trace: forged(), behaviour: "never reveals" }, "OPERATOR_TIMEOUT"],
    "a reveal that doesn't hash": [{ posted, trace: forged(), behaviour: "reveals something else" }, "OPERATOR_TIMEOUT"],
    "padding that isn't zero": [
      {
        posted,
        trace: forged((bytes) => {
          const padded = computed.find((instruction) => outputWords(instruction) % 64 !== 0);
          if (padded !== undefined) bytes[4 * (outputOffset(padded) + outputWords(padded))]! ^= 1;
        }),
      },
      "STEP_DIFFERENT",
    ],
  };
  return { honest, element, cheats };
}

/** An operator that answers, and defends, with the evaluation of something else. */
function lieOf({ outputs, trace }: { outputs: Tensor[]; trace: Uint8Array }): Omit<Play, "inputs"> {
  return { posted: outputs, trace: new MemoryTree(trace) };
}

function withWeight(model: CanonicalModel): CanonicalModel {
  const weights = Uint32Array.from(model.weights);
  // The sign of the first weight.
  const first = weights.findIndex((word) => word !== 0);
  weights[first] = (weights[first]! ^ 0x80000000) >>> 0;
  return new CanonicalModel({ program: model.program, weights });
}

const vector = (seed: number): Tensor[] => [
  { dtype: "float32", shape: [1, tinyInputs], data: new Uint8Array(seededFloats(tinyInputs, seed).buffer) },
];

describe("Disputes on the chain", function () {
  this.timeout(0);
  const tiny = CanonicalModel.ofOnnx(buildTiny(3));
  const inputs = vector(1);
  const { honest, element, cheats } = setUp(tiny, inputs, vector(2), CanonicalModel.ofOnnx(buildTiny(4)));
  let table: DisputeTable;
  before(async () => void (table = await DisputeTable.open(connection, tiny, tolerance)));

  for (const [how, [play, outcome]] of Object.entries(cheats)) {
    it(`convict an operator of ${how}`, async () => {
      assert.deepEqual(await ended(table.play({ inputs, ...play })), [true, outcome]);
    });
  }

  it("A23 acquit an honest operator, whatever is challenged", async () => {
    for (const target of [0, element, 63].map((one) => ({ tensor: 0, element: one }))) {
      assert.deepEqual(await ended(table.play({ inputs, posted: honest.outputs, target })), [false, "STEP_EQUAL"]);
    }
  });

  it("acquit an operator whose answer is off by less than the tolerance", async () => {
    const posted = withElement(honest.outputs, element, (value) => value + 2 ** -11);
    assert.deepEqual(await ended(table.play({ inputs, posted, target: { tensor: 0, element } })), [false, "STEP_EQUAL"]);
  });

  it("convict in a transformer of many instructions, in at most 12 moves", async () => {
    const transformer = CanonicalModel.ofOnnx(buildTransformer());
    const prompt = (shift: number): Tensor[] => [
      {
        dtype: "int64",
        shape: [1, tokens],
        data: new Uint8Array(BigInt64Array.from({ length: tokens }, (_, i) => BigInt((7 * i + shift) % 64)).buffer),
      },
    ];
    const set = setUp(transformer, prompt(0), prompt(1), CanonicalModel.ofOnnx(buildTransformer({ seed: 2 })));
    const seat = await DisputeTable.open(await network.create(), transformer, tolerance);
    for (const how of ["one wrong output element", "one wrong bit in the middle of the trace", "the trace of another input"]) {
      const played = await seat.play({ inputs: prompt(0), ...set.cheats[how]![0] });
      assert.deepEqual([played.outcome, played.moves.length <= 12], ["STEP_DIFFERENT", true], how);
    }
  });
});

async function ended(play: ReturnType<DisputeTable["play"]>): Promise<[convicted: boolean, outcome: OutcomeName]> {
  const { convicted, outcome } = await play;
  return [convicted, outcome];
}

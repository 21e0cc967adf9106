import assert from "node:assert/strict";
import { network } from "hardhat";
import { before, describe, it } from "mocha";
import { buildTiny, tinyInputs } from "../../../examples/tiny/model.ts";
import { seededFloats } from "../../../examples/seededFloats.ts";
import { buildTransformer, tokens } from "../../../examples/transformer/model.ts";
import { DisputeTable } from "../../../fixtures/dispute.ts";
import { CanonicalModel } from "../../../oracle/canonical/dispute/model.ts";
import { evaluateHere } from "../../../oracle/canonical/evaluate.ts";
import type { OutcomeName } from "../../../oracle/chain/disputeCalls.ts";
import type { Tensor } from "../../../oracle/core/tensor.ts";
import { cheatsAbout, cheatTolerance, withElement } from "../../support/cheats.ts";
import { buildLongSums, sumCheatsAbout, termsOf } from "../../support/longSums.ts";

const connection = await network.create();

const vector = (seed: number): Tensor[] => [
  { dtype: "float32", shape: [1, tinyInputs], data: new Uint8Array(seededFloats(tinyInputs, seed).buffer) },
];

describe("Disputes on the chain", function () {
  this.timeout(0);
  const tiny = CanonicalModel.ofOnnx(buildTiny(3));
  const inputs = vector(1);
  const otherModel = CanonicalModel.ofOnnx(buildTiny(4));
  const { honest, element, cheats } = cheatsAbout({ model: tiny, inputs, otherInputs: vector(2), otherModel });
  let table: DisputeTable;
  before(async () => void (table = await DisputeTable.open(connection, tiny, cheatTolerance)));

  for (const [how, { lie, outcome }] of Object.entries(cheats)) {
    it(`convict an operator of ${how}`, async () => {
      assert.deepEqual(await ended(table.play({ inputs, ...lie })), [outcome !== "ANSWER_VOIDED", outcome]);
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

  describe("about a sum of 1,500 terms", () => {
    const model = CanonicalModel.ofOnnx(buildLongSums(5));
    const inputs = termsOf(1);
    let table: DisputeTable;
    before(async () => void (table = await DisputeTable.open(await network.create(), model, cheatTolerance)));

    for (const [how, { lie, outcome }] of Object.entries(sumCheatsAbout(model, inputs))) {
      it(`convict an operator of ${how}`, async () => {
        const played = await table.play({ inputs, ...lie });
        assert.deepEqual([played.convicted, played.outcome], [true, outcome]);
        assert.ok(played.moves.some(({ name }) => name === "pickSums"));
      });
    }

    it("A23 acquit an operator whose sums are true", async () => {
      const { outputs: posted } = evaluateHere(model.program, model.weights, inputs);
      const { convicted, outcome, moves } = await table.play({ inputs, posted, target: { tensor: 0, element: 9 } });
      assert.deepEqual([convicted, outcome], [false, "STEP_EQUAL"]);
      assert.deepEqual(moves.map(({ name }) => name).slice(-3), ["pickSums", "revealSums", "stepSegment"]);
    });
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
    const other = CanonicalModel.ofOnnx(buildTransformer({ seed: 2 }));
    const set = cheatsAbout({ model: transformer, inputs: prompt(0), otherInputs: prompt(1), otherModel: other });
    const seat = await DisputeTable.open(await network.create(), transformer, cheatTolerance);
    for (const how of [
      "one wrong output element",
      "one wrong bit in the middle of the trace",
      "the trace of another input",
      "operands swapped",
    ]) {
      const played = await seat.play({ inputs: prompt(0), ...set.cheats[how]!.lie });
      assert.deepEqual([played.outcome, played.moves.length <= 12], ["STEP_DIFFERENT", true], how);
    }
  });
});

async function ended(play: ReturnType<DisputeTable["play"]>): Promise<[convicted: boolean, outcome: OutcomeName]> {
  const { convicted, outcome } = await play;
  return [convicted, outcome];
}

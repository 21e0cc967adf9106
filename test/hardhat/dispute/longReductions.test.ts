import assert from "node:assert/strict";
import { network } from "hardhat";
import { before, describe, it } from "mocha";
import { seededFloats } from "../../../examples/seededFloats.ts";
import { DisputeTable, type Forge, type Played } from "../../../fixtures/dispute.ts";
import { CanonicalModel } from "../../../oracle/canonical/dispute/model.ts";
import { evaluateHere } from "../../../oracle/canonical/evaluate.ts";
import { wholePath } from "../../../oracle/core/dispute/segments.ts";
import type { Tensor } from "../../../oracle/core/tensor.ts";
import { lieAbout } from "../../../scripts/local/liar.ts";
import { cheatTolerance } from "../../support/cheats.ts";
import { buildVeryLongSum, inputs as inputCount } from "../../support/veryLongSums.ts";

const inputs: Tensor[] = [{ dtype: "float32", shape: [1, inputCount], data: new Uint8Array(seededFloats(inputCount, 3).buffer) }];
const longModel = CanonicalModel.ofOnnx(buildVeryLongSum(2 ** 20));

const wrongAt =
  (segment: number): Forge =>
  (states) =>
    states.map((state, i) => (i === segment ? state.with(1, state[1]! ^ 1n) : state));
const inside =
  (forge: Forge): Forge =>
  (states, path) =>
    path === wholePath ? states : forge(states, path);

describe("A dispute about a very long reduction", function () {
  this.timeout(0);
  let long: DisputeTable;
  before(async () => void (long = await DisputeTable.open(await network.create(), longModel, cheatTolerance)));

  it("A35 costs both sides in gas what grows with the logarithm of its length", async () => {
    const shortModel = CanonicalModel.ofOnnx(buildVeryLongSum(2 ** 15));
    const short = await DisputeTable.open(await network.create(), shortModel, cheatTolerance);
    const about = (model: CanonicalModel) => ({ inputs, ...lieAbout(model, inputs, 0, 1) });
    const played: Played[] = [await short.play(about(shortModel)), await long.play(about(longModel))];
    const [of32k, of1m] = played as [Played, Played];
    assert.deepEqual([of32k.outcome, of1m.outcome], ["STEP_DIFFERENT", "STEP_DIFFERENT"]);
    assert.ok(of1m.gas - of32k.gas < 600_000, `${of32k.gas} gas about 2^15 elements, ${of1m.gas} about 2^20`);
    // Its trace is deeper, too.
    assert.ok(of1m.moves.length <= of32k.moves.length + 4, `${of32k.moves.length} moves, ${of1m.moves.length} moves`);
  });

  const lies: Record<string, Forge> = {
    "a wrong sum early": wrongAt(0),
    "a wrong sum late": wrongAt(30),
    "a wrong sum in a segment": inside(wrongAt(12)),
    "a sum too few in a segment": inside((states) => states.slice(1)),
    "no sum at all in a segment": inside(() => []),
  };
  for (const [how, sums] of Object.entries(lies)) {
    it(`A35 convicts of ${how}`, async () => {
      const { outcome, moves } = await long.play({ inputs, ...lieAbout(longModel, inputs, 0, 1), sums });
      assert.equal(outcome, "STEP_DIFFERENT");
      assert.deepEqual(moves.map(({ name }) => name).slice(-5), ["pickSums", "revealSums", "pickSums", "revealSums", "stepSegment"]);
    });
  }

  it("A35 A23 acquits who sums up right", async () => {
    const { outputs: posted } = evaluateHere(longModel.program, longModel.weights, inputs);
    const { outcome, moves } = await long.play({ inputs, posted, target: { tensor: 0, element: 0 } });
    assert.equal(outcome, "STEP_EQUAL");
    assert.equal(moves.filter(({ name }) => name === "revealSums").length, 2);
  });
});

import assert from "node:assert/strict";
import { network } from "hardhat";
import { describe, it } from "mocha";
import { renderLine } from "../../../examples/recogniser/line.ts";
import { buildRecogniser } from "../../../examples/recogniser/model.ts";
import { DisputeTable } from "../../../fixtures/dispute.ts";
import StepVerifierModule from "../../../ignition/modules/StepVerifier.ts";
import { choiceOf, scoreAddress, scoreLeaves, withChoices } from "../../../oracle/canonical/dispute/choices.ts";
import { CanonicalModel } from "../../../oracle/canonical/dispute/model.ts";
import { firstWrong } from "../../../oracle/canonical/dispute/moves.ts";
import type { Program, Reducer } from "../../../oracle/canonical/program/types.ts";
import { MemoryTree } from "../../../oracle/canonical/proof/treeView.ts";
import type { Tolerance } from "../../../oracle/canonical/tolerance.ts";
import { seeded } from "../../oracle/canonical/seeded.ts";
import { buildChoice, choiceIn, classes, vectorOf as vector } from "../../support/choices.ts";
import { sceneOf } from "../../support/stepScene.ts";

const word = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0]!;

const below = (half: number): Tolerance => ({ absolute: word(half) - 2, relative: 0 });

describe("A near tie", function () {
  this.timeout(0);
  const about = CanonicalModel.ofOnnx(buildChoice(11));
  const given = vector(12);
  const target = { tensor: 0, element: 0 };
  const { best, second, half, posting, forged, addresses, scores } = choiceIn(about, given, 0);
  const open = async (tolerance: Tolerance) => DisputeTable.open(await network.create(), about, tolerance);

  it("A23 is acquitted: the second best choice, with twice the tolerance between its score and the best one", async () => {
    const table = await open({ absolute: word(half) + 1, relative: 0 });
    const { convicted, outcome } = await table.play({ inputs: given, posted: posting(second), target });
    assert.deepEqual([convicted, outcome], [false, "STEP_EQUAL"]);
    await assert.rejects(table.play({ inputs: given, posted: posting(second) }), /the answer is right/);
  });

  it("is none where the score is worse, and nothing defends it", async () => {
    const table = await open(below(half));
    const worst = scores.indexOf(Math.min(...scores));
    for (const number of [second, worst, classes, -1, 2 ** 31 - 1]) {
      const { convicted, outcome } = await table.play({ inputs: given, posted: posting(number) });
      assert.deepEqual([convicted, outcome], [true, "OPERATOR_TIMEOUT"], `${number} instead of ${best}`);
    }
  });

  it("is convicted where its scores are made up", async () => {
    const table = await open(below(half));
    const raised = forged((bytes) => bytes.setFloat32(4 * addresses[second]!, scores[best]!, true));
    const { convicted, outcome } = await table.play({ inputs: given, posted: posting(second), trace: raised });
    assert.deepEqual([convicted, outcome], [true, "STEP_DIFFERENT"]);
  });

  it("of a real recogniser's class is acquitted, a worse one convicted", async () => {
    const recogniser = CanonicalModel.ofOnnx(buildRecogniser());
    const line = [await renderLine("assay the answer 42")];
    const column = 13;
    const read = choiceIn(recogniser, line, column);
    const posted = read.posting(read.second);
    const aimed = { tensor: 0, element: column };
    const wide = await DisputeTable.open(await network.create(), recogniser, { absolute: word(read.half) + 1, relative: 0 });
    const acquitted = await wide.play({ inputs: line, posted, target: aimed });
    assert.deepEqual([acquitted.convicted, acquitted.outcome], [false, "STEP_EQUAL"]);
    const narrow = await DisputeTable.open(await network.create(), recogniser, below(read.half));
    const convicted = await narrow.play({ inputs: line, posted });
    assert.deepEqual([convicted.convicted, convicted.outcome], [true, "OPERATOR_TIMEOUT"]);
  });
});

describe("The scores of a choice", function () {
  this.timeout(0);

  /** Chooses among 4 · 6 weights, of which a bound leaves out the last column. */
  const choosing = (reducer: Reducer, ops: boolean): Program => ({
    inputs: [],
    outputs: [{ dtype: "int32", shape: [2], offset: 0 }],
    weightLeaves: 1,
    instructions: [
      {
        kind: "reduce",
        outLeaf: 0,
        dims: [2],
        type: "f32",
        reducer,
        divisor: 1,
        reduce: [4, 6],
        x: {
          space: "weights",
          offset: 1,
          strides: [24, 6, 1],
          bounds: [{ start: 0, limit: 5, terms: [{ axis: 2, factor: 1 }] }],
        },
        operands: [],
        constants: ops ? [1] : [],
        ops: ops ? [{ op: "iadd", args: [0, 1] }] : [],
      },
    ],
  });
  const numbers = [0, 1, -1, 1 + 2 ** -20, 2 ** -149, -(2 ** -140), 3e38, -3e38, Infinity, -Infinity, NaN, 0.5, 2, -2].map(word);

  async function deployed() {
    const connection = await network.create();
    const { stepVerifier } = await connection.ignition.deploy(StepVerifierModule);
    return stepVerifier.getFunction("isNearTie");
  }

  it("A24 are compared as the rules of an answer compare them, whatever they are", async () => {
    const isNearTie = await deployed();
    const random = seeded(21);
    const seen = new Set<boolean>();
    for (let round = 0; round < 150; round++) {
      const reducer = (["argmax", "argmin", "argmaxLast", "argminLast"] as const)[round % 4]!;
      const program = choosing(reducer, false);
      const weights = new Uint32Array(64).map(() =>
        random.int(0, 2) === 0 ? numbers[random.int(0, numbers.length - 1)]! : word(1 + random.int(0, 9) / 8),
      );
      const scene = sceneOf(program, weights, [], random);
      const element = random.int(0, 1);
      const [posted, canonical] = [random.int(0, 25), random.int(0, 3) === 0 ? random.int(0, 25) : scene.trace[element]!];
      const tolerance = { absolute: word(random.int(0, 3) / 16), relative: word([0, 2 ** -20, 0.25, 3e38][random.int(0, 3)]!) };
      const choice = choiceOf(program, 0, element)!;
      const proof = scene.prover.opening(0, scoreLeaves(choice, [posted, canonical]), scene.sources);
      const words = { posted, canonical, deltaAbsolute: tolerance.absolute, deltaRelative: tolerance.relative };
      const [rule] = withChoices(
        [{ dtype: "int32", shape: [2], tolerance }],
        { program, weightTree: scene.sources.weights as MemoryTree },
        scene.sources.trace,
      );
      const expected = rule!.isNearTie!(element, BigInt(posted), BigInt(canonical));
      if (scoreAddress(choice, posted) === null && scoreAddress(choice, canonical) === null) assert.equal(expected, false);
      assert.equal(await isNearTie.staticCall(scene.claim(element), words, proof), expected, `round ${round}, ${reducer}`);
      seen.add(expected);
    }
    assert.equal(seen.size, 2);
  });

  it("A22 are those that the instruction chooses among, and only where its word is the choice itself", async () => {
    const isNearTie = await deployed();
    const weights = new Uint32Array(64).fill(word(1));
    const words = { posted: 1, canonical: 0, deltaAbsolute: 0, deltaRelative: 0 };
    const leaves = { trace: new Set<number>(), weights: new Set([0]) };
    const refused = async (program: Program, error: RegExp, opened = leaves) => {
      const scene = sceneOf(program, weights, [], seeded(1));
      await assert.rejects(isNearTie.staticCall(scene.claim(0), words, scene.prover.opening(0, opened, scene.sources)), error);
    };
    await refused(choosing("argmax", true), /ChoiceForeign/);
    await refused(choosing("max", false), /ChoiceForeign/);
    await refused(choosing("argmax", false), /WordOutside|WordNotOpened/, { ...leaves, weights: new Set<number>() });
    const integers = choosing("argmax", false);
    await refused({ ...integers, instructions: [{ ...integers.instructions[0]!, type: "i32" } as never] }, /ChoiceForeign/);
  });

  it("tie exactly with their equals, even where nothing is tolerated", () => {
    const about = CanonicalModel.ofOnnx(buildChoice(3));
    const { outputs, tree, best, second, posting } = choiceIn(about, vector(4), 0);
    const zero = [{ dtype: "int64" as const, shape: [1], tolerance: { absolute: 0, relative: 0 } }];
    assert.deepEqual(firstWrong(posting(second), outputs, withChoices(zero, about, tree)), { tensor: 0, element: 0 });
    assert.equal(firstWrong(posting(best), outputs, withChoices(zero, about, tree)), null);
  });
});

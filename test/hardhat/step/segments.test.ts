import assert from "node:assert/strict";
import { network } from "hardhat";
import { before, describe, it } from "mocha";
import StepVerifierModule from "../../../ignition/modules/StepVerifier.ts";
import { outputOffset, outputWords } from "../../../oracle/canonical/program/layout.ts";
import type { ContractInstruction, Instruction, ReduceInstruction, Reducer } from "../../../oracle/canonical/program/types.ts";
import { readerOf, reductionSize } from "../../../oracle/canonical/proof/reads.ts";
import { initialState, type StepState } from "../../../oracle/canonical/proof/stepProof.ts";
import { statesAt, type ReductionState } from "../../../oracle/canonical/proof/sums.ts";
import { segmentsOf } from "../../../oracle/core/dispute/segments.ts";
import { seeded } from "../../oracle/canonical/seeded.ts";
import { randomScene, sceneOf, type StepScene } from "../../support/stepScene.ts";

const { ignition } = await network.getOrCreate();
const { stepVerifier: verifier } = await ignition.deploy(StepVerifierModule);
const advance = verifier.getFunction("advance");
const follows = verifier.getFunction("follows");

/** Longer than two segments, and no multiple of one. */
const terms = 600;

/** Two elements of every kind of reduction over `terms` weights, 40 words of which differ between the two. */
function longScene(weightOf: (i: number) => number): StepScene {
  const access = (offset: number) => ({ space: "weights" as const, offset, strides: [40, 1], bounds: [] });
  const operand = (offset: number) => ({
    accesses: [{ space: "weights" as const, offset, strides: [1], bounds: [], indices: [] }],
    pad: 0,
  });
  const common = { outLeaf: 0, dims: [2], reduce: [terms], constants: [], ops: [] };
  const contract = (type: "f32" | "i32"): ContractInstruction => ({
    ...common,
    kind: "contract",
    type,
    bias: 0,
    zeroA: type === "i32" ? 0 : null,
    zeroB: null,
    a: access(0),
    b: access(700),
    operands: [operand(3)],
  });
  const reduce = (type: "f32" | "i32", reducer: Reducer, divisor = 1): ReduceInstruction => ({
    ...common,
    kind: "reduce",
    type,
    reducer,
    divisor,
    x: access(0),
    operands: [],
  });
  const instructions: Instruction[] = [
    contract("f32"),
    contract("i32"),
    reduce("f32", "sum", 0),
    reduce("f32", "sumAbs"),
    reduce("f32", "sumSquare", 600),
    ...(["max", "min", "product", "argmax", "argmin", "argmaxLast", "argminLast"] as const).flatMap((reducer) => [
      reduce("f32", reducer),
      reduce("i32", reducer),
    ]),
    reduce("i32", "sum"),
  ].map((instruction, outLeaf) => ({ ...instruction, outLeaf }));
  const weights = Uint32Array.from({ length: 64 * 24 }, (_, i) => weightOf(i));
  return sceneOf({ inputs: [], outputs: [], instructions, weightLeaves: 24 }, weights, [], seeded(1));
}

const floats = new Float32Array(1);
const bitsOf = (value: number) => {
  floats[0] = value;
  return new Uint32Array(floats.buffer)[0]!;
};

/** Numbers near 1, with some of every kind that a sum keeps apart. */
const weights: Record<string, (i: number) => number> = {
  "common numbers": (i) => bitsOf(Math.sin(i) + 1.5),
  "numbers of all sizes": (i) => [bitsOf(Math.sin(i)), 1 + i, 0x7f000000 + i, 0x80000000, 0x00800000 + i][i % 5]!,
  "an infinity behind the first segment": (i) => (i === 300 ? 0xff800000 : bitsOf(Math.cos(i))),
  "a NaN in the second segment": (i) => (i === 400 ? 0x7fc00000 : bitsOf(Math.cos(i) - 2)),
};

const name = (instruction: Instruction) =>
  instruction.kind === "reduce" ? `${instruction.type} ${instruction.reducer}` : `${instruction.kind}`;

describe("A long reduction's states", () => {
  it("A24 are the reference's in front of every position, of reductions of every kind", async function () {
    this.timeout(0);
    for (let seed = 700; seed < 715; ++seed) {
      const scene = randomScene(seed, { instructions: 4, kinds: ["contract", "reduce"] });
      const { prover, sources, claim, random } = scene;
      for (const instruction of scene.program.instructions) {
        if (instruction.kind !== "contract" && instruction.kind !== "reduce") continue;
        const total = reductionSize(instruction);
        if (total < 3) continue;
        const element = random.int(0, outputWords(instruction) - 1);
        const at = outputOffset(instruction) + element;
        const parts = prover.parts(Math.floor(at / 64), at % 64, sources, { positions: random.int(Math.ceil(total / 4), total - 1) });
        const cuts = parts.slice(0, -1).map(({ to }) => to);
        const states = statesAt(instruction, element, readerOf(sources), cuts);
        let state: StepState = initialState;
        for (const [i, part] of parts.slice(0, -1).entries()) {
          const proof = part.encode(state);
          state = [...((await advance.staticCall(claim(at), proof)) as bigint[])];
          assert.deepEqual(states[i], state, `seed ${seed}, ${name(instruction)}, word ${at} in front of ${part.to}`);
          await advance(claim(at), proof);
        }
      }
    }
  });

  for (const [kind, weightOf] of Object.entries(weights)) {
    it(`A24 follow from each other segment by segment with ${kind}, and nothing else does`, async function () {
      this.timeout(0);
      const { program, prover, sources, claim, trace } = longScene(weightOf);
      const segments = segmentsOf(terms);
      assert.equal(segments.length, 3);
      for (const instruction of program.instructions) {
        const [leaf, word] = [instruction.outLeaf, 1];
        const at = 64 * leaf + word;
        const states = prover.sums(leaf, word, sources);
        const proofOf = (index: number, from: StepState = states[index - 1] ?? initialState) =>
          prover.segment(leaf, word, index, sources).encode(from);
        const ask = (index: number, shown: readonly ReductionState[], value = trace[at]!, proof = proofOf(index)): Promise<boolean> =>
          follows(claim(at), value, shown, proof);
        for (const index of segments.keys()) assert.equal(await ask(index, states), true, `${name(instruction)}, segment ${index}`);
        assert.equal(await ask(2, states, (trace[at]! ^ 1) >>> 0), false, `${name(instruction)}, another word`);
        for (const changed of [0, 1]) {
          const lie = states.map((state, i) => state.map((part, j) => (i === changed && j === (at + changed) % 6 ? part ^ 1n : part)));
          assert.equal(await ask(changed, lie), false, `${name(instruction)}, state ${changed}`);
        }
      }
    });
  }
});

describe("A segment", () => {
  let scene: StepScene;
  let states: ReductionState[];
  before(() => {
    scene = longScene(weights["common numbers"]!);
    states = scene.prover.sums(0, 0, scene.sources);
  });
  const ask = (shown: readonly ReductionState[], proof: string): Promise<boolean> => follows(scene.claim(0), scene.trace[0], shown, proof);
  const proofOf = (index: number, from: StepState) => scene.prover.segment(0, 0, index, scene.sources).encode(from);

  it("does not follow where there are too few or too many states", async () => {
    const [first] = states;
    for (const shown of [[], [first!], [...states, first!]]) {
      assert.equal(await ask(shown, proofOf(0, initialState)), false);
      assert.equal(await ask(shown, proofOf(2, states[1]!)), false);
    }
  });

  it("A22 begins and ends where segments do, with the state that was shown there", async () => {
    const refused = (proof: string) => assert.rejects(ask(states, proof), /SegmentInvalid/);
    await refused(proofOf(1, states[1]!));
    await refused(proofOf(1, initialState));
    await refused(proofOf(0, states[0]!));
    const [part] = scene.prover.parts(0, 0, scene.sources, { positions: 300 });
    await refused(part!.encode(initialState));
    const whole = scene.prover.parts(0, 0, scene.sources).at(-1)!;
    await refused(whole.encode(initialState));
  });

  it("of a word that is no reduction's is the whole of it", async () => {
    const { prover, sources, claim, trace } = scene;
    // Behind the output's last element.
    const proof = prover.segment(0, 5, 0, sources).encode(initialState);
    assert.deepEqual(prover.sums(0, 5, sources), []);
    assert.deepEqual([trace[5], await follows(claim(5), 0, [], proof)], [0, true]);
    assert.equal(await follows(claim(5), 1, [], proof), false);
    assert.equal(await follows(claim(5), 0, states, proof), false);
  });
});

describe("The segments of a reduction", () => {
  it("cover it, grow with it, and are at most 32", () => {
    for (const total of [1, 255, 256, 257, 600, 8192, 8193, 16_384, 16_385, 10 ** 6]) {
      const segments = segmentsOf(total);
      assert.ok(segments.length <= 32 && segments.at(-1)!.to === total && segments[0]!.from === 0);
      for (const [i, { from, to }] of segments.slice(1).entries()) assert.ok(from === segments[i]!.to && to > from);
    }
    assert.deepEqual([segmentsOf(256).length, segmentsOf(257).length, segmentsOf(8192).length, segmentsOf(8193).length], [1, 2, 32, 17]);
  });
});

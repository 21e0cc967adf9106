import assert from "node:assert/strict";
import { network } from "hardhat";
import { before, describe, it } from "mocha";
import StepVerifierModule from "../../../ignition/modules/StepVerifier.ts";
import { OwnSums } from "../../../oracle/canonical/dispute/ownSums.ts";
import { outputOffset, outputWords } from "../../../oracle/canonical/program/layout.ts";
import type { ContractInstruction, Instruction, ReduceInstruction, Reducer } from "../../../oracle/canonical/program/types.ts";
import { readerOf, reductionSize } from "../../../oracle/canonical/proof/reads.ts";
import { initialState, type StepState } from "../../../oracle/canonical/proof/stepProof.ts";
import { statesAt } from "../../../oracle/canonical/proof/sums.ts";
import {
  bytesOfStates,
  deepestPath,
  indicesOf,
  lengthOf,
  pathBelow,
  segmentAt,
  segmentsIn,
  wholePath,
} from "../../../oracle/core/dispute/segments.ts";
import { seeded } from "../../oracle/canonical/seeded.ts";
import { randomScene, sceneOf, type StepScene } from "../../support/stepScene.ts";

const { ethers, ignition } = await network.getOrCreate();
const { stepVerifier: verifier } = await ignition.deploy(StepVerifierModule);
const kernels = {
  contract: await ethers.getContractAt("IStepKernel", (await verifier.getFunction("contractionKernel")()) as string),
  reduce: await ethers.getContractAt("IStepKernel", (await verifier.getFunction("reductionKernel")()) as string),
};
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
  it("A24 are the reference's in front of every position, of reductions of every kind, and lead to its words", async function () {
    this.timeout(0);
    const seen = new Set<string>();
    for (let seed = 500; seed < 520; ++seed) {
      const { program, prover, sources, claim, random, trace } = randomScene(seed, { instructions: 5, kinds: ["contract", "reduce"] });
      for (const instruction of program.instructions) {
        if (instruction.kind !== "contract" && instruction.kind !== "reduce") continue;
        const total = reductionSize(instruction);
        if (total < 3) continue;
        const element = random.int(0, outputWords(instruction) - 1);
        const at = outputOffset(instruction) + element;
        const cuts = [random.int(1, total - 2), total - 1];
        const states = statesAt(instruction, element, readerOf(sources), cuts);
        const resumed = statesAt(instruction, element, readerOf(sources), cuts.slice(1), { position: cuts[0]!, state: states[0]! });
        assert.deepEqual(resumed, states.slice(1), `seed ${seed}, ${name(instruction)}, from ${cuts[0]!} on`);
        const run = kernels[instruction.kind].getFunction("run");
        let state: StepState = initialState;
        for (const [i, from] of [0, ...cuts].entries()) {
          const to = cuts[i] ?? total;
          const proof = prover.part(Math.floor(at / 64), at % 64, sources, { from, to }).encode(state);
          const [found, next] = (await run(claim(at), proof, to === total)) as [bigint, bigint[]];
          const where: string = `seed ${seed}, ${name(instruction)}, word ${at} in front of ${to}`;
          if (to === total) assert.equal(Number(found), trace[at], where);
          else assert.deepEqual([...next], states[i], where);
          state = [...next];
        }
        seen.add(name(instruction));
      }
    }
    assert.ok(seen.size >= 14, [...seen].join());
  });

  for (const [kind, weightOf] of Object.entries(weights)) {
    it(`A24 follow from each other segment by segment with ${kind}, and nothing else does`, async function () {
      this.timeout(0);
      const { program, prover, sources, claim } = longScene(weightOf);
      for (const instruction of program.instructions) {
        const [leaf, word] = [instruction.outLeaf, 1];
        const at = 64 * leaf + word;
        const sums = new OwnSums(prover, sources);
        for (const path of [wholePath, pathBelow(wholePath, 1), pathBelow(wholePath, 2), pathBelow(pathBelow(wholePath, 1), 31)]) {
          const { segment } = sums.framed(leaf, word, path);
          const segments = segmentsIn(segment);
          const states = sums.at(leaf, word, path);
          assert.equal(states.length, segments.length + 1);
          const ask = (index: number, shown: readonly StepState[]): Promise<boolean> =>
            follows(claim(at), path, bytesOfStates(shown), prover.part(leaf, word, sources, segments[index]).encode(states[index]!));
          for (const index of [0, 1, segments.length - 1]) {
            const where: string = `${name(instruction)}, path ${path}, segment ${index}`;
            assert.equal(await ask(index, states), true, where);
            const changed = (at + index) % 6;
            const lie = states.map((state, i) => (i === index + 1 ? state.map((part, j) => (j === changed ? part ^ 1n : part)) : state));
            assert.equal(await ask(index, lie), false, `${where}, another end`);
          }
        }
      }
    });
  }
});

describe("A segment", () => {
  let scene: StepScene;
  let sums: OwnSums;
  before(() => {
    scene = longScene(weights["common numbers"]!);
    sums = new OwnSums(scene.prover, scene.sources);
  });
  const ask = (path: number, shown: readonly StepState[] | Uint8Array, proof: string): Promise<boolean> =>
    follows(scene.claim(0), path, shown instanceof Uint8Array ? shown : bytesOfStates(shown), proof);
  const proofOf = (from: number, to: number, state: StepState) => scene.prover.part(0, 0, scene.sources, { from, to }).encode(state);
  const inner = pathBelow(wholePath, 1);

  it("A35 does not follow where there are too few or too many states, whichever part is recomputed", async () => {
    for (const path of [wholePath, inner]) {
      const states = sums.at(0, 0, path);
      const shown = [[], states.slice(1), states.slice(0, 2), [...states, states[0]!], bytesOfStates(states).slice(0, -1)];
      for (const wrong of shown) {
        assert.equal(await ask(path, wrong, proofOf(0, 1, initialState)), false);
        assert.equal(await ask(path, wrong, proofOf(512, 600, sums.at(0, 0, wholePath)[2]!)), false);
      }
    }
  });

  it("A35 does not follow on a path that is no segment's", async () => {
    for (const path of [pathBelow(wholePath, 3), pathBelow(pathBelow(wholePath, 2), 31)]) {
      for (const count of [1, 2, 3]) {
        assert.equal(await ask(path, Array<StepState>(count).fill(initialState), proofOf(0, 1, initialState)), false);
      }
    }
  });

  it("A22 A35 begins and ends where segments do, with the state that was shown there", async () => {
    const states = sums.at(0, 0, wholePath);
    const refused = (path: number, proof: string) => assert.rejects(ask(path, sums.at(0, 0, path), proof), /SegmentInvalid/);
    await refused(wholePath, proofOf(256, 512, states[2]!));
    await refused(wholePath, proofOf(256, 512, initialState));
    await refused(wholePath, proofOf(0, 256, states[1]!));
    await refused(wholePath, proofOf(0, 300, initialState));
    await refused(wholePath, proofOf(0, 600, initialState));
    await refused(wholePath, proofOf(256, 264, states[1]!));
    const within = sums.at(0, 0, inner);
    await refused(inner, proofOf(256, 512, within[0]!));
    await refused(inner, proofOf(257, 265, within[0]!));
    await refused(inner, proofOf(0, 8, initialState));
    await refused(inner, proofOf(512, 600, within.at(-1)!));
    assert.equal(await ask(inner, within, proofOf(504, 512, within[31]!)), true);
  });

  it("of a word that is no reduction's is the whole of it", async () => {
    const { prover, sources, claim, trace } = scene;
    // Behind the output's last element.
    const proof = prover.part(0, 5, sources).encode(initialState);
    const states = prover.sums(0, 5, sources);
    assert.deepEqual(states, [initialState, initialState]);
    const asked = (shown: readonly StepState[]) => follows(claim(5), wholePath, bytesOfStates(shown), proof);
    assert.deepEqual([trace[5], await asked(states)], [0, true]);
    assert.equal(await asked([initialState, initialState.with(0, 1n)]), false);
    assert.equal(await asked(sums.at(0, 0, wholePath)), false);
  });
});

describe("The segments of a reduction", () => {
  it("cover it, grow with it, and are at most 32", () => {
    for (const total of [1, 7, 8, 9, 255, 256, 257, 600, 8192, 8193, 16_384, 16_385, 10 ** 6, 2 ** 38]) {
      const segments = segmentsIn({ from: 3, to: 3 + total });
      assert.ok(segments.length <= 32 && segments.at(-1)!.to === 3 + total && segments[0]!.from === 3);
      for (const [i, { from, to }] of segments.slice(1).entries()) assert.ok(from === segments[i]!.to && to > from);
    }
    const count = (total: number) => segmentsIn({ from: 0, to: total }).length;
    assert.deepEqual([1, 8, 9, 256, 257, 8192, 8193].map(count), [1, 8, 2, 32, 2, 32, 17]);
  });

  it("A35 have a path each, down to single elements, that is never longer than seven segments", () => {
    const random = seeded(3);
    for (let i = 0; i < 2000; ++i) {
      const total = i === 0 ? 2 ** 38 : random.int(1, 2 ** random.int(1, 38));
      let [path, segment] = [wholePath, { from: 0, to: total }];
      for (;;) {
        assert.deepEqual(segmentAt(total, path), segment);
        const segments = segmentsIn(segment);
        if (segments.length === 1) break;
        const index = i % 3 === 0 ? segments.length - 1 : random.int(0, segments.length - 1);
        if (segments.every((one) => lengthOf(one) === 1)) break;
        [path, segment] = [pathBelow(path, index), segments[index]!];
      }
      assert.ok(indicesOf(path).length <= deepestPath, `${total}: ${indicesOf(path).join()}`);
      assert.equal(segmentAt(total, pathBelow(path, 31))?.from, segmentsIn(segment)[31]?.from);
    }
  });
});

import assert from "node:assert/strict";
import { AbiCoder, type Result } from "ethers";
import { network } from "hardhat";
import { describe, it } from "mocha";
import StepVerifierModule from "../../../ignition/modules/StepVerifier.ts";
import type { Tensor } from "../../../oracle/core/tensor.ts";
import { bundleRoot } from "../../../oracle/core/traceTree.ts";
import { outputLeaves, outputOffset, outputWords } from "../../../oracle/canonical/program/layout.ts";
import { programRoot } from "../../../oracle/canonical/program/root.ts";
import type { MapInstruction, Program } from "../../../oracle/canonical/program/types.ts";
import { openLeaves } from "../../../oracle/canonical/proof/opening.ts";
import { initialState, proofType, StepProver } from "../../../oracle/canonical/proof/stepProof.ts";
import { bytesOfWords, MemoryTree } from "../../../oracle/canonical/proof/treeView.ts";
import { seeded } from "../../oracle/canonical/seeded.ts";
import { randomScene, sceneOf, type StepScene } from "../../support/stepScene.ts";

const mutations = Number(process.env.STEP_MUTATIONS ?? 600);
const { ethers, ignition } = await network.getOrCreate();
const { stepVerifier: verifier } = await ignition.deploy(StepVerifierModule);
const step = verifier.getFunction("step");

interface MutableOpening {
  ranges: Uint8Array;
  leaves: Uint8Array;
  siblings: Uint8Array[];
}

/** A proof's fields, to be changed and encoded again. */
interface MutableProof {
  header: Uint8Array;
  record: Uint8Array;
  instruction: number;
  recordSiblings: Uint8Array[];
  trace: MutableOpening;
  weights: MutableOpening;
  input: { tensorRoots: Uint8Array[]; shape: Uint8Array; top: Uint8Array; leaf: MutableOpening };
  position: number;
  state: bigint[];
  end: number;
}

const fields = (encoded: string): MutableProof => {
  const decoded = AbiCoder.defaultAbiCoder().decode([proofType], encoded)[0] as Result;
  const bytes = (value: string) => new Uint8Array(Buffer.from(value.slice(2), "hex"));
  const hashes = (list: Result) => [...list].map(bytes);
  const opening = ({ ranges, leaves, siblings }: Result) => ({
    ranges: bytes(ranges),
    leaves: bytes(leaves),
    siblings: hashes(siblings),
  });
  const { tensorRoots, shape, top, leaf } = decoded.input;
  return {
    header: bytes(decoded.header),
    record: bytes(decoded.record),
    instruction: Number(decoded.instruction),
    recordSiblings: hashes(decoded.recordSiblings),
    trace: opening(decoded.trace),
    weights: opening(decoded.weights),
    input: { tensorRoots: hashes(tensorRoots), shape: bytes(shape), top: bytes(top), leaf: opening(leaf) },
    position: Number(decoded.position),
    state: [...decoded.state],
    end: Number(decoded.end),
  };
};
const encode = (proof: MutableProof) => AbiCoder.defaultAbiCoder().encode([proofType], [proof]);

function proofAt({ prover, sources }: StepScene, at: number): MutableProof {
  return fields(prover.part(Math.floor(at / 64), at % 64, sources).encode(initialState));
}

async function refuses(claim: Record<string, unknown>, proof: MutableProof, error: string): Promise<void> {
  await assert.rejects(step.staticCall(claim, encode(proof)), (thrown: Error) => {
    assert.match(thrown.message, new RegExp(error));
    return true;
  });
}

/** Eight leaves of weights and one map that reads the first word of two of them. */
function twoOperands(): StepScene {
  const operand = (offset: number) => ({
    accesses: [{ space: "weights" as const, offset, strides: [1], bounds: [], indices: [] }],
    pad: 0,
  });
  const map: MapInstruction = {
    kind: "map",
    outLeaf: 0,
    dims: [100],
    operands: [operand(0), operand(192)],
    constants: [],
    ops: [{ op: "fadd", args: [0, 1] }],
  };
  const copy: MapInstruction = {
    kind: "map",
    outLeaf: 2,
    dims: [100],
    operands: [{ accesses: [{ space: "trace", offset: 0, strides: [1], bounds: [], indices: [] }], pad: 0 }],
    constants: [],
    ops: [],
  };
  const program: Program = { inputs: [], outputs: [], instructions: [map, copy], weightLeaves: 8 };
  const weights = Uint32Array.from({ length: 512 }, (_, i) => 0x3f800000 + 4099 * i);
  return sceneOf(program, weights, [], seeded(1));
}

describe("StepVerifier refuses", () => {
  it("A22 another instruction of the same program", async () => {
    const scene = twoOperands();
    const foreign = proofAt(scene, 130);
    await refuses(scene.claim(0), foreign, "InstructionForeign");
    await refuses(scene.claim(0), { ...proofAt(scene, 0), instruction: 1 }, "ProgramRootMismatch");
    await refuses(scene.claim(0), { ...proofAt(scene, 0), instruction: 2 }, "InstructionOutOfRange");
  });

  it("A22 an instruction of another shape, or of another program", async () => {
    const scene = twoOperands();
    const proof = proofAt(scene, 0);
    const record = proof.record.slice();
    // The last byte of the output axis.
    record[9]! ^= 1;
    await refuses(scene.claim(0), { ...proof, record }, "ProgramRootMismatch");
    const header = proof.header.slice();
    header[header.length - 1]! ^= 1;
    await refuses(scene.claim(0), { ...proof, header }, "ProgramRootMismatch");
    await refuses({ ...scene.claim(0), traceLeaves: 5 }, proof, "TraceLeavesMismatch");
    await refuses({ ...scene.claim(0), word: 64 }, proof, "WordOutOfRange");
  });

  it("A22 an operand that was not opened", async () => {
    const scene = twoOperands();
    const proof = proofAt(scene, 0);
    await refuses(scene.claim(0), { ...proof, weights: openLeaves(scene.sources.weights, [0]) }, "WordNotOpened");
    await refuses(scene.claim(0), { ...proof, weights: openLeaves(scene.sources.weights, [2, 4]) }, "WordNotOpened");
    await refuses(scene.claim(0), { ...proof, weights: openLeaves(scene.sources.weights, []) }, "WordOutside");
  });

  it("A22 an operand outside of its space, in a program that is not valid", async () => {
    const scene = twoOperands();
    const wide = structuredClone(scene.program);
    const [map] = wide.instructions as [MapInstruction];
    for (const offset of [512, -1, 2 ** 33]) {
      map.operands[1]!.accesses[0]!.offset = offset;
      const proof = fields(new StepProver(scene.program).part(0, 0, scene.sources).encode(initialState));
      const invalid = { ...proof, ...recordOf(wide, 0), weights: openLeaves(scene.sources.weights, [0, 3, 7]) };
      await refuses({ ...scene.claim(0), programRoot: programRoot(wide) }, invalid, "WordOutside");
    }
  });

  it("A22 a leaf of the trace that does not lie in front of the instruction's output", async () => {
    const scene = twoOperands();
    for (const offset of [128, 129, 192]) {
      const later = structuredClone(scene.program);
      (later.instructions[1] as MapInstruction).operands[0]!.accesses[0]!.offset = offset;
      const proof = { ...proofAt(scene, 128), ...recordOf(later, 1), trace: openLeaves(scene.sources.trace, [0, 1, 2, 3]) };
      await refuses({ ...scene.claim(128), programRoot: programRoot(later) }, proof, "WordOutside");
    }
  });

  it("A21 leaves of another tree, at another place, unordered, touching, twice, too few or too many", async () => {
    const scene = twoOperands();
    const claim = scene.claim(0);
    const proof = proofAt(scene, 0);
    const weights = proof.weights;
    const other = new MemoryTree(bytesOfWords(Uint32Array.from({ length: 512 }, (_, i) => i)));
    await refuses(claim, { ...proof, weights: openLeaves(other, [0, 3]) }, "WeightRootMismatch");
    const ranges = (...numbers: number[]) => {
      const bytes = new DataView(new ArrayBuffer(4 * numbers.length));
      numbers.forEach((number, i) => bytes.setUint32(4 * i, number));
      return new Uint8Array(bytes.buffer);
    };
    assert.deepEqual(weights.ranges, ranges(0, 1, 3, 1));
    for (const [wrong, error] of [
      [ranges(0, 1, 2, 1), "WeightRootMismatch"],
      [ranges(3, 1, 0, 1), "OpeningRangesInvalid"],
      [ranges(0, 1, 1, 1), "OpeningRangesInvalid"],
      [ranges(0, 1, 0, 1), "OpeningRangesInvalid"],
      [ranges(0, 0, 3, 1), "OpeningRangesInvalid"],
      [ranges(0, 1, 8, 1), "OpeningRangesInvalid"],
      [ranges(0, 1, 3, 2), "OpeningLengthMismatch"],
      [ranges(0, 1), "OpeningLengthMismatch"],
      [ranges(0, 1, 3, 1, 5), "OpeningLengthMismatch"],
    ] as const) {
      await refuses(claim, { ...proof, weights: { ...weights, ranges: wrong } }, error);
    }
    const { siblings } = weights;
    await refuses(claim, { ...proof, weights: { ...weights, siblings: siblings.slice(1) } }, "OpeningSiblingsMismatch");
    await refuses(claim, { ...proof, weights: { ...weights, siblings: [...siblings, siblings[0]!] } }, "OpeningSiblingsMismatch");
    await refuses(claim, { ...proof, weights: { ...weights, siblings: siblings.toReversed() } }, "WeightRootMismatch");
    await refuses({ ...claim, weightRoot: claim.programRoot }, proof, "WeightRootMismatch");
  });

  it("A21 a node that is passed off as a leaf", async () => {
    const scene = twoOperands();
    // The top's two children in a leaf's place: only the first byte of the preimage tells them apart.
    const { weights } = scene.sources;
    const leaves = new Uint8Array(256);
    leaves.set(weights.node(2, 0));
    leaves.set(weights.node(2, 1), 32);
    const ranges = new Uint8Array(8);
    ranges[7] = 1;
    const proof = { ...proofAt(scene, 0), weights: { ranges, leaves, siblings: [] } };
    await refuses(scene.claim(0), proof, "OpeningSiblingsMismatch");
  });

  it("A22 an instruction of another kind in a kernel that would read it as its own", async () => {
    const scene = twoOperands();
    const reducing = randomScene(501, { instructions: 5, kinds: ["contract"] });
    const at = outputOffset(reducing.program.instructions.find(({ kind }) => kind === "contract")!);
    for (const [name, from, claim] of [
      ["contractionKernel", scene, scene.claim(0)],
      ["reductionKernel", scene, scene.claim(0)],
      ["reductionKernel", reducing, reducing.claim(at)],
      ["mapKernel", reducing, reducing.claim(at)],
    ] as const) {
      const kernel = await ethers.getContractAt("IStepKernel", await verifier.getFunction(name)());
      const proof = encode(proofAt(from, from === scene ? 0 : at));
      await assert.rejects(kernel.getFunction("run").staticCall(claim, proof, true), /KindForeign/);
    }
  });

  it("A22 a proof whose static fields don't stand where the verifier and its kernels both read them", async () => {
    const scene = twoOperands();
    const encoded = encode(proofAt(scene, 0)).slice(2);
    const moved = (offset: bigint) => `0x${BigInt.asUintN(256, offset).toString(16).padStart(64, "0")}${encoded.slice(64)}`;
    for (const offset of [0n, 64n, 31n, -32n, -288n, 2n ** 255n]) {
      await assert.rejects(step.staticCall(scene.claim(0), moved(offset)), /ProofMalformed/);
    }
    assert.equal(Number(await step.staticCall(scene.claim(0), moved(32n))), scene.trace[0]);
    for (const length of [0, 31, 511]) {
      await assert.rejects(step.staticCall(scene.claim(0), `0x${encoded.slice(0, 2 * length)}`), /ProofMalformed/);
    }
  });

  it("reductions that don't end where the space ends", async () => {
    const scene = randomScene(501, { instructions: 5, kinds: ["contract"] });
    const instruction = scene.program.instructions.find(({ kind }) => kind === "contract")!;
    const at = outputOffset(instruction);
    await refuses(scene.claim(at), { ...proofAt(scene, at), end: 1 }, "PositionInvalid");
    await refuses(scene.claim(at), { ...proofAt(scene, at), end: 10_000 }, "PositionInvalid");
  });

  it(`A23 to give any other word, whatever of ${mutations} mutations a proof suffers`, async function () {
    this.timeout(0);
    let [survived, refused] = [0, 0];
    for (let seed = 0; survived + refused < mutations; ++seed) {
      const scene = randomScene(3000 + seed, { instructions: 4 });
      const { random, program, trace } = scene;
      const instruction = random.pick(program.instructions);
      const at = outputOffset(instruction) + random.int(0, outputWords(instruction) - 1);
      const original = scene.prover.part(Math.floor(at / 64), at % 64, scene.sources).encode(initialState);
      for (let i = 0; i < 20; ++i) {
        const bytes = Buffer.from(original.slice(2), "hex");
        for (let n = random.int(1, 3); n > 0; --n) bytes[random.int(0, bytes.length - 1)]! ^= 1 << random.int(0, 7);
        const word = await step.staticCall(scene.claim(at), bytes).then(Number, () => null);
        if (word === null) {
          refused++;
          continue;
        }
        // Padding of the encoding, or a field that this kind of instruction doesn't read.
        survived++;
        assert.equal(word, trace[at], `seed ${seed}, mutation ${i} of word ${at}`);
      }
    }
    assert.ok(refused > survived);
  });
});

describe("StepVerifier and the request's inputs", () => {
  const input = { dtype: "float32" as const, shape: [3, 50] };
  const tensor = (shape: number[], dtype: Tensor["dtype"] = "float32"): Tensor => ({
    dtype,
    shape,
    data: new Uint8Array(Float32Array.from({ length: 150 }, (_, i) => i - 70.5).buffer),
  });
  const program: Program = {
    inputs: [input],
    outputs: [],
    instructions: [{ kind: "input", outLeaf: 0, dims: [150], tensor: 0 }],
    weightLeaves: 0,
  };
  const taken = sceneOf(program, new Uint32Array(), [tensor([3, 50])], seeded(2));
  const none = 2n ** 256n - 1n;

  for (const [what, inputs] of [
    ["another shape", [tensor([50, 3])]],
    ["another rank", [tensor([150])]],
    ["another type", [tensor([3, 50], "int32")]],
    ["one tensor too many", [tensor([3, 50]), tensor([3, 50])]],
    ["no tensor", []],
  ] as [string, Tensor[]][]) {
    it(`finds no canonical word where they have ${what}`, async () => {
      const claim = { ...taken.claim(0), inputRoot: bundleRoot(inputs) };
      const part = taken.prover.part(0, 0, { ...taken.sources, inputs });
      assert.equal(await step.staticCall(claim, part.encode(initialState)), none);
      // The same can't be said of inputs that the program does take.
      await refuses(taken.claim(0), fields(part.encode(initialState)), "InputRootMismatch");
    });
  }

  it("A22 refuses another shape for the right tensor, another tensor's data, and another leaf", async () => {
    const proof = proofAt(taken, 3);
    const shape = proof.input.shape.slice();
    shape[2] = 50;
    await refuses(taken.claim(3), { ...proof, input: { ...proof.input, shape } }, "TensorRootMismatch");
    const foreign = new MemoryTree(new Uint8Array(600).fill(7));
    await refuses(taken.claim(3), { ...proof, input: { ...proof.input, leaf: openLeaves(foreign, [0]) } }, "TraceTopMismatch");
    const tree = new MemoryTree(tensor([3, 50]).data);
    await refuses(taken.claim(3), { ...proof, input: { ...proof.input, leaf: openLeaves(tree, [1]) } }, "WordNotOpened");
  });
});

/** @returns the proof of one instruction's record in a program that need not be valid. */
function recordOf(program: Program, number: number): Pick<MutableProof, "header" | "record" | "instruction" | "recordSiblings"> {
  const leaf = program.instructions[number]!.outLeaf + outputLeaves(program.instructions[number]!) - 1;
  // A word behind the output's end: its proof holds the record alone.
  const behind = program.instructions[number]!.dims[0]! % 64;
  const sources = { trace: new MemoryTree(new Uint8Array()), weights: new MemoryTree(new Uint8Array()), inputs: [] };
  const { header, record, instruction, recordSiblings } = fields(new StepProver(program).part(leaf, behind, sources).encode(initialState));
  return { header, record, instruction, recordSiblings };
}

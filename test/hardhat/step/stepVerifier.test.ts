import assert from "node:assert/strict";
import { network } from "hardhat";
import { describe, it } from "mocha";
import StepVerifierModule from "../../../ignition/modules/StepVerifier.ts";
import { outputOffset, outputWords } from "../../../oracle/canonical/program/layout.ts";
import type { ContractInstruction } from "../../../oracle/canonical/program/types.ts";
import { initialState, type StepState } from "../../../oracle/canonical/proof/stepProof.ts";
import { reductionSize } from "../../../oracle/canonical/proof/reads.ts";
import { seeded } from "../../oracle/canonical/seeded.ts";
import { randomScene, sceneOf, type StepScene } from "../../support/stepScene.ts";

const programs = Number(process.env.STEP_PROGRAMS ?? 40);
const { ethers, ignition } = await network.getOrCreate();
const { stepVerifier: verifier } = await ignition.deploy(StepVerifierModule);
const step = verifier.getFunction("step");
const advance = verifier.getFunction("advance");

describe("StepVerifier", () => {
  it(`A24 gives the reference's bits for every instruction kind, on elements of ${programs} random programs`, async function () {
    this.timeout(0);
    for (let seed = 0; seed < programs; ++seed) {
      const { random, program, trace, sources, claim, prover } = randomScene(seed);
      for (const instruction of program.instructions) {
        for (let i = 0; i < 4; ++i) {
          const at = outputOffset(instruction) + random.int(0, outputWords(instruction) - 1);
          const [part] = prover.parts(Math.floor(at / 64), at % 64, sources);
          const proof = part!.encode(initialState);
          assert.equal(part!.bytes, ethers.dataLength(proof));
          const result = await step.staticCall(claim(at), proof);
          assert.equal(Number(result), trace[at], `seed ${seed}, ${instruction.kind}, word ${at} of the trace`);
        }
      }
    }
  });

  it("has zeros behind an output's last element", async () => {
    const { program, sources, claim, prover } = randomScene(3);
    for (const instruction of program.instructions) {
      const words = outputWords(instruction);
      if (words % 64 === 0) continue;
      const at = outputOffset(instruction) + words;
      const [part] = prover.parts(Math.floor(at / 64), at % 64, sources);
      assert.equal(await step.staticCall(claim(at), part!.encode(initialState)), 0n);
    }
  });

  it("adds the bias of an integer contraction modulo 2^32, whatever the signs", async () => {
    const at = (offset: number) => ({ space: "weights" as const, offset, strides: [1, 0], bounds: [] });
    const contract: ContractInstruction = {
      kind: "contract",
      outLeaf: 0,
      dims: [4],
      type: "i32",
      reduce: [1],
      bias: 0,
      zeroA: null,
      zeroB: null,
      a: at(0),
      b: at(4),
      operands: [{ accesses: [{ space: "weights", offset: 8, strides: [1], bounds: [], indices: [] }], pad: 0 }],
      constants: [],
      ops: [],
    };
    const weights = new Uint32Array(64);
    weights.set([0xffffffff, 0x80000000, 7, 0xffffffff, 1, 0x80000000, 0xffffffff, 3, 5, 0xffffffff, 7, 2]);
    const { trace, prover, sources, claim } = sceneOf(
      { inputs: [], outputs: [], instructions: [contract], weightLeaves: 1 },
      weights,
      [],
      seeded(1),
    );
    assert.deepEqual([...trace.subarray(0, 4)], [4, 0xffffffff, 0, 0xffffffff]);
    for (let i = 0; i < 4; ++i) {
      const proof = prover.parts(0, i, sources)[0]!.encode(initialState);
      assert.equal(Number(await step.staticCall(claim(i), proof)), trace[i]);
    }
  });

  describe("over several transactions", () => {
    /** Sends all but the last part. @returns the last part's proof. */
    async function advanceAll({ prover, sources, claim }: StepScene, at: number, positions: number): Promise<[string, number]> {
      const parts = prover.parts(Math.floor(at / 64), at % 64, sources, { positions });
      let state: StepState = initialState;
      for (const part of parts) {
        if (part.last) return [part.encode(state), parts.length];
        const proof = part.encode(state);
        state = [...((await advance.staticCall(claim(at), proof)) as StepState)];
        await advance(claim(at), proof);
      }
      throw new Error("a step has no last part");
    }

    it("A24 gives the reference's bits for reductions of every kind, cut anywhere", async function () {
      this.timeout(0);
      const seen = new Set<string>();
      for (let seed = 500; seed < 500 + programs / 2; ++seed) {
        const scene = randomScene(seed, { instructions: 5, kinds: ["contract", "reduce"] });
        for (const instruction of scene.program.instructions) {
          const total = reductionSize(instruction);
          if (total < 3) continue;
          const at = outputOffset(instruction) + scene.random.int(0, outputWords(instruction) - 1);
          const [proof, count] = await advanceAll(scene, at, scene.random.int(Math.ceil(total / 4), total - 1));
          assert.ok(count > 1);
          assert.equal(Number(await step.staticCall(scene.claim(at), proof)), scene.trace[at], `seed ${seed}, word ${at} of the trace`);
          seen.add(instruction.kind === "reduce" ? `${instruction.type} ${instruction.reducer}` : `${instruction.kind}`);
        }
      }
      assert.ok(programs < 40 || seen.size >= 14, [...seen].join());
    });

    it("A22 refuses a state that nobody has proven, or that was proven for another element or position", async () => {
      const scene = randomScene(501, { instructions: 5, kinds: ["contract"] });
      const instruction = scene.program.instructions.find((candidate) => candidate.kind === "contract" && reductionSize(candidate) >= 4)!;
      const at = outputOffset(instruction);
      const { prover, sources, claim } = scene;
      const [first, second] = prover.parts(Math.floor(at / 64), at % 64, sources, { positions: Math.ceil(reductionSize(instruction) / 2) });
      const proof = first!.encode(initialState);
      const state = [...((await advance.staticCall(claim(at), proof)) as StepState)];
      const refused = (at: number, encoded: string) =>
        assert.rejects(step.staticCall(claim(at), encoded), (error: Error) => error.message.includes("StateUnproven"));
      await refused(at, second!.encode(state));
      await advance(claim(at), proof);
      assert.equal(Number(await step.staticCall(claim(at), second!.encode(state))), scene.trace[at]);
      assert.equal(await verifier.getFunction("isProven")(claim(at), second!.from, state), true);
      await refused(at + 1, second!.encode(state));
      await refused(at, second!.encode(state.map((word, i) => (i === 0 ? word + 1n : word))));
      await refused(at, first!.encode(state.map((word, i) => (i === 3 ? 1n : word))));
    });
  });

  it("fits every contract in the size limit", async () => {
    const { artifacts } = await import("hardhat");
    for (const name of [
      "StepVerifier",
      "MapKernel",
      "ContractionKernel",
      "ReductionKernel",
      "ChoiceKernel",
      "FunctionKernel",
      "SumKernel",
      "DisputeGame",
    ]) {
      const { deployedBytecode } = await artifacts.readArtifact(name);
      assert.ok(ethers.dataLength(deployedBytecode) <= 24_576, `${name} has ${ethers.dataLength(deployedBytecode)} bytes`);
    }
  });
});

import assert from "node:assert/strict";
import { network } from "hardhat";
import { describe, it } from "mocha";
import StepVerifierModule from "../../../ignition/modules/StepVerifier.ts";
import { outputOffset, outputWords } from "../../../oracle/canonical/program/layout.ts";
import type { ContractInstruction } from "../../../oracle/canonical/program/types.ts";
import { readerOf, reductionSize } from "../../../oracle/canonical/proof/reads.ts";
import { initialState } from "../../../oracle/canonical/proof/stepProof.ts";
import { statesAt } from "../../../oracle/canonical/proof/sums.ts";
import { seeded } from "../../oracle/canonical/seeded.ts";
import { randomScene, sceneOf } from "../../support/stepScene.ts";

const programs = Number(process.env.STEP_PROGRAMS ?? 40);
const { ethers, ignition } = await network.getOrCreate();
const { stepVerifier: verifier } = await ignition.deploy(StepVerifierModule);
const step = verifier.getFunction("step");

describe("StepVerifier", () => {
  it(`A24 gives the reference's bits for every instruction kind, on elements of ${programs} random programs`, async function () {
    this.timeout(0);
    for (let seed = 0; seed < programs; ++seed) {
      const { random, program, trace, sources, claim, prover } = randomScene(seed);
      for (const instruction of program.instructions) {
        for (let i = 0; i < 4; ++i) {
          const at = outputOffset(instruction) + random.int(0, outputWords(instruction) - 1);
          const part = prover.part(Math.floor(at / 64), at % 64, sources);
          const proof = part.encode(initialState);
          assert.equal(part.bytes, ethers.dataLength(proof));
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
      const part = prover.part(Math.floor(at / 64), at % 64, sources);
      assert.equal(await step.staticCall(claim(at), part.encode(initialState)), 0n);
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
      const proof = prover.part(0, i, sources).encode(initialState);
      assert.equal(Number(await step.staticCall(claim(i), proof)), trace[i]);
    }
  });

  it("A22 A35 takes only a whole reduction, from nothing", async () => {
    const scene = randomScene(501, { instructions: 5, kinds: ["contract"] });
    const instruction = scene.program.instructions.find((candidate) => candidate.kind === "contract" && reductionSize(candidate) >= 4)!;
    const at = outputOffset(instruction);
    const { prover, sources, claim } = scene;
    const [leaf, word, total] = [Math.floor(at / 64), at % 64, reductionSize(instruction)];
    const refused = (encoded: string) =>
      assert.rejects(step.staticCall(claim(at), encoded), (error: Error) => error.message.includes("StepNotWhole"));
    const cut = Math.ceil(total / 2);
    const [state] = statesAt(instruction as ContractInstruction, 0, readerOf(sources), [cut]);
    await refused(prover.part(leaf, word, sources, { from: cut, to: total }).encode(state!));
    await refused(prover.part(leaf, word, sources, { from: cut, to: total }).encode(initialState));
    for (let changed = 0; changed < 6; ++changed) {
      await refused(prover.part(leaf, word, sources).encode(initialState.map((value, i) => (i === changed ? 1n : value))));
    }
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

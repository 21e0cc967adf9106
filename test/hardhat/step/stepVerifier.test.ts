import assert from "node:assert/strict";
import { network } from "hardhat";
import { describe, it } from "mocha";
import StepVerifierModule from "../../../ignition/modules/StepVerifier.ts";
import { bundleRoot } from "../../../oracle/core/traceTree.ts";
import { outputOffset, outputWords, traceLeaves } from "../../../oracle/canonical/program/layout.ts";
import { programRoot, weightRoot } from "../../../oracle/canonical/program/root.ts";
import type { Program } from "../../../oracle/canonical/program/types.ts";
import { initialState, StepProver, type StepSources } from "../../../oracle/canonical/proof/stepProof.ts";
import { bytesOfWords, MemoryTree } from "../../../oracle/canonical/proof/treeView.ts";
import { evaluateByReference } from "../../../oracle/canonical/reference/evaluate.ts";
import { randomProgram } from "../../oracle/canonical/randomProgram.ts";
import { randomInputs, randomWeights } from "../../oracle/canonical/randomWords.ts";
import { seeded } from "../../oracle/canonical/seeded.ts";

const programs = Number(process.env.STEP_PROGRAMS ?? 40);
const { ignition } = await network.getOrCreate();
const { stepVerifier: verifier } = await ignition.deploy(StepVerifierModule);

/** A program, evaluated, with what a claim about its trace names. */
function evaluated(seed: number) {
  const random = seeded(seed);
  const program: Program = randomProgram(random, { instructions: 6 });
  const weights = randomWeights(random, program);
  const inputs = randomInputs(random, program);
  const { trace } = evaluateByReference(program, weights, inputs);
  const tree = new MemoryTree(bytesOfWords(trace));
  const weightBytes = bytesOfWords(weights);
  const sources: StepSources = { trace: tree, weights: new MemoryTree(weightBytes), inputs };
  const claim = {
    programRoot: programRoot(program),
    weightRoot: weightRoot(weightBytes),
    inputRoot: bundleRoot(inputs),
    traceTop: tree.top,
    traceLeaves: traceLeaves(program),
    leaf: 0,
    word: 0,
  };
  return { random, program, trace, sources, claim, prover: new StepProver(program) };
}

describe("StepVerifier", () => {
  it(`A24 gives the reference's bits for every instruction kind, on elements of ${programs} random programs`, async function () {
    this.timeout(0);
    for (let seed = 0; seed < programs; ++seed) {
      const { random, program, trace, sources, claim, prover } = evaluated(seed);
      for (const instruction of program.instructions) {
        for (let i = 0; i < 4; ++i) {
          const at = outputOffset(instruction) + random.int(0, outputWords(instruction) - 1);
          const [leaf, word] = [Math.floor(at / 64), at % 64];
          const [part] = prover.parts(leaf, word, sources);
          const result = await verifier.getFunction("step").staticCall({ ...claim, leaf, word }, part!.encode(initialState));
          assert.equal(Number(result), trace[at], `seed ${seed}, ${instruction.kind}, word ${word} of leaf ${leaf}`);
        }
      }
    }
  });
});

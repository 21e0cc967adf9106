/** A random program, evaluated by reference, with what a claim about its trace names. */
import type { Tensor } from "../../oracle/core/tensor.ts";
import { bundleRoot } from "../../oracle/core/traceTree.ts";
import { traceLeaves } from "../../oracle/canonical/program/layout.ts";
import { programRoot } from "../../oracle/canonical/program/root.ts";
import { weightRoot } from "../../oracle/canonical/weightRoot.ts";
import type { Program } from "../../oracle/canonical/program/types.ts";
import { StepProver, type StepSources } from "../../oracle/canonical/proof/stepProof.ts";
import { bytesOfWords, MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import { evaluateByReference } from "../../oracle/canonical/reference/evaluate.ts";
import { randomProgram, type RandomOptions } from "../oracle/canonical/randomProgram.ts";
import { randomInputs, randomWeights } from "../oracle/canonical/randomWords.ts";
import { seeded, type Seeded } from "../oracle/canonical/seeded.ts";

export interface StepScene {
  random: Seeded;
  program: Program;
  trace: Uint32Array;
  sources: StepSources;
  prover: StepProver;
  /** @param at number of a word of the trace. @returns the claim about it. */
  claim(at: number): Record<string, unknown>;
}

export function sceneOf(program: Program, weights: Uint32Array, inputs: Tensor[], random: Seeded): StepScene {
  const { trace } = evaluateByReference(program, weights, inputs);
  const tree = new MemoryTree(bytesOfWords(trace));
  const weightBytes = bytesOfWords(weights);
  const roots = {
    programRoot: programRoot(program),
    weightRoot: weightRoot(weightBytes),
    inputRoot: bundleRoot(inputs),
    traceTop: tree.top,
    traceLeaves: traceLeaves(program),
  };
  return {
    random,
    program,
    trace,
    sources: { trace: tree, weights: new MemoryTree(weightBytes), inputs },
    prover: new StepProver(program),
    claim: (at) => ({ ...roots, leaf: Math.floor(at / 64), word: at % 64 }),
  };
}

export function randomScene(seed: number, options: RandomOptions = { instructions: 6 }): StepScene {
  const random = seeded(seed);
  const program = randomProgram(random, options);
  return sceneOf(program, randomWeights(random, program), randomInputs(random, program), random);
}

/** Gas of one step as a transaction, all in: calldata, openings under deep trees, arithmetic. */
import { network } from "hardhat";
import StepVerifierModule from "../../ignition/modules/StepVerifier.ts";
import { bundleRoot, wordsPerLeaf } from "../../oracle/core/traceTree.ts";
import { programRoot, weightRootOf } from "../../oracle/canonical/program/root.ts";
import { initialState, StepProver } from "../../oracle/canonical/proof/stepProof.ts";
import { evaluateElement } from "../../oracle/canonical/reference/element.ts";
import { once, type Bench } from "./harness.ts";
import { benchInputs, benchProgram, benchTrees, instructions } from "./stepPrograms.ts";

const deployed = once(async () => {
  const { ethers, ignition } = await network.getOrCreate();
  const { stepVerifier } = await ignition.deploy(StepVerifierModule);
  const [sender] = await ethers.getSigners();
  return { verifier: stepVerifier, sender: sender! };
});

/**
 * @param name of an instruction in stepPrograms.ts.
 * @returns the gas that a transaction to the step verifier used, whose answer was the reference's.
 */
export async function stepGas(name: string): Promise<number> {
  const { verifier, sender } = await deployed();
  const program = benchProgram(name);
  const [trees, inputs] = [benchTrees(program), benchInputs()];
  const instruction = program.instructions.at(-1)!;
  // Somewhere in the middle, where nothing is out of bounds.
  const element = Math.floor((instruction.dims.reduce((product, size) => product * size, 1) * 2) / 5);
  const [leaf, word] = [instruction.outLeaf + Math.floor(element / wordsPerLeaf), element % wordsPerLeaf];
  const claim = {
    programRoot: programRoot(program),
    weightRoot: weightRootOf(trees.weights.leafCount, trees.weights.top),
    inputRoot: bundleRoot(inputs),
    traceTop: trees.trace.top,
    traceLeaves: trees.trace.leafCount,
    leaf,
    word,
  };
  const proof = new StepProver(program).part(leaf, word, { ...trees, inputs }).encode(initialState);

  const read = (space: "trace" | "weights", address: number): number => {
    const bytes = trees[space].leaf(Math.floor(address / wordsPerLeaf));
    return new DataView(bytes.buffer).getUint32(4 * (address % wordsPerLeaf), true);
  };
  const expected = evaluateElement(instruction, element, read, inputs);
  const actual = Number(await verifier.getFunction("step").staticCall(claim, proof));
  if (actual !== expected) throw new Error(`the step of ${name} gave ${actual}, the reference ${expected}`);
  const transaction = await sender.sendTransaction({
    to: verifier,
    data: verifier.interface.encodeFunctionData("step", [claim, proof]),
    gasLimit: 2n ** 24n,
  });
  const receipt = await transaction.wait();
  return Number(receipt!.gasUsed);
}

/** @returns the gas of one step of each of the instructions in stepPrograms.ts, by its name. */
export async function measureSteps(): Promise<Record<string, number>> {
  const measured: Record<string, number> = {};
  for (const name of Object.keys(instructions)) measured[name] = await stepGas(name);
  return measured;
}

export const benches: Bench[] = Object.keys(instructions).map((name) => ({
  name: `step.${name}.gas`,
  unit: "gas",
  target: name === "contraction_1024" ? 450_000 : null,
  run: () => stepGas(name),
}));

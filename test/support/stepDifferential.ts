/** Compares the step verifier with the reference, element by element, over random programs. */
import type { BaseContract } from "ethers";
import { outputOffset, outputWords } from "../../oracle/canonical/program/layout.ts";
import type { Instruction } from "../../oracle/canonical/program/types.ts";
import { initialState } from "../../oracle/canonical/proof/stepProof.ts";
import { randomScene } from "./stepScene.ts";

/** How many elements of one instruction are compared: enough to see its corners, few enough to see many instructions. */
const perInstruction = 24;

export interface Compared {
  instruction: Instruction;
  elements: number;
  differences: { address: number; evm: number; reference: number }[];
}

export const kindOf = (instruction: Instruction): string => {
  if (instruction.kind === "reduce") return `reduce ${instruction.type} ${instruction.reducer}`;
  return instruction.kind === "contract" ? `contract ${instruction.type}` : instruction.kind;
};

/** @param batch a `StepBatch`. @returns what came out for each instruction of the program that the seed draws. */
export async function compareSteps(batch: BaseContract, seed: number): Promise<Compared[]> {
  const { random, program, trace, sources, prover, claim } = randomScene(seed);
  const compared: Compared[] = [];
  for (const instruction of program.instructions) {
    const words = outputWords(instruction);
    const stride = Math.max(1, Math.ceil(words / perInstruction));
    const addresses: number[] = [];
    for (let i = Math.min(random.int(0, 2), words - 1); i < words; i += stride) addresses.push(outputOffset(instruction) + i);
    const proofs = addresses.map((at) => prover.part(Math.floor(at / 64), at % 64, sources).encode(initialState));
    const results = (await batch.getFunction("steps")(addresses.map(claim), proofs)) as bigint[];
    const differences = addresses.flatMap((address, i) => {
      const [evm, reference] = [Number(results[i]), trace[address]!];
      return evm === reference ? [] : [{ address, evm, reference }];
    });
    compared.push({ instruction, elements: addresses.length, differences });
  }
  return compared;
}

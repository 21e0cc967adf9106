/** Where instructions' outputs stand in the trace. */
import { wordsPerLeaf } from "../../core/traceTree.ts";
import type { Instruction, Program } from "./types.ts";

/** @returns the number of words of the instruction's output. */
export function outputWords({ dims }: { dims: readonly number[] }): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** @returns the number of leaves that the instruction's output takes in the trace. */
export function outputLeaves(instruction: { dims: readonly number[] }): number {
  return Math.ceil(outputWords(instruction) / wordsPerLeaf);
}

/** @returns the word of the trace at which the instruction's output starts; no operand may reach it. */
export function outputOffset({ outLeaf }: { outLeaf: number }): number {
  return outLeaf * wordsPerLeaf;
}

/** @returns the size of the program's trace, in leaves. */
export function traceLeaves({ instructions }: Pick<Program, "instructions">): number {
  const last: Instruction | undefined = instructions.at(-1);
  return last === undefined ? 0 : last.outLeaf + outputLeaves(last);
}

/** The reference: a program evaluated as docs/canonical.md says, in bigint, one element after another. Slow and plain. */
import type { Tensor } from "../../core/tensor.ts";
import { treeTop, wordsPerLeaf } from "../../core/traceTree.ts";
import { checkProgram, ProgramError } from "../program/check.ts";
import { outputOffset, outputWords, traceLeaves } from "../program/layout.ts";
import { traceRoot } from "../program/root.ts";
import type { Program } from "../program/types.ts";
import { checkAddress, type Read } from "./access.ts";
import { evaluateElement } from "./element.ts";
import { checkInputs, narrowed } from "./tensors.ts";

export interface ReferenceEvaluation {
  outputs: Tensor[];
  /** All words of the trace, whole leaves. */
  trace: Uint32Array;
  traceRoot: Uint8Array;
}

/**
 * @param weights the words of the weight space, whole leaves.
 * @throws ProgramError where the program is not valid, InputError where the inputs are not its.
 */
export function evaluateByReference(program: Program, weights: Uint32Array, inputs: readonly Tensor[]): ReferenceEvaluation {
  checkProgram(program);
  checkInputs(program.inputs, inputs);
  if (weights.length !== program.weightLeaves * wordsPerLeaf) {
    throw new ProgramError(`${weights.length} words of weights; the program has ${program.weightLeaves} leaves of ${wordsPerLeaf} words`);
  }
  const leaves = traceLeaves(program);
  const trace = new Uint32Array(leaves * wordsPerLeaf);
  for (const instruction of program.instructions) {
    const offset = outputOffset(instruction);
    const read: Read = (space, address) => {
      const [words, limit] = space === "trace" ? [trace, offset] : [weights, weights.length];
      checkAddress(space, address, limit);
      return words[address]!;
    };
    const count = outputWords(instruction);
    for (let element = 0; element < count; element++) trace[offset + element] = evaluateElement(instruction, element, read, inputs);
  }
  return {
    outputs: program.outputs.map((output) => narrowed(output, trace)),
    trace,
    traceRoot: traceRoot(leaves, treeTop(bytesOf(trace))),
  };
}

/** @returns the words as little-endian bytes. */
function bytesOf(words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setUint32(4 * i, word, true));
  return bytes;
}

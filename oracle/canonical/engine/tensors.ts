/** Inputs into the engine's memory, outputs and tree out of it. */
import { elementCount, type Tensor } from "../../core/tensor.ts";
import { leafBytes, wordsPerLeaf } from "../../core/traceTree.ts";
import { outputLeaves, outputOffset } from "../program/layout.ts";
import type { ProgramOutput } from "../program/types.ts";
import { narrowed, widened } from "../reference/tensors.ts";
import type { Prepared } from "./prepared.ts";

/** The word that element `index` widens to; binary32 needs no case of its own but for NaN, which `canonicalise` closes. */
function widenInto(words: Uint32Array, tensor: Tensor): void {
  const count = elementCount(tensor.shape);
  const { dtype, data } = tensor;
  if (dtype === "uint8") words.set(data);
  else if (dtype === "float32" || dtype === "int32") new Uint8Array(words.buffer, words.byteOffset, 4 * count).set(data);
  else for (let element = 0; element < count; element++) words[element] = widened(tensor, element);
  if (dtype !== "float32") return;
  for (let element = 0; element < count; element++) if ((words[element]! & 0x7fffffff) > 0x7f800000) words[element] = 0x7fc00000;
}

/** Inputs must have been checked against the program's. */
export function writeInputs({ program, tasks, memory }: Prepared, inputs: readonly Tensor[]): void {
  program.instructions.forEach((instruction, i) => {
    if (instruction.kind !== "input") return;
    const tensor = inputs[instruction.tensor]!;
    const words = new Uint32Array(memory.buffer, tasks[i]!.out, outputLeaves(instruction) * wordsPerLeaf);
    widenInto(words, tensor);
    words.fill(0, elementCount(tensor.shape));
  });
}

function readOutput({ program, tasks, memory }: Prepared, output: ProgramOutput): Tensor {
  const count = elementCount(output.shape);
  const words = new Uint32Array(count);
  program.instructions.forEach((instruction, i) => {
    const first = outputOffset(instruction);
    const length = outputLeaves(instruction) * wordsPerLeaf;
    const [from, to] = [Math.max(first, output.offset), Math.min(first + length, output.offset + count)];
    if (from < to) words.set(new Uint32Array(memory.buffer, tasks[i]!.out + 4 * (from - first), to - from), from - output.offset);
  });
  return narrowed({ ...output, offset: 0 }, words);
}

export function readOutputs(prepared: Prepared): Tensor[] {
  return prepared.program.outputs.map((output) => readOutput(prepared, output));
}

/** @returns the tree's levels from the tops of its parts up to the root. */
export function readLevels({ levels, memory }: Prepared): Uint8Array[] {
  return levels.map(({ address, nodes }) => new Uint8Array(memory.buffer, address, 32 * nodes).slice());
}

/** The whole trace; only where it is resident. */
export function copyOfTrace({ tasks, totalLeaves, memory }: Prepared): Uint8Array {
  const bytes = new Uint8Array(totalLeaves * leafBytes);
  bytes.set(new Uint8Array(memory.buffer, tasks[0]!.out, bytes.length));
  return bytes;
}

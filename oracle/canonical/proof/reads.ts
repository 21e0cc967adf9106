/** Which leaves a step reads (docs/canonical.md, section 8). */
import { wordsPerLeaf } from "../../core/traceTree.ts";
import { outputOffset, outputWords } from "../program/layout.ts";
import type { Access, Instruction, Space, Word } from "../program/types.ts";
import { addressOf, checkAddress, coordinatesOf, readView, type Read } from "../reference/access.ts";
import type { TreeView } from "./treeView.ts";

export interface Reads {
  trace: Set<number>;
  weights: Set<number>;
}

/** The computed kinds: an `input` reads no space. */
export type ComputedInstruction = Exclude<Instruction, { kind: "input" }>;

/** @returns the number of elements of the instruction's reduction space; 1 where it has none. */
export function reductionSize(instruction: Instruction): number {
  return "reduce" in instruction ? outputWords({ dims: instruction.reduce }) : 1;
}

/** @returns a reader of what the trees hold. It keeps each tree's last leaf: most reads go on where the one before was. */
export function readerOf(trees: Record<Space, TreeView>): Read {
  const nothing = (): { leaf: number; words: DataView } => ({ leaf: -1, words: new DataView(new ArrayBuffer(0)) });
  const last = { trace: nothing(), weights: nothing() };
  return (space, address) => {
    const kept = last[space];
    const leaf = Math.floor(address / wordsPerLeaf);
    if (leaf !== kept.leaf) {
      const bytes = trees[space].leaf(leaf);
      kept.words = new DataView(bytes.buffer, bytes.byteOffset);
      kept.leaf = leaf;
    }
    return kept.words.getUint32(4 * (address % wordsPerLeaf), true);
  };
}

const wordOf = (leaf: Uint8Array, index: number): Word => new DataView(leaf.buffer, leaf.byteOffset).getUint32(4 * index, true);

/**
 * @param element row-major number in the instruction's output.
 * @param from first position in the reduction space. @param to the one behind the last.
 * @returns the leaves that hold the operands, and the core's words between the two positions.
 * @throws ProgramError where an address lies outside of its space.
 */
export function readsOf(
  instruction: ComputedInstruction,
  element: number,
  trees: Record<Space, TreeView>,
  from: number,
  to: number,
): Reads {
  const reads: Reads = { trace: new Set(), weights: new Set() };
  const limits = { trace: outputOffset(instruction), weights: trees.weights.leafCount * wordsPerLeaf };
  const touch = (space: Space, address: number): number => {
    checkAddress(space, address, limits[space]);
    const leaf = Math.floor(address / wordsPerLeaf);
    reads[space].add(leaf);
    return leaf;
  };
  const read: Read = (space, address) => wordOf(trees[space].leaf(touch(space, address)), address % wordsPerLeaf);

  const x = coordinatesOf(element, instruction.dims);
  const operands: Word[] = [];
  for (const view of instruction.operands) operands.push(readView(view, x, operands, read));
  const accesses: Access[] = instruction.kind === "contract" ? [instruction.a, instruction.b] : "x" in instruction ? [instruction.x] : [];
  if (accesses.length > 0 && "reduce" in instruction) {
    for (let position = from; position < to; position++) {
      const loop = [...x, ...coordinatesOf(position, instruction.reduce)];
      const addresses = accesses.map((access) => addressOf(access, loop));
      // A pair of which one is out of bounds is absent.
      if (addresses.every((address) => address !== null)) addresses.forEach((address, i) => touch(accesses[i]!.space, address!));
    }
  }
  return reads;
}

/** Opens some leaves of a tree together, as `contracts/step/Openings.sol` reads them. */
import { leafBytes } from "../../core/traceTree.ts";
import { widthAt, type TreeView } from "./treeView.ts";

export interface Opening {
  /** Runs of adjacent leaves: number of the first, number of leaves; 4 bytes each, big-endian. */
  ranges: Uint8Array;
  leaves: Uint8Array;
  siblings: Uint8Array[];
}

export const nothing: Opening = { ranges: new Uint8Array(), leaves: new Uint8Array(), siblings: [] };

/** @param indices of leaves, in any order. */
export function openLeaves(tree: TreeView, indices: Iterable<number>): Opening {
  const sorted = [...new Set(indices)].sort((a, b) => a - b);
  if (sorted.length === 0) return nothing;
  const runs: [first: number, count: number][] = [];
  for (const index of sorted) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === index) last[1]++;
    else runs.push([index, 1]);
  }
  const ranges = new Uint8Array(8 * runs.length);
  const view = new DataView(ranges.buffer);
  runs.forEach(([first, count], i) => {
    view.setUint32(8 * i, first);
    view.setUint32(8 * i + 4, count);
  });
  const leaves = new Uint8Array(leafBytes * sorted.length);
  sorted.forEach((index, i) => leaves.set(tree.leaf(index), leafBytes * i));
  return { ranges, leaves, siblings: siblingsOf(tree.leafCount, sorted, (height, position) => tree.node(height, position)) };
}

/**
 * @param known positions of the lowest level, sorted.
 * @returns the hashes that the known ones lack on the way up, level by level, from left to right.
 */
export function siblingsOf(
  leafCount: number,
  known: readonly number[],
  node: (height: number, position: number) => Uint8Array,
): Uint8Array[] {
  const siblings: Uint8Array[] = [];
  let level = [...known];
  for (let height = 0; widthAt(leafCount, height) > 1; height++) {
    const width = widthAt(leafCount, height);
    const present = new Set(level);
    for (const position of level) {
      const sibling = position ^ 1;
      if (!present.has(sibling) && sibling < width) siblings.push(node(height, sibling));
    }
    level = [...new Set(level.map((position) => position >>> 1))];
  }
  return siblings;
}

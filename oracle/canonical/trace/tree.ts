/** Openings and reveals of a tree over words (docs/commitments.md) that need not fit into memory. */
import { absent, leafBytes, leafHash, nodeHash } from "../../core/traceTree.ts";

/** Leaves are hashed together in groups of 2^6; only the groups' tops are kept. */
export const groupLevels = 6;
const groupLeaves = 2 ** groupLevels;

/** @returns ⌈log₂ leaves⌉, 0 for none. */
export function depthOf(leaves: number): number {
  let depth = 0;
  while (2 ** depth < leaves) depth++;
  return depth;
}

/** Levels of nodes above `nodes`, which stand at some level of a tree: result[i] are those i levels higher. */
function levelsAbove(nodes: readonly Uint8Array[], count: number): (readonly Uint8Array[])[] {
  const levels: (readonly Uint8Array[])[] = [nodes];
  for (let i = 0; i < count; i++) {
    const below = levels[i]!;
    levels.push(Array.from({ length: Math.ceil(below.length / 2) }, (_, j) => nodeHash(below[2 * j]!, below[2 * j + 1] ?? absent)));
  }
  return levels;
}

function leafHashes(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / leafBytes) }, (_, i) =>
    leafHash(bytes.subarray(i * leafBytes, (i + 1) * leafBytes)),
  );
}

/**
 * @param bytes the leaves of one group, 256 bytes each, of a tree with `depth` levels.
 * @returns the top of the group.
 */
export function groupTop(bytes: Uint8Array, depth: number): Uint8Array {
  const levels = levelsAbove(leafHashes(bytes), Math.min(depth, groupLevels));
  return levels.at(-1)![0] ?? absent;
}

/** A leaf's words and what leads from it to the top. */
export interface Opening {
  leaf: number;
  /** 256 bytes. */
  words: Uint8Array;
  /** The siblings from the leaf upwards, one for each level. */
  path: Uint8Array[];
}

export class HashTree {
  readonly leaves: number;
  readonly depth: number;
  /** Level of the groups' tops: below it, nodes are hashed again from the words. */
  readonly #groupLevel: number;
  /** Index 0 holds the groups' tops. */
  readonly #upper: (readonly Uint8Array[])[];
  readonly #read: (firstLeaf: number, count: number) => Uint8Array;
  #group: { index: number; levels: (readonly Uint8Array[])[] } | null = null;

  /**
   * @param tops one for each 64 leaves, in order (`groupTop`).
   * @param read gives the words of leaves again: 256 bytes each.
   * @throws RangeError where the number of tops is not that of the groups.
   */
  constructor(leaves: number, tops: readonly Uint8Array[], read: (firstLeaf: number, count: number) => Uint8Array) {
    const groups = Math.ceil(leaves / groupLeaves);
    if (tops.length !== groups) throw new RangeError(`${leaves} leaves make ${groups} groups; there are ${tops.length} tops`);
    this.leaves = leaves;
    this.depth = depthOf(leaves);
    this.#groupLevel = Math.min(this.depth, groupLevels);
    this.#upper = levelsAbove(tops, this.depth - this.#groupLevel);
    this.#read = read;
  }

  /** @param bytes words in little-endian order; zeros fill the last leaf. */
  static overBytes(bytes: Uint8Array): HashTree {
    const leaves = Math.ceil(bytes.length / leafBytes);
    const part = (first: number, count: number) => bytes.subarray(first * leafBytes, (first + count) * leafBytes);
    const depth = depthOf(leaves);
    const groups = Math.ceil(leaves / groupLeaves);
    const tops = Array.from({ length: groups }, (_, group) => groupTop(part(group * groupLeaves, groupLeaves), depth));
    return new HashTree(leaves, tops, part);
  }

  /** 32 zero bytes where there are no leaves. */
  get top(): Uint8Array {
    return this.node(this.depth, 0);
  }

  /** The levels inside one group; the last one asked for is kept. */
  #levelsOfGroup(index: number): (readonly Uint8Array[])[] {
    if (this.#group?.index !== index) {
      const first = index * groupLeaves;
      const words = this.#read(first, Math.min(groupLeaves, this.leaves - first));
      this.#group = { index, levels: levelsAbove(leafHashes(words), this.#groupLevel) };
    }
    return this.#group.levels;
  }

  /**
   * @param level 0 for leaves, `depth` for the top.
   * @returns the node's hash; 32 zero bytes for a subtree without leaves.
   * @throws RangeError where the tree has no such node.
   */
  node(level: number, index: number): Uint8Array {
    if (level < 0 || level > this.depth || index < 0 || index >= 2 ** (this.depth - level)) {
      throw new RangeError(`a tree of depth ${this.depth} has no node ${index} at level ${level}`);
    }
    if (index * 2 ** level >= this.leaves) return absent;
    if (level >= this.#groupLevel) return this.#upper[level - this.#groupLevel]![index] ?? absent;
    const perGroup = 2 ** (this.#groupLevel - level);
    return this.#levelsOfGroup(Math.floor(index / perGroup))[level]![index % perGroup] ?? absent;
  }

  /**
   * What a reveal of a node shows.
   * @param levels how far below the node, at most `level`.
   * @returns 2^levels hashes, from left to right.
   */
  descendants(level: number, index: number, levels: number): Uint8Array[] {
    return Array.from({ length: 2 ** levels }, (_, i) => this.node(level - levels, index * 2 ** levels + i));
  }

  /** @throws RangeError where there is no such leaf. */
  open(leaf: number): Opening {
    if (leaf < 0 || leaf >= this.leaves) throw new RangeError(`there is no leaf ${leaf} among ${this.leaves}`);
    const path = Array.from({ length: this.depth }, (_, level) => this.node(level, Math.floor(leaf / 2 ** level) ^ 1));
    const words = new Uint8Array(leafBytes);
    words.set(this.#read(leaf, 1));
    return { leaf, words, path };
  }
}

/** @returns the top that the opening leads to. */
export function topOfOpening({ leaf, words, path }: Opening): Uint8Array {
  let hash = leafHash(words);
  let index = leaf;
  for (const sibling of path) {
    hash = index % 2 === 0 ? nodeHash(hash, sibling) : nodeHash(sibling, hash);
    index = Math.floor(index / 2);
  }
  return hash;
}

/**
 * @param hashes a power of two of them, as `descendants` gives.
 * @returns the node above them all.
 */
export function topOfDescendants(hashes: readonly Uint8Array[]): Uint8Array {
  const join = (left: Uint8Array, right: Uint8Array) =>
    left.every((byte) => byte === 0) && right.every((byte) => byte === 0) ? absent : nodeHash(left, right);
  let level = hashes;
  while (level.length > 1) level = Array.from({ length: level.length / 2 }, (_, i) => join(level[2 * i]!, level[2 * i + 1]!));
  return level[0]!;
}

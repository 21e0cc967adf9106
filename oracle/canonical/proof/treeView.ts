/** A Merkle tree that leaves can be opened in (docs/commitments.md). */
import { absent, leafBytes, leafHash, nodeHash } from "../../core/traceTree.ts";

export interface TreeView {
  readonly leafCount: number;
  /** @returns 256 bytes. */
  leaf(index: number): Uint8Array;
  /** @param height 0 is the leaves' hashes. @returns the node's hash; 32 zero bytes where its subtree holds no leaf. */
  node(height: number, position: number): Uint8Array;
}

/** @returns the number of nodes of a height that hold a leaf. */
export function widthAt(leafCount: number, height: number): number {
  return Math.ceil(leafCount / 2 ** height);
}

/** @returns the number of levels above `leafCount` leaves. */
export function depthOf(leafCount: number): number {
  let depth = 0;
  while (widthAt(leafCount, depth) > 1) depth++;
  return depth;
}

/** A tree that is held in memory, hashed as far as it is asked for. */
export class MemoryTree implements TreeView {
  readonly leafCount: number;
  readonly #data: Uint8Array;
  readonly #hashes = new Map<number, Uint8Array>();

  /** @param data little-endian words; zeros fill the last leaf. */
  constructor(data: Uint8Array) {
    this.leafCount = Math.ceil(data.length / leafBytes);
    this.#data = data;
  }

  leaf(index: number): Uint8Array {
    const leaf = new Uint8Array(leafBytes);
    leaf.set(this.#data.subarray(index * leafBytes, (index + 1) * leafBytes));
    return leaf;
  }

  node(height: number, position: number): Uint8Array {
    if (position >= widthAt(this.leafCount, height)) return absent;
    const key = height * 2 ** 40 + position;
    let hash = this.#hashes.get(key);
    if (hash === undefined) {
      hash =
        height === 0
          ? leafHash(this.leaf(position))
          : nodeHash(this.node(height - 1, 2 * position), this.node(height - 1, 2 * position + 1));
      this.#hashes.set(key, hash);
    }
    return hash;
  }

  /** The hash of the whole tree; 32 zero bytes where it has no leaf. */
  get top(): Uint8Array {
    return this.leafCount === 0 ? absent : this.node(depthOf(this.leafCount), 0);
  }
}

/** @returns the words as little-endian bytes (those of every machine that the engine runs on), in place. */
export const bytesOfWords = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

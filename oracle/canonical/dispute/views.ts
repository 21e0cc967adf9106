/** One trace seen as the rules see it, as proofs open it, and as a challenger knows its opponent's. */
import { absent, nodeHash } from "../../core/traceTree.ts";
import { nodeKey } from "../../core/dispute/game.ts";
import { childrenOf, type Trace as PlayedTrace } from "../../core/dispute/tree.ts";
import type { Trace } from "../trace/trace.ts";
import { widthAt, type TreeView } from "../proof/treeView.ts";

/** A kept trace as a tree that leaves can be opened in. */
export function treeOf(trace: Trace): TreeView {
  return {
    leafCount: trace.leaves,
    leaf: (index) => Uint8Array.from(trace.leaf(index)),
    node: (height, position) => trace.node(height, position),
  };
}

export const hexOfHash = (hash: Uint8Array): string => `0x${Buffer.from(hash).toString("hex")}`;

/** @param leaf 256 bytes. @returns its 64 words. */
export function wordsOf(leaf: Uint8Array): Uint32Array {
  const view = new DataView(leaf.buffer, leaf.byteOffset, leaf.byteLength);
  return Uint32Array.from({ length: leaf.length / 4 }, (_, i) => view.getUint32(4 * i, true));
}

/** A tree as `core/dispute/nextMove.ts` plays with it. */
export function playedTrace(tree: TreeView): PlayedTrace {
  return {
    leafCount: tree.leafCount,
    node: (height, position) => hexOfHash(tree.node(height, position)),
    words: (position) => wordsOf(tree.leaf(position)),
  };
}

/** What an operator has shown of its trace: hashes of nodes, and leaves. */
export class RevealedNodes {
  readonly #hashes = new Map<string, Uint8Array>();
  readonly #children = new Map<string, Uint8Array>();
  readonly leafCount: number;

  constructor(leafCount: number) {
    this.leafCount = leafCount;
  }

  /** @param children as `Revealed` tells them: the hashes of the node's children, or a leaf's 256 bytes at height 0. */
  add(height: number, position: number, children: Uint8Array): void {
    this.#children.set(nodeKey(height, position), children);
    if (height === 0) return;
    const { height: below, first, count } = childrenOf(height, position, this.leafCount);
    for (let i = 0; i < count; i++) this.#hashes.set(nodeKey(below, first + i), children.slice(32 * i, 32 * i + 32));
  }

  hash(height: number, position: number): Uint8Array | undefined {
    return this.#hashes.get(nodeKey(height, position));
  }

  /** @returns what was shown of a node: its children's hashes, or a leaf's words as bytes. */
  children(height: number, position: number): Uint8Array | undefined {
    return this.#children.get(nodeKey(height, position));
  }
}

/**
 * The operator's tree as far as a challenger knows it that has picked the first leaf that differs: left of it lies its own trace, right of it
 * on the way up what was revealed. Enough for a step's proof, which reads nothing behind the leaf.
 */
export class DisputedTree implements TreeView {
  readonly leafCount: number;
  readonly #own: TreeView;
  readonly #revealed: RevealedNodes;
  readonly #leaf: number;

  /** @param leaf the disputed leaf's number. */
  constructor(own: TreeView, revealed: RevealedNodes, leaf: number) {
    this.leafCount = own.leafCount;
    this.#own = own;
    this.#revealed = revealed;
    this.#leaf = leaf;
  }

  leaf(index: number): Uint8Array {
    return index === this.#leaf ? this.#revealed.children(0, index)! : this.#own.leaf(index);
  }

  node(height: number, position: number): Uint8Array {
    if (position >= widthAt(this.leafCount, height)) return absent;
    if ((position + 1) * 2 ** height <= this.#leaf) return this.#own.node(height, position);
    const revealed = this.#revealed.hash(height, position);
    if (revealed !== undefined) return revealed;
    if (height === 0) throw new RangeError(`leaf ${position} lies behind the disputed leaf ${this.#leaf} and was never revealed`);
    return nodeHash(this.node(height - 1, 2 * position), this.node(height - 1, 2 * position + 1));
  }
}

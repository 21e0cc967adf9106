/** The committed trace of one evaluation: openings and reveals of any node (docs/commitments.md, docs/canonical.md section 6). */
import { absent, leafBytes, leafHash, nodeHash } from "../../core/traceTree.ts";

/** Where the trace's words are read from. */
export interface TraceSource {
  /** @returns `count` leaves (256 bytes each) from leaf `first` on. */
  read(first: number, count: number): Uint8Array;
  /** Releases what the source holds. */
  close(): void;
}

/** Leaves of a part: the levels above parts are kept, those inside are hashed again when asked for. */
const partDepth = 6;

export class TraceError extends Error {
  override name = "TraceError";
}

export interface Opening {
  /** The leaf's 64 words, little-endian. */
  leaf: Uint8Array;
  /** The siblings' hashes, from the leaf's up to the root's children. */
  path: Uint8Array[];
}

export class Trace {
  readonly leaves: number;
  /** Levels below the top: ⌈log₂ leaves⌉. */
  readonly depth: number;
  readonly #source: TraceSource;
  /** Hashes of the levels from the parts' tops up, 32 bytes each. */
  readonly #levels: Uint8Array[];
  #part: { number: number; levels: Uint8Array[][] } | undefined;

  /** @param levels from the tops of parts of 64 leaves up to the tree's top. */
  constructor(leaves: number, source: TraceSource, levels: Uint8Array[]) {
    this.leaves = leaves;
    this.depth = Math.ceil(Math.log2(leaves));
    this.#source = source;
    this.#levels = levels;
  }

  /** @returns the leaf's 256 bytes. @throws TraceError where there is no such leaf. */
  leaf(index: number): Uint8Array {
    if (!Number.isInteger(index) || index < 0 || index >= this.leaves) {
      throw new TraceError(`there is no leaf ${index}; the trace has ${this.leaves}`);
    }
    return this.#source.read(index, 1);
  }

  /**
   * @param height above the leaves: 0 for leaves, `depth` for the top.
   * @returns the node's hash; 32 zero bytes where its subtree holds no leaf.
   * @throws TraceError where the tree has no such node.
   */
  node(height: number, index: number): Uint8Array {
    const width = 2 ** (this.depth - height);
    if (!Number.isInteger(height) || height < 0 || height > this.depth || !Number.isInteger(index) || index < 0 || index >= width) {
      throw new TraceError(`there is no node ${index} at height ${height}; the tree's depth is ${this.depth}`);
    }
    if (index * 2 ** height >= this.leaves) return absent;
    if (height >= partDepth) return this.#levels[height - partDepth]!.subarray(32 * index, 32 * index + 32);
    const first = 2 ** (partDepth - height);
    return this.#partLevels(Math.floor(index / first))[height]![index % first] ?? absent;
  }

  /**
   * What a reveal publishes: the descendants `levels` below a node (64 of them for 6), left to right.
   * @throws TraceError where that is below the leaves, or the tree has no such node.
   */
  descendants(height: number, index: number, levels = 6): Uint8Array[] {
    const below = height - levels;
    if (below < 0) throw new TraceError(`${levels} levels below height ${height} is below the leaves`);
    return Array.from({ length: 2 ** levels }, (_, i) => this.node(below, index * 2 ** levels + i));
  }

  /** @throws TraceError where there is no such leaf. */
  open(index: number): Opening {
    const leaf = this.leaf(index);
    const path = Array.from({ length: this.depth }, (_, height) => this.node(height, Math.floor(index / 2 ** height) ^ 1));
    return { leaf, path };
  }

  close(): void {
    this.#source.close();
  }

  #partLevels(number: number): Uint8Array[][] {
    if (this.#part?.number === number) return this.#part.levels;
    const first = number * 2 ** partDepth;
    const count = Math.min(2 ** partDepth, this.leaves - first);
    const bytes = this.#source.read(first, count);
    const levels: Uint8Array[][] = [Array.from({ length: count }, (_, i) => leafHash(bytes.subarray(leafBytes * i, leafBytes * (i + 1))))];
    for (let height = 1; height <= Math.min(partDepth, this.depth); height++) {
      const below = levels[height - 1]!;
      const nodes = Math.ceil(below.length / 2);
      levels.push(Array.from({ length: nodes }, (_, i) => nodeHash(below[2 * i]!, below[2 * i + 1] ?? absent)));
    }
    this.#part = { number, levels };
    return levels;
  }
}

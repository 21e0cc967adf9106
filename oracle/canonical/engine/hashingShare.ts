/** What threads that hash one tree share: a window of its words, the tops of its parts, and counters. */
import { leafBytes } from "../../core/traceTree.ts";
import { instanceBytes, instantiateKernels, type Kernels } from "./kernels.ts";
import { Layout } from "./layout.ts";
import { partLeaves } from "./traceLayout.ts";

export const partBytes = partLeaves * leafBytes;

/** Numbers of the control words. */
const word = {
  /** Counts windows; threads sleep on it. */
  generation: 0,
  /** Leaves of the window. It never grows from window to window, so a number taken too late is beyond it. */
  leaves: 1,
  /** The next part that nobody has taken. */
  next: 2,
  /** Parts that are hashed. */
  done: 3,
  /** 1 once the tree is done. */
  closing: 4,
} as const;

/** Plain data for threads. */
export interface HashingPlan {
  memory: WebAssembly.Memory;
  control: number;
  window: number;
  tops: number;
  /** Levels of a part's own tree. */
  depth: number;
  /** Per thread: address of its kernels' state and of its scratch. */
  threads: { state: number; scratch: number }[];
}

/** Hashes of a part's leaves, and the hash function's state. */
const scratchBytes = 32 * partLeaves + 512;

/** @param window bytes of the window. @param parts of the whole tree. @param depth levels of a part's own tree. */
export function hashingMemory(window: number, parts: number, threads: number, depth: number): HashingPlan {
  const layout = new Layout();
  const control = layout.reserve(64);
  const places = Array.from({ length: threads }, () => ({ state: layout.reserve(instanceBytes), scratch: layout.reserve(scratchBytes) }));
  const tops = layout.reserve((32 * window) / partBytes);
  // The levels above the parts are hashed in the same place.
  const address = layout.reserve(Math.max(window, 32 * parts));
  return { memory: layout.create(), control, window: address, tops, depth, threads: places };
}

/** One thread's part in hashing a tree. Thread 0 hands out the windows. */
export class HashingShare {
  readonly #plan: HashingPlan;
  readonly #control: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #kernels: Kernels;
  readonly #scratch: number;

  constructor(plan: HashingPlan, number: number) {
    const { state, scratch } = plan.threads[number]!;
    this.#plan = plan;
    this.#control = new Int32Array(plan.memory.buffer, plan.control, 16);
    this.#bytes = new Uint8Array(plan.memory.buffer);
    this.#kernels = instantiateKernels(plan.memory, state);
    this.#scratch = scratch;
  }

  /** For all threads but 0: hashes parts of every window until the tree is done. */
  run(): void {
    for (;;) {
      const generation = Atomics.load(this.#control, word.generation);
      this.#hashParts();
      if (Atomics.load(this.#control, word.closing) !== 0) return;
      Atomics.wait(this.#control, word.generation, generation);
    }
  }

  /** For thread 0. @param data no longer than the window; zeros fill the last leaf. @returns the tops of its parts. */
  hashWindow(data: Uint8Array): Uint8Array {
    const { window, tops } = this.#plan;
    const leaves = Math.ceil(data.length / leafBytes);
    const parts = Math.ceil(leaves / partLeaves);
    this.#bytes.set(data, window);
    this.#bytes.fill(0, window + data.length, window + leaves * leafBytes);
    Atomics.store(this.#control, word.leaves, leaves);
    Atomics.store(this.#control, word.done, 0);
    Atomics.store(this.#control, word.next, 0);
    this.#wake();
    this.#hashParts();
    for (;;) {
      const done = Atomics.load(this.#control, word.done);
      if (done === parts) return this.#bytes.slice(tops, tops + 32 * parts);
      Atomics.wait(this.#control, word.done, done);
    }
  }

  /** For thread 0, between windows. @returns the level above the nodes. */
  hashLevel(nodes: Uint8Array): Uint8Array {
    const { window } = this.#plan;
    this.#bytes.set(nodes, window);
    const count = nodes.length / 32;
    this.#kernels.hashLevel(window, count, window, this.#scratch + 32 * partLeaves);
    return this.#bytes.slice(window, window + 32 * Math.ceil(count / 2));
  }

  /** Lets the other threads end. */
  close(): void {
    Atomics.store(this.#control, word.closing, 1);
    this.#wake();
  }

  #wake(): void {
    Atomics.add(this.#control, word.generation, 1);
    Atomics.notify(this.#control, word.generation);
  }

  #hashParts(): void {
    const { window, tops, depth } = this.#plan;
    const hashes = this.#scratch;
    const state = hashes + 32 * partLeaves;
    for (;;) {
      const part = Atomics.add(this.#control, word.next, 1);
      const leaves = Math.min(partLeaves, Atomics.load(this.#control, word.leaves) - part * partLeaves);
      if (leaves <= 0) return;
      this.#kernels.hashLeaves(window + part * partBytes, leaves, hashes, state);
      this.#kernels.subtree(hashes, leaves, depth, state);
      this.#bytes.copyWithin(tops + 32 * part, hashes, hashes + 32);
      Atomics.add(this.#control, word.done, 1);
      Atomics.notify(this.#control, word.done);
    }
  }
}

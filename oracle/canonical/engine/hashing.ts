/** The tree over words that lie in this process's own memory (weights), hashed by all threads of the machine. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { absent, leafBytes } from "../../core/traceTree.ts";
import { HashingShare, hashingMemory, partBytes, type HashingPlan } from "./hashingShare.ts";
import { depthOfPart } from "./prepared.ts";
import { partLeaves } from "./traceLayout.ts";

export interface HashedTree {
  leaves: number;
  /** From the tops of parts of 64 leaves up to the tree's top, 32 bytes a node. */
  levels: Uint8Array[];
  /** 32 zero bytes where there is no leaf. */
  top: Uint8Array;
}

/** Words are copied to the threads in windows of this many bytes, so that a tree takes no more memory, however large. */
const defaultWindowBytes = 2 ** 26;

/** What one thread hashes while another one starts. */
const bytesPerThread = 2 ** 25;

/** @returns how many threads are worth their start for so many bytes, this one included. */
export const hashingThreads = (bytes: number, processors = availableParallelism()): number =>
  Math.min(processors, 1 + Math.floor(bytes / bytesPerThread));

export interface HashingOptions {
  /** This one included; the tree doesn't depend on it. */
  threads?: number;
  /** A multiple of a part's 16 KiB. */
  windowBytes?: number;
}

/**
 * Blocks the calling thread, which takes its share of the work.
 * @param data little-endian words; zeros fill the last leaf.
 */
export function hashTree(data: Uint8Array, options: HashingOptions = {}): HashedTree {
  const leaves = Math.ceil(data.length / leafBytes);
  if (leaves === 0) return { leaves, levels: [absent], top: absent };
  const { threads = hashingThreads(data.length), windowBytes = defaultWindowBytes } = options;
  const parts = Math.ceil(leaves / partLeaves);
  const window = Math.min(windowBytes, parts * partBytes);
  const plan = hashingMemory(window, parts, threads, depthOfPart(leaves));
  const share = new HashingShare(plan, 0);
  for (let number = 1; number < threads; number++) startThread(plan, number);
  const levels: Uint8Array[] = [new Uint8Array(32 * parts)];
  try {
    for (let start = 0; start < data.length; start += window) {
      const tops = share.hashWindow(data.subarray(start, start + window));
      levels[0]!.set(tops, (32 * start) / partBytes);
    }
    while (levels.at(-1)!.length > 32) levels.push(share.hashLevel(levels.at(-1)!));
  } finally {
    share.close();
  }
  return { leaves, levels, top: levels.at(-1)! };
}

/** A thread that comes too late finds nothing to do: nobody waits for one that has not taken a part. */
function startThread(plan: HashingPlan, number: number): void {
  const thread = new Worker(new URL("hashingThread.ts", import.meta.url), { execArgv: [], workerData: { plan, number } });
  // One that can't start leaves its share to the others.
  thread.on("error", () => undefined);
  thread.unref();
}

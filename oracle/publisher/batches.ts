import type { Job } from "../core/job.ts";

/** A job whose answer is about to be sent. */
export interface ReadyJob {
  job: Job;
  output: Uint8Array;
  /** Empty where the bytes travel in the transaction. */
  outputUri: string;
}

export interface BatchLimits {
  items: number;
  /** Of outputs in one transaction. */
  bytes: number;
  /** Gas that one transaction may need, by the estimates below. */
  gas: number;
}

/** Generous estimates, only used to decide how much goes into one transaction: it is measured before it is sent. */
const itemGas = 120_000;
const byteGas = 60;

/** Cuts a list in order into batches within `limits`; an item that is too large by itself makes a batch of its own. */
export function cutBatches<T>(items: readonly T[], limits: BatchLimits, size: (item: T) => { bytes: number; gas: number }): T[][] {
  const batches: T[][] = [];
  let current: T[] = [];
  let bytes = 0;
  let gas = 0;
  for (const item of items) {
    const { bytes: itemBytes, gas: extraGas } = size(item);
    const needed = itemGas + byteGas * itemBytes + extraGas;
    if (current.length > 0 && (current.length >= limits.items || bytes + itemBytes > limits.bytes || gas + needed > limits.gas)) {
      batches.push(current);
      current = [];
      bytes = gas = 0;
    }
    current.push(item);
    bytes += itemBytes;
    gas += needed;
  }
  if (current.length > 0) batches.push(current);
  return batches;
}

/** The root of the weight space (docs/canonical.md, section 6). */
import { hashTree } from "./engine/hashing.ts";
import { weightRootOf } from "./program/root.ts";

/** @param weights the weight space as little-endian bytes, whole leaves of 256 bytes. Hashed by all threads of the machine. */
export function weightRoot(weights: Uint8Array): Uint8Array {
  const { leaves, top } = hashTree(weights);
  return weightRootOf(leaves, top);
}

/**
 * The one way in which Assay commits to words: a binary Merkle tree over leaves of 64 words of 32 bits (docs/commitments.md).
 * `contracts/libraries/TraceTree.sol` is the same in Solidity; both pass test/vectors/commitments.json.
 */
import { createKeccak } from "hash-wasm";
import { decodeBundle, dtypes, type Tensor } from "./tensor.ts";

export const wordsPerLeaf = 64;
export const leafBytes = 4 * wordsPerLeaf;

/** First byte of every preimage: no hash of one kind can pass for one of another. */
const domain = { leaf: 0, node: 1, tensor: 2, bundle: 3 } as const;

const hasher = await createKeccak(256);

/** A subtree without leaves. */
export const absent = new Uint8Array(32);

export function keccak256(...parts: Uint8Array[]): Uint8Array {
  hasher.init();
  for (const part of parts) hasher.update(part);
  return hasher.digest("binary");
}

const leafPreimage = new Uint8Array(1 + leafBytes);

/** @param words up to 256 bytes; the rest of the leaf is zeros. */
export function leafHash(words: Uint8Array): Uint8Array {
  leafPreimage[0] = domain.leaf;
  leafPreimage.set(words, 1);
  leafPreimage.fill(0, 1 + words.length);
  return keccak256(leafPreimage);
}

const nodePreimage = new Uint8Array(65);

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodePreimage[0] = domain.node;
  nodePreimage.set(left, 1);
  nodePreimage.set(right, 33);
  return keccak256(nodePreimage);
}

/** @param data words as little-endian bytes. @returns the hashes of all nodes, from the leaves up to the top; no leaves, no top. */
export function levelsOf(data: Uint8Array): Uint8Array[][] {
  const leaves: Uint8Array[] = [];
  for (let offset = 0; offset < data.length; offset += leafBytes) leaves.push(leafHash(data.subarray(offset, offset + leafBytes)));
  const levels = [leaves];
  for (let level = leaves; level.length > 1;) {
    const next: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) next.push(nodeHash(level[i]!, level[i + 1] ?? absent));
    levels.push(next);
    level = next;
  }
  return levels;
}

/** @param data words as little-endian bytes. @returns the top of the tree over them; 32 zero bytes where there are none. */
export function treeTop(data: Uint8Array): Uint8Array {
  return levelsOf(data).at(-1)![0] ?? absent;
}

/** Binds dtype and shape, and with them the number of leaves, to the top of the tree. */
export function tensorRoot({ dtype, shape, data }: Tensor): Uint8Array {
  const header = new Uint8Array(3 + 4 * shape.length);
  const view = new DataView(header.buffer);
  header[0] = domain.tensor;
  header[1] = dtypes[dtype].code;
  header[2] = shape.length;
  shape.forEach((dimension, i) => view.setUint32(3 + 4 * i, dimension, true));
  return keccak256(header, treeTop(data));
}

/** What a request's `inputRoot` and an answer's `outputRoot` are. */
export function bundleRoot(tensors: readonly Tensor[]): Uint8Array {
  return keccak256(Uint8Array.of(domain.bundle, tensors.length), ...tensors.map(tensorRoot));
}

/** @throws TensorError where `bytes` are no bundle. */
export function rootOfBundleBytes(bytes: Uint8Array): Uint8Array {
  return bundleRoot(decodeBundle(bytes));
}

/**
 * @param data words as little-endian bytes.
 * @returns the siblings of leaf `index` from the bottom up, one a level; 32 zero bytes for one that holds no leaf.
 * @throws RangeError where there is no such leaf.
 */
export function openLeaf(data: Uint8Array, index: number): Uint8Array[] {
  const levels = levelsOf(data);
  if (!Number.isInteger(index) || index < 0 || index >= levels[0]!.length) {
    throw new RangeError(`leaf ${index} of ${levels[0]!.length}`);
  }
  return levels.slice(0, -1).map((level, depth) => level[Math.floor(index / 2 ** depth) ^ 1] ?? absent);
}

/**
 * Folds an opening of one leaf.
 * @param hash the opened leaf's hash.
 * @returns the top that the opening proves; compare it with the one that was committed to.
 * @throws RangeError where index, number of siblings or an absent sibling don't fit `leafCount`.
 */
export function topOf(hash: Uint8Array, leafCount: number, index: number, proof: readonly Uint8Array[]): Uint8Array {
  if (!Number.isInteger(index) || index < 0 || index >= leafCount) throw new RangeError(`leaf ${index} of ${leafCount}`);
  let [top, position, level] = [hash, index, 0];
  for (let width = leafCount; width > 1; width = Math.ceil(width / 2)) {
    const sibling = proof[level];
    if (sibling === undefined) throw new RangeError(`the proof ends after ${level} siblings`);
    if ((position ^ 1) >= width && sibling.some((byte) => byte !== 0))
      throw new RangeError(`sibling ${level} holds no leaf and must be zero`);
    top = position % 2 === 0 ? nodeHash(top, sibling) : nodeHash(sibling, top);
    position = Math.floor(position / 2);
    level++;
  }
  if (level !== proof.length) throw new RangeError(`${proof.length} siblings; the tree has ${level} levels`);
  return top;
}

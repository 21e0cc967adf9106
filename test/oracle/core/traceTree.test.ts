import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { keccak256 } from "ethers";
import { decodeBundle, encodeBundle, TensorError, type Tensor } from "../../../oracle/core/tensor.ts";
import { leafHash, openLeaf, rootOfBundleBytes, topOf, treeTop } from "../../../oracle/core/traceTree.ts";
import { renderVectors, vectorsFile } from "../../../scripts/vectors.ts";

const float32 = (...values: number[]): Tensor => ({
  dtype: "float32",
  shape: [values.length],
  data: new Uint8Array(Float32Array.from(values).buffer),
});

test("a leaf is hashed as docs/commitments.md says", () => {
  const preimage = new Uint8Array(257);
  preimage.set([1, 2, 3, 4], 1);
  assert.equal(Buffer.from(leafHash(Uint8Array.of(1, 2, 3, 4))).toString("hex"), keccak256(preimage).slice(2));
});

test("an odd leaf is joined with an absent one, not with itself", () => {
  const three = new Uint8Array(3 * 256).fill(7);
  const four = new Uint8Array(4 * 256).fill(7);
  assert.notDeepEqual(treeTop(three), treeTop(four));
});

test("a bundle survives the round trip", () => {
  const tensors: Tensor[] = [float32(1, -0, NaN), { dtype: "uint8", shape: [5], data: Uint8Array.of(1, 2, 3, 4, 5) }];
  assert.deepEqual(decodeBundle(encodeBundle(tensors)), tensors);
});

test("the root binds the shape", () => {
  const flat = float32(1, 2, 3, 4);
  assert.notDeepEqual(rootOfBundleBytes(encodeBundle([flat])), rootOfBundleBytes(encodeBundle([{ ...flat, shape: [2, 2] }])));
});

test("cut, trailing and unclean bundles are refused", () => {
  const bytes = encodeBundle([{ dtype: "uint8", shape: [5], data: new Uint8Array(5) }]);
  assert.throws(() => decodeBundle(bytes.subarray(0, -1)), TensorError);
  assert.throws(() => decodeBundle(new Uint8Array([...bytes, 0])), TensorError);
  const unclean = bytes.slice();
  unclean[unclean.length - 1] = 1;
  assert.throws(() => decodeBundle(unclean), TensorError);
});

test("A21 the vectors shared with Solidity are what this tree says", () => {
  assert.equal(readFileSync(vectorsFile, "utf8"), renderVectors(), "run `node scripts/vectors.ts` and say why the commitments changed");
});

test("A21 an opening proves its own leaf at its own index and nothing else", () => {
  for (const leaves of [1, 2, 3, 5, 8, 17]) {
    const data = Uint8Array.from({ length: leaves * 256 - 4 }, (_, i) => (i * 7 + (i >> 8) * 13 + leaves) & 0xff);
    const top = treeTop(data);
    const leafOf = (index: number) => leafHash(data.subarray(256 * index, 256 * (index + 1)));
    for (let index = 0; index < leaves; index++) {
      const proof = openLeaf(data, index);
      assert.deepEqual(topOf(leafOf(index), leaves, index, proof), top);
      assert.throws(() => topOf(leafOf(index), leaves, leaves, proof), RangeError);
      assert.throws(() => topOf(leafOf(index), leaves, index, [...proof, new Uint8Array(32)]), RangeError);
      if (leaves === 1) continue;
      assert.throws(() => topOf(leafOf(index), leaves, index, proof.slice(1)), RangeError);
      const other = (index + 1) % leaves;
      assert.notDeepEqual(topOf(leafOf(other), leaves, index, proof), top);
    }
    assert.throws(() => openLeaf(data, leaves), RangeError);
  }
});

test("A21 an absent sibling can't be replaced", () => {
  const data = new Uint8Array(3 * 256).fill(7);
  const proof = openLeaf(data, 2);
  proof[0] = leafHash(data.subarray(512));
  assert.throws(() => topOf(leafHash(data.subarray(512)), 3, 2, proof), RangeError);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { keccak256 } from "ethers";
import { decodeBundle, encodeBundle, TensorError, type Tensor } from "../../../oracle/core/tensor.ts";
import { leafHash, rootOfBundleBytes, treeTop } from "../../../oracle/core/traceTree.ts";

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

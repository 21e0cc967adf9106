import assert from "node:assert/strict";
import { test } from "node:test";
import { CanonicalModel } from "../../../../oracle/canonical/dispute/model.ts";
import { hashingThreads, hashTree } from "../../../../oracle/canonical/engine/hashing.ts";
import { weightRootOf } from "../../../../oracle/canonical/program/root.ts";
import { bytesOfWords, depthOf, MemoryTree, widthAt } from "../../../../oracle/canonical/proof/treeView.ts";
import { leafBytes, treeTop } from "../../../../oracle/core/traceTree.ts";
import { buildRecogniser } from "../../../../examples/recogniser/model.ts";
import { seeded } from "../seeded.ts";

const partBytes = 64 * leafBytes;

function randomBytes(length: number): Uint8Array {
  const random = seeded(length);
  return Uint8Array.from({ length }, () => random.int(0, 255));
}

test("E10 every tree that is hashed in windows is the reference's", () => {
  const sizes = [0, 1, 255, 256, 257, 63, 64, 65, 127, 128, 129, 200].map((size, i) => (i < 5 ? size : size * leafBytes));
  for (const size of [...sizes, 3 * partBytes + 5, 5 * partBytes, 7 * partBytes + 300]) {
    const data = randomBytes(size);
    const expected = treeTop(data);
    for (const [threads, windowBytes] of [
      [1, 2 ** 26],
      [1, partBytes],
      [1, 2 * partBytes],
    ] as const) {
      const { leaves, top } = hashTree(data, { threads, windowBytes });
      assert.equal(leaves, Math.ceil(size / leafBytes));
      assert.deepEqual(top, expected, `${size} bytes, ${threads} threads, windows of ${windowBytes}`);
    }
  }
});

test("E10 threads that join in the midst of a tree leave it as it is", () => {
  // Long enough for a thread to start while the first one hashes.
  const words = new Uint32Array(2 ** 22);
  for (let i = 0, word = 1; i < words.length; i++) words[i] = word = (Math.imul(word, 1664525) + 1013904223) | 0;
  const data = bytesOfWords(words).subarray(0, 2 ** 24 - 77);
  assert.deepEqual(hashTree(data, { threads: 3, windowBytes: 2 ** 18 }), hashTree(data, { threads: 1 }));
});

test("E10 hundreds of megabytes of weights are hashed by all processors, small ones by the caller alone", () => {
  assert.equal(hashingThreads(2 ** 29, 2), 2);
  assert.equal(hashingThreads(2 ** 29, 16), 16);
  assert.equal(hashingThreads(2 ** 20, 16), 1);
});

test("E10 a model's weights are hashed once, and open at every node", () => {
  const { weightTree, weights, weightRoot } = CanonicalModel.ofOnnx(buildRecogniser());
  const data = bytesOfWords(weights);
  const plain = new MemoryTree(data);
  assert.equal(weightRoot, `0x${Buffer.from(weightRootOf(plain.leafCount, plain.top)).toString("hex")}`);
  assert.equal(weightTree.leafCount, plain.leafCount);
  const random = seeded(1);
  for (let height = 0; height <= depthOf(plain.leafCount); height++) {
    const width = widthAt(plain.leafCount, height);
    for (const position of [0, width - 1, random.int(0, width - 1), random.int(0, width - 1)]) {
      assert.deepEqual(weightTree.node(height, position), plain.node(height, position), `node ${position} at height ${height}`);
    }
    if (width % 2 === 1 && width > 1) assert.deepEqual(weightTree.node(height, width), new Uint8Array(32));
  }
  assert.deepEqual(weightTree.leaf(7), plain.leaf(7));
});

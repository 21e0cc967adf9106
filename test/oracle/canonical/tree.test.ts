import assert from "node:assert/strict";
import { test } from "node:test";
import { treeTop } from "../../../oracle/core/traceTree.ts";
import { depthOf, groupTop, HashTree, topOfDescendants, topOfOpening } from "../../../oracle/canonical/trace/tree.ts";
import { seeded } from "./seeded.ts";

const bytesOf = (leaves: number, seed: number) => {
  const random = seeded(seed);
  return new Uint8Array(Uint32Array.from({ length: 64 * leaves }, () => random.word()).buffer);
};

const sizes = [1, 2, 3, 5, 63, 64, 65, 127, 128, 129, 191, 200, 1000, 4097];

for (const leaves of sizes) {
  test(`a tree of ${leaves} leaves has the top of docs/commitments.md, and its openings lead there`, () => {
    const bytes = bytesOf(leaves, leaves);
    const tree = HashTree.overBytes(bytes);
    const top = treeTop(bytes);
    assert.deepEqual(tree.top, top);
    for (const leaf of new Set([0, Math.floor(leaves / 2), leaves - 1])) {
      const opening = tree.open(leaf);
      assert.equal(opening.path.length, depthOf(leaves));
      assert.deepEqual(opening.words, bytes.subarray(256 * leaf, 256 * leaf + 256));
      assert.deepEqual(topOfOpening(opening), top);
      const words = opening.words.slice();
      words[255]! ^= 1;
      assert.notDeepEqual(topOfOpening({ ...opening, words }), top);
      if (leaves > 1) assert.notDeepEqual(topOfOpening({ ...opening, leaf: leaf ^ 1 }), top);
    }
  });
}

test("revealed descendants lead to their node, at every level and place", () => {
  for (const leaves of sizes) {
    const tree = HashTree.overBytes(bytesOf(leaves, leaves));
    for (let level = 1; level <= tree.depth; level++) {
      for (const index of new Set([0, 2 ** (tree.depth - level) - 1, Math.floor((leaves - 1) / 2 ** level)])) {
        const levels = Math.min(level, 6);
        assert.deepEqual(topOfDescendants(tree.descendants(level, index, levels)), tree.node(level, index), `${leaves} ${level} ${index}`);
      }
    }
  }
});

test("words that are given again are read a group at a time, once in a row", () => {
  const bytes = bytesOf(300, 1);
  const tops = Array.from({ length: 5 }, (_, group) => groupTop(bytes.subarray(group * 64 * 256, (group + 1) * 64 * 256), depthOf(300)));
  const reads: [number, number][] = [];
  const tree = new HashTree(300, tops, (first, count) => {
    reads.push([first, count]);
    return bytes.subarray(first * 256, (first + count) * 256);
  });
  assert.deepEqual(tree.top, treeTop(bytes));
  assert.deepEqual(reads, []);
  tree.descendants(6, 4, 6);
  tree.node(0, 299);
  tree.descendants(9, 0, 3);
  assert.deepEqual(reads, [[256, 44]]);
});

test("an empty tree, and nodes that there are not", () => {
  assert.deepEqual(HashTree.overBytes(new Uint8Array(0)).top, new Uint8Array(32));
  const tree = HashTree.overBytes(bytesOf(5, 5));
  assert.throws(() => tree.node(4, 0), RangeError);
  assert.throws(() => tree.node(0, 8), RangeError);
  assert.throws(() => tree.open(5), RangeError);
  assert.deepEqual(tree.node(0, 7), new Uint8Array(32));
  assert.throws(() => new HashTree(65, [new Uint8Array(32)], () => new Uint8Array(0)), RangeError);
});

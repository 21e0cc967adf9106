import assert from "node:assert/strict";
import { test } from "node:test";
import { ExactSum } from "../../../oracle/canonical/reference/exactSum.ts";
import { hardProduct, hardSum, roundedSum } from "./hardSums.ts";
import { seeded } from "./seeded.ts";

const exact = (a: readonly number[], b: readonly number[], bias: number) => {
  const sum = new ExactSum();
  sum.add(bias);
  a.forEach((word, i) => sum.addProduct(word, b[i]!));
  return sum.rounded(1);
};

const buffer = new DataView(new ArrayBuffer(4));
const value = (word: number) => {
  buffer.setUint32(0, word);
  return buffer.getFloat32(0);
};

test("hard sums do not depend on the order of their terms, and round as their definition says", () => {
  const random = seeded(30);
  let finite = 0;
  let misledByBinary64 = 0;
  for (let i = 0; i < 2000; i++) {
    const { a, b, bias } = hardSum(random);
    const result = exact(a, b, bias);
    assert.equal(exact(a.toReversed(), b.toReversed(), bias), result);
    assert.equal(exact(b, a, bias), result);
    const expected = roundedSum({ a, b, bias });
    if (expected === null) continue;
    finite++;
    assert.equal(result, expected);
    const naive = a.reduce((sum, word, k) => sum + value(word) * value(b[k]!), value(bias));
    if (!Object.is(Math.fround(naive), value(result))) misledByBinary64++;
  }
  assert(finite > 1000 && misledByBinary64 > 300, `${finite} finite sums, binary64 is wrong in ${misledByBinary64}`);
});

test("every element of a hard product is next to a tie, or on one", () => {
  const random = seeded(31);
  for (let i = 0; i < 50; i++) {
    const { rows, columns, k, a, b } = hardProduct(random);
    for (let row = 0; row < rows; row++) {
      const left = a.slice(row * k, (row + 1) * k);
      const results = Array.from({ length: columns }, (_, column) => exact(left, b.slice(column * k, (column + 1) * k), 0));
      assert.equal(new Set(results).size, 1, "what cancels leaves the same sum in every column");
      const [number, half] = [...left]
        .sort((p, q) => (q & 0x7fffffff) - (p & 0x7fffffff))
        .filter((word) => !left.includes((word ^ 0x80000000) >>> 0));
      assert(results[0] === number || results[0] === number! + 1, `${results[0]} is not ${number} rounded with ${half}`);
    }
  }
});

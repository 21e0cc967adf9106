import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { network } from "hardhat";
import { anyWord, commonWord, seeded } from "./random.ts";

const elements = Number(process.env.STEP_ELEMENTS ?? 4000);
const { ethers } = await network.getOrCreate();
const harness = await ethers.deployContract("Float32Harness");

const view = new DataView(new ArrayBuffer(8));
const toFloat = (word: number): number => (view.setUint32(0, word), view.getFloat32(0));
const toWord = (value: number): number => (Number.isNaN(value) ? 0x7fc00000 : (view.setFloat32(0, value), view.getUint32(0)));

function roundTiesToEven(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= 2 ** 23) return x;
  const floor = Math.floor(x);
  const rest = x - floor;
  const nearest = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return nearest === 0 ? Math.sign(x) * 0 || (Object.is(x, -0) || x < 0 ? -0 : 0) : nearest;
}

// Binary64 holds more than twice the bits of binary32 and two: its +, -, ·, / and √, rounded again, are binary32's.
const operations: [name: string, expected: (x: number, y: number, word: number) => number][] = [
  ["add", (x, y) => toWord(x + y)],
  ["sub", (x, y) => toWord(x - y)],
  ["mul", (x, y) => toWord(x * y)],
  ["div", (x, y) => toWord(x / y)],
  ["sqrt", (x) => toWord(Math.sqrt(x))],
  ["less", (x, y) => Number(x < y)],
  ["equal", (x, y) => Number(x === y)],
  ["min", (x, y) => toWord(Math.min(x, y))],
  ["max", (x, y) => toWord(Math.max(x, y))],
  ["floor", (x) => toWord(Math.floor(x))],
  ["ceil", (x) => toWord(Math.ceil(x))],
  ["truncate", (x) => toWord(Math.trunc(x))],
  ["round", (x) => toWord(roundTiesToEven(x))],
  ["fromInt", (_x, _y, word) => toWord(word | 0)],
  ["toInt", (x) => (Number.isNaN(x) ? 0 : Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(x)))) >>> 0],
  ["rem", (x, y) => toWord(x % y)],
];

async function map(operation: number, operands: number[]): Promise<number[]> {
  const bytes = new DataView(new ArrayBuffer(4 * operands.length));
  operands.forEach((word, i) => bytes.setUint32(4 * i, word));
  const answer = ethers.getBytes(await harness.getFunction("map")(operation, new Uint8Array(bytes.buffer)));
  const results = new DataView(answer.buffer, answer.byteOffset, answer.length);
  return Array.from({ length: answer.length / 4 }, (_, i) => results.getUint32(4 * i));
}

const hex = (word: number) => `0x${word.toString(16).padStart(8, "0")}`;

describe("Float32", () => {
  operations.forEach(([name, expected], operation) => {
    it(`A24 ${name} gives IEEE 754's bits for ${elements} pairs`, async () => {
      const random = seeded(1 + operation);
      for (let done = 0; done < elements; done += 2000) {
        const operands = Array.from({ length: 2 * Math.min(2000, elements - done) }, () => anyWord(random));
        const results = await map(operation, operands);
        results.forEach((result, i) => {
          const [x, y] = [operands[2 * i]!, operands[2 * i + 1]!];
          assert.equal(hex(result), hex(expected(toFloat(x), toFloat(y), x)), `${name}(${hex(x)}, ${hex(y)})`);
        });
      }
    });
  });
});

/** The exact sum of products in units of 2^-298. */
function exactSum(x: number[], y: number[]): bigint {
  const exact = (word: number): bigint => {
    const exponent = (word >>> 23) & 255;
    const mantissa = BigInt(exponent === 0 ? word & 0x7fffff : (word & 0x7fffff) | 0x800000);
    return (word >>> 31 ? -mantissa : mantissa) << BigInt(Math.max(exponent, 1) - 1);
  };
  return x.reduce((sum, word, i) => sum + exact(word) * exact(y[i]!), 0n);
}

/** RN(numerator / divisor · 2^-298). */
function rounded(numerator: bigint, divisor: bigint): number {
  const sign = numerator < 0n ? 0x80000000 : 0;
  if (numerator === 0n) return 0;
  // Two bits more than the value, the last one sticky, in units of 2^-151 or larger ones.
  const magnitude = numerator < 0n ? -numerator : numerator;
  let shift = 149n;
  const bits = BigInt((magnitude / divisor).toString(2).length);
  if (bits - shift > 24n) shift = bits - 24n;
  const unit = divisor << shift;
  let quotient = magnitude / unit;
  const twice = 2n * (magnitude - quotient * unit);
  if (twice > unit || (twice === unit && quotient % 2n === 1n)) quotient += 1n;
  return toWord(Number(quotient) * 2 ** Number(shift - 298n)) + sign;
}

const littleEndian = (words: number[]) => new Uint8Array(Uint32Array.from(words).buffer);

describe("ExactSum", () => {
  async function check(x: number[], y: number[], divisor: number, parts: number) {
    const { word } = await harness.getFunction("dot")(littleEndian(x), littleEndian(y), x.length, divisor, parts);
    assert.equal(hex(Number(word)), hex(rounded(exactSum(x, y), BigInt(divisor))), JSON.stringify({ x, y, divisor, parts }));
  }
  const finite = (random: () => number, pick: (random: () => number) => number): number => {
    for (;;) {
      const word = pick(random);
      if ((word & 0x7f800000) !== 0x7f800000) return word;
    }
  };

  it("rounds sums of products of all sizes once, in any number of pieces", async () => {
    const random = seeded(77);
    for (let i = 0; i < elements / 20; ++i) {
      const pick = [anyWord, commonWord, (r: () => number) => r() & 0x81ffffff, (r: () => number) => r()][random() % 4]!;
      const count = random() % 70;
      const x = Array.from({ length: count }, () => finite(random, pick));
      const y = Array.from({ length: count }, () => finite(random, pick));
      await check(x, y, random() % 3 === 0 ? 1 + (random() % 1000) : 1, 1 + (random() % 3));
    }
  });

  it("keeps what cancellation leaves, down to one unit in 2^-298", async () => {
    const random = seeded(78);
    const one = 0x3f800000;
    for (let i = 0; i < elements / 40; ++i) {
      const count = 1 + (random() % 30);
      const x = Array.from({ length: count }, () => finite(random, (r) => r()));
      const y = Array.from({ length: count }, () => finite(random, (r) => r()));
      const tail = finite(random, anyWord);
      await check([...x, ...x.map((word) => (word ^ 0x80000000) >>> 0), tail], [...y, ...y, one], 1, 1);
      await check([...x, ...x.map((word) => (word ^ 0x80000000) >>> 0)], [...y, ...y], 3, 2);
    }
    await check([1], [1], 1, 1);
    await check([1, 0x33800000], [0x3f000000, 1], 1, 1);
  });

  it("has +0 for every sum that is exactly zero", async () => {
    await check([0x80000000], [0x3f800000], 1, 1);
    await check([0x80000000, 0x80000000], [0x3f800000, 0x7f000000], 5, 2);
    await check([], [], 1, 1);
  });

  it("A24 answers infinities and NaN wherever they stand", async () => {
    const random = seeded(79);
    for (let i = 0; i < elements / 40; ++i) {
      const count = 1 + (random() % 40);
      const x = Array.from({ length: count }, () => commonWord(random));
      const y = Array.from({ length: count }, () => commonWord(random));
      for (let k = random() % 3; k >= 0; --k) {
        const special = [0x7f800000, 0xff800000, 0x7f800000, 0x7fa00001, 0xff800000][random() % 5]!;
        (random() % 2 ? x : y)[random() % count] = special;
        if (random() % 8 === 0) (random() % 2 ? x : y)[random() % count] = 0x80000000;
      }
      const terms = x.map((word, k) => toFloat(word) * toFloat(y[k]!));
      const { word } = await harness.getFunction("dot")(littleEndian(x), littleEndian(y), count, 1, 1 + (random() % 2));
      const special = terms.filter((term) => !Number.isFinite(term)).reduce((sum, term) => sum + term, 0);
      const expected = terms.every(Number.isFinite) ? rounded(exactSum(x, y), 1n) : toWord(special);
      assert.equal(hex(Number(word)), hex(expected), JSON.stringify({ x, y }));
    }
  });
});

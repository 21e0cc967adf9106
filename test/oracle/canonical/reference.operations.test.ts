import assert from "node:assert/strict";
import { test } from "node:test";
import { opcodes, type Opcode } from "../../../oracle/canonical/program/opcodes.ts";
import { apply } from "../../../oracle/canonical/reference/operations.ts";
import { floatCorners, floatWord, intCorners, intWord, otherNaNs, seeded } from "./seeded.ts";

const buffer = new DataView(new ArrayBuffer(4));

function value(word: number): number {
  buffer.setUint32(0, word);
  return buffer.getFloat32(0);
}

/** The word of the nearest binary32; the canonical NaN. */
function word(number: number): number {
  buffer.setFloat32(0, number);
  return Number.isNaN(number) ? 0x7fc00000 : buffer.getUint32(0);
}

const show = (op: string, ...args: number[]) => `${op} ${args.map((arg) => "0x" + arg.toString(16).padStart(8, "0")).join(" ")}`;

/** Corners with corners, then random words. */
function* pairs(corners: readonly number[], draw: () => number, count: number): Generator<[number, number]> {
  for (const a of corners) for (const b of corners) yield [a, b];
  for (let i = 0; i < count; i++) yield [draw(), draw()];
}

/** binary64 has over 2·24 + 2 bits: its result, rounded once more, is the correctly rounded one. */
const inBinary64: [Opcode, (a: number, b: number) => number][] = [
  ["fadd", (a, b) => a + b],
  ["fsub", (a, b) => a - b],
  ["fmul", (a, b) => a * b],
  ["fdiv", (a, b) => a / b],
  ["fmax", Math.max],
  ["fmin", Math.min],
  ["frem", (a, b) => a % b],
];

for (const [op, expected] of inBinary64) {
  test(`${op} is what binary64 makes of it`, () => {
    const random = seeded(3);
    for (const [a, b] of pairs([...floatCorners, ...otherNaNs], () => floatWord(random), 3000)) {
      assert.equal(apply(op, [a, b]), word(expected(value(a), value(b))), show(op, a, b));
    }
  });
}

const halfEven = (a: number) => {
  const down = Math.floor(a);
  const up = a - down > 0.5 || (a - down === 0.5 && down % 2 !== 0);
  return up ? (down === -1 ? -0 : down + 1) : down;
};

const unaryInBinary64: [Opcode, (a: number) => number][] = [
  ["fsqrt", Math.sqrt],
  ["fneg", (a) => -a],
  ["fabs", Math.abs],
  ["fsign", (a) => (a === 0 ? 0 : Math.sign(a))],
  ["ffloor", Math.floor],
  ["fceil", Math.ceil],
  ["ftrunc", Math.trunc],
  ["fround", halfEven],
];

for (const [op, expected] of unaryInBinary64) {
  test(`${op} is what binary64 makes of it`, () => {
    const random = seeded(4);
    const quarters = Array.from({ length: 400 }, (_, i) => word((i - 200) / 4));
    const draws = Array.from({ length: 3000 }, () => floatWord(random));
    for (const a of [...floatCorners, ...otherNaNs, ...quarters, ...draws]) {
      assert.equal(apply(op, [a]), word(expected(value(a))), show(op, a));
    }
  });
}

const comparisons: [Opcode, (a: number, b: number) => boolean][] = [
  ["feq", (a, b) => a === b],
  ["flt", (a, b) => a < b],
  ["fle", (a, b) => a <= b],
];

for (const [op, expected] of comparisons) {
  test(`${op} is JavaScript's`, () => {
    const random = seeded(5);
    for (const [a, b] of pairs([...floatCorners, ...otherNaNs], () => floatWord(random), 500)) {
      assert.equal(apply(op, [a, b]), Number(expected(value(a), value(b))), show(op, a, b));
    }
  });
}

/** JavaScript's own 32-bit arithmetic. */
const integers: [Opcode, (a: number, b: number) => number][] = [
  ["iadd", (a, b) => a + b],
  ["isub", (a, b) => a - b],
  ["imul", Math.imul],
  ["idiv", (a, b) => (b === 0 ? 0 : a / b)],
  ["irem", (a, b) => (b === 0 ? 0 : a % b)],
  ["imod", (a, b) => (b === 0 ? 0 : a - b * Math.floor(a / b))],
  ["imin", Math.min],
  ["imax", Math.max],
  ["iand", (a, b) => a & b],
  ["ior", (a, b) => a | b],
  ["ixor", (a, b) => a ^ b],
  ["ishl", (a, b) => (b >>> 0 >= 32 ? 0 : a << b)],
  ["ishr", (a, b) => (b >>> 0 >= 32 ? 0 : a >>> b)],
  ["isar", (a, b) => (b >>> 0 >= 32 ? a >> 31 : a >> b)],
  ["ieq", (a, b) => Number(a === b)],
  ["ilt", (a, b) => Number(a < b)],
  ["ile", (a, b) => Number(a <= b)],
];

for (const [op, expected] of integers) {
  test(`${op} is JavaScript's`, () => {
    const random = seeded(6);
    for (const [a, b] of pairs(intCorners, () => intWord(random), 2000)) {
      assert.equal(apply(op, [a, b]), expected(a | 0, b | 0) >>> 0, show(op, a, b));
    }
  });
}

test("toFloat rounds once, toInt truncates and saturates", () => {
  const random = seeded(7);
  for (const a of [...intCorners, ...Array.from({ length: 2000 }, () => intWord(random))]) {
    assert.equal(apply("toFloat", [a]), word(a | 0), show("toFloat", a));
  }
  for (const a of [...floatCorners, ...otherNaNs, ...Array.from({ length: 2000 }, () => floatWord(random))]) {
    const number = value(a);
    const expected = Number.isNaN(number) ? 0 : Math.min(Math.max(Math.trunc(number), -(2 ** 31)), 2 ** 31 - 1);
    assert.equal(apply("toInt", [a]), expected >>> 0, show("toInt", a));
  }
});

test("select moves words unchanged, NaNs too", () => {
  assert.equal(apply("select", [0x80000000, 0xffffffff, 1]), 0xffffffff);
  assert.equal(apply("select", [0, 1, 0x7f800001]), 0x7f800001);
});

test("every opcode yields the one NaN where it yields a NaN", () => {
  for (const nan of [0x7fc00000, ...otherNaNs]) {
    for (const [op, { arity }] of Object.entries(opcodes)) {
      if (!op.startsWith("f") || ["feq", "flt", "fle"].includes(op)) continue;
      for (let place = 0; place < arity; place++) {
        const args = Array.from({ length: arity }, (_, i) => (i === place ? nan : 0x40000000));
        assert.equal(apply(op as Opcode, args), 0x7fc00000, show(op, ...args));
      }
    }
  }
});

/** The integral of 2/√π e^(−t²), by Simpson's rule: good to 12 digits. */
function erfBySimpson(x: number): number {
  const steps = 2000;
  const f = (t: number) => Math.exp(-t * t);
  let sum = f(0) + f(x);
  for (let i = 1; i < steps; i++) sum += (i % 2 === 1 ? 4 : 2) * f((x * i) / steps);
  return ((2 / Math.sqrt(Math.PI)) * sum * x) / steps / 3;
}

/** Binary64 functions with a relative error that holds on every engine, for cases that are not too close to a tie. */
const transcendental: [Opcode, (a: number) => number, error: number][] = [
  ["fexp", Math.exp, 2 ** -50],
  ["flog", Math.log, 2 ** -50],
  ["ftanh", Math.tanh, 2 ** -48],
  ["fsigmoid", (a) => 1 / (1 + Math.exp(-a)), 2 ** -49],
  ["ferf", erfBySimpson, 2 ** -36],
  ["fsin", Math.sin, 2 ** -48],
  ["fcos", Math.cos, 2 ** -48],
];

for (const [op, approximate, error] of transcendental) {
  test(`${op} agrees with binary64 wherever that can decide`, () => {
    const random = seeded(8);
    const draws = Array.from({ length: 400 }, () => floatWord(random));
    let decided = 0;
    for (const a of [...floatCorners, ...draws]) {
      const number = value(a);
      if (op === "ferf" && Math.abs(number) > 6) continue;
      const double = approximate(number);
      if (word(double * (1 - error)) !== word(double * (1 + error))) continue;
      decided++;
      assert.equal(apply(op, [a]), word(double), show(op, a));
    }
    assert(decided > 250, `binary64 decided only ${decided}`);
  });
}

test("functions keep to their special values", () => {
  const [zero, negativeZero, one, infinity, negativeInfinity, nan] = [0, 0x80000000, 0x3f800000, 0x7f800000, 0xff800000, 0x7fc00000];
  const table: [Opcode, number, number][] = [
    ["fexp", infinity, infinity],
    ["fexp", negativeInfinity, zero],
    ["fexp", word(-200), zero],
    ["fexp", word(90), infinity],
    ["fexp", 0x00000001, one],
    ["flog", zero, negativeInfinity],
    ["flog", negativeZero, negativeInfinity],
    ["flog", word(-1), nan],
    ["flog", infinity, infinity],
    ["flog", one, zero],
    ["ftanh", negativeZero, negativeZero],
    ["ftanh", negativeInfinity, word(-1)],
    ["ftanh", word(20), one],
    ["ftanh", 0x80000001, 0x80000001],
    ["fsigmoid", negativeInfinity, zero],
    ["fsigmoid", infinity, one],
    ["fsigmoid", negativeZero, word(0.5)],
    ["fsigmoid", word(-103.5), 0x00000001],
    ["fsigmoid", word(-104.5), zero],
    ["ferf", negativeZero, negativeZero],
    ["ferf", infinity, one],
    ["ferf", negativeInfinity, word(-1)],
    ["fsin", negativeZero, negativeZero],
    ["fsin", infinity, nan],
    ["fcos", negativeInfinity, nan],
    ["fcos", negativeZero, one],
  ];
  for (const [op, a, expected] of table) assert.equal(apply(op, [a]), expected, show(op, a));
});

test("functions grow where the real ones do, across every change of method", () => {
  for (const op of ["fexp", "ftanh", "fsigmoid", "ferf"] as const) {
    for (const centre of [89, 88.72284, -87.33655, -103.97, -104, 10, 4.5, 1, 0.5, -0.5, -4.5, -10]) {
      const from = word(centre) - 20;
      const words = Array.from({ length: 40 }, (_, i) => apply(op, [from + i]));
      const values = (centre < 0 ? words.reverse() : words).map(value);
      assert(
        values.every((v, i) => i === 0 || v >= values[i - 1]!),
        `${op} around ${centre}`,
      );
    }
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tensor } from "../../../oracle/core/tensor.ts";
import { measure, proposeTolerance } from "../../../oracle/canonical/calibration.ts";
import { firstOutside, isNearTie, isWithin } from "../../../oracle/canonical/tolerance.ts";
import { floatWord, seeded } from "./seeded.ts";

const word = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0]!;
const delta = (absolute: number, relative: number) => ({ absolute: word(absolute), relative: word(relative) });
const floats = (...values: number[]): Tensor => ({
  dtype: "float32",
  shape: [values.length],
  data: new Uint8Array(Float32Array.from(values).buffer),
});

test("the tolerance is exact to the last bit", () => {
  const one = word(1);
  assert(isWithin(one + 1, one, delta(2 ** -23, 0)));
  assert(!isWithin(one + 1, one, { absolute: word(2 ** -23) - 1, relative: 0 }));
  assert(isWithin(one + 1, one, delta(0, 2 ** -23)));
  assert(isWithin(one + 1, one, delta(2 ** -24, 2 ** -24)));
  assert(!isWithin(one + 1, one, { absolute: word(2 ** -24) - 1, relative: word(2 ** -24) }));
  // 2^127 − 2^-149 is no binary64: a tolerance of 2^127 allows it, and so does nothing smaller.
  assert(isWithin(word(2 ** 127), 1, delta(2 ** 127, 0)));
  assert(!isWithin(word(2 ** 127), 1, { absolute: word(2 ** 127) - 1, relative: 0 }));
  assert(isWithin(0x80000000, 0, delta(0, 0)), "both zeros are one number");
  assert(!isWithin(1, 0x80000001, { absolute: 1, relative: 0 }));
  assert(isWithin(1, 0x80000001, { absolute: 2, relative: 0 }));
});

test("NaN is right for NaN alone, an infinity for itself alone", () => {
  const wide = delta(3e38, 3e38);
  assert(isWithin(0xffffffff, 0x7fc00000, wide));
  for (const [posted, canonical] of [
    [0x7fc00000, 0],
    [0, 0x7fc00000],
    [0x7f800000, 0x7f7fffff],
    [0x7f7fffff, 0x7f800000],
    [0xff800000, 0x7f800000],
  ] as const) {
    assert(!isWithin(posted, canonical, wide));
  }
  assert(isWithin(0xff800000, 0xff800000, delta(0, 0)));
});

test("another choice may be twice the tolerance worse, and no more", () => {
  const one = word(1);
  assert(isNearTie(one, one, delta(0, 0), true));
  assert(!isNearTie(one - 1, one, delta(0, 0), true));
  assert(isNearTie(one - 1, one, delta(2 ** -25, 0), true));
  assert(!isNearTie(one - 1, one, { absolute: word(2 ** -25) - 1, relative: 0 }, true));
  assert(isNearTie(one - 1, one, delta(0, 2 ** -25), true));
  assert(isNearTie(word(0), word(-2), delta(0, 0.5), false), "the smallest is sought");
  assert(!isNearTie(1, word(-2), delta(0, 0.5), false));
  assert(isNearTie(word(2), one, delta(0, 0), true), "a better choice than the one that is compared with");
  const wide = delta(3e38, 3e38);
  assert(!isNearTie(0x7fc00000, 0x7fc00000, wide, true), "NaN ties with nothing");
  assert(!isNearTie(0x7f7fffff, 0x7f800000, wide, true));
  assert(isNearTie(0x7f800000, 0x7f800000, delta(0, 0), true));
});

test("the first element outside is named", () => {
  assert.equal(firstOutside(floats(1, 2, 3.5, 9), floats(1, 2, 3, 4), delta(0.25, 0)), 2);
  assert.equal(firstOutside(floats(1, 2, 3.5, 4), floats(1, 2, 3, 4), delta(0.5, 0)), null);
  assert.equal(firstOutside(floats(NaN), floats(NaN), delta(0, 0)), null);
  const integers = (...values: number[]): Tensor => ({ dtype: "int32", shape: [3], data: new Uint8Array(Int32Array.from(values).buffer) });
  assert.equal(firstOutside(integers(1, 2, 259), integers(1, 2, 3), delta(1000, 0)), 2);
  assert.throws(() => firstOutside(floats(1), integers(1, 2, 3), delta(0, 0)), { name: "ToleranceError", message: /can't be compared/ });
  assert.throws(() => firstOutside(floats(1), floats(1), { absolute: 0x7f800000, relative: 0 }), { message: /finite and not negative/ });
});

test("errors are measured over all samples", () => {
  const errors = measure([
    { canonical: floats(1, -100, 0), fast: floats(1.5, -101, 0.25) },
    { canonical: floats(NaN, Infinity, 2), fast: floats(NaN, 5, 2) },
  ]);
  assert.deepEqual(errors, { elements: 6, different: 4, incomparable: 1, maxAbsolute: 1, maxRelative: 0.5 });
});

test("a proposed tolerance allows every error with its margin, and suits the sizes", () => {
  const random = seeded(70);
  const draw = () => new Float32Array(Uint32Array.of(floatWord(random)).buffer)[0]!;
  const finite = () => {
    for (;;) {
      const value = draw();
      if (Math.abs(value) < 1e30) return value;
    }
  };
  for (let i = 0; i < 40; i++) {
    const canonical = Array.from({ length: 50 }, finite);
    const noise = canonical.map((value) => value * 1e-5 * (random.int(-9, 9) / 9) + 1e-3 * (random.int(-9, 9) / 9));
    const sample = (margin: number) => ({
      canonical: floats(...canonical),
      fast: floats(...canonical.map((value, j) => value + margin * noise[j]!)),
    });
    const tolerance = proposeTolerance([sample(1)], 4)!;
    assert.equal(firstOutside(sample(3.9).fast, sample(3.9).canonical, tolerance), null);
  }
  const sizes = [1, 2, 4, 8, 16, 32, 64, 0];
  const relative = proposeTolerance([{ canonical: floats(...sizes), fast: floats(...sizes.map((size) => size * (1 + 2 ** -20))) }], 2)!;
  assert.deepEqual(relative, delta(0, 2 ** -19));
  const absolute = proposeTolerance([{ canonical: floats(...sizes), fast: floats(...sizes.map((size) => size + 2 ** -10)) }], 2)!;
  assert.deepEqual(absolute, delta(2 ** -9, 0));
});

test("there is no tolerance for an answer that is NaN or infinite where the canonical one is not, nor for another integer", () => {
  assert.equal(proposeTolerance([{ canonical: floats(1), fast: floats(NaN) }], 4), null);
  const bytes = (...values: number[]): Tensor => ({ dtype: "uint8", shape: [2], data: Uint8Array.from(values) });
  assert.equal(proposeTolerance([{ canonical: bytes(1, 2), fast: bytes(1, 3) }], 4), null);
  assert.deepEqual(proposeTolerance([{ canonical: bytes(1, 2), fast: bytes(1, 2) }], 4), { absolute: 0, relative: 0 });
  assert.deepEqual(measure([{ canonical: bytes(1, 2), fast: bytes(1, 3) }]).different, 1);
});

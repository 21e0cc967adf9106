/**
 * The correctly rounded functions (docs/canonical.md, section 5): an interval that holds the real value is narrowed until
 * both of its ends round to the same binary32. It ends, since at a binary32 other than the special cases
 * none of these functions is halfway between two numbers.
 */
import type { Word } from "../program/types.ts";
import { compare, infinity, isInfinite, isNaN32, isNegative, isZero, nan, one, round, unitExponent, units, withSign } from "./binary32.ts";
import { errorFunction, exponential, fixed, logarithm, sine, slack } from "./fixedPoint.ts";

/** Two fractions, and a power of two that both are to be multiplied by. */
interface Bracket {
  low: [numerator: bigint, denominator: bigint];
  high: [numerator: bigint, denominator: bigint];
  exponent: number;
}

/** @param bracket holds the real value; the larger q, the narrower. */
function narrowed(bracket: (q: number) => Bracket): Word {
  for (let q = 192; ; q *= 2) {
    const { low, high, exponent } = bracket(q);
    const word = round(...low, exponent);
    if (word === round(...high, exponent)) return word;
  }
}

const around = (value: bigint, exponent: number): Bracket => ({ low: [value - slack, 1n], high: [value + slack, 1n], exponent });

const word32 = (value: number): Word => new Uint32Array(Float32Array.of(value).buffer)[0]!;
const above = (a: Word, value: number) => compare(a, word32(value)) > 0;

/** e^−104 < 2^−150, half of the smallest subnormal; e^89 > 2^128. */
export function fexp(a: Word): Word {
  if (isNaN32(a)) return nan;
  if (isZero(a)) return one;
  if (above(a, 89)) return infinity;
  if (!above(a, -104)) return 0;
  return narrowed((q) => {
    const { value, exponent } = exponential(fixed(units(a), unitExponent, q), q);
    return around(value, exponent - q);
  });
}

export function flog(a: Word): Word {
  if (isNaN32(a)) return nan;
  if (isZero(a)) return withSign(infinity, true);
  if (isNegative(a)) return nan;
  if (isInfinite(a)) return a;
  if (a === one) return 0;
  return narrowed((q) => around(logarithm(units(a), unitExponent, q), -q));
}

/** 1 − tanh 10 < 2^−25. */
export function ftanh(a: Word): Word {
  if (isNaN32(a)) return nan;
  if (isZero(a)) return a;
  const magnitude = withSign(a, false);
  if (above(magnitude, 10)) return withSign(one, isNegative(a));
  const word = narrowed((q) => {
    // tanh x = (e^2x − 1) / (e^2x + 1) grows with e^2x.
    const { value, exponent } = exponential(fixed(units(magnitude), unitExponent + 1, q), q);
    const unit = 1n << BigInt(q);
    const at = (power: bigint): [bigint, bigint] => [power - unit, power + unit];
    return { low: at((value - slack) << BigInt(exponent)), high: at((value + slack) << BigInt(exponent)), exponent: 0 };
  });
  return withSign(word, isNegative(a));
}

/** For |x| > 104, e^−|x| is below 2^−150. */
export function fsigmoid(a: Word): Word {
  if (isNaN32(a)) return nan;
  if (isZero(a)) return word32(0.5);
  if (above(withSign(a, false), 104)) return isNegative(a) ? 0 : one;
  return narrowed((q) => {
    // With t = e^−|x| = value / unit: t / (1 + t) left of zero, 1 / (1 + t) right of it.
    const { value, exponent } = exponential(fixed(units(withSign(a, true)), unitExponent, q), q);
    const unit = 1n << BigInt(q - exponent);
    const [few, many] = [value - slack, value + slack];
    return isNegative(a)
      ? { low: [few, unit + few], high: [many, unit + many], exponent: 0 }
      : { low: [unit, unit + many], high: [unit, unit + few], exponent: 0 };
  });
}

/** 1 − erf 4.5 < 2^−25. */
export function ferf(a: Word): Word {
  if (isNaN32(a)) return nan;
  if (isZero(a)) return a;
  if (above(withSign(a, false), 4.5)) return withSign(one, isNegative(a));
  return narrowed((q) => around(errorFunction(fixed(units(a), unitExponent, q), q), -q));
}

export function fsin(a: Word): Word {
  if (isNaN32(a) || isInfinite(a)) return nan;
  if (isZero(a)) return a;
  return narrowed((q) => around(sine(units(a), unitExponent, 0, q), -q));
}

export function fcos(a: Word): Word {
  if (isNaN32(a) || isInfinite(a)) return nan;
  if (isZero(a)) return one;
  return narrowed((q) => around(sine(units(a), unitExponent, 1, q), -q));
}

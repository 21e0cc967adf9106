/** binary32 as exact numbers, and the one rounding (docs/canonical.md, section 1). */
import type { Word } from "../program/types.ts";

export const nan: Word = 0x7fc00000;
export const infinity: Word = 0x7f800000;
export const one: Word = 0x3f800000;
const signBit = 0x80000000;

/** Every number that is neither NaN nor infinite is an integer multiple of 2^-149. */
export const unitExponent = -149;

export const isNaN32 = (word: Word) => (word & ~signBit) >>> 0 > infinity;
export const isInfinite = (word: Word) => (word & ~signBit) >>> 0 === infinity;
export const isZero = (word: Word) => (word & ~signBit) === 0;
export const isNegative = (word: Word) => word >= signBit;
export const negated = (word: Word): Word => (word ^ signBit) >>> 0;
export const withSign = (word: Word, negative: boolean): Word => ((word & ~signBit) | (negative ? signBit : 0)) >>> 0;

/** @returns the integer n such that the word's value is n · 2^-149; the word must be finite. Both zeros are 0. */
export function units(word: Word): bigint {
  const exponent = (word >>> 23) & 0xff;
  const fraction = word & 0x7fffff;
  const magnitude = exponent === 0 ? BigInt(fraction) : BigInt(fraction + 0x800000) << BigInt(exponent - 1);
  return isNegative(word) ? -magnitude : magnitude;
}

const bitLength = (n: bigint) => n.toString(2).length;

/**
 * @param exponent of two.
 * @returns RN(numerator / denominator · 2^exponent); +0 for a numerator of 0. The denominator is positive.
 */
export function round(numerator: bigint, denominator: bigint, exponent: number): Word {
  if (numerator === 0n) return 0;
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  // The quotient's leading bit has the weight 2^top or 2^(top - 1).
  const top = bitLength(magnitude) - bitLength(denominator) + exponent;
  let unit = Math.max(top - 24, unitExponent);
  let [quotient, twice, divisor] = divide(magnitude, denominator, exponent - unit);
  if (quotient >= 1n << 24n) {
    unit++;
    [quotient, twice, divisor] = divide(magnitude, denominator, exponent - unit);
  }
  if (twice > divisor || (twice === divisor && (quotient & 1n) === 1n)) quotient++;
  // A significand that is carried into its 25th bit, or up from the subnormals, carries into the exponent by itself.
  const bits = Number(quotient) + (unit - unitExponent) * 2 ** 23;
  return withSign(Math.min(bits, infinity), negative);
}

/** @returns the quotient of n/d · 2^shift, twice the remainder, and what that is to be compared with. */
function divide(n: bigint, d: bigint, shift: number): [quotient: bigint, twiceRemainder: bigint, divisor: bigint] {
  const [numerator, divisor] = shift >= 0 ? [n << BigInt(shift), d] : [n, d << BigInt(-shift)];
  return [numerator / divisor, 2n * (numerator % divisor), divisor];
}

/** @returns -1, 0 or 1 by value; −0 equals +0. Neither may be NaN. */
export function compare(a: Word, b: Word): number {
  const key = (word: Word) => (isNegative(word) ? -(word - signBit) : word);
  return Math.sign(key(a) - key(b)) + 0;
}

/** Arithmetic in binary32 (docs/canonical.md, section 5): each operation is exact, then rounded once. */
import type { Word } from "../program/types.ts";
import {
  compare,
  infinity,
  isInfinite,
  isNaN32,
  isNegative,
  isZero,
  nan,
  negated,
  one,
  round,
  unitExponent,
  units,
  withSign,
} from "./binary32.ts";

export function fadd(a: Word, b: Word): Word {
  if (isNaN32(a) || isNaN32(b)) return nan;
  if (isInfinite(a)) return isInfinite(b) && a !== b ? nan : a;
  if (isInfinite(b)) return b;
  if (isZero(a) && isZero(b)) return isNegative(a) && isNegative(b) ? a : 0;
  return round(units(a) + units(b), 1n, unitExponent);
}

export function fsub(a: Word, b: Word): Word {
  return fadd(a, negated(b));
}

const signsDiffer = (a: Word, b: Word) => isNegative(a) !== isNegative(b);

export function fmul(a: Word, b: Word): Word {
  if (isNaN32(a) || isNaN32(b)) return nan;
  if (isInfinite(a) || isInfinite(b)) return isZero(a) || isZero(b) ? nan : withSign(infinity, signsDiffer(a, b));
  return withSign(round(units(a) * units(b), 1n, 2 * unitExponent), signsDiffer(a, b));
}

export function fdiv(a: Word, b: Word): Word {
  if (isNaN32(a) || isNaN32(b)) return nan;
  if (isInfinite(a)) return isInfinite(b) ? nan : withSign(infinity, signsDiffer(a, b));
  if (isInfinite(b)) return withSign(0, signsDiffer(a, b));
  if (isZero(b)) return isZero(a) ? nan : withSign(infinity, signsDiffer(a, b));
  const [n, d] = [units(a), units(b)];
  return withSign(round(n < 0n ? -n : n, d < 0n ? -d : d, 0), signsDiffer(a, b));
}

export function fmax(a: Word, b: Word): Word {
  if (isNaN32(a) || isNaN32(b)) return nan;
  if (isZero(a) && isZero(b)) return isNegative(a) ? b : a;
  return compare(a, b) >= 0 ? a : b;
}

export function fmin(a: Word, b: Word): Word {
  return isNaN32(a) || isNaN32(b) ? nan : negated(fmax(negated(a), negated(b)));
}

export function frem(a: Word, b: Word): Word {
  if (isNaN32(a) || isNaN32(b) || isInfinite(a) || isZero(b)) return nan;
  if (isInfinite(b)) return a;
  return withSign(round(units(a) % units(b), 1n, unitExponent), isNegative(a));
}

/** @returns NaN for NaN, else `value(a)`. */
const unlessNaN = (value: (a: Word) => Word) => (a: Word) => (isNaN32(a) ? nan : value(a));

export const fneg = unlessNaN(negated);
export const fabs = unlessNaN((a) => withSign(a, false));
export const fsign = unlessNaN((a) => (isZero(a) ? 0 : withSign(one, isNegative(a))));

/** Rounds to an integer by what `choose` makes of the floor and of what is left, in units of 2^-149. */
const toInteger = (choose: (floor: bigint, rest: bigint, unit: bigint) => bigint) =>
  unlessNaN((a) => {
    if (isInfinite(a)) return a;
    const unit = 1n << BigInt(-unitExponent);
    const n = units(a);
    const rest = ((n % unit) + unit) % unit;
    return withSign(round(choose((n - rest) / unit, rest, unit), 1n, 0), isNegative(a));
  });

export const ffloor = toInteger((floor) => floor);
export const fceil = toInteger((floor, rest) => (rest === 0n ? floor : floor + 1n));
export const ftrunc = toInteger((floor, rest) => (rest === 0n || floor >= 0n ? floor : floor + 1n));
export const fround = toInteger((floor, rest, unit) => {
  const up = 2n * rest > unit || (2n * rest === unit && floor % 2n !== 0n);
  return up ? floor + 1n : floor;
});

const integerRoot = (n: bigint): bigint => {
  if (n < 2n) return n;
  let root = 1n << BigInt(Math.ceil(n.toString(2).length / 2));
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
};

export const fsqrt = unlessNaN((a) => {
  if (isZero(a)) return a;
  if (isNegative(a)) return nan;
  if (isInfinite(a)) return a;
  // The value is n · 2^-149 = (2 n) · 2^-150; the root of 2 n · 2^128 has over 64 bits, and a last bit for what is left tells ties.
  const square = units(a) << 129n;
  const root = integerRoot(square);
  const sticky = root * root === square ? 0n : 1n;
  return round(2n * root + sticky, 1n, -75 - 64 - 1);
});

export function feq(a: Word, b: Word): Word {
  return !isNaN32(a) && !isNaN32(b) && compare(a, b) === 0 ? 1 : 0;
}

export function flt(a: Word, b: Word): Word {
  return !isNaN32(a) && !isNaN32(b) && compare(a, b) < 0 ? 1 : 0;
}

export function fle(a: Word, b: Word): Word {
  return !isNaN32(a) && !isNaN32(b) && compare(a, b) <= 0 ? 1 : 0;
}

/** Integer operations (docs/canonical.md, section 5): exact in bigint, then taken modulo 2^32. */
import type { Word } from "../program/types.ts";
import { isInfinite, isNaN32, isNegative, round, unitExponent, units } from "./binary32.ts";

export const signed = (word: Word): bigint => BigInt(word | 0);
export const wrapped = (value: bigint): Word => Number(BigInt.asUintN(32, value));

export const largest = 2n ** 31n - 1n;
export const smallest = -(2n ** 31n);

/** @returns the nearest i32. */
export const saturated = (value: bigint): Word => wrapped(value > largest ? largest : value < smallest ? smallest : value);

const binary = (value: (a: bigint, b: bigint) => bigint) => (a: Word, b: Word) => wrapped(value(signed(a), signed(b)));

export const iadd = binary((a, b) => a + b);
export const isub = binary((a, b) => a - b);
export const imul = binary((a, b) => a * b);
export const idiv = binary((a, b) => (b === 0n ? 0n : a / b));
export const irem = binary((a, b) => (b === 0n ? 0n : a % b));
export const imod = binary((a, b) => (b === 0n ? 0n : ((a % b) + b) % b));
export const imin = binary((a, b) => (a < b ? a : b));
export const imax = binary((a, b) => (a > b ? a : b));
export const iand = binary((a, b) => a & b);
export const ior = binary((a, b) => a | b);
export const ixor = binary((a, b) => a ^ b);

export const ishl = (a: Word, b: Word): Word => wrapped(b >= 32 ? 0n : BigInt(a) << BigInt(b));
export const ishr = (a: Word, b: Word): Word => wrapped(BigInt(a) >> BigInt(b));
export const isar = (a: Word, b: Word): Word => wrapped(signed(a) >> BigInt(b));

const truth = (holds: boolean): Word => (holds ? 1 : 0);

export const ieq = (a: Word, b: Word): Word => truth(a === b);
export const ilt = (a: Word, b: Word): Word => truth(signed(a) < signed(b));
export const ile = (a: Word, b: Word): Word => truth(signed(a) <= signed(b));

export function toInt(a: Word): Word {
  if (isNaN32(a)) return 0;
  if (isInfinite(a)) return wrapped(isNegative(a) ? smallest : largest);
  return saturated(units(a) / (1n << BigInt(-unitExponent)));
}

export const toFloat = (a: Word): Word => round(signed(a), 1n, 0);

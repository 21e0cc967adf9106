/** Operations on intervals. Rounding keeps order, so the rounded ends hold every rounded value between them. */
import type { Opcode } from "../program/opcodes.ts";

/** From `low` to `high`, infinities included; `nan` where an element may be NaN besides. */
export interface Interval {
  low: number;
  high: number;
  nan: boolean;
}

export const real: Interval = { low: -Infinity, high: Infinity, nan: true };
export const i32: Interval = { low: -(2 ** 31), high: 2 ** 31 - 1, nan: false };
const truth: Interval = { low: 0, high: 1, nan: false };

export const exactly = (value: number): Interval => (Number.isNaN(value) ? real : { low: value, high: value, nan: false });

export const hull = (a: Interval, b: Interval): Interval => ({
  low: Math.min(a.low, b.low),
  high: Math.max(a.high, b.high),
  nan: a.nan || b.nan,
});

const isInfinite = ({ low, high }: Interval) => low === -Infinity || high === Infinity;
const holdsZero = ({ low, high }: Interval) => low <= 0 && high >= 0;

/** The smallest interval of all values, rounded to binary32; a NaN among them stands for any number. */
function around(values: readonly number[], nan: boolean): Interval {
  if (values.some(Number.isNaN)) return { low: -Infinity, high: Infinity, nan };
  return { low: Math.fround(Math.min(...values)), high: Math.fround(Math.max(...values)), nan };
}

const add = (a: Interval, b: Interval): Interval =>
  around(
    [a.low + b.low, a.high + b.high],
    a.nan || b.nan || (a.high === Infinity && b.low === -Infinity) || (a.low === -Infinity && b.high === Infinity),
  );

const negated = ({ low, high, nan }: Interval): Interval => ({ low: -high, high: -low, nan });

function multiply(a: Interval, b: Interval): Interval {
  const corners = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
  return around(corners, a.nan || b.nan || (isInfinite(a) && holdsZero(b)) || (isInfinite(b) && holdsZero(a)));
}

function divide(a: Interval, b: Interval): Interval {
  const nan = a.nan || b.nan || (isInfinite(a) && isInfinite(b)) || (holdsZero(a) && holdsZero(b));
  if (holdsZero(b)) return { low: -Infinity, high: Infinity, nan };
  return around([a.low / b.low, a.low / b.high, a.high / b.low, a.high / b.high], nan);
}

/** A function that never falls, with room for what binary64 may err by. */
function rising({ low, high, nan }: Interval, compute: (x: number) => number, isNaN = false): Interval {
  const least = compute(low);
  const most = compute(high);
  return { low: least - 1e-6 * Math.abs(least), high: most + 1e-6 * Math.abs(most), nan: nan || isNaN };
}

function absolute({ low, high, nan }: Interval): Interval {
  const most = Math.max(Math.abs(low), Math.abs(high));
  return { low: low <= 0 && high >= 0 ? 0 : Math.min(Math.abs(low), Math.abs(high)), high: most, nan };
}

/** Integers wrap: beyond 32 bits anything is possible. */
const wrapped = (interval: Interval): Interval => (interval.low >= i32.low && interval.high <= i32.high ? interval : i32);
const integers = (values: readonly number[]): Interval => wrapped({ low: Math.min(...values), high: Math.max(...values), nan: false });
const within = (low: number, high: number, nan: boolean): Interval => ({ low, high, nan });

const unary: Partial<Record<Opcode, (a: Interval) => Interval>> = {
  fneg: negated,
  fabs: absolute,
  fsign: ({ nan }) => within(-1, 1, nan),
  ffloor: (a) => rising(a, Math.floor),
  fceil: (a) => rising(a, Math.ceil),
  ftrunc: (a) => rising(a, Math.trunc),
  fround: ({ low, high, nan }) => within(Math.floor(low), Math.ceil(high), nan),
  fsqrt: (a) => rising(a, (x) => Math.sqrt(Math.max(0, x)), a.low < 0),
  fexp: (a) => rising(a, Math.exp),
  flog: (a) => rising(a, (x) => Math.log(Math.max(0, x)), a.low < 0),
  ftanh: ({ nan }) => within(-1, 1, nan),
  fsigmoid: ({ nan }) => within(0, 1, nan),
  ferf: ({ nan }) => within(-1, 1, nan),
  fsin: (a) => within(-1, 1, a.nan || isInfinite(a)),
  fcos: (a) => within(-1, 1, a.nan || isInfinite(a)),
  toInt: ({ low, high, nan }) => {
    const clamp = (x: number) => Math.min(i32.high, Math.max(i32.low, Math.trunc(x)));
    const found = within(clamp(low), clamp(high), false);
    return nan ? hull(found, exactly(0)) : found;
  },
  toFloat: ({ low, high }) => within(Math.fround(low), Math.fround(high), false),
};

const binary: Partial<Record<Opcode, (a: Interval, b: Interval) => Interval>> = {
  fadd: add,
  fsub: (a, b) => add(a, negated(b)),
  fmul: multiply,
  fdiv: divide,
  fmax: (a, b) => within(Math.max(a.low, b.low), Math.max(a.high, b.high), a.nan || b.nan),
  fmin: (a, b) => within(Math.min(a.low, b.low), Math.min(a.high, b.high), a.nan || b.nan),
  iadd: (a, b) => integers([a.low + b.low, a.high + b.high]),
  isub: (a, b) => integers([a.low - b.high, a.high - b.low]),
  imul: (a, b) => integers([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high]),
  imin: (a, b) => within(Math.min(a.low, b.low), Math.min(a.high, b.high), false),
  imax: (a, b) => within(Math.max(a.low, b.low), Math.max(a.high, b.high), false),
  iand: (a, b) => (a.low >= 0 ? within(0, a.high, false) : b.low >= 0 ? within(0, b.high, false) : i32),
};

const comparisons = new Set<Opcode>(["feq", "flt", "fle", "ieq", "ilt", "ile"]);

export function applyInterval(op: Opcode, args: readonly Interval[]): Interval {
  const [a, b, c] = args;
  if (op === "select") return hull(b!, c!);
  if (comparisons.has(op)) return truth;
  const one = unary[op];
  if (one !== undefined) return one(a!);
  const two = binary[op];
  if (two !== undefined) return two(a!, b!);
  return op.startsWith("f") ? real : i32;
}

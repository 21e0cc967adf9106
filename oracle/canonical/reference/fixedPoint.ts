/**
 * Elementary functions in fixed point: integers in units of 2^-q, q at least 192.
 *
 * INVARIANT: what a function of this file returns differs from the real value by less than `slack` units.
 * A division or product that is cut off costs one unit. No series here has more than 2^12 terms, and no error is
 * amplified by more than 2^40 (the alternating series of erf at |x| < 5: e^25 < 2^37), so 2^64 is ample.
 */

/** In units of 2^-q. */
export const slack = 1n << 64n;

const cached = (compute: (q: number) => bigint) => {
  const known = new Map<number, bigint>();
  return (q: number): bigint => {
    let value = known.get(q);
    if (value === undefined) known.set(q, (value = compute(q)));
    return value;
  };
};

/** @returns the value n · 2^exponent in units of 2^-q, cut off. */
export function fixed(n: bigint, exponent: number, q: number): bigint {
  const shift = exponent + q;
  return shift >= 0 ? n << BigInt(shift) : n >> BigInt(-shift);
}

/** Σ z^(2i+1) / (2i+1) for sign = 1 (atanh), with alternating signs for −1 (atan); |z| ≤ 1/3. */
function inverseTangentSeries(z: bigint, q: number, sign: 1n | -1n): bigint {
  const shift = BigInt(q);
  const square = (z * z) >> shift;
  let power = z;
  let sum = 0n;
  for (let n = 1n; power !== 0n && power !== -1n; n += 2n) {
    sum += power / n;
    power = sign * ((power * square) >> shift);
  }
  return sum;
}

/** ln 2 = 2 atanh(1/3). */
const ln2 = cached((q) => 2n * inverseTangentSeries((1n << BigInt(q)) / 3n, q, 1n));

/** π by Machin: 16 atan(1/5) − 4 atan(1/239). */
export const pi = cached((q) => {
  const unit = 1n << BigInt(q);
  return 16n * inverseTangentSeries(unit / 5n, q, -1n) - 4n * inverseTangentSeries(unit / 239n, q, -1n);
});

export interface Scaled {
  /** In units of 2^(exponent - q), known to within `slack` of them. */
  value: bigint;
  exponent: number;
}

/** e^x as a number between 1/2 and 2 times a power of two; |x| < 2^10, so the quotient by ln 2 loses less than 2^11 units. */
export function exponential(x: bigint, q: number): Scaled {
  const log = ln2(q);
  const exponent = (2n * x + log) / (2n * log) - (2n * x + log < 0n ? 1n : 0n);
  const rest = x - exponent * log;
  let term = 1n << BigInt(q);
  let sum = 0n;
  for (let n = 1n; term !== 0n && term !== -1n; n++) {
    sum += term;
    term = ((term * rest) >> BigInt(q)) / n;
  }
  return { value: sum, exponent: Number(exponent) };
}

/** ln(n · 2^exponent) for n > 0, |exponent| < 2^10. */
export function logarithm(n: bigint, exponent: number, q: number): bigint {
  // n = m · 2^bits with m in [2/3, 4/3): no cancellation near 1.
  let bits = n.toString(2).length;
  if (3n * n < 1n << BigInt(bits + 1)) bits--;
  const unit = 1n << BigInt(q);
  const m = fixed(n, -bits, q);
  const z = ((m - unit) << BigInt(q)) / (m + unit);
  return 2n * inverseTangentSeries(z, q, 1n) + BigInt(exponent + bits) * ln2(q);
}

/** erf x for |x| < 5. */
export function errorFunction(x: bigint, q: number): bigint {
  const shift = BigInt(q);
  const square = (x * x) >> shift;
  let term = x;
  let sum = 0n;
  for (let n = 1n; term !== 0n && term !== -1n; n++) {
    sum += term / (2n * n - 1n);
    term = -((term * square) >> shift) / n;
  }
  return ((2n * sum) << shift) / root(pi(q) << shift);
}

function root(n: bigint): bigint {
  let guess = 1n << BigInt(Math.ceil(n.toString(2).length / 2));
  for (;;) {
    const next = (guess + n / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}

/** Reduces exactly known x by a multiple of π/2 that has up to 2^129 of them: π is taken to 160 more bits. */
function reduced(n: bigint, exponent: number, q: number): { rest: bigint; quadrant: number } {
  const more = q + 160;
  const x = fixed(n, exponent, more);
  const half = pi(more) / 2n;
  const doubled = 2n * x + half;
  const quotient = doubled / (2n * half) - (doubled < 0n ? 1n : 0n);
  return { rest: (x - quotient * half) >> 160n, quadrant: Number(BigInt.asUintN(2, quotient)) };
}

/** Σ of (−1)^i r^(2i+first) / (2i+first)!: sin for first = 1, cos for 0. */
function circularSeries(r: bigint, q: number, first: 0 | 1): bigint {
  const shift = BigInt(q);
  const square = (r * r) >> shift;
  let term = first === 1 ? r : 1n << shift;
  let sum = 0n;
  for (let n = BigInt(first); term !== 0n && term !== -1n; n += 2n) {
    sum += term;
    term = -((term * square) >> shift) / ((n + 1n) * (n + 2n));
  }
  return sum;
}

/** sin of n · 2^exponent + quarters · π/2; exponent at least −149, the number below 2^128. */
export function sine(n: bigint, exponent: number, quarters: 0 | 1, q: number): bigint {
  const { rest, quadrant } = reduced(n, exponent, q);
  const turned = (quadrant + quarters) % 4;
  const value = circularSeries(rest, q, turned % 2 === 0 ? 1 : 0);
  return turned < 2 ? value : -value;
}

/**
 * Exact sums of products of binary32, rounded once (docs/canonical.md, section 4).
 *
 * The sum is a fixed-point number in units of 2^-298 (the product of the two smallest subnormals), kept as `limbs` signed 64-bit
 * digits of 32 bits. The largest product is below 2^256 = 2^554 units; with 2^32 terms and a bias 587 bits are enough, 20 digits hold 640.
 * A digit takes up to 2^31 additions of less than 2^32 before it could overflow, which no row reaches in memory.
 */
import { quietNaN } from "./words";

const limbs: usize = 20;

/** Bytes of an accumulator. */
export function accumulatorBytes(): usize {
  return 8 * limbs;
}

export function clearAccumulator(acc: usize): void {
  memory.fill(acc, 0, 8 * limbs);
}

/** The significand of a finite binary32; its unit is 2^(exponent(bits) − 149). */
function significand(bits: u32): u64 {
  const fraction: u64 = bits & 0x7fffff;
  return (bits & 0x7f800000) == 0 ? fraction : fraction | 0x800000;
}

function exponent(bits: u32): u32 {
  const e = (bits >> 23) & 0xff;
  return e == 0 ? 0 : e - 1;
}

/** Adds the product of two finite binary32 numbers. */
export function accumulate(acc: usize, a: u32, b: u32): void {
  const product = significand(a) * significand(b);
  if (product == 0) return;
  const shift = exponent(a) + exponent(b);
  const at = acc + (((<usize>shift) >> 5) << 3);
  const s = <u64>(shift & 31);
  // 48 bits moved by up to 31 take three digits.
  const low = <i64>((product << s) & 0xffffffff);
  const middle = <i64>((product >> (32 - s)) & 0xffffffff);
  const high = s == 0 ? <i64>0 : <i64>(product >> (64 - s));
  if (((a ^ b) & 0x80000000) == 0) {
    store<i64>(at, load<i64>(at) + low);
    store<i64>(at, load<i64>(at, 8) + middle, 8);
    store<i64>(at, load<i64>(at, 16) + high, 16);
  } else {
    store<i64>(at, load<i64>(at) - low);
    store<i64>(at, load<i64>(at, 8) - middle, 8);
    store<i64>(at, load<i64>(at, 16) - high, 16);
  }
}

function bit(acc: usize, i: i32): u32 {
  return i < 0 ? 0 : (<u32>(load<u64>(acc + (((<usize>i) >> 5) << 3)) >> (<u64>(i & 31)))) & 1;
}

/** RN(sum / divisor) as bits; the accumulator is used up. An exact zero is +0. @param divisor at least 1. */
export function roundAccumulator(acc: usize, divisor: u32): u32 {
  let carry: i64 = 0;
  for (let i: usize = 0; i < limbs; i++) {
    const digit = load<i64>(acc + 8 * i) + carry;
    store<i64>(acc + 8 * i, digit & 0xffffffff);
    carry = digit >> 32;
  }
  const sign: u32 = carry < 0 ? 0x80000000 : 0;
  if (carry < 0) {
    let one: i64 = 1;
    for (let i: usize = 0; i < limbs; i++) {
      const digit = (load<i64>(acc + 8 * i) ^ 0xffffffff) + one;
      store<i64>(acc + 8 * i, digit & 0xffffffff);
      one = digit >> 32;
    }
  }
  let remainder: u64 = 0;
  if (divisor != 1) {
    for (let i = <i32>limbs - 1; i >= 0; i--) {
      const at = acc + 8 * <usize>i;
      const value = (remainder << 32) | load<u64>(at);
      store<u64>(at, value / divisor);
      remainder = value % divisor;
    }
  }
  let top = <i32>limbs - 1;
  while (top >= 0 && load<u64>(acc + 8 * <usize>top) == 0) top--;
  // A quotient below one unit (2^-298) rounds to a zero of the sum's sign.
  if (top < 0) return remainder == 0 ? 0 : sign;
  const highest = 32 * top + 63 - <i32>clz(load<u64>(acc + 8 * <usize>top));
  // Bit 149 is the unit of the subnormals (2^-149).
  const lowest = max(149, highest - 23);
  let fraction: u32 = 0;
  for (let i = highest; i >= lowest; i--) fraction = (fraction << 1) | bit(acc, i);
  const half = bit(acc, lowest - 1);
  let sticky = remainder != 0;
  for (let i = lowest - 2; i >= 0 && !sticky; i--) {
    if ((i & 31) == 31 && load<u64>(acc + (((<usize>i) >> 5) << 3)) == 0) i -= 31;
    else sticky = bit(acc, i) == 1;
  }
  if (half == 1 && (sticky || (fraction & 1) == 1)) fraction++;
  // The fraction's carry into the exponent is the right one, from subnormal to normal and from normal to infinity too.
  const bits = ((<u32>(lowest - 149)) << 23) + fraction;
  return sign | min<u32>(bits, 0x7f800000);
}

function isNaNWord(bits: u32): bool {
  return (bits & 0x7fffffff) > 0x7f800000;
}

function isInfinite(bits: u32): bool {
  return (bits & 0x7fffffff) == 0x7f800000;
}

function isZero(bits: u32): bool {
  return (bits & 0x7fffffff) == 0;
}

/**
 * The value of an f32 contraction from its rows of k words, special values included.
 * An element is absent where the word in `a` differs from the one in `a2`, or `b` from `b2`: the rows filled with another pad. 0 for none absent.
 */
export function exactDot(a: usize, a2: usize, b: usize, b2: usize, k: usize, bias: u32, divisor: u32, acc: usize): u32 {
  clearAccumulator(acc);
  let infinities: u32 = 0;
  if (isNaNWord(bias)) return quietNaN;
  if (isInfinite(bias)) infinities = bias >> 31 ? 2 : 1;
  for (let i: usize = 0; i < k << 2; i += 4) {
    const x = load<u32>(a + i);
    const y = load<u32>(b + i);
    if (a2 != 0 && x != load<u32>(a2 + i)) continue;
    if (b2 != 0 && y != load<u32>(b2 + i)) continue;
    if ((x & 0x7f800000) != 0x7f800000 && (y & 0x7f800000) != 0x7f800000) {
      if (infinities == 0) accumulate(acc, x, y);
    } else {
      if (isNaNWord(x) || isNaNWord(y) || isZero(x) || isZero(y)) return quietNaN;
      infinities |= (x ^ y) >> 31 ? 2 : 1;
    }
  }
  if (infinities == 3) return quietNaN;
  if (infinities != 0) return infinities == 2 ? 0xff800000 : 0x7f800000;
  if (!isZero(bias)) accumulate(acc, bias, 0x3f800000);
  return roundAccumulator(acc, divisor);
}

/** How a sum takes its elements. */
export const enum Term {
  plain = 0,
  absolute = 1,
  square = 2,
}

/** The value of an f32 sum over a row in which absent elements are zeros, special values included. A divisor of 0 is 0/0. */
export function exactSum(x: usize, k: usize, term: i32, divisor: u32, acc: usize): u32 {
  clearAccumulator(acc);
  let infinities: u32 = 0;
  if (divisor == 0) return quietNaN;
  for (let i: usize = 0; i < k << 2; i += 4) {
    let v = load<u32>(x + i);
    if (term == Term.absolute) v &= 0x7fffffff;
    if ((v & 0x7f800000) == 0x7f800000) {
      if (isNaNWord(v)) return quietNaN;
      infinities |= term != Term.square && v >> 31 ? 2 : 1;
    } else if (infinities == 0) accumulate(acc, v, term == Term.square ? v : 0x3f800000);
  }
  if (infinities == 3) return quietNaN;
  if (infinities != 0) return infinities == 2 ? 0xff800000 : 0x7f800000;
  return roundAccumulator(acc, divisor);
}

/**
 * The operations of docs/canonical.md, section 5, over blocks of words. Bytes of opcodes: ../../program/opcodes.ts.
 * WebAssembly's binary32 arithmetic is IEEE 754 to the bit but for NaN payloads, so results that may be NaN are made canonical.
 */
import { applyScalar, applyVector } from "./functions";
import { canonical, quietNaN } from "./words";

const ONE: i32 = 1;

function truth(mask: v128): v128 {
  return v128.and(mask, i32x4.splat(ONE));
}

function remainder(a: u32, b: u32): u32 {
  const x = reinterpret<f32>(a);
  const y = reinterpret<f32>(b);
  if (x != x || y != y || y == 0 || abs(x) == <f32>Infinity) return quietNaN;
  if (abs(y) == <f32>Infinity) return a;
  return (reinterpret<u32>(x % y) & 0x7fffffff) | (a & 0x80000000);
}

function sign(v: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const signed = v128.or(v128.and(f32x4.gt(v, zero), one), v128.and(f32x4.lt(v, zero), f32x4.splat(-1)));
  return v128.bitselect(signed, i32x4.splat(quietNaN), f32x4.eq(v, v));
}

function integer(code: i32, a: i32, b: i32): i32 {
  switch (code) {
    case 0x43:
      return b == 0 ? 0 : b == -1 ? -a : a / b;
    case 0x44:
      return b == 0 || b == -1 ? 0 : a % b;
    case 0x45: {
      if (b == 0 || b == -1) return 0;
      const r = a % b;
      return r != 0 && (r ^ b) < 0 ? r + b : r;
    }
    case 0x4b:
      return <u32>b >= 32 ? 0 : a << b;
    case 0x4c:
      return <u32>b >= 32 ? 0 : <i32>((<u32>a) >> (<u32>b));
    default:
      return a >> (<u32>b >= 32 ? 31 : b);
  }
}

function scalarOperation(code: i32, n: usize, dst: usize, a: usize, b: usize): void {
  for (let i: usize = 0; i < n; i += 4) {
    if (code == 0x07) store<u32>(dst + i, remainder(load<u32>(a + i), load<u32>(b + i)));
    else store<i32>(dst + i, integer(code, load<i32>(a + i), load<i32>(b + i)));
  }
}

/**
 * dst = operation(a, b, c) on n bytes of words, n a multiple of 16. The codes 0x81 to 0x86 are 0x01 to 0x06 with any NaN for the one NaN:
 * for results that only such operations read as binary32 that don't tell NaNs apart.
 * The areas may be equal, but overlap in no other way.
 */
export function apply(code: i32, n: usize, dst: usize, a: usize, b: usize, c: usize): void {
  let i: usize = 0;
  switch (code) {
    case 0x01:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.add(v128.load(a + i), v128.load(b + i))));
      break;
    case 0x02:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.sub(v128.load(a + i), v128.load(b + i))));
      break;
    case 0x03:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.mul(v128.load(a + i), v128.load(b + i))));
      break;
    case 0x04:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.div(v128.load(a + i), v128.load(b + i))));
      break;
    case 0x05:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.max(v128.load(a + i), v128.load(b + i))));
      break;
    case 0x06:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.min(v128.load(a + i), v128.load(b + i))));
      break;
    case 0x81:
      for (; i < n; i += 16) v128.store(dst + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x82:
      for (; i < n; i += 16) v128.store(dst + i, f32x4.sub(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x83:
      for (; i < n; i += 16) v128.store(dst + i, f32x4.mul(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x84:
      for (; i < n; i += 16) v128.store(dst + i, f32x4.div(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x85:
      for (; i < n; i += 16) v128.store(dst + i, f32x4.max(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x86:
      for (; i < n; i += 16) v128.store(dst + i, f32x4.min(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x10:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.neg(v128.load(a + i))));
      break;
    case 0x11:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.abs(v128.load(a + i))));
      break;
    case 0x12:
      for (; i < n; i += 16) v128.store(dst + i, sign(v128.load(a + i)));
      break;
    case 0x13:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.floor(v128.load(a + i))));
      break;
    case 0x14:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.ceil(v128.load(a + i))));
      break;
    case 0x15:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.trunc(v128.load(a + i))));
      break;
    case 0x16:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.nearest(v128.load(a + i))));
      break;
    case 0x20:
      for (; i < n; i += 16) v128.store(dst + i, canonical(f32x4.sqrt(v128.load(a + i))));
      break;
    case 0x21:
    case 0x23:
    case 0x24:
      applyVector(code, n, dst, a);
      break;
    case 0x22:
    case 0x25:
    case 0x26:
    case 0x27:
      applyScalar(code, n, dst, a);
      break;
    case 0x30:
      for (; i < n; i += 16) v128.store(dst + i, truth(f32x4.eq(v128.load(a + i), v128.load(b + i))));
      break;
    case 0x31:
      for (; i < n; i += 16) v128.store(dst + i, truth(f32x4.lt(v128.load(a + i), v128.load(b + i))));
      break;
    case 0x32:
      for (; i < n; i += 16) v128.store(dst + i, truth(f32x4.le(v128.load(a + i), v128.load(b + i))));
      break;
    case 0x40:
      for (; i < n; i += 16) v128.store(dst + i, i32x4.add(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x41:
      for (; i < n; i += 16) v128.store(dst + i, i32x4.sub(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x42:
      for (; i < n; i += 16) v128.store(dst + i, i32x4.mul(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x46:
      for (; i < n; i += 16) v128.store(dst + i, i32x4.min_s(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x47:
      for (; i < n; i += 16) v128.store(dst + i, i32x4.max_s(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x48:
      for (; i < n; i += 16) v128.store(dst + i, v128.and(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x49:
      for (; i < n; i += 16) v128.store(dst + i, v128.or(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x4a:
      for (; i < n; i += 16) v128.store(dst + i, v128.xor(v128.load(a + i), v128.load(b + i)));
      break;
    case 0x50:
      for (; i < n; i += 16) v128.store(dst + i, truth(i32x4.eq(v128.load(a + i), v128.load(b + i))));
      break;
    case 0x51:
      for (; i < n; i += 16) v128.store(dst + i, truth(i32x4.lt_s(v128.load(a + i), v128.load(b + i))));
      break;
    case 0x52:
      for (; i < n; i += 16) v128.store(dst + i, truth(i32x4.le_s(v128.load(a + i), v128.load(b + i))));
      break;
    case 0x60:
      for (; i < n; i += 16) v128.store(dst + i, i32x4.trunc_sat_f32x4_s(v128.load(a + i)));
      break;
    case 0x61:
      for (; i < n; i += 16) v128.store(dst + i, f32x4.convert_i32x4_s(v128.load(a + i)));
      break;
    case 0x70: {
      const zero = i32x4.splat(0);
      for (; i < n; i += 16) {
        v128.store(dst + i, v128.bitselect(v128.load(c + i), v128.load(b + i), i32x4.eq(v128.load(a + i), zero)));
      }
      break;
    }
    default:
      // frem and the integer operations that have no vector form.
      scalarOperation(code, n, dst, a, b);
  }
}

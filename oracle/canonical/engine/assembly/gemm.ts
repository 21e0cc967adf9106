/**
 * f32 contractions as matrix products: C[m][n] = RN(Σₖ A[m][k]·B[n][k] + bias[m][n]), each element checked against an error bound.
 *
 * A product of two binary32 is exact in binary64. With u = 2^-53 a sum of K such products has an error of at most
 * (K − 1)·u/(1 − (K − 1)·u) · Σ|aₖ·bₖ|, whatever the order, and Σ|aₖ·bₖ| ≤ M for M = ‖a‖·‖b‖ (Cauchy–Schwarz). Adding the bias β gives
 * t = fl(s + β), off by a further u·|s + β|, and t − e and t + e are rounded once more, by u·(|t| + e) each. As |s| ≤ M·(1 + K·u), all of that
 * lies within e = (K + 8)·u·(1 + 2^-20)·M + 4u·|β|, where the factor 1 + 2^-20 also covers the rounding of the norms and of e itself (K < 2^31).
 * Rounding is monotone: where RN(t − e) and RN(t + e) are the same word, it is the element; else it is put on a list for exact arithmetic.
 * Nothing overflows or underflows in binary64: magnitudes of products lie between 2^-298 and 2^256. NaN and infinity end on the list.
 *
 * Panels hold four rows, interleaved: [k][4] binary64. Rows behind the last are zeros.
 */

import { fillWindows } from "./access";
import { exactDot } from "./exact";

const unit: f64 = 1.1102230246251565e-16;

/**
 * a·b + c, rounded once. The instruction may or may not round the product by itself: a product of two binary32 is exact in binary64, so that
 * there is nothing to round and every machine gives the same bits.
 */
function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  return f64x2.relaxed_madd(a, b, c);
}

function high32(v: v128): v128 {
  return i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
}

/** Packs `rows` (1 to 4) rows of k words, `pitch` bytes apart, into one panel; their norms go to `norms` (four binary64). */
function packPanel(src: usize, pitch: usize, rows: usize, k: usize, panel: usize, norms: usize): void {
  const r0 = src;
  const r1 = rows > 1 ? src + pitch : src;
  const r2 = rows > 2 ? src + 2 * pitch : src;
  const r3 = rows > 3 ? src + 3 * pitch : src;
  let sum0 = f64x2.splat(0);
  let sum1 = f64x2.splat(0);
  const all = i64x2.splat(-1);
  const mask0 = rows > 1 ? all : i64x2.replace_lane(all, 1, 0);
  const mask1 = rows > 3 ? all : rows > 2 ? i64x2.replace_lane(all, 1, 0) : i64x2.splat(0);
  const vectors = rows == 4 ? k & ~3 : 0;
  let i: usize = 0;
  for (; i < vectors; i += 4) {
    const x0 = v128.load(r0 + 4 * i);
    const x1 = v128.load(r1 + 4 * i);
    const x2 = v128.load(r2 + 4 * i);
    const x3 = v128.load(r3 + 4 * i);
    const p0 = i8x16.shuffle(x0, x1, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const p1 = i8x16.shuffle(x2, x3, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const p2 = i8x16.shuffle(x0, x1, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    const p3 = i8x16.shuffle(x2, x3, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    const k00 = f64x2.promote_low_f32x4(p0);
    const k01 = f64x2.promote_low_f32x4(p1);
    const k10 = f64x2.promote_low_f32x4(high32(p0));
    const k11 = f64x2.promote_low_f32x4(high32(p1));
    const k20 = f64x2.promote_low_f32x4(p2);
    const k21 = f64x2.promote_low_f32x4(p3);
    const k30 = f64x2.promote_low_f32x4(high32(p2));
    const k31 = f64x2.promote_low_f32x4(high32(p3));
    v128.store(panel, k00);
    v128.store(panel, k01, 16);
    v128.store(panel, k10, 32);
    v128.store(panel, k11, 48);
    v128.store(panel, k20, 64);
    v128.store(panel, k21, 80);
    v128.store(panel, k30, 96);
    v128.store(panel, k31, 112);
    const s0 = f64x2.add(f64x2.add(f64x2.mul(k00, k00), f64x2.mul(k10, k10)), f64x2.add(f64x2.mul(k20, k20), f64x2.mul(k30, k30)));
    const s1 = f64x2.add(f64x2.add(f64x2.mul(k01, k01), f64x2.mul(k11, k11)), f64x2.add(f64x2.mul(k21, k21), f64x2.mul(k31, k31)));
    sum0 = f64x2.add(sum0, s0);
    sum1 = f64x2.add(sum1, s1);
    panel += 128;
  }
  for (; i < k; i++) {
    const low = f64x2.replace_lane(f64x2.splat(<f64>load<f32>(r0 + 4 * i)), 1, <f64>load<f32>(r1 + 4 * i));
    const high = f64x2.replace_lane(f64x2.splat(<f64>load<f32>(r2 + 4 * i)), 1, <f64>load<f32>(r3 + 4 * i));
    const k0 = v128.and(low, mask0);
    const k1 = v128.and(high, mask1);
    v128.store(panel, k0);
    v128.store(panel, k1, 16);
    sum0 = f64x2.add(sum0, f64x2.mul(k0, k0));
    sum1 = f64x2.add(sum1, f64x2.mul(k1, k1));
    panel += 32;
  }
  v128.store(norms, f64x2.sqrt(sum0));
  v128.store(norms, f64x2.sqrt(sum1), 16);
}

/** Packs rows of k words, `pitch` bytes apart: ⌈rows / 4⌉ panels of 32·k bytes each, and four norms for each. */
export function packRows(src: usize, pitch: usize, rows: usize, k: usize, panels: usize, norms: usize): void {
  for (let row: usize = 0; row < rows; row += 4) {
    packPanel(src + row * pitch, pitch, min<usize>(4, rows - row), k, panels, norms);
    panels += 32 * k;
    norms += 32;
  }
}

/** The sums of one panel of A with one of B: 4 × 4 binary64, row-major, to `tile`. */
function multiply(a: usize, b: usize, k: usize, tile: usize): void {
  let c00 = f64x2.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  for (const end = a + 32 * k; a < end; a += 32) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load64_splat(a);
    c00 = multiplyAdd(x, b0, c00);
    c01 = multiplyAdd(x, b1, c01);
    x = v128.load64_splat(a, 8);
    c10 = multiplyAdd(x, b0, c10);
    c11 = multiplyAdd(x, b1, c11);
    x = v128.load64_splat(a, 16);
    c20 = multiplyAdd(x, b0, c20);
    c21 = multiplyAdd(x, b1, c21);
    x = v128.load64_splat(a, 24);
    c30 = multiplyAdd(x, b0, c30);
    c31 = multiplyAdd(x, b1, c31);
    b += 32;
  }
  v128.store(tile, c00);
  v128.store(tile, c01, 16);
  v128.store(tile, c10, 32);
  v128.store(tile, c11, 48);
  v128.store(tile, c20, 64);
  v128.store(tile, c21, 80);
  v128.store(tile, c30, 96);
  v128.store(tile, c31, 112);
}

/** The list of undecided elements: i32 count, i32 0, then i32 row, i32 column each. */
function undecided(list: usize, row: usize, column: usize): void {
  const n = load<u32>(list);
  store<u32>(list, n + 1);
  store<u32>(list + 8 + 8 * <usize>n, <u32>row);
  store<u32>(list + 8 + 8 * <usize>n, <u32>column, 4);
}

/** What M is multiplied by. */
function errorFactor(k: usize): f64 {
  return <f64>(k + 8) * unit * (1 + 9.5367431640625e-7);
}

/** @returns whether RN(t − e) and RN(t + e) are one word, which is then stored. */
function settle(t: f64, e: f64, out: usize): bool {
  const low = reinterpret<u32>(<f32>(t - e));
  store<u32>(out, low);
  return low == reinterpret<u32>(<f32>(t + e)) && t - t == 0 && e - e == 0;
}

/** As `settle` for four elements, t0 and e0 of the first two. @returns a mask of the undecided ones. */
function settleFour(t0: v128, t1: v128, e0: v128, e1: v128, out: usize): i32 {
  const low = joined(f32x4.demote_f64x2_zero(f64x2.sub(t0, e0)), f32x4.demote_f64x2_zero(f64x2.sub(t1, e1)));
  const high = joined(f32x4.demote_f64x2_zero(f64x2.add(t0, e0)), f32x4.demote_f64x2_zero(f64x2.add(t1, e1)));
  v128.store(out, low);
  // An infinite t or e leaves NaN on one side; equal words that are NaN are not equal as numbers.
  return i32x4.bitmask(v128.and(i32x4.eq(low, high), f32x4.eq(low, high))) ^ 15;
}

/** What the bias adds to the error bound. */
function biasError(bias: v128): v128 {
  return f64x2.mul(f64x2.splat(4 * unit), f64x2.abs(bias));
}

/** The first two lanes of both. */
function joined(a: v128, b: v128): v128 {
  return i64x2.shuffle(a, b, 0, 2);
}

/**
 * Multiplies `rows` rows of packed A with `columns` of packed B, and settles the elements.
 * @param bias words laid out as `c`, or 0. @param c words, `pitch` bytes a row.
 * @param list where (firstRow + row, firstColumn + column) of what is undecided is appended. @param tile 128 bytes of scratch.
 */
export function product(
  a: usize,
  normsA: usize,
  rows: usize,
  b: usize,
  normsB: usize,
  columns: usize,
  k: usize,
  bias: usize,
  c: usize,
  pitch: usize,
  firstColumn: usize,
  list: usize,
  tile: usize,
): void {
  const factor = errorFactor(k);
  for (let column: usize = 0; column < columns; column += 4) {
    const panelB = b + 8 * column * k;
    const width = min<usize>(4, columns - column);
    const nb0 = f64x2.mul(v128.load(normsB + 8 * column), f64x2.splat(factor));
    const nb1 = f64x2.mul(v128.load(normsB + 8 * column, 16), f64x2.splat(factor));
    for (let row: usize = 0; row < rows; row += 4) {
      multiply(a + 8 * row * k, panelB, k, tile);
      const height = min<usize>(4, rows - row);
      for (let r: usize = 0; r < height; r++) {
        const at = (row + r) * pitch + 4 * column;
        const na = v128.load64_splat(normsA + 8 * (row + r));
        let t0 = v128.load(tile + 32 * r);
        let t1 = v128.load(tile + 32 * r, 16);
        if (width == 4) {
          let e0 = f64x2.mul(na, nb0);
          let e1 = f64x2.mul(na, nb1);
          if (bias != 0) {
            const bias0 = f64x2.promote_low_f32x4(v128.load64_zero(bias + at));
            const bias1 = f64x2.promote_low_f32x4(v128.load64_zero(bias + at, 8));
            t0 = f64x2.add(t0, bias0);
            t1 = f64x2.add(t1, bias1);
            e0 = f64x2.add(e0, biasError(bias0));
            e1 = f64x2.add(e1, biasError(bias1));
          }
          const open = settleFour(t0, t1, e0, e1, c + at);
          if (open != 0) {
            for (let j: usize = 0; j < 4; j++) if ((open >> (<i32>j)) & 1) undecided(list, row + r, firstColumn + column + j);
          }
        } else {
          for (let j: usize = 0; j < width; j++) {
            let t = load<f64>(tile + 32 * r + 8 * j);
            const beta = bias != 0 ? <f64>load<f32>(bias + at + 4 * j) : 0;
            t += beta;
            const e = 4 * unit * abs(beta) + factor * load<f64>(normsA + 8 * (row + r)) * load<f64>(normsB + 8 * (column + j));
            if (!settle(t, e, c + at + 4 * j)) undecided(list, row + r, firstColumn + column + j);
          }
        }
      }
    }
  }
}

/**
 * Row by row: out[i] = RN(Σₖ a[i][k]·b[i][k] + bias[i]); row i of what is undecided is appended to `list` as (i, 0).
 * The bound is that of the head of this file with Σ|aₖ·bₖ| itself.
 */
export function rowProducts(a: usize, b: usize, rows: usize, k: usize, bias: usize, out: usize, list: usize): void {
  const factor = errorFactor(k);
  for (let i: usize = 0; i < rows; i++) {
    let sum = f64x2.splat(0);
    let magnitude = f64x2.splat(0);
    let n = k;
    for (; n >= 2; n -= 2) {
      const p = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(a)), f64x2.promote_low_f32x4(v128.load64_zero(b)));
      sum = f64x2.add(sum, p);
      magnitude = f64x2.add(magnitude, f64x2.abs(p));
      a += 8;
      b += 8;
    }
    let t = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
    let m = f64x2.extract_lane(magnitude, 0) + f64x2.extract_lane(magnitude, 1);
    if (n != 0) {
      const p = <f64>load<f32>(a) * <f64>load<f32>(b);
      t += p;
      m += abs(p);
      a += 4;
      b += 4;
    }
    const beta = bias != 0 ? <f64>load<f32>(bias + 4 * i) : 0;
    if (!settle(t + beta, factor * m + 4 * unit * abs(beta), out + 4 * i)) undecided(list, i, 0);
  }
}

/** Widens k rows of `lanes` words to binary64, and adds up the magnitudes of each lane behind them. */
export function widenLanes(src: usize, k: usize, lanes: usize, dst: usize): void {
  const sums = dst + 8 * k * lanes;
  for (let l: usize = 0; l < lanes; l++) {
    let sum: f64 = 0;
    for (let i: usize = 0; i < k; i++) {
      const value = <f64>load<f32>(src + 4 * (i * lanes + l));
      store<f64>(dst + 8 * (i * lanes + l), value);
      sum += abs(value);
    }
    store<f64>(sums + 8 * l, sum);
  }
}

/** Where the lanes l, l + 1, … of place `place` are settled one by one. */
function laneProduct(pointers: usize, b: usize, k: usize, lanes: usize, l: usize, bias: usize, out: usize): bool {
  let t: f64 = 0;
  let largest: f64 = 0;
  for (let i: usize = 0; i < k; i++) {
    const x = <f64>load<f32>(<usize>load<u32>(pointers + 4 * i) + 4 * l);
    t += x * load<f64>(b + 8 * (i * lanes + l));
    largest = max(largest, abs(x));
  }
  const beta = bias != 0 ? <f64>load<f32>(bias + 4 * l) : 0;
  t += beta;
  const e = 4 * unit * abs(beta) + errorFactor(k) * largest * load<f64>(b + 8 * (k * lanes + l));
  return settle(t, e, out + 4 * l);
}

/** RN of one lane by exact arithmetic, absent terms left out. @param rows 8·k bytes of scratch. */
function exactLane(pointers: usize, absent: u32, b: usize, k: usize, lanes: usize, l: usize, bias: usize, rows: usize, acc: usize): u32 {
  let n: usize = 0;
  for (let i: usize = 0; i < k; i++) {
    const x = load<u32>(pointers + 4 * i);
    if (x == absent) continue;
    store<u32>(rows + 4 * n, load<u32>(<usize>x + 4 * l));
    store<f32>(rows + 4 * (k + n), <f32>load<f64>(b + 8 * (i * lanes + l)));
    n++;
  }
  return exactDot(rows, 0, rows + 4 * k, 0, n, bias == 0 ? 0 : load<u32>(bias + 4 * l), 1, acc);
}

/** Adds the bias to the sums of lanes l to l + 3 and settles them. @returns a mask of the undecided ones. */
function settleLanes(s0: v128, s1: v128, largest: v128, factor: v128, sums: usize, bias: usize, out: usize, l: usize): i32 {
  let e0 = f64x2.mul(f64x2.mul(factor, v128.load(sums + 8 * l)), f64x2.promote_low_f32x4(largest));
  let e1 = f64x2.mul(f64x2.mul(factor, v128.load(sums + 8 * l, 16)), f64x2.promote_low_f32x4(high32(largest)));
  if (bias != 0) {
    const v = v128.load(bias + 4 * l);
    const bias0 = f64x2.promote_low_f32x4(v);
    const bias1 = f64x2.promote_low_f32x4(high32(v));
    s0 = f64x2.add(s0, bias0);
    s1 = f64x2.add(s1, bias1);
    e0 = f64x2.add(e0, biasError(bias0));
    e1 = f64x2.add(e1, biasError(bias1));
  }
  return settleFour(s0, s1, e0, e1, out + 4 * l);
}

/** Settles exactly the lanes l + j for each bit j of `open`. @returns how many there are. */
function exactLanes(
  open: i32,
  pointers: usize,
  absent: u32,
  b: usize,
  k: usize,
  lanes: usize,
  l: usize,
  bias: usize,
  out: usize,
  rows: usize,
  acc: usize,
): u32 {
  for (let left = open; left != 0; left &= left - 1) {
    const lane = l + <usize>ctz(left);
    store<u32>(out + 4 * lane, exactLane(pointers, absent, b, k, lanes, lane, bias, rows, acc));
  }
  return popcnt(open);
}

/**
 * Lane by lane, for one place: out[l] = RN(Σₖ a[k][l]·b[k][l] + bias[l]) over `lanes` lanes. `pointers` are the addresses of the words a[k][0],
 * `absent` (an address of zeros) for terms that are absent; `b` is as `widenLanes` leaves it.
 * The bound is that of the head of this file with max |a[k]| · Σ|b[k]| for Σ|a[k]·b[k]|.
 * @param rows 8·k bytes of scratch. @returns how many lanes needed exact arithmetic.
 */
function laneProducts(
  pointers: usize,
  absent: u32,
  b: usize,
  k: usize,
  lanes: usize,
  bias: usize,
  out: usize,
  rows: usize,
  acc: usize,
): u32 {
  const factor = f64x2.splat(errorFactor(k));
  const sums = b + 8 * k * lanes;
  let exact: u32 = 0;
  let l: usize = 0;
  for (; l + 8 <= lanes; l += 8) {
    let s0 = f64x2.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let largest0 = f32x4.splat(0);
    let largest1 = largest0;
    let pb = b + 8 * l;
    for (let at = pointers, end = pointers + 4 * k; at < end; at += 4) {
      const from = <usize>load<u32>(at) + 4 * l;
      const x = v128.load(from);
      const y = v128.load(from, 16);
      s0 = multiplyAdd(f64x2.promote_low_f32x4(x), v128.load(pb), s0);
      s1 = multiplyAdd(f64x2.promote_low_f32x4(high32(x)), v128.load(pb, 16), s1);
      s2 = multiplyAdd(f64x2.promote_low_f32x4(y), v128.load(pb, 32), s2);
      s3 = multiplyAdd(f64x2.promote_low_f32x4(high32(y)), v128.load(pb, 48), s3);
      // A NaN that this passes over is in the sums.
      largest0 = f32x4.pmax(largest0, f32x4.abs(x));
      largest1 = f32x4.pmax(largest1, f32x4.abs(y));
      pb += 8 * lanes;
    }
    const open0 = settleLanes(s0, s1, largest0, factor, sums, bias, out, l);
    const open = open0 | (settleLanes(s2, s3, largest1, factor, sums, bias, out, l + 4) << 4);
    if (open != 0) exact += exactLanes(open, pointers, absent, b, k, lanes, l, bias, out, rows, acc);
  }
  if (l + 4 <= lanes) {
    let s0 = f64x2.splat(0);
    let s1 = s0;
    let largest = f32x4.splat(0);
    let pb = b + 8 * l;
    for (let at = pointers, end = pointers + 4 * k; at < end; at += 4) {
      const x = v128.load(<usize>load<u32>(at) + 4 * l);
      s0 = multiplyAdd(f64x2.promote_low_f32x4(x), v128.load(pb), s0);
      s1 = multiplyAdd(f64x2.promote_low_f32x4(high32(x)), v128.load(pb, 16), s1);
      largest = f32x4.pmax(largest, f32x4.abs(x));
      pb += 8 * lanes;
    }
    const open = settleLanes(s0, s1, largest, factor, sums, bias, out, l);
    if (open != 0) exact += exactLanes(open, pointers, absent, b, k, lanes, l, bias, out, rows, acc);
    l += 4;
  }
  for (; l < lanes; l++) {
    if (laneProduct(pointers, b, k, lanes, l, bias, out)) continue;
    exact++;
    store<u32>(out + 4 * l, exactLane(pointers, absent, b, k, lanes, l, bias, rows, acc));
  }
  return exact;
}

/** Places whose addresses are found at a time. */
const placesAtOnce: usize = 32;

/**
 * As `laneProducts` for `places` places from `first` on, whose words the descriptor `window` finds; bias and out go on from place to place.
 * @param pointers 128·k bytes of scratch.
 */
export function lanePlaces(
  window: usize,
  first: f64,
  places: usize,
  pointers: usize,
  absent: u32,
  b: usize,
  k: usize,
  lanes: usize,
  bias: usize,
  out: usize,
  rows: usize,
  acc: usize,
): u32 {
  let exact: u32 = 0;
  for (let done: usize = 0; done < places; done += placesAtOnce) {
    const n = min(placesAtOnce, places - done);
    fillWindows(window, pointers, first + <f64>done, n, absent, <u32>(4 * lanes));
    for (let i: usize = 0; i < n; i++) {
      exact += laneProducts(pointers + 4 * i * k, absent, b, k, lanes, bias, out, rows, acc);
      out += 4 * lanes;
      if (bias != 0) bias += 4 * lanes;
    }
  }
  return exact;
}

/**
 * i32 contractions: C[m][n] = Σₖ (A[m][k] − zeroA[m])·(B[n][k] − zeroB[n]) + bias[m][n] modulo 2^32.
 *
 * As matrix products: x = A − zeroA is taken apart as h·2^16 + l with l in [−2^15, 2^15), and y = B − zeroB likewise. Modulo 2^32
 * x·y = l·l' + 2^16·(h·l' + l·h'), so three sums of 16-bit products give every element, whatever its words. Where all words of a side
 * lie in l, as those of 8-bit tensors do, its h is left out. Nothing saturates: a sum of two products of 16 bits wraps at 2^31 only for
 * (−2^15)² twice, and wrapping is what is meant.
 *
 * Panels hold four rows, interleaved by pairs: [⌈k / 2⌉][4][2] 16-bit integers. Rows behind the last and the odd k are zeros.
 */

/** The low halves of four words of each of two rows, pairs next to each other. */
function lowHalves(x: v128, y: v128): v128 {
  return i8x16.shuffle(x, y, 0, 1, 4, 5, 16, 17, 20, 21, 8, 9, 12, 13, 24, 25, 28, 29);
}

function highHalves(x: v128, y: v128): v128 {
  return i8x16.shuffle(x, y, 2, 3, 6, 7, 18, 19, 22, 23, 10, 11, 14, 15, 26, 27, 30, 31);
}

/** One word of row `r` of a panel, at place k. @returns what is left for the high panel. */
function packWord(x: i32, r: usize, k: usize, low: usize, high: usize): i32 {
  const at = ((k >> 1) << 4) + (r << 2) + ((k & 1) << 1);
  const rest = (x + 0x8000) >> 16;
  store<i16>(low + at, <i16>x);
  store<i16>(high + at, <i16>rest);
  return rest;
}

/** Packs `rows` (1 to 4) rows of k words, `pitch` bytes apart. @returns a word that is 0 where the high panel is. */
function packPanel(src: usize, pitch: usize, rows: usize, k: usize, zeros: usize, low: usize, high: usize): i32 {
  const bytes = ((k + 1) >> 1) << 4;
  let vectors: usize = 0;
  let any: i32 = 0;
  if (rows == 4) {
    vectors = k & ~3;
    const z0 = v128.load32_splat(zeros);
    const z1 = v128.load32_splat(zeros, 4);
    const z2 = v128.load32_splat(zeros, 8);
    const z3 = v128.load32_splat(zeros, 12);
    const half = i32x4.splat(0x8000);
    let rest = i32x4.splat(0);
    let to: usize = 0;
    for (let at = src, end = src + 4 * vectors; at < end; at += 16) {
      const x0 = i32x4.sub(v128.load(at), z0);
      const x1 = i32x4.sub(v128.load(at + pitch), z1);
      const x2 = i32x4.sub(v128.load(at + 2 * pitch), z2);
      const x3 = i32x4.sub(v128.load(at + 3 * pitch), z3);
      const p = lowHalves(x0, x1);
      const q = lowHalves(x2, x3);
      v128.store(low + to, i64x2.shuffle(p, q, 0, 2));
      v128.store(low + to, i64x2.shuffle(p, q, 1, 3), 16);
      const y0 = i32x4.add(x0, half);
      const y1 = i32x4.add(x1, half);
      const y2 = i32x4.add(x2, half);
      const y3 = i32x4.add(x3, half);
      const s = highHalves(y0, y1);
      const t = highHalves(y2, y3);
      rest = v128.or(rest, v128.or(s, t));
      v128.store(high + to, i64x2.shuffle(s, t, 0, 2));
      v128.store(high + to, i64x2.shuffle(s, t, 1, 3), 16);
      to += 32;
    }
    any = v128.any_true(rest) ? 1 : 0;
  }
  const done = (vectors >> 1) << 4;
  memory.fill(low + done, 0, bytes - done);
  memory.fill(high + done, 0, bytes - done);
  for (let r: usize = 0; r < rows; r++) {
    const zero = load<i32>(zeros + 4 * r);
    for (let i = vectors; i < k; i++) any |= packWord(load<i32>(src + r * pitch + 4 * i) - zero, r, i, low, high);
  }
  return any;
}

/**
 * Packs rows of k words, `pitch` bytes apart, less the word of each in `zeros`: ⌈rows / 4⌉ panels of 16·⌈k / 2⌉ bytes each to `low`, and as
 * many to `high`. The word at `isWide` becomes 1 where any of the high ones is not 0.
 */
export function packIntegers(src: usize, pitch: usize, rows: usize, k: usize, zeros: usize, low: usize, high: usize, isWide: usize): void {
  const bytes = ((k + 1) >> 1) << 4;
  let any: i32 = 0;
  for (let row: usize = 0; row < rows; row += 4) {
    any |= packPanel(src + row * pitch, pitch, min<usize>(4, rows - row), k, zeros + 4 * row, low, high);
    low += bytes;
    high += bytes;
  }
  if (any != 0) store<i32>(isWide, 1);
}

/** The sums of one panel of A with one of B, `bytes` long, to `tile`: 4 × 4 words, row-major; shifted left and added to it. */
function multiply(a: usize, b: usize, bytes: usize, shift: i32, tile: usize): void {
  let c0 = i32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  for (const end = a + bytes; a < end; a += 16) {
    const y = v128.load(b);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(v128.load32_splat(a), y));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(v128.load32_splat(a, 4), y));
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(v128.load32_splat(a, 8), y));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(v128.load32_splat(a, 12), y));
    b += 16;
  }
  v128.store(tile, i32x4.add(v128.load(tile), i32x4.shl(c0, shift)));
  v128.store(tile, i32x4.add(v128.load(tile, 16), i32x4.shl(c1, shift)), 16);
  v128.store(tile, i32x4.add(v128.load(tile, 32), i32x4.shl(c2, shift)), 32);
  v128.store(tile, i32x4.add(v128.load(tile, 48), i32x4.shl(c3, shift)), 48);
}

/**
 * Multiplies `rows` rows of packed A with `columns` of packed B.
 * @param highA the high panels, 0 where all are zeros; `highB` likewise.
 * @param bias words laid out as `c`, or 0. @param c words, `pitch` bytes a row. @param tile 64 bytes of scratch.
 */
export function integerProduct(
  lowA: usize,
  highA: usize,
  rows: usize,
  lowB: usize,
  highB: usize,
  columns: usize,
  k: usize,
  bias: usize,
  c: usize,
  pitch: usize,
  tile: usize,
): void {
  const bytes = ((k + 1) >> 1) << 4;
  for (let column: usize = 0; column < columns; column += 4) {
    const panelB = (column >> 2) * bytes;
    const width = min<usize>(4, columns - column);
    for (let row: usize = 0; row < rows; row += 4) {
      const panelA = (row >> 2) * bytes;
      memory.fill(tile, 0, 64);
      multiply(lowA + panelA, lowB + panelB, bytes, 0, tile);
      if (highA != 0) multiply(highA + panelA, lowB + panelB, bytes, 16, tile);
      if (highB != 0) multiply(lowA + panelA, highB + panelB, bytes, 16, tile);
      const height = min<usize>(4, rows - row);
      for (let r: usize = 0; r < height; r++) {
        const at = (row + r) * pitch + 4 * column;
        if (width == 4) {
          const sum = v128.load(tile + 16 * r);
          v128.store(c + at, bias == 0 ? sum : i32x4.add(sum, v128.load(bias + at)));
          continue;
        }
        for (let j: usize = 0; j < 4 * width; j += 4) {
          const beta = bias == 0 ? 0 : load<i32>(bias + at + j);
          store<i32>(c + at + j, load<i32>(tile + 16 * r + j) + beta);
        }
      }
    }
  }
}

/** Row by row: out[i] = Σₖ (a[i][k] − zeroA[i])·(b[i][k] − zeroB[i]) + bias[i] mod 2^32; absent as in `exactDot`, 0 for no such area. */
export function integerProducts(
  a: usize,
  a2: usize,
  b: usize,
  b2: usize,
  rows: usize,
  k: usize,
  zeroA: usize,
  zeroB: usize,
  bias: usize,
  out: usize,
): void {
  for (let i: usize = 0; i < rows; i++) {
    const za = zeroA != 0 ? load<i32>(zeroA + 4 * i) : 0;
    const zb = zeroB != 0 ? load<i32>(zeroB + 4 * i) : 0;
    let sum = bias != 0 ? load<i32>(bias + 4 * i) : 0;
    let j: usize = 4 * i * k;
    const end = j + 4 * k;
    if (a2 == 0 && b2 == 0) {
      const va = i32x4.splat(za);
      const vb = i32x4.splat(zb);
      let s = i32x4.splat(0);
      for (; j + 16 <= end; j += 16) s = i32x4.add(s, i32x4.mul(i32x4.sub(v128.load(a + j), va), i32x4.sub(v128.load(b + j), vb)));
      sum += i32x4.extract_lane(s, 0) + i32x4.extract_lane(s, 1) + i32x4.extract_lane(s, 2) + i32x4.extract_lane(s, 3);
    }
    for (; j < end; j += 4) {
      if (a2 != 0 && load<i32>(a + j) != load<i32>(a2 + j)) continue;
      if (b2 != 0 && load<i32>(b + j) != load<i32>(b2 + j)) continue;
      sum += (load<i32>(a + j) - za) * (load<i32>(b + j) - zb);
    }
    store<i32>(out + 4 * i, sum);
  }
}

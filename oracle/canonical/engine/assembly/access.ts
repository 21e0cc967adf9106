/**
 * Gathers words by affine accesses (docs/canonical.md, section 3) from descriptors in memory; ../descriptors.ts writes them:
 *
 * access: i64 base, i64 low, i64 high (byte addresses; what is read lies in [low, high)), i32 axes, i32 bounds, i32 indices, i32 0,
 *   then for each axis i64 size, i64 stride (bytes); for each bound i64 start, i64 limit, i64 factor for each axis;
 *   for each index term i64 operand, i64 stride (bytes), i64 limit.
 * view: i32 accesses, u32 pad, then an i32 address for each access.
 */
import { quietNaN } from "./words";

/** Provided by the host: throws, because an in-bounds access left its space and the program is not valid. */
declare function outside(access: usize, address: i64): void;

const header: usize = 40;
const maxAxes: usize = 16;
const maxBounds: usize = 8;

/** Coordinates (i64 each) and the bounds' current values, a private area of each instance; one for accesses, one for windows. */
let state: usize = 0;
let windowState: usize = 0;

export function initialise(area: usize): void {
  state = area;
  windowState = area + 8 * (maxAxes + maxBounds);
}

/** Bytes that `initialise` needs. */
export function stateBytes(): usize {
  return 16 * (maxAxes + maxBounds);
}

function ceilDiv(a: i64, b: i64): i64 {
  return (a + b - 1) / b;
}

export function splat(dst: usize, word: u32, count: usize): void {
  const v = i32x4.splat(word);
  const end = dst + (count << 2);
  while (dst + 16 <= end) {
    v128.store(dst, v);
    dst += 16;
  }
  while (dst < end) {
    store<u32>(dst, word);
    dst += 4;
  }
}

/** The areas don't overlap. */
export function copyWords(dst: usize, src: usize, count: usize): void {
  if (count < 4) {
    for (const end = dst + (count << 2); dst < end; dst += 4) {
      store<u32>(dst, load<u32>(src));
      src += 4;
    }
    return;
  }
  if (count >= 1024) {
    memory.copy(dst, src, count << 2);
    return;
  }
  const last = dst + (count << 2) - 16;
  const lastSrc = src + (count << 2) - 16;
  while (dst < last) {
    v128.store(dst, v128.load(src));
    dst += 16;
    src += 16;
  }
  // The last vector may write some words a second time.
  v128.store(last, v128.load(lastSrc));
}

/** @param span 4 to copy the words; otherwise their addresses are written, and `span` bytes from each on must lie in the space. */
function copyRun(access: usize, dst: usize, address: i64, stride: i64, count: i64, low: i64, high: i64, span: i64): void {
  const last = address + stride * (count - 1);
  if (min(address, last) < low || max(address, last) > high - span) {
    outside(access, min(address, last) < low ? min(address, last) : max(address, last));
    return;
  }
  let src = <usize>address;
  const step = <usize>stride;
  if (span != 4) {
    for (const end = dst + ((<usize>count) << 2); dst < end; dst += 4) {
      store<u32>(dst, <u32>src);
      src += step;
    }
  } else if (stride == 4) {
    copyWords(dst, src, <usize>count);
  } else if (stride == 0) {
    splat(dst, load<u32>(src), <usize>count);
  } else {
    for (const end = dst + ((<usize>count) << 2); dst < end; dst += 4) {
      store<u32>(dst, load<u32>(src));
      src += step;
    }
  }
}

/** A run with index terms; `pointers[operand]` is where the words of that operand for the block's elements lie, `skip` elements before the run. */
function gatherRun(
  access: usize,
  terms: usize,
  count: i32,
  dst: usize,
  address: i64,
  stride: i64,
  n: i64,
  pointers: usize,
  skip: usize,
): void {
  const low = load<i64>(access, 8);
  const high = load<i64>(access, 16) - 4;
  for (let i: usize = 0; i < <usize>n; i++) {
    let at = address + stride * <i64>i;
    let ok = true;
    for (let t = 0; t < count; t++) {
      const term = terms + 24 * <usize>t;
      const limit = load<i64>(term, 16);
      const words: usize = load<u32>(pointers + ((<usize>load<i64>(term)) << 2));
      let v = <i64>load<i32>(words + ((skip + i) << 2));
      if (v < 0) v += limit;
      if (v < 0 || v >= limit) {
        ok = false;
        break;
      }
      at += v * load<i64>(term, 8);
    }
    if (!ok) continue;
    if (at < low || at > high) {
      outside(access, at);
      return;
    }
    store<u32>(dst + (i << 2), load<u32>(<usize>at));
  }
}

/** The coordinates of the innermost axis at which all bounds hold, where no bound depends on another axis. */
function innerFrom(firstBound: usize, boundSize: usize, bounds: i32, last: usize): i64 {
  let from: i64 = 0;
  for (let b = 0; b < bounds; b++) {
    const bound = firstBound + boundSize * <usize>b;
    from = max(from, firstInside(load<i64>(bound), load<i64>(bound, 8), load<i64>(bound + 8 * last, 16)));
  }
  return from;
}

function innerTo(firstBound: usize, boundSize: usize, bounds: i32, last: usize, size: i64): i64 {
  let to = size;
  for (let b = 0; b < bounds; b++) {
    const bound = firstBound + boundSize * <usize>b;
    to = min(to, endInside(load<i64>(bound), load<i64>(bound, 8), load<i64>(bound + 8 * last, 16), size));
  }
  return to;
}

/** The first step t ≥ 0 at which `0 ≤ value + factor·t < limit` may hold; steps below `endInside` from there on hold. */
function firstInside(value: i64, limit: i64, factor: i64): i64 {
  if (factor > 0) return value < 0 ? ceilDiv(-value, factor) : 0;
  return factor < 0 && value >= limit ? (value - limit) / -factor + 1 : 0;
}

function endInside(value: i64, limit: i64, factor: i64, length: i64): i64 {
  if (factor == 0) return value >= 0 && value < limit ? length : 0;
  if (factor > 0) return limit > value ? ceilDiv(limit - value, factor) : 0;
  return value >= 0 ? value / -factor + 1 : 0;
}

/** Whether an access has at most two axes, no index terms, and bounds on the innermost axis only: rows that are all alike. */
function isPlain(access: usize, n: i32, bounds: i32, indices: i32, firstBound: usize, boundSize: usize): bool {
  if (n > 2 || indices != 0) return false;
  if (n == 2) for (let b = 0; b < bounds; b++) if (load<i64>(firstBound + boundSize * <usize>b, 16) != 0) return false;
  return true;
}

/** Repeats the `period` words at `dst` until there are `count`. */
function repeat(dst: usize, period: usize, count: usize): void {
  let done = period;
  while (done < count) {
    const n = min(done, count - done);
    copyWords(dst + 4 * done, dst, n);
    done += n;
  }
}

/** `fillAccess` for rows that are all alike. */
function fillPlain(access: usize, n: i32, bounds: i32, dst: usize, start: u64, count: u64, span: i64): u64 {
  const low = load<i64>(access, 8);
  const high = load<i64>(access, 16);
  const last: usize = n - 1;
  const inner = access + header + 16 * last;
  const firstBound = inner + 16;
  const boundSize: usize = 16 + 8 * <usize>n;
  const size = load<i64>(inner);
  const stride = load<i64>(inner, 8);
  const outerStride: i64 = n == 2 ? load<i64>(access + header, 8) : 0;
  const from = innerFrom(firstBound, boundSize, bounds, last);
  const to = innerTo(firstBound, boundSize, bounds, last, size);
  const row = n == 2 ? start / size : 0;
  let column = <i64>(start - row * size);
  let address = load<i64>(access) + <i64>row * outerStride;
  let done: u64 = 0;
  let inside: u64 = 0;
  while (done < count) {
    const length = min(<i64>(count - done), size - column);
    const first = max(from, column);
    const end = min(to, column + length);
    if (first < end) {
      inside += end - first;
      if (dst != 0)
        copyRun(access, dst + ((<usize>(<i64>done + first - column)) << 2), address + first * stride, stride, end - first, low, high, span);
    }
    done += length;
    column = 0;
    address += outerStride;
    // Rows without a step between them repeat the first whole one, or, taken from its middle, the first `size` words.
    if (outerStride == 0 && from == 0 && to == size && <i64>done >= size && dst != 0) {
      repeat(dst, <usize>size, <usize>count);
      return count;
    }
  }
  return inside;
}

/**
 * Walks the elements [start, start + count) of the access's row-major space, and writes the word of each one in bounds to `dst`;
 * the others are left as they are. @returns how many are in bounds by the bounds alone. `dst` 0 only counts. @param span as in `copyRun`.
 */
export function fillAccess(access: usize, dst: usize, start: u64, count: u64, pointers: usize, span: i64): u64 {
  const low = load<i64>(access, 8);
  const high = load<i64>(access, 16);
  const n = load<i32>(access, 24);
  const bounds = load<i32>(access, 28);
  const indices = load<i32>(access, 32);
  const axes = access + header;
  const firstBound = axes + 16 * <usize>n;
  const boundSize: usize = 16 + 8 * <usize>n;
  const terms = firstBound + boundSize * <usize>bounds;
  const x = state;
  const values = state + 8 * maxAxes;

  let address = load<i64>(access);
  let rest = start;
  for (let b = 0; b < bounds; b++) store<i64>(values + 8 * <usize>b, load<i64>(firstBound + boundSize * <usize>b));
  for (let i = n - 1; i >= 0; i--) {
    const axis = axes + 16 * <usize>i;
    const size = load<u64>(axis);
    const at = rest % size;
    rest /= size;
    store<u64>(x + 8 * <usize>i, at);
    address += <i64>at * load<i64>(axis, 8);
    for (let b = 0; b < bounds; b++) {
      const value = values + 8 * <usize>b;
      store<i64>(value, load<i64>(value) + <i64>at * load<i64>(firstBound + boundSize * <usize>b + 8 * <usize>i, 16));
    }
  }

  const last = n - 1;
  const inner = axes + 16 * <usize>last;
  const innerSize = load<i64>(inner);
  const innerStride = load<i64>(inner, 8);
  const innerX = x + 8 * <usize>last;
  let done: u64 = 0;
  let inside: u64 = 0;
  while (done < count) {
    const length = min(<i64>(count - done), innerSize - load<i64>(innerX));
    let from: i64 = 0;
    let to = length;
    for (let b = 0; b < bounds; b++) {
      const bound = firstBound + boundSize * <usize>b;
      const value = load<i64>(values + 8 * <usize>b);
      const limit = load<i64>(bound, 8);
      const factor = load<i64>(bound + 8 * <usize>last, 16);
      from = max(from, firstInside(value, limit, factor));
      to = min(to, endInside(value, limit, factor, length));
    }
    if (from < to) {
      inside += to - from;
      if (dst != 0) {
        const at = dst + ((<usize>(<i64>done + from)) << 2);
        if (indices == 0) copyRun(access, at, address + from * innerStride, innerStride, to - from, low, high, span);
        else {
          const skip = <usize>(<i64>done + from);
          gatherRun(access, terms, indices, at, address + from * innerStride, innerStride, to - from, pointers, skip);
        }
      }
    }
    done += length;
    if (done == count) break;
    let axis = last;
    let step = length;
    while (true) {
      const at = load<i64>(x + 8 * <usize>axis) + step;
      const size = load<i64>(axes + 16 * <usize>axis);
      const stride = load<i64>(axes + 16 * <usize>axis, 8);
      const wraps = at == size && axis > 0;
      const moved = wraps ? step - size : step;
      store<i64>(x + 8 * <usize>axis, wraps ? 0 : at);
      address += moved * stride;
      for (let b = 0; b < bounds; b++) {
        const value = values + 8 * <usize>b;
        store<i64>(value, load<i64>(value) + moved * load<i64>(firstBound + boundSize * <usize>b + 8 * <usize>axis, 16));
      }
      if (!wraps) break;
      axis--;
      step = 1;
    }
  }
  return inside;
}

/** One access with a pad word. Numbers of elements cross from the host as binary64, exact up to 2^53. */
export function fillRows(access: usize, dst: usize, start: f64, count: f64, pad: u32): void {
  if (load<i32>(access, 28) != 0) splat(dst, pad, <usize>count);
  fillAccess(access, dst, <u64>start, <u64>count, 0, 4);
}

/** One row of a window that isn't wholly in bounds, or can't be shown to be. */
function fillBorder(access: usize, dst: usize, row: u64, k: u64, absent: u32, span: i64): void {
  if (load<i32>(access, 28) != 0) splat(dst, absent, <usize>k);
  fillAccess(access, dst, row * k, k, 0, span);
}

/**
 * Windows: the elements that the inner axes of an access reach, k for each of `rows` places of its outer axes from `first` on.
 * Where a whole window is in bounds, its words lie at fixed distances from its first one, run by run.
 *
 * Descriptor: i64 base, i64 low, i64 high, i32 axes, i32 bounds, i64 least, i64 most (distances in bytes of a window's first and last word from
 * the base), i32 runs, i32 k, i32 access (over outer and inner axes), i32 0, then as for an access each outer axis i64 size, i64 stride; each bound
 * i64 start, i64 limit, i64 least, i64 most (what the inner axes add), i64 factor for each outer axis; then each run i32 distance, i32 words.
 * @param absent the word for elements out of bounds; @param span as in `copyRun`: with addresses, each run must be one word.
 */
export function fillWindows(window: usize, dst: usize, first: f64, rows: usize, absent: u32, span: u32): void {
  const low = load<i64>(window, 8);
  const high = load<i64>(window, 16);
  const n = load<i32>(window, 24);
  const bounds = load<i32>(window, 28);
  const least = load<i64>(window, 32);
  const most = load<i64>(window, 40) + <i64>span;
  const runs: usize = load<u32>(window, 48);
  const k: usize = load<u32>(window, 52);
  const access: usize = load<u32>(window, 56);
  const axes = window + 64;
  const firstBound = axes + 16 * <usize>n;
  const boundSize: usize = 32 + 8 * <usize>n;
  const firstRun = firstBound + boundSize * <usize>bounds;
  const endRun = firstRun + 8 * runs;
  const x = windowState;
  const values = windowState + 8 * maxAxes;

  let address = load<i64>(window);
  let rest = <u64>first;
  for (let b = 0; b < bounds; b++) store<i64>(values + 8 * <usize>b, load<i64>(firstBound + boundSize * <usize>b));
  for (let i = n - 1; i >= 0; i--) {
    const axis = axes + 16 * <usize>i;
    const size = load<u64>(axis);
    const at = rest % size;
    rest /= size;
    store<u64>(x + 8 * <usize>i, at);
    address += <i64>at * load<i64>(axis, 8);
    for (let b = 0; b < bounds; b++) {
      const value = values + 8 * <usize>b;
      store<i64>(value, load<i64>(value) + <i64>at * load<i64>(firstBound + boundSize * <usize>b + 8 * <usize>i, 32));
    }
  }

  for (let row: usize = 0; row < rows; row++) {
    let whole = address + least >= low && address + most <= high;
    for (let b = 0; b < bounds; b++) {
      const bound = firstBound + boundSize * <usize>b;
      const value = load<i64>(values + 8 * <usize>b);
      whole = whole && value + load<i64>(bound, 16) >= 0 && value + load<i64>(bound, 24) < load<i64>(bound, 8);
    }
    if (!whole) {
      fillBorder(access, dst, <u64>first + row, k, absent, span);
    } else if (span != 4) {
      let to = dst;
      for (let run = firstRun; run < endRun; run += 8) {
        store<u32>(to, <u32>address + load<u32>(run));
        to += 4;
      }
    } else {
      let to = dst;
      for (let run = firstRun; run < endRun; run += 8) {
        const count: usize = load<u32>(run, 4);
        copyWords(to, <usize>(<u32>address + load<u32>(run)), count);
        to += 4 * count;
      }
    }
    dst += 4 * k;
    let axis: usize = n - 1;
    while (true) {
      const at = load<i64>(x + 8 * axis) + 1;
      const size = load<i64>(axes + 16 * axis);
      const wraps = at == size && axis > 0;
      const moved = wraps ? 1 - size : 1;
      store<i64>(x + 8 * axis, wraps ? 0 : at);
      address += moved * load<i64>(axes + 16 * axis, 8);
      for (let b = 0; b < bounds; b++) {
        const value = values + 8 * <usize>b;
        store<i64>(value, load<i64>(value) + moved * load<i64>(firstBound + boundSize * <usize>b + 8 * axis, 32));
      }
      if (!wraps) break;
      axis--;
    }
  }
}

/** @returns how many elements of [start, start + count) are in bounds. */
export function countInBounds(access: usize, start: f64, count: f64): f64 {
  return load<i32>(access, 28) == 0 ? count : <f64>fillAccess(access, 0, <u64>start, <u64>count, 0, 4);
}

/** The words of a view's elements [start, start + count): the first access in bounds wins, so they are written last to first. */
export function fillView(view: usize, dst: usize, start: u64, count: u64, pointers: usize): void {
  const accesses = load<i32>(view);
  const first: usize = load<u32>(view, 8);
  if (accesses > 1 || load<i32>(first, 28) != 0 || load<i32>(first, 32) != 0) splat(dst, load<u32>(view, 4), <usize>count);
  for (let i = accesses - 1; i >= 0; i--) fillAccess(load<u32>(view + 4 * <usize>i, 8), dst, start, count, pointers, 4);
}

/** Widens binary32 elements: any NaN becomes the one NaN. */
export function canonicalNaNs(words: usize, count: usize): void {
  for (const end = words + (count << 2); words < end; words += 4) {
    if ((load<u32>(words) & 0x7fffffff) > 0x7f800000) store<u32>(words, quietNaN);
  }
}

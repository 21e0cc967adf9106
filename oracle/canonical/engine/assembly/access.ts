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

/** Coordinates (i64 each) and the bounds' current values, a private area of each instance. */
let state: usize = 0;

export function initialise(area: usize): void {
  state = area;
}

/** Bytes that `initialise` needs. */
export function stateBytes(): usize {
  return 8 * (maxAxes + maxBounds);
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

export function copyWords(dst: usize, src: usize, count: usize): void {
  if (count >= 512) {
    memory.copy(dst, src, count << 2);
    return;
  }
  const end = dst + (count << 2);
  while (dst + 16 <= end) {
    v128.store(dst, v128.load(src));
    dst += 16;
    src += 16;
  }
  while (dst < end) {
    store<u32>(dst, load<u32>(src));
    dst += 4;
    src += 4;
  }
}

function copyRun(access: usize, dst: usize, address: i64, stride: i64, count: i64): void {
  const last = address + stride * (count - 1);
  const low = load<i64>(access, 8);
  const high = load<i64>(access, 16) - 4;
  if (min(address, last) < low || max(address, last) > high) {
    outside(access, min(address, last) < low ? min(address, last) : max(address, last));
    return;
  }
  let src = <usize>address;
  if (stride == 4) {
    copyWords(dst, src, <usize>count);
  } else if (stride == 0) {
    splat(dst, load<u32>(src), <usize>count);
  } else {
    const step = <usize>stride;
    for (const end = dst + ((<usize>count) << 2); dst < end; dst += 4) {
      store<u32>(dst, load<u32>(src));
      src += step;
    }
  }
}

/** A run with index terms; `pointers[operand]` is where the words of that operand for the block's elements lie, `skip` elements in front of the run. */
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

/**
 * Walks the elements [start, start + count) of the access's row-major space, and writes the word of each one in bounds to `dst`;
 * the others are left as they are. @returns how many are in bounds by the bounds alone. `dst` 0 only counts.
 */
export function fillAccess(access: usize, dst: usize, start: u64, count: u64, pointers: usize): u64 {
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
      if (factor == 0) {
        if (value < 0 || value >= limit) to = 0;
      } else if (factor > 0) {
        if (value < 0) from = max(from, ceilDiv(-value, factor));
        to = min(to, limit > value ? ceilDiv(limit - value, factor) : 0);
      } else {
        to = min(to, value >= 0 ? value / -factor + 1 : 0);
        if (value >= limit) from = max(from, (value - limit) / -factor + 1);
      }
    }
    if (from < to) {
      inside += to - from;
      if (dst != 0) {
        const at = dst + ((<usize>(<i64>done + from)) << 2);
        if (indices == 0) copyRun(access, at, address + from * innerStride, innerStride, to - from);
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

/** One access with a pad word. */
export function fillRows(access: usize, dst: usize, start: u64, count: u64, pad: u32): void {
  if (load<i32>(access, 28) != 0) splat(dst, pad, <usize>count);
  fillAccess(access, dst, start, count, 0);
}

/** @returns how many elements of [start, start + count) are in bounds. */
export function countInBounds(access: usize, start: u64, count: u64): u64 {
  return load<i32>(access, 28) == 0 ? count : fillAccess(access, 0, start, count, 0);
}

/** The words of a view's elements [start, start + count): the first access in bounds wins, so they are written last to first. */
export function fillView(view: usize, dst: usize, start: u64, count: u64, pointers: usize): void {
  const accesses = load<i32>(view);
  const first: usize = load<u32>(view, 8);
  if (accesses > 1 || load<i32>(first, 28) != 0 || load<i32>(first, 32) != 0) splat(dst, load<u32>(view, 4), <usize>count);
  for (let i = accesses - 1; i >= 0; i--) fillAccess(load<u32>(view + 4 * <usize>i, 8), dst, start, count, pointers);
}

/** Widens binary32 elements: any NaN becomes the one NaN. */
export function canonicalNaNs(words: usize, count: usize): void {
  for (const end = words + (count << 2); words < end; words += 4) {
    if ((load<u32>(words) & 0x7fffffff) > 0x7f800000) store<u32>(words, quietNaN);
  }
}

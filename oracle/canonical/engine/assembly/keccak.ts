/**
 * Keccak-256 of leaves and nodes (docs/commitments.md), two at a time: lane i of the state holds word i of both, side by side.
 * A leaf's preimage is 257 bytes (two blocks of 136), a node's 65 (one).
 */
const roundConstants: usize = memory.data<u64>([
  0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
  0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
  0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
  0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
]);

function rotate(x: v128, n: i32): v128 {
  return v128.or(i64x2.shl(x, n), i64x2.shr_u(x, 64 - n));
}

function rotate8(x: v128): v128 {
  return i8x16.shuffle(x, x, 7, 0, 1, 2, 3, 4, 5, 6, 15, 8, 9, 10, 11, 12, 13, 14);
}

function rotate56(x: v128): v128 {
  return i8x16.shuffle(x, x, 1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13, 14, 15, 8);
}

function xor5(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  return v128.xor(v128.xor(v128.xor(a, b), v128.xor(c, d)), e);
}

function chi(a: v128, b: v128, c: v128): v128 {
  return v128.xor(a, v128.andnot(c, b));
}

/** Keccak-f[1600], row by row: what a row gives is kept apart, because later rows still read the old state. */
function permute(state: usize): void {
  let a0 = v128.load(state, 0);
  let a1 = v128.load(state, 16);
  let a2 = v128.load(state, 32);
  let a3 = v128.load(state, 48);
  let a4 = v128.load(state, 64);
  let a5 = v128.load(state, 80);
  let a6 = v128.load(state, 96);
  let a7 = v128.load(state, 112);
  let a8 = v128.load(state, 128);
  let a9 = v128.load(state, 144);
  let a10 = v128.load(state, 160);
  let a11 = v128.load(state, 176);
  let a12 = v128.load(state, 192);
  let a13 = v128.load(state, 208);
  let a14 = v128.load(state, 224);
  let a15 = v128.load(state, 240);
  let a16 = v128.load(state, 256);
  let a17 = v128.load(state, 272);
  let a18 = v128.load(state, 288);
  let a19 = v128.load(state, 304);
  let a20 = v128.load(state, 320);
  let a21 = v128.load(state, 336);
  let a22 = v128.load(state, 352);
  let a23 = v128.load(state, 368);
  let a24 = v128.load(state, 384);
  for (let r: usize = roundConstants; r < roundConstants + 192; r += 8) {
    const c0 = xor5(a0, a5, a10, a15, a20);
    const c1 = xor5(a1, a6, a11, a16, a21);
    const c2 = xor5(a2, a7, a12, a17, a22);
    const c3 = xor5(a3, a8, a13, a18, a23);
    const c4 = xor5(a4, a9, a14, a19, a24);
    const d0 = v128.xor(c4, rotate(c1, 1));
    const d1 = v128.xor(c0, rotate(c2, 1));
    const d2 = v128.xor(c1, rotate(c3, 1));
    const d3 = v128.xor(c2, rotate(c4, 1));
    const d4 = v128.xor(c3, rotate(c0, 1));
    const b0 = v128.xor(a0, d0);
    const b1 = rotate(v128.xor(a6, d1), 44);
    const b2 = rotate(v128.xor(a12, d2), 43);
    const b3 = rotate(v128.xor(a18, d3), 21);
    const b4 = rotate(v128.xor(a24, d4), 14);
    const n0 = v128.xor(chi(b0, b1, b2), v128.load64_splat(r));
    const n1 = chi(b1, b2, b3);
    const n2 = chi(b2, b3, b4);
    const n3 = chi(b3, b4, b0);
    const n4 = chi(b4, b0, b1);
    const b5 = rotate(v128.xor(a3, d3), 28);
    const b6 = rotate(v128.xor(a9, d4), 20);
    const b7 = rotate(v128.xor(a10, d0), 3);
    const b8 = rotate(v128.xor(a16, d1), 45);
    const b9 = rotate(v128.xor(a22, d2), 61);
    const n5 = chi(b5, b6, b7);
    const n6 = chi(b6, b7, b8);
    const n7 = chi(b7, b8, b9);
    const n8 = chi(b8, b9, b5);
    const n9 = chi(b9, b5, b6);
    const b10 = rotate(v128.xor(a1, d1), 1);
    const b11 = rotate(v128.xor(a7, d2), 6);
    const b12 = rotate(v128.xor(a13, d3), 25);
    const b13 = rotate8(v128.xor(a19, d4));
    const b14 = rotate(v128.xor(a20, d0), 18);
    const n10 = chi(b10, b11, b12);
    const n11 = chi(b11, b12, b13);
    const n12 = chi(b12, b13, b14);
    const n13 = chi(b13, b14, b10);
    const n14 = chi(b14, b10, b11);
    const b15 = rotate(v128.xor(a4, d4), 27);
    const b16 = rotate(v128.xor(a5, d0), 36);
    const b17 = rotate(v128.xor(a11, d1), 10);
    const b18 = rotate(v128.xor(a17, d2), 15);
    const b19 = rotate56(v128.xor(a23, d3));
    const n15 = chi(b15, b16, b17);
    const n16 = chi(b16, b17, b18);
    const n17 = chi(b17, b18, b19);
    const n18 = chi(b18, b19, b15);
    const n19 = chi(b19, b15, b16);
    const b20 = rotate(v128.xor(a2, d2), 62);
    const b21 = rotate(v128.xor(a8, d3), 55);
    const b22 = rotate(v128.xor(a14, d4), 39);
    const b23 = rotate(v128.xor(a15, d0), 41);
    const b24 = rotate(v128.xor(a21, d1), 2);
    const n20 = chi(b20, b21, b22);
    const n21 = chi(b21, b22, b23);
    const n22 = chi(b22, b23, b24);
    const n23 = chi(b23, b24, b20);
    const n24 = chi(b24, b20, b21);
    a0 = n0;
    a1 = n1;
    a2 = n2;
    a3 = n3;
    a4 = n4;
    a5 = n5;
    a6 = n6;
    a7 = n7;
    a8 = n8;
    a9 = n9;
    a10 = n10;
    a11 = n11;
    a12 = n12;
    a13 = n13;
    a14 = n14;
    a15 = n15;
    a16 = n16;
    a17 = n17;
    a18 = n18;
    a19 = n19;
    a20 = n20;
    a21 = n21;
    a22 = n22;
    a23 = n23;
    a24 = n24;
  }
  v128.store(state, a0, 0);
  v128.store(state, a1, 16);
  v128.store(state, a2, 32);
  v128.store(state, a3, 48);
  v128.store(state, a4, 64);
  v128.store(state, a5, 80);
  v128.store(state, a6, 96);
  v128.store(state, a7, 112);
  v128.store(state, a8, 128);
  v128.store(state, a9, 144);
  v128.store(state, a10, 160);
  v128.store(state, a11, 176);
  v128.store(state, a12, 192);
  v128.store(state, a13, 208);
  v128.store(state, a14, 224);
  v128.store(state, a15, 240);
  v128.store(state, a16, 256);
  v128.store(state, a17, 272);
  v128.store(state, a18, 288);
  v128.store(state, a19, 304);
  v128.store(state, a20, 320);
  v128.store(state, a21, 336);
  v128.store(state, a22, 352);
  v128.store(state, a23, 368);
  v128.store(state, a24, 384);
}

function pair(a: u64, b: u64): v128 {
  return i64x2.replace_lane(i64x2.splat(a), 1, b);
}

/** Words `from` to `to` − 1 (an even number of them, the first is not word 0) of the preimages `first ‖ data` at `p` and `q`, one byte to the left. */
function storeWords(state: usize, p: usize, q: usize, from: usize, to: usize): void {
  p += 8 * from - 1;
  q += 8 * from - 1;
  for (let at = state + 16 * from, end = state + 16 * to; at < end; at += 32) {
    const x = v128.load(p);
    const y = v128.load(q);
    v128.store(at, i64x2.shuffle(x, y, 0, 2));
    v128.store(at, i64x2.shuffle(x, y, 1, 3), 16);
    p += 16;
    q += 16;
  }
}

/** Word 0 of the preimages. */
function firstWords(p: usize, q: usize, first: u64): v128 {
  return pair((load<u64>(p) << 8) | first, (load<u64>(q) << 8) | first);
}

/** The preimages' last byte, and the first one of the padding. */
function lastWords(p: usize, q: usize): v128 {
  return pair((<u64>load<u8>(p)) | 0x0100, (<u64>load<u8>(q)) | 0x0100);
}

const closing: u64 = 0x8000000000000000;

/** Adds the words from 17 on, 15 of them, to the state. */
function absorbWords(state: usize, p: usize, q: usize): void {
  p += 8 * 17 - 1;
  q += 8 * 17 - 1;
  for (let at = state, end = state + 16 * 14; at < end; at += 32) {
    const x = v128.load(p);
    const y = v128.load(q);
    v128.store(at, v128.xor(v128.load(at), i64x2.shuffle(x, y, 0, 2)));
    v128.store(at, v128.xor(v128.load(at, 16), i64x2.shuffle(x, y, 1, 3)), 16);
    p += 16;
    q += 16;
  }
  absorb(state, 14, pair(load<u64>(p), load<u64>(q)));
}

function absorb(state: usize, lane: usize, value: v128): void {
  const at = state + 16 * lane;
  v128.store(at, v128.xor(v128.load(at), value));
}

function clear(state: usize, from: usize, to: usize): void {
  for (let lane = from; lane < to; lane++) v128.store(state + 16 * lane, i64x2.splat(0));
}

function emit(state: usize, p: usize, q: usize): void {
  for (let i: usize = 0; i < 4; i++) {
    store<u64>(p + 8 * i, load<u64>(state + 16 * i));
    store<u64>(q + 8 * i, load<u64>(state + 16 * i, 8));
  }
}

/** Hashes the leaves (256 bytes) at `p` and `q` to 32 bytes each. @param state 400 bytes of scratch, 16-byte aligned. */
function leafPair(state: usize, p: usize, q: usize, outP: usize, outQ: usize): void {
  // The domain byte of a leaf is 0.
  v128.store(state, firstWords(p, q, 0));
  storeWords(state, p, q, 1, 17);
  clear(state, 17, 25);
  permute(state);
  absorbWords(state, p, q);
  absorb(state, 15, lastWords(p + 255, q + 255));
  absorb(state, 16, i64x2.splat(closing));
  permute(state);
  emit(state, outP, outQ);
}

/** Hashes two pairs of children (64 bytes at `p` and at `q`). */
function nodePair(state: usize, p: usize, q: usize, outP: usize, outQ: usize): void {
  v128.store(state, firstWords(p, q, 1));
  storeWords(state, p, q, 1, 7);
  v128.store(state + 16 * 7, pair(load<u64>(p + 55), load<u64>(q + 55)));
  v128.store(state + 16 * 8, lastWords(p + 63, q + 63));
  clear(state, 9, 25);
  v128.store(state + 16 * 16, i64x2.splat(closing));
  permute(state);
  emit(state, outP, outQ);
}

/** @param scratch 464 bytes, 16-byte aligned. */
export function hashLeaves(data: usize, leaves: usize, out: usize, scratch: usize): void {
  let i: usize = 0;
  for (; i + 2 <= leaves; i += 2) leafPair(scratch, data + 256 * i, data + 256 * i + 256, out + 32 * i, out + 32 * i + 32);
  if (i < leaves) leafPair(scratch, data + 256 * i, data + 256 * i, out + 32 * i, out + 32 * i);
}

/**
 * Hashes one level: `nodes` hashes at `from` to ⌈nodes / 2⌉ parents at `to`, which may be `from`. A missing last sibling is 32 zero bytes.
 * @param scratch 464 bytes, 16-byte aligned.
 */
export function hashLevel(from: usize, nodes: usize, to: usize, scratch: usize): void {
  const last = scratch + 400;
  const full = nodes >> 1;
  if (nodes & 1) {
    memory.copy(last, from + 32 * (nodes - 1), 32);
    memory.fill(last + 32, 0, 32);
  }
  let i: usize = 0;
  for (; i + 2 <= full; i += 2) nodePair(scratch, from + 64 * i, from + 64 * i + 64, to + 32 * i, to + 32 * i + 32);
  if (i < full) {
    nodePair(scratch, from + 64 * i, from + 64 * i, to + 32 * i, to + 32 * i);
    i++;
  }
  if (nodes & 1) nodePair(scratch, last, last, to + 32 * i, to + 32 * i);
}

/** Hashes `depth` levels above `nodes` hashes (at least 1) in place: the top is left in the first 32 bytes. @param scratch as in `hashLevel`. */
export function subtree(hashes: usize, nodes: usize, depth: i32, scratch: usize): void {
  for (let level = 0; level < depth; level++) {
    hashLevel(hashes, nodes, hashes, scratch);
    nodes = (nodes + 1) >> 1;
  }
}

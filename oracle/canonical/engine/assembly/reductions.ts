/** Reductions of rows and of lanes (docs/canonical.md, section 4, "reduce"). */
import { exactSum, Term } from "./exact";
import { quietNaN } from "./words";

const unit: f64 = 1.1102230246251565e-16;

function termOf(x: f64, term: i32): f64 {
  return term == Term.plain ? x : term == Term.absolute ? abs(x) : x * x;
}

/**
 * out[i] = RN(Σₖ term(x[i][k]) / divisor) for rows of k words, absent ones zeros. @param divisors a u32 a row, or 0 for `divisor` in every row. @returns how many needed exact arithmetic.
 *
 * A sum s of K terms (each exact in binary64) is off by at most (K + 2)·u·(1 + 2^-20)·Σ|termₖ|, as in gemm.ts; dividing divides the error and adds u·|q|,
 * which the 4u·|q| of the rounding test covers.
 */
export function sumRows(x: usize, rows: usize, k: usize, term: i32, divisor: u32, divisors: usize, out: usize, acc: usize): u32 {
  const factor = <f64>(k + 2) * unit * (1 + 9.5367431640625e-7);
  let exact: u32 = 0;
  for (let i: usize = 0; i < rows; i++) {
    const row = x + 4 * i * k;
    let sum: f64 = 0;
    let magnitude: f64 = 0;
    for (let j: usize = 0; j < k << 2; j += 4) {
      const t = termOf(<f64>load<f32>(row + j), term);
      sum += t;
      magnitude += abs(t);
    }
    const d = divisors != 0 ? load<u32>(divisors + 4 * i) : divisor;
    const q = sum / <f64>d;
    const e = (factor * magnitude) / <f64>d + 6 * unit * abs(q);
    const low = reinterpret<u32>(<f32>(q - e));
    if (low == reinterpret<u32>(<f32>(q + e)) && q - q == 0 && e - e == 0) store<u32>(out + 4 * i, low);
    else {
      exact++;
      store<u32>(out + 4 * i, exactSum(row, k, term, d, acc));
    }
  }
  return exact;
}

/** As `sumRows`, lane by lane: x[k][lanes], out[lanes]; undecided lanes are gathered into `row` (k words). */
export function sumLanes(x: usize, k: usize, lanes: usize, term: i32, divisor: u32, out: usize, row: usize, acc: usize): u32 {
  const factor = <f64>(k + 2) * unit * (1 + 9.5367431640625e-7);
  let exact: u32 = 0;
  for (let l: usize = 0; l < lanes; l++) {
    let sum: f64 = 0;
    let magnitude: f64 = 0;
    for (let at = x + 4 * l, end = at + 4 * lanes * k; at < end; at += 4 * lanes) {
      const t = termOf(<f64>load<f32>(at), term);
      sum += t;
      magnitude += abs(t);
    }
    const q = sum / <f64>divisor;
    const e = (factor * magnitude) / <f64>divisor + 6 * unit * abs(q);
    const low = reinterpret<u32>(<f32>(q - e));
    if (low == reinterpret<u32>(<f32>(q + e)) && q - q == 0 && e - e == 0) {
      store<u32>(out + 4 * l, low);
      continue;
    }
    exact++;
    for (let i: usize = 0; i < k; i++) store<u32>(row + 4 * i, load<u32>(x + 4 * (i * lanes + l)));
    store<u32>(out + 4 * l, exactSum(row, k, term, divisor, acc));
  }
  return exact;
}

/** What combines two words. */
const enum Fold {
  fmax = 0,
  fmin = 1,
  imax = 2,
  imin = 3,
  fmul = 4,
  imul = 5,
  iadd = 6,
}

function fold(kind: i32, a: u32, b: u32): u32 {
  switch (kind) {
    case Fold.fmax:
      return canonicalWord(max(reinterpret<f32>(a), reinterpret<f32>(b)));
    case Fold.fmin:
      return canonicalWord(min(reinterpret<f32>(a), reinterpret<f32>(b)));
    case Fold.imax:
      return <u32>max(<i32>a, <i32>b);
    case Fold.imin:
      return <u32>min(<i32>a, <i32>b);
    case Fold.fmul:
      return canonicalWord(reinterpret<f32>(a) * reinterpret<f32>(b));
    case Fold.imul:
      return a * b;
    default:
      return a + b;
  }
}

function canonicalWord(x: f32): u32 {
  return x == x ? reinterpret<u32>(x) : quietNaN;
}

/** out[i] = the fold of a row from `start`, in order; absent elements hold the fold's neutral word. */
export function foldRows(x: usize, rows: usize, k: usize, kind: i32, start: u32, out: usize): void {
  for (let i: usize = 0; i < rows; i++) {
    let value = start;
    for (let j: usize = 4 * i * k; j < 4 * (i + 1) * k; j += 4) value = fold(kind, value, load<u32>(x + j));
    store<u32>(out + 4 * i, value);
  }
}

/** As `foldRows`, lane by lane: x[k][lanes], out[lanes]. Only for the four extrema. */
export function foldLanes(x: usize, k: usize, lanes: usize, kind: i32, start: u32, out: usize): void {
  let l: usize = 0;
  for (; l + 4 <= lanes; l += 4) {
    let v = i32x4.splat(start);
    for (let at = x + 4 * l, end = at + 4 * lanes * k; at < end; at += 4 * lanes) {
      const word = v128.load(at);
      if (kind == Fold.fmax) v = f32x4.max(v, word);
      else if (kind == Fold.fmin) v = f32x4.min(v, word);
      else if (kind == Fold.imax) v = i32x4.max_s(v, word);
      else v = i32x4.min_s(v, word);
    }
    if (kind <= Fold.fmin) v = v128.bitselect(v, i32x4.splat(quietNaN), f32x4.eq(v, v));
    v128.store(out + 4 * l, v);
  }
  for (; l < lanes; l++) {
    let value = start;
    for (let at = x + 4 * l, end = at + 4 * lanes * k; at < end; at += 4 * lanes) value = fold(kind, value, load<u32>(at));
    store<u32>(out + 4 * l, value);
  }
}

/**
 * out[i] = number of the largest (smallest where `least`), the first (last where `last`), in a row; −1 where all are absent.
 * An element is absent where `x2`, the same rows with another pad, holds another word; 0 where none is.
 * Binary32 where `real`: −0 equals +0, and a NaN beats all.
 */
export function argRows(x: usize, x2: usize, rows: usize, k: usize, real: bool, least: bool, last: bool, out: usize): void {
  for (let i: usize = 0; i < rows; i++) {
    let best: i32 = -1;
    let value: u32 = 0;
    for (let j: usize = 0; j < k; j++) {
      const at: usize = 4 * (i * k + j);
      const word = load<u32>(x + at);
      if (x2 != 0 && word != load<u32>(x2 + at)) continue;
      if (best < 0 || precedes(word, value, real, least, last)) {
        best = <i32>j;
        value = word;
      }
    }
    store<i32>(out + 4 * i, best);
  }
}

/** Whether `word`, which comes later, takes the place of `value`. */
function precedes(word: u32, value: u32, real: bool, least: bool, last: bool): bool {
  if (!real) {
    if (word == value) return last;
    return least ? <i32>word < <i32>value : <i32>word > <i32>value;
  }
  const a = reinterpret<f32>(word);
  const b = reinterpret<f32>(value);
  if (b != b) return last && a != a;
  if (a != a) return true;
  if (a == b) return last;
  return least ? a < b : a > b;
}

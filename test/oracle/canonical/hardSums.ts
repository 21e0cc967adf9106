/** Sums of products that are hard to round: near and on ties, with cancellation, at the ends of the range. */
import { round, units } from "../../../oracle/canonical/reference/binary32.ts";
import { floatWord, type Seeded } from "./seeded.ts";

export interface HardSum {
  /** As many as `b`. */
  a: number[];
  b: number[];
  bias: number;
}

const negative = 0x80000000;
const power = (exponent: number) => (exponent >= -126 ? (exponent + 127) * 0x800000 : 2 ** (exponent + 149));

/** A pair whose product is ±2^exponent, for exponents from −298 to 254. */
function powerPair(random: Seeded, exponent: number): [number, number] {
  const first = random.int(Math.max(-149, exponent - 127), Math.min(127, exponent + 149));
  return [power(first), power(exponent - first)];
}

/** A number between two neighbours, halfway, or off by as little as two exponents of a product allow. */
function nearTie(random: Seeded, pairs: [number, number][]): void {
  const exponent = random.pick([-140, -127, -126, -100, -20, -1, 0, 1, 20, 100, 126, 127]);
  const one = 0x3f800000;
  const unit = Math.max(exponent - 23, -149);
  const word =
    exponent < -126 ? random.int(1, 2 ** (exponent + 149)) : power(exponent) + random.pick([0, 1, 0x7fffff, random.int(0, 0x7fffff)]);
  pairs.push([word, one], powerPair(random, unit - 1));
  if (random.oneIn(3)) return;
  const [a, b] = powerPair(random, random.pick([-298, -250, unit - 2, unit - 30, unit - 60, unit - 100].filter((e) => e >= -298)));
  pairs.push([a, random.oneIn(2) ? b : b + negative]);
}

/** Pairs that cancel each other exactly, though no two of them have the same factors. */
function cancelling(random: Seeded, pairs: [number, number][]): void {
  for (let i = random.int(0, 5); i > 0; i--) {
    const [a, b] = [random.int(64, 190) * 0x800000 + random.int(0, 0x7fffff), random.int(64, 190) * 0x800000 + random.int(0, 0x7fffff)];
    const shift = random.int(-20, 20) * 0x800000;
    pairs.push([a, b], [a + shift + negative, b - shift]);
  }
}

function shuffle<T>(random: Seeded, items: T[]): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.int(0, i);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
}

/** @returns a sum of 1 to about 24 products, with a bias. */
export function hardSum(random: Seeded): HardSum {
  const pairs: [number, number][] = [];
  const choice = random.int(0, 9);
  if (choice < 6) nearTie(random, pairs);
  if (choice < 8) cancelling(random, pairs);
  else for (let i = random.int(1, 12); i > 0; i--) pairs.push([floatWord(random), floatWord(random)]);
  if (pairs.length === 0) pairs.push([1, 0x3f800000]);
  if (random.oneIn(2)) for (const pair of pairs) pair[0] = (pair[0] ^ negative) >>> 0;
  shuffle(random, pairs);
  const bias = random.oneIn(3) ? pairs.find(([, b]) => b === 0x3f800000)?.[0] : undefined;
  const rest = bias === undefined ? pairs : pairs.filter(([a, b]) => a !== bias || b !== 0x3f800000);
  const zero = random.oneIn(2) ? 0 : negative;
  return { a: rest.map(([a]) => a), b: rest.map(([, b]) => b), bias: bias ?? zero };
}

/** Matrices a [rows, k] and b [columns, k] whose product is hard to round in every element. */
export interface HardProduct {
  rows: number;
  columns: number;
  k: number;
  a: number[];
  b: number[];
}

/** A number, half of its last place, and nothing or a little on top: their sum is a tie, or next to one. */
function tieWords(random: Seeded): [number, number, number] {
  const exponent = random.int(-90, 120);
  const unit = exponent - 23;
  const little = random.oneIn(3) ? 0 : power(random.pick([unit - 2, unit - 30, unit - 34]) + random.int(-2, 0));
  const sign = () => (random.oneIn(2) ? negative : 0);
  const of = sign();
  return [power(exponent) + random.int(0, 0x7fffff) + of, power(unit - 1) + of, little === 0 ? 0 : little + sign()];
}

/**
 * Every row of a holds pairs x, −x against equal neighbours in b, which cancel, and a near tie against ones;
 * all pairs stand at random places.
 */
export function hardProduct(random: Seeded): HardProduct {
  const [rows, columns, cancelled] = [random.int(1, 9), random.int(1, 9), random.int(0, 40)];
  const mild = () => random.int(100, 140) * 0x800000 + random.int(0, 0x7fffff);
  const k = 2 * cancelled + 3;
  const one = 0x3f800000;
  const places = Array.from({ length: k }, (_, i) => i);
  shuffle(random, places);
  const placed = (words: number[]) => {
    const row = places.map(() => 0);
    words.forEach((word, i) => (row[places[i]!] = word));
    return row;
  };
  const a = Array.from({ length: rows }, () => {
    const pairs = Array.from({ length: cancelled }, mild).flatMap((word) => [word, word + negative]);
    return placed([...pairs, ...tieWords(random)]);
  });
  const b = Array.from({ length: columns }, () =>
    placed([...Array.from({ length: cancelled }, mild).flatMap((word) => [word, word]), one, one, one]),
  );
  return { rows, columns, k, a: a.flat(), b: b.flat() };
}

/** What a finite sum rounds to, by the definition itself; null where a word is not finite. */
export function roundedSum({ a, b, bias }: HardSum): number | null {
  const finite = (word: number) => (word & 0x7f800000) !== 0x7f800000;
  if (![...a, ...b, bias].every(finite)) return null;
  const sum = a.reduce((total, word, i) => total + units(word) * units(b[i]!), units(bias) << 149n);
  return round(sum, 1n, -298);
}

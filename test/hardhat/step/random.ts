/** Seeded binary32 words that dwell on corners. */

/** xorshift128+: quick and repeatable. @returns a function that gives integers in [0, 2^32). */
export function seeded(seed: number): () => number {
  let a = (seed ^ 0x9e3779b9) >>> 0 || 1;
  let b = (seed ^ 0x243f6a88) >>> 0 || 2;
  let c = (seed ^ 0xb7e15162) >>> 0 || 3;
  let d = 0x12345678;
  return () => {
    const t = a ^ (a << 11);
    a = b;
    b = c;
    c = d;
    d = (d ^ (d >>> 19) ^ t ^ (t >>> 8)) >>> 0;
    return d;
  };
}

const corners = [
  0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x807fffff, 0x00800000, 0x80800000, 0x00800001, 0x3f800000, 0xbf800000,
  0x3f800001, 0x3f7fffff, 0x34000000, 0x33800000, 0x4b000000, 0x4affffff, 0xcb000000, 0x4f000000, 0xcf000000, 0x4effffff, 0x7f7fffff,
  0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0x3f000000, 0x3fc00000, 0x40200000, 0xbf000000,
];

/** @returns any word: a corner, a neighbour of one, of common magnitude, or any bits at all. */
export function anyWord(random: () => number): number {
  const kind = random() % 8;
  if (kind === 0) return corners[random() % corners.length]!;
  if (kind === 1) return (corners[random() % corners.length]! + (random() % 9) - 4) >>> 0;
  if (kind < 5) return commonWord(random);
  return random();
}

/** @returns a finite word between 2^-20 and 2^12 in magnitude. */
export function commonWord(random: () => number): number {
  return ((random() & 0x807fffff) | ((107 + (random() % 32)) << 23)) >>> 0;
}

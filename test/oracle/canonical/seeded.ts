/** Repeatable randomness for tests and vectors. */

export interface Seeded {
  /** Uniform in [0, 2^32). */
  word(): number;
  /** Uniform in [min, max], integers. */
  int(min: number, max: number): number;
  /** True once in `n` times. */
  oneIn(n: number): boolean;
  pick<T>(items: readonly T[]): T;
}

/** A generator by Marsaglia (xorshift128), seeded by one integer. */
export function seeded(seed: number): Seeded {
  const state = Uint32Array.of(seed ^ 0x9e3779b9, Math.imul(seed + 1, 0x85ebca6b), Math.imul(seed + 2, 0xc2b2ae35), 0x27d4eb2f);
  const word = () => {
    let t = state[3]!;
    const s = state[0]!;
    state.copyWithin(1, 0, 3);
    t ^= t << 11;
    t ^= t >>> 8;
    state[0] = t ^ s ^ (s >>> 19);
    return state[0];
  };
  for (let i = 0; i < 20; i++) word();
  const int = (min: number, max: number) => min + Math.floor((word() / 2 ** 32) * (max - min + 1));
  return { word, int, oneIn: (n) => int(1, n) === 1, pick: (items) => items[int(0, items.length - 1)]! };
}

/** Words at which arithmetic goes wrong first, as binary32. */
export const floatCorners: readonly number[] = [
  0x00000000, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x00000001, 0x80000001, 0x00000002, 0x007fffff, 0x807fffff, 0x00800000,
  0x80800000, 0x00800001, 0x7f7fffff, 0xff7fffff, 0x7f7ffffe, 0x7f000000, 0x3f800000, 0xbf800000, 0x3f800001, 0x3f7fffff, 0xbf7fffff,
  0x3f000000, 0xbf000000, 0x3fc00000, 0x40200000, 0xbfc00000, 0x4b000000, 0x4b000001, 0x4b7fffff, 0x4b800000, 0x4a800001, 0x4effffff,
  0x4f000000, 0xcf000000, 0xcf000001, 0x5f000000, 0x33800000, 0x33000000, 0x34000000, 0x42b17217, 0x42b17218, 0xc2cff1b5, 0xc2aeac50,
  0x40490fdb, 0x3fc90fdb, 0x41100000, 0xc1a00000, 0x20000000, 0x1f800000, 0x0d800000,
];

/** Words that any operation must read as NaN. */
export const otherNaNs: readonly number[] = [0x7f800001, 0xffc00000, 0xff800001, 0x7fffffff, 0xffffffff];

export const intCorners: readonly number[] = [
  0, 1, 2, 3, 7, 31, 32, 33, 127, 128, 255, 256, 0xffff, 0x10000, 0xffffff, 0x1000000, 0x1000001, 0x7fffffff, 0x80000000, 0x80000001,
  0xffffffff, 0xfffffffe, 0xffffff80, 0xffffff7f,
];

/** A binary32: a corner, or of any exponent, or of the exponents that models meet. */
export function floatWord(random: Seeded): number {
  const choice = random.int(0, 7);
  if (choice === 0) return random.pick(random.oneIn(6) ? otherNaNs : floatCorners);
  const sign = random.int(0, 1) * 0x80000000;
  const fraction = choice === 1 ? random.pick([0, 1, 0x400000, 0x7fffff, 0x7ffffe, 0x3fffff]) : random.int(0, 0x7fffff);
  const exponent = choice === 2 ? random.int(0, 255) : random.int(117, 132);
  return sign + exponent * 0x800000 + fraction;
}

export function intWord(random: Seeded): number {
  if (random.oneIn(3)) return random.pick(intCorners);
  return random.oneIn(2) ? random.word() : random.int(-300, 300) >>> 0;
}

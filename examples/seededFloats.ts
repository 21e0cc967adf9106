/** xorshift32 (period 2^32 - 1): the same on every machine. @returns binary32 numbers in [-scale, scale). */
export function seededFloats(count: number, seed: number, scale = 1): Float32Array {
  return Float32Array.from(seededWords(count, seed), (word) => ((word >>> 8) / 2 ** 23 - 1) * scale);
}

/** @returns whole numbers in [low, high]. */
export function seededIntegers(count: number, seed: number, low: number, high: number): number[] {
  return Array.from(seededWords(count, seed), (word) => low + (word % (high - low + 1)));
}

function seededWords(count: number, seed: number): Uint32Array {
  // Zero is the generator's fixed point, and neighbouring seeds must not begin alike.
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1;
  return Uint32Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  });
}

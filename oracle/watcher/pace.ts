/** Blocks whose distances are remembered. */
const remembered = 8;
const fewest = 4;
/** Milliseconds between two looks where the chain's blocks come in no order, or none is known yet. */
const shortest = 1000;
const longest = 15_000;

/**
 * When to look for the next block: once for each, as they come. Every look is a call that is paid for, and a block can't be there before the
 * chain's shortest distance between two has passed.
 */
export class Pace {
  readonly #fixed: number | undefined;
  readonly #now: () => number;
  readonly #gaps: number[] = [];
  #last: { number: number; timestamp: number } | undefined;
  #seenAt = 0;
  #lookedAt = 0;

  /** @param fixed milliseconds between two looks, whatever the chain does; undefined: as the blocks come. @param now milliseconds, monotonic. */
  constructor(fixed: number | undefined, now: () => number = () => performance.now()) {
    this.#fixed = fixed;
    this.#now = now;
  }

  /** The newest block, at every look. @param timestamp Unix time, seconds. */
  observe(number: number, timestamp: number): void {
    this.#lookedAt = this.#now();
    const last = this.#last;
    if (last?.number === number) return;
    this.#last = { number, timestamp };
    this.#seenAt = this.#lookedAt;
    // After a reorganisation nothing is known of how the blocks come.
    if (last !== undefined && number < last.number) this.#gaps.length = 0;
    else if (last !== undefined) this.#gaps.push((1000 * (timestamp - last.timestamp)) / (number - last.number));
    if (this.#gaps.length > remembered) this.#gaps.shift();
  }

  /** @returns milliseconds from now until the next look. */
  untilNext(): number {
    if (this.#fixed !== undefined) return this.#fixed;
    const gap = this.#gaps.length < fewest ? 0 : Math.min(longest, ...this.#gaps);
    const now = this.#now();
    // A little early, so that a block that came late once doesn't make all that follow be seen late.
    const expected = this.#seenAt + gap - gap / 48;
    const retry = this.#lookedAt + Math.max(shortest, gap / 8);
    return Math.max(0, (gap > shortest && this.#lookedAt < expected ? expected : retry) - now);
  }
}

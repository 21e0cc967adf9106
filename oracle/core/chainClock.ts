/**
 * Chain time between blocks: the last block's timestamp and the time that a monotonic clock has counted since that block was seen.
 * The machine's own time of day never enters, so that a wrong clock can't move a deadline.
 */
export class ChainClock {
  #base = 0;
  #seenAt = 0;
  readonly #monotonic: () => number;

  /** @param monotonic milliseconds from any origin; never goes back. */
  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
  }

  /** @param timestamp of the newest block: Unix time, seconds. */
  observe(timestamp: number): void {
    this.#base = timestamp;
    this.#seenAt = this.#monotonic();
  }

  /** @returns Unix time in whole seconds, as the next block would have it. */
  now(): number {
    return this.#base + Math.floor((this.#monotonic() - this.#seenAt) / 1000);
  }
}

/** Seconds of chain time after the end of a first failed attempt until the next; doubled with every failure. */
const first = 5;
const longest = 300;

/** When what failed is tried again. Waits count from the end of an attempt, so that a slow one isn't followed by another at once. */
export class Backoff {
  readonly #failed = new Map<string, { failures: number; retryAt: number }>();

  failures(key: string): number {
    return this.#failed.get(key)?.failures ?? 0;
  }

  /** @param now chain time, seconds. */
  waits(key: string, now: number): boolean {
    return (this.#failed.get(key)?.retryAt ?? 0) > now;
  }

  /** @param now chain time at the attempt's end, seconds. */
  fail(key: string, now: number): void {
    const failures = this.failures(key);
    this.#failed.set(key, { failures: failures + 1, retryAt: now + Math.min(longest, first * 2 ** failures) });
  }

  succeed(key: string): void {
    this.#failed.delete(key);
  }
}

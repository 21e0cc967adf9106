import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** No verdict hangs on how long anything takes: a loaded machine gets so many times the time of an idle one. */
const patience = 30;

/**
 * Waits for something that other processes bring about.
 * @param timeoutMs what it takes at most on an idle machine; only what hangs fails.
 */
export async function until(what: string, condition: () => Promise<boolean> | boolean, timeoutMs = 20_000): Promise<void> {
  const end = performance.now() + patience * timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) assert.fail(`${what} did not happen in ${(patience * timeoutMs) / 1000} s`);
    await sleep(20);
  }
}

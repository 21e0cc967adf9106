import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Waits for something that other processes bring about. */
export async function until(what: string, condition: () => Promise<boolean> | boolean, timeoutMs = 20_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) assert.fail(`${what} did not happen in ${timeoutMs} ms`);
    await sleep(20);
  }
}

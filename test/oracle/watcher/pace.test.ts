import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "../../../oracle/watcher/pace.ts";

/**
 * Looks at a chain whose blocks come at the given times, whenever `pace` says so.
 * @param arrivals milliseconds. @returns how many looks it took, and the longest time between a block's coming and the look that saw it.
 */
function follow(arrivals: readonly number[], timestamps: readonly number[], fixed?: number) {
  let now = 0;
  const pace = new Pace(fixed, () => now);
  let [looks, seen, latest] = [0, -1, 0];
  for (; seen < arrivals.length - 1; now += Math.max(1, pace.untilNext())) {
    looks++;
    let newest = seen;
    while (newest + 1 < arrivals.length && arrivals[newest + 1]! <= now) newest++;
    // The first blocks teach it how the chain's blocks come.
    if (newest > seen && newest > 8) latest = Math.max(latest, now - arrivals[seen + 1]!);
    seen = newest;
    if (seen >= 0) pace.observe(seen, timestamps[seen]!);
  }
  return { looks, latest };
}

const slots = (count: number, seconds: number) => Array.from({ length: count }, (_, i) => i * seconds);

test("a chain with blocks every 12 seconds, late by up to 3 of them, is looked at about once a block, and blocks are seen in time", () => {
  const timestamps = slots(300, 12);
  const arrivals = timestamps.map((timestamp, i) => 1000 * timestamp + ((i * 7919) % 3000));
  const { looks, latest } = follow(arrivals, timestamps);
  assert.ok(looks < 2.5 * 300, `${looks} looks`);
  assert.ok(latest < 12_000 / 2, `${latest} ms`);
});

test("missed slots cost a few looks, and no block is seen a block late", () => {
  const timestamps = slots(300, 12).filter((_, i) => i % 10 !== 3);
  const { looks, latest } = follow(
    timestamps.map((timestamp) => 1000 * timestamp + 500),
    timestamps,
  );
  assert.ok(looks < 3 * 300, `${looks} looks`);
  assert.ok(latest < 12_000, `${latest} ms`);
});

test("a chain whose blocks come in no order is looked at every second", () => {
  const timestamps = Array.from({ length: 100 }, (_, i) => Math.floor(i / 3) * 9 + (i % 3 === 0 ? 0 : 1));
  const { latest } = follow(
    timestamps.map((timestamp) => 1000 * timestamp),
    timestamps,
  );
  assert.ok(latest <= 1000, `${latest} ms`);
});

test("a fixed pace is kept", () => {
  const { looks } = follow([0, 10_000], [0, 10], 100);
  assert.equal(looks, 101);
});

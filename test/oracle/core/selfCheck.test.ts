import assert from "node:assert/strict";
import { test } from "node:test";
import { isSampled, policyFor, selfCheckOf, type CheckedModel, type SelfCheckLevel } from "../../../oracle/core/selfCheck.ts";

const model: CheckedModel = {
  programRoot: `0x${"11".repeat(32)}`,
  outputs: [{ dtype: "float32", deltaAbsolute: 0, deltaRelative: 0x3a800000 }],
};
const requestOf = (i: number) => `0x${i.toString(16).padStart(64, "0")}`;
const secret = new Uint8Array(32).fill(7);
const levels: SelfCheckLevel[] = [
  { fromBond: 1000n, policy: "before" },
  { fromBond: 10n, policy: "sampled" },
  { fromBond: 100n, policy: "after" },
];
const rules = { levels, sampledShare: 0.25, secret };

test("the highest level that a bond reaches counts, in whatever order they stand", () => {
  const bonds = [9n, 10n, 99n, 100n, 999n, 1000n, 10n ** 30n];
  assert.deepEqual(
    bonds.map((bond) => policyFor(bond, levels)),
    ["never", "sampled", "sampled", "after", "after", "before", "before"],
  );
  assert.equal(policyFor(10n ** 30n, []), "never");
});

test("about the share is sampled, the same each time, and other answers with another secret", () => {
  const sampledWith = (key: Uint8Array) => Array.from({ length: 4000 }, (_, i) => isSampled(requestOf(i), 0.25, key));
  const first = sampledWith(secret);
  const count = first.filter(Boolean).length;
  assert.ok(count > 900 && count < 1100, `${count} of 4000`);
  assert.deepEqual(sampledWith(secret), first);
  const other = sampledWith(new Uint8Array(32).fill(8));
  const both = first.filter((sampled, i) => sampled && other[i]).length;
  assert.ok(both < count / 2, `${both} are sampled with both secrets`);
  assert.ok(first.every((_, i) => isSampled(requestOf(i), 1, secret) && !isSampled(requestOf(i), 0, secret)));
});

test("a policy decides for one answer", () => {
  const decided = (bond: bigint) => new Set(Array.from({ length: 100 }, (_, i) => selfCheckOf(requestOf(i), bond, model, rules)));
  assert.deepEqual(decided(1000n), new Set(["BEFORE"]));
  assert.deepEqual(decided(100n), new Set(["AFTER"]));
  assert.deepEqual(decided(1n), new Set(["NEVER"]));
  assert.deepEqual([...decided(10n)].sort(), ["AFTER", "NEVER"]);
});

test("what can't be challenged isn't checked, and what must be exact is posted canonically whatever the bond", () => {
  const unprogrammed = { ...model, programRoot: `0x${"0".repeat(64)}` };
  assert.equal(selfCheckOf(requestOf(1), 1000n, unprogrammed, rules), "NEVER");
  const output = { dtype: "float32", deltaAbsolute: 0, deltaRelative: 0 } as const;
  assert.equal(selfCheckOf(requestOf(1), 1n, { ...model, outputs: [...model.outputs, output] }, rules), "BEFORE");
  const integers = { ...model, outputs: [{ ...output, dtype: "int64" as const }] };
  assert.equal(selfCheckOf(requestOf(1), 1n, integers, rules), "NEVER", "integers are exact in the runtime, too");
});

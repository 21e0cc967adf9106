import assert from "node:assert/strict";
import { test } from "node:test";
import { coveredOperators } from "../../../oracle/canonical/lowering/operators/table.ts";
import { generators, tryCase } from "./operatorFuzz/fuzz.ts";

test("every operator that is lowered has random cases, which scripts/operator-fuzz.ts compares with ONNX Runtime", () => {
  assert.deepEqual(Object.keys(generators).sort(), coveredOperators());
});

test("two random cases of every operator give what ONNX Runtime gives, or a reason that has a name", async () => {
  for (const operator of Object.keys(generators)) {
    for (const seed of [0, 1]) {
      const outcome = await tryCase(operator, seed);
      assert.notEqual(outcome.kind, "different", `${operator}, seed ${seed}: ${JSON.stringify(outcome)}`);
    }
  }
});

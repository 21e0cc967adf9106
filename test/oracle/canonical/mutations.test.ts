import assert from "node:assert/strict";
import { test } from "node:test";
import { tryMutations } from "./mutations.ts";

test("N10 damaged models are refused or lowered, quickly and without a crash (20,000 by scripts/onnx-mutations.ts)", () => {
  const { tried, unreadable, refused, adjudicable, slowest } = tryMutations(600, 1);
  assert.equal(unreadable + refused + adjudicable, tried);
  assert(unreadable > 0 && refused > 0 && adjudicable > 0, "the mutations don't reach every stage");
  assert(slowest < 5000, `one took ${slowest} ms of the processor`);
});

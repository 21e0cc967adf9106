import assert from "node:assert/strict";
import { test } from "node:test";
import { tryGraph } from "./randomGraph.ts";

test("E01: 100 random graphs give the same root resident, streamed and by the reference, and ONNX Runtime's outputs", async () => {
  let equal = 0;
  for (let seed = 0; seed < 100; seed++) {
    const outcome = await tryGraph(seed);
    assert.notEqual(outcome.kind, "different", `seed ${seed}: ${JSON.stringify(outcome)}`);
    if (outcome.kind === "equal") equal++;
  }
  assert(equal >= 95, `${equal} of 100 graphs were compared`);
});

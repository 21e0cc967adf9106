import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluateHere } from "../../../oracle/canonical/evaluate.ts";
import { compareWithReference, wordsOf, type Case } from "./differential.ts";

test("engine and reference agree on 5,000 elements of each kind; scripts/canonical-agreement.ts compares more", async () => {
  const evaluate = ({ program, weights, inputs }: Case) => wordsOf(evaluateHere(program, weights, inputs).trace);
  const { map, contract, reduce } = await compareWithReference(evaluate, 1, 5000);
  assert(Math.min(map, contract, reduce) >= 5000);
});

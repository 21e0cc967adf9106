import assert from "node:assert/strict";
import { test } from "node:test";
import { outputOffset, outputWords } from "../../../oracle/canonical/program/layout.ts";
import { evaluateByReference } from "../../../oracle/canonical/reference/evaluate.ts";
import { compareWithReference, drawCase, firstDifference } from "./differential.ts";
import { seeded } from "./seeded.ts";

test("an evaluator that is wrong in one bit is found, and the place is named", async () => {
  let calls = 0;
  const wrongOnce = compareWithReference(
    ({ program, weights, inputs }) => {
      const { trace } = evaluateByReference(program, weights, inputs);
      if (++calls === 3) trace[64 * program.instructions.at(-1)!.outLeaf]! ^= 1;
      return trace;
    },
    50,
    2000,
  );
  await assert.rejects(wrongOnce, { message: /^drawCase\(seeded\(56\), "map"\): element 0 of instruction \d+ is 0x[0-9a-f]{8}, not 0x/ });
});

test("a trace of another length and a word in the padding are differences", () => {
  const { program, weights, inputs } = drawCase(seeded(60), "reduce");
  const { trace } = evaluateByReference(program, weights, inputs);
  assert.equal(firstDifference(program, trace, trace.slice()), null);
  assert.match(firstDifference(program, trace, Uint32Array.of(...trace, 0))!, /words of trace, not/);
  const number = program.instructions.findIndex((instruction) => outputWords(instruction) % 64 > 0);
  const padded = trace.slice();
  padded[outputOffset(program.instructions[number]!) + outputWords(program.instructions[number]!)] = 1;
  const message = `the padding of instruction ${number} is 0x00000001, not 0x00000000`;
  assert(firstDifference(program, trace, padded)!.startsWith(message));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { elementCount, type Tensor } from "../../../oracle/core/tensor.ts";
import { checkAddresses } from "../../../oracle/canonical/program/addresses.ts";
import { checkProgram } from "../../../oracle/canonical/program/check.ts";
import { evaluateByReference } from "../../../oracle/canonical/reference/evaluate.ts";
import { typicalWords } from "./randomWords.ts";
import { seeded } from "./seeded.ts";
import { typicalProgram } from "./typicalProgram.ts";

test("300 typical programs are valid", () => {
  const random = seeded(40);
  for (let i = 0; i < 300; i++) {
    const program = typicalProgram(random, 5);
    checkProgram(program);
    checkAddresses(program);
  }
});

test("typical programs evaluate to values of their own", () => {
  const random = seeded(41);
  let words = 0;
  let distinct = 0;
  for (let i = 0; i < 12; i++) {
    const program = typicalProgram(random, 3, 400);
    const [{ shape }] = program.inputs as [Tensor];
    const input: Tensor = { dtype: "float32", shape, data: new Uint8Array(typicalWords(random, elementCount(shape), false).buffer) };
    const { trace } = evaluateByReference(program, typicalWords(random, 64 * program.weightLeaves, false), [input]);
    for (const { dims, outLeaf } of program.instructions) {
      const output = trace.subarray(64 * outLeaf, 64 * outLeaf + elementCount(dims));
      words += output.length;
      distinct += new Set(output).size;
    }
  }
  assert(distinct > words / 3, `${distinct} distinct of ${words}`);
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { evaluateHere } from "../../../oracle/canonical/evaluate.ts";
import type { Opcode } from "../../../oracle/canonical/program/opcodes.ts";
import type { Program } from "../../../oracle/canonical/program/types.ts";
import { apply } from "../../../oracle/canonical/reference/operations.ts";
import { compareWithReference, wordsOf, type Case } from "./differential.ts";

test("engine and reference agree on 5,000 elements of each kind; scripts/canonical-agreement.ts compares more", async () => {
  const evaluate = ({ program, weights, inputs }: Case) => wordsOf(evaluateHere(program, weights, inputs).trace);
  const { map, contract, reduce } = await compareWithReference(evaluate, 1, 5000);
  assert(Math.min(map, contract, reduce) >= 5000);
});

const hardest = JSON.parse(readFileSync(new URL("../../vectors/hardRounding.json", import.meta.url), "utf8")) as Record<string, string[]>;

for (const [op, words] of Object.entries(hardest)) {
  test(`engine and reference agree on ${op} where all 2^32 arguments are hardest to round, and next to there`, () => {
    const args = words.flatMap((text) =>
      [-1, 0, 1].flatMap((step) => [Number.parseInt(text, 16) + step, (Number.parseInt(text, 16) ^ 0x80000000) + step]),
    );
    const weights = new Uint32Array(64 * Math.ceil(args.length / 64));
    weights.set(args);
    const operand = { pad: 0, accesses: [{ space: "weights" as const, offset: 0, strides: [1], bounds: [], indices: [] }] };
    const map = { kind: "map" as const, dims: [args.length], outLeaf: 0, operands: [operand], constants: [] };
    const instructions = [{ ...map, ops: [{ op: op as Opcode, args: [0] }] }];
    const program: Program = { inputs: [], outputs: [], instructions, weightLeaves: weights.length / 64 };
    const trace = wordsOf(evaluateHere(program, weights, []).trace);
    const expected = Array.from(weights.subarray(0, args.length), (word) => apply(op as Opcode, [word]));
    assert.deepEqual([...trace.subarray(0, args.length)], expected);
  });
}

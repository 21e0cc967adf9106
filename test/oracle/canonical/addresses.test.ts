import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAddresses } from "../../../oracle/canonical/program/addresses.ts";
import { checkProgram, ProgramError } from "../../../oracle/canonical/program/check.ts";
import type { IndexedAccess, Program } from "../../../oracle/canonical/program/types.ts";
import { evaluateByReference } from "../../../oracle/canonical/reference/evaluate.ts";
import { randomProgram } from "./randomProgram.ts";
import { randomInputs, randomWeights } from "./randomWords.ts";
import { seeded } from "./seeded.ts";

const passes = (check: () => void): boolean => {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof ProgramError) return false;
    throw error;
  }
};

test("400 random programs are shown to stay inside their spaces", () => {
  const random = seeded(20);
  for (let i = 0; i < 400; i++) {
    const program = randomProgram(random, { instructions: 4 });
    checkProgram(program);
    checkAddresses(program);
  }
});

test("whatever passes with moved accesses evaluates without leaving a space", () => {
  const random = seeded(21);
  const seen = { passed: 0, refused: 0, left: 0 };
  for (let i = 0; i < 400; i++) {
    const program = randomProgram(random, { instructions: 1, words: 40 });
    const last = program.instructions.at(-1)!;
    if (last.kind === "input") continue;
    const accesses = [
      ...last.operands.flatMap((view) => view.accesses),
      ...(last.kind === "contract" ? [last.a, last.b] : last.kind === "reduce" ? [last.x] : []),
    ];
    const moved = random.pick(accesses);
    moved.offset += random.pick([-70, -3, -1, 1, 2, 65]);
    for (const bound of moved.bounds) if (random.oneIn(3)) bound.limit += random.int(0, 3);
    const passed = passes(() => checkAddresses(program));
    const inside = passes(() => evaluateByReference(program, randomWeights(random, program), randomInputs(random, program)));
    assert(!passed || inside, JSON.stringify(last));
    seen[passed ? "passed" : "refused"]++;
    if (!inside) seen.left++;
  }
  assert(seen.passed > 100 && seen.left > 50, JSON.stringify(seen));
});

const reading = (access: Partial<IndexedAccess>): Program => ({
  inputs: [],
  outputs: [],
  instructions: [
    {
      ...{ kind: "map", dims: [10, 3], outLeaf: 0, constants: [], ops: [] },
      operands: [{ pad: 0, accesses: [{ space: "weights", offset: 0, strides: [0, 0], bounds: [], indices: [], ...access }] }],
    },
  ],
  weightLeaves: 1,
});

test("a padded window passes, one word further it does not", () => {
  // Coordinate 2 o + k − 1 of 16 rows with 4 words each.
  const window = (offset: number, limit: number) =>
    reading({
      offset,
      strides: [8, 4],
      bounds: [
        {
          start: -1,
          limit,
          terms: [
            { axis: 0, factor: 2 },
            { axis: 1, factor: 1 },
          ],
        },
      ],
    });
  checkAddresses(window(-4, 16));
  checkAddresses(window(-1, 16));
  assert.throws(() => checkAddresses(window(0, 16)), {
    message: /operand 0 may read words 4 to 64 of weights, where it may read 64 words/,
  });
  assert.throws(() => checkAddresses(window(-4, 17)), { message: /words 0 to 64 of weights/ });
});

test("what bounds and addresses can reach stays below 2^53", () => {
  const largest = 2 ** 31 - 1;
  const program = reading({ bounds: [{ start: 0, limit: 1, terms: [{ axis: 0, factor: largest }] }] });
  checkProgram(program);
  program.instructions[0]!.dims = [2 ** 22 + 1, 1];
  assert.throws(() => checkProgram(program), { message: /operand 0: a bound can reach 9007201398030336; it must stay below 2\^53/ });
  const far = reading({ strides: [largest, 0] });
  far.instructions[0]!.dims = [2 ** 22 + 1, 1];
  assert.throws(() => checkProgram(far), { message: /an address can reach/ });
});

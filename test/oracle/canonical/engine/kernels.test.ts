import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { evaluateHere } from "../../../../oracle/canonical/evaluate.ts";
import { opcodes, type Opcode } from "../../../../oracle/canonical/program/opcodes.ts";
import type { Program } from "../../../../oracle/canonical/program/types.ts";
import { apply } from "../../../../oracle/canonical/reference/operations.ts";
import { artefact, buildKernels } from "../../../../scripts/build-kernels.ts";
import { floatCorners, floatWord, intCorners, intWord, otherNaNs, seeded } from "../seeded.ts";

test("the committed kernels are what their source compiles to", async () => {
  assert.ok(Buffer.from(await buildKernels()).equals(readFileSync(artefact)), "run: node scripts/build-kernels.ts");
});

/** One operation over `count` elements, its arguments in the weight space one after another. */
function operation(op: Opcode, count: number): Program {
  const { arity } = opcodes[op];
  const operands = Array.from({ length: arity }, (_, i) => ({
    pad: 0,
    accesses: [{ space: "weights" as const, offset: i * count, strides: [1], bounds: [], indices: [] }],
  }));
  const args = operands.map((_, i) => i);
  return {
    inputs: [],
    outputs: [],
    instructions: [{ kind: "map", outLeaf: 0, dims: [count], operands, constants: [], ops: [{ op, args }] }],
    weightLeaves: (arity * count) / 64,
  };
}

const count = 1024;
const corners = [...floatCorners, ...otherNaNs, ...intCorners];

for (const op of Object.keys(opcodes) as Opcode[]) {
  test(`${op} is the reference's on corners and random words`, () => {
    const random = seeded(opcodes[op].code);
    const { arity } = opcodes[op];
    const draw = () => (op.startsWith("i") || random.oneIn(8) ? intWord(random) : floatWord(random));
    const weights = Uint32Array.from({ length: arity * count }, (_, i) =>
      i % count < corners.length && i < count ? corners[i % count]! : random.oneIn(4) ? random.pick(corners) : draw(),
    );
    const { trace } = evaluateHere(operation(op, count), weights, []);
    const words = new Uint32Array(trace.buffer);
    for (let i = 0; i < count; i++) {
      const args = Array.from({ length: arity }, (_, a) => weights[a * count + i]!);
      assert.equal(words[i], apply(op, args), `${op}(${args.map((word) => `0x${word.toString(16)}`).join(", ")})`);
    }
  });
}

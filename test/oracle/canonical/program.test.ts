import assert from "node:assert/strict";
import { test } from "node:test";
import { ProgramError } from "../../../oracle/canonical/program/check.ts";
import { decodeProgram } from "../../../oracle/canonical/program/decode.ts";
import { encodeParts, encodeProgram } from "../../../oracle/canonical/program/encode.ts";
import { programRoot, traceRoot } from "../../../oracle/canonical/program/root.ts";
import { weightRoot } from "../../../oracle/canonical/weightRoot.ts";
import { opcodes } from "../../../oracle/canonical/program/opcodes.ts";
import type { MapInstruction, Program, ReduceInstruction } from "../../../oracle/canonical/program/types.ts";
import { randomProgram } from "./randomProgram.ts";
import { seeded } from "./seeded.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

const identity: MapInstruction = {
  kind: "map",
  dims: [2, 3],
  outLeaf: 1,
  operands: [{ pad: 0, accesses: [{ space: "trace", offset: 0, strides: [1, 2], bounds: [], indices: [] }] }],
  constants: [],
  ops: [],
};

/** A transposition of a [3, 2] input. */
const small = (): Program => ({
  inputs: [{ dtype: "float32", shape: [3, 2] }],
  outputs: [{ dtype: "float32", shape: [2, 3], offset: 64 }],
  instructions: [{ kind: "input", tensor: 0, dims: [6], outLeaf: 0 }, structuredClone(identity)],
  weightLeaves: 0,
});

test("a program's bytes are those of docs/canonical.md", () => {
  const header = "01 01 01 02 00000003 00000002 01 01 02 00000002 00000003 0000000000000040 00000002 00000002 00000000";
  const input = "01 00000000 01 00000006 00 01 01 02 00000003 00000002";
  const map = "02 00000001 02 00000002 00000003 01 00000000 01 01 0000000000000000 00000001 00000002 00 00 00 00";
  const plain = (text: string) => text.replaceAll(" ", "");
  const { header: actual, records } = encodeParts(small());
  assert.equal(hex(actual), plain(header));
  assert.deepEqual(records.map(hex), [plain(input), plain(map)]);
  assert.equal(hex(programRoot(small())), "123afa816faa3b721639c6e42a5eb715ce4205dc6afb69679ceedb00287b4768");
  assert.equal(hex(encodeProgram(small())), plain(`${header} 0016 ${input} 0029 ${map}`));
});

test("every opcode has a byte of its own", () => {
  const codes = Object.values(opcodes).map(({ code }) => code);
  assert.equal(new Set(codes).size, codes.length);
});

test("300 random programs survive the round trip", () => {
  const random = seeded(1);
  for (let i = 0; i < 300; i++) {
    const program = randomProgram(random, { instructions: random.int(1, 6) });
    const bytes = encodeProgram(program);
    assert.deepEqual(decodeProgram(bytes), program);
  }
});

test("changed bytes are refused, or are the encoding of the program they decode to", () => {
  const random = seeded(2);
  let refused = 0;
  for (let i = 0; i < 3000; i++) {
    const bytes = encodeProgram(randomProgram(random, { instructions: 2 }));
    let changed = bytes.slice();
    const way = random.int(0, 3);
    const at = random.int(0, bytes.length - 1);
    if (way === 0) changed = bytes.slice(0, at);
    else if (way === 1) changed = new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + random.int(1, 4))]);
    else if (way === 2) changed = new Uint8Array([...bytes.subarray(0, at), random.int(0, 255), ...bytes.subarray(at)]);
    else for (let n = random.int(1, 3); n > 0; n--) changed[random.int(0, bytes.length - 1)] = random.int(0, 255);
    let program: Program;
    try {
      program = decodeProgram(changed);
    } catch (error) {
      assert(error instanceof ProgramError, `${String(error)} is no ProgramError`);
      refused++;
      continue;
    }
    assert.deepEqual(encodeProgram(program), changed);
  }
  assert(refused > 1000);
});

const breaches: [name: string, change: (program: Program, map: MapInstruction) => void, message: RegExp][] = [
  ["an output behind the trace", ({ outputs }) => (outputs[0]!.offset = 123), /offset of output 0/],
  ["a gap in the trace", (_, map) => (map.outLeaf = 2), /starts at leaf 2, not at 1/],
  ["an axis of size 0", (_, map) => (map.dims = [2, 0]), /size of a output axis is 0/],
  ["9 axes", (_, map) => (map.dims = Array.from({ length: 9 }, () => 1)), /number of output axes is 9/],
  ["a missing stride", (_, map) => map.operands[0]!.accesses[0]!.strides.pop(), /number of strides is 1/],
  ["a stride that is no integer", (_, map) => (map.operands[0]!.accesses[0]!.strides[0] = 0.5), /stride is 0.5/],
  ["no access", (_, map) => (map.operands[0]!.accesses = []), /number of accesses is 0/],
  ["no value", (_, map) => (map.operands = []), /number of values is 0/],
  ["an argument that comes later", (_, map) => map.ops.push({ op: "fneg", args: [1] }), /argument of fneg is 1/],
  ["an argument too many", (_, map) => map.ops.push({ op: "fneg", args: [0, 0] }), /arguments of fneg is 2/],
  [
    "an index by itself",
    (_, map) => map.operands[0]!.accesses[0]!.indices.push({ operand: 0, stride: 1, limit: 6 }),
    /index term's operand is 0/,
  ],
  [
    "a bound's axes out of order",
    (_, map) =>
      map.operands[0]!.accesses[0]!.bounds.push({
        start: 0,
        limit: 1,
        terms: [
          { axis: 1, factor: 1 },
          { axis: 0, factor: 1 },
        ],
      }),
    /bound's axis is 0/,
  ],
  [
    "an input that the header lacks",
    ({ instructions }) => Object.assign(instructions[0]!, { tensor: 1 }),
    /number of the input tensor is 1/,
  ],
  ["an input of another size", ({ instructions }) => (instructions[0]!.dims = [5]), /an input of 6 elements has the output axes \[5\]/],
  ["weights beyond 2^32 leaves", (program) => (program.weightLeaves = 2 ** 32), /weight leaves/],
  [
    "a divided maximum",
    ({ instructions }, map) => {
      const x = { ...map.operands[0]!.accesses[0]!, strides: [1, 2, 0] };
      const reduction: Omit<ReduceInstruction, keyof MapInstruction> = { type: "f32", reducer: "max", divisor: 2, reduce: [1], x };
      instructions[1] = { ...map, ...reduction, kind: "reduce" };
    },
    /divisor is 2/,
  ],
];

for (const [name, change, message] of breaches) {
  test(`${name} is refused`, () => {
    const program = small();
    change(program, program.instructions[1] as MapInstruction);
    assert.throws(() => encodeProgram(program), { name: "ProgramError", message });
  });
}

test("the program root binds the order of instructions, the outputs and the weights' size", () => {
  const changes: ((program: Program) => void)[] = [
    () => {},
    ({ outputs }) => (outputs[0]!.shape = [3, 2]),
    (program) => (program.weightLeaves = 1),
    ({ instructions }) => Object.assign(instructions[1]!, { dims: [3, 2] }),
  ];
  const roots = changes.map((change) => {
    const program = small();
    change(program);
    return hex(programRoot(program));
  });
  assert.equal(new Set(roots).size, roots.length);
});

test("trace and weight roots of the same words differ, and bind the number of leaves", () => {
  const top = new Uint8Array(32).fill(1);
  assert.notDeepEqual(traceRoot(1, top), traceRoot(2, top));
  assert.notDeepEqual(weightRoot(new Uint8Array(256)), weightRoot(new Uint8Array(512)));
});

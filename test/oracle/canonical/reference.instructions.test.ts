import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tensor } from "../../../oracle/core/tensor.ts";
import { treeTop } from "../../../oracle/core/traceTree.ts";
import { traceRoot } from "../../../oracle/canonical/program/root.ts";
import type {
  Access,
  ContractInstruction,
  IndexedAccess,
  Instruction,
  MapInstruction,
  Program,
  ReduceInstruction,
} from "../../../oracle/canonical/program/types.ts";
import { evaluateHere } from "../../../oracle/canonical/evaluate.ts";
import { evaluateByReference } from "../../../oracle/canonical/reference/evaluate.ts";
import { randomProgram } from "./randomProgram.ts";
import { randomInputs, randomWeights } from "./randomWords.ts";
import { seeded } from "./seeded.ts";

const floats = (...values: number[]) => new Uint32Array(Float32Array.from(values).buffer);
const asFloats = (words: Uint32Array) => [...new Float32Array(words.slice().buffer)];
const asIntegers = (words: Uint32Array) => [...new Int32Array(words.slice().buffer)];

type Rest<T extends Instruction> = Partial<T> & Pick<T, "dims">;

const weights = (offset: number, strides: number[], more: Partial<IndexedAccess> = {}): IndexedAccess => ({
  space: "weights",
  offset,
  strides,
  bounds: [],
  indices: [],
  ...more,
});
const plain = ({ space, offset, strides, bounds }: IndexedAccess): Access => ({ space, offset, strides, bounds });
const view = (...accesses: IndexedAccess[]) => ({ pad: 0, accesses });

const nothing = { outLeaf: 0, operands: [], constants: [], ops: [] };
const map = (rest: Rest<MapInstruction>): MapInstruction => ({ kind: "map", ...nothing, ...rest });
const contract = (rest: Rest<ContractInstruction> & Pick<ContractInstruction, "reduce" | "a" | "b">): ContractInstruction => ({
  ...{ kind: "contract", type: "f32", bias: null, zeroA: null, zeroB: null },
  ...nothing,
  ...rest,
});
const reduce = (rest: Rest<ReduceInstruction> & Pick<ReduceInstruction, "reduce" | "x" | "reducer">): ReduceInstruction => ({
  ...{ kind: "reduce", type: "f32", divisor: 1 },
  ...nothing,
  ...rest,
});

/** Runs one instruction over words in the weight space. @returns its output words. */
function run(instruction: Instruction, words: ArrayLike<number>): Uint32Array {
  const weightLeaves = Math.ceil(words.length / 64);
  const space = new Uint32Array(64 * weightLeaves);
  space.set(words);
  const { trace } = evaluateByReference({ inputs: [], outputs: [], instructions: [instruction], weightLeaves }, space, []);
  return trace.slice(
    0,
    instruction.dims.reduce((a, b) => a * b, 1),
  );
}

/** Dot product of the first half of the words with the second. */
const dot = (words: ArrayLike<number>, rest: Partial<ContractInstruction> = {}) =>
  run(
    contract({
      ...{ dims: [1], reduce: [words.length / 2] },
      a: plain(weights(0, [0, 1])),
      b: plain(weights(words.length / 2, [0, 1])),
      ...rest,
    }),
    words,
  )[0]!;

test("a contraction sums exactly and rounds once", () => {
  assert.deepEqual(asFloats(Uint32Array.of(dot(floats(2 ** 100, 1, -(2 ** 100), 2 ** 60, 3, 2 ** 60)))), [3]);
  // In binary32 one after another: 2^24 + 1 is 2^24.
  assert.deepEqual(asFloats(Uint32Array.of(dot(floats(2 ** 24, 1, 1, 1, 1, 1)))), [2 ** 24 + 2]);
  assert.equal(dot(Uint32Array.of(0x7f7fffff, 0x7f7fffff, ...floats(2, -1))), 0x7f7fffff);
  assert.equal(dot(Uint32Array.of(0x7f7fffff, 0x7f7fffff, ...floats(1, 1))), 0x7f800000);
  assert.equal(dot(Uint32Array.of(1, 1, ...floats(0.5, 0.25))), 1);
  assert.equal(dot(Uint32Array.of(1, 1, ...floats(-0.5, 0))), 0x80000000, "half of the smallest, below zero, keeps its sign");
});

test("a contraction's special values", () => {
  const [infinity, nan] = [0x7f800000, 0x7fc00000];
  const [minus] = floats(-1);
  assert.equal(dot(Uint32Array.of(0x80000000, 0x80000000, ...floats(1, 2))), 0, "an exact zero is +0");
  assert.equal(dot(Uint32Array.of(...floats(1, -1, 1, 1))), 0);
  assert.equal(dot(Uint32Array.of(infinity, 0, ...floats(0, 1))), nan);
  assert.equal(dot(Uint32Array.of(infinity, 0, ...floats(1, 1))), infinity);
  assert.equal(dot(Uint32Array.of(infinity, infinity, minus!, minus!)), 0xff800000);
  assert.equal(dot(Uint32Array.of(infinity, infinity, ...floats(1, -1))), nan);
  assert.equal(dot(Uint32Array.of(0xffffffff, 0, ...floats(1, 1))), nan);
  // 2^127 · 2 is no infinity before the sum is rounded.
  assert.equal(dot(floats(2 ** 127, 2 ** 127, 2, -2)), 0);
});

test("a bias is inside the rounding, an operation behind the core is not", () => {
  const words = floats(2 ** 24, 1, 1, 1, 1);
  const bias = view(weights(4, [0]));
  const sides = { dims: [1], reduce: [2], a: plain(weights(0, [0, 1])), b: plain(weights(2, [0, 1])), operands: [bias] };
  assert.deepEqual(asFloats(run(contract({ ...sides, bias: 0, ops: [{ op: "fmax", args: [1, 1] }] }), words)), [2 ** 24 + 2]);
  assert.deepEqual(asFloats(run(contract({ ...sides, ops: [{ op: "fadd", args: [1, 0] }] }), words)), [2 ** 24]);
});

test("a bias that is NaN counts where no term is in bounds, by engine and reference", () => {
  const a = plain(weights(0, [0, 1], { bounds: [{ start: 5, limit: 1, terms: [] }] }));
  const rest = { a, b: plain(weights(2, [0, 1])), bias: 0, operands: [view(weights(4, [0]))] };
  const instruction = contract({ dims: [1], reduce: [2], ...rest });
  for (const [bias, expected] of [
    [0xffc00001, 0x7fc00000],
    [0x40400000, 0x40400000],
  ] as const) {
    const words = Uint32Array.from({ length: 64 }, (_, i) => (i === 4 ? bias : 0x3f800000));
    assert.equal(run(instruction, words)[0], expected);
    const program = { inputs: [], outputs: [], instructions: [instruction], weightLeaves: 1 };
    assert.equal(new Uint32Array(evaluateHere(program, words, []).trace.buffer)[0], expected);
  }
});

test("a convolution with padding and dilation reads nothing outside", () => {
  // y[o] = Σ_k x[o + 2k − 2] · w[k] over 5 elements and 3 taps; an infinite weight against padding is absent, not NaN.
  const x = plain(
    weights(-2, [1, 2], {
      bounds: [
        {
          start: -2,
          limit: 5,
          terms: [
            { axis: 0, factor: 1 },
            { axis: 1, factor: 2 },
          ],
        },
      ],
    }),
  );
  const output = run(contract({ dims: [5], reduce: [3], a: x, b: plain(weights(5, [0, 1])) }), floats(1, 2, 3, 4, 5, 10, 1, 100));
  assert.deepEqual(asFloats(output), [301, 402, 513, 24, 35]);
  const infinite = run(contract({ dims: [2], reduce: [3], a: x, b: plain(weights(5, [0, 1])) }), floats(1, 2, 3, 4, 5, Infinity, 1, 100));
  assert.deepEqual(asFloats(infinite), [301, 402]);
});

test("an integer contraction subtracts zero points and wraps", () => {
  const words = Uint32Array.from([200, 3, 7, 9, 128, 5]);
  const zeros = { operands: [view(weights(4, [0])), view(weights(5, [0]))], zeroA: 0, zeroB: 1 };
  const sides = { dims: [1], reduce: [2], a: plain(weights(0, [0, 1])), b: plain(weights(2, [0, 1])) };
  assert.deepEqual(asIntegers(run(contract({ ...sides, ...zeros, type: "i32" }), words)), [72 * 2 + -125 * 4]);
  assert.equal(dot(Uint32Array.of(0x7fffffff, 1, 2, 0x7fffffff), { type: "i32" }), 0x7ffffffd);
});

const window = (words: ArrayLike<number>, rest: Partial<ReduceInstruction> & Pick<ReduceInstruction, "reducer">) =>
  run(reduce({ dims: [1], reduce: [words.length], x: plain(weights(0, [0, 1])), ...rest }), words)[0]!;

test("sums and means are exact, then rounded once", () => {
  assert.deepEqual(asFloats(Uint32Array.of(window(floats(2 ** 80, 1, -(2 ** 80)), { reducer: "sum" }))), [1]);
  assert.deepEqual(asFloats(Uint32Array.of(window(floats(1, 0, 0), { reducer: "sum", divisor: 3 }))), [Math.fround(1 / 3)]);
  assert.deepEqual(asFloats(Uint32Array.of(window(floats(1, -2, 4), { reducer: "sumAbs", divisor: 2 }))), [3.5]);
  assert.deepEqual(asFloats(Uint32Array.of(window(floats(1, -2, 4), { reducer: "sumSquare" }))), [21]);
  // The mean of two largest numbers is the largest number: their sum is not rounded.
  assert.equal(window(Uint32Array.of(0x7f7fffff, 0x7f7fffff), { reducer: "sum", divisor: 2 }), 0x7f7fffff);
  assert.equal(window(Uint32Array.of(0x80000000, 0x80000000), { reducer: "sum" }), 0);
  assert.equal(window(Uint32Array.of(0x7f800000, 0xff800000), { reducer: "sumAbs" }), 0x7f800000);
  assert.equal(window(Uint32Array.of(0x7f800000, 0xff800000), { reducer: "sum" }), 0x7fc00000);
  assert.equal(window(Uint32Array.of(0x7fffffff, 1, 1), { reducer: "sum", type: "i32" }), 0x80000001);
});

test("extrema know NaN and the order of zeros", () => {
  assert.equal(window(Uint32Array.of(0x80000000, 0, 0x80000000), { reducer: "max" }), 0);
  assert.equal(window(Uint32Array.of(0, 0x80000000, 0), { reducer: "min" }), 0x80000000);
  assert.equal(window(Uint32Array.of(0x7f800000, 0xffffffff), { reducer: "max" }), 0x7fc00000);
  assert.equal(window(Uint32Array.of(5, 0xffffffff), { reducer: "max", type: "i32" }), 5);
  assert.equal(window(Uint32Array.of(5, 0xffffffff), { reducer: "min", type: "i32" }), 0xffffffff);
});

test("argmax and argmin choose the first or the last of equals, and NaN before all", () => {
  const words = floats(1, 3, -0, 3, 0, -2, -2);
  const chosen = (reducer: ReduceInstruction["reducer"], of: ArrayLike<number> = words) => window(of, { reducer });
  assert.deepEqual([chosen("argmax"), chosen("argmaxLast"), chosen("argmin"), chosen("argminLast")], [1, 3, 5, 6]);
  const zeros = floats(-0, 0);
  assert.deepEqual([chosen("argmax", zeros), chosen("argmaxLast", zeros), chosen("argmin", zeros)], [0, 1, 0]);
  const nans = floats(1, NaN, 9, NaN, Infinity);
  assert.deepEqual([chosen("argmax", nans), chosen("argminLast", nans)], [1, 3]);
});

test("products are rounded at every factor, in order", () => {
  assert.deepEqual(asFloats(Uint32Array.of(window(floats(2 ** 100, 2 ** 100, 2 ** -100), { reducer: "product" }))), [Infinity]);
  assert.deepEqual(asFloats(Uint32Array.of(window(floats(2 ** 100, 2 ** -100, 2 ** 100), { reducer: "product" }))), [2 ** 100]);
  assert.equal(window(Uint32Array.of(0x10001, 0x10001), { reducer: "product", type: "i32" }), 0x20001);
});

test("a window that lies outside altogether is empty", () => {
  const x = plain(weights(-9, [0, 1], { bounds: [{ start: -9, limit: 4, terms: [{ axis: 1, factor: 1 }] }] }));
  const empty = (reducer: ReduceInstruction["reducer"], type: "f32" | "i32", divisor = 1) =>
    run(reduce({ dims: [1], reduce: [3], reducer, type, divisor, x }), floats(1, 2, 3, 4))[0]!;
  assert.deepEqual(
    (["sum", "max", "min", "product", "argmax"] as const).map((reducer) => empty(reducer, "f32")),
    [0, 0xff800000, 0x7f800000, 0x3f800000, 0xffffffff],
  );
  assert.deepEqual(
    (["sum", "max", "min", "product", "argmin"] as const).map((reducer) => empty(reducer, "i32")),
    [0, 0x80000000, 0x7fffffff, 1, 0xffffffff],
  );
  assert.equal(empty("sum", "f32", 0), 0x7fc00000);
});

test("an average pool counts only what is inside", () => {
  const x = plain(
    weights(-1, [2, 1], {
      bounds: [
        {
          start: -1,
          limit: 4,
          terms: [
            { axis: 0, factor: 2 },
            { axis: 1, factor: 1 },
          ],
        },
      ],
    }),
  );
  const pool = { dims: [3], reduce: [3], x, reducer: "sum" as const };
  assert.deepEqual(asFloats(run(reduce({ ...pool, divisor: 0 }), floats(1, 2, 3, 4))), [1.5, 3, 4]);
  assert.deepEqual(asFloats(run(reduce({ ...pool, divisor: 3 }), floats(1, 2, 3, 4))), [1, 3, Math.fround(4 / 3)]);
});

test("an index counts from the end where it is negative, and pads where it is out of range", () => {
  const words = Uint32Array.from([10, 11, 12, 13, 0, -1, -4, 4, -5, 2]);
  const table = { pad: 99, accesses: [weights(0, [0], { indices: [{ operand: 0, stride: 1, limit: 4 }] })] };
  assert.deepEqual([...run(map({ dims: [6], operands: [view(weights(4, [1])), table] }), words)], [10, 13, 10, 99, 99, 12]);
});

test("a view takes the first access that is in bounds", () => {
  const part = (begin: number, length: number) =>
    weights(0, [1], { bounds: [{ start: -begin, limit: length, terms: [{ axis: 0, factor: 1 }] }] });
  const joined = {
    pad: 7,
    accesses: [
      { ...part(0, 2), offset: 0 },
      { ...part(1, 3), offset: 19 },
    ],
  };
  const words = Uint32Array.from({ length: 30 }, (_, i) => i);
  assert.deepEqual([...run(map({ dims: [6], operands: [joined] }), words)], [0, 1, 21, 22, 7, 7]);
});

test("an expression's values are operands, core, constants, then operations", () => {
  const instruction = reduce({
    ...{ dims: [2], reduce: [2], reducer: "sum", x: plain(weights(0, [2, 1])), operands: [view(weights(4, [1]))] },
    constants: [...floats(0.5)],
    ops: [
      { op: "fmul", args: [1, 2] },
      { op: "fsub", args: [0, 3] },
    ],
  });
  assert.deepEqual(asFloats(run(instruction, floats(1, 2, 3, 4, 100, 200))), [98.5, 196.5]);
});

const passThrough = (input: Tensor, dtype: Tensor["dtype"]): Program => {
  const words = input.shape.reduce((a, b) => a * b, 1);
  return {
    inputs: [{ dtype: input.dtype, shape: input.shape }],
    outputs: [{ dtype, shape: [words], offset: 0 }],
    instructions: [{ kind: "input", tensor: 0, dims: [words], outLeaf: 0 }],
    weightLeaves: 0,
  };
};

test("inputs are widened as the specification says", () => {
  const data = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const table: [Tensor["dtype"], ArrayBufferView, number[]][] = [
    ["float32", Uint32Array.of(0x7f800001, 0x80000000, 0xffc00000), [0x7fc00000, 0x80000000, 0x7fc00000]],
    ["int32", Int32Array.of(-1, 5), [0xffffffff, 5]],
    ["uint8", Uint8Array.of(0, 128, 255), [0, 128, 255]],
    ["int8", Int8Array.of(-128, 127), [0xffffff80, 127]],
    ["bool", Uint8Array.of(0, 1, 2), [0, 1, 1]],
    ["int64", BigInt64Array.of(-1n, 2n ** 40n, -(2n ** 40n), 7n), [0xffffffff, 0x7fffffff, 0x80000000, 7]],
  ];
  for (const [dtype, array, expected] of table) {
    const input = { dtype, shape: [expected.length], data: data(array) };
    const { trace } = evaluateByReference(passThrough(input, "float32"), new Uint32Array(0), [input]);
    assert.deepEqual([...trace.subarray(0, expected.length)], expected, dtype);
  }
});

test("outputs are narrowed as the specification says", () => {
  const input: Tensor = { dtype: "int32", shape: [3], data: new Uint8Array(Int32Array.of(-2, 0, 300).buffer) };
  const output = (dtype: Tensor["dtype"]) => [
    ...evaluateByReference(passThrough(input, dtype), new Uint32Array(0), [input]).outputs[0]!.data,
  ];
  assert.deepEqual(output("int32"), [...input.data]);
  assert.deepEqual(output("uint8"), [0xfe, 0, 44]);
  assert.deepEqual(output("int8"), [0xfe, 0, 44]);
  assert.deepEqual(output("bool"), [1, 0, 1]);
  assert.deepEqual(output("int64"), [...new Uint8Array(BigInt64Array.of(-2n, 0n, 300n).buffer)]);
});

test("an address outside of the space, or not yet computed, is refused", () => {
  const reads = (offset: number, space: "weights" | "trace") => map({ dims: [2], operands: [view({ ...weights(offset, [1]), space })] });
  assert.throws(() => run(reads(63, "weights"), floats(1)), { name: "ProgramError", message: /word 64 of weights/ });
  assert.throws(() => run(reads(-1, "weights"), floats(1)), { name: "ProgramError", message: /word -1 of weights/ });
  assert.throws(() => run(reads(0, "trace"), floats(1)), { name: "ProgramError", message: /word 0 of trace, where it may read 0 words/ });
});

test("inputs of another type or shape, and weights of another size, are refused", () => {
  const input: Tensor = { dtype: "int32", shape: [3], data: new Uint8Array(12) };
  const program = passThrough(input, "int32");
  assert.throws(() => evaluateByReference(program, new Uint32Array(0), [{ ...input, shape: [1, 3] }]), {
    name: "InputError",
    message: "the program takes int32[3], not int32[1, 3]",
  });
  assert.throws(() => evaluateByReference(program, new Uint32Array(64), [input]), { name: "ProgramError", message: /64 words of weights/ });
});

test("200 random programs evaluate, to a trace whose padding is zero and whose root is that of its words", () => {
  const random = seeded(9);
  for (let i = 0; i < 200; i++) {
    const program = randomProgram(random, { instructions: 4, words: 40 });
    const { trace, traceRoot: root } = evaluateByReference(program, randomWeights(random, program), randomInputs(random, program));
    for (const { dims, outLeaf } of program.instructions) {
      const words = dims.reduce((a, b) => a * b, 1);
      const padding = trace.subarray(64 * outLeaf + words, 64 * (outLeaf + Math.ceil(words / 64)));
      assert(padding.every((word) => word === 0));
    }
    assert.deepEqual(root, traceRoot(trace.length / 64, treeTop(new Uint8Array(trace.buffer))));
  }
});

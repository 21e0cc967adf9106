/** Random programs of the shapes that models have, with the layouts that a lowering chooses: these reach the fast paths of an engine. */
import { outputLeaves, outputWords } from "../../../oracle/canonical/program/layout.ts";
import type {
  Access,
  Bound,
  ContractInstruction,
  Expression,
  IndexedAccess,
  Instruction,
  MapInstruction,
  Op,
  Program,
  ReduceInstruction,
  View,
} from "../../../oracle/canonical/program/types.ts";
import type { Seeded } from "./seeded.ts";

interface Value {
  offset: number;
  dims: number[];
}

type Unplaced<T> = T extends unknown ? Omit<T, "outLeaf"> : never;

const word = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0]!;
const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
const rowMajor = (dims: readonly number[]) => dims.map((_, axis) => product(dims.slice(axis + 1)));

const access = (space: Access["space"], offset: number, strides: number[], bounds: Bound[] = []): Access => ({
  space,
  offset,
  strides,
  bounds,
});
const operand = (plain: Access, indices: IndexedAccess["indices"] = [], pad = 0): View => ({ accesses: [{ ...plain, indices }], pad });
const nothing: Expression = { operands: [], constants: [], ops: [] };
const relu = (value: number, zero: number): Op => ({ op: "fmax", args: [value, zero] });

/** Collects instructions; every method appends one layer that reads `value`, and returns what it gives. */
class Builder {
  readonly instructions: Instruction[] = [];
  weightWords = 0;
  #random: Seeded;

  constructor(random: Seeded) {
    this.#random = random;
  }

  append(instruction: Unplaced<Instruction>): Value {
    const last = this.instructions.at(-1);
    const outLeaf = last === undefined ? 0 : last.outLeaf + outputLeaves(last);
    this.instructions.push({ ...instruction, outLeaf });
    return { offset: 64 * outLeaf, dims: instruction.dims };
  }

  #weights(words: number): number {
    const offset = this.weightWords;
    this.weightWords += 64 * Math.ceil(words / 64);
    return offset;
  }

  #contract(fields: Partial<ContractInstruction> & Pick<ContractInstruction, "dims" | "reduce" | "a" | "b">): Value {
    return this.append({ kind: "contract", type: "f32", bias: null, zeroA: null, zeroB: null, ...nothing, ...fields });
  }

  #reduce(fields: Partial<ReduceInstruction> & Pick<ReduceInstruction, "dims" | "reduce" | "x" | "reducer">): Value {
    return this.append({ kind: "reduce", type: "f32", divisor: 1, ...nothing, ...fields });
  }

  #map(dims: number[], expression: Expression): Value {
    const map: Unplaced<MapInstruction> = { kind: "map", dims, ...expression };
    return this.append(map);
  }

  /** Rows of the last axis times weights [n, k], with a bias and a rectifier at times. */
  dense({ offset, dims }: Value): Value {
    const k = dims.at(-1)!;
    const rows = product(dims) / k;
    const n = this.#random.int(1, 40);
    const a = access("trace", offset, [k, 0, 1]);
    const b = access("weights", this.#weights(n * k), [0, k, 1]);
    const bias = operand(access("weights", this.#weights(n), [0, 1]));
    const rectified = this.#random.oneIn(2) ? { constants: [0], ops: [relu(1, 2)] } : {};
    const type = this.#random.oneIn(5) ? "i32" : "f32";
    return this.#contract({ dims: [rows, n], reduce: [k], a, b, type, ...nothing, operands: [bias], bias: 0, ...rectified });
  }

  /** The product of the value with itself transposed: both sides from the trace, the other one across. */
  gram({ offset, dims }: Value): Value {
    const k = dims.at(-1)!;
    const rows = Math.min(product(dims) / k, 24);
    const across = this.#random.oneIn(2) ? access("trace", offset, [0, k, 1]) : access("trace", offset, [0, 1, Math.min(k, rows)]);
    const reduce = across.strides[1] === 1 ? [Math.min(k, rows)] : [k];
    const columns = across.strides[1] === 1 ? Math.min(k, rows) : rows;
    return this.#contract({ dims: [rows, columns], reduce, a: access("trace", offset, [k, 0, 1]), b: across });
  }

  /** Windows over [h, w, c]: padding, stride and dilation at times. */
  #windows(value: Value, depthwise: boolean) {
    const [h, w, c] = image(value);
    const random = this.#random;
    const [kernel, stride, dilation] = [random.int(1, Math.min(4, h, w)), random.pick([1, 1, 2]), random.pick([1, 1, 1, 2])];
    const pad = random.int(0, Math.floor((dilation * (kernel - 1) + 1) / 2));
    const extent = (size: number) => Math.max(1, Math.floor((size + 2 * pad - dilation * (kernel - 1) - 1) / stride) + 1);
    const [outH, outW] = [extent(h), extent(w)];
    // Output axes y, x, channel; reduction axes ky, kx and, but for depthwise layers, the input channel.
    const bound = (output: number, tap: number, limit: number): Bound => ({
      start: -pad,
      limit,
      terms: [
        { axis: output, factor: stride },
        { axis: tap, factor: dilation },
      ],
    });
    const strides = [stride * w * c, stride * c, depthwise ? 1 : 0, dilation * w * c, dilation * c, ...(depthwise ? [] : [1])];
    const x = access("trace", value.offset - pad * (w + 1) * c, strides, [bound(0, 3, h), bound(1, 4, w)]);
    return { x, kernel, outH, outW, c };
  }

  convolution(value: Value): Value {
    const { x, kernel, outH, outW, c } = this.#windows(value, false);
    const n = this.#random.int(1, 20);
    const taps = kernel * kernel * c;
    const b = access("weights", this.#weights(n * taps), [0, 0, taps, kernel * c, c, 1]);
    const bias = operand(access("weights", this.#weights(n), [0, 0, 1]));
    return this.#contract({ dims: [outH, outW, n], reduce: [kernel, kernel, c], a: x, b, ...nothing, operands: [bias], bias: 0 });
  }

  depthwise(value: Value): Value {
    const { x, kernel, outH, outW, c } = this.#windows(value, true);
    const b = access("weights", this.#weights(kernel * kernel * c), [0, 0, kernel * kernel, kernel, 1]);
    const six: Pick<Expression, "constants" | "ops"> = { constants: [0, word(6)], ops: [relu(0, 1), { op: "fmin", args: [3, 2] }] };
    return this.#contract({ dims: [outH, outW, c], reduce: [kernel, kernel], a: x, b, ...nothing, ...six });
  }

  pool(value: Value): Value {
    const { x, kernel, outH, outW, c } = this.#windows(value, true);
    const reducer = this.#random.pick(["max", "min", "sum", "sumSquare", "sumAbs"] as const);
    const divisor = reducer.startsWith("sum") ? this.#random.pick([0, 1, kernel * kernel]) : 1;
    return this.#reduce({ dims: [outH, outW, c], reduce: [kernel, kernel], x, reducer, divisor });
  }

  /** Along the last axis, or over all others. */
  reduction({ offset, dims }: Value): Value {
    const k = dims.at(-1)!;
    const rows = product(dims) / k;
    const reducer = this.#random.pick(["sum", "max", "min", "sumSquare", "product", "argmax", "argminLast"] as const);
    const divisor = reducer.startsWith("sum") ? this.#random.pick([1, k]) : 1;
    const rowWise = this.#random.oneIn(2);
    const x = access("trace", offset, rowWise ? [k, 1] : [1, k]);
    return this.#reduce({ dims: [rowWise ? rows : k], reduce: [rowWise ? k : rows], x, reducer, divisor });
  }

  softmax({ offset, dims }: Value): Value {
    const k = dims.at(-1)!;
    const rows = product(dims) / k;
    const read = (value: { offset: number }, strides: number[]) => operand(access("trace", value.offset, strides));
    const most = this.#reduce({ dims: [rows], reduce: [k], x: access("trace", offset, [k, 1]), reducer: "max" });
    const powers = this.#map([rows, k], {
      operands: [read({ offset }, [k, 1]), read(most, [1, 0])],
      constants: [],
      ops: [
        { op: "fsub", args: [0, 1] },
        { op: "fexp", args: [2] },
      ],
    });
    const sums = this.#reduce({ dims: [rows], reduce: [k], x: access("trace", powers.offset, [k, 1]), reducer: "sum" });
    return this.#map([rows, k], {
      operands: [read(powers, [k, 1]), read(sums, [1, 0])],
      constants: [],
      ops: [{ op: "fdiv", args: [0, 1] }],
    });
  }

  /** A chain with a constant per channel and the value itself twice. */
  chain({ offset, dims }: Value): Value {
    const c = dims.at(-1)!;
    const strides = rowMajor(dims);
    const perChannel = dims.map((_, axis) => (axis === dims.length - 1 ? 1 : 0));
    const soft = this.#random.pick(["fsigmoid", "ftanh", "ferf", "fexp", "fsqrt", "flog", "fneg", "fround"] as const);
    return this.#map(dims, {
      operands: [operand(access("trace", offset, strides)), operand(access("weights", this.#weights(c), perChannel))],
      constants: [word(0.5), word(3)],
      ops: [
        { op: "fadd", args: [0, 1] },
        { op: soft, args: [4] },
        { op: "fmul", args: [5, 0] },
        { op: "flt", args: [6, 2] },
        { op: "fdiv", args: [6, 3] },
        { op: "select", args: [7, 8, 6] },
      ],
    });
  }

  transpose({ offset, dims }: Value): Value {
    const axes = dims.map((_, axis) => axis).reverse();
    const strides = rowMajor(dims);
    const reordered = operand(
      access(
        "trace",
        offset,
        axes.map((axis) => strides[axis]!),
      ),
    );
    return this.#map(
      axes.map((axis) => dims[axis]!),
      { ...nothing, operands: [reordered] },
    );
  }

  /** The value, padding, and the value from the other end, along the first axis. */
  join({ offset, dims }: Value): Value {
    const n = dims[0]!;
    const [inner, ...rest] = rowMajor(dims);
    const within = (start: number): Bound[] => [{ start, limit: n, terms: [{ axis: 0, factor: 1 }] }];
    const accesses = [
      access("trace", offset, [inner!, ...rest], within(0)),
      access("trace", offset + 2 * n * inner!, [-inner!, ...rest], within(-n - 1)),
    ];
    return this.#map([2 * n + 1, ...dims.slice(1)], {
      ...nothing,
      operands: [{ pad: word(-1), accesses: accesses.map((plain) => ({ ...plain, indices: [] })) }],
    });
  }

  /** Rows chosen by the value's own words, turned to indices. */
  gather({ offset, dims }: Value): Value {
    const k = dims.at(-1)!;
    const rows = product(dims) / k;
    const index = this.#map([rows], {
      operands: [operand(access("trace", offset, [k]))],
      constants: [word(4)],
      ops: [
        { op: "fmul", args: [0, 1] },
        { op: "toInt", args: [2] },
      ],
    });
    const chosen = operand(access("trace", offset, [0, 1]), [{ operand: 0, stride: k, limit: rows }]);
    return this.#map([rows, k], { ...nothing, operands: [operand(access("trace", index.offset, [1, 0])), chosen] });
  }
}

/** @returns the value's dims as an image with channels. */
function image({ dims }: Value): [h: number, w: number, c: number] {
  if (dims.length === 3) return dims as [number, number, number];
  return [1, product(dims.slice(0, -1)), dims.at(-1)!];
}

const layers = [
  "dense",
  "gram",
  "convolution",
  "convolution",
  "depthwise",
  "pool",
  "reduction",
  "softmax",
  "chain",
  "transpose",
  "join",
  "gather",
] as const;

/**
 * @param words most words of a layer's output; larger values are not read further.
 * @returns a program of about `count` layers on one float32 input.
 */
export function typicalProgram(random: Seeded, count: number, words = 2000): Program {
  const builder = new Builder(random);
  const shape = random.oneIn(2) ? [random.int(1, 9), random.int(1, 9), random.int(1, 17)] : [random.int(1, 20), random.int(1, 70)];
  const input = builder.append({ kind: "input", tensor: 0, dims: [product(shape)] });
  let value: Value = { ...input, dims: shape };
  for (let i = 0; i < count; i++) {
    const next = builder[random.pick(layers)](value);
    if (outputWords(next) <= words && outputWords(next) > 1) value = next;
  }
  const last = builder.instructions.at(-1)!;
  return {
    inputs: [{ dtype: "float32", shape }],
    outputs: [{ dtype: "float32", shape: last.dims, offset: 64 * last.outLeaf }],
    instructions: builder.instructions,
    weightLeaves: Math.ceil(builder.weightWords / 64),
  };
}

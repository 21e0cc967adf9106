/**
 * A model's tensors in binary64, nothing rounded to binary32 on the way: what the operators' formulas would give, far more
 * exactly than binary32 tells. It is no definition, only the judge of two binary32 results. Beside each value stands a bound
 * to first order: how far apart two evaluations of the formulas may come where each of their steps is within 1 ulp.
 */
import { floatOfWord, numbersOf } from "../../oracle/canonical/lowering/constants.ts";
import { neededBy } from "../../oracle/canonical/lowering/fusion.ts";
import {
  count,
  type ApplyTensor,
  type ContractTensor,
  type Coordinate,
  type Form,
  type Piece,
  type ReduceTensor,
  type Tensor,
  type ViewTensor,
} from "../../oracle/canonical/lowering/tensors.ts";
import type { Opcode } from "../../oracle/canonical/program/opcodes.ts";

interface Values {
  values: Float64Array;
  /** How far apart two stepwise evaluations may be. */
  bounds: Float64Array;
}

/** By its series, or far out by the continued fraction of erfc. */
function erf(x: number): number {
  const size = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (size > 6) return Math.sign(x);
  if (size < 3) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 120; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 80; n > 0; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction));
}

function halfEven(x: number): number {
  const floor = Math.floor(x);
  if (!Number.isFinite(x) || x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

const either = (a: number, b: number, value: number) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : value);
const clamp = (x: number) => (Number.isNaN(x) ? 0 : Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(x))));

// prettier-ignore
const operations: Record<Opcode, (a: number, b: number, c: number) => number> = {
  fadd: (a, b) => a + b, fsub: (a, b) => a - b, fmul: (a, b) => a * b, fdiv: (a, b) => a / b,
  fmax: (a, b) => either(a, b, Math.max(a, b)), fmin: (a, b) => either(a, b, Math.min(a, b)), frem: (a, b) => a % b,
  fneg: (a) => -a, fabs: Math.abs, fsign: (a) => (a === 0 ? 0 : Math.sign(a)), ffloor: Math.floor, fceil: Math.ceil, ftrunc: Math.trunc,
  fround: halfEven, fsqrt: Math.sqrt, fexp: Math.exp, flog: Math.log, ftanh: Math.tanh, fsigmoid: (a) => 1 / (1 + Math.exp(-a)), ferf: erf,
  fsin: Math.sin, fcos: Math.cos, feq: (a, b) => Number(a === b), flt: (a, b) => Number(a < b), fle: (a, b) => Number(a <= b),
  iadd: (a, b) => (a + b) | 0, isub: (a, b) => (a - b) | 0, imul: Math.imul, idiv: (a, b) => (b === 0 ? 0 : (a / b) | 0),
  irem: (a, b) => (b === 0 ? 0 : (a % b) | 0), imod: (a, b) => (b === 0 ? 0 : (((a % b) + b) % b) | 0), imin: Math.min, imax: Math.max,
  iand: (a, b) => a & b, ior: (a, b) => a | b, ixor: (a, b) => a ^ b, ishl: (a, b) => (b >>> 0 >= 32 ? 0 : a << b),
  ishr: (a, b) => (b >>> 0 >= 32 ? 0 : (a >>> b) | 0), isar: (a, b) => (b >>> 0 >= 32 ? a >> 31 : a >> b),
  ieq: (a, b) => Number(a === b), ilt: (a, b) => Number(a < b), ile: (a, b) => Number(a <= b),
  toInt: clamp, toFloat: (a) => a, select: (c, a, b) => (c !== 0 ? a : b),
};

/** 1 ulp of binary32 at x. */
export function ulpOf(x: number): number {
  if (!Number.isFinite(x)) return 0;
  return 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x) || 2 ** -126))) - 23);
}

/** @returns how arguments that are uncertain by ea, eb make the result r of an operation uncertain, without its own rounding. */
function carried(op: Opcode, [a, b]: number[], [ea, eb, ec]: number[], r: number): number {
  const [A, B] = [Math.abs(a!), Math.abs(b ?? 0)];
  switch (op) {
    case "fadd":
    case "fsub":
      return ea! + eb!;
    case "fmul":
      return A * eb! + B * ea! + ea! * eb!;
    case "fdiv":
      return B > eb! ? (ea! + Math.abs(r) * eb!) / (B - eb!) : eb! + ea! === 0 ? 0 : Infinity;
    case "fmax":
    case "fmin":
      return Math.max(ea!, eb!);
    case "fneg":
    case "fabs":
    case "fsin":
    case "fcos":
      return ea!;
    case "fsqrt":
      return A > 0 ? Math.min(Math.sqrt(ea!), ea! / Math.sqrt(A)) : Math.sqrt(ea!);
    case "fexp":
      return Math.abs(r) * Math.expm1(ea!);
    case "flog":
      return A > ea! ? ea! / (A - ea!) : ea! === 0 ? 0 : Infinity;
    case "ftanh":
      return ea! * Math.min(1, 1 - r * r + 2 * ea!);
    case "fsigmoid":
      return ea! * Math.min(0.25, r * (1 - r) + ea!);
    case "ferf":
      return ea! * 1.13 * Math.min(1, Math.exp(-a! * a!) + 2 * ea!);
    case "select":
      return a !== 0 ? eb! : ec!;
    default:
      return 0;
  }
}

const rounds = new Set<Opcode>([
  "fadd",
  "fsub",
  "fmul",
  "fdiv",
  "fsqrt",
  "fexp",
  "flog",
  "ftanh",
  "fsigmoid",
  "ferf",
  "fsin",
  "fcos",
  "toFloat",
]);

const exactly = (values: Float64Array): Values => ({ values, bounds: new Float64Array(values.length) });

const rowMajor = (shape: readonly number[]) => shape.map((_, axis) => count(shape.slice(axis + 1)));

/** All values of a form over a space, in row-major order. */
function valuesOf({ start, terms }: Form, sizes: readonly number[], offset = 0): Float64Array {
  const values = new Float64Array(count(sizes));
  const x = sizes.map(() => 0);
  for (let i = 0; i < values.length; i++) {
    values[i] = start + terms.reduce((sum, { axis, factor }) => sum + factor * (x[axis - offset] ?? 0), 0);
    for (let axis = sizes.length - 1; axis >= 0 && ++x[axis]! === sizes[axis]; axis--) x[axis] = 0;
  }
  return values;
}

export class Ideal {
  #known = new Map<Tensor, Values>();
  #inputs: readonly Float64Array[];

  /** @param inputs the numbers of the program's inputs. */
  constructor(outputs: readonly Tensor[], inputs: readonly Float64Array[]) {
    this.#inputs = inputs;
    for (const tensor of neededBy(outputs)) this.#known.set(tensor, this.#evaluate(tensor));
  }

  of(tensor: Tensor): Values {
    return this.#known.get(tensor)!;
  }

  #evaluate(tensor: Tensor): Values {
    switch (tensor.kind) {
      case "input":
        return exactly(this.#inputs[tensor.input]!);
      case "constant":
        return exactly(Float64Array.from(numbersOf(tensor) as ArrayLike<number | bigint>, Number));
      case "reshape":
        return this.of(tensor.source);
      case "apply":
        return this.#apply(tensor);
      case "view":
        return this.#view(tensor);
      case "contract":
        return this.#contract(tensor);
      case "reduce":
        return this.#reduce(tensor);
    }
  }

  #apply({ op, args, shape }: ApplyTensor): Values {
    const parts = args.map((arg) => this.of(arg));
    const result = exactly(new Float64Array(count(shape)));
    for (let i = 0; i < result.values.length; i++) {
      const [a, b, c] = parts.map(({ values }) => values[i]!) as [number, number, number];
      const value = operations[op](a, b, c);
      const bound = carried(
        op,
        [a, b],
        parts.map(({ bounds }) => bounds[i]!),
        value,
      );
      result.values[i] = value;
      result.bounds[i] = bound + (rounds.has(op) ? ulpOf(value) : 0);
    }
    return result;
  }

  #view({ type, pad, shape, pieces }: ViewTensor): Values {
    const result = exactly(new Float64Array(count(shape)).fill(type === "f32" ? floatOfWord(pad ?? 0) : (pad ?? 0) | 0));
    for (const piece of pieces) {
      const { values, bounds } = this.of(piece.source);
      this.#piece(piece, shape).forEach((at, i) => {
        if (at < 0) return;
        result.values[i] = values[at]!;
        result.bounds[i] = bounds[at]!;
      });
    }
    return result;
  }

  #coordinate(coordinate: Coordinate, size: number, shape: readonly number[]): Float64Array {
    const values = valuesOf(coordinate, shape);
    if (coordinate.index === undefined) return values;
    const { tensor, coordinates } = coordinate.index;
    const at = this.#addresses(tensor, coordinates, shape);
    const words = this.of(tensor).values;
    return values.map((value, i) => {
      const word = words[at[i]!]!;
      const index = word < 0 ? word + size : word;
      return index >= 0 && index < size ? value + index : -Infinity;
    });
  }

  #addresses(source: Tensor, coordinates: readonly Coordinate[], shape: readonly number[]): Float64Array {
    const strides = rowMajor(source.shape);
    const sum = new Float64Array(count(shape));
    coordinates.forEach((coordinate, axis) => {
      const values = this.#coordinate(coordinate, source.shape[axis]!, shape);
      for (let i = 0; i < sum.length; i++) sum[i]! += values[i]! * strides[axis]!;
    });
    return sum;
  }

  /** Addresses over the output's space; negative where the piece is out of range. */
  #piece({ source, coordinates, ranges }: Piece, shape: readonly number[]): Float64Array {
    const at = this.#addresses(source, coordinates, shape);
    for (const { form, limit } of ranges) valuesOf(form, shape).forEach((value, i) => (value < 0 || value >= limit) && (at[i] = -Infinity));
    return at;
  }

  /** Splits a piece of a core in what the output axes and what the reduction axes add to addresses and ranges. */
  #split({ source, coordinates, ranges }: Piece, shape: readonly number[], reduce: readonly number[]): Side {
    const strides = rowMajor(source.shape);
    const part = (form: Form, outer: boolean): Float64Array => {
      const terms = form.terms.filter(({ axis }) => axis < shape.length === outer);
      return valuesOf({ start: outer ? form.start : 0, terms }, outer ? shape : reduce, outer ? 0 : shape.length);
    };
    const total = (outer: boolean) =>
      coordinates.reduce(
        (sum, coordinate, axis) => {
          part(coordinate, outer).forEach((value, i) => (sum[i]! += value * strides[axis]!));
          return sum;
        },
        new Float64Array(count(outer ? shape : reduce)),
      );
    const limits = ranges.map(({ form, limit }) => ({ outer: part(form, true), inner: part(form, false), limit }));
    const holds = (i: number, k: number) =>
      limits.every(({ outer, inner, limit }) => {
        const value = outer[i]! + inner[k]!;
        return value >= 0 && value < limit;
      });
    return { ...this.of(source), outer: total(true), inner: total(false), holds };
  }

  #contract({ shape, reduce, a, b, bias, zeroA, zeroB, type }: ContractTensor): Values {
    const [left, right] = [this.#split(a, shape, reduce), this.#split(b, shape, reduce)];
    const [biases, zeroAs, zeroBs] = [bias, zeroA, zeroB].map((tensor) => tensor && this.of(tensor));
    const result = exactly(new Float64Array(count(shape)));
    const terms = count(reduce);
    for (let i = 0; i < result.values.length; i++) {
      let [sum, bound] = [biases?.values[i] ?? 0, biases?.bounds[i] ?? 0];
      const [za, zb] = [zeroAs?.values[i] ?? 0, zeroBs?.values[i] ?? 0];
      for (let k = 0; k < terms; k++) {
        if (!left.holds(i, k) || !right.holds(i, k)) continue;
        const [p, q] = [left.outer[i]! + left.inner[k]!, right.outer[i]! + right.inner[k]!];
        const [x, y] = [left.values[p]! - za, right.values[q]! - zb];
        sum += x * y;
        bound += carried("fmul", [x, y], [left.bounds[p]!, right.bounds[q]!], 0);
      }
      result.values[i] = type === "i32" ? sum | 0 : sum;
      result.bounds[i] = type === "i32" ? 0 : bound + ulpOf(sum);
    }
    return result;
  }

  #reduce({ shape, reduce, x, reducer, divisor, reads }: ReduceTensor): Values {
    const side = this.#split(x, shape, reduce);
    const result = exactly(new Float64Array(count(shape)));
    const terms = count(reduce);
    for (let i = 0; i < result.values.length; i++) {
      const found: Found[] = [];
      for (let k = 0; k < terms; k++) {
        const at = side.outer[i]! + side.inner[k]!;
        if (side.holds(i, k)) found.push({ value: side.values[at]!, bound: side.bounds[at]!, k });
      }
      const [value, bound] = reduced(reducer, found, divisor || found.length);
      result.values[i] = reads === "i32" && reducer === "sum" ? value | 0 : value;
      result.bounds[i] = bound;
    }
    return result;
  }
}

interface Side extends Values {
  outer: Float64Array;
  inner: Float64Array;
  holds: (i: number, k: number) => boolean;
}

interface Found {
  value: number;
  bound: number;
  k: number;
}

function positionOf(found: readonly Found[], better: (a: number, b: number) => boolean): [number, number] {
  let chosen: Found | null = null;
  for (const item of found) if (chosen === null || better(item.value, chosen.value)) chosen = item;
  return [chosen?.k ?? -1, 0];
}

function reduced(reducer: ReduceTensor["reducer"], found: readonly Found[], divisor: number): [value: number, bound: number] {
  const total = (of: (item: Found) => number) => found.reduce((sum, item) => sum + of(item), 0) / divisor;
  const summed = (value: number, bound: number): [number, number] => [value, bound + ulpOf(value)];
  const largest = found.reduce((most, { bound }) => Math.max(most, bound), 0);
  switch (reducer) {
    case "sum":
      return summed(
        total(({ value }) => value),
        total(({ bound }) => bound),
      );
    case "sumAbs":
      return summed(
        total(({ value }) => Math.abs(value)),
        total(({ bound }) => bound),
      );
    case "sumSquare":
      return summed(
        total(({ value }) => value * value),
        total(({ value, bound }) => (2 * Math.abs(value) + bound) * bound),
      );
    case "max":
      return [found.reduce((most, { value }) => either(most, value, Math.max(most, value)), -Infinity), largest];
    case "min":
      return [found.reduce((least, { value }) => either(least, value, Math.min(least, value)), Infinity), largest];
    case "product": {
      const value = found.reduce((product, item) => product * item.value, 1);
      const relative = found.reduce((sum, item) => sum + item.bound / Math.abs(item.value || 1), 0);
      return [value, Math.abs(value) * relative + found.length * ulpOf(value)];
    }
    case "argmax":
      return positionOf(found, (a, b) => a > b);
    case "argmin":
      return positionOf(found, (a, b) => a < b);
    case "argmaxLast":
      return positionOf(found, (a, b) => a >= b);
    case "argminLast":
      return positionOf(found, (a, b) => a <= b);
  }
}

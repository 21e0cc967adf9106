/** Reductions: sums and means rounded once, extrema, products, positions, norms, softmax. */
import type { Reducer } from "../../program/types.ts";
import type { TensorBuilder } from "../builder.ts";
import { isConstant, numbersOf } from "../constants.ts";
import { declareInterval, intervalOf } from "../intervals.ts";
import { one, type Lowering, type LoweringTable, type Operation, type Value } from "../operation.ts";
import { addForms, axisForm, constantForm, count, type Coordinate, type Tensor } from "../tensors.ts";

/** Reduces `axes`, which stay with size 1. @param mean divides the sum by their number, inside the rounding. */
export function reduceAxes(builder: TensorBuilder, tensor: Tensor, axes: readonly number[], reducer: Reducer, mean = false): Tensor {
  const shape = tensor.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const reduce = axes.map((axis) => tensor.shape[axis]!);
  const rank = shape.length;
  const coordinates = tensor.shape.map((size, axis): Coordinate => {
    if (size === 1) return constantForm(0);
    return axes.includes(axis) ? axisForm(rank + axes.indexOf(axis)) : axisForm(axis);
  });
  const positions = reducer.startsWith("arg");
  const reads = tensor.type === "f32" ? "f32" : "i32";
  return builder.reduce({
    type: positions ? "i32" : reads,
    reads,
    reducer,
    divisor: mean ? count(reduce) : 1,
    shape,
    reduce: reduce.length > 0 ? reduce : [1],
    x: { source: tensor, coordinates, ranges: [] },
  });
}

export const skipsNaN = "the canonical result is NaN, ONNX Runtime's a number";

const exactReducers: Partial<Record<Reducer, (a: bigint, b: bigint) => bigint>> = {
  sum: (a, b) => a + b,
  product: (a, b) => a * b,
  max: (a, b) => (a > b ? a : b),
  min: (a, b) => (a < b ? a : b),
};

/** Reduces constants of 64 bits, as shape arithmetic has them. */
function reduceExactly(operation: Operation, tensor: Tensor, axes: readonly number[], reducer: Reducer): Tensor {
  const combine = exactReducers[reducer];
  if (combine === undefined || tensor.type !== "i64") return operation.refuse(`${tensor.type} constants are not reduced so`);
  const shape = tensor.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const found = new Map<number, bigint>();
  const numbers = numbersOf(tensor) as BigInt64Array;
  const x = tensor.shape.map(() => 0);
  for (const value of numbers) {
    const at = x.reduce((sum, coordinate, axis) => sum * shape[axis]! + (axes.includes(axis) ? 0 : coordinate), 0);
    const known = found.get(at);
    found.set(at, known === undefined ? value : combine(known, value));
    for (let axis = x.length - 1; axis >= 0 && ++x[axis]! === tensor.shape[axis]; axis--) x[axis] = 0;
  }
  return operation.builder.i64(
    Array.from({ length: count(shape) }, (_, i) => found.get(i) ?? (reducer === "product" ? 1n : 0n)),
    shape,
  );
}

/** The axes that a reduction names; null where it names none and is told to do nothing then. */
function axesOf(operation: Operation, rank: number): number[] | null {
  const stated = operation.integersOf("axes", 1) ?? [];
  const nothing = operation.attributes.int("noop_with_empty_axes", 0) === 1;
  if (stated.length > 0) return [...new Set(stated.map((axis) => operation.axis(axis, rank)))].sort((a, b) => a - b);
  return nothing ? null : Array.from({ length: rank }, (_, axis) => axis);
}

function withoutAxes(builder: TensorBuilder, tensor: Tensor, axes: readonly number[], keep: boolean): Tensor {
  return keep
    ? tensor
    : builder.reshape(
        tensor,
        tensor.shape.filter((_, axis) => !axes.includes(axis)),
      );
}

type Finish = (builder: TensorBuilder, reduced: Tensor) => Tensor;

function reduction(reducer: Reducer, { mean = false, finish = undefined as Finish | undefined } = {}): Lowering {
  return (operation) => {
    const { element, tensor } = operation.input(0);
    const { builder, attributes } = operation;
    const axes = axesOf(operation, tensor.shape.length);
    const keep = attributes.int("keepdims", 1) === 1;
    // Nothing is reduced, but each element goes through what is done to elements.
    if (axes === null && element === "float32" && (reducer === "sumAbs" || reducer === "sumSquare" || finish !== undefined)) {
      const single = reduceAxes(builder, tensor, [], reducer);
      return one(element, finish === undefined ? single : finish(builder, single));
    }
    if (axes === null) return one(element, tensor);
    if (tensor.type === "i64") return one(element, withoutAxes(builder, reduceExactly(operation, tensor, axes, reducer), axes, keep));
    if (element !== "float32" && (mean || finish !== undefined || reducer.startsWith("sum") !== (reducer === "sum")))
      operation.refuse(`${element} is not covered`);
    if (element !== "float32" && element !== "int32" && reducer !== "max" && reducer !== "min")
      operation.refuse(`${element} is not covered`);
    if (element === "int32") warnOfOverflow(operation, tensor, axes, reducer);
    if (reducer === "max" || reducer === "min") operation.warnOfNaN(tensor, skipsNaN);
    const reduced = reduceAxes(builder, tensor, axes, reducer, mean);
    return one(element, withoutAxes(builder, finish === undefined ? reduced : finish(builder, reduced), axes, keep));
  };
}

/** The canonical sum and product wrap; ONNX Runtime's stop at the largest number of 32 bits. */
function warnOfOverflow(operation: Operation, tensor: Tensor, axes: readonly number[], reducer: Reducer): void {
  if (reducer !== "sum" && reducer !== "product") return;
  const { low, high } = intervalOf(tensor);
  const [n, largest] = [count(axes.map((axis) => tensor.shape[axis]!)), Math.max(Math.abs(low), Math.abs(high))];
  if ((reducer === "sum" ? n * largest : largest ** n) >= 2 ** 31)
    operation.warn("some inputs overflow 32 bits here: the canonical result wraps, ONNX Runtime's does not");
}

function norm(reducer: "sumAbs" | "sumSquare", finish?: Finish): Lowering {
  const float = reduction(reducer, finish === undefined ? {} : { finish });
  return (operation) => {
    operation.typed(0, "float32");
    return float(operation);
  };
}

/** max + ln Σ e^(x − max), with 0 for an infinite max. */
function logSumExp(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const x = operation.f32(0);
  const axes = axesOf(operation, x.shape.length);
  const keep = attributes.int("keepdims", 1) === 1;
  if (axes === null) return one("float32", x);
  const largest = reduceAxes(builder, x, axes, "max");
  const infinite = builder.apply("feq", builder.apply("fabs", largest), builder.f32(Infinity));
  const shift = builder.apply("select", infinite, builder.f32(0), largest);
  const sum = reduceAxes(builder, builder.apply("fexp", builder.apply("fsub", x, shift)), axes, "sum");
  return one("float32", withoutAxes(builder, builder.apply("fadd", builder.apply("flog", sum), shift), axes, keep));
}

const choosesNaN = "the canonical choice is the NaN, ONNX Runtime's another element";

function position(first: Reducer, last: Reducer): Lowering {
  return (operation) => {
    const { tensor } = operation.typed(0, "float32", "int32", "uint8", "int8");
    const { builder, attributes } = operation;
    const axis = operation.axis(attributes.int("axis", 0), tensor.shape.length);
    const keep = attributes.int("keepdims", 1) === 1;
    const reducer = attributes.int("select_last_index", 0) === 1 ? last : first;
    operation.warnOfNaN(tensor, choosesNaN);
    return one("int64", withoutAxes(builder, reduceAxes(builder, tensor, [axis], reducer), [axis], keep));
  };
}

/** e^(x − max) / Σ e^(x − max); its logarithm is (x − max) − ln Σ. */
export function softmaxAlong(builder: TensorBuilder, x: Tensor, axes: readonly number[], logarithm = false): Tensor {
  const shifted = builder.apply("fsub", x, reduceAxes(builder, x, axes, "max"));
  const exponential = builder.apply("fexp", shifted);
  const sum = reduceAxes(builder, exponential, axes, "sum");
  const result = logarithm ? builder.apply("fsub", shifted, builder.apply("flog", sum)) : builder.apply("fdiv", exponential, sum);
  const { low, high, nan } = intervalOf(x);
  const bounds = logarithm ? { low: -Infinity, high: 0 } : { low: 0, high: 1 };
  // Rows of −∞ only, and +∞ twice, are what can be NaN; the sum counts the largest element as 1.
  if (!isConstant(result)) declareInterval(result, { ...bounds, nan: nan || low === -Infinity || high === Infinity });
  return result;
}

/** Before operator set 13 the input was taken as a matrix, cut at the axis. */
function softAxes(operation: Operation, rank: number): number[] {
  const older = operation.opset < 13;
  const axis = operation.axis(operation.attributes.int("axis", older ? 1 : -1), rank);
  return older ? Array.from({ length: rank - axis }, (_, i) => axis + i) : [axis];
}

const softmax =
  (logarithm: boolean): Lowering =>
  (operation) => {
    const x = operation.f32(0);
    return one("float32", softmaxAlong(operation.builder, x, softAxes(operation, x.shape.length), logarithm));
  };

/** 1 at the first of the largest elements, otherwise 0. */
function hardmax(operation: Operation): Value[] {
  const { builder } = operation;
  const x = operation.f32(0);
  const axes = softAxes(operation, x.shape.length);
  operation.warnOfNaN(x, choosesNaN);
  const chosen = reduceAxes(builder, x, axes, "argmax");
  const size = count(axes.map((axis) => x.shape[axis]!));
  const numbers = builder.constant(
    "i32",
    [size],
    Int32Array.from({ length: size }, (_, i) => i),
  );
  const own = builder.reshape(
    numbers,
    x.shape.map((width, axis) => (axes.includes(axis) ? width : 1)),
  );
  return one("float32", builder.apply("toFloat", builder.apply("ieq", chosen, own)));
}

/** Each element is one exact sum, rounded once. */
function cumulativeSum(operation: Operation): Value[] {
  const { element, tensor } = operation.typed(0, "float32", "int32");
  const { builder, attributes } = operation;
  const axis = operation.axis(operation.integers(1, "the axis")[0] ?? 0, tensor.shape.length);
  const [exclusive, reverse] = [attributes.int("exclusive", 0), attributes.int("reverse", 0) === 1];
  const rank = tensor.shape.length;
  const size = tensor.shape[axis]!;
  const distance = reverse ? addForms(axisForm(rank), axisForm(axis), -1) : addForms(axisForm(axis), axisForm(rank), -1);
  const coordinates = tensor.shape.map((width, i) => (width === 1 ? constantForm(0) : axisForm(i === axis ? rank : i)));
  const range = { form: { ...distance, start: -exclusive }, limit: size };
  const type = element === "float32" ? "f32" : "i32";
  const x = { source: tensor, coordinates, ranges: [range] };
  return one(element, builder.reduce({ type, reads: type, reducer: "sum", divisor: 1, shape: tensor.shape, reduce: [size], x }));
}

const root: Finish = (builder, tensor) => builder.apply("fsqrt", tensor);

export const reductions: LoweringTable = {
  ReduceSum: reduction("sum"),
  ReduceMean: reduction("sum", { mean: true }),
  ReduceMax: reduction("max"),
  ReduceMin: reduction("min"),
  ReduceProd: reduction("product"),
  ReduceL1: norm("sumAbs"),
  ReduceL2: norm("sumSquare", root),
  ReduceSumSquare: norm("sumSquare"),
  ReduceLogSum: reduction("sum", { finish: (builder, tensor) => builder.apply("flog", tensor) }),
  ReduceLogSumExp: logSumExp,
  ArgMax: position("argmax", "argmaxLast"),
  ArgMin: position("argmin", "argminLast"),
  Softmax: softmax(false),
  LogSoftmax: softmax(true),
  Hardmax: hardmax,
  CumSum: cumulativeSum,
};

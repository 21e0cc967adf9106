/** Normalisations, by the formulas and function bodies of the ONNX operator specification. */
import { ones, type TensorBuilder } from "../builder.ts";
import { one, type LoweringTable, type Operation, type Value } from "../operation.ts";
import { addForms, axisForm, constantForm, count, type Tensor } from "../tensors.ts";
import { extremes } from "../flatten.ts";
import { reduceAxes } from "./reduction.ts";

/** [C] as [1, C, 1…]. */
const perChannel = (builder: TensorBuilder, tensor: Tensor, rank: number): Tensor =>
  builder.reshape(tensor, [1, count(tensor.shape), ...ones(rank - 2)]);

/** (x − mean) / √(variance + ε) · scale + bias, each step rounded. */
function batchNormalization(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const x = operation.f32(0);
  if (attributes.int("training_mode", 0) !== 0) operation.refuse("training mode is not covered");
  attributes.float("momentum", 0.9);
  attributes.int("is_test", 1);
  if (attributes.int("spatial", 1) !== 1) operation.refuse("spatial = 0 is not covered");
  if (operation.node.outputs.slice(1).some((output) => output !== "")) operation.refuse("outputs of training are not covered");
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((position) =>
    perChannel(builder, operation.f32(position), Math.max(2, x.shape.length)),
  );
  const deviation = builder.apply("fsqrt", builder.apply("fadd", variance!, builder.f32(attributes.float("epsilon", 1e-5))));
  const normal = builder.apply("fdiv", builder.apply("fsub", x, mean!), deviation);
  return one("float32", builder.apply("fadd", builder.apply("fmul", normal, scale!), bias!));
}

interface Normal {
  normal: Tensor;
  mean: Tensor;
  inverse: Tensor;
}

/** d = x − mean(x); d / √(mean(d²) + ε). The mean of squares is rounded once. */
function normalised(
  builder: TensorBuilder,
  x: Tensor,
  axes: readonly number[],
  epsilon: number,
): Normal & { deviation: Tensor; distance: Tensor } {
  const mean = reduceAxes(builder, x, axes, "sum", true);
  const distance = builder.apply("fsub", x, mean);
  const variance = reduceAxes(builder, distance, axes, "sumSquare", true);
  const deviation = builder.apply("fsqrt", builder.apply("fadd", variance, builder.f32(epsilon)));
  const inverse = builder.apply("fdiv", builder.f32(1), deviation);
  return { normal: builder.apply("fdiv", distance, deviation), mean, inverse, deviation, distance };
}

function layerNormalization(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const x = operation.f32(0);
  const rank = x.shape.length;
  const axis = operation.axis(attributes.int("axis", -1), rank);
  attributes.int("stash_type", 1);
  const axes = Array.from({ length: rank - axis }, (_, i) => axis + i);
  const { normal, mean, inverse } = normalised(builder, x, axes, attributes.float("epsilon", 1e-5));
  const scaled = builder.apply("fmul", normal, operation.f32(1));
  const tensor = operation.optional(2) === undefined ? scaled : builder.apply("fadd", scaled, operation.f32(2));
  return [tensor, mean, inverse].map((output) => ({ element: "float32", tensor: output }));
}

function rmsNormalization(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const x = operation.f32(0);
  const axis = operation.axis(attributes.int("axis", -1), x.shape.length);
  attributes.int("stash_type", 1);
  const axes = Array.from({ length: x.shape.length - axis }, (_, i) => axis + i);
  const square = reduceAxes(builder, x, axes, "sumSquare", true);
  const root = builder.apply("fsqrt", builder.apply("fadd", square, builder.f32(attributes.float("epsilon", 1e-5))));
  return one("float32", builder.apply("fmul", builder.apply("fdiv", x, root), operation.f32(1)));
}

function instanceNormalization(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const x = operation.f32(0);
  const rank = x.shape.length;
  const axes = x.shape.map((_, axis) => axis).slice(2);
  const { normal } = normalised(builder, x, axes, attributes.float("epsilon", 1e-5));
  const scaled = builder.apply("fmul", normal, perChannel(builder, operation.f32(1), rank));
  return one("float32", builder.apply("fadd", scaled, perChannel(builder, operation.f32(2), rank)));
}

function groupNormalization(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const x = operation.f32(0);
  const groups = attributes.int("num_groups", undefined) ?? operation.refuse("the number of groups is missing");
  attributes.int("stash_type", 1);
  const [n, c, ...sizes] = x.shape as [number, number, ...number[]];
  if (c % groups !== 0) operation.refuse(`${c} channels do not make ${groups} groups`);
  const grouped = builder.reshape(x, [n, groups, c / groups, ...sizes]);
  const axes = grouped.shape.map((_, axis) => axis).slice(2);
  const { normal } = normalised(builder, grouped, axes, attributes.float("epsilon", 1e-5));
  // Until operator set 20 scale and bias were one a group.
  const wide = (position: number): Tensor => {
    const tensor = operation.f32(position);
    const inner = count(tensor.shape) === c ? c / groups : 1;
    return builder.reshape(tensor, [1, groups, inner, ...sizes.map(() => 1)]);
  };
  const result = builder.apply("fadd", builder.apply("fmul", normal, wide(1)), wide(2));
  return one("float32", builder.reshape(result, x.shape));
}

/** (x − E[x]) / (√(E[x²] − E[x]²) + 1e-9) */
function meanVariance(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const x = operation.f32(0);
  const axes = attributes.ints("axes", [0, 2, 3]).map((axis) => operation.axis(axis, x.shape.length));
  const mean = reduceAxes(builder, x, axes, "sum", true);
  const square = reduceAxes(builder, x, axes, "sumSquare", true);
  const variance = builder.apply("fsub", square, builder.apply("fmul", mean, mean));
  const deviation = builder.apply("fadd", builder.apply("fsqrt", variance), builder.f32(1e-9));
  return one("float32", builder.apply("fdiv", builder.apply("fsub", x, mean), deviation));
}

function lpNormalization(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const x = operation.f32(0);
  const axis = operation.axis(attributes.int("axis", -1), x.shape.length);
  const p = attributes.int("p", 2);
  if (p !== 1 && p !== 2) operation.refuse(`p = ${p} is not covered`);
  const sum = reduceAxes(builder, x, [axis], p === 1 ? "sumAbs" : "sumSquare");
  const norm = p === 1 ? sum : builder.apply("fsqrt", sum);
  const zero = builder.apply("feq", norm, builder.f32(0));
  return one("float32", builder.apply("select", zero, builder.f32(0), builder.apply("fdiv", x, norm)));
}

/** x / (bias + α/size · Σ x²)^β, with the power taken for β = ¾ and ½ and 1 only. */
function localResponse(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const x = operation.f32(0);
  const size = attributes.int("size", undefined) ?? operation.refuse("the size is missing");
  const [alpha, beta, bias] = [attributes.float("alpha", 1e-4), attributes.float("beta", 0.75), attributes.float("bias", 1)];
  const rank = x.shape.length;
  const at = addForms(axisForm(1, 1, -Math.floor((size - 1) / 2)), axisForm(rank));
  const reach = [{ form: at, limit: x.shape[1]! }].filter(({ form, limit }) => {
    const [low, high] = extremes(form, [...x.shape, size]);
    return low < 0 || high >= limit;
  });
  const coordinates = x.shape.map((width, axis) => (axis === 1 ? at : width === 1 ? constantForm(0) : axisForm(axis)));
  const sum = builder.reduce({
    type: "f32",
    reads: "f32",
    reducer: "sumSquare",
    divisor: 1,
    shape: x.shape,
    reduce: [size],
    x: { source: x, coordinates, ranges: reach },
  });
  const base = builder.apply("fadd", builder.f32(bias), builder.apply("fmul", builder.f32(Math.fround(alpha) / size), sum));
  const root = builder.apply("fsqrt", base);
  if (beta === 0.5) return one("float32", builder.apply("fdiv", x, root));
  if (beta === 1) return one("float32", builder.apply("fdiv", x, base));
  if (beta !== 0.75) operation.refuse(`beta = ${beta}; covered are 0.5, 0.75 and 1`);
  return one("float32", builder.apply("fdiv", x, builder.apply("fmul", root, builder.apply("fsqrt", root))));
}

export const normalisations: LoweringTable = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  MeanVarianceNormalization: meanVariance,
  LpNormalization: lpNormalization,
  LRN: localResponse,
};

/** Quantised operators: exact integer products, and one stated order of the steps that scale them. */
import type { ElementName } from "../../onnx/elements.ts";
import { ones, type TensorBuilder } from "../builder.ts";
import { one, type LoweringTable, type Operation, type Value } from "../operation.ts";
import { count, type Tensor } from "../tensors.ts";
import { convolution } from "./convolution.ts";
import { rangeOf } from "./integers.ts";
import { matmul } from "./matmul.ts";
import { reduceAxes } from "./reduction.ts";

/** round(x / scale) + zero point, at the nearest number of the type; NaN gives the type's 0. */
function quantise(builder: TensorBuilder, scaled: Tensor, zero: Tensor | null, element: ElementName): Tensor {
  const [low, high] = rangeOf(element);
  const rounded = builder.apply("fround", scaled);
  const moved = zero === null ? rounded : builder.apply("fadd", rounded, builder.apply("toFloat", zero));
  return builder.apply("toInt", builder.apply("fmin", builder.apply("fmax", moved, builder.f32(low)), builder.f32(high)));
}

/** A scale or zero point for each element along `axis`, or one for all. */
function alongAxis(operation: Operation, tensor: Tensor, shape: readonly number[], axis: number): Tensor {
  const { builder } = operation;
  if (count(tensor.shape) === 1) return builder.reshape(tensor, []);
  if (tensor.shape.length !== 1 || tensor.shape[0] !== shape[axis])
    operation.refuse(
      `scales or zero points of shape [${tensor.shape.join(", ")}] for axis ${axis} of [${shape.join(", ")}]; blocks are not covered`,
    );
  return builder.reshape(tensor, [tensor.shape[0]!, ...ones(shape.length - 1 - axis)]);
}

function axisOf(operation: Operation, rank: number): number {
  const stated = operation.attributes.int("axis", 1);
  if (operation.attributes.int("block_size", 0) !== 0) operation.refuse("block-wise quantisation is not covered");
  return rank === 0 ? 0 : stated >= rank ? 0 : operation.axis(stated, rank);
}

function quantizeLinear(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const x = operation.f32(0);
  const axis = axisOf(operation, x.shape.length);
  attributes.int("saturate", 1);
  attributes.int("precision", 0);
  if (attributes.int("output_dtype", 0) !== 0) operation.refuse("attribute 'output_dtype' is not covered; give a zero point");
  const scale = alongAxis(operation, operation.f32(1), x.shape, axis);
  const given = operation.optional(2);
  const element = given?.element ?? "uint8";
  const zero = given === undefined ? null : alongAxis(operation, given.tensor, x.shape, axis);
  const scaled = builder.apply("fdiv", x, scale);
  operation.warnOfNaN(scaled, "the canonical result is 0, ONNX Runtime's depends on type and machine");
  return one(element, quantise(builder, scaled, zero, element));
}

function dequantizeLinear(operation: Operation): Value[] {
  const { builder } = operation;
  const { tensor } = operation.typed(0, "uint8", "int8", "uint16", "int16", "int32");
  const axis = axisOf(operation, tensor.shape.length);
  if (operation.attributes.int("output_dtype", 1) !== 1) operation.refuse("only float32 outputs are covered");
  const scale = alongAxis(operation, operation.f32(1), tensor.shape, axis);
  const zero = operation.optional(2);
  const moved = zero === undefined ? tensor : builder.apply("isub", tensor, alongAxis(operation, zero.tensor, tensor.shape, axis));
  return one("float32", builder.apply("fmul", builder.apply("toFloat", moved), scale));
}

/** By its function body; both zero in the input's range, whatever the data. */
function dynamicQuantizeLinear(operation: Operation): Value[] {
  const { builder } = operation;
  const x = operation.f32(0);
  const axes = x.shape.map((_, axis) => axis);
  const extreme = (reducer: "max" | "min") =>
    builder.apply(reducer === "max" ? "fmax" : "fmin", builder.reshape(reduceAxes(builder, x, axes, reducer), []), builder.f32(0));
  const [largest, smallest] = [extreme("max"), extreme("min")];
  const scale = builder.apply("fdiv", builder.apply("fsub", largest, smallest), builder.f32(255));
  const exact = builder.apply("fdiv", builder.apply("fsub", builder.f32(0), smallest), scale);
  const zero = quantise(builder, builder.apply("fmin", builder.apply("fmax", exact, builder.f32(0)), builder.f32(255)), null, "uint8");
  return [
    { element: "uint8", tensor: quantise(builder, builder.apply("fdiv", x, scale), zero, "uint8") },
    { element: "float32", tensor: scale },
    { element: "uint8", tensor: zero },
  ];
}

const bytes = ["uint8", "int8"] as const;

/** A zero point for each row of the left factor, or one for all. */
function rowZero(operation: Operation, position: number): Tensor | null {
  const value = operation.optional(position);
  if (value === undefined) return null;
  const { tensor } = value;
  if (count(tensor.shape) === 1) return operation.builder.reshape(tensor, []);
  return tensor.shape.length === 1 ? operation.builder.reshape(tensor, [tensor.shape[0]!, 1]) : tensor;
}

function columnZero(operation: Operation, position: number): Tensor | null {
  const value = operation.optional(position);
  if (value === undefined) return null;
  return count(value.tensor.shape) === 1 ? operation.builder.reshape(value.tensor, []) : value.tensor;
}

function matMulInteger(operation: Operation): Value[] {
  const [a, b] = [operation.typed(0, ...bytes).tensor, operation.typed(1, ...bytes).tensor];
  const extras = { type: "i32", bias: null, zeroA: rowZero(operation, 2), zeroB: columnZero(operation, 3) } as const;
  return one("int32", matmul(operation, a, b, extras));
}

/** acc · ((scaleA · scaleB) / scaleY), each step rounded, then to the nearest number of the type. */
function requantise(operation: Operation, sum: Tensor, scaleA: Tensor, scaleB: Tensor, scaleY: Tensor, zeroPosition: number): Value[] {
  const { builder } = operation;
  const { element, tensor } = operation.typed(zeroPosition, ...bytes);
  const factor = builder.apply("fdiv", builder.apply("fmul", scaleA, scaleB), scaleY);
  const scaled = builder.apply("fmul", builder.apply("toFloat", sum), factor);
  return one(element, quantise(builder, scaled, builder.reshape(tensor, []), element));
}

const scalar = (operation: Operation, position: number): Tensor => {
  const tensor = operation.f32(position);
  if (count(tensor.shape) !== 1) operation.refuse(`the scale in input ${position} is not one number`);
  return operation.builder.reshape(tensor, []);
};

function qLinearMatMul(operation: Operation): Value[] {
  const { builder } = operation;
  const [a, b] = [operation.typed(0, ...bytes).tensor, operation.typed(3, ...bytes).tensor];
  const sum = matmul(operation, a, b, { type: "i32", bias: null, zeroA: rowZero(operation, 2), zeroB: columnZero(operation, 5) });
  const rows = operation.f32(1);
  const scaleA = count(rows.shape) === 1 ? builder.reshape(rows, []) : builder.reshape(rows, [count(rows.shape), 1]);
  const columns = operation.f32(4);
  const scaleB = count(columns.shape) === 1 ? builder.reshape(columns, []) : columns;
  return requantise(operation, sum, scaleA, scaleB, scalar(operation, 6), 7);
}

/** A number for each output channel, or one for all. */
function perChannel({ builder }: Operation, tensor: Tensor, rank: number): Tensor {
  return count(tensor.shape) === 1 ? builder.reshape(tensor, []) : builder.reshape(tensor, [1, count(tensor.shape), ...ones(rank - 2)]);
}

function integerConvolution(
  operation: Operation,
  [x, w, zeroX, zeroW, bias]: readonly [number, number, number, number, number | null],
): Tensor {
  const input = operation.typed(x, ...bytes).tensor;
  const optional = (position: number | null): Tensor | null => {
    const value = position === null ? undefined : operation.optional(position);
    return value === undefined ? null : perChannel(operation, value.tensor, input.shape.length);
  };
  const extras = { type: "i32", bias: optional(bias), zeroA: optional(zeroX), zeroB: optional(zeroW) } as const;
  return convolution(operation, input, operation.typed(w, ...bytes).tensor, extras);
}

function qLinearConv(operation: Operation): Value[] {
  const sum = integerConvolution(operation, [0, 3, 2, 5, 8]);
  const scaleW = perChannel(operation, operation.f32(4), sum.shape.length);
  return requantise(operation, sum, scalar(operation, 1), scaleW, scalar(operation, 6), 7);
}

export const quantised: LoweringTable = {
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  MatMulInteger: matMulInteger,
  QLinearMatMul: qLinearMatMul,
  ConvInteger: (operation) => one("int32", integerConvolution(operation, [0, 1, 2, 3, null])),
  QLinearConv: qLinearConv,
};

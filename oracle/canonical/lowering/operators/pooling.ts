/** Pooling over spatial windows. */
import type { Reducer } from "../../program/types.ts";
import { one, type Lowering, type LoweringTable, type Operation, type Value } from "../operation.ts";
import { addForms, axisForm, constantForm, count, type Tensor } from "../tensors.ts";
import { extremes } from "../flatten.ts";
import { reduceAxes, skipsNaN } from "./reduction.ts";
import { windowOf, type Window } from "./window.ts";

/** Pooling windows. @throws Refusal where ONNX Runtime pads by another rule than the specification's. */
function poolWindow(operation: Operation, x: Tensor): Window {
  const window = windowOf(operation, x.shape.slice(2), null);
  const same = operation.attributes.string("auto_pad", "NOTSET").startsWith("SAME");
  if (same && window.dilations.some((dilation) => dilation !== 1))
    operation.refuse("auto_pad with dilations: ONNX Runtime leaves them out of the padding; give pads");
  const skips = window.out.some(
    (out, i) => (out - 1) * window.strides[i]! + (window.kernel[i]! - 1) * window.dilations[i]! + 1 < x.shape[2 + i]!,
  );
  if (same && skips) operation.refuse("auto_pad with strides past the end: ONNX Runtime pads by a negative number; give pads");
  return window;
}

/** @param divisor 0 counts the elements inside the input. */
function pooled(
  operation: Operation,
  x: Tensor,
  { kernel, strides, dilations, before, out }: Window,
  reducer: Reducer,
  divisor: number,
): Tensor {
  const shape = [...x.shape.slice(0, 2), ...out];
  const rank = shape.length;
  const all = [...shape, ...kernel];
  const at = kernel.map((size, i) => {
    const along = out[i] === 1 ? constantForm(0) : axisForm(2 + i, strides[i]!);
    const within = size === 1 ? constantForm(0) : axisForm(rank + i, dilations[i]!);
    return addForms({ ...along, start: -before[i]! }, within);
  });
  const ranges = at
    .map((form, i) => ({ form, limit: x.shape[2 + i]! }))
    .filter(({ form, limit }) => extremes(form, all)[0] < 0 || extremes(form, all)[1] >= limit);
  const lead = x.shape.slice(0, 2).map((size, axis) => (size === 1 ? constantForm(0) : axisForm(axis)));
  const type = x.type === "f32" ? "f32" : "i32";
  return operation.builder.reduce({
    type,
    reads: type,
    reducer,
    divisor: ranges.length === 0 && divisor === 0 ? count(kernel) : divisor,
    shape,
    reduce: kernel,
    x: { source: x, coordinates: [...lead, ...at], ranges },
  });
}

function maxPool(operation: Operation): Value[] {
  const { element, tensor } = operation.typed(0, "float32", "uint8", "int8");
  operation.attributes.int("storage_order", 0);
  if ((operation.node.outputs[1] ?? "") !== "") operation.refuse("the positions of the largest elements (second output) are not covered");
  operation.warnOfNaN(tensor, skipsNaN);
  return one(element, pooled(operation, tensor, poolWindow(operation, tensor), "max", 1));
}

function averagePool(operation: Operation): Value[] {
  const x = operation.f32(0);
  const window = poolWindow(operation, x);
  const padded = operation.attributes.int("count_include_pad", 0) === 1;
  // A window that reaches past the padding (ceil_mode) counts only what is inside of it.
  const reaches = window.out.some(
    (out, i) =>
      (out - 1) * window.strides[i]! + (window.kernel[i]! - 1) * window.dilations[i]! + 1 >
      x.shape[2 + i]! + window.before[i]! + window.after[i]!,
  );
  if (padded && reaches) operation.refuse("count_include_pad with windows that reach past the padding is not covered");
  return one("float32", pooled(operation, x, window, "sum", padded ? count(window.kernel) : 0));
}

const spatial = ({ shape }: Tensor) => shape.map((_, axis) => axis).slice(2);

const global =
  (reducer: Reducer, mean: boolean): Lowering =>
  (operation) => {
    const x = operation.f32(0);
    if (reducer === "max") operation.warnOfNaN(x, skipsNaN);
    return one("float32", reduceAxes(operation.builder, x, spatial(x), reducer, mean));
  };

function lpPool(operation: Operation): Value[] {
  const x = operation.f32(0);
  const { builder } = operation;
  const p = operation.attributes.int("p", 2);
  const window = poolWindow(operation, x);
  if (p === 1) return one("float32", pooled(operation, x, window, "sumAbs", 1));
  if (p !== 2) operation.refuse(`p = ${p} is not covered`);
  return one("float32", builder.apply("fsqrt", pooled(operation, x, window, "sumSquare", 1)));
}

export const poolings: LoweringTable = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  LpPool: lpPool,
  GlobalAveragePool: global("sum", true),
  GlobalMaxPool: global("max", false),
  GlobalLpPool: (operation) => {
    const x = operation.f32(0);
    const p = operation.attributes.int("p", 2);
    if (p === 1) return one("float32", reduceAxes(operation.builder, x, spatial(x), "sumAbs"));
    if (p !== 2) operation.refuse(`p = ${p} is not covered`);
    return one("float32", operation.builder.apply("fsqrt", reduceAxes(operation.builder, x, spatial(x), "sumSquare")));
  },
};

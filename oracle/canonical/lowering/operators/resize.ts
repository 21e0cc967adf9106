/** Resize and Upsample: which elements an element is made from is known, so nearest is movement and the others are short sums. */
import { listOf, numbersOf } from "../constants.ts";
import { pick } from "../movement.ts";
import { one, type LoweringTable, type Operation, type Value } from "../operation.ts";
import { identityForms, type Tensor } from "../tensors.ts";

interface Rule {
  mode: "nearest" | "linear" | "cubic";
  transformation: string;
  nearest: string;
  cubic: number;
  excludeOutside: boolean;
}

/** The position in the input that element i of the output stands for. */
function original(operation: Operation, { transformation }: Rule, i: number, size: number, out: number, scale: number): number {
  switch (transformation) {
    case "half_pixel":
      return (i + 0.5) / scale - 0.5;
    case "pytorch_half_pixel":
      return out > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case "half_pixel_symmetric": {
      const adjustment = out / (scale * size);
      return (size / 2) * (1 - adjustment) + (i + 0.5) / scale - 0.5;
    }
    case "align_corners":
      return out > 1 ? (i * (size - 1)) / (out - 1) : 0;
    case "asymmetric":
      return i / scale;
    case "tf_half_pixel_for_nn":
      return (i + 0.5) / scale;
    default:
      return operation.refuse(`the coordinate transformation '${transformation}' is not covered`);
  }
}

function nearestOf(operation: Operation, rule: string, x: number): number {
  switch (rule) {
    case "round_prefer_floor":
      return Math.ceil(x - 0.5);
    case "round_prefer_ceil":
      return Math.floor(x + 0.5);
    case "floor":
      return Math.floor(x);
    case "ceil":
      return Math.ceil(x);
    default:
      return operation.refuse(`the rounding '${rule}' is not covered`);
  }
}

/** Weights of the neighbours around a position with the fraction f. */
function weightsOf({ mode, cubic: a }: Rule, f: number): number[] {
  if (mode === "linear") return [1 - f, f];
  return [
    ((a * (f + 1) - 5 * a) * (f + 1) + 8 * a) * (f + 1) - 4 * a,
    ((a + 2) * f - (a + 3)) * f * f + 1,
    ((a + 2) * (1 - f) - (a + 3)) * (1 - f) * (1 - f) + 1,
    ((a * (2 - f) - 5 * a) * (2 - f) + 8 * a) * (2 - f) - 4 * a,
  ];
}

/** @returns how often each element of an axis is repeated; null where some are repeated more often than others. */
function repeats(positions: readonly number[], size: number): number | null {
  const times = positions.length / size;
  return Number.isInteger(times) && positions.every((position, i) => position === Math.floor(i / times)) ? times : null;
}

/** Every element of axis i, times[i] times: a new axis behind each, all in one movement. */
function repeated({ builder }: Operation, tensor: Tensor, times: readonly number[]): Tensor {
  const wide = tensor.shape.flatMap((size, axis) => (times[axis] === 1 ? [size] : [size, times[axis]!]));
  const starts = tensor.shape.map((_, axis) => axis + times.slice(0, axis).filter((factor) => factor !== 1).length);
  const forms = identityForms(wide);
  const shape = tensor.shape.map((size, axis) => size * times[axis]!);
  return builder.reshape(
    builder.move(
      tensor,
      wide,
      starts.map((axis) => forms[axis]!),
    ),
    shape,
  );
}

/** Σ weight · neighbour along one axis, from the first neighbour to the last, each step rounded. */
function interpolated(operation: Operation, tensor: Tensor, axis: number, at: readonly number[], rule: Rule): Tensor {
  const { builder } = operation;
  const size = tensor.shape[axis]!;
  const first = rule.mode === "linear" ? 0 : -1;
  const taps = rule.mode === "linear" ? 2 : 4;
  const rows = at.map((x) => {
    const weights = weightsOf(rule, x - Math.floor(x));
    const positions = weights.map((_, t) => Math.floor(x) + first + t);
    if (!rule.excludeOutside) return { weights, positions };
    const inside = weights.map((weight, t) => (positions[t]! >= 0 && positions[t]! < size ? weight : 0));
    const total = inside.reduce((sum, weight) => sum + weight, 0);
    return { weights: inside.map((weight) => weight / total), positions };
  });
  const clamp = (position: number) => Math.min(size - 1, Math.max(0, position));
  const shape = tensor.shape.map((_, i) => (i === axis ? at.length : 1));
  const terms = Array.from({ length: taps }, (_, t) => {
    const neighbours = pick(
      builder,
      tensor,
      axis,
      rows.map(({ positions }) => clamp(positions[t]!)),
    );
    const weights = Float32Array.from(rows, ({ weights: own }) => own[t]!);
    return builder.apply("fmul", builder.constant("f32", shape, weights), neighbours);
  });
  return terms.reduce((sum, term) => builder.apply("fadd", sum, term));
}

/** What one axis becomes. */
interface Target {
  axis: number;
  size: number;
  out: number;
  scale: number;
}

const positionsOf = (operation: Operation, rule: Rule, { size, out, scale }: Target): number[] =>
  Array.from({ length: out }, (_, i) => original(operation, rule, i, size, out, scale));

function nearest(operation: Operation, tensor: Tensor, targets: readonly Target[], rule: Rule): Tensor {
  const times = tensor.shape.map(() => 1);
  let result = tensor;
  for (const target of targets) {
    const clamp = (x: number) => Math.min(target.size - 1, Math.max(0, nearestOf(operation, rule.nearest, x)));
    const positions = positionsOf(operation, rule, target).map(clamp);
    const factor = repeats(positions, target.size);
    if (factor === null) result = pick(operation.builder, result, target.axis, positions);
    else times[target.axis] = factor;
  }
  return repeated(operation, result, times);
}

function floats(operation: Operation, position: number, what: string): number[] | undefined {
  const value = operation.optional(position);
  if (value === undefined) return undefined;
  const numbers = listOf(numbersOf(operation.constant(position, what).tensor)).map(Number);
  return numbers.length === 0 ? undefined : numbers;
}

function ruleOf(operation: Operation): Rule {
  const { attributes, opset } = operation;
  const mode = attributes.string("mode", "nearest");
  if (mode !== "nearest" && mode !== "linear" && mode !== "cubic") operation.refuse(`the mode '${mode}' is not covered`);
  if (attributes.int("antialias", 0) !== 0) operation.refuse("antialiasing is not covered");
  if (attributes.string("keep_aspect_ratio_policy", "stretch") !== "stretch") operation.refuse("keeping the aspect ratio is not covered");
  attributes.float("extrapolation_value", 0);
  const older = opset < 11;
  return {
    mode: mode as Rule["mode"],
    transformation: attributes.string("coordinate_transformation_mode", older ? "asymmetric" : "half_pixel"),
    nearest: attributes.string("nearest_mode", older ? "floor" : "round_prefer_floor"),
    cubic: attributes.float("cubic_coeff_a", -0.75),
    excludeOutside: attributes.int("exclude_outside", 0) === 1,
  };
}

function resize(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const rule = ruleOf(operation);
  if (element !== "float32" && rule.mode !== "nearest") operation.refuse(`${rule.mode} resizing of ${element} is not covered`);
  const older = operation.opset < 11;
  // The region (input 1) counts only where a crop is asked for, which is refused.
  if (!older) operation.optional(1);
  const scales = floats(operation, older ? 1 : 2, "the scales") ?? operation.attributes.floats("scales", undefined);
  const sizes = older ? undefined : floats(operation, 3, "the sizes");
  const axes = operation.attributes
    .ints(
      "axes",
      tensor.shape.map((_, axis) => axis),
    )
    .map((axis) => operation.axis(axis, tensor.shape.length));
  const listed = scales ?? sizes ?? operation.refuse("scales and sizes are missing");
  if (listed.length !== axes.length || listed.some((value) => !(value > 0)))
    operation.refuse(`[${listed.join(", ")}] does not fit ${axes.length} axes`);
  const targets = axes.map((axis, i): Target => {
    const size = tensor.shape[axis]!;
    const out = sizes?.[i] ?? Math.floor(size * scales![i]!);
    if (!(out >= 1 && out <= 2 ** 20)) operation.refuse(`an axis of ${out} elements; covered are 1 to 2^20`);
    return { axis, size, out, scale: scales?.[i] ?? out / size };
  });
  const changed = targets.filter(({ size, out, scale }) => out !== size || scale !== 1);
  if (rule.mode === "nearest") return one(element, nearest(operation, tensor, changed, rule));
  const step = (result: Tensor, target: Target) => interpolated(operation, result, target.axis, positionsOf(operation, rule, target), rule);
  return one(element, changed.reduce(step, tensor));
}

export const resizes: LoweringTable = { Resize: resize, Upsample: resize };

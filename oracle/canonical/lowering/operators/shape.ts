/** Constants, shapes and everything that only gives elements other coordinates. */
import { elements, type ElementName } from "../../onnx/elements.ts";
import type { ConstantTensor } from "../../onnx/tensor.ts";
import { numbersOf } from "../constants.ts";
import { concat, slice, transpose } from "../movement.ts";
import { constantValue, one, wordTypeOf, type LoweringTable, type Operation, type Value } from "../operation.ts";
import { count, identityForms, type Tensor } from "../tensors.ts";

function constant(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const tensor = attributes.tensor("value");
  if (tensor !== undefined) return [constantValue(builder, tensor)];
  const float = attributes.float("value_float", undefined);
  if (float !== undefined) return one("float32", builder.f32(float));
  const int = attributes.int("value_int", undefined);
  if (int !== undefined) return one("int64", builder.i64([int], []));
  const floats = attributes.floats("value_floats", undefined);
  if (floats !== undefined) return one("float32", builder.constant("f32", [floats.length], Float32Array.from(floats)));
  const ints = attributes.ints("value_ints", undefined);
  if (ints !== undefined) return one("int64", builder.i64(ints));
  return operation.refuse("strings and sparse tensors are not covered");
}

const zero: ConstantTensor = { element: "float32", shape: [1], numbers: new Float32Array(1) };

function constantOfShape(operation: Operation): Value[] {
  const shape = operation.integers(0, "the shape");
  const { element, tensor } = constantValue(operation.builder, operation.attributes.tensor("value") ?? zero);
  return one(element, operation.builder.expand(operation.builder.reshape(tensor, []), checkedShape(operation, shape)));
}

/** @throws Refusal for a negative size or more elements than a program may hold. */
export function checkedShape(operation: Operation, shape: number[]): number[] {
  if (shape.length > 8) operation.refuse(`a tensor has ${shape.length} dimensions; at most 8 are covered`);
  if (shape.some((size) => !Number.isInteger(size) || size < 0)) operation.refuse(`[${shape.join(", ")}] is no shape`);
  if (count(shape) > 2 ** 28)
    operation.refuse(`a tensor of shape [${shape.join(", ")}] has ${count(shape)} elements; at most 2^28 are covered`);
  return shape;
}

/** Constants whose elements are listed one by one. */
const mostListed = 2 ** 22;

function range(operation: Operation): Value[] {
  const { builder } = operation;
  const [start, limit, delta] = [0, 1, 2].map((position) => operation.constant(position, ["start", "limit", "delta"][position]!));
  const [from, to, step] = [start!, limit!, delta!].map(({ tensor }) => Number(numbersOf(tensor)[0]!)) as [number, number, number];
  if (step === 0) operation.refuse("delta is 0");
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= mostListed)) operation.refuse(`a range of ${length} numbers; at most ${mostListed} are covered`);
  const { element } = start!;
  const type = wordTypeOf(element)!;
  if (type === "i64") return one(element, builder.i64(Array.from({ length }, (_, i) => from + i * step)));
  const steps = Array.from({ length }, (_, i) => i);
  if (type === "i32")
    return one(
      element,
      builder.constant(
        "i32",
        [length],
        Int32Array.from(steps, (i) => from + i * step),
      ),
    );
  if (element !== "float32") operation.refuse(`${element} is not covered`);
  const offsets = builder.apply("fmul", builder.constant("f32", [length], Float32Array.from(steps)), builder.f32(step));
  return one(element, builder.apply("fadd", builder.f32(from), offsets));
}

function reshape(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const wanted = operation.integersOf("shape", 1) ?? operation.refuse("the shape is missing");
  const allowZero = operation.attributes.int("allowzero", 0) === 1;
  const shape = wanted.map((size, axis) =>
    size === 0 && !allowZero ? (tensor.shape[axis] ?? operation.refuse(`there is no axis ${axis} to copy`)) : size,
  );
  const unknown = shape.indexOf(-1);
  if (unknown >= 0) {
    const known = count(shape.filter((_, axis) => axis !== unknown));
    shape[unknown] = known === 0 ? 0 : count(tensor.shape) / known;
  }
  return one(element, operation.builder.reshape(tensor, checkedShape(operation, shape)));
}

function flatten(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const stated = operation.attributes.int("axis", 1);
  const axis = stated === tensor.shape.length ? stated : operation.axis(stated, Math.max(1, tensor.shape.length));
  return one(element, operation.builder.reshape(tensor, [count(tensor.shape.slice(0, axis)), count(tensor.shape.slice(axis))]));
}

function squeeze(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const rank = tensor.shape.length;
  const axes = operation.integersOf("axes", 1)?.map((axis) => operation.axis(axis, rank));
  const drop = axes ?? tensor.shape.flatMap((size, axis) => (size === 1 ? [axis] : []));
  if (drop.some((axis) => tensor.shape[axis] !== 1))
    operation.refuse(`axes [${drop.join(", ")}] of [${tensor.shape.join(", ")}] are not all of size 1`);
  return one(
    element,
    operation.builder.reshape(
      tensor,
      tensor.shape.filter((_, axis) => !drop.includes(axis)),
    ),
  );
}

function unsqueeze(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const stated = operation.integersOf("axes", 1) ?? operation.refuse("the axes are missing");
  const rank = tensor.shape.length + stated.length;
  const axes = new Set(stated.map((axis) => operation.axis(axis, rank)));
  if (axes.size !== stated.length) operation.refuse(`an axis is named twice in [${stated.join(", ")}]`);
  let next = 0;
  const shape = Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : tensor.shape[next++]!));
  return one(element, operation.builder.reshape(tensor, checkedShape(operation, shape)));
}

function transposed(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const axes = tensor.shape.map((_, axis) => axis);
  const order = operation.attributes.ints("perm", axes.toReversed());
  if (order.length !== axes.length || !axes.every((axis) => order.includes(axis)))
    operation.refuse(`[${order.join(", ")}] is no order of ${axes.length} axes`);
  return one(element, transpose(operation.builder, tensor, order));
}

function concatenated(operation: Operation): Value[] {
  const values = operation.inputs();
  const { element, tensor } = values[0]!;
  const axis = operation.axis(operation.attributes.int("axis", 1), tensor.shape.length);
  for (const value of values) {
    const fits =
      value.tensor.shape.length === tensor.shape.length && value.tensor.shape.every((size, i) => i === axis || size === tensor.shape[i]);
    if (!fits || value.element !== element)
      operation.refuse(`[${value.tensor.shape.join(", ")}] can't be joined to [${tensor.shape.join(", ")}] on axis ${axis}`);
  }
  const tensors = values.map((value) => value.tensor);
  return one(element, concat(operation.builder, tensors, axis));
}

function split(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const axis = operation.axis(operation.attributes.int("axis", 0), tensor.shape.length);
  const size = tensor.shape[axis]!;
  const parts = operation.attributes.int("num_outputs", operation.node.outputs.length);
  if (parts !== operation.node.outputs.length) operation.refuse(`${parts} parts for ${operation.node.outputs.length} outputs`);
  const chunk = operation.opset >= 18 ? Math.ceil(size / parts) : size / parts;
  const equal = () => Array.from({ length: parts }, (_, i) => (i < parts - 1 ? chunk : size - chunk * (parts - 1)));
  const sizes = operation.integersOf("split", 1) ?? equal();
  if (sizes.some((part) => !Number.isInteger(part) || part < 0) || sizes.reduce((a, b) => a + b, 0) !== size)
    operation.refuse(`an axis of ${size} can't be split into [${sizes.join(", ")}]`);
  if (sizes.length !== operation.node.outputs.length)
    operation.refuse(`${sizes.length} parts for ${operation.node.outputs.length} outputs`);
  let start = 0;
  return sizes.map((part) => {
    const piece = slice(operation.builder, tensor, axis, start, part);
    start += part;
    return { element, tensor: piece };
  });
}

function sliced(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const starts = operation.integersOf("starts", 1) ?? operation.refuse("the starts are missing");
  const ends = operation.integersOf("ends", 2) ?? operation.refuse("the ends are missing");
  const axes = operation.integersOf("axes", 3) ?? starts.map((_, i) => i);
  const steps = operation.optionalIntegers(4, "steps") ?? starts.map(() => 1);
  if ([ends, axes, steps].some((list) => list.length !== starts.length)) operation.refuse("starts, ends, axes and steps differ in length");
  let result = tensor;
  axes.forEach((stated, i) => {
    const axis = operation.axis(stated, tensor.shape.length);
    const size = tensor.shape[axis]!;
    const step = steps[i]!;
    if (step === 0) operation.refuse("a step is 0");
    const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value < 0 ? value + size : value));
    const [start, end] =
      step > 0 ? [clamp(starts[i]!, 0, size), clamp(ends[i]!, 0, size)] : [clamp(starts[i]!, 0, size - 1), clamp(ends[i]!, -1, size - 1)];
    const length = Math.max(0, Math.ceil((end - start) / step));
    result = slice(operation.builder, result, axis, start, length, step);
  });
  return one(element, result);
}

function expanded(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const wanted = operation.integers(1, "the shape");
  const rank = Math.max(wanted.length, tensor.shape.length);
  const shape = Array.from({ length: rank }, (_, axis) => {
    const [own, other] = [tensor.shape[axis - rank + tensor.shape.length] ?? 1, wanted[axis - rank + wanted.length] ?? 1];
    return other === 1 ? own : other;
  });
  return one(element, operation.builder.expand(tensor, checkedShape(operation, shape)));
}

/** Repeats an axis by a new axis in front of it, which a reshape then joins with it. */
function tiled(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const { builder } = operation;
  const repeats = operation.integers(1, "the repeats");
  if (repeats.length !== tensor.shape.length) operation.refuse(`${repeats.length} repeats for ${tensor.shape.length} axes`);
  checkedShape(
    operation,
    tensor.shape.map((size, axis) => size * repeats[axis]!),
  );
  let result = tensor;
  repeats.forEach((repeat, axis) => {
    if (repeat !== 1) result = repeated(operation, result, axis, repeat);
  });
  return one(element, builder.reshape(result, result.shape));
}

/** The whole of `axis`, `times` times. */
export function repeated({ builder }: Operation, tensor: Tensor, axis: number, times: number): Tensor {
  const { shape } = tensor;
  const wide = [...shape.slice(0, axis), times, ...shape.slice(axis)];
  const coordinates = identityForms(wide).filter((_, i) => i !== axis);
  return builder.reshape(builder.move(tensor, wide, coordinates), shape.with(axis, shape[axis]! * times));
}

function depthToSpace(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const { builder, attributes } = operation;
  const [n, c, h, w] = tensor.shape as [number, number, number, number];
  const block = attributes.int("blocksize", undefined) ?? operation.refuse("the block size is missing");
  const mode = attributes.string("mode", "DCR");
  if (tensor.shape.length !== 4 || c % (block * block) !== 0) operation.refuse(`[${tensor.shape.join(", ")}] has no blocks of ${block}`);
  const depth = c / (block * block);
  const wide = builder.reshape(tensor, mode === "DCR" ? [n, block, block, depth, h, w] : [n, depth, block, block, h, w]);
  const moved = transpose(builder, wide, mode === "DCR" ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]);
  return one(element, builder.reshape(moved, [n, depth, h * block, w * block]));
}

function spaceToDepth(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const { builder } = operation;
  const [n, c, h, w] = tensor.shape as [number, number, number, number];
  const block = operation.attributes.int("blocksize", undefined) ?? operation.refuse("the block size is missing");
  if (tensor.shape.length !== 4 || h % block !== 0 || w % block !== 0)
    operation.refuse(`[${tensor.shape.join(", ")}] has no blocks of ${block}`);
  const wide = builder.reshape(tensor, [n, c, h / block, block, w / block, block]);
  return one(element, builder.reshape(transpose(builder, wide, [0, 3, 5, 1, 2, 4]), [n, c * block * block, h / block, w / block]));
}

function shapeOf(operation: Operation): Value[] {
  const { shape } = operation.input(0).tensor;
  const rank = shape.length;
  const clamp = (value: number) => Math.min(rank, Math.max(0, value < 0 ? value + rank : value));
  const [start, end] = [clamp(operation.attributes.int("start", 0)), clamp(operation.attributes.int("end", rank))];
  return one("int64", operation.builder.i64(shape.slice(start, end)));
}

function identity(operation: Operation): Value[] {
  return [operation.input(0)];
}

function dropout(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  operation.attributes.float("ratio", 0.5);
  // Without training nothing is dropped, whatever the ratio is.
  operation.optional(1);
  operation.attributes.int("seed", 0);
  operation.attributes.int("is_test", 1);
  const training = operation.optional(2) !== undefined && operation.integers(2, "training_mode")[0] !== 0;
  if (training) operation.refuse("training mode draws random numbers");
  return [
    { element, tensor },
    { element: "bool", tensor: operation.builder.expand(operation.builder.i32(1), tensor.shape) },
  ];
}

/** A constant that is 1 where `holds`, of an element type. */
export function indicator(operation: Operation, element: ElementName, shape: number[], holds: (x: number[]) => boolean): Tensor {
  const type = wordTypeOf(element);
  if (type === undefined || type === "f64") return operation.refuse(`${element} is not covered`);
  if (count(shape) > mostListed) operation.refuse(`[${shape.join(", ")}] has more than ${mostListed} elements`);
  const flags: boolean[] = [];
  const x = shape.map(() => 0);
  for (let i = 0; i < count(shape); i++) {
    flags.push(holds(x));
    for (let axis = shape.length - 1; axis >= 0 && ++x[axis]! === shape[axis]; axis--) x[axis] = 0;
  }
  if (type === "i64") return operation.builder.i64(flags.map(Number), shape);
  const numbers = type === "f32" ? Float32Array.from(flags, Number) : Int32Array.from(flags, Number);
  return operation.builder.constant(type, shape, numbers);
}

function eyeLike(operation: Operation): Value[] {
  const { element: own, tensor } = operation.input(0);
  const code = operation.attributes.int("dtype", undefined);
  const offset = operation.attributes.int("k", 0);
  const named = Object.entries(elements).find(([, { code: candidate }]) => candidate === code);
  const element =
    code === undefined ? own : ((named?.[0] as ElementName | undefined) ?? operation.refuse(`element type ${code} is not covered`));
  return one(
    element,
    indicator(operation, element, tensor.shape, ([row, column]) => column! - row! === offset),
  );
}

function trilu(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const { builder } = operation;
  const upper = operation.attributes.int("upper", 1) === 1;
  const offset = operation.optionalIntegers(1, "k")?.[0] ?? 0;
  const plane = tensor.shape.slice(-2);
  if (plane.length < 2) operation.refuse("a matrix is needed");
  if (count(tensor.shape) === 0) return one(element, tensor);
  const kept = indicator(operation, "bool", plane, ([row, column]) => (upper ? column! - row! >= offset : column! - row! <= offset));
  const type = tensor.type;
  const none = type === "i64" ? builder.i64([0], []) : type === "f32" ? builder.f32(0) : builder.i32(0);
  return one(element, builder.apply("select", kept, tensor, none));
}

export const shapes: LoweringTable = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  Shape: shapeOf,
  Size: (operation) => one("int64", operation.builder.i64([count(operation.input(0).tensor.shape)], [])),
  Identity: identity,
  Dropout: dropout,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transposed,
  Concat: concatenated,
  Split: split,
  Slice: sliced,
  Expand: expanded,
  Tile: tiled,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  EyeLike: eyeLike,
  Trilu: trilu,
};

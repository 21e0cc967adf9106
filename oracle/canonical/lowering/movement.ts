/** Movement of tensors: each returns a view. */
import type { Word } from "../program/types.ts";
import type { TensorBuilder } from "./builder.ts";
import { Refusal } from "./refusal.ts";
import { addForms, axisForm, constantForm, count, type Coordinate, type Form, type Piece, type Tensor } from "./tensors.ts";

const own = (size: number, axis: number): Form => (size === 1 ? constantForm(0) : axisForm(axis));

/** @param order axis i of the result is axis order[i] of the tensor. */
export function transpose(builder: TensorBuilder, tensor: Tensor, order: readonly number[]): Tensor {
  const place: number[] = [];
  order.forEach((axis, i) => (place[axis] = i));
  return builder.move(
    tensor,
    order.map((axis) => tensor.shape[axis]!),
    tensor.shape.map((size, axis) => own(size, place[axis]!)),
  );
}

/** Along one axis: `size` elements from `start`, `step` apart (which may be negative). */
export function slice(builder: TensorBuilder, tensor: Tensor, axis: number, start: number, size: number, step = 1): Tensor {
  if (axis >= tensor.shape.length) throw new Refusal(`[${tensor.shape.join(", ")}] has no axis ${axis}`);
  const shape = tensor.shape.with(axis, size);
  const coordinates = tensor.shape.map((_, i) => (i === axis ? axisForm(axis, size === 1 ? 0 : step, start) : own(shape[i]!, i)));
  return builder.move(tensor, shape, coordinates);
}

/** Views of one tensor have at most this many parts; longer lists are joined in a tree. */
const widest = 32;

/** @throws Refusal where 64-bit constants are joined to data of the model and don't fit its words. */
export function concat(builder: TensorBuilder, tensors: readonly Tensor[], axis: number): Tensor {
  const alike = tensors.every(({ type }) => type === tensors[0]!.type);
  let parts = tensors.filter(({ shape }) => count(shape) > 0).map((part) => (alike ? part : builder.narrow(part)));
  if (parts.length === 0) return tensors[0]!;
  while (parts.length > widest) {
    const next: Tensor[] = [];
    for (let i = 0; i < parts.length; i += widest) next.push(joined(builder, parts.slice(i, i + widest), axis));
    parts = next;
  }
  return joined(builder, parts, axis);
}

function joined(builder: TensorBuilder, parts: readonly Tensor[], axis: number): Tensor {
  if (parts.length === 1) return parts[0]!;
  const total = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
  const shape = parts[0]!.shape.with(axis, total);
  let start = 0;
  const pieces = parts.map((source): Piece => {
    const size = source.shape[axis]!;
    const along = axisForm(axis, 1, -start);
    start += size;
    const coordinates = source.shape.map((width, i) => (i !== axis ? own(width, i) : size === 1 ? constantForm(0) : along));
    return { source, coordinates, ranges: [{ form: along, limit: size }] };
  });
  return builder.view(shape, pieces, null);
}

/** Adds `filler` (a word; for 64-bit constants the number itself) around the tensor; negative numbers take elements away. */
export function pad(
  builder: TensorBuilder,
  tensor: Tensor,
  before: readonly number[],
  after: readonly number[],
  filler: Word | bigint,
): Tensor {
  const shape = tensor.shape.map((size, axis) => before[axis]! + size + after[axis]!);
  if (shape.some((size) => size < 0))
    throw new Refusal(`padding [${before.join(", ")}], [${after.join(", ")}] takes away more than there is`);
  const forms = tensor.shape.map((size, axis) => ({ form: axisForm(axis, 1, -before[axis]!), limit: size }));
  const coordinates = forms.map(({ form, limit }) => (limit === 1 ? constantForm(0) : form));
  const around = (source: Tensor, word: Word) => builder.view(shape, [{ source, coordinates, ranges: forms }], word);
  if (typeof filler === "number") return around(tensor, filler);
  // A view pads with a word, which can't hold every number of 64 bits.
  const inside = around(builder.expand(builder.i32(1), tensor.shape), 0);
  return builder.apply("select", inside, around(tensor, 0), builder.i64([filler], []));
}

/** @param sizes of the new axes, which are put in place of `axis` and hold the same number of elements. */
export function splitAxis(builder: TensorBuilder, tensor: Tensor, axis: number, sizes: readonly number[]): Tensor {
  return builder.reshape(tensor, [...tensor.shape.slice(0, axis), ...sizes, ...tensor.shape.slice(axis + 1)]);
}

/** Takes elements along `axis` by the words of `indices`: the result has the axes of `indices` in its place. */
export function gather(builder: TensorBuilder, tensor: Tensor, indices: Tensor, axis: number): Tensor {
  const rank = indices.shape.length;
  const shape = [...tensor.shape.slice(0, axis), ...indices.shape, ...tensor.shape.slice(axis + 1)];
  const coordinates = tensor.shape.map((size, i): Coordinate => {
    if (i < axis) return own(size, i);
    if (i > axis) return own(size, i + rank - 1);
    return { ...constantForm(0), index: { tensor: indices, coordinates: indices.shape.map((width, j) => own(width, axis + j)) } };
  });
  return builder.view(shape, [{ source: tensor, coordinates, ranges: [] }], 0);
}

/** Takes element `positions[i]` as element i along `axis`: affine where the positions are evenly spaced. */
export function pick(builder: TensorBuilder, tensor: Tensor, axis: number, positions: readonly number[]): Tensor {
  const step = positions.length > 1 ? positions[1]! - positions[0]! : 1;
  if (positions.every((position, i) => position === positions[0]! + i * step))
    return slice(builder, tensor, axis, positions[0]!, positions.length, step);
  return gather(builder, tensor, builder.constant("i32", [positions.length], Int32Array.from(positions)), axis);
}

/** Negates a form that is added. */
export const minus = (a: Form, b: Form): Form => addForms(a, b, -1);

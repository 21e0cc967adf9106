/** Matrix products: MatMul, Gemm, Einsum. */
import type { ElementType } from "../../program/types.ts";
import type { TensorBuilder } from "../builder.ts";
import { broadcastShape } from "../builder.ts";
import { one, type LoweringTable, type Operation, type Value } from "../operation.ts";
import { axisForm, constantForm, type Coordinate, type Piece, type Tensor } from "../tensors.ts";

export interface Extras {
  type: ElementType;
  bias: Tensor | null;
  zeroA: Tensor | null;
  zeroB: Tensor | null;
}

export const plainF32: Extras = { type: "f32", bias: null, zeroA: null, zeroB: null };

/**
 * numpy's matmul. Zero points and bias are given for the result's shape (they broadcast).
 * @throws Refusal where the shapes don't fit.
 */
export function matmul(operation: Operation, left: Tensor, right: Tensor, extras: Extras): Tensor {
  const { builder } = operation;
  const a = left.shape.length === 1 ? builder.reshape(left, [1, ...left.shape]) : left;
  const b = right.shape.length === 1 ? builder.reshape(right, [...right.shape, 1]) : right;
  if (a.shape.length < 2 || b.shape.length < 2) operation.refuse("a scalar is no matrix");
  const [m, k] = a.shape.slice(-2) as [number, number];
  const [inner, n] = b.shape.slice(-2) as [number, number];
  if (k !== inner) operation.refuse(`[${left.shape.join(", ")}] and [${right.shape.join(", ")}] can't be multiplied`);
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const shape = [...batch, m, n];
  const rank = shape.length;
  const batchForms = (sizes: readonly number[]): Coordinate[] =>
    sizes.slice(0, -2).map((size, axis) => (size === 1 ? constantForm(0) : axisForm(axis + batch.length - (sizes.length - 2))));
  const along = (size: number, axis: number) => (size === 1 ? constantForm(0) : axisForm(axis));
  const product = builder.contract({
    ...extras,
    shape,
    reduce: [k],
    a: { source: a, coordinates: [...batchForms(a.shape), along(m, rank - 2), axisForm(rank)], ranges: [] },
    b: { source: b, coordinates: [...batchForms(b.shape), axisForm(rank), along(n, rank - 1)], ranges: [] },
    order: shape.map((_, axis) => axis),
  });
  const result = [...batch, ...(left.shape.length === 1 ? [] : [m]), ...(right.shape.length === 1 ? [] : [n])];
  return builder.reshape(product, result);
}

function scaled(builder: TensorBuilder, tensor: Tensor, factor: number): Tensor {
  return factor === 1 ? tensor : builder.apply("fmul", builder.f32(factor), tensor);
}

/** With factors of 1 the bias is added inside the one rounding; otherwise each factor and the sum round for themselves. */
function gemm(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const [alpha, beta] = [attributes.float("alpha", 1), attributes.float("beta", 1)];
  const oriented = (position: number, attribute: string): Tensor => {
    const tensor = operation.f32(position);
    if (tensor.shape.length !== 2) operation.refuse(`input ${position} has shape [${tensor.shape.join(", ")}], not two dimensions`);
    const [rows, columns] = tensor.shape as [number, number];
    if (attributes.int(attribute, 0) === 0) return tensor;
    return builder.move(
      tensor,
      [columns, rows],
      [columns, rows].map((size, axis) => (size === 1 ? constantForm(0) : axisForm(axis))).toReversed(),
    );
  };
  const [a, b] = [oriented(0, "transA"), oriented(1, "transB")];
  attributes.int("broadcast", 0);
  const c = operation.optional(2) === undefined || beta === 0 ? null : operation.f32(2);
  const inside = c !== null && alpha === 1 && beta === 1;
  const product = scaled(builder, matmul(operation, a, b, { ...plainF32, bias: inside ? c : null }), alpha);
  return one("float32", c === null || inside ? product : builder.apply("fadd", product, scaled(builder, c, beta)));
}

interface Equation {
  terms: string[][];
  result: string[];
}

/** @throws Refusal for ellipses, and for letters that one term names twice. */
function equationOf(operation: Operation): Equation {
  const text = (operation.attributes.string("equation", undefined) ?? operation.refuse("the equation is missing")).replaceAll(" ", "");
  const [left, right] = text.split("->") as [string, string | undefined];
  if (text.includes(".")) operation.refuse(`'${text}': an ellipsis is not covered`);
  const terms = left.split(",").map((term) => [...term]);
  const once = [...new Set(left.replaceAll(",", ""))].filter((letter) => left.split(letter).length === 2).sort();
  if (terms.some((term) => new Set(term).size !== term.length)) operation.refuse(`'${text}': a diagonal is not covered`);
  return { terms, result: right === undefined ? once : [...right] };
}

function einsum(operation: Operation): Value[] {
  const { builder } = operation;
  const { terms, result } = equationOf(operation);
  const tensors = operation.inputs().map((_, position) => operation.f32(position));
  if (terms.length !== tensors.length || terms.length > 2) operation.refuse(`${tensors.length} operands; covered are one and two`);
  const sizes = new Map<string, number>();
  terms.forEach((term, i) => {
    if (term.length !== tensors[i]!.shape.length) operation.refuse(`operand ${i} does not have ${term.length} axes`);
    term.forEach((letter, axis) => {
      const size = tensors[i]!.shape[axis]!;
      if ((sizes.get(letter) ?? size) !== size) operation.refuse(`'${letter}' stands for ${sizes.get(letter)} and ${size}`);
      sizes.set(letter, size);
    });
  });
  const summed = [...sizes.keys()].filter((letter) => !result.includes(letter));
  const axes = new Map([...result, ...summed].map((letter, axis) => [letter, axis]));
  const piece = (i: number): Piece => ({
    source: tensors[i]!,
    coordinates: terms[i]!.map((letter) => (sizes.get(letter) === 1 ? constantForm(0) : axisForm(axes.get(letter)!))),
    ranges: [],
  });
  const shape = result.map((letter) => sizes.get(letter) ?? operation.refuse(`'${letter}' stands for nothing`));
  const reduce = summed.map((letter) => sizes.get(letter)!);
  if (terms.length === 1) {
    if (summed.length === 0) return one("float32", builder.view(shape, [piece(0)], null));
    return one("float32", builder.reduce({ type: "f32", reads: "f32", reducer: "sum", divisor: 1, shape, reduce, x: piece(0) }));
  }
  const order = shape.map((_, axis) => axis);
  return one(
    "float32",
    builder.contract({ ...plainF32, shape, reduce: reduce.length > 0 ? reduce : [1], a: piece(0), b: piece(1), order }),
  );
}

export const matmuls: LoweringTable = {
  MatMul: (operation) => one("float32", matmul(operation, operation.f32(0), operation.f32(1), plainF32)),
  Gemm: gemm,
  Einsum: einsum,
};

/** Attention and RotaryEmbedding, by the function bodies of the ONNX operator specification. */
import { isConstant, numbersOf } from "../constants.ts";
import { intervalOf } from "../intervals.ts";
import { concat, gather, slice, transpose } from "../movement.ts";
import { one, type LoweringTable, type Operation, type Value } from "../operation.ts";
import type { Tensor } from "../tensors.ts";
import { matmul, plainF32 } from "./matmul.ts";
import { softmaxAlong } from "./reduction.ts";
import { indicator } from "./shape.ts";

/** [batch, steps, heads · size] as [batch, heads, steps, size]; four dimensions stay. */
function byHeads(operation: Operation, tensor: Tensor, heads: number | undefined): Tensor {
  const { builder } = operation;
  if (tensor.shape.length === 4) return tensor;
  if (tensor.shape.length !== 3) operation.refuse(`[${tensor.shape.join(", ")}] has neither three nor four dimensions`);
  const [batch, steps, width] = tensor.shape as [number, number, number];
  if (heads === undefined || heads < 1 || width % heads !== 0)
    operation.refuse(`${width} columns do not make ${heads ?? "an unknown number of"} heads`);
  return transpose(builder, builder.reshape(tensor, [batch, steps, heads!, width / heads!]), [0, 2, 1, 3]);
}

function joinedHeads(operation: Operation, tensor: Tensor): Tensor {
  const [batch, heads, steps, size] = tensor.shape as [number, number, number, number];
  return operation.builder.reshape(transpose(operation.builder, tensor, [0, 2, 1, 3]), [batch, steps, heads * size]);
}

/** What is added to the products: −∞ where a query may not see a key. */
function biasOf(operation: Operation, steps: number, total: number): Tensor | null {
  const { builder, attributes } = operation;
  const hidden = (seen: Tensor) => builder.apply("select", seen, builder.f32(0), builder.f32(-Infinity));
  const given = operation.optional(3);
  const mask = given === undefined ? null : given.element === "bool" ? hidden(given.tensor) : operation.f32(3);
  if (attributes.int("is_causal", 0) === 0) return mask;
  if (operation.optional(4) !== undefined) operation.refuse("a causal mask with past keys is not covered");
  const causal = hidden(indicator(operation, "bool", [steps, total], ([query, key]) => key! <= query!));
  return mask === null ? causal : builder.apply("fadd", mask, causal);
}

/** A query that may see no key at all: the canonical result is NaN. */
function warnOfHiddenRows(operation: Operation, bias: Tensor | null): void {
  if (bias === null || intervalOf(bias).low > -Infinity) return;
  const width = bias.shape.at(-1)!;
  const numbers = isConstant(bias) ? (numbersOf(bias) as Float32Array) : null;
  const hides = (_: unknown, row: number) => numbers!.subarray(row * width, (row + 1) * width).every((value) => value === -Infinity);
  if (numbers === null || Array.from({ length: numbers.length / width }, (_, row) => row).some(hides))
    operation.warn("some inputs hide every key from a query: the canonical result is NaN, ONNX Runtime's another");
}

/** Keys and values of the past stand in front of the new ones. */
function withPast(operation: Operation, tensor: Tensor, position: number): Tensor {
  if ((operation.optional(4) === undefined) !== (operation.optional(5) === undefined))
    operation.refuse("past keys and past values come together");
  return operation.optional(position) === undefined ? tensor : concat(operation.builder, [operation.f32(position), tensor], 2);
}

function attention(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const [queryHeads, keyHeads] = [attributes.int("q_num_heads", undefined), attributes.int("kv_num_heads", undefined)];
  if (attributes.float("softcap", 0) !== 0) operation.refuse("softcap is not covered");
  attributes.int("softmax_precision", 1);
  if (attributes.int("qk_matmul_output_mode", 0) !== 0 || (operation.node.outputs[3] ?? "") !== "")
    operation.refuse("the output of the products is not covered");
  const query = byHeads(operation, operation.f32(0), queryHeads);
  const key = withPast(operation, byHeads(operation, operation.f32(1), keyHeads), 4);
  const worth = withPast(operation, byHeads(operation, operation.f32(2), keyHeads), 5);
  const [batch, heads, steps, size] = query.shape as [number, number, number, number];
  const [, groups, total] = key.shape as [number, number, number];
  if (heads % groups !== 0) operation.refuse(`${heads} heads of queries do not share ${groups} heads of keys`);
  // √scale on both sides, as the specification has it.
  const scale = builder.f32(Math.sqrt(attributes.float("scale", undefined) ?? 1 / Math.sqrt(size)));
  const grouped = (tensor: Tensor, shape: number[]) => builder.reshape(tensor, [batch, groups, ...shape]);
  const queries = grouped(builder.apply("fmul", query, scale), [heads / groups, steps, size]);
  const keys = transpose(builder, grouped(builder.apply("fmul", key, scale), [1, total, size]), [0, 1, 2, 4, 3]);
  const products = builder.reshape(matmul(operation, queries, keys, plainF32), [batch, heads, steps, total]);
  const bias = biasOf(operation, steps, total);
  warnOfHiddenRows(operation, bias);
  const weights = softmaxAlong(builder, bias === null ? products : builder.apply("fadd", products, bias), [3]);
  const width = worth.shape[3]!;
  const mixed = matmul(operation, grouped(weights, [heads / groups, steps, total]), grouped(worth, [1, total, width]), plainF32);
  const result = builder.reshape(mixed, [batch, heads, steps, width]);
  const flat = operation.input(0).tensor.shape.length === 3;
  return [flat ? joinedHeads(operation, result) : result, key, worth].map((tensor) => ({ element: "float32", tensor }));
}

/** Turns pairs (a, b) of a vector by an angle: (cos·a − sin·b, sin·a + cos·b). */
function rotaryEmbedding(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const input = operation.f32(0);
  const x = byHeads(operation, input, attributes.int("num_heads", undefined));
  const [batch, , steps, size] = x.shape as [number, number, number, number];
  const width = attributes.int("rotary_embedding_dim", 0) || size;
  if (width % 2 !== 0 || width > size) operation.refuse(`${width} of ${size} columns can't be turned in pairs`);
  const half = width / 2;
  const angles = (position: number): Tensor => {
    const cache = operation.f32(position);
    const ids = operation.optional(3);
    const rows = ids === undefined ? cache : gather(builder, cache, builder.narrow(operation.typed(3, "int64").tensor), 0);
    return builder.reshape(rows, [batch, 1, steps, half]);
  };
  const [cos, sin] = [angles(1), angles(2)];
  const interleaved = attributes.int("interleaved", 0) === 1;
  const [a, b] = interleaved
    ? [slice(builder, x, 3, 0, half, 2), slice(builder, x, 3, 1, half, 2)]
    : [slice(builder, x, 3, 0, half), slice(builder, x, 3, half, half)];
  const first = builder.apply("fsub", builder.apply("fmul", cos, a), builder.apply("fmul", sin, b));
  const second = builder.apply("fadd", builder.apply("fmul", sin, a), builder.apply("fmul", cos, b));
  const pair = (tensor: Tensor) => builder.reshape(tensor, [...tensor.shape, 1]);
  const turned = interleaved
    ? builder.reshape(concat(builder, [pair(first), pair(second)], 4), [...first.shape.slice(0, 3), width])
    : concat(builder, [first, second], 3);
  const whole = width === size ? turned : concat(builder, [turned, slice(builder, x, 3, width, size - width)], 3);
  return one("float32", input.shape.length === 3 ? joinedHeads(operation, whole) : whole);
}

export const attentions: LoweringTable = { Attention: attention, RotaryEmbedding: rotaryEmbedding };

/** Conv and ConvTranspose as contractions over kernel positions and channels, laid out with the channels innermost. */
import { ones } from "../builder.ts";
import { one, type LoweringTable, type Operation, type Value } from "../operation.ts";
import { addForms, axisForm, count, type Form, type Piece, type Range, type Tensor } from "../tensors.ts";
import { slice } from "../movement.ts";
import { plainF32, type Extras } from "./matmul.ts";
import { windowOf } from "./window.ts";

const perChannel = ({ builder }: Operation, bias: Tensor, rank: number): Tensor =>
  builder.reshape(bias, [1, bias.shape[0]!, ...ones(rank - 2)]);

/**
 * @param x [N, C, spatial…]. @param w [M, C / groups, kernel…]. @param extras single numbers, or one a channel: [1, M, 1…].
 * Output axes are N, group, M / groups, spatial…; reduction axes kernel…, C / groups.
 */
export function convolution(operation: Operation, x: Tensor, w: Tensor, extras: Extras): Tensor {
  const { builder } = operation;
  const groups = operation.attributes.int("group", 1);
  const [n, c, ...sizes] = x.shape as [number, number, ...number[]];
  const [m, inner, ...kernel] = w.shape as [number, number, ...number[]];
  const spatial = sizes.length;
  if (spatial < 1 || spatial > 3 || kernel.length !== spatial || groups < 1 || c !== inner * groups || m % groups !== 0)
    operation.refuse(`weights [${w.shape.join(", ")}] in ${groups} groups do not fit an input of [${x.shape.join(", ")}]`);
  const { out, strides, dilations, before } = windowOf(operation, sizes, kernel);
  const shape = [n, groups, m / groups, ...out];
  const rank = shape.length;
  const channel = rank + spatial;
  const at = sizes.map((_, i) => addForms(axisForm(3 + i, strides[i]!, -before[i]!), axisForm(rank + i, dilations[i]!)));
  const a: Piece = {
    source: builder.reshape(x, [n, groups, inner, ...sizes]),
    coordinates: [axisForm(0), axisForm(1), axisForm(channel), ...at],
    ranges: at.map((form, i) => ({ form, limit: sizes[i]! })),
  };
  const b: Piece = {
    source: builder.reshape(w, [groups, m / groups, inner, ...kernel]),
    coordinates: [axisForm(1), axisForm(2), axisForm(channel), ...kernel.map((_, i) => axisForm(rank + i))],
    ranges: [],
  };
  const wide = (tensor: Tensor | null) =>
    tensor && builder.reshape(tensor, count(tensor.shape) === 1 ? [] : [1, groups, m / groups, ...out.map(() => 1)]);
  const product = builder.contract({
    type: extras.type,
    shape,
    reduce: [...kernel, inner],
    a: onlyMoving(a, shape, [...kernel, inner]),
    b: onlyMoving(b, shape, [...kernel, inner]),
    bias: wide(extras.bias),
    zeroA: wide(extras.zeroA),
    zeroB: wide(extras.zeroB),
    order: [0, ...out.map((_, i) => 3 + i), 1, 2],
  });
  return builder.reshape(product, [n, m, ...out]);
}

/** Drops axes of size 1 from forms and ranges that always hold. */
function onlyMoving({ source, coordinates, ranges }: Piece, shape: readonly number[], reduce: readonly number[]): Piece {
  const sizes = [...shape, ...reduce];
  const moving = ({ start, terms }: Form): Form => ({ start, terms: terms.filter(({ axis }) => sizes[axis] !== 1) });
  const holds = ({ form, limit }: Range) => {
    const reach = form.terms.map(({ axis, factor }) => factor * (sizes[axis]! - 1));
    const low = form.start + reach.reduce((sum, value) => sum + Math.min(0, value), 0);
    return low >= 0 && form.start + reach.reduce((sum, value) => sum + Math.max(0, value), 0) < limit;
  };
  const useful = ranges.map(({ form, limit }) => ({ form: moving(form), limit })).filter((range) => !holds(range));
  return { source, coordinates: coordinates.map(moving), ranges: useful };
}

function conv(operation: Operation): Value[] {
  const [x, w] = [operation.f32(0), operation.f32(1)];
  const bias = operation.optional(2) === undefined ? null : perChannel(operation, operation.f32(2), x.shape.length);
  return one("float32", convolution(operation, x, w, { ...plainF32, bias }));
}

interface Transposed {
  strides: number[];
  before: number[];
  out: number[];
}

function transposedWindow(operation: Operation, sizes: readonly number[], kernel: readonly number[]): Transposed {
  const { attributes } = operation;
  const strides = attributes.ints(
    "strides",
    sizes.map(() => 1),
  );
  const dilations = attributes.ints(
    "dilations",
    sizes.map(() => 1),
  );
  const pads = attributes.ints(
    "pads",
    sizes.flatMap(() => [0, 0]),
  );
  const extra = attributes.ints(
    "output_padding",
    sizes.map(() => 0),
  );
  const stated = attributes.ints("output_shape", undefined)?.slice(-sizes.length);
  const mode = attributes.string("auto_pad", "NOTSET");
  attributes.ints("kernel_shape", undefined);
  const lists = [strides, dilations, extra, pads.slice(sizes.length), pads.slice(0, sizes.length)];
  const wrong = lists.some((list) => list.length !== sizes.length || list.some((size) => size < 0)) || strides.includes(0);
  if (wrong || (stated !== undefined && stated.length !== sizes.length)) operation.refuse("strides, pads or sizes do not fit the input");
  if (dilations.some((dilation) => dilation !== 1)) operation.refuse("ConvTranspose with dilations is not covered");
  const before: number[] = [];
  const out = sizes.map((size, i) => {
    const full = strides[i]! * (size - 1) + extra[i]! + kernel[i]!;
    const same = mode === "SAME_UPPER" || mode === "SAME_LOWER";
    const wanted = stated?.[i] ?? (same ? size * strides[i]! : undefined);
    if (wanted === undefined) {
      before.push(mode === "VALID" ? 0 : pads[i]!);
      return mode === "VALID" ? full : full - pads[i]! - pads[i + sizes.length]!;
    }
    const total = full - wanted;
    if (total < 0) operation.refuse(`an output of ${wanted} is larger than the ${full} that the kernel gives`);
    if (total % 2 === 1 && stated !== undefined && operation.opset < 11)
      operation.refuse("output_shape with odd padding before operator set 11: its formula is not ONNX Runtime's; convert the model to 11");
    before.push(mode === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2));
    return wanted;
  });
  return { strides, before, out };
}

/**
 * Output position p gathers the inputs i with p + before = stride·i + k. With p + before = stride·q + r (r the phase)
 * that is k = r + stride·j, i = q − j: affine in q, r and j.
 */
function convTranspose(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const [x, w] = [operation.f32(0), operation.f32(1)];
  const groups = attributes.int("group", 1);
  const [n, c, ...sizes] = x.shape as [number, number, ...number[]];
  const [rows, m, ...kernel] = w.shape as [number, number, ...number[]];
  const spatial = sizes.length;
  if (c !== rows || c % groups !== 0 || kernel.length !== spatial || spatial < 1 || spatial > 2)
    operation.refuse(`weights [${w.shape.join(", ")}] in ${groups} groups do not fit an input of [${x.shape.join(", ")}]`);
  const { strides, before, out } = transposedWindow(operation, sizes, kernel);
  const quotients = out.map((size, i) => Math.ceil((size + before[i]!) / strides[i]!));
  const taps = kernel.map((size, i) => Math.ceil(size / strides[i]!));
  const shape = [n, groups, m, ...quotients.flatMap((size, i) => [size, strides[i]!])];
  const rank = shape.length;
  const reduce = [...taps, c / groups];
  const channel = rank + spatial;
  const inputAt = sizes.map((_, i) => addForms(axisForm(3 + 2 * i), axisForm(rank + i, -1)));
  const kernelAt = kernel.map((_, i) => addForms(axisForm(4 + 2 * i), axisForm(rank + i, strides[i]!)));
  const a: Piece = {
    source: builder.reshape(x, [n, groups, c / groups, ...sizes]),
    coordinates: [axisForm(0), axisForm(1), axisForm(channel), ...inputAt],
    ranges: inputAt.map((form, i) => ({ form, limit: sizes[i]! })),
  };
  const b: Piece = {
    source: builder.reshape(w, [groups, c / groups, m, ...kernel]),
    coordinates: [axisForm(1), axisForm(channel), axisForm(2), ...kernelAt],
    ranges: kernelAt.map((form, i) => ({ form, limit: kernel[i]! })),
  };
  const channels = operation.optional(2) === undefined ? null : operation.f32(2);
  const bias = channels && builder.reshape(channels, [1, groups, m, ...ones(2 * spatial)]);
  const positions = shape.map((_, axis) => axis).slice(3);
  const product = builder.contract({
    ...plainF32,
    shape,
    reduce,
    a: onlyMoving(a, shape, reduce),
    b: onlyMoving(b, shape, reduce),
    bias,
    order: [0, ...positions, 1, 2],
  });
  let result = builder.reshape(product, [n, groups * m, ...quotients.map((size, i) => size * strides[i]!)]);
  out.forEach((size, i) => (result = slice(builder, result, 2 + i, before[i]!, size)));
  return one("float32", result);
}

export const convolutions: LoweringTable = { Conv: conv, ConvTranspose: convTranspose };

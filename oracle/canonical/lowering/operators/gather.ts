/** Padding, gathering and scattering. */
import { isConstant, listOf, numbersOf, uniformWord } from "../constants.ts";
import { concat, gather, pad, pick, slice } from "../movement.ts";
import { ones } from "../builder.ts";
import { one, type LoweringTable, type Operation, type Value } from "../operation.ts";
import { axisForm, constantForm, count, identityForms, type Coordinate, type Tensor } from "../tensors.ts";

/** The number that constant padding puts around a tensor of 64-bit constants, the word around any other. */
function padWord(operation: Operation, { element, tensor: padded }: Value): number | bigint {
  const stated = operation.attributes.float("value", undefined);
  const given = operation.optional(2);
  if (given === undefined) return element === "float32" && stated !== undefined ? (uniformWord(operation.builder.f32(stated)) ?? 0) : 0;
  const { tensor } = operation.constant(2, "the pad value");
  if (given.element !== element) operation.refuse(`data are ${element}, the pad value is ${given.element}`);
  if (padded.type === "i64" && tensor.type === "i64" && count(tensor.shape) === 1) return numbersOf(tensor)[0]!;
  return uniformWord(operation.builder.narrow(tensor)) ?? operation.refuse("the pad value is no single number");
}

/** Padding with the tensor's own elements; `before` and `after` may be negative. */
function padOwn(operation: Operation, tensor: Tensor, axis: number, before: number, after: number, mode: string): Tensor {
  const { builder } = operation;
  const size = tensor.shape[axis]!;
  const most = mode === "reflect" ? size - 1 : size;
  if (mode !== "edge" && (before > most || after > most))
    operation.refuse(`${mode} padding of ${Math.max(before, after)} on an axis of ${size}`);
  const edge = (at: number, length: number) => builder.expand(slice(builder, tensor, axis, at, 1), tensor.shape.with(axis, length));
  const kept = slice(builder, tensor, axis, Math.max(0, -before), size + Math.min(0, before) + Math.min(0, after));
  const parts: Tensor[] = [kept];
  if (before > 0) {
    if (mode === "reflect") parts.unshift(slice(builder, tensor, axis, before, before, -1));
    else parts.unshift(mode === "edge" ? edge(0, before) : slice(builder, tensor, axis, size - before, before));
  }
  if (after > 0) {
    if (mode === "reflect") parts.push(slice(builder, tensor, axis, size - 2, after, -1));
    else parts.push(mode === "edge" ? edge(size - 1, after) : slice(builder, tensor, axis, 0, after));
  }
  return concat(builder, parts, axis);
}

function padded(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const rank = tensor.shape.length;
  const mode = operation.attributes.string("mode", "constant");
  const pads =
    operation.attributes.ints("paddings", undefined) ?? operation.integersOf("pads", 1) ?? operation.refuse("the pads are missing");
  const axes = operation.optionalIntegers(3, "axes")?.map((axis) => operation.axis(axis, rank)) ?? tensor.shape.map((_, axis) => axis);
  if (pads.length !== 2 * axes.length) operation.refuse(`${pads.length} pads for ${axes.length} axes`);
  const [before, after] = [tensor.shape.map(() => 0), tensor.shape.map(() => 0)];
  axes.forEach((axis, i) => {
    before[axis] = pads[i]!;
    after[axis] = pads[i + axes.length]!;
  });
  if (mode === "constant") return one(element, pad(operation.builder, tensor, before, after, padWord(operation, { element, tensor })));
  // Only constant padding has a value to pad with.
  operation.optional(2);
  if (mode !== "reflect" && mode !== "edge" && mode !== "wrap") operation.refuse(`padding by '${mode}' is not covered`);
  let result = tensor;
  axes.forEach((axis) => (result = padOwn(operation, result, axis, before[axis]!, after[axis]!, mode)));
  return one(element, result);
}

function indicesOf(operation: Operation, position: number): Tensor {
  const { tensor } = operation.typed(position, "int32", "int64");
  return operation.builder.narrow(tensor);
}

function gathered(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const { builder } = operation;
  const axis = operation.axis(operation.attributes.int("axis", 0), tensor.shape.length);
  const indices = indicesOf(operation, 1);
  if (!isConstant(indices)) return one(element, gather(builder, tensor, indices, axis));
  const size = tensor.shape[axis]!;
  const positions = listOf(numbersOf(indices)).map((index) => (Number(index) < 0 ? Number(index) + size : Number(index)));
  if (positions.some((position) => position < 0 || position >= size)) operation.refuse(`an index is outside of an axis of ${size}`);
  if (positions.length === 0) operation.refuse("there are no indices");
  const shape = [...tensor.shape.slice(0, axis), ...indices.shape, ...tensor.shape.slice(axis + 1)];
  return one(element, builder.reshape(pick(builder, tensor, axis, positions), shape));
}

function gatherElements(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const axis = operation.axis(operation.attributes.int("axis", 0), tensor.shape.length);
  const indices = indicesOf(operation, 1);
  const forms = identityForms(indices.shape);
  const coordinates = tensor.shape.map((_, i): Coordinate =>
    i === axis ? { ...constantForm(0), index: { tensor: indices, coordinates: forms } } : forms[i]!,
  );
  return one(element, operation.builder.view(indices.shape, [{ source: tensor, coordinates, ranges: [] }], 0));
}

function gatherNd(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const indices = indicesOf(operation, 1);
  const batch = operation.attributes.int("batch_dims", 0);
  const lead = indices.shape.slice(0, -1);
  const width = indices.shape.at(-1) ?? operation.refuse("the indices have no axes");
  const rest = tensor.shape.slice(batch + width);
  const shape = [...lead, ...rest];
  const own = (size: number, axis: number) => (size === 1 ? constantForm(0) : axisForm(axis));
  const coordinates = tensor.shape.map((size, axis): Coordinate => {
    if (axis < batch) return own(size, axis);
    if (axis >= batch + width) return own(size, axis - batch - width + lead.length);
    const at = [...lead.map(own), constantForm(axis - batch)];
    return { ...constantForm(0), index: { tensor: indices, coordinates: at } };
  });
  return one(element, operation.builder.view(shape, [{ source: tensor, coordinates, ranges: [] }], 0));
}

/** @param positions for each update its row-major place in the data; the last one that names a place wins. */
function scatter(operation: Operation, data: Value, updates: Value, positions: readonly number[]): Value[] {
  const { builder, attributes } = operation;
  if (attributes.string("reduction", "none") !== "none") operation.refuse("scattering with a reduction is not covered");
  if (data.element !== updates.element) operation.refuse(`data are ${data.element}, updates ${updates.element}`);
  const size = count(data.tensor.shape);
  if (size > 2 ** 24) operation.refuse(`scattering into ${size} elements; at most 2^24 are covered`);
  if (positions.some((position) => !(position >= 0 && position < size))) operation.refuse("an index is outside of the data");
  const table = Int32Array.from({ length: size }, (_, i) => i);
  positions.forEach((position, i) => (table[position] = size + i));
  const all = concat(builder, [builder.reshape(data.tensor, [size]), builder.reshape(updates.tensor, [count(updates.tensor.shape)])], 0);
  return one(data.element, builder.reshape(gather(builder, all, builder.constant("i32", [size], table), 0), data.tensor.shape));
}

function constantIndices(operation: Operation): number[] {
  return operation.integers(1, "the indices");
}

function scatterElements(operation: Operation): Value[] {
  const [data, updates] = [operation.input(0), operation.input(2)];
  const { shape } = data.tensor;
  const axis = operation.axis(operation.attributes.int("axis", 0), shape.length);
  const indices = constantIndices(operation);
  const x = updates.tensor.shape.map(() => 0);
  const positions = indices.map((index) => {
    const at = index < 0 ? index + shape[axis]! : index;
    const position = shape.reduce((sum, size, i) => sum * size + (i === axis ? at : x[i]!), 0);
    for (let i = x.length - 1; i >= 0 && ++x[i]! === updates.tensor.shape[i]; i--) x[i] = 0;
    return position;
  });
  return scatter(operation, data, updates, positions);
}

function scatterNd(operation: Operation): Value[] {
  const [data, updates] = [operation.input(0), operation.input(2)];
  const { shape } = data.tensor;
  const indexShape = operation.input(1).tensor.shape;
  const indices = constantIndices(operation);
  const width = indexShape.at(-1)!;
  const block = count(shape.slice(width));
  const positions: number[] = [];
  for (let row = 0; row < indices.length / width; row++) {
    let at = 0;
    for (let i = 0; i < width; i++) {
      const index = indices[row * width + i]!;
      at = at * shape[i]! + (index < 0 ? index + shape[i]! : index);
    }
    for (let i = 0; i < block; i++) positions.push(at * block + i);
  }
  return scatter(operation, data, updates, positions);
}

function oneHot(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const given = operation.input(0);
  const depth = operation.integers(1, "the depth")[0] ?? operation.refuse("the depth is missing");
  if (!(depth >= 1 && depth <= 2 ** 22)) operation.refuse(`a depth of ${depth}; covered are 1 to 2^22`);
  const values = operation.input(2);
  const rank = given.tensor.shape.length + 1;
  const axis = operation.axis(attributes.int("axis", -1), rank);
  const float = given.element === "float32";
  if (float) operation.warnOfNaN(given.tensor, "the canonical index is 0, ONNX Runtime's depends on the machine");
  const indices = builder.narrow(float ? builder.apply("toInt", given.tensor) : given.tensor);
  const wrapped = builder.apply(
    "select",
    builder.apply("ilt", indices, builder.i32(0)),
    builder.apply("iadd", indices, builder.i32(depth)),
    indices,
  );
  const wide = builder.reshape(wrapped, [...indices.shape.slice(0, axis), 1, ...indices.shape.slice(axis)]);
  const numbers = builder.constant(
    "i32",
    [depth],
    Int32Array.from({ length: depth }, (_, i) => i),
  );
  const hot = builder.apply("ieq", wide, builder.reshape(numbers, [depth, ...ones(rank - 1 - axis)]));
  const at = (i: number) => builder.reshape(slice(builder, values.tensor, 0, i, 1), []);
  return one(values.element, builder.apply("select", hot, at(1), at(0)));
}

function compress(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const { builder } = operation;
  const flags = operation.integers(1, "the condition");
  const stated = operation.attributes.int("axis", undefined);
  const source = stated === undefined ? builder.reshape(tensor, [count(tensor.shape)]) : tensor;
  const axis = stated === undefined ? 0 : operation.axis(stated, tensor.shape.length);
  const positions = flags.flatMap((flag, i) => (flag !== 0 && i < source.shape[axis]! ? [i] : []));
  if (positions.length === 0) operation.refuse("nothing is chosen");
  return one(element, pick(builder, source, axis, positions));
}

function reverseSequence(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const { builder, attributes } = operation;
  const lengths = operation.integers(1, "the sequence lengths");
  const [time, batch] = [attributes.int("time_axis", 0), attributes.int("batch_axis", 1)];
  const steps = tensor.shape[time] ?? operation.refuse(`there is no axis ${time}`);
  if (lengths.length !== tensor.shape[batch] || time === batch) operation.refuse(`${lengths.length} lengths for axis ${batch}`);
  const table = Int32Array.from({ length: steps * lengths.length }, (_, i) => {
    const [step, row] = [Math.floor(i / lengths.length), i % lengths.length];
    return step < lengths[row]! ? lengths[row]! - 1 - step : step;
  });
  const forms = identityForms(tensor.shape);
  const index = { tensor: builder.constant("i32", [steps, lengths.length], table), coordinates: [forms[time]!, forms[batch]!] };
  const coordinates = forms.map((form, axis): Coordinate => (axis === time ? { ...constantForm(0), index } : form));
  return one(element, builder.view(tensor.shape, [{ source: tensor, coordinates, ranges: [] }], 0));
}

export const gathers: LoweringTable = {
  Pad: padded,
  Gather: gathered,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  OneHot: oneHot,
  Compress: compress,
  ReverseSequence: reverseSequence,
};

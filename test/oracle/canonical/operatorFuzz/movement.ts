/** Random cases of movement and resizing. */
import type { ElementName } from "../../../../oracle/canonical/onnx/elements.ts";
import { bigs, single, type Attributes, type Draw, type Generator } from "./draw.ts";

type Table = Record<string, Generator>;

const element = (draw: Draw): ElementName => draw.pick(["float32", "float32", "int32", "uint8", "int64", "bool"] as const);
const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

/** Integers that older operator sets hold in an attribute. */
const listed = (draw: Draw, name: string, values: readonly number[], inputFrom: number): { input: string; attributes: Attributes } =>
  draw.opset < inputFrom
    ? { input: "", attributes: { [name]: bigs(values) } }
    : { input: draw.numbers(name, [values.length], values), attributes: {} };

/** Another shape of as many elements. */
function reshaped(draw: Draw, shape: readonly number[]): number[] {
  const target = draw.pick([[product(shape)], [1, ...shape], [...shape].reverse(), [shape[0]!, product(shape.slice(1))]]);
  if (draw.oneIn(3)) target[draw.int(0, target.length - 1)] = -1;
  else if (draw.oneIn(3) && target.length <= shape.length && target[0] === shape[0]) target[0] = 0;
  return target;
}

const indexElement = (draw: Draw) => draw.pick(["int64", "int32"] as const);

function pad(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const shape = draw.shape(draw.int(1, 4)).map((size) => size + 1);
  const mode = draw.pick(draw.opset >= 19 ? ["constant", "reflect", "edge", "wrap"] : ["constant", "reflect", "edge"]);
  const kind = draw.opset < 11 ? "float32" : draw.opset < 13 ? "float32" : draw.pick(["float32", "int32", "int64", "uint8"] as const);
  const some = draw.opset >= 18 && draw.oneIn(2) ? draw.axes(shape.length) : null;
  const axes = some ?? shape.map((_, axis) => axis);
  const limits = [...axes, ...axes].map((axis) => shape.at(axis)! - 1);
  const pads = limits.map((limit) => (draw.oneIn(4) && mode === "constant" ? -1 : draw.int(0, limit)));
  const { input, attributes } = listed(draw, "pads", pads, 11);
  if (draw.opset < 11) return { inputs: [draw.input(shape)], attributes: { ...attributes, mode, ...draw.some({ value: 1.5 }) } };
  const filler = draw.optional(() => draw.numbers("filler", [], [kind === "uint8" ? 7 : draw.int(-3, 3)], kind));
  const named = some === null ? "" : draw.numbers("axes", [some.length], some, indexElement(draw));
  return { inputs: [draw.input(shape, kind), input, filler, named], attributes: { mode } };
}

function gather(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const shape = draw.shape();
  const axis = draw.axis(shape.length);
  const size = shape.at(axis)!;
  const dims = draw.shape(draw.int(0, 2), 4);
  const indices = draw.integers("i", dims, draw.opset < 11 ? 0 : -size, size - 1, indexElement(draw));
  return { inputs: [draw.input(shape, element(draw)), indices], attributes: draw.oneIn(2) || axis !== 0 ? { axis: BigInt(axis) } : {} };
}

function gatherElements(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const shape = draw.shape();
  const axis = draw.axis(shape.length);
  const size = shape.at(axis)!;
  const dims = shape.map((width, i) => (i === (axis + shape.length) % shape.length ? draw.int(1, 4) : draw.int(1, width)));
  return {
    inputs: [draw.input(shape, element(draw)), draw.integers("i", dims, -size, size - 1, indexElement(draw))],
    attributes: { axis: BigInt(axis) },
  };
}

/** Different places, so that the result doesn't depend on an order. */
function places(draw: Draw, shape: readonly number[], count: number): number[] {
  const all = Array.from({ length: product(shape) }, (_, i) => i);
  return Array.from({ length: Math.min(count, all.length) }, () => all.splice(draw.int(0, all.length - 1), 1)[0]!);
}

const coordinates = (place: number, shape: readonly number[]) =>
  shape.map((size, axis) => Math.floor(place / product(shape.slice(axis + 1))) % size);

function gatherNd(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const shape = draw.shape(draw.int(1, 4));
  const batch = draw.opset >= 12 && draw.oneIn(3) && shape.length > 1 ? 1 : 0;
  const width = draw.int(1, shape.length - batch);
  const lead = [...shape.slice(0, batch), ...draw.shape(1, 4)];
  const rows = Array.from({ length: product(lead) }, () =>
    shape.slice(batch, batch + width).map((size) => draw.int(draw.opset < 11 ? 0 : -size, size - 1)),
  );
  const inputs = [draw.input(shape, element(draw)), draw.numbers("i", [...lead, width], rows.flat())];
  return { inputs, attributes: batch === 0 ? {} : { batch_dims: BigInt(batch) } };
}

function scatterNd(draw: Draw): { inputs: string[] } {
  const shape = draw.shape(draw.int(1, 3));
  const width = draw.int(1, shape.length);
  const rows = places(draw, shape.slice(0, width), 3).map((place) => coordinates(place, shape.slice(0, width)));
  const kind = draw.pick(["float32", "int32"] as const);
  const updates = draw.input([rows.length, ...shape.slice(width)], kind);
  return { inputs: [draw.input(shape, kind), draw.numbers("i", [rows.length, width], rows.flat()), updates] };
}

function scatterElements(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const shape = draw.shape(draw.int(1, 3));
  const axis = draw.int(0, shape.length - 1);
  const dims = shape.map((size) => draw.int(1, size));
  const others = product(dims) / dims[axis]!;
  const inner = product(dims.slice(axis + 1));
  const rows = Array.from({ length: others }, () => places(draw, [shape[axis]!], dims[axis]!));
  const indices = Array.from({ length: product(dims) }, (_, i) => {
    const along = Math.floor(i / inner) % dims[axis]!;
    const row = Math.floor(i / (inner * dims[axis]!)) * inner + (i % inner);
    return rows[row]![along]! - (draw.opset >= 11 && draw.oneIn(3) ? shape[axis]! : 0);
  });
  const inputs = [draw.input(shape), draw.numbers("i", dims, indices, indexElement(draw)), draw.input(dims)];
  return { inputs, attributes: { axis: BigInt(axis) } };
}

function resize(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const mode = draw.pick(["nearest", "nearest", "linear", "cubic"]);
  const rank = mode === "nearest" ? draw.int(1, 4) : 4;
  const shape = mode === "nearest" ? draw.shape(rank) : [1, draw.int(1, 2), draw.int(2, 5), draw.int(2, 5)];
  const moving = (axis: number) => axis >= rank - 2;
  const bySizes = draw.opset >= 11 && draw.oneIn(2);
  const scales = shape.map((_, axis) => (moving(axis) ? draw.pick([1, 2, 3, 0.5, 1.5]) : 1));
  const sizes = shape.map((size, axis) => (moving(axis) ? draw.int(1, 2 * size) : size));
  const safe = scales.map((scale, axis) => (Math.floor(scale * shape[axis]!) < 1 ? 1 : scale));
  const x = draw.input(shape);
  if (draw.opset < 11)
    return { inputs: [x, draw.numbers("scales", [rank], safe, "float32")], attributes: { mode: mode === "cubic" ? "linear" : mode } };
  const transformations = [
    "half_pixel",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    ...(draw.opset >= 19 ? ["half_pixel_symmetric"] : []),
  ];
  const attributes: Attributes = {
    mode,
    ...draw.some({ coordinate_transformation_mode: draw.pick(transformations) }),
    ...(mode === "nearest" ? draw.some({ nearest_mode: draw.pick(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]) }) : {}),
    ...(mode === "cubic" ? draw.some({ cubic_coeff_a: -0.5, exclude_outside: 1n }) : {}),
  };
  const roi = draw.opset < 13 ? draw.numbers("roi", [0], [], "float32") : "";
  if (!bySizes) return { inputs: [x, roi, draw.numbers("scales", [rank], safe, "float32")], attributes };
  const noScales = draw.opset < 13 ? draw.numbers("scales", [0], [], "float32") : "";
  return { inputs: [x, roi, noScales, draw.numbers("sizes", [rank], sizes)], attributes };
}

function slice(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const shape = draw.shape().map((size) => size + 1);
  const axes = draw.axes(shape.length);
  const steps = axes.map(() => (draw.opset >= 10 ? draw.pick([1, 1, 2, -1, -2]) : 1));
  const bounds = axes.map((axis, i) => {
    const size = shape.at(axis)!;
    const start = draw.int(0, size - 1);
    if (steps[i]! < 0) return { start, end: draw.pick([-size - 1, -100, start - 1 < 0 ? -size - 1 : start - 1]) };
    return { start: draw.oneIn(3) ? start - size : start, end: draw.pick([start + 1, size, 100, size]) };
  });
  const [starts, ends] = [bounds.map(({ start }) => start), bounds.map(({ end }) => end)];
  const x = draw.input(shape, element(draw));
  if (draw.opset < 10)
    return {
      inputs: [x],
      attributes: { starts: bigs(starts), ends: bigs(ends), axes: bigs(axes.map((axis) => (axis + shape.length) % shape.length)) },
    };
  const list = (name: string, values: number[]) => draw.numbers(name, [values.length], values);
  return {
    inputs: [
      x,
      list("starts", starts),
      list("ends", ends),
      list("axes", axes),
      steps.every((step) => step === 1) && draw.oneIn(2) ? "" : list("steps", steps),
    ],
    attributes: {},
  };
}

export const movementGenerators: Table = {
  ...single("Identity", [1, 13], (draw) => ({ inputs: [draw.input(draw.shape(), element(draw))] })),
  ...single("Dropout", [7, 10, 12, 13], (draw) => {
    const x = draw.input(draw.shape());
    if (draw.opset < 12) return { inputs: [x], attributes: draw.some({ ratio: 0.3 }) };
    const inputs = [
      x,
      draw.optional(() => draw.numbers("ratio", [], [0.4], "float32")),
      draw.optional(() => draw.numbers("train", [], [0], "bool")),
    ];
    return { inputs, attributes: draw.some({ seed: 3n }), outputs: draw.oneIn(2) ? ["z"] : ["z", "mask"] };
  }),
  ...single("Reshape", [5, 13, 14], (draw) => {
    const shape = draw.shape();
    const target = reshaped(draw, shape);
    return {
      inputs: [draw.input(shape, element(draw)), draw.numbers("shape", [target.length], target)],
      attributes: draw.opset >= 14 && !target.includes(0) ? draw.some({ allowzero: 1n }) : {},
    };
  }),
  ...single("Flatten", [9, 11, 13], (draw) => {
    const shape = draw.shape();
    const axis = draw.opset < 11 ? draw.int(0, shape.length) : draw.int(-shape.length, shape.length);
    return { inputs: [draw.input(shape, element(draw))], attributes: draw.some({ axis: BigInt(axis) }) };
  }),
  ...single("Squeeze", [11, 13], (draw) => {
    const shape = draw.shape().map((size) => (draw.oneIn(2) ? 1 : size));
    const ones = shape.flatMap((size, axis) => (size === 1 ? [axis] : []));
    const x = draw.input(shape, element(draw));
    if (draw.oneIn(2) || ones.length === 0) return { inputs: [x] };
    const { input, attributes } = listed(draw, "axes", ones, 13);
    return { inputs: [x, input], attributes };
  }),
  ...single("Unsqueeze", [11, 13], (draw) => {
    const shape = draw.shape(draw.int(1, 3));
    const { input, attributes } = listed(draw, "axes", draw.pick([[0], [-1], [0, 2], [1]]), 13);
    return { inputs: [draw.input(shape, element(draw)), input], attributes };
  }),
  ...single("Transpose", [1, 13], (draw) => {
    const shape = draw.shape();
    const order = places(draw, [shape.length], shape.length);
    return { inputs: [draw.input(shape, element(draw))], attributes: draw.some({ perm: bigs(order) }) };
  }),
  ...single("Concat", [4, 11, 13], (draw) => {
    const shape = draw.shape();
    const axis = draw.opset < 11 ? draw.int(0, shape.length - 1) : draw.axis(shape.length);
    const kind = element(draw);
    const part = () => draw.input(shape.with((axis + shape.length) % shape.length, draw.int(1, 4)), kind);
    return { inputs: Array.from({ length: draw.int(1, 4) }, part), attributes: { axis: BigInt(axis) } };
  }),
  ...single("Split", [2, 11, 13, 18], (draw) => {
    const parts = Array.from({ length: draw.int(1, 3) }, () => draw.int(1, 3));
    const shape = draw.shape();
    const axis = draw.opset < 11 ? draw.int(0, shape.length - 1) : draw.axis(shape.length);
    const at = (axis + shape.length) % shape.length;
    const outputs = parts.map((_, i) => `z${i}`);
    if (draw.oneIn(3)) {
      const uneven = draw.opset >= 18 ? draw.int(0, Math.min(1, parts.length - 1)) : 0;
      const x = draw.input(shape.with(at, parts.length * 2 - uneven), "float32");
      return {
        inputs: [x],
        attributes: { axis: BigInt(axis), ...(draw.opset >= 18 ? { num_outputs: BigInt(parts.length) } : {}) },
        outputs,
      };
    }
    const { input, attributes } = listed(draw, "split", parts, 13);
    const x = draw.input(
      shape.with(
        at,
        parts.reduce((a, b) => a + b, 0),
      ),
      "float32",
    );
    return { inputs: [x, input], attributes: { ...attributes, axis: BigInt(axis) }, outputs };
  }),
  ...single("Slice", [9, 10, 11, 13], slice),
  ...single("Expand", [8, 13], (draw) => {
    const shape = draw.shape();
    const target = [...draw.shape(draw.int(0, 1)), ...shape].map((size) => (draw.oneIn(4) ? 1 : size));
    const narrow = draw.narrower(shape);
    return { inputs: [draw.input(narrow.length === 0 ? [1] : narrow, element(draw)), draw.numbers("shape", [target.length], target)] };
  }),
  ...single("Tile", [6, 13], (draw) => {
    const shape = draw.shape(draw.int(1, 3));
    return {
      inputs: [
        draw.input(shape, draw.pick(["float32", "int32", "uint8", "int64"] as const)),
        draw.numbers("repeats", [shape.length], draw.shape(shape.length, 3)),
      ],
    };
  }),
  ...single("DepthToSpace", [11, 13], (draw) => {
    const block = draw.int(1, 3);
    const [n, c, h, w] = draw.shape(4, 3) as [number, number, number, number];
    return {
      inputs: [draw.input([n, c * block * block, h, w])],
      attributes: { blocksize: BigInt(block), ...draw.some({ mode: draw.pick(["DCR", "CRD"]) }) },
    };
  }),
  ...single("SpaceToDepth", [1, 13], (draw) => {
    const block = draw.int(1, 3);
    const [n, c, h, w] = draw.shape(4, 3) as [number, number, number, number];
    return { inputs: [draw.input([n, c, h * block, w * block])], attributes: { blocksize: BigInt(block) } };
  }),
  ...single("Pad", [2, 11, 13, 18, 19, 21], pad),
  ...single("Gather", [1, 11, 13], gather),
  ...single("GatherElements", [11, 13], gatherElements),
  ...single("GatherND", [11, 12, 13], gatherNd),
  ...single("Scatter", [9], scatterElements),
  ...single("ScatterElements", [11, 13, 16, 18], scatterElements),
  ...single("ScatterND", [11, 13, 16, 18], scatterNd),
  ...single("OneHot", [9, 11], (draw) => {
    const shape = draw.shape(draw.int(1, 3));
    const indices = draw.integers("i", shape, draw.opset < 11 ? 0 : -6, 7, "int64");
    const values = draw.numbers("values", [2], [2, 5], draw.pick(["float32", "int32", "int64"] as const));
    const inputs = [draw.oneIn(2) ? indices : draw.input(shape, "int64"), draw.numbers("depth", draw.pick([[], [1]]), [6]), values];
    return { inputs, attributes: draw.some({ axis: BigInt(draw.int(-shape.length - 1, shape.length)) }) };
  }),
  ...single("Compress", [9, 11], (draw) => {
    const shape = draw.shape();
    const axis = draw.oneIn(2) ? draw.int(0, shape.length - 1) : null;
    const length = draw.int(1, axis === null ? product(shape) : shape[axis]!);
    const flags = Array.from({ length }, (_, i) => (i === 0 ? 1 : draw.int(0, 1)));
    return {
      inputs: [draw.input(shape), draw.numbers("flags", [length], flags, "bool")],
      attributes: axis === null ? {} : { axis: BigInt(axis) },
    };
  }),
  ...single("ReverseSequence", [10], (draw) => {
    const shape = draw.shape(draw.int(2, 4));
    const time = draw.int(0, 1);
    const lengths = draw.integers("lengths", [shape[1 - time]!], 1, shape[time]!);
    return { inputs: [draw.input(shape), lengths], attributes: { time_axis: BigInt(time), batch_axis: BigInt(1 - time) } };
  }),
  ...single("Resize", [10, 11, 13, 18, 19], resize),
  ...single("Upsample", [9], (draw) => {
    const shape = draw.shape(4, 4);
    const scales = [1, 1, draw.pick([1, 2, 3, 1.5]), draw.pick([1, 2, 3])];
    return {
      inputs: [draw.input(shape), draw.numbers("scales", [4], scales, "float32")],
      attributes: { mode: draw.pick(["nearest", "linear"]) },
    };
  }),
  ...single("Trilu", [14], (draw) => ({
    inputs: [
      draw.input(draw.shape(draw.int(2, 4)), draw.pick(["float32", "int64"] as const)),
      draw.optional(() => draw.numbers("k", [], [draw.int(-3, 3)])),
    ],
    attributes: draw.some({ upper: 0n }),
  })),
};

/** Random cases of products, convolutions, attention, recurrent and quantised operators. */
import { node } from "../build.ts";
import { bigs, older, single, type Attributes, type Draw, type Generator } from "./draw.ts";

type Table = Record<string, Generator>;

function matmulShapes(draw: Draw): [number[], number[]] {
  const [m, k, n] = [draw.int(1, 6), draw.int(1, 9), draw.int(1, 6)];
  const batch = draw.oneIn(2) ? [] : draw.shape(draw.int(1, 2), 3);
  const left = draw.oneIn(6) ? [k] : [...draw.narrower(batch), m, k];
  const right = draw.oneIn(6) ? [k] : [...batch, k, n];
  return [left, right];
}

interface Spatial {
  x: number[];
  kernel: number[];
  attributes: Attributes;
}

/** Kernel, strides, dilations and padding over one to three axes. */
function spatial(draw: Draw, channels: number, { most = 3, dilated = true } = {}): Spatial {
  const rank = draw.int(1, most);
  const kernel = draw.shape(rank, 3);
  const dilations = dilated && draw.oneIn(3) ? draw.shape(rank, 2) : kernel.map(() => 1);
  const sizes = kernel.map((size, i) => (size - 1) * dilations[i]! + draw.int(1, 5));
  const padding: Attributes = draw.oneIn(3)
    ? { auto_pad: draw.pick(["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"]) }
    : draw.oneIn(2)
      ? { pads: bigs([...kernel, ...kernel].map((size) => draw.int(0, size - 1))) }
      : {};
  const strides: Attributes = draw.oneIn(2) ? { strides: bigs(draw.shape(rank, 3)) } : {};
  return {
    x: [draw.int(1, 2), channels, ...sizes],
    kernel,
    attributes: { ...padding, ...strides, ...(dilations.some((dilation) => dilation > 1) ? { dilations: bigs(dilations) } : {}) },
  };
}

export { spatial as drawSpatial };

function conv(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const [groups, inner, each] = [draw.int(1, 3), draw.int(1, 3), draw.int(1, 3)];
  const { x, kernel, attributes } = spatial(draw, groups * inner);
  const weights = draw.floats("k", [groups * each, inner, ...kernel]);
  const inputs = [draw.input(x), weights, draw.optional(() => draw.floats("b", [groups * each]))];
  return { inputs, attributes: { ...attributes, group: BigInt(groups), ...draw.some({ kernel_shape: bigs(kernel) }) } };
}

function convTranspose(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const [groups, inner, each] = [draw.int(1, 2), draw.int(1, 3), draw.int(1, 3)];
  const rank = draw.int(1, 2);
  const [kernel, strides] = [draw.shape(rank, 4), draw.shape(rank, 3)];
  const sizes = draw.shape(rank, 5);
  const extra = strides.map((stride) => draw.int(0, stride - 1));
  const attributes: Attributes = { strides: bigs(strides), group: BigInt(groups), ...draw.some({ output_padding: bigs(extra) }) };
  const choice = draw.int(0, 3);
  const full = sizes.map((size, i) => strides[i]! * (size - 1) + kernel[i]! + ("output_padding" in attributes ? extra[i]! : 0));
  if (choice === 0) attributes.output_shape = bigs(full.map((size) => draw.int(Math.max(1, size - 3), size)));
  if (choice === 1) attributes.pads = bigs([...kernel, ...kernel].map((size) => draw.int(0, Math.floor((size - 1) / 2))));
  if (choice === 2 || (choice === 0 && draw.oneIn(2))) attributes.auto_pad = draw.pick(["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"]);
  const weights = draw.floats("k", [groups * inner, each, ...kernel]);
  const bias = draw.optional(() => draw.floats("b", [groups * each]));
  return { inputs: [draw.input([draw.int(1, 2), groups * inner, ...sizes]), weights, bias], attributes };
}

const equations = ["ij,jk->ik", "bij,bjk->bik", "ij->ji", "ij->i", "i,j->ij", "bhid,bhjd->bhij", "ij,ij->", "ij,jk", "abc,cd->abd", "ij->"];

function einsum(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const equation = draw.pick(equations);
  const sizes = new Map([..."abcdefhijk"].map((letter) => [letter, draw.int(1, 4)]));
  const terms = equation.split("->")[0]!.split(",");
  return { inputs: terms.map((term) => draw.input([...term].map((letter) => sizes.get(letter)!))), attributes: { equation } };
}

function attention(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const groups = draw.int(1, 2);
  const heads = groups * draw.int(1, 2);
  const [batch, steps, total, size, width] = [draw.int(1, 2), draw.int(1, 4), draw.int(1, 5), draw.int(1, 4), draw.int(1, 4)];
  const flat = draw.oneIn(2);
  const shape = (count: number, length: number, wide: number) => (flat ? [batch, length, count * wide] : [batch, count, length, wide]);
  const past = draw.oneIn(4);
  const seen = total + (past ? 2 : 0);
  const mask = draw.oneIn(2)
    ? draw.floats(
        "mask",
        draw.pick([
          [steps, seen],
          [1, 1, steps, seen],
          [batch, heads, steps, seen],
        ]),
      )
    : draw.oneIn(2)
      ? draw.numbers(
          "mask",
          [steps, seen],
          Array.from({ length: steps * seen }, (_, i) => (i % seen === 0 ? 1 : draw.int(0, 1))),
          "bool",
        )
      : "";
  const inputs = [
    draw.input(shape(heads, steps, size)),
    draw.input(shape(groups, total, size)),
    draw.input(shape(groups, total, width)),
    mask,
    ...(past ? [draw.input([batch, groups, 2, size]), draw.input([batch, groups, 2, width])] : []),
  ];
  const number: Attributes = flat ? { q_num_heads: BigInt(heads), kv_num_heads: BigInt(groups) } : {};
  return {
    inputs,
    attributes: {
      ...number,
      ...draw.some({ scale: 0.4 }),
      ...(draw.oneIn(3) ? { is_causal: 1n } : {}),
      ...(draw.oneIn(8) ? { softcap: 2 } : {}),
    },
  };
}

function rotary(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const [batch, heads, steps, half] = [draw.int(1, 2), draw.int(1, 3), draw.int(1, 4), draw.int(1, 3)];
  const rest = draw.oneIn(2) ? 0 : 2;
  const flat = draw.oneIn(2);
  const size = 2 * half + rest;
  const x = draw.input(flat ? [batch, steps, heads * size] : [batch, heads, steps, size]);
  const ids = draw.oneIn(2);
  const shape = ids ? [7, half] : [batch, steps, half];
  const inputs = [x, draw.floats("cos", shape), draw.floats("sin", shape), ids ? draw.integers("ids", [batch, steps], 0, 6) : ""];
  const attributes = { ...draw.some({ interleaved: 1n }), ...(flat ? { num_heads: BigInt(heads) } : {}) };
  return {
    inputs,
    attributes: rest === 0 ? attributes : { ...attributes, rotary_embedding_dim: BigInt(2 * half), num_heads: BigInt(heads) },
  };
}

const functions = ["Sigmoid", "Tanh", "Relu", "Affine", "LeakyRelu", "HardSigmoid", "Elu", "Softsign", "Softplus"];
const takes: Record<string, [alphas: number, betas: number]> = { Affine: [1, 1], LeakyRelu: [1, 0], HardSigmoid: [1, 1], Elu: [1, 0] };

const recurrent = (operator: string, gates: number, states: number, each: number): Table =>
  single(operator, [7, 14, 22], (draw) => {
    const direction = draw.pick(["forward", "reverse", "bidirectional"]);
    const directions = direction === "bidirectional" ? 2 : 1;
    const [steps, batch, width, hidden] = [draw.int(1, 4), draw.int(1, 3), draw.int(1, 4), draw.int(1, 4)];
    const attributes: Attributes = { hidden_size: BigInt(hidden), direction, ...draw.some({ clip: 0.5 }) };
    if (draw.oneIn(2)) {
      const chosen = Array.from({ length: directions * each }, () => draw.pick(functions));
      const used = (i: 0 | 1) => chosen.reduce((sum, name) => sum + (takes[name]?.[i] ?? 0), 0);
      attributes.activations = chosen;
      const values = (most: number) => Array.from({ length: draw.int(0, most) }, () => draw.int(1, 20) / 20);
      for (const [name, list] of [
        ["activation_alpha", values(used(0))],
        ["activation_beta", values(used(1))],
      ] as const)
        if (list.length > 0) attributes[name] = list;
    }
    if (operator === "GRU" && draw.oneIn(2)) attributes.linear_before_reset = 1n;
    const state = (name: string) => draw.optional(() => draw.floats(name, [directions, batch, hidden]));
    const inputs = [
      draw.input([steps, batch, width]),
      draw.floats("W", [directions, gates * hidden, width]),
      draw.floats("R", [directions, gates * hidden, hidden]),
      draw.optional(() => draw.floats("B", [directions, 2 * gates * hidden])),
      draw.optional(() => draw.integers("lengths", [batch], draw.oneIn(4) ? 1 : steps, steps, "int32")),
      state("h"),
      ...(operator === "LSTM" ? [state("c"), draw.optional(() => draw.floats("P", [directions, 3 * hidden]))] : []),
    ];
    return { inputs, attributes, outputs: ["z", "last", "cell"].slice(0, 1 + draw.int(0, states)) };
  });

/** Scales of one number, or one a channel; zero points likewise. */
function quantised(draw: Draw, operator: "QuantizeLinear" | "DequantizeLinear"): { inputs: string[]; attributes: Attributes } {
  const shape = draw.shape(draw.int(1, 4));
  const axis = draw.int(0, shape.length - 1);
  const perAxis = draw.opset >= 13 && draw.oneIn(2);
  const dims = perAxis ? [shape[axis]!] : [];
  const element = draw.pick(["uint8", "int8"] as const);
  const x = draw.input(shape, operator === "QuantizeLinear" ? "float32" : element);
  const zero = () => draw.integers("zero", dims, element === "uint8" ? 0 : -20, 20, element);
  const needed = operator === "DequantizeLinear" || element === "int8";
  const inputs = [x, draw.floats("scale", dims, 0.01, 0.2), needed && operator === "QuantizeLinear" ? zero() : draw.optional(zero)];
  return { inputs, attributes: perAxis ? { axis: BigInt(draw.oneIn(2) ? axis : axis - shape.length) } : {} };
}

const byte = (draw: Draw) => draw.pick(["uint8", "int8"] as const);
const zeroOf = (draw: Draw, name: string, dims: number[], element: "uint8" | "int8") =>
  draw.integers(name, dims, element === "uint8" ? 0 : -10, 10, element);

/** Weights of seven bits: products of eight by eight bits saturate on older processors. */
const weightsOf = (draw: Draw, name: string, dims: number[], element: "uint8" | "int8") =>
  draw.integers(name, dims, element === "uint8" ? 0 : -63, 63, element);

function integerMatMul(draw: Draw): { inputs: string[] } {
  const [m, k, n] = [draw.int(1, 5), draw.int(1, 9), draw.int(1, 5)];
  const [left, right] = [byte(draw), byte(draw)];
  const zeros = [draw.optional(() => zeroOf(draw, "za", [], left)), draw.optional(() => zeroOf(draw, "zb", draw.pick([[], [n]]), right))];
  return { inputs: [draw.input([m, k], left), weightsOf(draw, "k", [k, n], right), ...zeros] };
}

function integerConv(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const [groups, inner, each] = [draw.int(1, 2), draw.int(1, 2), draw.int(1, 3)];
  const { x, kernel, attributes } = spatial(draw, groups * inner, { most: 2 });
  const [left, right] = ["uint8", byte(draw)] as const;
  const zeros = [draw.optional(() => zeroOf(draw, "za", [], left)), draw.optional(() => zeroOf(draw, "zb", [], right))];
  return {
    inputs: [draw.input(x, left), weightsOf(draw, "k", [groups * each, inner, ...kernel], right), ...zeros],
    attributes: { ...attributes, group: BigInt(groups) },
  };
}

function qLinearMatMul(draw: Draw): { inputs: string[] } {
  const [m, k, n] = [draw.int(1, 5), draw.int(1, 9), draw.int(1, 5)];
  const [left, right] = [byte(draw), byte(draw)];
  const result = draw.pick([left]);
  const a = [draw.input([m, k], left), draw.floats("sa", [], 0.01, 0.1), zeroOf(draw, "za", [], left)];
  const b = [weightsOf(draw, "k", [k, n], right), draw.floats("sb", [], 0.01, 0.1), zeroOf(draw, "zb", [], right)];
  return { inputs: [...a, ...b, draw.floats("sy", [], 0.05, 0.5), zeroOf(draw, "zy", [], result)] };
}

function qLinearConv(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const [groups, inner, each] = [draw.int(1, 2), draw.int(1, 2), draw.int(1, 3)];
  const { x, kernel, attributes } = spatial(draw, groups * inner, { most: 2 });
  const right = byte(draw);
  const scales = draw.oneIn(2) ? [groups * each] : [];
  const a = [draw.input(x, "uint8"), draw.floats("sa", [], 0.01, 0.1), zeroOf(draw, "za", [], "uint8")];
  const b = [
    weightsOf(draw, "k", [groups * each, inner, ...kernel], right),
    draw.floats("sb", scales, 0.01, 0.1),
    zeroOf(draw, "zb", [], right),
  ];
  const y = [
    draw.floats("sy", [], 0.05, 0.5),
    zeroOf(draw, "zy", [], "uint8"),
    draw.optional(() => draw.integers("b", [groups * each], -500, 500, "int32")),
  ];
  return { inputs: [...a, ...b, ...y], attributes: { ...attributes, group: BigInt(groups) } };
}

export const contractionGenerators: Table = {
  ...single("MatMul", [9, 13], (draw) => {
    const [left, right] = matmulShapes(draw);
    return { inputs: [draw.input(left), draw.oneIn(2) ? draw.floats("k", right) : draw.input(right)] };
  }),
  ...single("Gemm", [7, 9, 11, 13], (draw) => {
    const [m, k, n] = [draw.int(1, 6), draw.int(1, 9), draw.int(1, 6)];
    const attributes = draw.some({ transA: 1n, transB: 1n, alpha: 0.5, beta: draw.pick([2, 0, 0.3]) });
    const a = draw.input("transA" in attributes ? [k, m] : [m, k]);
    const b = draw.floats("k", "transB" in attributes ? [n, k] : [k, n]);
    const bias = () => draw.floats("b", draw.pick([[n], [m, n], [1, n], [m, 1], [1], []]));
    return { inputs: [a, b, draw.opset < 11 ? bias() : draw.optional(bias)], attributes };
  }),
  ...single("Einsum", [12], einsum),
  ...single("Conv", older, conv),
  ...single("ConvTranspose", [8, 11, 13, 22], convTranspose),
  ...single("Attention", [23], attention),
  ...single("RotaryEmbedding", [23], rotary),
  ...recurrent("RNN", 1, 1, 1),
  ...recurrent("GRU", 3, 1, 2),
  ...recurrent("LSTM", 4, 2, 3),
  ...single("QuantizeLinear", [10, 13, 19], (draw) => quantised(draw, "QuantizeLinear")),
  ...single("DequantizeLinear", [10, 13, 19], (draw) => quantised(draw, "DequantizeLinear")),
  DynamicQuantizeLinear: {
    opsets: [11],
    draw: (draw) => ({ nodes: [node("DynamicQuantizeLinear", [draw.input(draw.shape(2, 8))], ["z", "s", "o"])], outputs: ["z", "s", "o"] }),
  },
  ...single("MatMulInteger", [10], integerMatMul),
  ...single("ConvInteger", [10], integerConv),
  ...single("QLinearMatMul", [10, 21], qLinearMatMul),
  ...single("QLinearConv", [10], qLinearConv),
};

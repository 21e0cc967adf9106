import assert from "node:assert/strict";
import { test } from "node:test";
import type { TensorProto } from "onnx-buf";
import type { ElementName } from "../../../oracle/canonical/onnx/elements.ts";
import { node, tensor, value } from "./build.ts";
import { differenceFromOnnxRuntime, type OperatorCase as Case } from "./operatorCase.ts";
import { seeded } from "./seeded.ts";

const random = seeded(20);
const floats = (name: string, dims: number[]) => {
  const count = dims.reduce((product, size) => product * size, 1);
  return tensor(
    name,
    "float32",
    dims,
    Array.from({ length: count }, () => random.int(-1000, 1000) / 500),
  );
};
const positive = (name: string, dims: number[]) => tensor(name, "float32", dims, floats(name, dims).floatData.map(Math.abs));
const integers = (name: string, dims: number[], values: number[]) => tensor(name, "int64", dims, values);
const bytes = (name: string, element: "uint8" | "int8", dims: number[]) => {
  const count = dims.reduce((product, size) => product * size, 1);
  const low = element === "uint8" ? 0 : -128;
  return tensor(
    name,
    element,
    dims,
    Array.from({ length: count }, () => random.int(low, low + 255)),
  );
};

const unary = (operator: string, attributes: Parameters<typeof node>[3] = {}, opset = 17): Case => ({
  nodes: [node(operator, ["x"], ["z"], attributes)],
  inputs: [[2, 3, 4]],
  opset,
});
const binary = (operator: string, element: ElementName = "float32"): Case => ({
  nodes: [node(operator, ["x", "y"], ["z"])],
  inputs: [
    [element, [2, 3, 4]],
    [element, [3, 1]],
  ],
});
const reduce = (operator: string, opset = 17): Case => unary(operator, { axes: [1n], keepdims: 0n }, opset);
const spatial = (operator: string, shape: number[], attributes: Parameters<typeof node>[3], ...constants: TensorProto[]): Case => ({
  nodes: [node(operator, ["x", ...constants.map(({ name }) => name)], ["z"], attributes)],
  inputs: [shape],
  constants,
});

const cases: Record<string, Case> = {
  ...Object.fromEntries(
    ["Abs", "Neg", "Sign", "Floor", "Ceil", "Round", "Exp", "Tanh", "Sigmoid", "Erf", "Sin", "Cos", "Reciprocal"].map((name) => [
      name,
      unary(name),
    ]),
  ),
  ...Object.fromEntries(
    ["Relu", "LeakyRelu", "ThresholdedRelu", "Elu", "Selu", "Celu", "HardSigmoid", "HardSwish", "Softplus", "Softsign", "Shrink"].map(
      (name) => [name, unary(name)],
    ),
  ),
  ...Object.fromEntries(["Mish", "Gelu"].map((name) => [name, unary(name, {}, 20)])),
  "Gelu by tanh": unary("Gelu", { approximate: "tanh" }, 20),
  ...Object.fromEntries(
    ["Add", "Sub", "Mul", "Div", "Min", "Max", "PRelu", "Less", "Greater", "Equal", "LessOrEqual"].map((name) => [name, binary(name)]),
  ),
  ...Object.fromEntries(["Add", "Sub", "Mul", "Mod"].map((name) => [`${name} of int32`, binary(name, "int32")])),
  "Sub of uint8 wraps": {
    nodes: [node("Sub", ["x", "y"], ["z"])],
    inputs: [
      ["uint8", [9]],
      ["uint8", [9]],
    ],
  },
  ...Object.fromEntries(
    ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"].map((name) => [
      name,
      reduce(name),
    ]),
  ),
  ReduceSum: { nodes: [node("ReduceSum", ["x", "axes"], ["z"])], inputs: [[2, 3, 4]], constants: [integers("axes", [2], [0, 2])] },
  ArgMax: unary("ArgMax", { axis: 2n, keepdims: 0n }),
  "ArgMin, the last": unary("ArgMin", { axis: 1n, select_last_index: 1n }),
  Softmax: unary("Softmax", { axis: 1n }),
  "Softmax of a matrix": unary("Softmax", { axis: 1n }, 12),
  LogSoftmax: unary("LogSoftmax", { axis: 2n }),
  Hardmax: unary("Hardmax", { axis: 2n }),
  CumSum: {
    nodes: [node("CumSum", ["x", "axis"], ["z"], { reverse: 1n, exclusive: 1n })],
    inputs: [[2, 5]],
    constants: [integers("axis", [], [1])],
  },
  "Pow with 3, −2 and ½": {
    nodes: [node("Pow", ["x", "a"], ["p"]), node("Pow", ["x", "b"], ["q"]), node("Abs", ["x"], ["r"]), node("Pow", ["r", "c"], ["s"])],
    inputs: [[7]],
    constants: [tensor("a", "float32", [], [3]), tensor("b", "float32", [], [-2]), tensor("c", "float32", [], [0.5])],
    outputs: ["p", "q", "s"],
  },
  "Clip, Where": {
    nodes: [node("Clip", ["x", "low", "high"], ["a"]), node("Less", ["x", "y"], ["c"]), node("Where", ["c", "a", "y"], ["z"])],
    inputs: [[2, 3], [3]],
    constants: [tensor("low", "float32", [], [-0.25]), tensor("high", "float32", [], [0.5])],
  },
  "Cast to int8 and back": {
    nodes: [node("Cast", ["x"], ["a"], { to: 6n }), node("Cast", ["a"], ["b"], { to: 3n }), node("Cast", ["b"], ["z"], { to: 1n })],
    inputs: [[5]],
  },
  "MatMul, batched": {
    nodes: [node("MatMul", ["x", "y"], ["z"])],
    inputs: [
      [2, 1, 3, 5],
      [4, 5, 2],
    ],
  },
  "MatMul, long": { nodes: [node("MatMul", ["x", "w"], ["z"])], inputs: [[1, 200]], constants: [floats("w", [200, 3])] },
  "MatMul with a transposed factor": {
    nodes: [node("Transpose", ["y"], ["t"], { perm: [1n, 0n] }), node("MatMul", ["x", "t"], ["z"])],
    inputs: [
      [2, 96],
      [3, 96],
    ],
  },
  Gemm: spatial("Gemm", [5, 3], { transA: 1n, transB: 1n, alpha: 0.5, beta: 2 }, floats("w", [4, 5]), floats("b", [4])),
  "Gemm with its bias inside": spatial("Gemm", [3, 5], {}, floats("w", [5, 4]), floats("b", [4])),
  Einsum: {
    nodes: [node("Einsum", ["x", "y"], ["z"], { equation: "bij,bkj->bik" })],
    inputs: [
      [2, 3, 4],
      [2, 5, 4],
    ],
  },
  Conv: spatial(
    "Conv",
    [1, 4, 7, 6],
    { pads: [1n, 0n, 2n, 1n], strides: [2n, 1n], dilations: [1n, 2n], group: 2n },
    floats("w", [6, 2, 3, 2]),
    floats("b", [6]),
  ),
  "Conv over one axis": spatial("Conv", [2, 3, 9], { auto_pad: "SAME_LOWER" }, floats("w", [2, 3, 4])),
  "Conv, depthwise": spatial("Conv", [1, 5, 6, 6], { group: 5n, pads: [1n, 1n, 1n, 1n] }, floats("w", [5, 1, 3, 3])),
  ConvTranspose: spatial(
    "ConvTranspose",
    [1, 4, 3, 4],
    { strides: [2n, 3n], pads: [1n, 0n, 0n, 1n], output_padding: [1n, 1n], group: 2n },
    floats("w", [4, 3, 3, 2]),
    floats("b", [6]),
  ),
  MaxPool: spatial("MaxPool", [1, 2, 7, 7], { kernel_shape: [3n, 2n], strides: [2n, 2n], pads: [1n, 0n, 1n, 1n], ceil_mode: 1n }),
  AveragePool: spatial("AveragePool", [1, 2, 7, 7], { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n], strides: [2n, 2n] }),
  "AveragePool with its padding": spatial("AveragePool", [1, 2, 7, 7], {
    kernel_shape: [3n, 3n],
    pads: [1n, 1n, 1n, 1n],
    count_include_pad: 1n,
  }),
  GlobalAveragePool: spatial("GlobalAveragePool", [2, 3, 5, 5], {}),
  GlobalMaxPool: spatial("GlobalMaxPool", [2, 3, 5, 5], {}),
  BatchNormalization: spatial(
    "BatchNormalization",
    [2, 3, 4],
    {},
    floats("s", [3]),
    floats("b", [3]),
    floats("m", [3]),
    positive("v", [3]),
  ),
  LayerNormalization: spatial("LayerNormalization", [2, 3, 8], { axis: -1n }, floats("s", [8]), floats("b", [8])),
  InstanceNormalization: spatial("InstanceNormalization", [2, 3, 8], {}, floats("s", [3]), floats("b", [3])),
  GroupNormalization: { ...spatial("GroupNormalization", [1, 6, 5], { num_groups: 2n }, floats("s", [6]), floats("b", [6])), opset: 21 },
  LRN: spatial("LRN", [1, 5, 2, 2], { size: 3n }),
  LpNormalization: spatial("LpNormalization", [2, 5], { p: 2n }),
  LSTM: {
    nodes: [node("LSTM", ["x", "W", "R", "B", "", "", "", "P"], ["z", "h", "c"], { hidden_size: 3n, direction: "bidirectional", clip: 3 })],
    inputs: [[4, 2, 5]],
    constants: [floats("W", [2, 12, 5]), floats("R", [2, 12, 3]), floats("B", [2, 24]), floats("P", [2, 9])],
    outputs: ["z", "h", "c"],
  },
  GRU: {
    nodes: [node("GRU", ["x", "W", "R", "B"], ["z", "h"], { hidden_size: 3n, direction: "reverse" })],
    inputs: [[4, 2, 5]],
    constants: [floats("W", [1, 9, 5]), floats("R", [1, 9, 3]), floats("B", [1, 18])],
    outputs: ["z", "h"],
  },
  "GRU, linear before reset": {
    nodes: [node("GRU", ["x", "W", "R", "B"], ["z"], { hidden_size: 3n, linear_before_reset: 1n })],
    inputs: [[4, 2, 5]],
    constants: [floats("W", [1, 9, 5]), floats("R", [1, 9, 3]), floats("B", [1, 18])],
  },
  RNN: {
    nodes: [node("RNN", ["x", "W", "R"], ["z"], { hidden_size: 3n })],
    inputs: [[4, 2, 5]],
    constants: [floats("W", [1, 3, 5]), floats("R", [1, 3, 3])],
  },
  "QuantizeLinear, DequantizeLinear": {
    nodes: [node("QuantizeLinear", ["x", "s", "n"], ["q"], { axis: 1n }), node("DequantizeLinear", ["q", "s", "n"], ["z"], { axis: 1n })],
    inputs: [[2, 3, 4]],
    constants: [tensor("s", "float32", [3], [0.01, 0.02, 0.3]), tensor("n", "int8", [3], [0, 5, -7])],
    outputs: ["q", "z"],
  },
  DynamicQuantizeLinear: { nodes: [node("DynamicQuantizeLinear", ["x"], ["z", "s", "n"])], inputs: [[3, 5]], outputs: ["z", "s", "n"] },
  MatMulInteger: {
    nodes: [node("MatMulInteger", ["x", "w", "a", "b"], ["z"])],
    inputs: [["uint8", [3, 7]]],
    constants: [bytes("w", "int8", [7, 4]), tensor("a", "uint8", [], [130]), tensor("b", "int8", [], [-3])],
  },
  ConvInteger: {
    nodes: [node("ConvInteger", ["x", "w", "a"], ["z"], { pads: [1n, 1n, 1n, 1n] })],
    inputs: [["uint8", [1, 2, 5, 5]]],
    constants: [bytes("w", "uint8", [3, 2, 3, 3]), tensor("a", "uint8", [], [120])],
  },
  "movement joined": {
    nodes: [
      node("Pad", ["x", "pads"], ["a"], { mode: "reflect" }),
      node("Transpose", ["a"], ["b"], { perm: [2n, 0n, 1n] }),
      node("Reshape", ["b", "shape"], ["c"]),
      node("Slice", ["c", "starts", "ends", "axes", "steps"], ["d"]),
      node("Concat", ["d", "c"], ["e"], { axis: 1n }),
      node("Tile", ["e", "repeats"], ["f"]),
      node("Split", ["f"], ["g", "h"], { axis: 0n }),
      node("Gather", ["h", "picked"], ["z"], { axis: 1n }),
    ],
    inputs: [[2, 3, 4]],
    constants: [
      integers("pads", [6], [0, 1, 2, 0, 1, 1]),
      integers("shape", [2], [14, -1]),
      integers("starts", [1], [4]),
      integers("ends", [1], [-100]),
      integers("axes", [1], [1]),
      integers("steps", [1], [-2]),
      integers("repeats", [2], [1, 2]),
      integers("picked", [2, 2], [0, -1, 5, 5]),
    ],
    outputs: ["g", "z"],
  },
  "Pad with a number, a negative one too": {
    nodes: [node("Pad", ["x", "pads", "v"], ["z"])],
    inputs: [[3, 4]],
    constants: [integers("pads", [4], [1, -1, 0, 2]), tensor("v", "float32", [], [-2.5])],
  },
  "Pad by edges": {
    nodes: [node("Pad", ["x", "pads"], ["z"], { mode: "edge" })],
    inputs: [[3, 4]],
    constants: [integers("pads", [4], [1, 2, 0, 2])],
  },
  "Gather by data": { nodes: [node("Gather", ["w", "x"], ["z"])], inputs: [["int64", [2, 3]]], constants: [floats("w", [64, 5])] },
  DepthToSpace: spatial("DepthToSpace", [1, 8, 2, 3], { blocksize: 2n }),
  SpaceToDepth: spatial("SpaceToDepth", [1, 2, 4, 6], { blocksize: 2n }),
  OneHot: {
    nodes: [node("OneHot", ["x", "depth", "values"], ["z"], { axis: 0n })],
    inputs: [["int64", [3]]],
    constants: [integers("depth", [], [64]), tensor("values", "float32", [2], [-1, 2])],
  },
  ScatterND: {
    nodes: [node("ScatterND", ["x", "i", "y"], ["z"])],
    inputs: [
      [4, 3],
      [2, 3],
    ],
    constants: [integers("i", [2, 1], [3, 1])],
  },
  Trilu: { nodes: [node("Trilu", ["x"], ["z"], { upper: 0n })], inputs: [[2, 4, 4]] },
  "Resize, nearest": {
    nodes: [node("Resize", ["x", "", "scales"], ["z"], { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" })],
    inputs: [[1, 2, 3, 3]],
    constants: [tensor("scales", "float32", [4], [1, 1, 2, 2])],
  },
  "Resize, linear": {
    nodes: [node("Resize", ["x", "", "", "sizes"], ["z"], { mode: "linear" })],
    inputs: [[1, 1, 4, 5]],
    constants: [integers("sizes", [4], [1, 1, 7, 3])],
  },
  "Resize, cubic": {
    nodes: [node("Resize", ["x", "", "", "sizes"], ["z"], { mode: "cubic" })],
    inputs: [[1, 1, 4, 5]],
    constants: [integers("sizes", [4], [1, 1, 7, 8])],
  },
  "shapes folded": {
    nodes: [
      node("Shape", ["x"], ["s"]),
      node("Gather", ["s", "one"], ["n"]),
      node("Mul", ["n", "two"], ["m"]),
      node("Div", ["s", "two"], ["half"]),
      node("ReduceProd", ["s"], ["all"], { keepdims: 1n }),
      node("Concat", ["m", "half", "all"], ["list"], { axis: 0n }),
      node("ConstantOfShape", ["m"], ["zeros"]),
      node("Range", ["zero", "six", "two0"], ["r"]),
      node("Cast", ["r"], ["f"], { to: 1n }),
      node("Reshape", ["x", "m"], ["flat"]),
      node("Add", ["flat", "zeros"], ["z"]),
      node("Add", ["f", "x"], ["y0"]),
    ],
    inputs: [[2, 3]],
    constants: [
      integers("one", [1], [1]),
      integers("two", [1], [2]),
      integers("two0", [], [2]),
      integers("zero", [], [0]),
      integers("six", [], [6]),
    ],
    outputs: ["z", "list", "y0"],
  },
  "Attention, causal, keys shared by heads": {
    nodes: [node("Attention", ["x", "y", "y"], ["z"], { is_causal: 1n, q_num_heads: 4n, kv_num_heads: 2n })],
    inputs: [
      [2, 5, 12],
      [2, 5, 6],
    ],
    opset: 23,
  },
  "Attention, four dimensions and a mask": {
    nodes: [node("Attention", ["x", "y", "y", "m"], ["z"], { scale: 0.3 })],
    inputs: [
      [1, 2, 3, 4],
      [1, 2, 5, 4],
    ],
    constants: [floats("m", [3, 5])],
    opset: 23,
  },
  RotaryEmbedding: {
    nodes: [node("RotaryEmbedding", ["x", "c", "s", "p"], ["z"], { num_heads: 2n })],
    inputs: [[1, 3, 16]],
    constants: [floats("c", [10, 4]), floats("s", [10, 4]), integers("p", [1, 3], [0, 1, 7])],
    opset: 23,
  },
  "RotaryEmbedding, interleaved, in part": {
    nodes: [node("RotaryEmbedding", ["x", "c", "s"], ["z"], { interleaved: 1n, rotary_embedding_dim: 4n })],
    inputs: [[1, 2, 3, 6]],
    constants: [floats("c", [1, 3, 2]), floats("s", [1, 3, 2])],
    opset: 23,
  },
  RMSNormalization: { ...spatial("RMSNormalization", [2, 3, 8], { axis: -1n }, floats("s", [8])), opset: 23 },
  "Conv behind a Pad of its own": {
    nodes: [node("Pad", ["x", "pads"], ["a"]), node("Conv", ["a", "w"], ["z"], { pads: [1n, 0n, 1n, 0n], strides: [2n, 1n] })],
    inputs: [[1, 2, 5, 5]],
    constants: [integers("pads", [8], [0, 0, 1, 2, 0, 0, 0, 1]), floats("w", [3, 2, 3, 3])],
  },
  "Conv behind a Concat of a Concat": {
    nodes: [
      node("Concat", ["x", "y"], ["a"], { axis: 2n }),
      node("Slice", ["a", "starts", "ends", "axes", "steps"], ["b"]),
      node("Concat", ["b", "b"], ["c"], { axis: 2n }),
      node("Relu", ["c"], ["d"]),
      node("Conv", ["c", "w"], ["e"], { pads: [1n, 1n] }),
    ],
    inputs: [
      [1, 2, 5],
      [1, 2, 4],
    ],
    constants: [
      integers("starts", [1], [7]),
      integers("ends", [1], [-100]),
      integers("axes", [1], [2]),
      integers("steps", [1], [-2]),
      floats("w", [3, 2, 3]),
    ],
    outputs: ["d", "e"],
  },
  "an unrolled loop": {
    nodes: [
      node("Loop", ["times", "", "x"], ["last", "all"], {
        body: {
          graph: {
            name: "body",
            input: [value("i", "int64", []), value("c", "bool", []), value("s", "float32", [3])],
            node: [
              node("Mul", ["s", "half"], ["t"]),
              node("Add", ["t", "x"], ["u"]),
              node("Identity", ["c"], ["d"]),
              node("Identity", ["u"], ["v"]),
            ],
            output: [value("d", "bool", []), value("u", "float32", [3]), value("v", "float32", [3])],
          },
        },
      }),
    ],
    inputs: [[3]],
    constants: [integers("times", [], [4]), tensor("half", "float32", [], [0.5])],
    outputs: ["last", "all"],
  },
};

for (const [name, operatorCase] of Object.entries(cases)) {
  test(`${name}: the lowered meaning is ONNX Runtime's`, async () => {
    assert.equal(await differenceFromOnnxRuntime(operatorCase), null);
  });
}

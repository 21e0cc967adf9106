/** One small quantised convolutional network, a grey 16 × 16 picture to 10 scores, in the two ways in which ONNX writes such networks. */
import type { NodeProto, TensorProto } from "onnx-buf";
import { encodeModel, float32, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";
import {
  activationConstants,
  biasIntegers,
  dequantiseNode,
  int32,
  quantise,
  quantiseNode,
  roundTrip,
  seededWeights,
  weightConstants,
  type Activation,
} from "./quantise.ts";
import { seededFloats } from "../seededFloats.ts";

export const cnnInputShape = [1, 1, 16, 16];
export const cnnOutputs = 10;

const channels = [1, 8, 16] as const;
const activations: Record<"x" | "c1" | "c2" | "p" | "y", Activation> = {
  x: { scale: 2 / 255, zero: 128 },
  c1: { scale: 3 / 255, zero: 0 },
  c2: { scale: 3 / 255, zero: 0 },
  p: { scale: 1 / 255, zero: 0 },
  y: { scale: 3 / 255, zero: 128 },
};
const first = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
const second = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] };

function parameters(seed: number) {
  const filter = (inputs: number, outputs: number, filterSeed: number) =>
    quantise(seededWeights(outputs * inputs * 9, inputs * 9, filterSeed), outputs, (index) => Math.floor(index / (inputs * 9)));
  return {
    F: filter(channels[0], channels[1], seed),
    G: filter(channels[1], channels[2], seed + 1),
    W: quantise(seededWeights(channels[2] * cnnOutputs, channels[2], seed + 2), cnnOutputs, (index) => index % cnnOutputs),
    f: seededFloats(channels[1], seed + 3, 0.2),
    g: seededFloats(channels[2], seed + 4, 0.2),
  };
}

function constants({ F, G, W, f, g }: ReturnType<typeof parameters>): TensorProto[] {
  return [
    ...Object.entries(activations).flatMap(([name, activation]) => activationConstants(name, activation)),
    ...weightConstants("F", F, [channels[1], channels[0], 3, 3]),
    ...weightConstants("G", G, [channels[2], channels[1], 3, 3]),
    ...weightConstants("W", W, [channels[2], cnnOutputs]),
    int32("f", biasIntegers(f, activations.x, F.scales)),
    int32("g", biasIntegers(g, activations.c1, G.scales)),
  ];
}

function encode(name: string, nodes: NodeProto[], initializers: TensorProto[]): Uint8Array<ArrayBuffer> {
  const inputs = [valueInfo("x", "float32", cnnInputShape)];
  return encodeModel(model({ name, nodes, initializers, inputs, outputs: [valueInfo("y", "float32", [1, cnnOutputs])] }));
}

/** @returns an ONNX file, `x` float32[1, 1, 16, 16] → `y` float32[1, 10], with QLinearConv and QLinearMatMul. */
export function buildQLinearCnn(seed = 1): Uint8Array<ArrayBuffer> {
  const scaled = (input: string, weight: string, output: string) => [
    `${input}.scale`,
    `${input}.zero`,
    weight,
    `${weight}.scale`,
    `${weight}.zero`,
    `${output}.scale`,
    `${output}.zero`,
  ];
  const nodes = [
    quantiseNode("x", "xq", "x"),
    node("QLinearConv", ["xq", ...scaled("x", "F", "c1"), "f"], ["c1q"], first),
    node("QLinearConv", ["c1q", ...scaled("c1", "G", "c2"), "g"], ["c2q"], second),
    dequantiseNode("c2q", "c2r", "c2"),
    node("GlobalAveragePool", ["c2r"], ["pooled"]),
    node("Flatten", ["pooled"], ["flat"]),
    quantiseNode("flat", "pq", "p"),
    node("QLinearMatMul", ["pq", ...scaled("p", "W", "y")], ["yq"]),
    dequantiseNode("yq", "y", "y"),
  ];
  return encode("qlinearCnn", nodes, constants(parameters(seed)));
}

/** @returns the same network with QuantizeLinear and DequantizeLinear around binary32 operators; biases are int32, restored likewise. */
export function buildQdqCnn(seed = 1): Uint8Array<ArrayBuffer> {
  const { F, G, ...rest } = parameters(seed);
  const biasScales = [
    float32(
      "f.scale",
      F.scales.map((scale) => scale * activations.x.scale),
    ),
    float32(
      "g.scale",
      G.scales.map((scale) => scale * activations.c1.scale),
    ),
    int32("f.zero", new Int32Array(channels[1])),
    int32("g.zero", new Int32Array(channels[2])),
  ];
  const convolution = (from: string, filter: string, bias: string, to: string, attributes: typeof first) => [
    dequantiseNode(filter, `${filter}r`, filter, 0),
    dequantiseNode(bias, `${bias}r`, bias, 0),
    node("Conv", [from, `${filter}r`, `${bias}r`], [`${to}.sum`], attributes),
    node("Relu", [`${to}.sum`], [`${to}.relu`]),
    ...roundTrip(`${to}.relu`, `${to}r`, to),
  ];
  const nodes = [
    ...roundTrip("x", "xr", "x"),
    ...convolution("xr", "F", "f", "c1", first),
    ...convolution("c1r", "G", "g", "c2", second),
    node("GlobalAveragePool", ["c2r"], ["pooled"]),
    node("Flatten", ["pooled"], ["flat"]),
    ...roundTrip("flat", "pr", "p"),
    dequantiseNode("W", "Wr", "W", 1),
    node("MatMul", ["pr", "Wr"], ["sum"]),
    ...roundTrip("sum", "y", "y"),
  ];
  return encode("qdqCnn", nodes, [...constants({ F, G, ...rest }), ...biasScales]);
}

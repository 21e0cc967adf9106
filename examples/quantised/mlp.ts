/** One small quantised network, 32 numbers to 10 scores, in the three ways in which ONNX writes such networks. */
import type { NodeProto, TensorProto } from "onnx-buf";
import { encodeModel, float32, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";
import {
  activationConstants,
  dequantiseNode,
  quantise,
  quantiseNode,
  roundTrip,
  seededWeights,
  weightConstants,
  type Activation,
} from "./quantise.ts";

export const mlpWidths = [32, 48, 10] as const;

const [inputWidth, hiddenWidth, outputWidth] = mlpWidths;
const activations: Record<"x" | "h" | "y", Activation> = {
  x: { scale: 2 / 255, zero: 128 },
  // Behind a ReLU there is nothing below zero.
  h: { scale: 3 / 255, zero: 0 },
  y: { scale: 6 / 255, zero: 128 },
};

function weights(seed: number) {
  const layer = (rows: number, columns: number, layerSeed: number) =>
    quantise(seededWeights(rows * columns, rows, layerSeed), columns, (index) => index % columns);
  return { first: layer(inputWidth, hiddenWidth, seed), second: layer(hiddenWidth, outputWidth, seed + 1) };
}

function encode(name: string, nodes: NodeProto[], initializers: TensorProto[]): Uint8Array<ArrayBuffer> {
  const inputs = [valueInfo("x", "float32", [1, inputWidth])];
  return encodeModel(model({ name, nodes, initializers, inputs, outputs: [valueInfo("y", "float32", [1, outputWidth])] }));
}

function constants(seed: number): TensorProto[] {
  const { first, second } = weights(seed);
  return [
    ...Object.entries(activations).flatMap(([name, activation]) => activationConstants(name, activation)),
    ...weightConstants("A", first, [inputWidth, hiddenWidth]),
    ...weightConstants("B", second, [hiddenWidth, outputWidth]),
  ];
}

/** @returns an ONNX file, `x` float32[1, 32] → `y` float32[1, 10], with QLinearMatMul; the ReLU is in the requantisation's zero. */
export function buildQLinearMlp(seed = 1): Uint8Array<ArrayBuffer> {
  const product = (from: string, input: string, weight: string, to: string, output: string) =>
    node(
      "QLinearMatMul",
      [from, `${input}.scale`, `${input}.zero`, weight, `${weight}.scale`, `${weight}.zero`, `${output}.scale`, `${output}.zero`],
      [to],
    );
  const nodes = [
    quantiseNode("x", "xq", "x"),
    product("xq", "x", "A", "hq", "h"),
    product("hq", "h", "B", "yq", "y"),
    dequantiseNode("yq", "y", "y"),
  ];
  return encode("qlinearMlp", nodes, constants(seed));
}

/** @returns the same network with QuantizeLinear and DequantizeLinear around binary32 operators. */
export function buildQdqMlp(seed = 1): Uint8Array<ArrayBuffer> {
  const nodes = [
    ...roundTrip("x", "xr", "x"),
    dequantiseNode("A", "Ar", "A", 1),
    node("MatMul", ["xr", "Ar"], ["h1"]),
    node("Relu", ["h1"], ["h2"]),
    ...roundTrip("h2", "hr", "h"),
    dequantiseNode("B", "Br", "B", 1),
    node("MatMul", ["hr", "Br"], ["y1"]),
    ...roundTrip("y1", "y", "y"),
  ];
  return encode("qdqMlp", nodes, constants(seed));
}

/** @returns the same weights with MatMulInteger; activations are quantised by what they are (DynamicQuantizeLinear). */
export function buildDynamicMlp(seed = 1): Uint8Array<ArrayBuffer> {
  const { first, second } = weights(seed);
  const layer = (from: string, weight: string, to: string) => [
    node("DynamicQuantizeLinear", [from], [`${from}.q`, `${from}.s`, `${from}.z`]),
    node("MatMulInteger", [`${from}.q`, weight, `${from}.z`], [`${to}.i`]),
    node("Cast", [`${to}.i`], [`${to}.f`], { to: 1 }),
    node("Mul", [`${from}.s`, `${weight}.scale`], [`${to}.s`]),
    node("Mul", [`${to}.f`, `${to}.s`], [`${to}.p`]),
    node("Add", [`${to}.p`, `${to}.bias`], [to]),
  ];
  const nodes = [...layer("x", "A", "h"), node("Relu", ["h"], ["r"]), ...layer("r", "B", "y")];
  return encode("dynamicMlp", nodes, [
    ...weightConstants("A", first, [inputWidth, hiddenWidth]).slice(0, 2),
    ...weightConstants("B", second, [hiddenWidth, outputWidth]).slice(0, 2),
    float32("h.bias", new Float32Array(hiddenWidth)),
    float32("y.bias", new Float32Array(outputWidth)),
  ]);
}

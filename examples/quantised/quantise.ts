/** From real weights to integers: symmetric, one scale for each output. */
import type { TensorProto } from "onnx-buf";
import { float32, initializer, node } from "../../oracle/content/onnxBuild.ts";
import { seededFloats } from "../seededFloats.ts";

/**
 * Of a weight's magnitude. Seven bits, not eight: CPUs without dot-product instructions add two products of 8 bits in 16, which
 * would saturate, and then even integers would depend on the machine.
 */
const maxWeight = 63;

/** How a tensor of activations is stored: real = scale · (integer − zero), integers of 0 to 255. */
export interface Activation {
  scale: number;
  zero: number;
}

export interface QuantisedWeights {
  /** Row-major, of the shape that was asked for. */
  integers: Int8Array;
  /** One for each output. */
  scales: Float32Array;
}

/** @param outputOf which output the weight at a place belongs to. */
export function quantise(weights: Float32Array, outputs: number, outputOf: (index: number) => number): QuantisedWeights {
  const largest = new Float32Array(outputs);
  weights.forEach((weight, i) => (largest[outputOf(i)] = Math.max(largest[outputOf(i)]!, Math.abs(weight))));
  const scales = largest.map((value) => value / maxWeight);
  return { integers: Int8Array.from(weights, (weight, i) => Math.round(weight / scales[outputOf(i)]!)), scales };
}

/** Weights whose sums keep the size of their inputs. @param fanIn terms of each sum. */
export const seededWeights = (count: number, fanIn: number, seed: number): Float32Array => seededFloats(count, seed, Math.sqrt(3 / fanIn));

export const int8 = (name: string, values: Int8Array, shape: number[]): TensorProto =>
  initializer(name, { dtype: "int8", shape, data: new Uint8Array(values.buffer, values.byteOffset, values.length) });

export const int32 = (name: string, values: ArrayLike<number>): TensorProto =>
  initializer(name, { dtype: "int32", shape: [values.length], data: new Uint8Array(Int32Array.from(values).buffer) });

/** `name.scale` and `name.zero` for the quantising operators. */
export function activationConstants(name: string, { scale, zero }: Activation): TensorProto[] {
  return [float32(`${name}.scale`, [scale], []), initializer(`${name}.zero`, { dtype: "uint8", shape: [], data: Uint8Array.of(zero) })];
}

/** `name.scale` and `name.zero` of weights with one scale for each output. */
export function weightConstants(name: string, { integers, scales }: QuantisedWeights, shape: number[]): TensorProto[] {
  return [
    int8(name, integers, shape),
    float32(`${name}.scale`, scales),
    int8(`${name}.zero`, new Int8Array(scales.length), [scales.length]),
  ];
}

/** The bias as QLinearConv wants it: in units of input scale times weight scale. */
export const biasIntegers = (bias: Float32Array, input: Activation, scales: Float32Array): number[] =>
  Array.from(bias, (value, i) => Math.round(value / (input.scale * scales[i]!)));

export const quantiseNode = (from: string, to: string, activation: string) =>
  node("QuantizeLinear", [from, `${activation}.scale`, `${activation}.zero`], [to]);

export const dequantiseNode = (from: string, to: string, parameters: string, axis?: number) =>
  node("DequantizeLinear", [from, `${parameters}.scale`, `${parameters}.zero`], [to], axis === undefined ? {} : { axis });

/** A node that quantises and one that restores: how QDQ models mark a tensor. */
export const roundTrip = (from: string, to: string, activation: string) => [
  quantiseNode(from, `${to}.integers`, activation),
  dequantiseNode(`${to}.integers`, to, activation),
];

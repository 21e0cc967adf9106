/** Convolutions of 8-bit integers against the same ones of floats, both by the canonical evaluation. */
import { encodeModel, initializer, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";
import type { Dtype, Tensor } from "../../oracle/core/tensor.ts";
import { createEvaluator, type Evaluator } from "../../oracle/canonical/evaluate.ts";
import { lower } from "../../oracle/canonical/lowering/lower.ts";
import { seededFloats } from "../../examples/seededFloats.ts";
import { once, type Bench } from "./harness.ts";

const [channels, size, turns] = [64, 40, 15];
const inputShape = [1, channels, size, size];
const filterShape = [channels, channels, 3, 3];
const multiplications = channels * channels * 9 * size * size;

/** @returns seeded elements: floats in [−1, 1), or any bytes. */
function seededTensor(dtype: Dtype, shape: number[], seed: number): Tensor {
  const floats = seededFloats(
    shape.reduce((a, b) => a * b),
    seed,
  );
  const data = dtype === "float32" ? new Uint8Array(floats.buffer) : Uint8Array.from(floats, (value) => Math.floor(128 * value));
  return { dtype, shape, data };
}

/** One convolution with padding, as a file. */
function convolution(kind: "Conv" | "ConvInteger"): Uint8Array {
  const isFloat = kind === "Conv";
  const scalar = (dtype: Dtype, value: number): Tensor => ({ dtype, shape: [], data: Uint8Array.of(value) });
  const zeros = isFloat ? [] : [initializer("xZero", scalar("uint8", 131)), initializer("wZero", scalar("int8", 3))];
  const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  return encodeModel(
    model({
      name: kind,
      nodes: [node(kind, isFloat ? ["x", "w"] : ["x", "w", "xZero", "wZero"], ["y"], attributes)],
      initializers: [initializer("w", seededTensor(isFloat ? "float32" : "int8", filterShape, 1)), ...zeros],
      inputs: [valueInfo("x", isFloat ? "float32" : "uint8", inputShape)],
      outputs: [valueInfo("y", isFloat ? "float32" : "int32", inputShape)],
    }),
  );
}

function evaluatorOf(kind: "Conv" | "ConvInteger"): Evaluator {
  const lowering = lower(convolution(kind));
  if (!lowering.adjudicable) throw new Error(lowering.refused.map(({ node: name, reason }) => `${name}: ${reason}`).join("\n"));
  return createEvaluator(lowering.lowered.program, lowering.lowered.weights, { workers: 1 });
}

/** Multiplications a second on one thread, the best of several turns that both take in turn. */
async function rates(): Promise<{ float32: number; int8: number }> {
  const [floats, integers] = [evaluatorOf("Conv"), evaluatorOf("ConvInteger")];
  const [x, q] = [seededTensor("float32", inputShape, 2), seededTensor("uint8", inputShape, 2)];
  const best = { float32: Infinity, int8: Infinity };
  try {
    for (let turn = 0; turn < turns; turn++) {
      best.float32 = Math.min(best.float32, (await floats.evaluate([x])).milliseconds);
      best.int8 = Math.min(best.int8, (await integers.evaluate([q])).milliseconds);
    }
  } finally {
    await floats.close();
    await integers.close();
  }
  return { float32: multiplications / best.float32 / 1e6, int8: multiplications / best.int8 / 1e6 };
}

const measured = once(rates);

export const benches: Bench[] = [
  { name: "canonical.int8.rate", unit: "GMAC/s", target: null, better: "higher", run: async () => (await measured()).int8 },
  { name: "canonical.float32.rate", unit: "GMAC/s", target: null, better: "higher", run: async () => (await measured()).float32 },
  {
    name: "canonical.int8.rate_over_f32",
    unit: "times",
    target: 1,
    better: "higher",
    run: async () => (await measured()).int8 / (await measured()).float32,
  },
];

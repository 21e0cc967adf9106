/** A model whose one output is a sum of so many terms that no transaction can recompute it. */
import { encodeModel, int64, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";

export const inputs = 16;
/** How often each input is added: more than 2^18 terms in all. */
const times = 20_000;

/** @returns an ONNX file: float32[1,16] → float32[1], y = 20,000 · Σ x, as one sum of 320,000 terms. */
export function buildVeryLongSum(): Uint8Array<ArrayBuffer> {
  return encodeModel(
    model({
      name: "veryLongSum",
      nodes: [node("Expand", ["x", "shape"], ["all"]), node("ReduceSum", ["all", "axes"], ["y"], { keepdims: 0 })],
      initializers: [int64("shape", [times, inputs]), int64("axes", [0, 1])],
      inputs: [valueInfo("x", "float32", [1, inputs])],
      outputs: [valueInfo("y", "float32", [])],
    }),
  );
}

/** Models whose one output is a sum of so many terms that no transaction can recompute it. */
import { encodeModel, int64, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";

export const inputs = 16;

/** @param terms a multiple of 16. @returns an ONNX file: float32[1,16] → float32[1], y = terms / 16 · Σ x, as one sum of so many terms. */
export function buildVeryLongSum(terms: number): Uint8Array<ArrayBuffer> {
  return encodeModel(
    model({
      name: "veryLongSum",
      nodes: [node("Expand", ["x", "shape"], ["all"]), node("ReduceSum", ["all", "axes"], ["y"], { keepdims: 0 })],
      initializers: [int64("shape", [terms / inputs, inputs]), int64("axes", [0, 1])],
      inputs: [valueInfo("x", "float32", [1, inputs])],
      outputs: [valueInfo("y", "float32", [])],
    }),
  );
}

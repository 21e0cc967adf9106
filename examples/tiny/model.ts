/** A very small model with seeded weights: 16 numbers in, 64 numbers out, two layers. */
import { encodeModel, float32, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";
import { seededFloats } from "../seededFloats.ts";

export const tinyInputs = 16;
export const tinyOutputs = 64;
const hidden = 32;

/** @returns an ONNX file: float32[1,16] → float32[1,64], y = relu(x·A + a)·B + b. The same seed gives the same bytes. */
export function buildTiny(seed = 1): Uint8Array<ArrayBuffer> {
  return encodeModel(
    model({
      name: "tiny",
      nodes: [node("Gemm", ["x", "A", "a"], ["h"]), node("Relu", ["h"], ["r"]), node("Gemm", ["r", "B", "b"], ["y"])],
      initializers: [
        float32("A", seededFloats(tinyInputs * hidden, seed), [tinyInputs, hidden]),
        float32("a", seededFloats(hidden, seed + 1)),
        float32("B", seededFloats(hidden * tinyOutputs, seed + 2), [hidden, tinyOutputs]),
        float32("b", seededFloats(tinyOutputs, seed + 3)),
      ],
      inputs: [valueInfo("x", "float32", [1, tinyInputs])],
      outputs: [valueInfo("y", "float32", [1, tinyOutputs])],
    }),
  );
}

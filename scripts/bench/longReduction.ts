/** A model whose one output is a contraction of as many pairs as one likes, both operands of which must be opened in full. */
import { seededFloats } from "../../examples/seededFloats.ts";
import { encodeModel, float32, int64, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";

export const inputs = 16;

/** @param terms a multiple of 16. @returns an ONNX file: float32[1,16] → float32[1,1], y = Σ (x[k mod 16] + A[k]) · B[k]. */
export function buildLongReduction(terms: number): Uint8Array<ArrayBuffer> {
  const rows = terms / inputs;
  return encodeModel(
    model({
      name: "longReduction",
      nodes: [node("Add", ["A", "x"], ["rows"]), node("Reshape", ["rows", "flat"], ["row"]), node("MatMul", ["row", "B"], ["y"])],
      initializers: [
        float32("A", seededFloats(terms, 1), [rows, inputs]),
        float32("B", seededFloats(terms, 2), [terms, 1]),
        int64("flat", [1, terms]),
      ],
      inputs: [valueInfo("x", "float32", [1, inputs])],
      outputs: [valueInfo("y", "float32", [1, 1])],
    }),
  );
}

/** A model that chooses, and what may be posted in place of its choice. */
import { seededFloats } from "../../examples/seededFloats.ts";
import { choiceOf, scoreAddress } from "../../oracle/canonical/dispute/choices.ts";
import type { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import { encodeModel, float32, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";

const inputs = 16;
export const classes = 48;

/** float32[1,16] → int64[1]: the number of the largest of 48 seeded sums. */
export function buildChoice(seed: number): Uint8Array<ArrayBuffer> {
  return encodeModel(
    model({
      name: "choice",
      nodes: [node("Gemm", ["x", "A", "b"], ["scores"]), node("ArgMax", ["scores"], ["y"], { axis: 1, keepdims: 0 })],
      initializers: [float32("A", seededFloats(inputs * classes, seed), [inputs, classes]), float32("b", seededFloats(classes, seed + 1))],
      inputs: [valueInfo("x", "float32", [1, inputs])],
      outputs: [valueInfo("y", "int64", [1])],
    }),
  );
}

export const vectorOf = (seed: number): Tensor[] => [
  { dtype: "float32", shape: [1, inputs], data: new Uint8Array(seededFloats(inputs, seed).buffer) },
];

/** One output element of a model that chooses: its scores, and what may be posted in its place. */
export function choiceIn(about: CanonicalModel, given: readonly Tensor[], element: number) {
  const { outputs, trace } = evaluateHere(about.program, about.weights, given);
  const view = new DataView(trace.buffer, trace.byteOffset);
  const choice = choiceOf(about.program, 0, element)!;
  const addresses = Array.from({ length: choice.instruction.reduce.reduce((a, b) => a * b, 1) }, (_, k) => scoreAddress(choice, k)!);
  const scores = addresses.map((address) => view.getFloat32(4 * address, true));
  const [best, second] = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!) as [number, number];
  const posting = (number: number): Tensor[] => {
    const data = Uint8Array.from(outputs[0]!.data);
    const to = new DataView(data.buffer);
    if (outputs[0]!.dtype === "int64") to.setBigInt64(8 * element, BigInt(number), true);
    else to.setInt32(4 * element, number, true);
    return [{ ...outputs[0]!, data }];
  };
  /** A trace in which the scores are others. */
  const forged = (change: (bytes: DataView) => void) => {
    const bytes = Uint8Array.from(trace);
    change(new DataView(bytes.buffer));
    return new MemoryTree(bytes);
  };
  const half = Math.fround((scores[best]! - scores[second]!) / 2);
  return { outputs, tree: new MemoryTree(trace), addresses, scores, best, second, half, posting, forged };
}

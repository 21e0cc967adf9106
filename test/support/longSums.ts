/** A model whose outputs are sums of many terms, and the ways to lie about them: an operator may be asked to show its sums. */
import { seededFloats } from "../../examples/seededFloats.ts";
import type { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import { encodeModel, float32, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import type { Forge } from "../../fixtures/dispute.ts";
import { withElement, type Cheat } from "./cheats.ts";

/** Terms of every sum: six segments of it, the last one shorter. */
export const terms = 1500;
export const outputs = 64;

/** @returns an ONNX file: float32[1,1500] → float32[1,64], y = x·A + b. The same seed gives the same bytes. */
export function buildLongSums(seed: number): Uint8Array<ArrayBuffer> {
  return encodeModel(
    model({
      name: "longSums",
      nodes: [node("Gemm", ["x", "A", "b"], ["y"])],
      initializers: [float32("A", seededFloats(terms * outputs, seed), [terms, outputs]), float32("b", seededFloats(outputs, seed + 1))],
      inputs: [valueInfo("x", "float32", [1, terms])],
      outputs: [valueInfo("y", "float32", [1, outputs])],
    }),
  );
}

export const termsOf = (seed: number): Tensor[] => [
  { dtype: "float32", shape: [1, terms], data: new Uint8Array(seededFloats(terms, seed).buffer) },
];

/** @returns lies about one element, each of which another segment gives away; every one of them is more than 2^-10 off. */
export function sumCheatsAbout(about: CanonicalModel, inputs: readonly Tensor[]): Record<string, Cheat> {
  const { outputs: honest, trace } = evaluateHere(about.program, about.weights, inputs);
  const element = 5;
  const posted = withElement(honest, element, (value) => value + 1);
  const bytes = Uint8Array.from(trace);
  bytes.set(posted[0]!.data.subarray(4 * element, 4 * element + 4), 4 * (about.program.outputs[0]!.offset + element));
  const lie = { posted, trace: new MemoryTree(bytes) };
  const changed =
    (at: number): Forge =>
    (states) =>
      states.map((state, i) => (i === at ? state.with(1, state[1]! ^ 1n) : state));
  return {
    "a word that its true sums don't give": { lie, outcome: "STEP_DIFFERENT" },
    "a wrong sum at the end of the first segment": { lie: { ...lie, sums: changed(0) }, outcome: "STEP_DIFFERENT" },
    "a wrong sum in the middle": { lie: { ...lie, sums: changed(2) }, outcome: "STEP_DIFFERENT" },
    "a sum too few": { lie: { ...lie, sums: (states) => states.slice(1) }, outcome: "STEP_DIFFERENT" },
    "a sum too many": { lie: { ...lie, sums: (states) => [...states, states[0]!] }, outcome: "STEP_DIFFERENT" },
    "no sums": { lie: { ...lie, behaviour: "never sums up" }, outcome: "OPERATOR_TIMEOUT" },
  };
}

/** Small graphs of operators, compared with ONNX Runtime or expected to be refused. */
import type { NodeProto, TensorProto } from "onnx-buf";
import type { Tensor } from "../../../oracle/core/tensor.ts";
import { intervalOf } from "../../../oracle/canonical/lowering/intervals.ts";
import { lower, translate } from "../../../oracle/canonical/lowering/lower.ts";
import type { ElementName } from "../../../oracle/canonical/onnx/elements.ts";
import { evaluateByReference } from "../../../oracle/canonical/reference/evaluate.ts";
import { model, value } from "./build.ts";
import { inputFor } from "./modelCases.ts";
import { numbersOf, runOnnxRuntime } from "./onnxRuntime.ts";
import { seeded } from "./seeded.ts";

export interface OperatorCase {
  nodes: NodeProto[];
  /** Shapes of the inputs x, y, …; float32 where nothing is said. */
  inputs: (number[] | [ElementName, number[]])[];
  constants?: TensorProto[];
  outputs?: string[];
  opset?: number;
}

const typed = (input: number[] | [ElementName, number[]]): [ElementName, number[]] =>
  typeof input[0] === "string" ? (input as [ElementName, number[]]) : ["float32", input as number[]];

const names = ["x", "y", "u", "v", "w"];

export function fileOf({ nodes, inputs, constants = [], outputs = ["z"], opset = 17 }: OperatorCase): Uint8Array {
  return model(
    {
      node: nodes,
      initializer: constants,
      input: inputs.map((input, i) => value(names[i]!, ...typed(input))),
      output: outputs.map((output) => ({ name: output })),
    },
    { opset },
  );
}

/** @returns the reasons for which nodes are refused; null where the case is lowered. */
export function refusalOf(operatorCase: OperatorCase): string | null {
  const lowering = lower(fileOf(operatorCase));
  return lowering.adjudicable ? null : lowering.refused.map(({ node, reason }) => `${node}: ${reason}`).join("; ");
}

/** Same numbers, or NaN on both sides. @param relative of the tensor's largest magnitude, 1 at least. */
export function differenceOf(ours: Tensor, theirs: Tensor, relative = 4e-6): string | null {
  if (ours.dtype !== theirs.dtype || ours.shape.join() !== theirs.shape.join())
    return `${ours.dtype} [${ours.shape.join()}], not ${theirs.dtype} [${theirs.shape.join()}]`;
  const [found, wanted] = [numbersOf(ours), numbersOf(theirs)];
  const scale = wanted.reduce((most, number) => (Number.isFinite(number) ? Math.max(most, Math.abs(number)) : most), 1);
  const bound = ours.dtype === "float32" ? relative * scale : 0;
  const wrong = found.findIndex((number, element) => {
    const other = wanted[element]!;
    return !(Object.is(number, other) || number === other || Math.abs(number - other) <= bound);
  });
  return wrong < 0 ? null : `element ${wrong} is ${found[wrong]}, not ${wanted[wrong]}`;
}

/** @returns the output of which an element lies outside of the interval that the warnings of `model inspect` rest on; null where none does. */
export function outsideOfInterval(file: Uint8Array, outputs: readonly Tensor[]): string | null {
  const translated = translate(file);
  if ("refused" in translated) return null;
  for (const [i, { tensor }] of translated.outputs.entries()) {
    const { low, high, nan } = intervalOf(tensor);
    const found = numbersOf(outputs[i]!).find((number) => (Number.isNaN(number) ? !nan : number < low || number > high));
    if (found !== undefined) return `output ${i}: ${found} lies outside of ${low} to ${high}${nan ? " or NaN" : ""}`;
  }
  return null;
}

/** @param given inputs; seeded ones by default. @returns what differs, or why the case is refused; null where nothing does. */
export async function differenceFromOnnxRuntime(operatorCase: OperatorCase, given?: Tensor[]): Promise<string | null> {
  const file = fileOf(operatorCase);
  const lowering = lower(file);
  if (!lowering.adjudicable) return JSON.stringify(lowering.refused);
  const { program, weights, inputs } = lowering.lowered;
  const tensors = given ?? inputFor({ inputs }, seeded(3));
  const ours = evaluateByReference(program, weights, tensors).outputs;
  const expected = await runOnnxRuntime(
    file,
    inputs.map(({ name }, i) => ({ name, tensor: tensors[i]! })),
  );
  for (const [i, output] of ours.entries()) {
    const difference = differenceOf(output, expected[i]!);
    if (difference !== null) return `output ${i}: ${difference}`;
  }
  return null;
}

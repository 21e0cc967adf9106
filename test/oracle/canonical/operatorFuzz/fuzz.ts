/** Random cases of every operator that is lowered, each compared with ONNX Runtime. */
import { lower } from "../../../../oracle/canonical/lowering/lower.ts";
import { evaluateByReference } from "../../../../oracle/canonical/reference/evaluate.ts";
import type { Tensor } from "../../../../oracle/core/tensor.ts";
import { inputFor } from "../modelCases.ts";
import { numbersOf, runOnnxRuntime } from "../onnxRuntime.ts";
import { differenceOf, fileOf, outsideOfInterval } from "../operatorCase.ts";
import { seeded } from "../seeded.ts";
import { contractionGenerators } from "./contractions.ts";
import { controlGenerators } from "./control.ts";
import { Draw, type Generator } from "./draw.ts";
import { elementwiseGenerators } from "./elementwise.ts";
import { movementGenerators } from "./movement.ts";
import { reductionGenerators } from "./reductions.ts";

export const generators: Readonly<Record<string, Generator>> = {
  ...elementwiseGenerators,
  ...contractionGenerators,
  ...reductionGenerators,
  ...movementGenerators,
  ...controlGenerators,
};

export type Outcome =
  | { kind: "equal" }
  /** It differs for a reason that docs/operator-fuzz.md gives. */
  | { kind: "named"; reason: string }
  | { kind: "refused"; reason: string }
  /** ONNX Runtime doesn't run it, so nobody answers with it. */
  | { kind: "notRun"; reason: string }
  | { kind: "different"; what: string };

/** Of the largest element, 1 at least: ONNX Runtime's own binary32 sums err by this much in cases of these sizes. */
const relative = 1e-5;

const quantising = ["QuantizeLinear", "DynamicQuantizeLinear", "QLinearMatMul", "QLinearConv"];

/** ONNX Runtime scales a quantised sum in another order of roundings: a value next to a half lands one step beside. */
const oneStep = (operator: string, ours: Tensor, theirs: Tensor) =>
  quantising.includes(operator) &&
  ours.dtype === theirs.dtype &&
  numbersOf(ours).every((number, i) => Math.abs(number - numbersOf(theirs)[i]!) <= 1);

/** int32 sums and products wrap here and stop at the largest number there; `model inspect` warns of it. */
const saturates = (operator: string, theirs: Tensor) =>
  (operator === "ReduceSum" || operator === "ReduceProd") &&
  theirs.dtype === "int32" &&
  numbersOf(theirs).some((number) => number === 2 ** 31 - 1 || number === -(2 ** 31));

/** @returns what became of case `seed` of an operator: the same for the same seed. */
export async function tryCase(operator: string, seed: number): Promise<Outcome> {
  const random = seeded(seed * 1009 + [...operator].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7));
  const { opsets, draw: generate } = generators[operator]!;
  const draw = new Draw(random, random.pick(opsets));
  const { nodes, outputs = ["z"] } = generate(draw);
  const file = fileOf(draw.case(nodes, outputs));
  const lowering = lower(file);
  if (!lowering.adjudicable) return { kind: "refused", reason: lowering.refused.map(({ reason }) => reason).join("; ") };
  const { program, weights, inputs } = lowering.lowered;
  const given = inputFor({ inputs }, random);
  let theirs: Tensor[];
  try {
    const feeds = inputs.map(({ name }, i) => ({ name, tensor: given[i]! }));
    theirs = await runOnnxRuntime(file, feeds);
  } catch (error) {
    return { kind: "notRun", reason: error instanceof Error ? error.message : String(error) };
  }
  const ours = evaluateByReference(program, weights, given).outputs;
  const outside = outsideOfInterval(file, ours);
  if (outside !== null) return { kind: "different", what: outside };
  for (const [i, output] of ours.entries()) {
    const what = differenceOf(output, theirs[i]!, relative);
    if (what === null) continue;
    if (oneStep(operator, output, theirs[i]!)) return { kind: "named", reason: "one step of quantisation" };
    if (saturates(operator, theirs[i]!)) return { kind: "named", reason: "int32 overflow" };
    return { kind: "different", what: `output ${i}: ${what} (operator set ${draw.opset})` };
  }
  return { kind: "equal" };
}

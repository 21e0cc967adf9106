/** The models of the examples with an input each, ready for evaluation. Run as a script it prints the trace root of each, as JSON. */
import { buildFaceDetector } from "../../../../examples/faceDetector/model.ts";
import { buildQdqCnn, buildQLinearCnn } from "../../../../examples/quantised/cnn.ts";
import { buildDynamicMlp, buildQdqMlp, buildQLinearMlp } from "../../../../examples/quantised/mlp.ts";
import { buildRecogniser } from "../../../../examples/recogniser/model.ts";
import { buildTransformer } from "../../../../examples/transformer/model.ts";
import { dtypes, elementCount, type Tensor } from "../../../../oracle/core/tensor.ts";
import { createEvaluator, type EvaluatorOptions } from "../../../../oracle/canonical/evaluate.ts";
import { lower, type Lowered } from "../../../../oracle/canonical/lowering/lower.ts";
import { seeded } from "../seeded.ts";

const builders: Record<string, () => Uint8Array> = {
  recogniser: buildRecogniser,
  faceDetector: buildFaceDetector,
  qlinearMlp: buildQLinearMlp,
  qdqMlp: buildQdqMlp,
  dynamicMlp: buildDynamicMlp,
  qlinearCnn: buildQLinearCnn,
  qdqCnn: buildQdqCnn,
  transformer: buildTransformer,
};

export const modelNames = Object.keys(builders);

/** Bytes as they come, floats in [−1, 1), integers in [0, 8). */
function seededTensor({ dtype, shape }: Pick<Tensor, "dtype" | "shape">, seed: number): Tensor {
  const random = seeded(seed);
  const data = new Uint8Array(elementCount(shape) * dtypes[dtype].size);
  const view = new DataView(data.buffer);
  for (let i = 0; i < elementCount(shape); i++) {
    if (dtype === "float32") view.setFloat32(4 * i, random.word() / 2 ** 31 - 1, true);
    else if (dtype === "int64") view.setBigInt64(8 * i, BigInt(random.int(0, 7)), true);
    else if (dtype === "int32") view.setInt32(4 * i, random.int(0, 7), true);
    else data[i] = dtype === "bool" ? random.int(0, 1) : random.int(0, 255);
  }
  return { dtype, shape, data };
}

/** @throws Error where the model isn't adjudicable. */
export function example(name: string): { lowered: Lowered; inputs: Tensor[] } {
  const lowering = lower(builders[name]!());
  if (!lowering.adjudicable) throw new Error(`${name}: ${JSON.stringify(lowering.refused)}`);
  const { lowered } = lowering;
  return { lowered, inputs: lowered.inputs.map((input, i) => seededTensor(input, i + 1)) };
}

/** @returns the trace root in hexadecimal. */
export async function rootOf(name: string, options: EvaluatorOptions): Promise<string> {
  const { lowered, inputs } = example(name);
  const evaluator = createEvaluator(lowered.program, lowered.weights, options);
  try {
    return Buffer.from((await evaluator.evaluate(inputs)).traceRoot).toString("hex");
  } finally {
    await evaluator.close();
  }
}

if (import.meta.main) {
  const roots: Record<string, string> = {};
  for (const name of modelNames) roots[name] = await rootOf(name, { workers: 2 });
  process.stdout.write(JSON.stringify(roots));
}

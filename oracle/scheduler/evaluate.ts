import type { Model, TensorSpec } from "../chain/contracts.ts";
import { bytesOf, hexOf } from "../chain/rpc.ts";
import { maxCallbackBytes, type Job, type Request } from "../core/job.ts";
import { bundleLength, decodeBundle, encodeBundle, type Tensor } from "../core/tensor.ts";
import { bundleRoot, rootOfBundleBytes } from "../core/traceTree.ts";
import type { ContentSource, ModelCache } from "./modelCache.ts";

/** What is needed of the runtime to run a model; see runtime/runtime.ts. */
export interface InferenceRunner {
  run(
    artifactHash: string,
    inputs: Tensor[],
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<{ outputs: Tensor[]; provider: string; milliseconds: number }>;
}

/** The request can't be answered by anybody, or not by this node: trying again would end the same. */
export class DeclinedError extends Error {
  override name = "DeclinedError";
}

export interface EvaluationContext {
  models: ModelCache;
  content: ContentSource;
  runtime: InferenceRunner;
  timeoutMs: number;
  signal: AbortSignal;
}

export interface EvaluatedOutput {
  model: Model;
  output: Uint8Array;
  outputRoot: string;
  provider: string;
  milliseconds: number;
}

/** Checks that the answer could be delivered, fetches model and input, checks the input against the request, runs the model and checks what came out. */
export async function evaluate(
  { request }: Job,
  input: { bytes: Uint8Array | null; uri: string },
  context: EvaluationContext,
): Promise<EvaluatedOutput> {
  checkDeliverable(request, await context.models.record(request.params.modelId));
  const [{ model, artifactHash }, bytes] = await Promise.all([
    context.models.get(request.params.modelId),
    inputBytes(input, request.inputRoot, context),
  ]);
  const inputs = decodeBundle(bytes);
  checkTensors("input", inputs, model.inputs);
  const { outputs, provider, milliseconds } = await context.runtime.run(artifactHash, inputs, {
    timeoutMs: context.timeoutMs,
    signal: context.signal,
  });
  checkTensors("output", outputs, model.outputs);
  return { model, output: encodeBundle(outputs), outputRoot: hexOf(bundleRoot(outputs)), provider, milliseconds };
}

/** A right answer that no callback can take is paid for a day late, and never delivered. */
function checkDeliverable({ params: { modelId, callbackGasLimit } }: Request, { outputs }: Model): void {
  const length = bundleLength(outputs);
  if (callbackGasLimit === 0 || length <= maxCallbackBytes) return;
  throw new DeclinedError(
    `the request asks for a callback, and an answer of model ${modelId} has ${length} bytes: a callback takes ${maxCallbackBytes} at most, so the answer could not be delivered`,
  );
}

async function inputBytes(input: { bytes: Uint8Array | null; uri: string }, root: string, context: EvaluationContext): Promise<Uint8Array> {
  if (input.uri !== "") return context.content.fetchBundle(input.uri, root, context.signal);
  if (input.bytes === null) throw new DeclinedError("the request came with neither input bytes nor a URI");
  if (Buffer.compare(rootOfBundleBytes(input.bytes), bytesOf(root)) !== 0) {
    throw new DeclinedError(`the request's input does not have the root ${root}`);
  }
  return input.bytes;
}

function checkTensors(what: "input" | "output", tensors: readonly Tensor[], specs: readonly TensorSpec[]): void {
  const describe = (list: readonly { dtype: string; shape: readonly number[] }[]) =>
    list.map(({ dtype, shape }) => `${dtype}[${shape.join(", ")}]`).join(", ") || "nothing";
  const given = describe(tensors);
  const expected = describe(specs);
  if (given !== expected) throw new DeclinedError(`the ${what} is ${given}; the model's record says ${expected}`);
}

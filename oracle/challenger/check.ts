import type { Evaluations } from "../canonical/dispute/evaluations.ts";
import type { AdjudicableModel, ModelLibrary } from "../canonical/dispute/library.ts";
import { NotAdjudicableError } from "../canonical/dispute/model.ts";
import { firstWrong, type OutputRules, type Target } from "../canonical/dispute/moves.ts";
import { readBundle, type CarriedBundle } from "../content/bundles.ts";
import type { Job } from "../core/job.ts";
import type { Tensor } from "../core/tensor.ts";
import { foreignInputs } from "./foreignInputs.ts";

/** What is needed of the runtime; see runtime/runtime.ts. */
export interface FastRuntime {
  load(artifact: { hash: string; path: string }): Promise<unknown>;
  run(hash: string, inputs: Tensor[], options: { timeoutMs: number }): Promise<{ outputs: Tensor[] }>;
}

export interface CheckContext {
  library: ModelLibrary;
  evaluations: Evaluations;
  runtime: FastRuntime;
  content: {
    fetchArtifact(uri: string, keccak256Hex: string): Promise<{ hash: string; path: string }>;
    fetchBundle(uri: string, root: string, signal?: AbortSignal): Promise<Uint8Array>;
  };
  timeoutMs: number;
  /** Whether the runtime isn't enough for this answer, although it agrees: it may err as the operator's does. */
  mustBeCanonical(requestId: string): boolean;
}

export type Finding =
  { verdict: "RIGHT"; canonical: boolean } | { verdict: "WRONG"; target: Target } | { verdict: "UNKNOWN"; reason: string };

/** A quarter of a tolerance given as binary32 bits. */
function quarter(bits: number): number {
  const words = Uint32Array.of(bits);
  const values = new Float32Array(words.buffer);
  values[0]! /= 4;
  return words[0]!;
}

/**
 * What the fast runtime may be off by for an answer to pass without a canonical evaluation: passing then proves the answer right as long as
 * the runtime itself errs by at most three quarters of the tolerance.
 */
export function strictRules(rules: readonly OutputRules[]): OutputRules[] {
  return rules.map((rule) => ({
    ...rule,
    tolerance: { absolute: quarter(rule.tolerance.absolute), relative: quarter(rule.tolerance.relative) },
  }));
}

/**
 * Tells whether an answer is right: by the fast runtime, and by the canonical evaluation where that leaves a doubt or the answer is sampled.
 * @throws what keeps the check from being made now: bytes that can't be fetched, a provider that is away.
 */
export async function checkAnswer(job: Job, input: CarriedBundle, posted: CarriedBundle, context: CheckContext): Promise<Finding> {
  const { library, evaluations, content } = context;
  const { modelId } = job.request.params;
  let found: AdjudicableModel;
  try {
    found = await library.get(modelId);
  } catch (error) {
    if (error instanceof NotAdjudicableError) return { verdict: "UNKNOWN", reason: error.message };
    throw error;
  }
  const inputs = await readBundle(input, job.request.inputRoot, content);
  const foreign = foreignInputs(found.model.program, inputs);
  // Any element will do: no trace of such inputs is right.
  if (typeof foreign === "object") return { verdict: "WRONG", target: { tensor: 0, element: 0 } };
  if (foreign === "unread")
    return { verdict: "UNKNOWN", reason: "the program doesn't take the request's inputs, and doesn't read those that are foreign" };
  const answer = await readBundle(posted, job.answer!.outputRoot, content);
  if (!context.mustBeCanonical(job.requestId) && (await passesFast(modelId, inputs, answer, context)))
    return { verdict: "RIGHT", canonical: false };
  const { outputs, rules } = await evaluations.obtain(job.requestId, modelId, () => Promise.resolve(inputs));
  const target = firstWrong(answer, outputs, rules);
  return target === null ? { verdict: "RIGHT", canonical: true } : { verdict: "WRONG", target };
}

async function passesFast(
  modelId: string,
  inputs: Tensor[],
  answer: Tensor[],
  { library, content, runtime, timeoutMs }: CheckContext,
): Promise<boolean> {
  const { record, rules } = await library.get(modelId);
  try {
    const artifact = await content.fetchArtifact(record.artifactURI, record.artifactHash);
    await runtime.load(artifact);
    const { outputs } = await runtime.run(artifact.hash, inputs, { timeoutMs });
    return firstWrong(answer, outputs, strictRules(rules)) === null;
  } catch {
    // A fast run that fails only costs time: the canonical evaluation decides.
    return false;
  }
}

/** One model run in many ways, to see how far ONNX Runtime's answers lie apart. In this process: for a command, not for a node. */
import { availableParallelism } from "node:os";
import { InferenceSession } from "onnxruntime-node";
import type { Tensor } from "../core/tensor.ts";
import { RuntimeError } from "./runtimeError.ts";
import { probe } from "./selfTest.ts";
import { fromOrt, infoOf, toOrt } from "./sessions.ts";

export interface Profile {
  provider: string;
  /** ONNX Runtime's level of graph optimisation. */
  optimisation: "disabled" | "basic" | "all";
  threads: number;
}

export const profileText = ({ provider, optimisation, threads }: Profile) =>
  `${provider}, optimisation ${optimisation}, ${threads} threads`;

/**
 * @param providers to be tried.
 * @returns every way in which they run here, and why the others do not.
 */
export async function availableProfiles(providers: readonly string[]): Promise<{ profiles: Profile[]; missing: string[] }> {
  const profiles: Profile[] = [];
  const missing: string[] = [];
  const threads = [...new Set([1, 2, availableParallelism()])];
  for (const provider of providers) {
    try {
      if (provider !== "cpu") await probe(provider);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      missing.push(`${provider}: ${error.message}`);
      continue;
    }
    for (const optimisation of ["disabled", "basic", "all"] as const) {
      for (const count of provider === "cpu" ? threads : [1]) profiles.push({ provider, optimisation, threads: count });
    }
  }
  return { profiles, missing };
}

/**
 * Runs a model on several inputs in one session.
 * @param samples for each run, the inputs by name.
 * @returns for each run, the outputs in the order of `outputs`.
 * @throws RuntimeError where ONNX Runtime refuses the model or an input.
 */
export async function runProfile(
  bytes: Uint8Array,
  { provider, optimisation, threads }: Profile,
  samples: readonly Record<string, Tensor>[],
  outputs: readonly string[],
): Promise<Tensor[][]> {
  const text = (error: unknown) => (error instanceof Error ? error.message : String(error));
  const declined = (error: unknown) => new RuntimeError("declined", `ONNX Runtime (${provider}): ${text(error)}`);
  const session = await InferenceSession.create(bytes, {
    executionProviders: [provider],
    graphOptimizationLevel: optimisation,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  }).catch((error: unknown) => {
    throw declined(error);
  });
  try {
    const infos = infoOf(session.outputMetadata);
    const results: Tensor[][] = [];
    for (const sample of samples) {
      const feeds = Object.fromEntries(Object.entries(sample).map(([name, tensor]) => [name, toOrt(tensor)]));
      const values = await session.run(feeds).catch((error: unknown) => {
        throw declined(error);
      });
      results.push(
        outputs.map((name) =>
          fromOrt(
            infos.find((info) => info.name === name)!,
            values[name]!,
          ),
        ),
      );
    }
    return results;
  } finally {
    await session.release();
  }
}

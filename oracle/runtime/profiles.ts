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
  /** Samples that share a run, stacked along the first dimension of every input and output. */
  batch: number;
}

export const profileText = ({ provider, optimisation, threads, batch }: Profile) =>
  `${provider}, optimisation ${optimisation}, ${threads} threads, batch ${batch}`;

/**
 * @param providers to be tried.
 * @param batches sizes of batches that the model takes.
 * @returns every way in which they run here, and why the others do not.
 */
export async function availableProfiles(
  providers: readonly string[],
  batches: readonly number[],
): Promise<{ profiles: Profile[]; missing: string[] }> {
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
      for (const count of provider === "cpu" ? threads : [1]) {
        for (const batch of batches) profiles.push({ provider, optimisation, threads: count, batch });
      }
    }
  }
  return { profiles, missing };
}

type Named = Record<string, Tensor>;

/** @param shared names of inputs that are the same for all. @returns one sample of all of them, one after another in the first dimension. */
function stack(samples: readonly Named[], shared: ReadonlySet<string>): Named {
  if (samples.length === 1) return samples[0]!;
  const stacked = Object.entries(samples[0]!).map(([name, first]) => {
    if (shared.has(name)) return [name, first] as const;
    const data = Buffer.concat(samples.map((sample) => sample[name]!.data));
    return [name, { ...first, shape: [samples.length * first.shape[0]!, ...first.shape.slice(1)], data: Uint8Array.from(data) }] as const;
  });
  return Object.fromEntries(stacked);
}

/** @throws RuntimeError where the output's first dimension is not that of `count` samples. */
function unstack(name: string, { shape, data, ...rest }: Tensor, count: number): Tensor[] {
  const [first, ...others] = shape;
  if (count === 1) return [{ ...rest, shape, data }];
  if (first === undefined || first % count !== 0) {
    throw new RuntimeError("declined", `output ${name} is [${shape.join(", ")}] for a batch of ${count}: it does not grow with the batch`);
  }
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => ({
    ...rest,
    shape: [first / count, ...others],
    data: data.slice(i * size, (i + 1) * size),
  }));
}

/**
 * Runs a model on several inputs in one session.
 * @param samples the inputs of each by name; the last batch is filled up with the first ones.
 * @param shared names of inputs that are the same for a whole batch.
 * @returns for each sample, the outputs in the order of `outputs`.
 * @throws RuntimeError where ONNX Runtime refuses the model or an input, or an output can't be told apart by sample.
 */
export async function runProfile(
  bytes: Uint8Array,
  { provider, optimisation, threads, batch }: Profile,
  samples: readonly Named[],
  outputs: readonly string[],
  shared: ReadonlySet<string> = new Set(),
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
    while (results.length < samples.length) {
      const together = Array.from({ length: batch }, (_, i) => samples[(results.length + i) % samples.length]!);
      const feeds = Object.fromEntries(Object.entries(stack(together, shared)).map(([name, tensor]) => [name, toOrt(tensor)]));
      const values = await session.run(feeds).catch((error: unknown) => {
        throw declined(error);
      });
      const apart = outputs.map((name) =>
        unstack(
          name,
          fromOrt(
            infos.find((info) => info.name === name)!,
            values[name]!,
          ),
          batch,
        ),
      );
      together.forEach((_, i) => results.push(apart.map((tensors) => tensors[i]!)));
    }
    return results.slice(0, samples.length);
  } finally {
    await session.release();
  }
}

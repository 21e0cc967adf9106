import type { Command } from "commander";
import { measure, proposeTolerance, type Errors, type Sample } from "../canonical/calibration.ts";
import { createEvaluator } from "../canonical/evaluate.ts";
import { bytesOfWords } from "../canonical/lowering/inspect.ts";
import type { Lowered, NamedTensor } from "../canonical/lowering/lower.ts";
import { programRoot, weightRoot } from "../canonical/program/root.ts";
import { dtypes, elementCount, type Tensor } from "../core/tensor.ts";
import { keccak256 } from "../core/traceTree.ts";
import { availableProfiles, profileText, runProfile } from "../runtime/profiles.ts";
import { canonicalOptions, lowerFile, loweringOptions, type CanonicalOptions } from "./canonicalOptions.ts";
import { hex, specOf } from "./evaluate.ts";
import { CliError } from "./exitCodes.ts";
import { readNamedFile } from "./files.ts";
import { inspectOnnx } from "./inspectOnnx.ts";
import { readInputs } from "./tensors.ts";
import { columns, runs, type Terminal } from "./verb.ts";

interface Options extends CanonicalOptions {
  input: string[];
  samples: string;
  range: string;
  integers: string;
  margin: string;
  providers: string;
  batches: string;
}

/** What `model calibrate --json` prints and `model register --calibration` reads. */
export interface Calibration {
  artifactHash: string;
  programRoot: string;
  weightRoot: string;
  samples: number;
  margin: number;
  outputs: {
    name: string;
    /** binary32 words; null where no δ allows what was seen: the canonical output itself must then be posted. */
    tolerance: { absolute: number; relative: number } | null;
    profiles: (Errors & { profile: string })[];
  }[];
  missing: string[];
}

function numberOf(option: string, text: string, min: number, whole: boolean): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= min && (!whole || Number.isInteger(value))) return value;
  throw new CliError("usage", `${option} ${text}: write a ${whole ? "whole " : ""}number of at least ${min}`);
}

function rangeOf(text: string): [low: number, high: number] {
  const ends = text.split(",").map(Number);
  if (ends.length === 2 && ends.every(Number.isFinite) && ends[0]! < ends[1]!) return ends as [number, number];
  throw new CliError("usage", `--range ${text}: write two numbers, the lower one first, as -1,1`);
}

/** @returns the sizes of batches that the file takes, and why it does not take the others. */
export function batchesOf(wanted: readonly number[], bytes: Uint8Array, { inputs }: Lowered): { batches: number[]; missing: string[] } {
  const signatures = inspectOnnx("the model", bytes).inputs;
  const isOpen = ({ name, shape }: NamedTensor) => {
    const first = signatures.find((signature) => signature.name === name)?.shape?.[0];
    return typeof first === "string" && shape[0] === 1;
  };
  const fixed = inputs.find((input) => !isOpen(input));
  if (fixed === undefined) return { batches: [...wanted], missing: [] };
  const missing = wanted.filter((size) => size !== 1).map((size) => `batch ${size}: the first dimension of input ${fixed.name} is fixed`);
  return { batches: [1], missing };
}

/** Numbers in [0, 1), the same in every run. */
function drawing(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

function draw({ dtype, shape }: NamedTensor, random: () => number, [low, high]: [number, number], integers: number): Tensor {
  const count = elementCount(shape);
  const data = new Uint8Array(count * dtypes[dtype].size);
  const view = new DataView(data.buffer);
  for (let i = 0; i < count; i++) {
    const part = random();
    if (dtype === "float32") view.setFloat32(4 * i, low + part * (high - low), true);
    else if (dtype === "int64") view.setBigInt64(8 * i, BigInt(Math.floor(part * (integers + 1))), true);
    else if (dtype === "int32") view.setInt32(4 * i, Math.floor(part * (integers + 1)), true);
    else data[i] = Math.floor(part * (dtype === "bool" ? 2 : 256));
  }
  return { dtype, shape, data };
}

async function samplesOf({ inputs }: Lowered, options: Options): Promise<Tensor[][]> {
  const [count, range, integers] = [
    numberOf("--samples", options.samples, 0, true),
    rangeOf(options.range),
    numberOf("--integers", options.integers, 0, true),
  ];
  const given = options.input.length === 0 ? [] : [await readInputs(options.input, { inputs: inputs.map(specOf) })];
  const random = drawing(1);
  const drawn = Array.from({ length: count }, () => inputs.map((input) => draw(input, random, range, integers)));
  if (given.length + drawn.length === 0) throw new CliError("usage", "there is no sample; give --input files or a positive --samples");
  return [...given, ...drawn];
}

async function canonicalOutputs({ program, weights }: Lowered, samples: readonly Tensor[][]): Promise<Tensor[][]> {
  const evaluator = createEvaluator(program, weights);
  try {
    const outputs: Tensor[][] = [];
    for (const inputs of samples) outputs.push((await evaluator.evaluate(inputs)).outputs);
    return outputs;
  } finally {
    await evaluator.close();
  }
}

const valueOf = (word: number) => new Float32Array(Uint32Array.of(word).buffer)[0]!;

function text({ outputs, missing, margin, samples }: Calibration): string {
  const parts = outputs.map(({ name, tolerance, profiles }) => {
    const rows = profiles.map(({ profile, elements, different, incomparable, maxAbsolute, maxRelative }) => [
      profile,
      elements,
      different,
      incomparable,
      maxAbsolute.toExponential(2),
      maxRelative.toExponential(2),
    ]);
    const proposed =
      tolerance === null
        ? "no tolerance allows this: register 0, and post the canonical output"
        : `proposed: absolute ${valueOf(tolerance.absolute).toExponential(3)}, relative ${valueOf(tolerance.relative).toExponential(3)}`;
    return `output ${name}\n${columns(["profile", "elements", "different", "NaN or ∞", "max absolute", "max relative"], rows)}${proposed}\n`;
  });
  const passedOver = missing.map((line) => `not run: ${line}\n`);
  return `${parts.join("\n")}\n${passedOver.join("")}${samples} samples, margin ${margin}\n`;
}

export function addModelCalibrate(parent: Command, terminal: Terminal): void {
  const command = canonicalOptions(
    parent
      .command("calibrate")
      .description(
        "Run an ONNX file in every profile of ONNX Runtime that this machine has, measure the errors against the canonical evaluation, and propose the tolerance to register.",
      )
      .argument("<file>", "an ONNX file"),
  )
    .option(
      "--input <file>",
      "a real sample: one file an input, as FILE or NAME=FILE (repeatable)",
      (value, all: string[]) => [...all, value],
      [],
    )
    .option("--samples <number>", "how many random samples besides", "8")
    .option("--range <low,high>", "where random float32 lie; write --range=-1,1 for a negative end", "-1,1")
    .option("--integers <number>", "the highest random int32 or int64; the lowest is 0", "1")
    .option("--margin <number>", "how much larger errors may be than any that was seen", "4")
    .option("--batches <sizes>", "how many samples share a run, where the file leaves the first dimension open", "1,4")
    .option("--providers <names>", "execution providers, in any order", "cpu,cuda,webgpu");
  const examples = ["model calibrate recogniser.onnx --input line.npy", "model calibrate tiny.onnx --samples 32 --json > calibration.json"];
  runs<Options>(command, terminal, examples, async ({ options, note }, file) => {
    const bytes = await readNamedFile(file);
    const lowering = loweringOptions(options, file, bytes);
    const lowered = lowerFile(file, bytes, lowering);
    const margin = numberOf("--margin", options.margin, 1, false);
    const samples = await samplesOf(lowered, options);
    const { batches, missing: fixedBatches } = batchesOf(
      options.batches.split(",").map((size) => numberOf("--batches", size, 1, true)),
      bytes,
      lowered,
    );
    const { profiles, missing: missingProviders } = await availableProfiles(options.providers.split(","), batches);
    const missing = [...missingProviders, ...fixedBatches];
    if (profiles.length === 0) throw new CliError("bad-input", `no execution provider runs here: ${missing.join("; ")}`);
    note(`evaluating ${samples.length} samples canonically`);
    const canonical = await canonicalOutputs(lowered, samples);
    const names = lowered.outputs.map(({ name }) => name);
    const named = samples.map((inputs) => ({
      ...lowering.fixed,
      ...Object.fromEntries(lowered.inputs.map(({ name }, i) => [name, inputs[i]!])),
    }));
    const found = names.map((name) => ({ name, all: [] as Sample[], profiles: [] as (Errors & { profile: string })[] }));
    for (const profile of profiles) {
      note(`running ${profileText(profile)}`);
      const fast = await runProfile(bytes, profile, named, names, new Set(Object.keys(lowering.fixed ?? {})));
      found.forEach((output, i) => {
        const runsOfOutput = fast.map((outputs, sample): Sample => {
          const expected = canonical[sample]![i]!;
          return { canonical: expected, fast: { ...outputs[i]!, shape: expected.shape } };
        });
        output.all.push(...runsOfOutput);
        output.profiles.push({ profile: profileText(profile), ...measure(runsOfOutput) });
      });
    }
    const calibration: Calibration = {
      artifactHash: hex(keccak256(bytes)),
      programRoot: hex(programRoot(lowered.program)),
      weightRoot: hex(weightRoot(bytesOfWords(lowered.weights))),
      samples: samples.length,
      margin,
      outputs: found.map(({ name, all, profiles: measured }) => ({ name, tolerance: proposeTolerance(all, margin), profiles: measured })),
      missing,
    };
    return { json: calibration, text: text(calibration) };
  });
}

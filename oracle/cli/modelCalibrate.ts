import type { Command } from "commander";
import { measure, proposeTolerance, type Errors, type Sample } from "../canonical/calibration.ts";
import { chooses, scoresOf } from "../canonical/dispute/choices.ts";
import { treeOf } from "../canonical/dispute/views.ts";
import { createEvaluator, isStreamed } from "../canonical/evaluate.ts";
import type { Lowered, NamedTensor } from "../canonical/lowering/lower.ts";
import { programRoot } from "../canonical/program/root.ts";
import { weightRoot } from "../canonical/weightRoot.ts";
import { bytesOfWords, MemoryTree } from "../canonical/proof/treeView.ts";
import { exposeScores, scoredOutputs } from "../content/onnxScores.ts";
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
  onlyMeasure?: boolean;
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
    /** Whether the output is a choice: tolerance and errors are then those of the scores that it is chosen among. */
    scores: boolean;
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
  if (fixed === undefined && inputs.length > 0) return { batches: [...wanted], missing: [] };
  const why = fixed === undefined ? "the model has no inputs" : `the first dimension of input ${fixed.name} is fixed`;
  const missing = wanted.filter((size) => size !== 1).map((size) => `batch ${size}: ${why}`);
  return { batches: [1], missing };
}

/**
 * A record holds fixed shapes, and everybody lowers the file as it stands: what is calibrated must be what can be registered.
 * @throws CliError bad-input
 */
function requireRegistrable(file: string, bytes: Uint8Array, { fix, onlyMeasure }: Options): void {
  if (onlyMeasure === true) return;
  const obstacles = [
    ...inspectOnnx(file, bytes).obstacles,
    ...fix.map((text) => `--fix ${text} makes another program than the file's own, which is the one that is registered`),
  ];
  if (obstacles.length === 0) return;
  throw new CliError(
    "bad-input",
    `${file} can't be registered, so its calibration would be of no use: ${obstacles.join("; ")}. Export it with these fixed, or measure it all the same with --only-measure`,
  );
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

/** One sample's canonical outputs, and what tells the scores that they are chosen among. */
interface CanonicalSample {
  outputs: Tensor[];
  /** The scores of an output in the layout of a tensor that it is chosen among; null where they can't be told. */
  scores(tensor: number, shape: readonly number[], axis: number): Tensor | null;
}

async function canonicalSamples({ program, weights }: Lowered, samples: readonly Tensor[][]): Promise<CanonicalSample[]> {
  const evaluator = createEvaluator(program, weights);
  const keep = chooses(program) && !isStreamed(program);
  const weightTree = new MemoryTree(bytesOfWords(weights));
  try {
    const evaluated: CanonicalSample[] = [];
    for (const inputs of samples) {
      const { outputs, trace } = await evaluator.evaluate(inputs, keep ? { keep: "memory" } : {});
      const trees = trace && { trace: treeOf(trace), weights: weightTree };
      const scores = (tensor: number, shape: readonly number[], axis: number) =>
        trees === undefined ? null : scoresOf(program, tensor, trees, { shape, axis });
      evaluated.push({ outputs, scores });
    }
    return evaluated;
  } finally {
    await evaluator.close();
  }
}

const valueOf = (word: number) => new Float32Array(Uint32Array.of(word).buffer)[0]!;

function text({ outputs, missing, margin, samples }: Calibration): string {
  const parts = outputs.map(({ name, scores, tolerance, profiles }) => {
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
    return `output ${name}${scores ? ", by the scores that it is chosen among" : ""}\n${columns(["profile", "elements", "different", "NaN or ∞", "max absolute", "max relative"], rows)}${proposed}\n`;
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
    .option("--only-measure", "measure a file that can't be registered as it stands: one with open shapes, or with --fix")
    .option("--providers <names>", "execution providers, in any order", "cpu,cuda,webgpu");
  const examples = ["model calibrate recogniser.onnx --input line.npy", "model calibrate tiny.onnx --samples 32 --json > calibration.json"];
  runs<Options>(command, terminal, examples, async ({ options, note }, file) => {
    const bytes = await readNamedFile(file);
    const lowering = loweringOptions(options, file, bytes);
    requireRegistrable(file, bytes, options);
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
    const canonical = await canonicalSamples(lowered, samples);
    const names = lowered.outputs.map(({ name }) => name);
    const scored = scoredOutputs(bytes).filter(({ output }) => names.includes(output));
    const measured = exposeScores(bytes, scored);
    const named = samples.map((inputs) => ({
      ...lowering.fixed,
      ...Object.fromEntries(lowered.inputs.map(({ name }, i) => [name, inputs[i]!])),
    }));
    const found = names.map((name) => ({ name, scores: false, all: [] as Sample[], profiles: [] as (Errors & { profile: string })[] }));
    const wanted = [...names, ...scored.map(({ scores }) => scores)];
    const canonicalScores = new Map<string, Tensor | null>();
    for (const profile of profiles) {
      note(`running ${profileText(profile)}`);
      const fast = await runProfile(measured, profile, named, wanted, new Set(Object.keys(lowering.fixed ?? {})));
      found.forEach((output, i) => {
        const scores = scored.findIndex((one) => one.output === output.name);
        const runsOfOutput = fast.map((outputs, sample): Sample => {
          const expected = canonical[sample]!.outputs[i]!;
          const whole = { canonical: expected, fast: { ...outputs[i]!, shape: expected.shape } };
          const ranked = outputs[names.length + scores];
          if (scores < 0 || ranked?.dtype !== "float32") return whole;
          const { axis } = scored[scores]!;
          const key = `${i} ${sample}`;
          let right = canonicalScores.get(key);
          if (right === undefined) {
            right = canonical[sample]!.scores(i, ranked.shape, axis < 0 ? axis + ranked.shape.length : axis);
            canonicalScores.set(key, right);
          }
          if (right === null) return whole;
          output.scores = true;
          return { canonical: right, fast: ranked };
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
      outputs: found.map(({ all, ...output }) => ({ ...output, tolerance: proposeTolerance(all, margin) })),
      missing,
    };
    return { json: calibration, text: text(calibration) };
  });
}

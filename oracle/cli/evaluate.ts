import type { Command } from "commander";
import { evaluateProgram } from "../canonical/evaluate.ts";
import type { NamedTensor } from "../canonical/lowering/lower.ts";
import { bytesOfWords } from "../canonical/proof/treeView.ts";
import { programRoot } from "../canonical/program/root.ts";
import { weightRoot } from "../canonical/weightRoot.ts";
import type { TensorSpec } from "../chain/contracts.ts";
import { keccak256 } from "../core/traceTree.ts";
import { canonicalOptions, lowerFile, loweringOptions, type CanonicalOptions } from "./canonicalOptions.ts";
import { CliError } from "./exitCodes.ts";
import { readNamedFile } from "./files.ts";
import { preview, readInputs, tensorJson, writeOutputs } from "./tensors.ts";
import { runs, table, type Terminal } from "./verb.ts";

interface Options extends CanonicalOptions {
  input: string[];
  out?: string;
  workers?: string;
}

export const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString("hex")}`;

/** What a model's record would say of a tensor. */
export const specOf = ({ name, dtype, shape }: NamedTensor): TensorSpec => ({ name, dtype, shape, deltaAbsolute: 0, deltaRelative: 0 });

function workersOf(text: string): number {
  const workers = Number(text);
  if (!Number.isInteger(workers) || workers < 1 || workers > 64)
    throw new CliError("usage", `--workers ${text}: write a number from 1 to 64`);
  return workers;
}

export function addEvaluate(program: Command, terminal: Terminal): void {
  const command = canonicalOptions(
    program
      .command("evaluate")
      .description("Evaluate an ONNX file canonically: the same bits on every machine, and the root of the trace. Needs no chain.")
      .argument("<file>", "an ONNX file, registered or not"),
  )
    .option(
      "--input <file>",
      "an input as .npy, .json or raw bytes, as FILE or NAME=FILE (repeatable)",
      (value, all: string[]) => [...all, value],
      [],
    )
    .option("--out <directory>", "write the outputs there as .npy")
    .option("--workers <number>", "threads; the bits don't depend on it (default: all of the machine's)");
  const examples = [
    "evaluate recogniser.onnx --input line.npy",
    "evaluate vad.onnx --shape input=1,512 --shape state=2,1,128 --fix sr=16000 --input audio.npy --input state.npy --out results --json",
  ];
  runs<Options>(command, terminal, examples, async ({ options }, file) => {
    const bytes = await readNamedFile(file);
    const lowered = lowerFile(file, bytes, loweringOptions(options, file, bytes));
    const inputs = await readInputs(options.input, { inputs: lowered.inputs.map(specOf) });
    const workers = options.workers === undefined ? {} : { workers: workersOf(options.workers) };
    const { outputs, traceRoot, exactElements, milliseconds } = await evaluateProgram(lowered.program, lowered.weights, inputs, workers);
    const names = lowered.outputs.map(({ name }) => name);
    const files = options.out === undefined ? undefined : await writeOutputs(options.out, outputs, names);
    const roots = {
      artifactHash: hex(keccak256(bytes)),
      programRoot: hex(programRoot(lowered.program)),
      weightRoot: hex(weightRoot(bytesOfWords(lowered.weights))),
      traceRoot: hex(traceRoot),
    };
    return {
      json: {
        ...roots,
        traceWords: lowered.traceWords,
        exactElements,
        milliseconds,
        outputs: outputs.map((tensor, i) => tensorJson(tensor, names[i]!)),
        ...(files === undefined ? {} : { files }),
      },
      text: table([
        ["trace root", roots.traceRoot],
        ["program root", roots.programRoot],
        ["weight root", roots.weightRoot],
        ["outputs", outputs.map((tensor, i) => `${names[i]}: ${preview(tensor)}`)],
        ["trace", `${lowered.traceWords.toLocaleString("en")} words, ${exactElements} elements decided exactly`],
        ["time", `${milliseconds.toFixed(1)} ms`],
        ...(files === undefined ? [] : [["files", files] as const]),
      ]),
    };
  });
}

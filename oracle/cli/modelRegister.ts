import type { Command } from "commander";
import type { Dtype } from "../core/tensor.ts";
import { z } from "zod";
import { inspectModel } from "../canonical/lowering/inspect.ts";
import type { ProgramHead } from "../core/programHead.ts";
import { modelInterface, type Model, type TensorSpec } from "../chain/contracts.ts";
import { parsePercent } from "./amounts.ts";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { contentOptions, checkOwnUri, type ContentOptions } from "./content.ts";
import { CliError } from "./exitCodes.ts";
import { readNamedFile } from "./files.ts";
import { inspectOnnx, type Inspection, type Signature } from "./inspectOnnx.ts";
import { specText } from "./models.ts";
import { runs, table, type Terminal } from "./verb.ts";

interface Options extends ChainOptions, ContentOptions {
  uri: string;
  royalty: string;
  calibration?: string;
}

const zeroHash = `0x${"0".repeat(64)}`;

/** The inspection has found no obstacle, so dtypes and dimensions are what a record can hold. */
const specOf = ({ name, dtype, shape }: Signature): TensorSpec => ({
  name,
  dtype: dtype as Dtype,
  shape: shape as number[],
  deltaAbsolute: 0,
  deltaRelative: 0,
});

/** What makes a model adjudicable: the roots of its canonical program and each output's tolerance. */
interface Adjudication {
  programRoot: string;
  weightRoot: string;
  head: ProgramHead;
  tolerances: Map<string, { absolute: number; relative: number }>;
}

const word = z.int().min(0).max(0x7f7fffff);
const calibrationSchema = z.object({
  artifactHash: z.string(),
  programRoot: z.string(),
  weightRoot: z.string(),
  outputs: z.array(z.object({ name: z.string(), tolerance: z.object({ absolute: word, relative: word }).nullable() })),
});

/**
 * Reads what `model calibrate --json` printed, and makes sure that it is about this file.
 * @throws CliError bad-input
 */
async function readCalibration(path: string, file: string, bytes: Uint8Array, inspection: Inspection): Promise<Adjudication> {
  const text = (await readNamedFile(path)).toString("utf8");
  let read: z.infer<typeof calibrationSchema>;
  try {
    read = calibrationSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new CliError("bad-input", `${path} is no calibration; write one with \`assay model calibrate ${file} --json > ${path}\``, error);
  }
  const { adjudicable, programRoot, weightRoot, head } = inspectModel(bytes);
  if (!adjudicable)
    throw new CliError("bad-input", `${file} has no canonical program as it stands; \`assay model inspect ${file}\` says why`);
  const expected = { artifactHash: inspection.artifactHash, programRoot, weightRoot };
  for (const [name, value] of Object.entries(expected)) {
    const found = read[name as keyof typeof expected];
    if (found !== value)
      throw new CliError(
        "bad-input",
        `${path} is about another model: its ${name} is ${found}, that of ${file} is ${value}; calibrate again`,
      );
  }
  // An output for which there is no tolerance must be posted as the canonical evaluation gives it.
  const tolerances = new Map(read.outputs.map(({ name, tolerance }) => [name, tolerance ?? { absolute: 0, relative: 0 }]));
  const missing = inspection.outputs.find(({ name }) => !tolerances.has(name));
  if (missing !== undefined) throw new CliError("bad-input", `${path} says nothing of output "${missing.name}"; calibrate again`);
  return { programRoot: programRoot!, weightRoot: weightRoot!, head: head!, tolerances };
}

const withTolerance = (spec: TensorSpec, tolerance: { absolute: number; relative: number } | undefined): TensorSpec =>
  tolerance === undefined ? spec : { ...spec, deltaAbsolute: tolerance.absolute, deltaRelative: tolerance.relative };

export function addModelRegister(parent: Command, terminal: Terminal): void {
  const command = contentOptions(
    chainOptions(
      parent
        .command("register")
        .description(
          "Register an ONNX file for ever, with the signing account as its author. The file must already lie at --uri: operators fetch it there.",
        )
        .argument("<file>", "the ONNX file, all shapes fixed")
        .requiredOption("--uri <uri>", "where operators find the file: file:, http(s): or ipfs:")
        .option("--royalty <percent>", "the author's part of every fee", "0")
        .option(
          "--calibration <file>",
          "what `model calibrate --json` printed: makes the model adjudicable, with these tolerances; without it, answers can't be challenged",
        ),
      { signs: true },
    ),
  );
  const examples = [
    "model register recogniser.onnx --uri https://models.example/recogniser.onnx --royalty 2.5 --account author",
    "model register recogniser.onnx --uri file:///srv/models/recogniser.onnx --calibration recogniser.json --account author --json",
  ];
  runs<Options>(command, terminal, examples, async ({ options, note, terminal: { signal } }, file) => {
    const royaltyBps = parsePercent(options.royalty, "--royalty");
    const bytes = await readNamedFile(file);
    const inspection = inspectOnnx(file, bytes);
    if (inspection.obstacles.length > 0) throw new CliError("bad-input", `${file} can't be registered: ${inspection.obstacles.join("; ")}`);
    const adjudication =
      options.calibration === undefined ? undefined : await readCalibration(options.calibration, file, bytes, inspection);
    return withSigner(options, async (chain, signer) => {
      note(`fetching ${options.uri} to make sure that operators will find this very file`);
      await checkOwnUri(options, (store, uri) => store.fetchArtifact(uri, inspection.artifactHash, signal));
      const model: Model = {
        artifactHash: inspection.artifactHash,
        artifactURI: options.uri,
        programRoot: adjudication?.programRoot ?? zeroHash,
        weightRoot: adjudication?.weightRoot ?? zeroHash,
        inputs: inspection.inputs.map(specOf),
        outputs: inspection.outputs.map((output) => withTolerance(specOf(output), adjudication?.tolerances.get(output.name))),
        author: signer.address,
        royaltyBps,
      };
      const { hash, gasUsed, logs } = await chain.send(signer, chain.calls.registerModel(model, adjudication?.head), signal);
      const event = modelInterface.getEvent("ModelRegistered")!;
      const modelId = logs.find(({ topics }) => topics[0] === event.topicHash)!.topics[1]!;
      return {
        json: { modelId, ...model, transaction: hash, gasUsed },
        text: table([
          ["model", modelId],
          ["hash", model.artifactHash],
          ["file", model.artifactURI],
          ["inputs", model.inputs.map(specText)],
          ["outputs", model.outputs.map(specText)],
          ["adjudicable", adjudication === undefined ? "no: answers can't be challenged" : `yes, program ${model.programRoot}`],
          ["author", `${model.author}, royalty ${royaltyBps / 100} %`],
          ["transaction", `${hash} (${gasUsed} gas)`],
        ]),
      };
    });
  });
}

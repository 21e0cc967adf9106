import type { Command } from "commander";
import type { Dtype } from "../core/tensor.ts";
import { modelInterface, type Model, type TensorSpec } from "../chain/contracts.ts";
import { parsePercent } from "./amounts.ts";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { contentOptions, checkOwnUri, type ContentOptions } from "./content.ts";
import { CliError } from "./exitCodes.ts";
import { readNamedFile } from "./files.ts";
import { inspectOnnx, type Signature } from "./inspectOnnx.ts";
import { specText } from "./models.ts";
import { runs, table, type Terminal } from "./verb.ts";

interface Options extends ChainOptions, ContentOptions {
  uri: string;
  royalty: string;
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
        .option("--royalty <percent>", "the author's part of every fee", "0"),
      { signs: true },
    ),
  );
  const examples = [
    "model register recogniser.onnx --uri https://models.example/recogniser.onnx --royalty 2.5 --account author",
    "model register recogniser.onnx --uri file:///srv/models/recogniser.onnx --account author --json",
  ];
  runs<Options>(command, terminal, examples, async ({ options, note, terminal: { signal } }, file) => {
    const royaltyBps = parsePercent(options.royalty, "--royalty");
    const inspection = inspectOnnx(file, await readNamedFile(file));
    if (inspection.obstacles.length > 0) throw new CliError("bad-input", `${file} can't be registered: ${inspection.obstacles.join("; ")}`);
    return withSigner(options, async (chain, signer) => {
      note(`fetching ${options.uri} to make sure that operators will find this very file`);
      await checkOwnUri(options, (store, uri) => store.fetchArtifact(uri, inspection.artifactHash, signal));
      const model: Model = {
        artifactHash: inspection.artifactHash,
        artifactURI: options.uri,
        programRoot: zeroHash,
        weightRoot: zeroHash,
        inputs: inspection.inputs.map(specOf),
        outputs: inspection.outputs.map(specOf),
        author: signer.address,
        royaltyBps,
      };
      const { hash, gasUsed, logs } = await chain.send(signer, chain.calls.registerModel(model), signal);
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
          ["author", `${model.author}, royalty ${royaltyBps / 100} %`],
          ["transaction", `${hash} (${gasUsed} gas)`],
        ]),
      };
    });
  });
}

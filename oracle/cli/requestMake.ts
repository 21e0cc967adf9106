import { writeFile } from "node:fs/promises";
import { isAddress, ZeroAddress } from "ethers";
import { Option, type Command } from "commander";
import { transports, type RequestParams } from "../core/job.ts";
import { encodeBundle } from "../core/tensor.ts";
import { rootOfBundleBytes } from "../core/traceTree.ts";
import type { Signer } from "../chain/signer.ts";
import { formatAmount, parseAmount, parseSeconds } from "./amounts.ts";
import { awaitRequest, type Milestone } from "./awaitRequest.ts";
import { chainOptions, withSigner, type Chain, type ChainOptions } from "./chain.ts";
import { contentOptions, checkOwnUri, type ContentOptions } from "./content.ts";
import { CliError } from "./exitCodes.ts";
import { requireModel } from "./models.ts";
import { readAnswer, answerRows, rootText, topicOf } from "./requests.ts";
import { readInputs } from "./tensors.ts";
import { runs, table, type Terminal } from "./verb.ts";

interface Options extends ChainOptions, ContentOptions {
  input: string[];
  bundle?: string;
  fee: string;
  feeToken: string;
  bond: string;
  submitPeriod: string;
  window: string;
  wait?: Milestone;
  timeout: string;
  out?: string;
}

async function paramsOf(chain: Chain, modelId: string, options: Options): Promise<RequestParams> {
  if (!isAddress(options.feeToken)) throw new CliError("usage", `--fee-token ${options.feeToken} is no address`);
  const stakeUnit = await chain.unitOf(await chain.views.stakeToken());
  return {
    modelId,
    feeToken: options.feeToken,
    fee: parseAmount(options.fee, "--fee", await chain.unitOf(options.feeToken)),
    bond: parseAmount(options.bond, "--bond", stakeUnit),
    submitPeriod: parseSeconds(options.submitPeriod, "--submit-period"),
    challengeWindow: parseSeconds(options.window, "--window"),
    // A person has no callback.
    callbackGasLimit: 0,
    transport: transports.inline,
  };
}

/** @returns the transaction that asks. Input behind a URI is fetched first: a request that nobody can read would only lie there. */
async function callOf(chain: Chain, params: RequestParams, bundle: Uint8Array, options: Options, signal: AbortSignal) {
  const { uri } = options;
  if (uri === undefined) return chain.calls.request(params, bundle);
  const root = rootText(rootOfBundleBytes(bundle));
  await checkOwnUri({ ...options, uri }, (store) => store.fetchBundle(uri, root, signal));
  return chain.calls.requestByURI(params, root, uri);
}

async function payable(chain: Chain, signer: Signer, { feeToken, fee }: RequestParams): Promise<void> {
  if (feeToken !== ZeroAddress && fee > 0n) await chain.allow(signer, feeToken, chain.deployment.coordinator, fee);
}

export function addRequestMake(parent: Command, terminal: Terminal): void {
  const command = contentOptions(
    chainOptions(
      parent
        .command("make", { isDefault: true })
        .description("Ask for one inference. The fee is escrowed until the answer is final, or given back.")
        .argument("<model>", "identity of a registered model")
        .requiredOption(
          "--input <file>",
          "an input tensor: .npy, .json or raw bytes; NAME=FILE for a named one; repeat for each input",
          collect,
          [],
        )
        .option("--uri <uri>", "where the encoded inputs lie, instead of sending them along (see --bundle)")
        .option("--bundle <file>", "write the encoded inputs to this file first, to be served under --uri")
        .requiredOption("--fee <amount>", 'paid for the answer: "0.01" ETH, or "5wei"')
        .option("--fee-token <address>", "pay the fee in this token", ZeroAddress)
        .requiredOption("--bond <amount>", "stake that must stand behind the answer, in the stake token")
        .option("--submit-period <duration>", 'how long operators may answer: seconds, "10m", "2h"', "10m")
        .option("--window <duration>", "how long an answer may be challenged", "10m")
        .addOption(
          new Option("--wait [milestone]", "wait for an answer, or until it is final").choices(["answer", "final"]).preset("answer"),
        )
        .option("--timeout <duration>", "give up waiting after this long; the request stays", "10m")
        .option("--out <directory>", "write the answer's tensors as .npy files (with --wait)"),
      { signs: true },
    ),
  );
  const examples = [
    "request 0x1f… --input line.npy --fee 0.01 --bond 10 --account requester --wait",
    "request 0x1f… --input image=photo.raw --fee 0.01 --bond 10 --window 30 --account requester --wait final --out answer/",
    "request 0x1f… --input a.json --bundle inputs.bin --uri https://files.example/inputs.bin --fee 0.01 --bond 10 --key-file me.key",
  ];
  runs<Options>(command, terminal, examples, ({ options, note, terminal: { signal } }, modelId) =>
    withSigner(options, async (chain, signer) => {
      const model = await requireModel(chain, modelId);
      const bundle = encodeBundle(await readInputs(options.input, model));
      if (options.bundle !== undefined) await writeFile(options.bundle, bundle);
      const timeout = parseSeconds(options.timeout, "--timeout");
      const params = await paramsOf(chain, modelId, options);
      const call = await callOf(chain, params, bundle, options, signal);
      await payable(chain, signer, params);
      const { hash, gasUsed, logs } = await chain.send(signer, call, signal);
      const requestId = logs.find(({ topics }) => topics[0] === topicOf("Requested"))!.topics[1]!;
      const asked = { requestId, modelId, requester: signer.address, fee: params.fee, bond: params.bond, transaction: hash, gasUsed };
      const rows: [string, unknown][] = [
        ["request", requestId],
        ["fee", formatAmount(params.fee, await chain.unitOf(params.feeToken))],
        ["transaction", `${hash} (${gasUsed} gas)`],
      ];
      if (options.wait === undefined) return { json: asked, text: table(rows) };
      note(`request ${requestId} is made; waiting for ${options.wait === "final" ? "its answer to become final" : "an answer"}`);
      const story = await awaitRequest(chain, requestId, options.wait, timeout, note, signal);
      const outputs = model.outputs.map(({ name }) => name);
      const answer = await readAnswer(chain, story, outputs, options, signal);
      return {
        json: { ...asked, status: story.status, ...answer.json },
        text: table([...rows, ["status", story.status], ...answerRows(story, answer)]),
      };
    }),
  );
}

const collect = (file: string, files: string[]) => [...files, file];

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { buildTiny, tinyInputs } from "../../examples/tiny/model.ts";
import { exitCodes } from "../../oracle/cli/exitCodes.ts";
import { readNpy, writeNpy } from "../../oracle/core/npy.ts";
import { runAssay } from "../../scripts/local/processes.ts";
import { startNetwork, type Network } from "../support/commandLine.ts";

const input = Float32Array.from({ length: tinyInputs }, (_, i) => Math.sin(i));
const model = buildTiny(7);

/** What ONNX Runtime says by itself. */
async function expected(): Promise<Buffer> {
  const session = await InferenceSession.create(model);
  const { y } = await session.run({ x: new OrtTensor("float32", input, [1, tinyInputs]) });
  await session.release();
  return Buffer.from((y!.data as Float32Array).buffer);
}

let network: Network;
after(() => network?.close());
let modelId: string;
let npy: string;
before(async () => {
  network = await startNetwork();
  npy = join(network.directory, "x.npy");
  writeFileSync(npy, writeNpy({ dtype: "float32", shape: [1, tinyInputs], data: new Uint8Array(input.buffer) }));
});

test("a model is registered and an operator staked, through the command line", async () => {
  const { system, assay } = network;
  const path = await system.writeModel("tiny", model);
  const registered = await assay("model", "register", path, "--uri", pathToFileURL(path).href, "--royalty", "2.5", "--account", "author");
  modelId = registered.modelId as string;
  const shown = await assay("model", "show", modelId);
  assert.deepEqual([shown.artifactHash, shown.royaltyBps, shown.author], [registered.artifactHash, 250, registered.author]);
  await assay("operator", "register", "--endpoint", "https://operator.example", "--account", "operator");
  await assay("operator", "stake", "100", "--account", "operator");
  await assay("operator", "serve", modelId, "--account", "operator");
  const status = await assay("operator", "status", "operator");
  assert.deepEqual(
    [status.endpoint, status.stake, status.free, status.models],
    ["https://operator.example", String(100n * 10n ** 18n), String(100n * 10n ** 18n), [modelId]],
  );
});

test("a request is answered by the node with what ONNX Runtime says, and becomes final by itself", async () => {
  const { system, assay, directory } = network;
  const node = await system.startNode({ account: "operator" });
  const out = join(directory, "answer");
  const common = ["--fee", "0.01", "--bond", "10", "--account", "requester", "--timeout", "3600"];
  const made = await assay("request", modelId, "--input", npy, ...common, "--window", "4", "--wait", "final", "--out", out);
  assert.equal(made.status, "FINALIZED");
  const answer = readNpy(await readFile(join(out, "y.npy")));
  assert.deepEqual(Buffer.from(answer.data), await expected());
  const status = await assay("operator", "status", "operator");
  // 2 % for the protocol, 2.5 % for the author.
  assert.equal(BigInt(status.owedEth as string), (10n ** 16n * 955n) / 1000n);
  const { withdrawn } = await assay("operator", "withdraw", "--account", "operator");
  assert.deepEqual(
    (withdrawn as { what: string; amount: string }[]).map(({ what, amount }) => [what, amount]),
    [["earnings", status.owedEth]],
  );
  assert.equal(await node.stop(), 0, "SIGTERM ends the node in order");
});

test("E11 float inputs by URI are answered with what ONNX Runtime says", async () => {
  const { system, assay, directory } = network;
  const node = await system.startNode({ account: "operator" });
  const common = ["--fee", "0.001", "--bond", "10", "--account", "requester", "--timeout", "3600"];
  const out = join(directory, "answerByUri");
  const bundle = join(directory, "inputs", "x.bin");
  mkdirSync(join(directory, "inputs"), { recursive: true });
  const place = ["--bundle", bundle, "--uri", pathToFileURL(bundle).href];
  try {
    const made = await assay("request", modelId, "--input", npy, ...place, ...common, "--wait", "--out", out);
    assert.equal(made.status, "SUBMITTED");
    assert.deepEqual(Buffer.from(readNpy(await readFile(join(out, "y.npy"))).data), await expected());
  } finally {
    await node.stop();
  }
});

test("without a node, anyone finalizes an answer through the command line once its window is over", async () => {
  const { system, assay } = network;
  const node = await system.startNode({ account: "operator" });
  const common = ["--fee", "0.001", "--bond", "10", "--account", "requester", "--timeout", "3600"];
  const { requestId } = (await assay("request", modelId, "--input", `x=${npy}`, ...common, "--window", "1h", "--wait")) as {
    requestId: string;
  };
  await node.stop();
  const shown = await assay("request", "show", requestId);
  assert.equal(shown.status, "SUBMITTED");
  await system.passTime(3600);
  const finalized = await assay("finalize", requestId, "--account", "requester2");
  assert.equal(finalized.delivered, true);
  const { requests, total } = (await assay("request", "list", "--requester", "requester")) as {
    requests: { requestId: string; stage: string }[];
    total: number;
  };
  assert.equal(total, 3);
  assert.deepEqual([requests[0]!.requestId, requests[0]!.stage], [requestId, "FINALIZED"]);
});

test("request --wait says at once why operators may decline: no operator, no such bond, a fee below its cost", async () => {
  const { system } = network;
  const { modelId: unserved } = await system.registerModel("author", "unserved", buildTiny(9));
  const ask = async (model: string, fee: string, bond: string) => {
    const terms = ["--fee", fee, "--bond", bond, "--account", "requester", "--wait", "final", "--timeout", "1"];
    const { code, err } = await runAssay(["request", model, "--input", npy, ...terms, "--deployment", system.deploymentFile]);
    assert.equal(code, exitCodes.timeout, err);
    return err;
  };
  assert.match(await ask(unserved, "0.01", "10"), /may decline request 0x[0-9a-f]{64}: no operator serves model 0x/);
  assert.match(
    await ask(modelId, "0.01", "5000"),
    /the bond is 5000\.0 ATT; no operator that serves the model has staked more than 100\.0 ATT/,
  );
  assert.match(await ask(modelId, "5wei", "10"), /the fee 5 leaves 5 after protocol fee and royalty: \d+ gas at \d+ wei/);
  assert.doesNotMatch(await ask(modelId, "0.01", "10"), /may decline/);
});

test("a request that nobody answers is refunded", async () => {
  const { system, assay } = network;
  const common = ["--fee", "0.5", "--bond", "10", "--account", "requester"];
  const { requestId } = (await assay("request", modelId, "--input", npy, ...common, "--submit-period", "60")) as { requestId: string };
  await system.passTime(60);
  await assay("request", "refund", requestId, "--account", "requester2");
  const { withdrawn } = await assay("operator", "withdraw", "--account", "requester");
  assert.equal((withdrawn as { amount: string }[])[0]!.amount, String(5n * 10n ** 17n));
});

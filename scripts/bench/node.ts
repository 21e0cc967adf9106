/** The node on a local chain, as processes of their own: how much time it adds to an inference, and what a burst does to it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ZeroAddress } from "ethers";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { renderLine } from "../../examples/recogniser/line.ts";
import { buildRecogniser } from "../../examples/recogniser/model.ts";
import { coordinatorInterface, type ContractCall } from "../../oracle/chain/contracts.ts";
import { quantity } from "../../oracle/chain/rpc.ts";
import { topicOf } from "../../oracle/cli/requests.ts";
import type { RequestParams } from "../../oracle/core/job.ts";
import { encodeBundle, type Tensor } from "../../oracle/core/tensor.ts";
import { Database } from "../../oracle/store/database.ts";
import { JobStore, type JobTiming } from "../../oracle/store/jobs.ts";
import { LocalSystem } from "../local/localSystem.ts";
import { Processes, type AssayProcess } from "../local/processes.ts";
import { once, type Bench } from "./harness.ts";

const latencyRequests = 50;
const burstRequests = 500;
const burstPerTransaction = 20;
const ortRuns = 100;

interface Bed {
  system: LocalSystem;
  node: AssayProcess;
  directory: string;
  params: RequestParams;
  lines: Tensor[];
  inputs: Uint8Array[];
}

const texts = Array.from({ length: 10 }, (_, i) => `line ${i} of the bench`);

/** A chain, an operator with the recogniser, and its node. */
const bed = once(async (): Promise<Bed> => {
  const directory = mkdtempSync(join(tmpdir(), "assay-bench-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const system = await LocalSystem.start(directory, new Processes(directory));
  const { modelId } = await system.registerModel("author", "recogniser", buildRecogniser());
  await system.registerOperator({ account: "operator", stake: 100_000n, models: [modelId] });
  const node = await system.startNode({ account: "operator" });
  const lines = await Promise.all(texts.map(renderLine));
  return {
    system,
    node,
    directory,
    lines,
    inputs: lines.map((line) => encodeBundle([line])),
    // The window is longer than the measurement: what is measured is answering, not finalizing.
    params: {
      modelId,
      feeToken: ZeroAddress,
      fee: 10n ** 15n,
      bond: 10n ** 18n,
      submitPeriod: 3600,
      challengeWindow: 3600,
      callbackGasLimit: 0,
      transport: 0,
    },
  };
});

/** Signs calls with consecutive nonces, so that nothing but sending is left to do. @returns raw transactions. */
async function sign({ system }: Bed, calls: readonly ContractCall[], gasLimit: bigint): Promise<string[]> {
  const signer = system.signer("requester");
  const nonce = Number(await system.chain.rpc.call<string>("eth_getTransactionCount", [signer.address, "latest"]));
  const { chainId } = system.chain.deployment;
  const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n };
  return calls.map(({ to, data, value = 0n }, i) => signer.sign({ to, data, value, chainId, nonce: nonce + i, gasLimit, ...fees }).raw);
}

/** @returns identities of the requests among a transaction's logs; the transaction is mined when it has been sent. */
async function requestsIn({ system }: Bed, hash: string): Promise<string[]> {
  const receipt = await system.chain.rpc.call<{ status: string; logs: { topics: string[] }[] }>("eth_getTransactionReceipt", [hash]);
  if (receipt.status !== "0x1") throw new Error(`the requests of transaction ${hash} were refused`);
  return receipt.logs.filter(({ topics }) => topics[0] === topicOf("Requested")).map(({ topics }) => topics[1]!);
}

const answeredSince = async ({ system }: Bed, block: number): Promise<string[]> =>
  (await system.chain.logs(system.chain.deployment.coordinator, [topicOf("Submitted")], block)).map(({ topics }) => topics[1]!);

async function until(what: string, seconds: number, reached: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + 1000 * seconds;
  while (performance.now() < deadline) {
    if (await reached()) return true;
    await sleep(20);
  }
  process.stderr.write(`bench: ${what} took more than ${seconds} s\n`);
  return false;
}

/** What the node wrote down, read while it runs. */
function timings({ directory }: Bed): JobTiming[] {
  const db = new Database(join(directory, "data", "operator", "store.db"));
  try {
    return new JobStore(db).timings();
  } finally {
    db.close();
  }
}

/** Milliseconds from the moment before the request is sent to be mined, to the answer's transaction sent, less the model's inference. */
const overheads = once(async (): Promise<number[]> => {
  const at = await bed();
  const { system, params, inputs } = at;
  const sentAt = new Map<string, number>();
  // One more, first, that warms everything up.
  for (let i = -1; i < latencyRequests; i++) {
    const [raw] = await sign(at, [system.chain.calls.request(params, inputs[(i + inputs.length) % inputs.length]!)], 2_000_000n);
    const { number } = await system.chain.head();
    // The local chain mines at once: the block is made while the transaction is sent.
    const before = Date.now();
    const hash = await system.chain.rpc.call<string>("eth_sendRawTransaction", [raw]);
    const [requestId] = await requestsIn(at, hash);
    if (!(await until("an answer", 30, async () => (await answeredSince(at, number)).includes(requestId!)))) throw new Error("no answer");
    if (i >= 0) sentAt.set(requestId!, before);
    // Not in step with the node's polling.
    await sleep(((i + 1) * 37) % 100);
  }
  return timings(at)
    .filter(({ requestId }) => sentAt.has(requestId))
    .map(({ requestId, sentAt: sent, inferenceMilliseconds }) => sent! - sentAt.get(requestId)! - inferenceMilliseconds!);
});

/** @returns requests per second that ONNX Runtime alone answers, one after another, with its default threads. */
async function plainOrt(lines: readonly Tensor[]): Promise<number> {
  const session = await InferenceSession.create(buildRecogniser());
  const feeds = lines.map(({ data, shape }) => ({ [session.inputNames[0]!]: new OrtTensor("uint8", data, shape) }));
  for (const feed of feeds) await session.run(feed);
  const started = performance.now();
  for (let i = 0; i < ortRuns; i++) await session.run(feeds[i % feeds.length]!);
  const perSecond = (1000 * ortRuns) / (performance.now() - started);
  await session.release();
  return perSecond;
}

/** @returns how often each request stands in the operator's submissions, successful or not, since `block`. */
async function submissions({ system }: Bed, block: number): Promise<Map<string, number>> {
  const { number: head } = await system.chain.head();
  const operator = system.signer("operator").address.toLowerCase();
  const counts = new Map<string, number>();
  for (let number = block; number <= head; number++) {
    const { transactions } = await system.chain.rpc.call<{ transactions: { from: string; input: string }[] }>("eth_getBlockByNumber", [
      quantity(number),
      true,
    ]);
    for (const { from, input } of transactions) {
      if (from.toLowerCase() !== operator) continue;
      const call = coordinatorInterface.parseTransaction({ data: input });
      if (call === null || !call.name.startsWith("submit")) continue;
      const requests = (call.name === "submitBatch" ? call.args[0] : [call.args[0]]) as unknown[];
      for (const request of requests) {
        const key = coordinatorInterface.encodeFunctionData("refund", [request]);
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
  }
  return counts;
}

const burst = once(async () => {
  const at = await bed();
  const { system, params, inputs, lines } = at;
  const ort = await plainOrt(lines);
  const { number: block } = await system.chain.head();
  const batch = Array.from({ length: burstPerTransaction }, () => params);
  const calls = Array.from({ length: burstRequests / burstPerTransaction }, (_, i) =>
    system.chain.calls.requestBatch(
      batch,
      batch.map((_, j) => inputs[(i * burstPerTransaction + j) % inputs.length]!),
    ),
  );
  const raws = await sign(at, calls, 16_000_000n);
  const started = performance.now();
  const hashes: string[] = [];
  for (const raw of raws) hashes.push(await system.chain.rpc.call<string>("eth_sendRawTransaction", [raw]));
  const asked = new Set((await Promise.all(hashes.map((hash) => requestsIn(at, hash)))).flat());
  if (asked.size !== burstRequests) throw new Error(`${asked.size} requests were made, not ${burstRequests}`);
  let answered = new Set<string>();
  await until(
    "the burst",
    240,
    async () => (answered = new Set((await answeredSince(at, block + 1)).filter((id) => asked.has(id)))).size === asked.size,
  );
  const seconds = (performance.now() - started) / 1000;
  const doubled = [...(await submissions(at, block + 1)).values()].filter((count) => count > 1).length;
  return { lost: asked.size - answered.size, doubled, perSecond: answered.size / seconds, ort };
});

const median = (values: number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

export const benches: Bench[] = [
  { name: "latency.overhead_p50", unit: "ms", target: 150, run: async () => median(await overheads()) },
  { name: "burst.lost", unit: "requests", target: 0, run: async () => (await burst()).lost },
  { name: "burst.doubled", unit: "requests", target: 0, run: async () => (await burst()).doubled },
  {
    name: "burst.over_ort",
    unit: "ratio of requests per second to plain ONNX Runtime's",
    target: null,
    better: "higher",
    run: async () => {
      const { perSecond, ort } = await burst();
      process.stderr.write(`bench: ${perSecond.toFixed(1)} requests per second, plain ONNX Runtime ${ort.toFixed(1)}\n`);
      return perSecond / ort;
    },
  },
];

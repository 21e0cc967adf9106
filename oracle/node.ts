/** The composition root: the only place that wires stages and services. */
import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Calls, Views } from "./chain/contracts.ts";
import { quantity, Rpc } from "./chain/rpc.ts";
import { Sender } from "./chain/sender.ts";
import type { Config } from "./config.ts";
import { ContentStore } from "./content/contentStore.ts";
import { ChainClock } from "./core/chainClock.ts";
import { eligibleAt } from "./core/eligibility.ts";
import { Loop } from "./core/loop.ts";
import type { Head, NodePolicy } from "./core/nextAction.ts";
import { Publisher } from "./publisher/publisher.ts";
import { Runtime } from "./runtime/runtime.ts";
import { DeclinedError } from "./scheduler/evaluate.ts";
import { ModelCache } from "./scheduler/modelCache.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import { ChainLog } from "./store/chainLog.ts";
import { Database } from "./store/database.ts";
import { claimStore } from "./store/facts.ts";
import { Journal } from "./store/journal.ts";
import { JobStore, type JobTiming } from "./store/jobs.ts";
import { acquireLock } from "./store/lock.ts";
import { crashPoint } from "./telemetry/crashPoint.ts";
import type { Logger } from "./telemetry/log.ts";
import { createMetrics, type Metrics } from "./telemetry/metrics.ts";
import { DeepReorgError, Watcher } from "./watcher/watcher.ts";

/** The node can't start, or can't go on; the message says what to do. */
export class NodeError extends Error {
  override name = "NodeError";
}

export interface NodeStats {
  operator: string;
  /** The last block that was read; null before the first. */
  head: { number: number; hash: string } | null;
  /** How many jobs stand where, as `status/work`. */
  jobs: Record<string, number>;
  /** Evaluations that are going on. */
  running: number;
}

export interface Node {
  readonly metrics: Metrics;
  stats(): NodeStats;
  /** @returns when each job passed its stations, in the order of the requests. */
  timings(): JobTiming[];
  /** Ends when the node has stopped; rejects where it could not go on. */
  readonly finished: Promise<void>;
  /** Stops: what is being done is ended or left to the next start, within the grace period. */
  stop(): Promise<void>;
}

interface StartOptions {
  log: Logger;
  /** Aborting it stops the node. */
  signal?: AbortSignal;
}

/** @throws NodeError, ConfigError, LockError, StoreError, RuntimeError, ChainUnavailableError: none of them leaves anything running. */
export async function startNode(config: Config, options: StartOptions): Promise<Node> {
  const cleanup: (() => Promise<void> | void)[] = [];
  try {
    return await assemble(config, options, cleanup);
  } catch (error) {
    for (const undo of cleanup.reverse()) await undo();
    throw error;
  }
}

async function assemble(config: Config, { log, signal }: StartOptions, cleanup: (() => Promise<void> | void)[]): Promise<Node> {
  const { signer, contracts: deployment, dataDirectory } = config;
  const metrics = createMetrics();
  mkdirSync(dataDirectory, { recursive: true });
  for (const [path, what] of [
    [join(dataDirectory, "lock"), `the data directory ${dataDirectory}`],
    [join(config.lockDirectory, `${deployment.chainId}-${signer.address}`), `the operator's key (${signer.address})`],
  ] as const) {
    const lock = acquireLock(path, what);
    cleanup.push(() => lock.release());
  }
  const db = new Database(join(dataDirectory, "store.db"));
  cleanup.push(() => db.close());
  const rpc = new Rpc({
    urls: config.chain.rpc,
    timeoutMs: config.chain.timeoutMilliseconds,
    rounds: config.chain.rounds,
    log,
    onFailure: (provider) => metrics.rpcFailures.inc({ provider }),
  });
  cleanup.push(() => rpc.close());
  const clock = new ChainClock();
  await checkChain(config, rpc, db, clock);

  const content = new ContentStore({
    directory: join(dataDirectory, "content"),
    allowPrivateAddresses: config.content.allowPrivateAddresses,
    allowedFileRoots: config.content.allowedFileRoots,
    maxBytes: config.content.maxMebibytes * 2 ** 20,
    ...(config.content.ipfsGateway === undefined ? {} : { ipfsGateway: config.content.ipfsGateway }),
  });
  const runtime = await Runtime.start({
    providers: config.runtime.providers,
    workers: config.scheduler.workers,
    memoryLimitBytes: config.runtime.memoryLimitMebibytes * 2 ** 20,
    log,
  });
  cleanup.push(() => runtime.close());

  const crash = crashPoint(config.testing.crashPoint);
  const chainLog = new ChainLog(db);
  const jobs = new JobStore(db);
  const journal = new Journal(db, signer.address);
  const views = new Views(rpc, deployment);
  const models = new ModelCache((modelId) => views.model(modelId), content, runtime);
  const shared = { jobs, log, metrics, crashPoint: crash };
  const account = new AccountView(views, signer.address);
  const head = (): Head | undefined => {
    const block = chainLog.head();
    return block && { number: block.number, hash: block.hash, time: clock.now() };
  };
  const policy = (reserved: bigint): NodePolicy => policyOf(config, chainLog, account, reserved + jobs.bondsOnTheWay());

  const watcher = new Watcher({
    rpc,
    chainLog,
    clock,
    deployment,
    operator: signer.address,
    confirmations: config.chain.confirmations,
    maxRange: config.chain.maxRange,
    stallMs: config.chain.stallMilliseconds,
    log,
    metrics,
    crashPoint: crash,
  });
  const sender = new Sender({
    rpc,
    journal,
    signer,
    chainId: deployment.chainId,
    feeCeiling: BigInt(Math.round(config.fees.ceilingGwei * 1e9)),
    stuckBlocks: config.fees.stuckBlocks,
    log,
    metrics,
    crashPoint: crash,
  });
  const publisher = new Publisher({
    ...shared,
    journal,
    sender,
    calls: new Calls(deployment),
    head,
    policy: () => policy(0n),
    limits: { items: config.publisher.batchItems, bytes: config.publisher.batchBytes, gas: config.publisher.batchGas },
  });
  const scheduler = new Scheduler({
    ...shared,
    models,
    content,
    runtime,
    head,
    policy,
    concurrency: 2 * config.scheduler.workers,
    timeoutMs: config.scheduler.timeoutMilliseconds,
    publishOutput: (root, output) => publishOutput(config, root, output),
    onProgress: () => {
      scheduling.wake();
      publishing.wake();
    },
  });

  const finished = Promise.withResolvers<void>();
  finished.promise.catch(() => undefined);
  const report = (error: unknown) => {
    if (error instanceof DeepReorgError) void stop(new NodeError(error.message, { cause: error }));
    else log.error({ err: error }, "a stage failed and is run again");
  };
  let second = 0;
  const watching = new Loop(async () => {
    const changed = await watcher.sync();
    if (changed) {
      // An evaluation that was begun on stake of one block ago is at worst submitted later: it doesn't wait for the refresh.
      scheduling.wake();
      await account.refresh();
    }
    // Nothing changed, but time passed: something may have become due.
    if (!changed && clock.now() === second) return;
    second = clock.now();
    scheduling.wake();
    publishing.wake();
  }, report);
  const scheduling = new Loop(() => scheduler.tick(), report);
  const publishing = new Loop(() => publisher.tick(), report);

  await watcher.sync();
  await account.refresh();
  await sender.resume(chainLog.head()?.number ?? 0);
  for (const modelId of chainLog.servedModels()) {
    models.get(modelId).then(
      () => log.info({ model: modelId }, "a served model is ready"),
      (error: unknown) =>
        log.error({ model: modelId, err: error }, "a served model can't be loaded; its requests will be declined or tried again"),
    );
  }
  rpc.watchHeads(() => watching.wake());
  const polling = setInterval(() => watching.wake(), config.chain.pollMilliseconds);
  watching.wake();
  log.info({ operator: signer.address, chain: deployment.chainId, head: chainLog.head()?.number }, "the node runs");

  let stopped: Promise<void> | undefined;
  const stop = (failure?: NodeError): Promise<void> => (stopped ??= shutDown(failure));
  async function shutDown(failure?: NodeError): Promise<void> {
    log.info("stopping");
    clearInterval(polling);
    publisher.stop();
    await Promise.all([watching.stop(), scheduling.stop(), scheduler.stop(config.shutdown.graceMilliseconds)]);
    await publishing.stop();
    for (const undo of cleanup.reverse()) await undo();
    log.info("stopped");
    if (failure === undefined) finished.resolve();
    else finished.reject(failure);
  }
  signal?.addEventListener("abort", () => void stop(), { once: true });
  if (signal?.aborted) void stop();

  return {
    metrics,
    finished: finished.promise,
    stop: () => stop(),
    timings: () => jobs.timings(),
    stats: () => {
      const block = chainLog.head();
      return {
        operator: signer.address,
        head: block === undefined ? null : { number: block.number, hash: block.hash },
        jobs: jobs.counts(),
        running: scheduler.running,
      };
    },
  };
}

/** @throws NodeError where chain, contracts or account are not what the configuration says. */
async function checkChain(config: Config, rpc: Rpc, db: Database, clock: ChainClock): Promise<void> {
  const { contracts, signer } = config;
  const [chainId, code, balance, genesis, pending] = (await rpc.batch([
    { method: "eth_chainId", params: [] },
    { method: "eth_getCode", params: [contracts.coordinator, "latest"] },
    { method: "eth_getBalance", params: [signer.address, "latest"] },
    { method: "eth_getBlockByNumber", params: [quantity(0), false] },
    { method: "eth_getBlockByNumber", params: ["pending", false] },
  ])) as [string, string, string, { hash: string } | null, { timestamp: string } | null];
  const names = rpc.names.join(", ");
  if (Number(chainId) !== contracts.chainId) {
    throw new NodeError(`${names} is chain ${Number(chainId)}, contracts.chainId says ${contracts.chainId}: correct one of them`);
  }
  if (code === "0x") {
    throw new NodeError(
      `there is no contract at ${contracts.coordinator} on chain ${contracts.chainId}: correct contracts.coordinator or deploy first`,
    );
  }
  if (BigInt(balance) === 0n) {
    throw new NodeError(
      `the operator ${signer.address} has no ETH on chain ${contracts.chainId} to pay for gas: send it some, then start again`,
    );
  }
  claimStore(db, { chain: genesis?.hash ?? chainId, coordinator: contracts.coordinator, operator: signer.address });
  // The last block may be old: the pending one has the chain's time now.
  if (pending !== null) clock.observe(Number(pending.timestamp));
}

/** Answers that don't fit in a transaction go where `outputs` says. @returns their URI, or "". */
async function publishOutput({ outputs: { inlineBytes, directory, baseUrl } }: Config, root: string, output: Uint8Array): Promise<string> {
  if (output.length <= inlineBytes) return "";
  if (directory === undefined || baseUrl === undefined) {
    throw new DeclinedError(
      `the answer has ${output.length} bytes, more than outputs.inlineBytes (${inlineBytes}): write outputs.directory and outputs.baseUrl to answer by URI`,
    );
  }
  mkdirSync(directory, { recursive: true });
  await writeFile(join(directory, root), output);
  return `${baseUrl.replace(/\/$/, "")}/${root}`;
}

/** The operator's stake as of the last refresh. */
class AccountView {
  stake = 0n;
  active = 0n;
  free = 0n;
  readonly #views: Views;
  readonly #address: string;

  constructor(views: Views, address: string) {
    this.#views = views;
    this.#address = address;
  }

  async refresh(): Promise<void> {
    ({ stake: this.stake, active: this.active, free: this.free } = await this.#views.stakeOf(this.#address));
  }
}

function policyOf({ scheduler, signer }: Config, chainLog: ChainLog, account: AccountView, reserved: bigint): NodePolicy {
  const served = chainLog.servedModels();
  const fees = Object.entries(scheduler.minimumFees);
  return {
    operator: signer.address,
    serves: (modelId) => served.has(modelId),
    minimumFee: (token) => (fees.length === 0 ? 0n : (fees.find(([name]) => name === token)?.[1] ?? null)),
    stake: account.stake,
    freeStake: account.free - reserved,
    eligibleAt: ({ requestId, request }) => eligibleAt(requestId, request, signer.address, account.active),
    submitMargin: scheduler.submitMarginSeconds,
    evaluationLead: scheduler.evaluationLeadSeconds,
  };
}

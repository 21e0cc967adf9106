/** The composition root: the only place that wires stages and services. */
import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Evaluations } from "./canonical/dispute/evaluations.ts";
import { isAdjudicable } from "./canonical/dispute/library.ts";
import { Calls, type Model } from "./chain/contracts.ts";
import { DisputeCalls } from "./chain/disputeCalls.ts";
import { DisputeViews } from "./chain/disputeViews.ts";
import { Moves } from "./chain/moves.ts";
import type { Config } from "./config.ts";
import { eligibleAt } from "./core/eligibility.ts";
import type { Job, Request } from "./core/job.ts";
import { Loop } from "./core/loop.ts";
import type { NodePolicy } from "./core/nextAction.ts";
import { reasonAgainst as reasonAgainstFee } from "./core/pricing.ts";
import { selfCheckOf } from "./core/selfCheck.ts";
import { dtypes, elementCount } from "./core/tensor.ts";
import { lay, startFailure } from "./foundation.ts";
import { Defender } from "./publisher/defender.ts";
import { Publisher } from "./publisher/publisher.ts";
import { DeclinedError } from "./scheduler/evaluate.ts";
import { ModelCache } from "./scheduler/modelCache.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import { SelfChecker } from "./selfcheck/selfChecker.ts";
import { Service } from "./service.ts";
import type { ChainLog } from "./store/chainLog.ts";
import type { JobTiming } from "./store/jobs.ts";
import type { Logger } from "./telemetry/log.ts";
import { createMetrics, type Metrics } from "./telemetry/metrics.ts";
import type { Stake } from "./watcher/ownState.ts";

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
    throw startFailure(error, config.chain.rpc);
  }
}

async function assemble(config: Config, { log, signal }: StartOptions, cleanup: (() => Promise<void> | void)[]): Promise<Node> {
  const metrics = createMetrics();
  const foundation = await lay(config, { log, metrics, othersAnswers: false, signal }, cleanup);
  const { signer, contracts: deployment, dataDirectory } = config;
  const { rpc, clock, content, runtime, crashPoint, chainLog, jobs, journal, views, head, watcher, ownState, sender, library } = foundation;
  const models = new ModelCache(
    (modelId) => views.model(modelId),
    content,
    runtime,
    async (modelId, model) => {
      if (isAdjudicable(model)) await library.get(modelId);
    },
  );
  const shared = { jobs, log, metrics, crashPoint };
  const reasonAgainst = ({ params, protocolFeeBps }: Request) => {
    const model = models.known(params.modelId);
    const size = model === undefined ? 0 : bundleBytes(model.outputs);
    const outputBytes = size > config.outputs.inlineBytes ? 0 : size;
    const around = { gasPrice: watcher.baseFee + sender.tip, outputBytes, protocolFeeBps, royaltyBps: model?.royaltyBps ?? 0 };
    return reasonAgainstFee(params, around, config.scheduler);
  };
  const policy = (reserved: bigint): NodePolicy => ({
    ...policyOf(config, chainLog, ownState.stake, reserved + jobs.bondsOnTheWay()),
    lockedFor: (requester) => jobs.lockedFor(signer.address, requester),
    reasonAgainst,
  });

  const calls = new Calls(deployment);
  const moves = new Moves({ journal, sender, log, metrics });

  const publisher = new Publisher({
    ...shared,
    journal,
    sender,
    calls,
    head,
    policy: () => policy(0n),
    limits: { items: config.publisher.batchItems, bytes: config.publisher.batchBytes, gas: config.publisher.batchGas },
  });
  const evaluations = new Evaluations(library, join(dataDirectory, "traces"), () => publishing.wake());
  cleanup.push(() => evaluations.close());
  const { disputeGame } = deployment;
  if (disputeGame === undefined) log.warn("contracts.disputeGame is missing: this node can't defend its answers");
  const defender =
    disputeGame === undefined
      ? undefined
      : new Defender({
          operator: signer.address,
          jobs,
          disputes: foundation.disputes,
          evaluations,
          calls: new DisputeCalls({ chainId: deployment.chainId, disputeGame }),
          moves,
          content,
          head,
          log,
        });
  const checks = {
    selfCheckOf: ({ requestId, request }: Job, model: Model) =>
      selfCheckOf(requestId, request.params.bond, model, { ...config.selfCheck, secret: foundation.samplingSecret }),
    publishOutput: (root: string, output: Uint8Array) => publishOutput(config, root, output),
  };
  const selfChecker = new SelfChecker({
    ...shared,
    ...checks,
    disputes: foundation.disputes,
    canonical: library,
    readModel: (modelId) => models.record(modelId),
    content,
    calls,
    moves,
    policy: () => policy(0n),
    head,
    commitDelay: disputeGame === undefined ? null : (await new DisputeViews(rpc, disputeGame).parameters()).commitDelay,
    onProgress: () => {
      checking.wake();
      publishing.wake();
    },
  });
  const scheduler = new Scheduler({
    ...shared,
    ...checks,
    models,
    content,
    runtime,
    head,
    policy,
    concurrency: 2 * config.scheduler.workers,
    timeoutMs: config.scheduler.timeoutMilliseconds,
    onProgress: () => {
      scheduling.wake();
      publishing.wake();
      checking.wake();
    },
  });

  const report = (error: unknown) => service.report(error);
  const scheduling = new Loop(() => scheduler.tick(), report);
  const publishing = new Loop(async () => {
    await publisher.tick();
    await defender?.tick();
  }, report);
  const checking = new Loop(() => selfChecker.tick(), report);

  await watcher.sync();
  await ownState.check();
  await sender.resume(chainLog.head()?.number ?? 0);
  for (const modelId of chainLog.servedModels()) {
    models.get(modelId).then(
      () => log.info({ model: modelId }, "a served model is ready"),
      (error: unknown) =>
        log.error({ model: modelId, err: error }, "a served model can't be loaded; its requests will be declined or tried again"),
    );
  }
  const service = new Service({
    rpc,
    watcher,
    clock,
    graceMs: config.shutdown.graceMilliseconds,
    onBlocks() {
      // An evaluation that was begun on stake of one block ago is at worst submitted later: it doesn't wait for the check.
      scheduling.wake();
      return ownState.check();
    },
    onChange() {
      scheduling.wake();
      publishing.wake();
      checking.wake();
    },
    async stopStages() {
      publisher.stop();
      await Promise.all([scheduling.stop(), scheduler.stop(config.shutdown.graceMilliseconds)]);
      await Promise.all([checking.stop(), selfChecker.stop()]);
      await publishing.stop();
    },
    cleanup,
    log,
    signal,
  });
  foundation.started();
  service.run();
  log.info({ operator: signer.address, chain: deployment.chainId, head: chainLog.head()?.number }, "the node runs");

  return {
    metrics,
    finished: service.finished,
    stop: () => service.stop(),
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

/** @returns bytes of the tensors' elements; what a bundle says about them besides is little. */
const bundleBytes = (specs: Model["outputs"]): number =>
  specs.reduce((sum, { dtype, shape }) => sum + elementCount(shape) * dtypes[dtype].size, 0);

const partOf = (amount: bigint, share: number): bigint => (amount * BigInt(Math.round(share * 10_000))) / 10_000n;

function policyOf(
  { scheduler, signer }: Config,
  chainLog: ChainLog,
  account: Stake,
  reserved: bigint,
): Omit<NodePolicy, "lockedFor" | "reasonAgainst"> {
  const served = chainLog.servedModels();
  const fees = Object.entries(scheduler.minimumFees);
  return {
    operator: signer.address,
    serves: (modelId) => served.has(modelId),
    minimumFee: (token) => (fees.length === 0 ? 0n : (fees.find(([name]) => name === token)?.[1] ?? null)),
    stake: account.stake,
    freeStake: account.free - reserved,
    answerLimit: partOf(account.stake, scheduler.answerShare),
    consumerLimit: partOf(account.stake, scheduler.consumerShare),
    eligibleAt: ({ requestId, request }) => eligibleAt(requestId, request, signer.address, account.active),
    submitMargin: scheduler.submitMarginSeconds,
    evaluationLead: scheduler.evaluationLeadSeconds,
  };
}

/** The composition root: the only place that wires stages and services. */
import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Evaluations } from "./canonical/dispute/evaluations.ts";
import { isAdjudicable } from "./canonical/dispute/library.ts";
import { Calls, type Model } from "./chain/contracts.ts";
import { DisputeCalls, PublicationCalls } from "./chain/disputeCalls.ts";
import { DisputeViews, PublicationViews } from "./chain/disputeViews.ts";
import { Escrows } from "./chain/escrows.ts";
import { Moves } from "./chain/moves.ts";
import type { Config } from "./config.ts";
import { withOwnOutputs } from "./content/ownOutputs.ts";
import { eligibleAt } from "./core/eligibility.ts";
import { transports, type Job, type Request } from "./core/job.ts";
import { Loop } from "./core/loop.ts";
import type { NodePolicy } from "./core/nextAction.ts";
import { reasonAgainst as reasonAgainstFee } from "./core/pricing.ts";
import { selfCheckOf } from "./core/selfCheck.ts";
import { dtypes, elementCount } from "./core/tensor.ts";
import { lay, startFailure, type Foundation } from "./foundation.ts";
import { ChunkPublisher, type ChunkPublisherOptions } from "./publisher/chunkPublisher.ts";
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
  const { signer, dataDirectory } = config;
  const { deployment } = foundation;
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
    const outputBytes = params.transport === transports.onDemand ? 0 : size;
    const around = { gasPrice: watcher.baseFee + sender.tip, outputBytes, protocolFeeBps, royaltyBps: model?.royaltyBps ?? 0 };
    return reasonAgainstFee(params, around, config.scheduler);
  };
  const policy = (reserved: bigint): NodePolicy => ({
    ...policyOf(config, chainLog, ownState.stake, reserved + jobs.bondsOnTheWay(), exclusiveBlocks),
    isDisputed: (id) => foundation.disputes.open("operator", signer.address).some(({ requestId }) => requestId === id),
    lockedFor: (requester) => jobs.lockedFor(signer.address, requester),
    reasonAgainst,
  });

  const bundles = withOwnOutputs(content, config.outputs.directory);
  const exclusiveBlocks = await views.exclusiveBlocks();
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
          content: bundles,
          head,
          log,
        });
  const disclosing = publishingOf(foundation, { content: bundles, operator: signer.address, moves, log });
  const checks = {
    selfCheckOf: ({ requestId, request }: Job, model: Model) =>
      selfCheckOf(requestId, request.params.bond, model, { ...config.selfCheck, secret: foundation.samplingSecret }),
    publishOutput: ({ request }: Job, root: string, output: Uint8Array) => publishOutput(config, request.params.transport, root, output),
  };
  const disputeCalls = disputeGame === undefined ? undefined : new DisputeCalls({ chainId: deployment.chainId, disputeGame });
  const selfChecker = new SelfChecker({
    ...shared,
    ...checks,
    disputes: foundation.disputes,
    canonical: library,
    readModel: (modelId) => models.record(modelId),
    content: bundles,
    calls: disputeCalls,
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

  /** A deposit counts only once it is activated. */
  const activateStake = async () => {
    const { bonding, bondsAt } = ownState.stake;
    const block = head();
    if (block === undefined || bonding === 0n || block.number < bondsAt) return;
    const call = () => calls.activateStake(signer.address);
    await moves.send({ kind: "activateStake", item: String(bondsAt), call, deadline: null }, block);
  };

  const report = (error: unknown) => service.report(error);
  const scheduling = new Loop(() => scheduler.tick(), report);
  const publishing = new Loop(async () => {
    await publisher.tick();
    for (const stage of [defender, ...disclosing]) await stage?.tick();
    await activateStake();
  }, report);
  const checking = new Loop(() => selfChecker.tick(), report);

  await watcher.sync();
  await ownState.check();
  await sender.resume(chainLog.head()?.number ?? 0);
  for (const modelId of chainLog.servedModels().keys()) {
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
    async onBlocks() {
      // An evaluation that was begun on stake of one block ago is at worst submitted later: it doesn't wait for the check.
      scheduling.wake();
      await ownState.check();
      scheduling.wake();
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

/** What publishes the bytes that are demanded of this operator's answers, and takes what that earns. */
function publishingOf(
  { rpc, deployment, library, ...stores }: Foundation,
  shared: Pick<ChunkPublisherOptions, "content" | "operator" | "moves" | "log">,
): { tick(): Promise<void> }[] {
  const { publications } = deployment;
  if (publications === undefined) return [];
  const around = { ...stores, ...shared, calls: new PublicationCalls(publications) };
  const escrows = new Escrows({ ...around, account: shared.operator, views: new PublicationViews(rpc, publications) });
  const collecting = {
    async tick() {
      const head = stores.head();
      if (head !== undefined) await escrows.tick(head);
    },
  };
  return [new ChunkPublisher({ ...around, library }), collecting];
}

/** @returns where an answer's bytes can be fetched, put there; "" where the request asks for them in the transaction. */
async function publishOutput({ outputs }: Config, transport: number, root: string, output: Uint8Array): Promise<string> {
  const { inlineBytes, directory, baseUrl } = outputs;
  if (transport === transports.inline) {
    if (output.length <= inlineBytes) return "";
    throw new DeclinedError(
      `the answer has ${output.length} bytes, more than outputs.inlineBytes (${inlineBytes}), and the request asks for them in the transaction`,
    );
  }
  if (directory === undefined || baseUrl === undefined)
    throw new DeclinedError("the request asks for an answer on demand: write outputs.directory and outputs.baseUrl to answer by URI");
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
  exclusiveBlocks: number,
): Omit<NodePolicy, "isDisputed" | "lockedFor" | "reasonAgainst"> {
  const served = chainLog.servedModels();
  const fees = Object.entries(scheduler.minimumFees);
  return {
    operator: signer.address,
    serves: (modelId) => served.has(modelId),
    minimumFee: (token) => (fees.length === 0 ? 0n : (fees.find(([name]) => name === token)?.[1] ?? null)),
    stake: account.stake,
    stakeBlock: account.block,
    freeStake: account.free - reserved,
    answerLimit: partOf(account.stake, scheduler.answerShare),
    consumerLimit: partOf(account.stake, scheduler.consumerShare),
    eligibleAt: ({ requestId, request }) =>
      eligibleAt(requestId, request, {
        operator: signer.address,
        active: account.active,
        servesSince: served.get(request.params.modelId) ?? Infinity,
        exclusiveBlocks,
        block: chainLog.head()?.number ?? 0,
      }),
    submitMargin: scheduler.submitMarginSeconds,
    evaluationLead: scheduler.evaluationLeadSeconds,
  };
}

/** What every kind of node stands on: locks, store, chain, content and runtime, opened in that order. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ModelLibrary } from "./canonical/dispute/library.ts";
import { Views, type Deployment } from "./chain/contracts.ts";
import { DisputeViews } from "./chain/disputeViews.ts";
import { PrivateSubmission } from "./chain/privateSubmission.ts";
import { publicName } from "./chain/publicUrl.ts";
import { ChainUnavailableError, quantity, Rpc, RpcError } from "./chain/rpc.ts";
import { Sender } from "./chain/sender.ts";
import type { Config } from "./config.ts";
import { ContentStore } from "./content/contentStore.ts";
import { ChainClock } from "./core/chainClock.ts";
import type { Head } from "./core/nextAction.ts";
import { Runtime } from "./runtime/runtime.ts";
import { ChainLog } from "./store/chainLog.ts";
import { Database } from "./store/database.ts";
import { DemandStore } from "./store/demands.ts";
import { DisputeStore } from "./store/disputes.ts";
import { claimStore, secretOf } from "./store/facts.ts";
import { Journal } from "./store/journal.ts";
import { JobStore } from "./store/jobs.ts";
import { acquireLock } from "./store/lock.ts";
import { crashPoint, type CrashPoint } from "./telemetry/crashPoint.ts";
import type { Logger } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import { OwnState } from "./watcher/ownState.ts";
import { Watcher } from "./watcher/watcher.ts";

/** The node can't start, or can't go on; the message says what to do. */
export class NodeError extends Error {
  override name = "NodeError";
}

export interface Foundation {
  /** With what the dispute game says of its parts. */
  deployment: Deployment;
  rpc: Rpc;
  clock: ChainClock;
  content: ContentStore;
  runtime: Runtime;
  crashPoint: CrashPoint;
  chainLog: ChainLog;
  jobs: JobStore;
  disputes: DisputeStore;
  demands: DemandStore;
  journal: Journal;
  views: Views;
  watcher: Watcher;
  ownState: OwnState;
  sender: Sender;
  library: ModelLibrary;
  /** Decides which own answers are sampled; known to nobody else. */
  samplingSecret: Uint8Array;
  /** The chain as it has been read; undefined before the first block. */
  head(): Head | undefined;
  /** From now on a signal to stop is somebody else's to heed, who gives calls that are under way their time. */
  started(): void;
}

interface Options {
  log: Logger;
  metrics: Metrics;
  /** Whether the bytes of everybody's answers are kept. */
  othersAnswers: boolean;
  /** Aborting it while the node starts gives up what it waits for. */
  signal?: AbortSignal | undefined;
}

/**
 * @param cleanup gets what closes each part; to be called in reverse, whether this returns or throws.
 * @throws NodeError, LockError, StoreError, RuntimeError, ChainUnavailableError
 */
export async function lay(
  config: Config,
  { log, metrics, othersAnswers, signal }: Options,
  cleanup: (() => Promise<void> | void)[],
): Promise<Foundation> {
  const { signer, dataDirectory } = config;
  mkdirSync(dataDirectory, { recursive: true });
  for (const [path, what] of [
    [join(dataDirectory, "lock"), `the data directory ${dataDirectory}`],
    [join(config.lockDirectory, `${config.contracts.chainId}-${signer.address}`), `the key of ${signer.address}`],
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
  const giveUp = () => rpc.close();
  signal?.addEventListener("abort", giveUp);
  const clock = new ChainClock();
  await checkChain(config, rpc, db, clock);
  const { disputeGame } = config.contracts;
  const parts = disputeGame === undefined ? undefined : await new DisputeViews(rpc, disputeGame).parts();
  const deployment: Deployment = { ...config.contracts, publications: parts?.publications };

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
  const journal = new Journal(db, signer.address);
  const views = new Views(rpc, deployment);
  const library = new ModelLibrary({
    readModel: (modelId) => views.model(modelId),
    fetchArtifact: (uri, hash) => content.fetchArtifact(uri, hash),
  });
  cleanup.push(() => library.close());
  const watcher = new Watcher({
    rpc,
    chainLog,
    clock,
    deployment,
    operator: signer.address,
    othersAnswers,
    confirmations: config.chain.confirmations,
    maxRange: config.chain.maxRange,
    stallMs: config.chain.stallMilliseconds,
    pollMs: config.chain.pollMilliseconds,
    log,
    metrics,
    crashPoint: crash,
  });
  const submission = submissionOf(config, rpc, { log, metrics });
  cleanup.push(() => submission?.close());
  const sender = new Sender({
    rpc,
    submission,
    journal,
    signer,
    chainId: deployment.chainId,
    limits: {
      ceiling: weiOf(config.fees.ceilingGwei),
      bondCeiling: weiOf(config.fees.bondCeilingGwei),
      tipCeiling: weiOf(config.fees.tipCeilingGwei),
    },
    stuckBlocks: config.fees.stuckBlocks,
    hasRead: (number, hash) => chainLog.hasRead(number, hash),
    log,
    metrics,
    crashPoint: crash,
  });
  const head = (): Head | undefined => {
    const block = chainLog.head();
    return block && { number: block.number, hash: block.hash, time: clock.now() };
  };
  const stores = { chainLog, journal, jobs: new JobStore(db), disputes: new DisputeStore(db), demands: new DemandStore(db) };
  const ownState = new OwnState({
    ...stores,
    rpc,
    deployment,
    account: signer.address,
    role: othersAnswers ? "challenger" : "operator",
    reread: (from, to) => watcher.reread(from, to),
    log,
  });
  return {
    rpc,
    clock,
    content,
    runtime,
    crashPoint: crash,
    ...stores,
    deployment,
    views,
    watcher,
    ownState,
    sender,
    library,
    head,
    started: () => signal?.removeEventListener("abort", giveUp),
    samplingSecret: secretOf(db, "samplingSecret"),
  };
}

function submissionOf({ submit, chain }: Config, rpc: Rpc, { log, metrics }: Pick<Options, "log" | "metrics">) {
  if (submit.rpc.length === 0) return undefined;
  const onFailure = (provider: string) => metrics.rpcFailures.inc({ provider });
  const { publicFallback } = submit;
  return new PrivateSubmission({ urls: submit.rpc, rpc, publicFallback, timeoutMs: chain.timeoutMilliseconds, log, onFailure });
}

const weiOf = (gwei: number): bigint => BigInt(Math.round(gwei * 1e9));

/** @returns what keeps a node from starting, as something that a person can do something about. */
export function startFailure(error: unknown, rpcUrls: readonly string[]): unknown {
  if (!(error instanceof RpcError)) return error;
  const names = rpcUrls.map(publicName).join(", ");
  return new ChainUnavailableError(
    `every chain provider (${names}) refuses what the node needs: ${error.message}; check the URLs in chain.rpc and their keys, or add another provider`,
    { cause: error },
  );
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
  if (![chainId, code, balance].every((each) => /^0x[0-9a-f]*$/i.test(String(each)))) {
    throw new ChainUnavailableError(`${names} doesn't answer as an Ethereum provider does: correct chain.rpc`);
  }
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
      `the account ${signer.address} has no ETH on chain ${contracts.chainId} to pay for gas: send it some, then start again`,
    );
  }
  claimStore(db, { chain: genesis?.hash ?? chainId, coordinator: contracts.coordinator, operator: signer.address });
  // The last block may be old: the pending one has the chain's time now.
  if (pending !== null) clock.observe(Number(pending.timestamp));
}

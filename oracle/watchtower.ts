/** The composition root of a watchtower: a node that answers nothing, checks every answer, and disputes the wrong ones. */
import { join } from "node:path";
import { Evaluations } from "./canonical/dispute/evaluations.ts";
import { Claimant } from "./challenger/claimant.ts";
import { Challenger } from "./challenger/challenger.ts";
import { Demander } from "./challenger/demander.ts";
import { Funds } from "./challenger/funds.ts";
import { Purse } from "./challenger/purse.ts";
import { ClaimCalls, DisputeCalls, PublicationCalls } from "./chain/disputeCalls.ts";
import { DisputeViews, PublicationViews } from "./chain/disputeViews.ts";
import { Escrows } from "./chain/escrows.ts";
import { Moves } from "./chain/moves.ts";
import type { Config } from "./config.ts";
import { Loop } from "./core/loop.ts";
import { isSampled } from "./core/selfCheck.ts";
import { lay, NodeError, startFailure } from "./foundation.ts";
import { Service } from "./service.ts";
import type { Logger } from "./telemetry/log.ts";
import { createMetrics, type Metrics } from "./telemetry/metrics.ts";

export interface WatchtowerStats {
  challenger: string;
  /** The last block that was read; null before the first. */
  head: { number: number; hash: string } | null;
  /** How many answers were found right, wrong, or could not be told. */
  verdicts: Record<string, number>;
}

export interface Watchtower {
  readonly metrics: Metrics;
  stats(): WatchtowerStats;
  /** Ends when it has stopped; rejects where it could not go on. */
  readonly finished: Promise<void>;
  /** Stops; disputes go on with the next start, while their clocks run. */
  stop(): Promise<void>;
}

interface StartOptions {
  log: Logger;
  /** Aborting it stops the watchtower. */
  signal?: AbortSignal;
}

/**
 * @param config its `signer` is the challenger's; it needs ETH for gas and stake tokens for the bonds, and no stake.
 * @throws NodeError, ConfigError, LockError, StoreError, RuntimeError, ChainUnavailableError: none of them leaves anything running.
 */
export async function startWatchtower(config: Config, options: StartOptions): Promise<Watchtower> {
  const cleanup: (() => Promise<void> | void)[] = [];
  try {
    return await assemble(config, options, cleanup);
  } catch (error) {
    for (const undo of cleanup.reverse()) await undo();
    throw startFailure(error, config.chain.rpc);
  }
}

async function assemble(config: Config, { log, signal }: StartOptions, cleanup: (() => Promise<void> | void)[]): Promise<Watchtower> {
  const metrics = createMetrics();
  const { signer, contracts: deployment } = config;
  const { disputeGame } = deployment;
  if (disputeGame === undefined) {
    throw new NodeError(
      "contracts.disputeGame is missing: write the address of the dispute contract, or name a deployment file that has it",
    );
  }
  const { rpc, watcher, ownState, sender, journal, chainLog, disputes, library, clock, ...foundation } = await lay(
    config,
    { log, metrics, othersAnswers: true, signal },
    cleanup,
  );
  const views = new DisputeViews(rpc, disputeGame);
  const [parameters, parts] = await Promise.all([views.parameters(), views.parts()]);
  const evaluations = new Evaluations(library, join(config.dataDirectory, "traces"), () => playing.wake());
  cleanup.push(() => evaluations.close());
  const { address: account } = signer;
  const calls = new DisputeCalls({ chainId: deployment.chainId, disputeGame });
  const moves = new Moves({ journal, sender, log, metrics });
  const claimCalls = new ClaimCalls(parts.claims);
  // The log keeps the last blocks only.
  const timeOf = async (block: number) => chainLog.timeOf(block) ?? (await views.timeOf(block));
  const { jobs, demands } = foundation;
  const around = { account, jobs, demands, moves, calls: new PublicationCalls(parts.publications) };
  const publicationViews = new PublicationViews(rpc, parts.publications);
  const challenger = new Challenger({
    account,
    jobs,
    timeOf,
    disputes,
    calls,
    views,
    parameters,
    parts,
    sender,
    moves,
    funds: new Funds({ account, parts, parameters, views, log, metrics }),
    purse: new Purse({ account, parts, parameters, calls, claimCalls, views, moves, log }),
    claimant: new Claimant({ account, jobs, disputes, calls: claimCalls, views, parameters, moves, timeOf, log }),
    demander: new Demander({ ...around, library, claimCalls, views, publicationViews, parts, log, baseFee: () => watcher.baseFee }),
    escrows: new Escrows({ ...around, views: publicationViews }),
    library,
    evaluations,
    runtime: foundation.runtime,
    content: foundation.content,
    mustBeCanonical: (requestId) => isSampled(requestId, config.watch.canonicalShare, foundation.samplingSecret),
    timeoutMs: config.scheduler.timeoutMilliseconds,
    concurrency: 2 * config.scheduler.workers,
    head: foundation.head,
    onProgress: () => playing.wake(),
    log,
  });

  const playing = new Loop(
    () => challenger.tick(),
    (error) => service.report(error),
  );

  await watcher.sync();
  await ownState.check();
  await sender.resume(chainLog.head()?.number ?? 0);
  const service = new Service({
    rpc,
    watcher,
    clock,
    graceMs: config.shutdown.graceMilliseconds,
    onBlocks: () => ownState.check(),
    onChange: () => playing.wake(),
    stopStages: () => Promise.all([playing.stop(), challenger.stop()]),
    cleanup,
    log,
    signal,
  });
  foundation.started();
  service.run();
  log.info({ challenger: signer.address, chain: deployment.chainId, head: chainLog.head()?.number }, "the watchtower runs");

  return {
    metrics,
    finished: service.finished,
    stop: () => service.stop(),
    stats: () => {
      const block = chainLog.head();
      return {
        challenger: signer.address,
        head: block === undefined ? null : { number: block.number, hash: block.hash },
        verdicts: disputes.verdicts(),
      };
    },
  };
}

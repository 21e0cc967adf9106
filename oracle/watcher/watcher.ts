import type { ChainClock } from "../core/chainClock.ts";
import type { Deployment } from "../chain/contracts.ts";
import { decodeLog, watchedTopics, type RawLog } from "../chain/logs.ts";
import { quantity, RpcError, type Rpc } from "../chain/rpc.ts";
import type { Block, ChainLog, LoggedEvent } from "../store/chainLog.ts";
import type { CrashPoint } from "../telemetry/crashPoint.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** A reorganisation went deeper than the blocks that are kept: what was read can't be trusted any more. */
export class DeepReorgError extends Error {
  override name = "DeepReorgError";
}

export interface WatcherOptions {
  rpc: Rpc;
  chainLog: ChainLog;
  /** Told the newest block's time. */
  clock: ChainClock;
  deployment: Deployment;
  /** Whose served models are followed. */
  operator: string;
  /** Whether the bytes of everybody's answers are kept, to be checked. */
  othersAnswers?: boolean;
  /** A block is read when so many are on top of it; 0: at once. */
  confirmations: number;
  /** Most blocks per `eth_getLogs`; halved while the provider refuses. */
  maxRange: number;
  /** Milliseconds without a new block after which another provider is asked. */
  stallMs: number;
  log: Logger;
  metrics: Metrics;
  crashPoint: CrashPoint;
}

interface RawBlock {
  number: string;
  hash: string;
  parentHash: string;
  timestamp: string;
}

/** Blocks before the head whose hashes are kept, to find the common ancestor of a reorganisation. */
const tail = 128;

/** A break in the chain of parents is believed when it was claimed so many times. */
const believedAfter = 5;

/** Thrown within one synchronisation where the provider's replies don't fit together. */
class InconsistentReply extends Error {}

/**
 * Reads the coordinator's events into the job store. Start-up and tail take the same path: the range behind the last block that was read,
 * in steps that are stored all or nothing, so that it may stop anywhere and read anything twice.
 */
export class Watcher {
  readonly #options: WatcherOptions;
  #range: number;
  #newest = -1;
  #advancedAt = performance.now();
  readonly #claims = new Map<string, number>();
  readonly #believed = new Set<string>();

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#range = options.maxRange;
  }

  /**
   * Reads up to the chain's head. A provider that knows less of the same chain than was read already changes nothing.
   * @returns whether anything was read or undone.
   * @throws ChainUnavailableError @throws DeepReorgError
   */
  async sync(): Promise<boolean> {
    const { rpc, confirmations, clock } = this.#options;
    const newest = await rpc.call<RawBlock>("eth_getBlockByNumber", ["latest", false]);
    const head = Number(newest.number) - confirmations;
    if (Number(newest.number) > this.#newest) {
      this.#newest = Number(newest.number);
      this.#advancedAt = performance.now();
      clock.observe(Number(newest.timestamp));
    } else if (performance.now() - this.#advancedAt > this.#options.stallMs) {
      this.#advancedAt = performance.now();
      rpc.avoidCurrent(`no new block for ${this.#options.stallMs} ms`);
    }
    let changed = false;
    for (let done = false; !done;) {
      try {
        const outcome = await this.#step(head);
        changed ||= outcome !== "nothing";
        done = outcome === "nothing";
      } catch (error) {
        if (error instanceof InconsistentReply) {
          rpc.avoidCurrent(error.message);
          this.#options.log.warn({ reason: error.message }, "the provider contradicted itself; reading again");
          return changed;
        }
        if (error instanceof RpcError && this.#range > 1) {
          this.#range = Math.ceil(this.#range / 2);
          this.#options.log.debug({ err: error, range: this.#range }, "reading smaller ranges");
          continue;
        }
        throw error;
      }
    }
    return changed;
  }

  /** Undoes, or reads one range; "nothing" where there is nothing to do below `head`. */
  async #step(head: number): Promise<"undone" | "read" | "nothing"> {
    const { chainLog, deployment } = this.#options;
    const last = chainLog.head();
    if (last !== undefined && head <= last.number) return (await this.#undoIfReorganised(Math.max(head, 0))) ? "undone" : "nothing";
    const from = last === undefined ? deployment.startBlock : last.number + 1;
    if (from > head) return "nothing";
    const to = Math.min(head, from + this.#range - 1);
    const replies = await this.#read(from, to, last);
    if (replies === "reorganised") {
      await this.#undoIfReorganised(last!.number);
      return "undone";
    }
    this.#options.crashPoint("after-blocks-read");
    chainLog.append(replies.blocks, replies.events, performance.timeOrigin + performance.now());
    this.#options.crashPoint("after-blocks-stored");
    this.#options.metrics.headNumber.set(to);
    if (this.#range < this.#options.maxRange) this.#range = Math.min(this.#options.maxRange, this.#range * 2);
    return "read";
  }

  async #read(from: number, to: number, last: Block | undefined): Promise<{ blocks: Block[]; events: LoggedEvent[] } | "reorganised"> {
    const { rpc, deployment, operator } = this.#options;
    const firstKept = Math.max(from, to - tail + 1);
    const numbers = Array.from({ length: to - firstKept + 1 }, (_, i) => firstKept + i);
    const getBlock = (number: number) => ({ method: "eth_getBlockByNumber", params: [quantity(number), false] });
    const filter = {
      address: [
        deployment.coordinator,
        deployment.operatorRegistry,
        ...(deployment.disputeGame === undefined ? [] : [deployment.disputeGame]),
      ],
      fromBlock: quantity(from),
      toBlock: quantity(to),
      topics: [watchedTopics],
    };
    const [logs, parent, ...headers] = (await rpc.batch([
      { method: "eth_getLogs", params: [filter] },
      getBlock(last?.number ?? from),
      ...numbers.map(getBlock),
    ])) as [RawLog[], RawBlock | null, ...(RawBlock | null)[]];
    if (parent === null) throw new InconsistentReply("a block below the head is missing");
    if (last !== undefined && parent.hash !== last.hash) return "reorganised";
    const blocks = headers.map((header) => {
      if (header === null) throw new InconsistentReply("a block below the head is missing");
      return { number: Number(header.number), hash: header.hash, timestamp: Number(header.timestamp) };
    });
    this.#checkChain(headers as RawBlock[], from === firstKept ? last : undefined);
    const hashes = new Map(blocks.map(({ number, hash }) => [number, hash]));
    const events: LoggedEvent[] = [];
    for (const log of logs) {
      const hash = hashes.get(Number(log.blockNumber));
      if (log.removed === true || (hash !== undefined && hash !== log.blockHash)) throw new InconsistentReply("a log is of another block");
      const event = decodeLog(log, operator, this.#options.othersAnswers);
      if (event !== undefined) events.push(event);
    }
    events.sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex);
    return { blocks, events };
  }

  /**
   * Compares what was read with the chain, from `number` down, and undoes what differs.
   * @returns false where the chain still holds all of it: the provider only lags.
   */
  async #undoIfReorganised(number: number): Promise<boolean> {
    const { rpc, chainLog, log, metrics } = this.#options;
    const kept = chainLog.blocksBelow(number + 1, Number.MAX_SAFE_INTEGER);
    const [newest] = kept.length === 0 ? [] : await this.#headersOf(kept.slice(0, 1));
    // A block that is missing contradicts nothing: the chain may have fallen back since its head was asked for.
    if (newest === undefined || newest === null || newest.hash === kept[0]!.hash) {
      if (newest === null || number < chainLog.head()!.number) rpc.avoidCurrent(`its head is behind block ${number}`);
      return false;
    }
    for (let start = 0; start < kept.length; start += tail) {
      const ancestor = await this.#newestOnChain(kept.slice(start, start + tail));
      if (ancestor === undefined) continue;
      const undone = chainLog.undoAbove(ancestor.number);
      this.#newest = ancestor.number;
      metrics.reorganisations.inc();
      metrics.undoneBlocks.inc(undone);
      log.warn({ ancestor: ancestor.number, undone }, "the chain was reorganised; undone to the common ancestor");
      return true;
    }
    throw new DeepReorgError(
      `none of the last ${kept.length} blocks that were read is on the chain any more: is this another chain? If it is the right one, move the data directory's store.db away and start again`,
    );
  }

  /** @param blocks newest first. */
  async #newestOnChain(blocks: readonly Block[]): Promise<Block | undefined> {
    const headers = await this.#headersOf(blocks);
    return blocks.find(({ hash }, i) => headers[i]?.hash === hash);
  }

  /** @returns null for a block that the provider doesn't have. */
  async #headersOf(blocks: readonly Block[]): Promise<(RawBlock | null)[]> {
    const calls = blocks.map(({ number }) => ({ method: "eth_getBlockByNumber", params: [quantity(number), false] }));
    return (await this.#options.rpc.batch(calls)) as (RawBlock | null)[];
  }

  /**
   * A break in the chain of parents means that two forks were mixed in one reply, which passes. Local test networks that make many blocks
   * at once break it for ever: what is claimed again and again is believed.
   * @throws InconsistentReply
   */
  #checkChain(headers: readonly RawBlock[], last: Block | undefined): void {
    let parent = last?.hash;
    for (const { hash, parentHash } of headers) {
      const claim = `${parent} is not the parent of ${hash}`;
      if (parent !== undefined && parentHash !== parent && !this.#believed.has(claim)) {
        const times = (this.#claims.get(claim) ?? 0) + 1;
        this.#claims.set(claim, times);
        if (times < believedAfter) throw new InconsistentReply(claim);
        this.#claims.clear();
        this.#believed.add(claim);
      }
      parent = hash;
    }
  }
}

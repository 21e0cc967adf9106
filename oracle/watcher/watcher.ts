import type { ChainClock } from "../core/chainClock.ts";
import type { Deployment } from "../chain/contracts.ts";
import { decodeLog, type RawLog } from "../chain/logs.ts";
import { quantity, RpcError, type Rpc } from "../chain/rpc.ts";
import type { Block, ChainLog, LoggedEvent } from "../store/chainLog.ts";
import type { CrashPoint } from "../telemetry/crashPoint.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { InconsistentReply, SeenHeaders, toBlock, type RawBlock } from "./blocks.ts";
import { Pace } from "./pace.ts";
import { RangeReader } from "./rangeReader.ts";

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
  /** Milliseconds between two looks for a new block; undefined: as the blocks come. */
  pollMs: number | undefined;
  log: Logger;
  metrics: Metrics;
  crashPoint: CrashPoint;
}

/** Blocks before the head whose hashes are kept, to find the common ancestor of a reorganisation. */
const tail = 128;

/** A break in the chain of parents is believed when it was claimed so many times. */
const believedAfter = 5;

/**
 * Blocks below the head whose headers are all read, to check that no log is missing: a week of 12 seconds each. In older ones there is nothing
 * left to lose but the node's own served models.
 */
const checkedBlocks = 50_400;
/** Most headers in one step: as many as one batch takes beside the logs. */
const maxHeaders = 98;

interface RangeReply {
  headers: RawBlock[];
  logs: RawLog[];
}

const getBlock = (number: number) => ({ method: "eth_getBlockByNumber", params: [quantity(number), false] });
/** @returns the whole numbers from `first` to `last`. */
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
/** Unix time in milliseconds, for measurements. */
const now = () => performance.timeOrigin + performance.now();

/**
 * Reads the coordinator's events into the job store. Start-up and tail take the same path: the range behind the last block that was read,
 * in steps that are stored all or nothing, so that it may stop anywhere and read anything twice.
 */
export class Watcher {
  readonly #options: WatcherOptions;
  readonly #reader: RangeReader;
  readonly #seen: SeenHeaders;
  readonly #pace: Pace;
  /** Hash of the head up to which everything has been read, or undone. */
  #doneAt: string | undefined;
  #range: number;
  #newest = -1;
  #advancedAt = performance.now();
  #baseFee = 0n;
  readonly #claims = new Map<string, number>();
  readonly #believed = new Set<string>();

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#reader = new RangeReader(options);
    this.#seen = new SeenHeaders(options.confirmations + 8);
    this.#pace = new Pace(options.pollMs);
    this.#range = options.maxRange;
  }

  /** Of the newest block that was seen: wei per gas. */
  get baseFee(): bigint {
    return this.#baseFee;
  }

  /**
   * Reads up to the chain's head. A provider that knows less of the same chain than was read already changes nothing.
   * @returns whether anything was read or undone.
   * @throws ChainUnavailableError @throws DeepReorgError
   */
  async sync(): Promise<boolean> {
    const { rpc, confirmations } = this.#options;
    const newest = await rpc.call<RawBlock | null>("eth_getBlockByNumber", ["latest", false]);
    if (typeof newest?.hash !== "string" || Number.isNaN(Number(newest.number))) {
      rpc.avoidCurrent("it has no latest block");
      return false;
    }
    this.#observe(newest);
    // The same head has the same blocks below it.
    if (newest.hash === this.#doneAt) return false;
    this.#doneAt = undefined;
    const head = Number(newest.number) - confirmations;
    let changed = false;
    for (let done = false; !done;) {
      try {
        const outcome = await this.#step(newest, head);
        changed ||= outcome !== "nothing";
        done = outcome === "nothing";
        if (done) this.#doneAt = newest.hash;
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

  /**
   * Reads blocks once more that were read before, by the receipts of all their transactions.
   * @returns how many events had been missed. @throws InconsistentReply where the chain isn't the one that was read, or not all of it is there.
   */
  async reread(from: number, to: number): Promise<number> {
    const { rpc, chainLog, metrics } = this.#options;
    let missed = 0;
    for (let start = from; start <= to; start += maxHeaders) {
      const numbers = range(start, Math.min(to, start + maxHeaders - 1));
      const headers = (await rpc.batch(numbers.map(getBlock))) as (RawBlock | null)[];
      const known = headers.filter((header, i) => header !== null && header.hash === (chainLog.hashOf(numbers[i]!) ?? header.hash));
      if (known.length < headers.length) throw new InconsistentReply("a block that was read is not on the chain");
      missed += chainLog.append([], this.#eventsIn(await this.#reader.byReceipts(known as RawBlock[])), now());
    }
    if (missed > 0) metrics.omittedLogs.inc(missed);
    return missed;
  }

  /** @returns milliseconds from now until the chain is to be looked at again. */
  untilNextLook(): number {
    return this.#pace.untilNext();
  }

  #observe({ number, timestamp, ...rest }: RawBlock): void {
    const { rpc, clock, stallMs } = this.#options;
    this.#seen.add({ number, timestamp, ...rest });
    this.#pace.observe(Number(number), Number(timestamp));
    if (Number(number) > this.#newest) {
      this.#newest = Number(number);
      this.#advancedAt = performance.now();
      clock.observe(Number(timestamp));
      this.#baseFee = BigInt(rest.baseFeePerGas ?? 0);
    } else if (performance.now() - this.#advancedAt > stallMs) {
      this.#advancedAt = performance.now();
      rpc.avoidCurrent(`no new block for ${stallMs} ms`);
    }
  }

  /** Undoes, or reads one range; "nothing" where there is nothing to do below `head`. */
  async #step(newest: RawBlock, head: number): Promise<"undone" | "read" | "nothing"> {
    const { chainLog, deployment } = this.#options;
    const last = chainLog.head();
    if (last !== undefined && head <= last.number) return (await this.#undoIfReorganised(Math.max(head, 0))) ? "undone" : "nothing";
    const from = last === undefined ? deployment.startBlock : last.number + 1;
    if (from > head) return "nothing";
    const checkedFrom = head - checkedBlocks;
    const to =
      from < checkedFrom ? Math.min(checkedFrom - 1, from + this.#range - 1) : Math.min(head, from + Math.min(this.#range, maxHeaders) - 1);
    const replies = (await this.#readSeen(newest, from, to, last)) ?? (await this.#read(from, to, last));
    if (replies === "reorganised") {
      await this.#undoIfReorganised(last!.number);
      return "undone";
    }
    const { headers, logs } = replies;
    const events = this.#eventsIn(await this.#reader.complete(headers, logs));
    this.#options.crashPoint("after-blocks-read");
    chainLog.append(headers.map(toBlock), events, now());
    this.#options.crashPoint("after-blocks-stored");
    this.#options.metrics.headNumber.set(to);
    if (this.#range < this.#options.maxRange) this.#range = Math.min(this.#options.maxRange, this.#range * 2);
    return "read";
  }

  /** Where all headers down to the last block that was read were seen as heads, only logs are left to be asked for. */
  async #readSeen(newest: RawBlock, from: number, to: number, last: Block | undefined): Promise<RangeReply | undefined> {
    const headers = this.#seen.ancestors(newest, from, to);
    if (headers === undefined || headers[0]!.parentHash !== last?.hash) return undefined;
    const { method, params } = this.#reader.logsCall(from, to);
    return { headers, logs: await this.#options.rpc.call<RawLog[]>(method, params) };
  }

  async #read(from: number, to: number, last: Block | undefined): Promise<RangeReply | "reorganised"> {
    const firstKept = Math.max(from, to - tail + 1);
    const [logs, parent, ...headers] = (await this.#options.rpc.batch([
      this.#reader.logsCall(from, to),
      getBlock(last?.number ?? from),
      ...range(firstKept, to).map(getBlock),
    ])) as [RawLog[], RawBlock | null, ...(RawBlock | null)[]];
    if (parent === null || headers.includes(null)) throw new InconsistentReply("a block below the head is missing");
    if (last !== undefined && parent.hash !== last.hash) return "reorganised";
    this.#checkChain(headers as RawBlock[], from === firstKept ? last : undefined);
    return { headers: headers as RawBlock[], logs };
  }

  /** @returns the events of interest among the logs, in the chain's order. */
  #eventsIn(logs: readonly RawLog[]): LoggedEvent[] {
    const { operator, othersAnswers } = this.#options;
    return logs
      .map((log) => decodeLog(log, operator, othersAnswers))
      .filter((event) => event !== undefined)
      .sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex);
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
    return (await this.#options.rpc.batch(blocks.map(({ number }) => getBlock(number)))) as (RawBlock | null)[];
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

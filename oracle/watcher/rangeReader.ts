import { bloomItem, mayHoldLogs } from "../chain/bloom.ts";
import type { Deployment } from "../chain/contracts.ts";
import { watchedTopics, type RawLog } from "../chain/logs.ts";
import { quantity, RpcError, type Rpc } from "../chain/rpc.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { InconsistentReply, type RawBlock } from "./blocks.ts";

interface RawReceipt {
  blockHash: string;
  logs: RawLog[];
}

export interface RangeReaderOptions {
  rpc: Rpc;
  deployment: Deployment;
  log: Logger;
  metrics: Metrics;
}

/** Providers without `eth_getBlockReceipts` say so in many ways. */
const unsupported = (error: RpcError) =>
  error.code === -32601 || /not (?:supported|found|available|exist)|unknown method/i.test(error.message);

/** A block whose receipts can't be had is read without them after so many tries: one bad block must not stop the node. */
const triesForReceipts = 5;

/**
 * Reads the logs of ranges of blocks, completely: where a header's Bloom filter or a log says that a block has any, the receipts of all its
 * transactions tell which.
 */
export class RangeReader {
  readonly #options: RangeReaderOptions;
  readonly #addresses: string[];
  readonly #blooms: { addresses: ReturnType<typeof bloomItem>[]; topics: ReturnType<typeof bloomItem>[] };
  readonly #triesFor = new Map<string, number>();
  #hasBlockReceipts = true;

  constructor(options: RangeReaderOptions) {
    this.#options = options;
    const { coordinator, operatorRegistry, disputeGame, publications } = options.deployment;
    this.#addresses = [coordinator, operatorRegistry, disputeGame, publications].flatMap((each) => each?.toLowerCase() ?? []);
    this.#blooms = { addresses: this.#addresses.map(bloomItem), topics: watchedTopics.map(bloomItem) };
  }

  /** @returns the call that asks for a range's logs. */
  logsCall(from: number, to: number): { method: string; params: unknown[] } {
    const filter = { address: this.#addresses, fromBlock: quantity(from), toBlock: quantity(to), topics: [watchedTopics] };
    return { method: "eth_getLogs", params: [filter] };
  }

  /**
   * @param headers of the range; of a long one that is old, its last ones.
   * @param logs what the provider gave for the whole range.
   * @returns the logs of the whole range, without repetitions. @throws InconsistentReply
   */
  async complete(headers: readonly RawBlock[], logs: readonly RawLog[]): Promise<RawLog[]> {
    const hashes = new Map(headers.map(({ number, hash }) => [Number(number), hash]));
    const found = new Map<string, RawLog>();
    const withLogs = new Set<string>();
    for (const log of logs) {
      const hash = hashes.get(Number(log.blockNumber));
      if (log.removed === true || (hash !== undefined && hash !== log.blockHash)) throw new InconsistentReply("a log is of another block");
      found.set(placeOf(log), log);
      withLogs.add(log.blockHash);
    }
    const { addresses, topics } = this.#blooms;
    const active = headers.filter(({ hash, logsBloom }) => withLogs.has(hash) || mayHoldLogs(logsBloom, addresses, topics));
    for (const header of active) await this.#completeBlock(header, found);
    return [...found.values()];
  }

  /** @returns all logs of these blocks that are watched, by their receipts alone. @throws InconsistentReply */
  async byReceipts(headers: readonly RawBlock[]): Promise<RawLog[]> {
    const logs: RawLog[] = [];
    for (const header of headers) logs.push(...(await this.#logsInReceipts(header)));
    return logs;
  }

  async #completeBlock(header: RawBlock, found: Map<string, RawLog>): Promise<void> {
    const { log, metrics, rpc } = this.#options;
    const inBlock = [...found].filter(([, { blockHash }]) => blockHash === header.hash);
    let certain: RawLog[];
    try {
      certain = await this.#logsInReceipts(header);
    } catch (error) {
      if (!(error instanceof InconsistentReply || error instanceof RpcError)) throw error;
      const tries = (this.#triesFor.get(header.hash) ?? 0) + 1;
      this.#triesFor.set(header.hash, tries);
      if (tries < triesForReceipts) throw new InconsistentReply(error.message);
      this.#triesFor.delete(header.hash);
      log.error(
        { block: Number(header.number), err: error },
        "the receipts of a block can't be had: whether its logs are complete is not known; add another provider to chain.rpc",
      );
      return;
    }
    this.#triesFor.delete(header.hash);
    for (const [place] of inBlock) found.delete(place);
    for (const each of certain) found.set(placeOf(each), each);
    const omitted = certain.filter((each) => !inBlock.some(([place]) => place === placeOf(each))).length;
    if (omitted === 0) return;
    metrics.omittedLogs.inc(omitted);
    log.warn({ block: Number(header.number), omitted }, "the provider left logs out; the block's receipts have them");
    rpc.avoidCurrent(`it left out ${omitted} logs of block ${Number(header.number)}`);
  }

  async #logsInReceipts(header: RawBlock): Promise<RawLog[]> {
    const receipts = await this.#receiptsOf(header);
    if (receipts.length !== header.transactions.length || receipts.some((receipt) => receipt?.blockHash !== header.hash)) {
      throw new InconsistentReply(`the receipts of block ${Number(header.number)} are not all there, or another block's`);
    }
    return (receipts as RawReceipt[])
      .flatMap(({ logs }) => logs)
      .filter(({ address, topics }) => this.#addresses.includes(address.toLowerCase()) && watchedTopics.includes(topics[0]!));
  }

  async #receiptsOf({ hash, transactions }: RawBlock): Promise<(RawReceipt | null)[]> {
    const { rpc } = this.#options;
    if (transactions.length === 0) return [];
    if (this.#hasBlockReceipts) {
      try {
        return (await rpc.call<RawReceipt[] | null>("eth_getBlockReceipts", [hash])) ?? [];
      } catch (error) {
        if (!(error instanceof RpcError && unsupported(error))) throw error;
        this.#hasBlockReceipts = false;
      }
    }
    const calls = transactions.map((transaction) => ({ method: "eth_getTransactionReceipt", params: [transaction] }));
    return (await rpc.batch(calls)) as (RawReceipt | null)[];
  }
}

const placeOf = ({ blockHash, logIndex }: RawLog) => `${blockHash} ${Number(logIndex)}`;

import { Sender, type Settled } from "../../oracle/chain/sender.ts";
import { coordinatorInterface } from "../../oracle/chain/contracts.ts";
import { disputeInterface } from "../../oracle/chain/disputeCalls.ts";
import { Signer } from "../../oracle/chain/signer.ts";
import { ChainLog } from "../../oracle/store/chainLog.ts";
import { Database } from "../../oracle/store/database.ts";
import { Journal, type TransactionKind } from "../../oracle/store/journal.ts";
import { crashPoint } from "../../oracle/telemetry/crashPoint.ts";
import { createLog } from "../../oracle/telemetry/log.ts";
import { createMetrics } from "../../oracle/telemetry/metrics.ts";
import { keyOf } from "./deployment.ts";
import { ScriptedChain } from "./scriptedChain.ts";

const gwei = 10n ** 9n;
const contract = `0x${"c0".repeat(20)}`;

/** What a node's transactions of each kind begin with. */
export const selectors = {
  submit: coordinatorInterface.getFunction("submit")!.selector,
  finalize: coordinatorInterface.getFunction("finalize")!.selector,
  defend: disputeInterface.getFunction("defend")!.selector,
};

/** A sender with a store in memory, and a chain that does what a test says. */
export class SenderScene {
  readonly chain: ScriptedChain;
  readonly signer = Signer.fromKey(keyOf(1));
  readonly confirmations: number;
  readonly db = new Database(":memory:");
  readonly journal = new Journal(this.db, this.signer.address);
  readonly chainLog = new ChainLog(this.db);
  readonly sender: Sender;
  /** Chain time, seconds. */
  time = 1_000_000;

  /** @param chain to be shared with another host. */
  constructor({ confirmations = 0, chain = new ScriptedChain() } = {}) {
    this.confirmations = confirmations;
    this.chain = chain;
    this.sender = new Sender({
      rpc: chain.rpc,
      journal: this.journal,
      signer: this.signer,
      chainId: 31337,
      limits: { ceiling: 100n * gwei, bondCeiling: 1000n * gwei, tipCeiling: 2n * gwei },
      stuckBlocks: 3,
      hasRead: (number, hash) => this.chainLog.hasRead(number, hash),
      log: createLog("silent"),
      metrics: createMetrics(),
      crashPoint: crashPoint(undefined),
    });
  }

  /** @param seconds from now until it is pointless; null: never. */
  send(kind: TransactionKind, item: string, seconds: number | null = null): Promise<number> {
    const data = selectors[kind as keyof typeof selectors] ?? "0x00000000";
    const call = { to: contract, data: `${data}${Buffer.from(item).toString("hex")}` };
    return this.sender.send(kind, [item], call, seconds === null ? null : this.time + seconds, { number: this.read, time: this.time });
  }

  /** The last block that the node has read. */
  get read(): number {
    return this.chainLog.head()?.number ?? 0;
  }

  /** Reads what is confirmed, as a watcher does, and looks after the transactions. */
  async look(): Promise<Settled[]> {
    const { blocks } = this.chain;
    const newest = Math.max(0, this.chain.head - this.confirmations);
    let common = Math.min(this.read, newest);
    while (common > 0 && this.chainLog.hashOf(common) !== blocks[common]!.hash) common--;
    if (common < this.read) this.chainLog.undoAbove(common);
    const from = this.chainLog.head() === undefined ? 0 : this.read + 1;
    const fresh = blocks.slice(from, newest + 1).map(({ hash }, i) => ({ number: from + i, hash, timestamp: this.time }));
    this.chainLog.append(fresh, [], 0);
    return this.sender.settle({ number: this.read, time: this.time });
  }

  /** Mines a block and looks. */
  async block(): Promise<Settled[]> {
    this.chain.mine();
    return this.look();
  }

  /** @returns what is in blocks: the items of this node's calls, "" for a transaction without a call. */
  get mined(): string[] {
    return this.chain.blocks.flatMap(({ transactions }) => transactions).map(({ data }) => Buffer.from(data.slice(10), "hex").toString());
  }
}

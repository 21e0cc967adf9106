import type { Rpc } from "../../oracle/chain/rpc.ts";
import { until } from "./until.ts";

/** Blocks of a local chain that are made by hand, and whose time only the test moves. */
export class ManualBlocks {
  readonly #rpc: Rpc;

  private constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /** From here on nothing is mined by itself. */
  static async begin(rpc: Rpc): Promise<ManualBlocks> {
    await rpc.call("evm_setIntervalMining", [0]);
    await rpc.call("evm_setAutomine", [false]);
    return new ManualBlocks(rpc);
  }

  /** Has the chain mine by itself again. @param seconds between its blocks. */
  async end(seconds = 1): Promise<void> {
    await this.#rpc.call("evm_setAutomine", [true]);
    await this.#rpc.call("evm_setIntervalMining", [1000 * seconds]);
  }

  /** @param seconds between the blocks. */
  async mine(blocks: number, seconds = 1): Promise<void> {
    for (let i = 0; i < blocks; i++) {
      const { timestamp } = await this.#rpc.call<{ timestamp: string }>("eth_getBlockByNumber", ["latest", false]);
      await this.#rpc.call("evm_setNextBlockTimestamp", [Number(timestamp) + seconds]);
      await this.#rpc.call("evm_mine", []);
    }
  }

  /** @returns hashes of an account's transactions that wait to be mined. */
  async waiting(account: string): Promise<string[]> {
    const { transactions } = await this.#rpc.call<{ transactions: { from: string; hash: string }[] }>("eth_getBlockByNumber", [
      "pending",
      true,
    ]);
    return transactions.filter(({ from }) => from.toLowerCase() === account.toLowerCase()).map(({ hash }) => hash);
  }

  /** Waits until each of the accounts has sent something. */
  async sent(...accounts: string[]): Promise<void> {
    const all = async () => (await Promise.all(accounts.map((account) => this.waiting(account)))).every(({ length }) => length > 0);
    await until("everybody's transaction in the pool", all, 60_000);
  }

  /** Mines what somebody sends, and waits for its end. */
  async mined<T>(account: string, sending: Promise<T>): Promise<T> {
    await this.sent(account);
    await this.mine(1);
    return sending;
  }
}

import { Transaction } from "ethers";
import { RpcError, type Rpc } from "../../oracle/chain/rpc.ts";

interface ScriptedBlock {
  hash: string;
  baseFee: bigint;
  transactions: Transaction[];
}

type Reply = { result: unknown } | { error: RpcError };

const quantity = (value: number | bigint) => `0x${value.toString(16)}`;
const gwei = 10n ** 9n;

/** A chain in memory that does nothing by itself: what is mined, dropped or refused is what a test says. For a sender alone. */
export class ScriptedChain {
  readonly blocks: ScriptedBlock[] = [{ hash: "0xgenesis", baseFee: gwei, transactions: [] }];
  pool: Transaction[] = [];
  /** Of the next block, and of the one that is asked for: wei per gas. */
  baseFee = gwei;
  suggestedTip = gwei;
  /** Why a pool doesn't take a transaction. */
  refusal: (transaction: Transaction) => string | undefined = () => undefined;
  /** Whether a mined transaction reverts. */
  reverts: (transaction: Transaction) => boolean = () => false;
  receiptsAreMissing = false;
  #made = 0;

  get head(): number {
    return this.blocks.length - 1;
  }

  /** Mines what the pool has in order of nonces, as far as it pays the base fee. */
  mine(): void {
    const transactions: Transaction[] = [];
    for (const transaction of [...this.pool].sort((a, b) => a.nonce - b.nonce)) {
      const due = this.#used(transaction.from!, this.head) + transactions.filter(({ from }) => from === transaction.from).length;
      if (transaction.nonce === due && transaction.maxFeePerGas! >= this.baseFee) transactions.push(transaction);
    }
    this.pool = this.pool.filter(({ nonce, from }) => !transactions.some((mined) => mined.nonce === nonce && mined.from === from));
    this.blocks.push({ hash: `0x${(++this.#made).toString(16)}`, baseFee: this.baseFee, transactions });
  }

  /** Takes blocks away, and what was in them with them. */
  drop(depth: number): void {
    this.blocks.splice(this.blocks.length - depth);
  }

  /** As a provider takes it: what has a nonce of the pool takes its place. @throws RpcError */
  add(raw: string): string {
    const transaction = Transaction.from(raw);
    const why = this.refusal(transaction);
    if (why !== undefined) throw new RpcError(-32000, why, undefined);
    if (transaction.nonce < this.#used(transaction.from!, this.head)) {
      throw new RpcError(-32000, "nonce too low", undefined);
    }
    this.pool = [...this.pool.filter(({ nonce, from }) => nonce !== transaction.nonce || from !== transaction.from), transaction];
    return transaction.hash!;
  }

  /** What a sender needs of its providers. */
  get rpc(): Rpc {
    const settle = async (calls: readonly { method: string; params: unknown[] }[]) => calls.map((call) => this.#answer(call));
    const valueOf = (reply: Reply) => {
      if ("error" in reply) throw reply.error;
      return reply.result;
    };
    return {
      settle,
      batch: async (calls: readonly { method: string; params: unknown[] }[]) => (await settle(calls)).map(valueOf),
      call: async (method: string, params: unknown[]) => valueOf(this.#answer({ method, params })),
      avoidCurrent: () => undefined,
    } as unknown as Rpc;
  }

  #used(address: string, block: number): number {
    return this.blocks
      .slice(0, block + 1)
      .reduce((sum, { transactions }) => sum + transactions.filter(({ from }) => from === address).length, 0);
  }

  #answer({ method, params }: { method: string; params: unknown[] }): Reply {
    try {
      return { result: this.#resultOf(method, params) };
    } catch (error) {
      if (error instanceof RpcError) return { error };
      throw error;
    }
  }

  #resultOf(method: string, params: unknown[]): unknown {
    switch (method) {
      case "eth_blockNumber":
        return quantity(this.head);
      case "eth_maxPriorityFeePerGas":
        return quantity(this.suggestedTip);
      case "eth_estimateGas":
        return quantity(100_000);
      case "eth_sendRawTransaction":
        return this.add(params[0] as string);
      case "eth_getTransactionCount": {
        const [address, at] = params as [string, string];
        const used = this.#used(address, at.startsWith("0x") ? Number(at) : this.head);
        if (at !== "pending") return quantity(used);
        const nonces = new Set(this.pool.filter(({ from }) => from === address).map(({ nonce }) => nonce));
        let next = used;
        while (nonces.has(next)) next++;
        return quantity(next);
      }
      case "eth_getBlockByNumber": {
        const number = params[0] === "latest" ? this.head : Number(params[0]);
        const { hash, transactions } = this.blocks[number]!;
        return {
          number: quantity(number),
          hash,
          baseFeePerGas: quantity(this.baseFee),
          transactions: transactions.map((each) => ({ hash: each.hash, from: each.from, nonce: quantity(each.nonce), input: each.data })),
        };
      }
      case "eth_getTransactionReceipt":
        return this.receiptsAreMissing ? null : this.#receipt(params[0] as string);
      default:
        throw new RpcError(-32601, `${method} is not scripted`, undefined);
    }
  }

  #receipt(hash: string): unknown {
    for (const [number, block] of this.blocks.entries()) {
      const mined = block.transactions.find((each) => each.hash === hash);
      if (mined === undefined) continue;
      return {
        status: this.reverts(mined) ? "0x0" : "0x1",
        blockNumber: quantity(number),
        blockHash: block.hash,
        gasUsed: "0x5208",
        to: mined.to!.toLowerCase(),
        contractAddress: null,
        logs: [],
      };
    }
    return null;
  }
}

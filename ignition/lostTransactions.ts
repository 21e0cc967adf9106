import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { trackTransaction } from "@nomicfoundation/ignition-core";
import type { EIP1193Provider } from "@nomicfoundation/ignition-core";
import type { Caller } from "../oracle/chain/clz.ts";
import { quantity } from "../oracle/chain/rpc.ts";
import { Journal, type Lost } from "./journal.ts";

const countAt = async (chain: Caller, from: string, block: string) =>
  Number(await chain.call<string>("eth_getTransactionCount", [from, block]));

/** The transaction that used an account's nonce. @throws where none is in a block yet. */
async function transactionOf(chain: Caller, { from, nonce, after }: Lost): Promise<string> {
  let [low, high] = [after, Number(await chain.call<string>("eth_blockNumber", []))];
  if ((await countAt(chain, from, quantity(high))) <= nonce) {
    throw new Error(`the transaction of ${from} with nonce ${nonce} is not in a block yet; wait until it is, then run it again`);
  }
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await countAt(chain, from, quantity(middle))) > nonce) high = middle;
    else low = middle + 1;
  }
  const { transactions } = await chain.call<{ transactions: { hash: string; from: string; nonce: string }[] }>("eth_getBlockByNumber", [
    quantity(high),
    true,
  ]);
  return transactions.find((sent) => sent.from.toLowerCase() === from.toLowerCase() && Number(sent.nonce) === nonce)!.hash;
}

/**
 * Ignition notes that it is about to send, sends, and notes the hash. Where it was killed in between, it goes on only once somebody
 * tells it what became of that transaction: the chain knows.
 */
export async function findLost(directory: string, chain: Caller): Promise<void> {
  const provider: EIP1193Provider = { request: ({ method, params }) => chain.call(method, params as unknown[]) };
  for (const lost of new Journal(directory).lost) {
    if ((await countAt(chain, lost.from, "pending")) > lost.nonce) {
      await trackTransaction(directory, await transactionOf(chain, lost), provider, 1);
      continue;
    }
    // Nothing was sent with this nonce: it is as if it hadn't been about to be.
    const file = join(directory, "journal.jsonl");
    writeFileSync(`${file}.part`, new Journal(directory).without(lost));
    renameSync(`${file}.part`, file);
  }
}

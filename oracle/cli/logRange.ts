import type { Caller } from "../chain/clz.ts";
import type { RawLog } from "../chain/logs.ts";
import { quantity } from "../chain/rpc.ts";

export interface LogRange {
  address: string;
  topics: (string | string[] | null)[];
  /** Blocks, both included. */
  from: number;
  to: number;
}

/** A provider's refusal has a number; one that doesn't answer has none. */
const isRefusal = (error: unknown): boolean => typeof (error as { code?: unknown }).code === "number";

/** Logs of one address; halves the range where a provider finds it too wide. @throws the provider's error about a single block. */
export async function logsBetween(chain: Caller, { address, topics, from, to }: LogRange): Promise<RawLog[]> {
  try {
    return await chain.call<RawLog[]>("eth_getLogs", [{ address, topics, fromBlock: quantity(from), toBlock: quantity(to) }]);
  } catch (error) {
    if (!isRefusal(error) || from >= to) throw error;
    const middle = Math.floor((from + to) / 2);
    return [
      ...(await logsBetween(chain, { address, topics, from, to: middle })),
      ...(await logsBetween(chain, { address, topics, from: middle + 1, to })),
    ];
  }
}

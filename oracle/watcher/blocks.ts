import type { Block } from "../store/chainLog.ts";

/** As `eth_getBlockByNumber` gives them, without the transactions themselves. */
export interface RawBlock {
  number: string;
  hash: string;
  parentHash: string;
  timestamp: string;
  logsBloom: string;
  transactions: string[];
  /** Wei; missing before EIP-1559. */
  baseFeePerGas?: string;
}

/** Thrown within one synchronisation where the provider's replies don't fit together. */
export class InconsistentReply extends Error {}

export const toBlock = ({ number, hash, timestamp }: RawBlock): Block => ({ number: Number(number), hash, timestamp: Number(timestamp) });

/** Headers that were seen at the head of the chain, so that they needn't be asked for again once they are deep enough to be read. */
export class SeenHeaders {
  readonly #headers = new Map<number, RawBlock>();
  readonly #kept: number;

  constructor(kept: number) {
    this.#kept = kept;
  }

  add(header: RawBlock): void {
    const number = Number(header.number);
    this.#headers.set(number, header);
    this.#headers.delete(number - this.#kept);
    for (const above of this.#headers.keys()) if (above > number) this.#headers.delete(above);
  }

  /** @returns the ancestors of `newest` from block `from` to `to`; undefined where one of them was not seen. */
  ancestors(newest: RawBlock, from: number, to: number): RawBlock[] | undefined {
    const found: RawBlock[] = [];
    let header: RawBlock | undefined = newest;
    for (let number = Number(newest.number); number >= from; number--) {
      if (header === undefined || Number(header.number) !== number) return undefined;
      if (number <= to) found.unshift(header);
      const parent: RawBlock | undefined = this.#headers.get(number - 1);
      header = parent?.hash === header.parentHash ? parent : undefined;
    }
    return found;
  }
}

/** The Bloom filter in a block's header: what it doesn't hold is in none of the block's logs. */
import { keccak256 } from "../core/traceTree.ts";
import { bytesOf } from "./rpc.ts";

const bits = 2048;

/** An address or a topic, ready to be looked up: the three bits that it sets. */
export type BloomItem = readonly number[];

/** @param hex an address or a topic. */
export function bloomItem(hex: string): BloomItem {
  const hash = keccak256(bytesOf(hex));
  return [0, 2, 4].map((i) => ((hash[i]! << 8) | hash[i + 1]!) % bits);
}

/** @param bloom the header's `logsBloom`. @returns whether logs with one of the addresses and one of the topics may be in the block. */
export function mayHoldLogs(bloom: string, addresses: readonly BloomItem[], topics: readonly BloomItem[]): boolean {
  const filter = bytesOf(bloom);
  const holds = (item: BloomItem) => item.every((bit) => (filter[filter.length - 1 - (bit >> 3)]! >> (bit & 7)) % 2 === 1);
  return addresses.some(holds) && topics.some(holds);
}

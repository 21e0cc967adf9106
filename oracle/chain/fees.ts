import type { Rpc } from "./rpc.ts";

/** Wei per gas. */
export interface Fees {
  maxFee: bigint;
  priorityFee: bigint;
}

/** A block has raised the price of gas above what the node may pay. */
export class FeeCeilingError extends Error {
  override name = "FeeCeilingError";
}

const gwei = 1_000_000_000n;

/** @returns fees that stay valid while the base fee at most doubles, below `ceiling` wei per gas. */
export async function currentFees(rpc: Rpc, ceiling: bigint): Promise<Fees> {
  const [block, tip] = await rpc.settle([
    { method: "eth_getBlockByNumber", params: ["latest", false] },
    { method: "eth_maxPriorityFeePerGas", params: [] },
  ]);
  if ("error" in block!) throw block.error;
  const base = BigInt((block!.result as { baseFeePerGas?: string }).baseFeePerGas ?? "0x0");
  if (base > ceiling) {
    throw new FeeCeilingError(`gas costs ${base} wei, more than the ceiling of ${ceiling} wei: raise fees.ceilingGwei or wait`);
  }
  const suggested = "error" in tip! ? gwei : BigInt(tip!.result as string);
  return clamp({ maxFee: 2n * base + suggested, priorityFee: suggested }, ceiling);
}

/** @returns fees that a pool accepts in place of `old` (an eighth more of each), or null where the ceiling forbids it. */
export function replacementFees(old: Fees, current: Fees, ceiling: bigint): Fees | null {
  const raise = (fee: bigint) => fee + fee / 8n + 1n;
  const least = { maxFee: raise(old.maxFee), priorityFee: raise(old.priorityFee) };
  if (least.maxFee > ceiling) return null;
  return clamp({ maxFee: larger(least.maxFee, current.maxFee), priorityFee: larger(least.priorityFee, current.priorityFee) }, ceiling);
}

const larger = (a: bigint, b: bigint) => (a > b ? a : b);
const smaller = (a: bigint, b: bigint) => (a < b ? a : b);

function clamp({ maxFee, priorityFee }: Fees, ceiling: bigint): Fees {
  const max = smaller(maxFee, ceiling);
  return { maxFee: max, priorityFee: smaller(priorityFee, max) };
}

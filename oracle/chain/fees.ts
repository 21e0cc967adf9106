import type { Rpc } from "./rpc.ts";

/** Wei per gas. */
export interface Fees {
  maxFee: bigint;
  priorityFee: bigint;
}

/** What gas costs now: the last block's base fee and the tip that the provider suggests, in wei per gas. */
export interface GasPrices {
  base: bigint;
  tip: bigint;
}

/** Bounds in wei per gas; each is never exceeded. */
export interface FeeLimits {
  /** For what can wait: answers, finalizations. */
  ceiling: bigint;
  /** For what defends a bond or opens a challenge, when its deadline is about to pass; `ceiling` while there is time. */
  bondCeiling: bigint;
  /** For the tip, whatever a provider suggests; grows with the ceiling. */
  tipCeiling: bigint;
}

/** It can't be sent now; trying later may succeed. */
export class NotNowError extends Error {}

/** A block has raised the price of gas above what the node may pay. */
export class FeeCeilingError extends NotNowError {
  override name = "FeeCeilingError";
}

const gwei = 1_000_000_000n;
/** Seconds before a deadline at which the ceiling begins to grow, and at which it is `bondCeiling`. */
const growsFrom = 7200;
const grownAt = 600;

/**
 * @param deadline of something that a bond depends on: chain time in seconds; null where none does.
 * @returns 0 while there is time, 1 when there is none left; 0 again once the deadline has passed and nothing can be saved.
 */
export function urgencyOf(deadline: number | null, chainTime: number): number {
  if (deadline === null || chainTime >= deadline) return 0;
  return Math.min(1, Math.max(0, (growsFrom - (deadline - chainTime)) / (growsFrom - grownAt)));
}

/** @returns the bounds at an urgency: from `ceiling` to `bondCeiling` by equal factors. */
export function limitsAt(urgency: number, { ceiling, bondCeiling, tipCeiling }: FeeLimits): { ceiling: bigint; tipCeiling: bigint } {
  if (urgency === 0 || bondCeiling <= ceiling) return { ceiling, tipCeiling };
  const grown = BigInt(Math.round(Number(ceiling) * (Number(bondCeiling) / Number(ceiling)) ** urgency));
  const most = urgency === 1 ? bondCeiling : smaller(grown, bondCeiling);
  return { ceiling: most, tipCeiling: (tipCeiling * most) / ceiling };
}

export async function gasPrices(rpc: Rpc): Promise<GasPrices> {
  const [block, tip] = await rpc.settle([
    { method: "eth_getBlockByNumber", params: ["latest", false] },
    { method: "eth_maxPriorityFeePerGas", params: [] },
  ]);
  if ("error" in block!) throw block.error;
  const base = BigInt((block!.result as { baseFeePerGas?: string }).baseFeePerGas ?? "0x0");
  return { base, tip: "error" in tip! ? gwei : BigInt(tip!.result as string) };
}

/** @returns fees that stay valid while the base fee at most doubles, within the limits. @throws FeeCeilingError */
export function feesFor({ base, tip }: GasPrices, { ceiling, tipCeiling }: Pick<FeeLimits, "ceiling" | "tipCeiling">): Fees {
  if (base > ceiling) {
    throw new FeeCeilingError(`gas costs ${base} wei, more than the ceiling of ${ceiling} wei: raise fees.ceilingGwei or wait`);
  }
  const priorityFee = smaller(tip, tipCeiling);
  return clamp({ maxFee: 2n * base + priorityFee, priorityFee }, ceiling);
}

/** For verbs. @returns fees that stay valid while the base fee at most doubles, below `ceiling` wei per gas. @throws FeeCeilingError */
export async function currentFees(rpc: Rpc, ceiling: bigint): Promise<Fees> {
  return feesFor(await gasPrices(rpc), { ceiling, tipCeiling: 10n * gwei });
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

/** What publishing takes, and what a demand escrows for it, as `contracts/Publications.sol` counts. Amounts in wei. */
import { chunkCount, sizeOf, type TensorType } from "./chunks.ts";

const chunkGas = 60_000n;
const chunkOverheadBytes = 1300n;
const priorityFee = 2_000_000_000n;

/** @param types of the tensors that are published. @param gasPerByte of the contract's parameters. @returns gas. */
export function publicationGas(types: readonly TensorType[], gasPerByte: number): bigint {
  const chunks = BigInt(chunkCount(types));
  return chunkGas * chunks + BigInt(gasPerByte) * (BigInt(sizeOf(types)) + chunkOverheadBytes * chunks);
}

/**
 * The contract's own `quote` isn't asked: many providers run calls with a base fee of zero, and what they quote is too little by far.
 * @param baseFee of the block that the demand is mined in. @returns the least that the contract takes.
 */
export const leastEscrow = (gas: bigint, baseFee: bigint): bigint => gas * (2n * baseFee + priorityFee);

/** @returns the highest base fee at which whoever has not published can be convicted. */
export const coveredBaseFee = (gas: bigint, escrow: bigint): bigint => escrow / gas;

import { AbiCoder, keccak256 } from "ethers";
import type { Request } from "./job.ts";

/** Stake as the coordinator counts it, in the stake token's smallest unit. */
export interface StakeShare {
  /** Of this operator: neither locked nor unbonding. */
  free: bigint;
  /** Of all operators. */
  total: bigint;
}

const doublings = 8;
const drawBits = 128n;

/** @returns the number below 2^128 that an operator draws for a request. */
export function drawOf(requestId: string, operator: string): bigint {
  const hash = BigInt(keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "address"], [requestId, operator])));
  return hash & ((1n << drawBits) - 1n);
}

/**
 * The coordinator's rule: the chance to be eligible starts at the operator's part of all stake and doubles eight times in the eligibility period.
 * @returns Unix time in seconds from which the operator may submit.
 */
export function eligibleAt(requestId: string, request: Request, operator: string, { free, total }: StakeShare): number {
  const draw = drawOf(requestId, operator);
  const threshold = total === 0n ? 0n : (free << drawBits) / total;
  let needed = 0;
  while (needed < doublings && draw >= threshold << BigInt(needed)) needed++;
  return request.requestedAt + Math.ceil((request.eligibilityPeriod * needed) / doublings);
}

import { AbiCoder, keccak256 } from "ethers";
import type { Request } from "./job.ts";

const doublings = 8;
const drawBits = 128n;
/** Everyone is eligible after this part of the submit period. */
const eligibilityPart = 4;

/** @returns the number below 2^128 that an operator draws for a request. */
export function drawOf(requestId: string, operator: string): bigint {
  const hash = BigInt(keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "address"], [requestId, operator])));
  return hash & ((1n << drawBits) - 1n);
}

/**
 * The coordinator's rule: the chance to be eligible starts at about the operator's part of all stake and doubles eight times in a quarter of
 * the submit period.
 * @param active the operator's stake that isn't unbonding, in the stake token's smallest unit.
 * @returns Unix time in seconds from which the operator may submit.
 */
export function eligibleAt(requestId: string, request: Request, operator: string, active: bigint): number {
  const draw = drawOf(requestId, operator);
  const threshold = active << (drawBits - BigInt(request.stakeBits));
  const period = Math.floor(request.params.submitPeriod / eligibilityPart);
  let needed = 0;
  while (needed < doublings && draw >= threshold << BigInt(needed)) needed++;
  return request.requestedAt + Math.ceil((period * needed) / doublings);
}

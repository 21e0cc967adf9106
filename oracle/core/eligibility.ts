import { AbiCoder, keccak256 } from "ethers";
import type { Request } from "./job.ts";

const doublings = 8;
const drawBits = 128n;
/** Everyone is eligible after this part of the submit period. */
const eligibilityPart = 4;

/** @returns the number below 2^128 that an operator draws for a request. @param blockHash of the request's block. */
export function drawOf(requestId: string, blockHash: string, operator: string): bigint {
  const hash = BigInt(keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "bytes32", "address"], [blockHash, requestId, operator])));
  return hash & ((1n << drawBits) - 1n);
}

/** What decides beside the request itself. */
export interface Candidate {
  operator: string;
  /** Its stake that counts, in the stake token's smallest unit. */
  active: bigint;
  /** The block since when it serves the model. */
  servesSince: number;
  /** Blocks after a request's own in which the draw decides. */
  exclusiveBlocks: number;
  /** The last block. */
  block: number;
}

/**
 * The coordinator's rule: the chance to be eligible starts at about the operator's part of all stake and doubles eight times in a quarter of
 * the submit period.
 * @returns Unix time in seconds from which the operator may submit, in a block after the request's own.
 */
export function eligibleAt(
  requestId: string,
  request: Request,
  { operator, active, servesSince, exclusiveBlocks, block }: Candidate,
): number {
  // What is sent now is in the next block at the earliest.
  if (block >= request.requestedBlock + exclusiveBlocks) return request.requestedAt;
  const everyone = request.requestedAt + Math.floor(request.params.submitPeriod / eligibilityPart);
  if (request.blockHash === null || servesSince >= request.requestedBlock) return everyone;
  const draw = drawOf(requestId, request.blockHash, operator);
  const threshold = active << (drawBits - BigInt(request.stakeBits));
  const period = Math.floor(request.params.submitPeriod / eligibilityPart);
  let needed = 0;
  while (needed < doublings && draw >= threshold << BigInt(needed)) needed++;
  return request.requestedAt + Math.ceil((period * needed) / doublings);
}

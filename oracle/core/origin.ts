/** When a request was made, and the parameters that it was made under: one word of the request (contracts/libraries/OriginLib.sol). */
export interface OriginFields {
  /** Unix time, seconds. */
  requestedAt: number;
  /** Its block's hash decides who is eligible first. */
  requestedBlock: number;
  /** The binary logarithm, rounded down, of all stake when the request was made. */
  stakeBits: number;
  /** The protocol's part of the fee, in 1/10,000. */
  protocolFeeBps: number;
  /** Whether the input's bytes are at a URI rather than in the request's event. */
  inputByURI: boolean;
}

const bits = (word: bigint, from: bigint, count: bigint): number => Number((word >> from) & ((1n << count) - 1n));

export function originFields(origin: bigint): OriginFields {
  return {
    requestedAt: bits(origin, 32n, 48n),
    requestedBlock: bits(origin, 80n, 48n),
    stakeBits: bits(origin, 128n, 8n),
    protocolFeeBps: bits(origin, 136n, 16n),
    inputByURI: bits(origin, 152n, 8n) !== 0,
  };
}

/** @returns the word that says so. @param nonce tells equal requests of one requester in one block apart. */
export function originOf({ requestedAt, requestedBlock, stakeBits, protocolFeeBps, inputByURI }: OriginFields, nonce = 0): bigint {
  return (
    BigInt(nonce) |
    (BigInt(requestedAt) << 32n) |
    (BigInt(requestedBlock) << 80n) |
    (BigInt(stakeBits) << 128n) |
    (BigInt(protocolFeeBps) << 136n) |
    (inputByURI ? 1n << 152n : 0n)
  );
}

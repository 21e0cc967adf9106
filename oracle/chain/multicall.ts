/** Many views in one `eth_call`, by code that is run as if it were deployed and kept nowhere: no contract is needed for it. */
import { bytesOf, hexOf, quantity, RpcError, type Rpc } from "./rpc.ts";

export interface ViewCall {
  to: string;
  /** Calldata, as hex. */
  data: string;
}

/**
 * Reads targets and calldata from the code behind itself, 20 bytes, 4 bytes of length and the calldata each, calls them one after another, and
 * returns for each whether it succeeded (32 bytes), the length of what came back (32 bytes), and that.
 */
const code = [
  "605238038060525f39", // copy the calls to memory 0: [size]
  "805f", // [size, out = size, in = 0]
  "5b8281101560" + "4b57", // while in < size
  "805180604" + "01c63ffffffff16", // [size, out, in, head, length]
  "5f5f82856018018560601c5afa", // call head's address with the calldata
  "8452", // out: success
  "3d8460200152", // out + 32: length
  "3d5f856040013e", // out + 64: what came back
  "601801905001", // in += 24 + length
  "903d6040010190", // out += 64 + length of what came back
  "600b56",
  "5b5081900390f3", // return what was written
].join("");

/** So many fit into the protocol's bounds on the size of code (24,576 bytes) that is deployed, which what comes back counts as. */
const callsPerCode = 40;

/**
 * @param block all calls see the state after it.
 * @returns what each view returned, as hex; null where it reverted.
 * @throws RpcError where the provider refuses. @throws ChainUnavailableError
 */
export async function callViews(rpc: Rpc, calls: readonly ViewCall[], block: number): Promise<(string | null)[]> {
  const parts = Array.from({ length: Math.ceil(calls.length / callsPerCode) }, (_, i) =>
    calls.slice(callsPerCode * i, callsPerCode * (i + 1)),
  );
  const replies = await rpc.batch(parts.map((part) => ({ method: "eth_call", params: [{ data: encode(part) }, quantity(block)] })));
  return parts.flatMap((part, i) => decode(bytesOf(replies[i] as string), part.length));
}

function encode(calls: readonly ViewCall[]): string {
  const packed = calls.map(({ to, data }) => {
    const length = ((data.length - 2) / 2).toString(16).padStart(8, "0");
    return `${to.slice(2)}${length}${data.slice(2)}`;
  });
  return `0x${code}${packed.join("")}`;
}

function decode(bytes: Uint8Array, count: number): (string | null)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  return Array.from({ length: count }, () => {
    if (at + 64 > bytes.length) throw new RpcError(0, "the provider cut what several calls returned", undefined);
    const succeeded = view.getUint8(at + 31) === 1;
    const length = view.getUint32(at + 60);
    const result = bytes.subarray(at + 64, at + 64 + length);
    at += 64 + length;
    return succeeded ? hexOf(result) : null;
  });
}

import type { ContractCall } from "./contracts.ts";
import { currentFees } from "./fees.ts";
import { quantity, type Rpc } from "./rpc.ts";
import type { Signer } from "./signer.ts";

/** As a provider gives it; quantities are hexadecimal. */
export interface Receipt {
  status: string;
  blockNumber: string;
  blockHash: string;
  gasUsed: string;
  /** Null where a contract was created. */
  to: string | null;
  contractAddress: string | null;
  logs: { address: string; topics: string[]; data: string }[];
}

/** A transaction that was mined and did not revert. `contractAddress`: of the contract that it created. */
export interface Mined {
  hash: string;
  blockNumber: number;
  gasUsed: bigint;
  logs: Receipt["logs"];
  contractAddress: string | null;
}

/**
 * Sends one transaction for a person and waits until it is mined; for verbs, not for the node.
 * @param call an empty `to` creates a contract.
 * @throws RpcError where it would revert.
 */
export async function transact(
  rpc: Rpc,
  signer: Signer,
  call: ContractCall,
  options: { feeCeiling: bigint; pollMs?: number; timeoutMs?: number },
): Promise<Mined> {
  const from = signer.address;
  const to = call.to === "" ? null : call.to;
  const value = quantity(call.value ?? 0n);
  const [fees, [chainId, nonce, gas]] = await Promise.all([
    currentFees(rpc, options.feeCeiling),
    rpc.batch([
      { method: "eth_chainId", params: [] },
      { method: "eth_getTransactionCount", params: [from, "pending"] },
      { method: "eth_estimateGas", params: [{ from, ...(to === null ? {} : { to }), data: call.data, value }] },
    ]),
  ]);
  const gasLimit = BigInt(gas as string);
  const { hash, raw } = signer.sign({
    to,
    data: call.data,
    value: call.value ?? 0n,
    gasLimit: gasLimit + gasLimit / 4n,
    nonce: Number(nonce),
    chainId: Number(chainId),
    maxFeePerGas: fees.maxFee,
    maxPriorityFeePerGas: fees.priorityFee,
  });
  await rpc.call("eth_sendRawTransaction", [raw]);
  const { blockNumber, gasUsed, status, logs, contractAddress } = await receiptOf(
    rpc,
    hash,
    options.pollMs ?? 100,
    options.timeoutMs ?? 120_000,
  );
  if (status !== "0x1") throw new Error(`the transaction ${hash} was mined in block ${Number(blockNumber)} but reverted`);
  return { hash, blockNumber: Number(blockNumber), gasUsed: BigInt(gasUsed), logs, contractAddress };
}

async function receiptOf(rpc: Rpc, hash: string, pollMs: number, timeoutMs: number): Promise<Receipt> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const receipt = await rpc.call<Receipt | null>("eth_getTransactionReceipt", [hash]);
    if (receipt !== null) return receipt;
    if (performance.now() > end)
      throw new Error(`the transaction ${hash} was sent but not mined in ${timeoutMs / 1000} s; look for it later`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

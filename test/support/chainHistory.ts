import assert from "node:assert/strict";
import { coordinatorInterface } from "../../oracle/chain/contracts.ts";
import type { TestSystem } from "./deployment.ts";

/** @returns how often each request was answered (made final), as the chain tells. */
export async function countEvents(system: TestSystem, name: "Submitted" | "Finalized"): Promise<Map<string, number>> {
  const logs = await system.chain.rpc<{ topics: string[] }[]>("eth_getLogs", {
    fromBlock: "0x0",
    toBlock: "latest",
    address: system.deployment.coordinator,
    topics: [coordinatorInterface.getEvent(name)!.topicHash],
  });
  const counts = new Map<string, number>();
  for (const { topics } of logs) counts.set(topics[1]!, (counts.get(topics[1]!) ?? 0) + 1);
  return counts;
}

/** Each of the requests has one answer and one finalization: nothing was lost, nothing was done twice. */
export async function assertEachOnce(system: TestSystem, requestIds: readonly string[]): Promise<void> {
  for (const name of ["Submitted", "Finalized"] as const) {
    const counts = await countEvents(system, name);
    assert.deepEqual(
      requestIds.map((requestId) => counts.get(requestId) ?? 0),
      requestIds.map(() => 1),
      `${name} once for each request`,
    );
  }
}

/** Every transaction of the operator since `nonce` was mined, worked, and did something. @returns how many there were. */
export async function assertNothingWasted(system: TestSystem, fromBlock: number): Promise<number> {
  const head = Number(await system.chain.rpc<string>("eth_blockNumber"));
  let count = 0;
  for (let number = fromBlock; number <= head; number++) {
    const block = await system.chain.rpc<{ transactions: { from: string; hash: string }[] }>(
      "eth_getBlockByNumber",
      `0x${number.toString(16)}`,
      true,
    );
    for (const { from, hash } of block.transactions) {
      if (from.toLowerCase() !== system.operator.address.toLowerCase()) continue;
      const receipt = await system.chain.rpc<{ status: string; logs: unknown[] }>("eth_getTransactionReceipt", hash);
      assert.equal(receipt.status, "0x1", `transaction ${hash} did not revert`);
      assert.ok(receipt.logs.length > 0, `transaction ${hash} did something`);
      count++;
    }
  }
  return count;
}

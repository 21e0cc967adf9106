import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { coordinatorInterface } from "../../../oracle/chain/contracts.ts";
import { startChain } from "../../support/chain.ts";
import { assertEachOnce, countEvents } from "../../support/chainHistory.ts";
import { deploySystem, testInput, type TestSystem } from "../../support/deployment.ts";
import { startFaultyProvider } from "../../support/faultyProvider.ts";
import { writeConfig } from "../../support/nodeConfig.ts";
import { startNodeProcess, type NodeProcess } from "../../support/nodeProcess.ts";
import { until } from "../../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-shallow-"));
let system: TestSystem;
let provider: Awaited<ReturnType<typeof startFaultyProvider>>;
/** How often the node has looked for a receipt. */
let lookups = 0;

before(async () => {
  system = await deploySystem(await startChain(), folder);
  await system.chain.rpc("evm_setAutomine", false);
  provider = await startFaultyProvider(system.chain.http);
  provider.faults.reply = (call, reply) => {
    if (call.method === "eth_getTransactionReceipt") lookups++;
    return reply;
  };
});
after(async () => {
  await provider.close();
  await system.close();
  rmSync(folder, { recursive: true });
});

const rpc = <T>(method: string, ...params: unknown[]) => system.chain.rpc<T>(method, ...params);
const headNumber = async () => Number(await rpc<string>("eth_blockNumber"));
const mine = async (blocks: number) => {
  for (let i = 0; i < blocks; i++) await rpc("evm_mine");
};

async function ask(): Promise<string> {
  const sent = system.send(system.requester, system.calls.request(system.params({ challengeWindow: 1 }), testInput(1, 2)));
  await until("the request in the pool", async () => (await waiting(system.requester.address)).length === 1);
  await mine(1);
  const { logs } = await sent;
  return coordinatorInterface.parseLog(logs[0]!)!.args.requestId as string;
}

/** Hashes of an account's transactions that wait to be mined. */
async function waiting(account = system.operator.address): Promise<string[]> {
  const { transactions } = await rpc<{ transactions: { from: string; hash: string }[] }>("eth_getBlockByNumber", "pending", true);
  return transactions.filter(({ from }) => from.toLowerCase() === account.toLowerCase()).map(({ hash }) => hash);
}

/** Mines until the chain says that it happened to the request. */
function minedUntil(event: "Submitted" | "Finalized", requestId: string): Promise<void> {
  return until(event, async () => {
    await mine(1);
    return (await countEvents(system, event)).get(requestId) === 1;
  });
}

/** Mines the node's next transaction and `depth - 1` blocks on it, lets the node see them, and puts a longer chain without it in their place. */
async function dropNext(node: NodeProcess, depth: number, confirmations: number): Promise<void> {
  await until("the node's transaction in the pool", async () => (await waiting()).length === 1);
  const [hash] = await waiting();
  const snapshot = await rpc<string>("evm_snapshot");
  const before = lookups;
  await mine(1);
  await until("the node has looked for its receipt", () => lookups > before);
  await mine(depth - 1);
  const read = (await headNumber()) - confirmations;
  await until("the last block that the node may read", () => node.stats?.head?.number === read);
  await rpc("evm_revert", snapshot);
  await rpc("hardhat_dropTransaction", hash);
  await mine(depth + 1);
}

for (const confirmations of [0, 2, 12]) {
  for (const depth of new Set([1, Math.max(1, confirmations)])) {
    test(`N18 with ${confirmations} confirmations, a reorganisation of ${depth} that drops an answer and a finalization holds nothing up`, async () => {
      const place = join(folder, `${confirmations}-${depth}`);
      const node = startNodeProcess(writeConfig(system, place, { confirmations, rpc: [provider.url], files: folder }));
      try {
        await node.ready;
        const requestId = await ask();
        await mine(confirmations);
        await dropNext(node, depth, confirmations);
        await minedUntil("Submitted", requestId);
        await rpc("evm_increaseTime", 2);
        await mine(Math.max(1, confirmations));
        await dropNext(node, depth, confirmations);
        await minedUntil("Finalized", requestId);
        await assertEachOnce(system, [requestId]);
        // No nonce is missing: the next request is answered as well.
        const next = await ask();
        await minedUntil("Finalized", next);
        await assertEachOnce(system, [next]);
      } finally {
        await node.stop();
      }
      assert.deepEqual(await node.ended, { code: 0, signal: null });
    });
  }
}

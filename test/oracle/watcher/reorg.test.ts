import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { coordinatorInterface } from "../../../oracle/chain/contracts.ts";
import { loadConfig } from "../../../oracle/config.ts";
import { startNode, type Node } from "../../../oracle/node.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";
import { startChain } from "../../support/chain.ts";
import { assertEachOnce } from "../../support/chainHistory.ts";
import { deploySystem, testInput, type TestSystem } from "../../support/deployment.ts";
import { startFaultyProvider } from "../../support/faultyProvider.ts";
import { writeConfig } from "../../support/nodeConfig.ts";
import { until } from "../../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-reorg-"));
let system: TestSystem;
let folders = 0;

before(async () => {
  system = await deploySystem(await startChain(), folder);
});
after(async () => {
  await system.close();
  rmSync(folder, { recursive: true });
});

const rpc = <T>(method: string, ...params: unknown[]) => system.chain.rpc<T>(method, ...params);
const headNumber = async () => Number(await rpc<string>("eth_blockNumber"));
/** Not hardhat_mine: the blocks that it makes are no chain. */
async function mine(blocks: number): Promise<void> {
  for (let i = 0; i < blocks; i++) await rpc("evm_mine");
}
const answersToOne = async (requestId: string) => assertEachOnce(system, [requestId]);

/** Hashes of the transactions in the newest block. */
async function newestTransactions(): Promise<string[]> {
  return (await rpc<{ transactions: string[] }>("eth_getBlockByNumber", "latest", false)).transactions;
}

async function ask(): Promise<string> {
  const call = system.calls.request(system.params({ challengeWindow: 2 }), testInput(1, 2));
  const { logs } = await system.send(system.requester, call);
  return coordinatorInterface.parseLog(logs[0]!)!.args.requestId as string;
}

/** A new node, or one that goes on with the data of another one. */
async function withNode<T>(work: (node: Node) => Promise<T>, path = writeConfig(system, join(folder, String(folders++)))): Promise<T> {
  const config = await loadConfig(path, { content: { allowedFileRoots: [folder] } });
  const node = await startNode(config, { log: createLog(config.log.level) });
  try {
    return await work(node);
  } finally {
    await node.stop();
  }
}

/** How many reorganisations the node has undone. */
const undone = async (node: Node) => (await node.metrics.reorganisations.get()).values[0]?.value ?? 0;

const count = (node: Node, state: string) => node.stats().jobs[state] ?? 0;

/** Takes the chain back to the snapshot; another one, longer than it was, takes its place. @returns how many blocks were dropped. */
async function reorganise(snapshot: string): Promise<number> {
  const before = await headNumber();
  await rpc("evm_revert", snapshot);
  const dropped = before - (await headNumber());
  await mine(dropped + 1);
  return dropped;
}

for (const depth of [2, 16, 64]) {
  test(`N01 a reorganisation of ${depth} blocks that drops request and answer is undone, and requests on the new chain are answered`, async () => {
    await withNode(async (node) => {
      const final = count(node, "FINALIZED/EVALUATED");
      const snapshot = await rpc<string>("evm_snapshot");
      await ask();
      await until("the answer", () => count(node, "SUBMITTED/EVALUATED") === 1);
      if (depth > 2) await mine(depth - 2);
      await until("the last block", async () => node.stats().head?.number === (await headNumber()));
      assert.equal(await reorganise(snapshot), depth);
      await until("the undoing", () => count(node, "ABSENT/EVALUATED") === 1);
      await ask();
      await until("finality", () => count(node, "FINALIZED/EVALUATED") === final + 1);
    });
  });
}

test("N01 a reorganisation that drops only the answer: the node sends the same bytes again, and no other", async () => {
  const config = writeConfig(system, join(folder, String(folders++)));
  const requestId = await ask();
  const snapshot = await rpc<string>("evm_snapshot");
  await withNode(async (node) => {
    await until("the answer", () => count(node, "SUBMITTED/EVALUATED") === 1);
    const submission = await newestTransactions();
    await reorganise(snapshot);
    await until("the answer on the other chain", async () => (await rpc("eth_getTransactionReceipt", submission[0])) !== null);
    await until("finality", () => count(node, "REQUESTED/EVALUATED") + count(node, "SUBMITTED/EVALUATED") === 0);
  }, config);
  await answersToOne(requestId);
});

test("N01 a reorganisation that drops only the finalization: the request is made final once", async () => {
  const config = writeConfig(system, join(folder, String(folders++)));
  const requestId = await ask();
  let final = 0;
  await withNode(async (node) => {
    await until("the answer", () => count(node, "SUBMITTED/EVALUATED") === 1);
    final = count(node, "FINALIZED/EVALUATED");
  }, config);
  const snapshot = await rpc<string>("evm_snapshot");
  await rpc("evm_increaseTime", 2);
  await mine(1);
  await withNode(async (node) => {
    await until("finality", () => count(node, "SUBMITTED/EVALUATED") === 0);
    await reorganise(snapshot);
    // Not the job's state in between: the node may have made it final again before anybody looks.
    await until("the undoing", async () => (await undone(node)) > 0);
    await until("finality again", () => count(node, "SUBMITTED/EVALUATED") === 0 && count(node, "FINALIZED/EVALUATED") > final);
  }, config);
  await answersToOne(requestId);
});

test("N03 a chain that falls back without contradicting what was read changes nothing", async () => {
  const provider = await startFaultyProvider(system.chain.http);
  let polls = 0;
  provider.faults.reply = ({ params }, reply) => {
    if (params[0] === "latest") polls++;
    return reply;
  };
  await withNode(
    async (node) => {
      const final = count(node, "FINALIZED/EVALUATED");
      await ask();
      await until("finality", () => count(node, "FINALIZED/EVALUATED") === final + 1);
      const snapshot = await rpc<string>("evm_snapshot");
      await mine(5);
      await until("the last block", async () => node.stats().head?.number === (await headNumber()));
      const head = node.stats().head;
      await rpc("evm_revert", snapshot);
      const before = polls;
      // A poll that began before the chain fell back may still end; two that begin later have seen it.
      await until("two more polls", () => polls >= before + 2);
      assert.deepEqual(node.stats().head, head, "a head that only lags is not acted on");
      assert.equal(await undone(node), 0);
    },
    writeConfig(system, join(folder, String(folders++)), { rpc: [provider.url] }),
  );
  await provider.close();
});

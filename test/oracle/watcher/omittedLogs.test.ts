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
import { leaveOutLogs, startFaultyProvider } from "../../support/faultyProvider.ts";
import { writeConfig } from "../../support/nodeConfig.ts";
import { until } from "../../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-omitted-"));
let system: TestSystem;
let provider: Awaited<ReturnType<typeof startFaultyProvider>>;
let folders = 0;

before(async () => {
  system = await deploySystem(await startChain(), folder);
  provider = await startFaultyProvider(system.chain.http);
});
after(async () => {
  await provider.close();
  await system.close();
  rmSync(folder, { recursive: true });
});

const topicOf = (name: string) => coordinatorInterface.getEvent(name)!.topicHash;
const count = (node: Node, state: string) => node.stats().jobs[state] ?? 0;

/** @returns the requests, all in one block. */
async function ask(number: number): Promise<string[]> {
  const params = Array.from({ length: number }, () => system.params({ challengeWindow: 2 }));
  const call = system.calls.requestBatch(
    params,
    params.map(() => testInput(1, 2)),
  );
  const { logs } = await system.send(system.requester, call);
  return logs
    .filter(({ topics }) => topics[0] === topicOf("Requested"))
    .map((log) => coordinatorInterface.parseLog(log)!.args.requestId as string);
}

async function withNode(confirmations: number, work: (node: Node) => Promise<void>): Promise<void> {
  const path = writeConfig(system, join(folder, String(folders++)), { rpc: [provider.url] });
  const config = await loadConfig(path, { content: { allowedFileRoots: [folder] }, chain: { confirmations } });
  const node = await startNode(config, { log: createLog(config.log.level) });
  try {
    await work(node);
  } finally {
    provider.faults = {};
    await node.stop();
  }
}

/** Waits while blocks are made, so that what was done gets its confirmations. */
const untilMined = (what: string, condition: () => boolean) =>
  until(what, async () => {
    if (condition()) return true;
    await system.chain.rpc("evm_mine");
    return condition();
  });

for (const confirmations of [0, 2, 12]) {
  test(`N19 requests whose logs were left out of one reply are read and answered (${confirmations} confirmations)`, async () => {
    await withNode(confirmations, async (node) => {
      const final = count(node, "FINALIZED/EVALUATED");
      // The second of the three: what is left in the block's reply doesn't hide that one is missing.
      const omission = leaveOutLogs(topicOf("Requested"), 1);
      provider.faults = { reply: omission.fault };
      const requestIds = [...(await ask(3)), ...(await ask(1))];
      await untilMined("finality of all four", () => count(node, "FINALIZED/EVALUATED") === final + 4);
      assert.equal(omission.leftOut, 1);
      await assertEachOnce(system, requestIds);
      assert.equal((await node.metrics.omittedLogs.get()).values[0]?.value, 1);
    });
  });
}

test("N19 the only request of a block, left out while the node was away, is read at the start", async () => {
  const [requestId] = await ask(1);
  for (let i = 0; i < 150; i++) await system.chain.rpc("evm_mine");
  const omission = leaveOutLogs(topicOf("Requested"), Infinity);
  provider.faults = { reply: omission.fault };
  await withNode(2, async (node) => {
    const open = () => Object.keys(node.stats().jobs).filter((state) => /^(REQUESTED|SUBMITTED)/.test(state));
    await untilMined("finality", () => count(node, "FINALIZED/EVALUATED") > 0 && open().length === 0);
    assert.ok(omission.leftOut > 0);
  });
  await assertEachOnce(system, [requestId!]);
});

test("N19 a state without its log: a bond that is locked behind an answer whose submission was left out", async () => {
  await withNode(0, async (node) => {
    const final = count(node, "FINALIZED/EVALUATED");
    const omission = leaveOutLogs(topicOf("Submitted"), 1, { hideBlooms: true });
    provider.faults = { reply: omission.fault };
    const requestIds = await ask(1);
    await untilMined("finality", () => count(node, "FINALIZED/EVALUATED") === final + 1);
    assert.equal(omission.leftOut, 1);
    await assertEachOnce(system, requestIds);
  });
});

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { bloomItem, mayHoldLogs } from "../../../oracle/chain/bloom.ts";
import { coordinatorInterface, operatorInterface } from "../../../oracle/chain/contracts.ts";
import { callViews } from "../../../oracle/chain/multicall.ts";
import { startChain } from "../../support/chain.ts";
import { deploySystem, testInput, type TestSystem } from "../../support/deployment.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-multicall-"));
let system: TestSystem;
before(async () => {
  system = await deploySystem(await startChain(), folder);
});
after(async () => {
  await system.close();
  rmSync(folder, { recursive: true });
});

test("many views in one call return what each returns alone, reverts included, as of the block that was named", async () => {
  const { operatorRegistry, coordinator } = system.deployment;
  const operator = { to: operatorRegistry, data: operatorInterface.encodeFunctionData("operatorOf", [system.operator.address]) };
  const token = { to: operatorRegistry, data: operatorInterface.encodeFunctionData("stakeToken") };
  const reverting = { to: coordinator, data: "0x12345678" };
  const nobody = { to: system.requester.address, data: "0x" };
  const calls = Array.from({ length: 30 }, () => [operator, reverting, token, nobody]).flat();
  const block = Number(await system.chain.rpc<string>("eth_blockNumber"));
  const alone = async ({ to, data }: { to: string; data: string }) => system.chain.rpc<string>("eth_call", { to, data }, "latest");
  const expected = [await alone(operator), null, await alone(token), "0x"];
  const results = await callViews(system.rpc, calls, block);
  assert.deepEqual(results, Array.from({ length: 30 }, () => expected).flat());
  const early = await callViews(system.rpc, [operator, token], 1);
  assert.deepEqual(early, ["0x", "0x"], "there was no contract yet");
  assert.deepEqual(await callViews(system.rpc, [], block), []);
});

test("a header's Bloom filter holds the address and the topics of its block's logs, and not others", async () => {
  const { blockNumber, logs } = await system.send(system.requester, system.calls.request(system.params(), testInput(1, 2)));
  const { logsBloom } = await system.chain.rpc<{ logsBloom: string }>("eth_getBlockByNumber", `0x${blockNumber.toString(16)}`, false);
  const coordinator = bloomItem(system.deployment.coordinator);
  const topics = logs[0]!.topics.map(bloomItem);
  for (const topic of topics) assert.ok(mayHoldLogs(logsBloom, [coordinator], [topic]));
  const [requested, finalized] = ["Requested", "Finalized"].map((name) => bloomItem(coordinatorInterface.getEvent(name)!.topicHash));
  assert.equal(mayHoldLogs(logsBloom, [coordinator], [finalized!]), false);
  assert.equal(mayHoldLogs(logsBloom, [bloomItem(system.deployment.modelRegistry)], [requested!]), false);
  assert.ok(mayHoldLogs(logsBloom, [bloomItem(system.deployment.modelRegistry), coordinator], [finalized!, requested!]));
});

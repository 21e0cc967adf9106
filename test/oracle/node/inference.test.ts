import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Interface, type Result } from "ethers";
import { testTokenAbi } from "../../../oracle/chain/abi.ts";
import { coordinatorInterface, toRequest } from "../../../oracle/chain/contracts.ts";
import { Signer } from "../../../oracle/chain/signer.ts";
import { loadConfig } from "../../../oracle/config.ts";
import { eligibleAt } from "../../../oracle/core/eligibility.ts";
import { startNode } from "../../../oracle/node.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";
import { startChain } from "../../support/chain.ts";
import { deploySystem, keyOf, testInput, type TestSystem } from "../../support/deployment.ts";
import { writeConfig } from "../../support/nodeConfig.ts";
import { until } from "../../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-node-"));
let system: TestSystem;

before(async () => {
  system = await deploySystem(await startChain(), folder);
});
after(async () => {
  await system.close();
  rmSync(folder, { recursive: true });
});

test("a request is evaluated, submitted and made final, and the operator is paid", async () => {
  const config = await loadConfig(writeConfig(system, folder));
  const node = await startNode(config, { log: createLog(config.log.level) });
  try {
    await system.send(system.requester, system.calls.request(system.params(), testInput(1, 2)));
    await until("finality", () => node.stats().jobs["FINALIZED/EVALUATED"] === 1);
    const owed = await system.views.owed(system.operator.address, `0x${"0".repeat(40)}`);
    assert.equal(owed, 99n * 10n ** 13n);
    const [timing] = node.timings();
    assert.ok(timing!.seenAt <= timing!.evaluatedAt! && timing!.evaluatedAt! <= timing!.sentAt!, "stations are passed in order");
  } finally {
    await node.stop();
  }
});

test("A36 the node activates a deposit by itself, once its block has come and not before", async () => {
  const config = await loadConfig(writeConfig(system, folder));
  const { operator, deployment, rpc } = system;
  const token = await system.views.stakeToken();
  const erc20 = new Interface(testTokenAbi);
  await system.send(operator, { to: token, data: erc20.encodeFunctionData("mint", [operator.address, 7n]) });
  await system.send(operator, { to: token, data: erc20.encodeFunctionData("approve", [deployment.operatorRegistry, 7n]) });
  const before = await system.views.stakeOf(operator.address);
  const { blockNumber } = await system.send(operator, system.calls.stake(7n));
  const { bondsAt } = await system.views.operator(operator.address);
  const node = await startNode(config, { log: createLog(config.log.level) });
  try {
    // One by one: blocks that are mined at once don't name their parents.
    for (let block = blockNumber + 1; block < bondsAt; block++) await rpc.call("evm_mine", []);
    await until("the block before", () => node.stats().head?.number === bondsAt - 1);
    assert.equal((await system.views.stakeOf(operator.address)).active, before.active);
    await rpc.call("evm_mine", []);
    await until("the deposit counts", async () => (await system.views.stakeOf(operator.address)).active === before.active + 7n);
  } finally {
    await node.stop();
  }
});

test("the node's eligibility is the coordinator's", async () => {
  const { stake } = await system.views.operator(system.operator.address);
  const rich = Signer.fromKey(keyOf(3));
  const token = await system.views.stakeToken();
  const erc20 = new Interface(testTokenAbi);
  await system.send(rich, { to: token, data: erc20.encodeFunctionData("mint", [rich.address, 40n * stake]) });
  await system.send(rich, { to: token, data: erc20.encodeFunctionData("approve", [system.deployment.operatorRegistry, 40n * stake]) });
  await system.send(rich, system.calls.registerOperator(""));
  await system.send(rich, system.calls.stake(40n * stake));
  const times = new Set<number>();
  const { coordinator } = system.deployment;
  const exclusiveBlocks = await system.views.exclusiveBlocks();
  for (let i = 0; i < 8; i++) {
    // A long period, and an operator among others: eligibility begins at different times.
    const params = system.params({ submitPeriod: 40_000 });
    const { logs, blockNumber } = await system.send(system.requester, system.calls.request(params, testInput(i, 2)));
    const { args } = coordinatorInterface.parseLog(logs[0]!)!;
    await system.rpc.call("evm_mine", []);
    const block = await system.rpc.call<{ hash: string; number: string }>("eth_getBlockByNumber", [`0x${blockNumber.toString(16)}`, false]);
    const request = toRequest(args.request as Result, block.hash);
    for (const [operator, active] of [
      [system.operator.address, stake],
      [system.requester.address, 0n],
    ] as const) {
      const data = coordinatorInterface.encodeFunctionData("eligibleAt", [request, operator]);
      const result = await system.rpc.call<string>("eth_call", [{ to: coordinator, data }, "latest"]);
      const at = eligibleAt(args.requestId as string, request, { operator, active, servesSince: 0, exclusiveBlocks, block: blockNumber });
      assert.equal(at, Number(result));
      times.add(at - request.requestedAt);
    }
  }
  assert.ok(times.size > 2, `eligibility begins at different times: ${[...times].join(", ")} s`);
});

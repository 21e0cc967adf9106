import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ZeroAddress } from "ethers";
import { buildTiny, tinyInputs } from "../../examples/tiny/model.ts";
import { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import { erc20Interface } from "../../oracle/chain/contracts.ts";
import { disputeInterface, outcomes } from "../../oracle/chain/disputeCalls.ts";
import { DisputeViews } from "../../oracle/chain/disputeViews.ts";
import { findRequest, topicOf } from "../../oracle/cli/requests.ts";
import { encodeBundle, type Tensor } from "../../oracle/core/tensor.ts";
import { lieAbout, Liar } from "../../scripts/local/liar.ts";
import { startNetwork, type Network } from "../support/commandLine.ts";
import { until } from "../support/until.ts";

const file = buildTiny(11);
const model = CanonicalModel.ofOnnx(file);
const row = (length: number): Tensor => ({ dtype: "float32", shape: [1, length], data: new Uint8Array(4 * length).fill(1) });
const input = row(tinyInputs);

let network: Network;
let modelId: string;
after(() => network?.close());
before(async () => {
  network = await startNetwork();
  const { system } = network;
  ({ modelId } = await system.registerModel("author", "tiny", file, 250, { absolute: 0x3a800000, relative: 0 }));
  for (const account of ["operator", "operator2"] as const) await system.registerOperator({ account, stake: 1000n, models: [modelId] });
});

/** Seconds; a quarter of it makes everybody eligible. */
const submitPeriod = 3600;
/** Seconds: longer than whatever happens in a test. */
const window = 7200;

/** Asks by the contract itself, which takes any tensors. @param challengeWindow seconds. */
async function ask(tensors: Tensor[], challengeWindow: number): Promise<string> {
  const terms = {
    modelId,
    feeToken: ZeroAddress,
    fee: 10n ** 16n,
    bond: 10n ** 19n,
    submitPeriod,
    challengeWindow,
    callbackGasLimit: 0,
    transport: 0,
  };
  const { logs } = await network.system.send("requester", network.system.chain.calls.request(terms, encodeBundle(tensors)));
  return logs.find(({ topics }) => topics[0] === topicOf("Requested"))!.topics[1]!;
}

async function outcomesOf(requestId: string): Promise<string[]> {
  const { chain } = network.system;
  const logs = await chain.logs(chain.deployment.disputeGame, [disputeInterface.getEvent("Closed")!.topicHash, null, requestId]);
  return logs.map((log) => outcomes[Number(disputeInterface.parseLog(log)!.args.outcome)]!);
}

for (const [name, tensors] of [
  ["of another shape", [row(tinyInputs - 1)]],
  ["of another type", [{ ...input, dtype: "int32" as const }]],
  ["too many", [input, input]],
  ["none at all", []],
] as [string, Tensor[]][]) {
  test(`an answer to inputs that the program doesn't take (${name}) is convicted, whatever trace stands behind it`, async () => {
    const { system } = network;
    const watchtower = await system.startWatchtower({ account: "challenger", name: "tower" });
    const requestId = await ask(tensors, window);
    const { outputs, trace } = evaluateHere(model.program, model.weights, [input]);
    const lie = { posted: outputs, trace: new MemoryTree(trace) };
    const liar = new Liar(system, "operator2", model);
    await system.passTime(submitPeriod / 4);
    await liar.answer(requestId, lie);
    await liar.fight(requestId, lie);
    assert.deepEqual(await outcomesOf(requestId), ["STEP_DIFFERENT"]);
    assert.equal(await watchtower.stop(), 0);
  });
}

test("an operator's node declines inputs that the program doesn't take", async () => {
  const { system } = network;
  const node = await system.startNode({ account: "operator" });
  const foreign = await ask([row(tinyInputs - 1)], window);
  const fitting = await ask([input], window);
  await system.passTime(submitPeriod / 4);
  await until("the fitting one is answered", async () => (await findRequest(system.chain, fitting)).answer !== null, 60_000);
  await system.passTime(submitPeriod);
  assert.equal((await findRequest(system.chain, foreign)).status, "EXPIRED");
  assert.equal(await node.stop(), 0);
});

test("a commitment that expired while the watchtower was away is made anew, and the answer convicted", async () => {
  const { system } = network;
  const tower = { account: "challenger" as const, name: "away" };
  const killed = await system.startWatchtower({ ...tower, extra: '[testing]\ncrashPoint = "after-move-send"\n' });
  const requestId = await ask([input], 36_000);
  const lie = lieAbout(model, [input], 21, 2 ** -9.9);
  const liar = new Liar(system, "operator2", model);
  await system.passTime(submitPeriod / 4);
  await liar.answer(requestId, lie);
  assert.equal(await killed.exited, null, "killed when it had committed");
  await system.passTime(3600);
  const again = await system.startWatchtower(tower);
  await liar.fight(requestId, lie);
  assert.deepEqual(await outcomesOf(requestId), ["STEP_DIFFERENT"]);
  const committed = await system.chain.logs(system.chain.deployment.disputeGame, [
    disputeInterface.getEvent("ChallengeCommitted")!.topicHash,
  ]);
  const mine = committed.slice(-2).map(({ topics }) => topics[1]);
  assert.notEqual(mine[0], mine[1], "another salt, another dispute");
  assert.equal(await again.stop(), 0);
});

test("a watchtower that can't pay says what it lacks, goes on when it has it, and withdraws what it earned", async () => {
  const { system } = network;
  const { stakeToken, disputeGame } = system.chain.deployment;
  const { address } = system.signer("requester2");
  const views = new DisputeViews(system.chain.rpc, disputeGame!);
  const { claims } = await views.parts();
  const says = (what: RegExp) =>
    until(`${what} in the log`, () => what.test(readFileSync(join(network.directory, "poor.log"), "utf8")), 30_000);
  const watchtower = await system.startWatchtower({ account: "requester2", name: "poor" });
  await says(/has 0\.0 ATT, the bond of a challenge is 0\.25 ATT: send it at least 0\.25 ATT/);
  await system.chain.rpc.call("hardhat_setBalance", [address, "0x1"]);
  await says(/has 0\.000000000000000001 ETH, the gas of a dispute is 0\.\d+ ETH: send it at least 0\.\d+ ETH/);

  const requestId = await ask([input], window);
  const lie = lieAbout(model, [input], 5, 2 ** -9.9);
  const liar = new Liar(system, "operator2", model);
  await system.passTime(submitPeriod / 4);
  await liar.answer(requestId, lie);
  await says(/an answer is wrong: challenging it/);
  const committed = () => system.chain.rpc.call<string>("eth_getTransactionCount", [address, "latest"]).then(Number);
  const before = await committed();
  await system.chain.rpc.call("hardhat_setBalance", [address, "0x56bc75e2d63100000"]);
  await until("the commitment", async () => (await committed()) > before, 30_000);
  assert.deepEqual(await outcomesOf(requestId), []);
  const tokens = 10n ** 18n / 4n;
  await system.send("challenger", { to: stakeToken, data: erc20Interface.encodeFunctionData("transfer", [address, tokens]) });
  await liar.fight(requestId, lie);
  assert.deepEqual(await outcomesOf(requestId), ["STEP_DIFFERENT"]);
  await until("it has claimed its part of the bond", async () => (await views.rewardOf(claims, address)) > 0n, 30_000);
  assert.equal(await watchtower.stop(), 0);

  const { disputes } = (await network.assay("dispute", "list", "--of", "requester2")) as { disputes: { requestId: string }[] };
  assert.deepEqual(
    disputes.map((dispute) => dispute.requestId),
    [requestId],
  );
  const { withdrawn } = (await network.assay("dispute", "withdraw", "--account", "requester2")) as { withdrawn: object[] };
  /** Of the liar's bond: nobody else has a claim. */
  const quarter = 10n ** 19n / 4n;
  assert.deepEqual(
    withdrawn.map(({ what, amount }: { what?: string; amount?: string }) => [what, amount]),
    [
      ["bonds", String(tokens)],
      ["rewards", String(quarter)],
    ],
  );
  assert.equal(await system.chain.balanceOf(address, stakeToken), tokens + quarter);
});

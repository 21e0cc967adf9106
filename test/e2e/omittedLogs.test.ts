import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildTiny, tinyInputs } from "../../examples/tiny/model.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import { coordinatorInterface } from "../../oracle/chain/contracts.ts";
import { disputeInterface } from "../../oracle/chain/disputeCalls.ts";
import { findRequest } from "../../oracle/cli/requests.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import { lieAbout, Liar } from "../../scripts/local/liar.ts";
import type { AssayProcess } from "../../scripts/local/processes.ts";
import { BogusChallenger } from "../support/bogusChallenger.ts";
import { cheatTolerance } from "../support/cheats.ts";
import { DisputeScene, submitPeriod, type RegisteredModel } from "../support/disputeScene.ts";
import { leaveOutLogs, startFaultyProvider } from "../support/faultyProvider.ts";
import { until } from "../support/until.ts";

const input: Tensor = {
  dtype: "float32",
  shape: [1, tinyInputs],
  data: new Uint8Array(Float32Array.from({ length: tinyInputs }, (_, i) => Math.sin(i)).buffer),
};

let scene: DisputeScene;
let provider: Awaited<ReturnType<typeof startFaultyProvider>>;
let tiny: RegisteredModel;
before(async () => {
  scene = await DisputeScene.open();
  provider = await startFaultyProvider(scene.system.chain.deployment.rpcUrl!);
  tiny = await scene.registerModel("tiny", buildTiny(7), cheatTolerance);
  for (const account of ["operator", "operator2"] as const) {
    await scene.system.registerOperator({ account, stake: 1000n, models: [tiny.modelId] });
  }
});
after(async () => {
  await scene?.close();
  await provider?.close();
});

const topicOf = (name: string) => disputeInterface.getEvent(name)!.topicHash;

/** A node or a watchtower that knows the chain through the faulty provider alone. */
async function startBehindProvider(role: "operator" | "challenger", confirmations: number, name: string): Promise<AssayProcess> {
  const path = await scene.system.writeNodeConfig({ account: role, role, name });
  const config = readFileSync(path, "utf8").replace("confirmations = 0", `confirmations = ${confirmations}`);
  writeFileSync(path, config);
  const verb = role === "operator" ? "start" : "watch";
  return scene.network.processes.start(name, [verb, "--config", path], { ASSAY_RPC: provider.url });
}
/** Makes blocks until `work` has ended, so that moves get their confirmations. The chain's time stays: blocks may have the same one. */
async function whileMining<T>(work: Promise<T>): Promise<T> {
  let done = false;
  const ended = work.finally(() => (done = true));
  const mined = async () => {
    if (!done) await scene.system.chain.rpc.call("evm_mine");
    return done;
  };
  const [result] = await Promise.all([ended, until("what is mined for", mined, 120_000)]);
  return result;
}

/** Whatever differed between contracts and logs was found: nothing else made the node complain. */
function assertExplained(name: string): void {
  const log = readFileSync(join(scene.network.directory, `${name}.log`), "utf8");
  assert.match(log, /logs out|left out/);
  assert.doesNotMatch(log, /disagree about this account/);
}

/** A stranger's commitment to a challenge of one element of an answer. */
async function commitTo(requestId: string, element: number): Promise<BogusChallenger> {
  const account = await scene.account(scene.parameters.challengerBond, scene.system.chain.deployment.disputeGame!);
  return BogusChallenger.commit(scene.system, account, requestId, { tensor: 0, element });
}

const outcomes = async (requestId: string) => (await scene.closed(requestId)).map(({ outcome }) => outcome);

for (const confirmations of [0, 2, 12]) {
  for (const hideBlooms of [false, true]) {
    const how = hideBlooms ? "and no header shows it: the contract's state does" : "of one reply";
    test(`N19 a challenge left out ${how}: the honest answer is defended (${confirmations} confirmations)`, async () => {
      const { system } = scene;
      const name = `operator-${confirmations}-${hideBlooms}`;
      const node = await startBehindProvider("operator", confirmations, name);
      const [requestId] = await scene.request(tiny.modelId, [input], 7200);
      // By then everybody may answer.
      await system.passTime(submitPeriod / 4);
      const answered = async () => (await findRequest(system.chain, requestId!)).answer !== null;
      await whileMining(until("the answer is there", answered, 60_000));
      const omission = leaveOutLogs(topicOf("Challenged"), 1, { hideBlooms });
      provider.faults = { reply: omission.fault };
      const bogus = await commitTo(requestId!, 3);
      await system.passTime(scene.parameters.commitDelay + 1);
      await bogus.open();
      const trace = new MemoryTree(evaluateHere(tiny.model.program, tiny.model.weights, [input]).trace);
      const walk = bogus.walk({ model: tiny.model, inputs: [input], trace }, { leaf: trace.leafCount - 1, word: 0 });
      await whileMining(walk);
      assert.equal(omission.leftOut, 1);
      assert.deepEqual(await outcomes(requestId!), ["STEP_EQUAL"]);
      provider.faults = {};
      assert.equal(await node.stop(), 0);
      assertExplained(name);
    });
  }
}

test("N19 a second challenge of the same answer left out, and no header shows it: the number of open disputes does", async () => {
  const { system } = scene;
  const node = await startBehindProvider("operator", 0, "operator-second");
  const [requestId] = await scene.request(tiny.modelId, [input], 7200);
  await system.passTime(submitPeriod / 4);
  await until("the answer is there", async () => (await findRequest(system.chain, requestId!)).answer !== null, 60_000);
  const [first, second] = [await commitTo(requestId!, 3), await commitTo(requestId!, 4)];
  await system.passTime(scene.parameters.commitDelay + 1);
  await first.open();
  // The first challenger never moves: whatever the answer's status says of a dispute, it says of this one.
  await until("the first defence", async () => (await first.state()).turn === "PICK", 60_000);
  // The coordinator's own log of it would have its block read by receipts.
  const suspended = coordinatorInterface.getEvent("Suspended")!.topicHash;
  const omission = leaveOutLogs([topicOf("Challenged"), suspended], 2, { hideBlooms: true });
  provider.faults = { reply: omission.fault };
  await second.open();
  const trace = new MemoryTree(evaluateHere(tiny.model.program, tiny.model.weights, [input]).trace);
  await second.walk({ model: tiny.model, inputs: [input], trace }, { leaf: trace.leafCount - 1, word: 0 });
  assert.equal(omission.leftOut, 2);
  assert.deepEqual(await outcomes(requestId!), ["STEP_EQUAL"]);
  await system.passTime(scene.parameters.clock);
  await until("the first challenger's end", async () => (await outcomes(requestId!)).length === 2, 60_000);
  assert.deepEqual(await outcomes(requestId!), ["STEP_EQUAL", "CHALLENGER_TIMEOUT"]);
  provider.faults = {};
  assert.equal(await node.stop(), 0);
  assertExplained("operator-second");
});

for (const confirmations of [0, 2, 12]) {
  test(`N19 a defence left out, and no header shows it: the watchtower's dispute goes on (${confirmations} confirmations)`, async () => {
    const { system } = scene;
    const name = `challenger-${confirmations}`;
    const watchtower = await startBehindProvider("challenger", confirmations, name);
    const omission = leaveOutLogs(topicOf("Defended"), 1, { hideBlooms: true });
    provider.faults = { reply: omission.fault };
    const [requestId] = await scene.request(tiny.modelId, [input], 7200);
    const lie = lieAbout(tiny.model, [input], 9, 2 ** -9.9);
    const liar = new Liar(system, "operator2", tiny.model);
    await system.passTime(submitPeriod / 4);
    await liar.answer(requestId!, lie);
    await whileMining(liar.fight(requestId!, lie));
    assert.equal(omission.leftOut, 1);
    assert.deepEqual(await outcomes(requestId!), ["STEP_DIFFERENT"]);
    provider.faults = {};
    assert.equal(await watchtower.stop(), 0);
    assertExplained(name);
  });
}

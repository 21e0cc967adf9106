import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { buildTiny, tinyInputs } from "../../examples/tiny/model.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
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
/** Makes blocks until `work` has ended, so that moves get their confirmations before the clocks run out. */
async function whileMining<T>(work: Promise<T>): Promise<T> {
  let done = false;
  const mining = (async () => {
    while (!done) {
      await scene.system.chain.rpc.call("evm_mine");
      await sleep(50);
    }
  })();
  return work.finally(async () => {
    done = true;
    await mining;
  });
}

/** Whatever differed between contracts and logs was found: nothing else made the node complain. */
function assertExplained(name: string): void {
  const log = readFileSync(join(scene.network.directory, `${name}.log`), "utf8");
  assert.match(log, /logs out|left out/);
  assert.doesNotMatch(log, /disagree about this account/);
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
      const account = await scene.account(scene.parameters.challengerBond, system.chain.deployment.disputeGame!);
      const bogus = await BogusChallenger.commit(system, account, requestId!, { tensor: 0, element: 3 });
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

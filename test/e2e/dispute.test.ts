import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildTiny, tinyInputs } from "../../examples/tiny/model.ts";
import { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import { disputeInterface } from "../../oracle/chain/disputeCalls.ts";
import { findRequest } from "../../oracle/cli/requests.ts";
import { writeNpy } from "../../oracle/core/npy.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import { lieAbout, Liar } from "../../scripts/local/liar.ts";
import { BogusChallenger } from "../support/bogusChallenger.ts";
import { startNetwork, type Network } from "../support/commandLine.ts";
import { until } from "../support/until.ts";

const file = buildTiny(7);
const model = CanonicalModel.ofOnnx(file);
const input: Tensor = {
  dtype: "float32",
  shape: [1, tinyInputs],
  data: new Uint8Array(Float32Array.from({ length: tinyInputs }, (_, i) => Math.sin(i)).buffer),
};
/** 2^-10. */
const tolerance = { absolute: 0x3a800000, relative: 0 };

let network: Network;
let modelId: string;
let npy: string;
after(() => network?.close());
before(async () => {
  network = await startNetwork();
  const { system } = network;
  npy = join(network.directory, "x.npy");
  writeFileSync(npy, writeNpy(input));
  ({ modelId } = await system.registerModel("author", "tiny", file, 250, tolerance));
  for (const account of ["operator", "operator2"] as const) await system.registerOperator({ account, stake: 1000n, models: [modelId] });
});

/** Seconds: longer than whatever happens in a test; a quarter of the submit period makes everybody eligible. */
const [window, submitPeriod] = [7200, 3600];

const request = async () => {
  const common = ["--fee", "0.01", "--bond", "10", "--account", "requester", "--timeout", "3600"];
  const times = ["--window", String(window), "--submit-period", String(submitPeriod)];
  const { requestId } = await network.assay("request", modelId, "--input", npy, ...common, ...times);
  await network.system.passTime(submitPeriod / 4);
  return requestId as string;
};

const seen = (requestId: string, name: string) => async () =>
  (await findRequest(network.system.chain, requestId)).events.some((event) => event.name === name);

async function closedDisputes(requestId: string) {
  const { chain } = network.system;
  const logs = await chain.logs(chain.deployment.disputeGame, [disputeInterface.getEvent("Closed")!.topicHash, null, requestId]);
  return logs.map((log) => disputeInterface.parseLog(log)!.args.toObject() as { convicted: boolean; outcome: bigint });
}

test("a watchtower convicts an operator of one wrong element, and an honest operator answers the reopened request", async () => {
  const { system } = network;
  const watchtower = await system.startWatchtower({ account: "challenger" });
  const requestId = await request();
  const lie = lieAbout(model, [input], 9, 2 ** -9.9);
  const liar = new Liar(system, "operator2", model);
  await liar.answer(requestId, lie);
  const moves = await liar.fight(requestId, lie);
  assert.ok(moves.length >= 2, "the operator defended and revealed");
  assert.deepEqual(
    (await closedDisputes(requestId)).map(({ convicted, outcome }) => [convicted, Number(outcome)]),
    [[true, 2]],
    "convicted by a step",
  );
  const { disputes } = (await network.assay("dispute", "list", "--request", requestId)) as {
    disputes: { disputeId: string; state: string }[];
  };
  assert.deepEqual(
    disputes.map(({ state }) => state),
    ["CONVICTED"],
  );
  const shown = await network.assay("dispute", "show", disputes[0]!.disputeId);
  assert.deepEqual([shown.outcome, shown.element], ["STEP_DIFFERENT", 9]);
  const node = await system.startNode({ account: "operator" });
  await until(
    "the honest answer is there",
    async () => (await findRequest(system.chain, requestId)).answer?.operator === system.signer("operator").address,
    60_000,
  );
  await system.passTime(window);
  await until("it is final", seen(requestId, "Finalized"), 60_000);
  assert.equal(await watchtower.stop(), 0);
  assert.equal(await node.stop(), 0);
});

test("N06 a watchtower that is killed with every move in its journal only goes on and convicts", async () => {
  const { system } = network;
  const tower = { account: "challenger" as const, name: "killed" };
  const killed = await system.startWatchtower({ ...tower, extra: '[testing]\ncrashPoint = "after-move-journal-write"\n' });
  const requestId = await request();
  const lie = lieAbout(model, [input], 40, -(2 ** -9.9));
  const liar = new Liar(system, "operator2", model);
  await liar.answer(requestId, lie);
  assert.equal(await killed.exited, null, "killed at its first move");
  const fight = liar.fight(requestId, lie);
  // Every start gets one move further before it is killed again.
  for (let moves = 1; moves < 3; moves++) {
    const again = await system.startWatchtower({ ...tower, extra: '[testing]\ncrashPoint = "after-move-journal-write"\n' });
    assert.equal(await again.exited, null);
  }
  const last = await system.startWatchtower(tower);
  await fight;
  assert.deepEqual(
    (await closedDisputes(requestId)).map(({ convicted }) => convicted),
    [true],
  );
  assert.equal(await last.stop(), 0);
});

test("A09 a node defends its right answer against a bogus challenge, killed in between, and makes it final", async () => {
  const { system } = network;
  const node = { account: "operator" as const, name: "honest" };
  const first = await system.startNode({ ...node, extra: '[testing]\ncrashPoint = "after-move-send"\n' });
  const requestId = await request();
  await until("the answer is there", seen(requestId, "Submitted"), 60_000);
  const { deployment } = system.chain;
  await system.chain.allow(system.signer("challenger"), deployment.stakeToken, deployment.disputeGame!, 5n * 10n ** 18n);
  const bogus = await BogusChallenger.commit(system, "challenger", requestId, { tensor: 0, element: 3 });
  await system.passTime(3);
  await bogus.open();
  const trace = new MemoryTree(evaluateHere(model.program, model.weights, [input]).trace);
  const challenged = bogus.walk({ model, inputs: [input], trace }, { leaf: trace.leafCount - 1, word: 0 });
  assert.equal(await first.exited, null, "killed when it had sent its defence");
  const second = await system.startNode(node);
  await challenged;
  assert.deepEqual(
    (await closedDisputes(requestId)).map(({ convicted, outcome }) => [convicted, Number(outcome)]),
    [[false, 1]],
    "acquitted by a step",
  );
  await system.passTime(window);
  await until("it is final", seen(requestId, "Finalized"), 60_000);
  assert.equal(await second.stop(), 0);
});

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { getBytes } from "ethers";
import { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { firstWrong, type OutputRules } from "../../oracle/canonical/dispute/moves.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { coordinatorInterface, erc20Interface } from "../../oracle/chain/contracts.ts";
import { answerIdOf, DisputeCalls, disputeInterface, outcomes } from "../../oracle/chain/disputeCalls.ts";
import { DisputeViews } from "../../oracle/chain/disputeViews.ts";
import type { CrashLabel } from "../../oracle/telemetry/crashPoint.ts";
import { findRequest, topicOf } from "../../oracle/cli/requests.ts";
import { writeNpy } from "../../oracle/core/npy.ts";
import { decodeBundle, type Tensor } from "../../oracle/core/tensor.ts";
import { runAssay } from "../../scripts/local/processes.ts";
import { startNetwork, type Network } from "../support/commandLine.ts";
import { cancellingInput, harmlessInput, productModel } from "../support/illConditioned.ts";
import { ManualBlocks } from "../support/manualBlocks.ts";
import { until } from "../support/until.ts";

const model = CanonicalModel.ofOnnx(productModel);
/** 2^-10 of the value, and 2^-10. */
const tolerance = { absolute: 0x3a800000, relative: 0x3a800000 };
const rules: OutputRules[] = [{ dtype: "float32", shape: [1, 16], tolerance }];
const crafted = cancellingInput();
const canonical = evaluateHere(model.program, model.weights, [crafted]).outputs;
const bond = 10n * 10n ** 18n;

let network: Network;
let modelId: string;
after(() => network?.close());
before(async () => {
  network = await startNetwork();
  ({ modelId } = await network.system.registerModel("author", "product", productModel, 250, tolerance));
  await network.system.registerOperator({ account: "operator", stake: 1000n, models: [modelId] });
});

const startNode = (name: string, policy: string, crashPoint?: CrashLabel) =>
  network.system.startNode({
    account: "operator",
    name,
    extra: `[[selfCheck.levels]]\nfromBond = "0"\npolicy = "${policy}"\n${crashPoint ? `[testing]\ncrashPoint = "${crashPoint}"\n` : ""}`,
  });

/** On the same hardware a watchtower's runtime errs as the operator's does. */
const startWatchtower = (name: string) =>
  network.system.startWatchtower({ account: "challenger", name, extra: "[watch]\ncanonicalShare = 1\n" });

const request = async (input: Tensor, window: string) => {
  const npy = join(network.directory, "x.npy");
  writeFileSync(npy, writeNpy(input));
  const common = ["--fee", "0.01", "--bond", "10", "--account", "requester", "--timeout", "3600"];
  const { requestId } = await network.assay("request", modelId, "--input", npy, ...common, "--window", window, "--submit-period", "3600");
  return requestId as string;
};

const storyOf = (requestId: string) => findRequest(network.system.chain, requestId);
const countOf = async (requestId: string, name: string) => (await storyOf(requestId)).events.filter((event) => event.name === name).length;
const seen = (requestId: string, name: string) => until(name, async () => (await countOf(requestId, name)) > 0, 60_000);
const stake = async () => (await network.system.chain.views.operator(network.system.signer("operator").address)).stake;

/** The answer as it was submitted, whatever has become of it since. */
async function answered(requestId: string) {
  const { chain } = network.system;
  const submitted = () => chain.logs(chain.deployment.coordinator, [topicOf("Submitted"), requestId]);
  await until("an answer", async () => (await submitted()).length > 0, 60_000);
  const { operator, outputRoot, submittedAt, output } = coordinatorInterface.parseLog((await submitted())[0]!)!.args;
  const answer = { operator: operator as string, outputRoot: outputRoot as string, submittedAt: Number(submittedAt) };
  return { request: (await storyOf(requestId)).request, answer, posted: decodeBundle(getBytes(output as string)) };
}

/** What taking an answer back has cost: how long the killed nodes took decides whether it came in time to be cheap. */
async function costOf(requestId: string): Promise<bigint> {
  const { chain } = network.system;
  const of = (name: string) => storyOf(requestId).then(({ events }) => events.find((event) => event.name === name)!.blockNumber);
  const [submitted, voided] = await Promise.all(
    (await Promise.all(["Submitted", "Voided"].map(of))).map((block) => network.system.timeOf(block)),
  );
  const { commitDelay } = await new DisputeViews(chain.rpc, chain.deployment.disputeGame!).parameters();
  return voided! < submitted! + commitDelay ? bond / 100n : bond - bond / 8n;
}

/** Whether a process has logged this about the request. */
const logged = (name: string, requestId: string, message: string) =>
  readFileSync(join(network.directory, `${name}.log`), "utf8")
    .split("\n")
    .some((line) => line.includes(requestId) && line.includes(message));

async function disputesAbout(requestId: string, event: "Challenged" | "Closed") {
  const { chain } = network.system;
  const logs = await chain.logs(chain.deployment.disputeGame, [disputeInterface.getEvent(event)!.topicHash, null, requestId]);
  return logs.map((log) => disputeInterface.parseLog(log)!.args);
}

test("A28 checked before it is posted, an answer that hardware gets wrong is the canonical one, and stands", async () => {
  const node = await startNode("before", "before");
  const watchtower = await startWatchtower("tower");
  const requestId = await request(crafted, "7200");
  const story = await answered(requestId);
  assert.deepEqual(
    story.posted.map(({ data }) => Buffer.from(data).toString("hex")),
    canonical.map(({ data }) => Buffer.from(data).toString("hex")),
  );
  await network.system.passTime(5);
  await until("the watchtower has checked it", () => logged("tower", requestId, "an answer is right"), 60_000);
  await network.system.passTime(7200);
  await seen(requestId, "Finalized");
  assert.deepEqual(await disputesAbout(requestId, "Challenged"), []);
  assert.equal(await watchtower.stop(), 0);
  assert.equal(await node.stop(), 0);
});

test("A28 checked after it was posted, a wrong answer is taken back before the earliest challenge can open", async () => {
  const { system } = network;
  const calls = new DisputeCalls(system.chain.deployment);
  const { disputeGame, stakeToken } = system.chain.deployment;
  await system.send("challenger", { to: stakeToken, data: erc20Interface.encodeFunctionData("approve", [disputeGame, 10n ** 24n]) });
  const node = await startNode("after", "after");
  const before = await stake();
  const addresses = { requester: system.signer("requester").address, operator: system.signer("operator").address };
  // The time that a retraction is cheap in is counted in the chain's seconds, which must not pass while a slow machine checks.
  const blocks = await ManualBlocks.begin(system.chain.rpc);
  const requestId = await blocks.mined(addresses.requester, request(crafted, "120"));
  // By then it may answer; it may have done so already.
  await blocks.mine(1, 150);
  if ((await storyOf(requestId)).answer === null) {
    await blocks.sent(addresses.operator);
    await blocks.mine(1);
  }
  const story = await answered(requestId);
  const wrong = firstWrong(story.posted, canonical, rules);
  assert.ok(wrong !== null, "this machine's binary32 errs by more than the tolerance");

  // The attacker knew what hardware would answer: it commits in the very next transaction.
  const { answer } = story;
  const salt = `0x${"5".repeat(64)}`;
  const { address } = system.signer("challenger");
  const commitment = calls.commitmentOf(answerIdOf(requestId, answer!), wrong.tensor, wrong.element, salt, address);
  const committed = system.send("challenger", calls.commitChallenge(commitment));
  await blocks.sent(address, addresses.operator);
  await blocks.mine(1);
  await committed;
  await seen(requestId, "Voided");
  await blocks.mine(3);
  await assert.rejects(system.send("challenger", calls.challenge(story.request, answer!, wrong.tensor, wrong.element, salt)));
  assert.equal(before - (await stake()), bond / 100n, "the penalty, and nothing else");
  assert.deepEqual(await disputesAbout(requestId, "Challenged"), []);
  await blocks.end();

  const harmless = await request(harmlessInput, "4");
  await system.passTime(5);
  await seen(harmless, "Finalized");
  assert.equal(before - (await stake()), bond / 100n, "a right answer is left alone");
  assert.equal(await node.stop(), 0);
});

test("A28 A31 an answer that is challenged before it was taken back is taken back all the same, which costs less than losing", async () => {
  const node = await startNode("never", "never");
  const before = await stake();
  const watchtower = await startWatchtower("tower");
  const requestId = await request(crafted, "7200");
  await seen(requestId, "Voided");
  await until("the watchtower has closed its dispute", async () => (await disputesAbout(requestId, "Closed")).length === 1, 60_000);
  const closed = await disputesAbout(requestId, "Closed");
  assert.deepEqual(
    closed.map(({ outcome }) => outcomes[Number(outcome)]),
    ["ANSWER_VOIDED"],
  );
  assert.equal(before - (await stake()), bond - bond / 8n, "what it costs once somebody can have challenged it");
  assert.equal(await watchtower.stop(), 0);

  const second = await request(crafted, "7200");
  await answered(second);
  assert.equal(await node.stop(), 0);
  await network.system.passTime(3);
  const { lost } = await network.assay("operator", "retract", second, "--account", "operator");
  assert.equal(BigInt(lost as string), bond - bond / 8n, "the same by hand");
  assert.equal(await countOf(second, "Voided"), 1);
  const again = await runAssay(["operator", "retract", second, "--account", "operator", "--deployment", network.system.deploymentFile]);
  assert.deepEqual([again.code, again.err.includes("nothing to take back")], [7, true], again.err);
});

test("N06 killed at every point of a check and of a retraction, a node takes its wrong answer back once", async () => {
  const before = await stake();
  const requestId = await request(crafted, "7200");
  const labels: CrashLabel[] = [
    "after-self-check",
    "after-self-check-stored",
    "before-retraction-journal-write",
    "after-retraction-journal-write",
    "after-retraction-send",
  ];
  for (const label of labels) {
    const outcome = await startNode("killed", "after", label).then(
      (node) => node.exited,
      // What is in the journal is sent before the node says that it is ready.
      (error: Error) => (assert.match(error.message, /ended with code null/), null),
    );
    assert.equal(outcome, null, `killed at ${label}`);
  }
  const last = await startNode("killed", "after");
  await seen(requestId, "Voided");
  assert.equal(await countOf(requestId, "Voided"), 1);
  assert.equal(before - (await stake()), await costOf(requestId));
  assert.equal(await last.stop(), 0);
});

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Interface } from "ethers";
import { buildTiny, tinyInputs } from "../../examples/tiny/model.ts";
import { hexOfHash } from "../../oracle/canonical/dispute/views.ts";
import { PublicationCalls, publicationsInterface } from "../../oracle/chain/disputeCalls.ts";
import { PublicationViews } from "../../oracle/chain/disputeViews.ts";
import { quantity } from "../../oracle/chain/rpc.ts";
import type { Signer } from "../../oracle/chain/signer.ts";
import { findRequest, topicOf } from "../../oracle/cli/requests.ts";
import { chunkOf, chunkProof } from "../../oracle/core/chunks.ts";
import { bundles } from "../../oracle/core/demandFacts.ts";
import { leastEscrow, publicationGas } from "../../oracle/core/escrow.ts";
import { transports } from "../../oracle/core/job.ts";
import { encodeBundle, type Tensor } from "../../oracle/core/tensor.ts";
import { bundleRoot } from "../../oracle/core/traceTree.ts";
import { happened, lieAbout, Liar } from "../../scripts/local/liar.ts";
import { cheatTolerance } from "../support/cheats.ts";
import { bond, DisputeScene, submitPeriod, tokens, type RegisteredModel } from "../support/disputeScene.ts";
import { until } from "../support/until.ts";

const input: Tensor = {
  dtype: "float32",
  shape: [1, tinyInputs],
  data: new Uint8Array(Float32Array.from({ length: tinyInputs }, (_, i) => Math.sin(i)).buffer),
};
/** Nothing listens there. */
const dead = "http://127.0.0.1:1";
const challengeWindow = 7200;
/** Seconds to publish in: whoever publishes must not be too late on a slow machine. */
const baseTime = 3600;
const patience = 90_000;

let scene: DisputeScene;
let tiny: RegisteredModel;
let publications: string;
let views: PublicationViews;

before(async () => {
  scene = await DisputeScene.open({ baseTime });
  tiny = await scene.registerModel("tiny", buildTiny(7), cheatTolerance);
  ({ publications } = await scene.views.parts());
  views = new PublicationViews(scene.system.chain.rpc, publications);
});
after(() => scene?.close());

/** Asks for an answer on demand. @param uri of the input; it travels in the transaction where there is none. */
async function ask(uri?: string): Promise<string> {
  const { chain } = scene.system;
  const terms = { modelId: tiny.modelId, feeToken: `0x${"0".repeat(40)}`, fee: 10n ** 16n, bond, submitPeriod, challengeWindow };
  const params = { ...terms, callbackGasLimit: 0, transport: transports.onDemand };
  const call =
    uri === undefined
      ? chain.calls.request(params, encodeBundle([input]))
      : chain.calls.requestByURI(params, hexOfHash(bundleRoot([input])), uri);
  const { logs } = await scene.system.send("requester", call);
  return logs.find(({ topics }) => topics[0] === topicOf("Requested"))!.topics[1]!;
}

const events = (name: string, requestId: string) =>
  scene.system.chain.logs(publications, [publicationsInterface.getEvent(name)!.topicHash, requestId]);
const waitFor = (name: string, requestId: string, count = 1) =>
  until(`${name} of ${requestId}`, async () => (await events(name, requestId)).length >= count, patience);
const says = (who: string, what: RegExp) =>
  until(`${what} in the log of ${who}`, () => what.test(readFileSync(join(scene.network.directory, `${who}.log`), "utf8")), patience);

test("A29 what publishing takes by this node's reckoning is what the contract asks for", async () => {
  const contract = { address: publications, abi: publicationsInterface };
  const { program } = tiny.model;
  for (const [bundle, types] of [program.outputs, program.inputs].entries()) {
    const [quote] = await scene.system.view(contract, "quote", tiny.modelId, bundle);
    // The network runs calls at a base fee of 0, as most providers do.
    assert.equal(leastEscrow(publicationGas(types, await views.gasPerByte()), 0n), quote);
  }
});

/** Publishes the only chunk that a tiny answer has. */
async function publish(operator: Signer, requestId: string, posted: Tensor[]): Promise<void> {
  const { request, answer } = await findRequest(scene.system.chain, requestId);
  const chunk = { head: tiny.model, proof: chunkProof(posted, 0), data: chunkOf(posted, 0) };
  await scene.system.send(operator, new PublicationCalls(publications).publish(request, answer!, "OUTPUT", 0, chunk));
}

test("A29 a lie behind a dead URI is convicted for not being published, and the request is answered anew by an operator whose URI died: it publishes, and is paid half", async () => {
  const { system } = scene;
  const tower = await system.startWatchtower({ account: "challenger", name: "hidden", extra: "allowPrivateAddresses = true\n" });
  const cheat = await scene.operator(tokens(100n), [tiny.modelId]);
  const requestId = await ask();
  const lie = lieAbout(tiny.model, [input], 9, 2 ** -9.9);
  await system.passTime(submitPeriod / 4);
  const outputRoot = hexOfHash(bundleRoot(lie.posted));
  await new Liar(system, cheat, tiny.model).answer(requestId, { ...lie, carried: { outputRoot, uri: `${dead}/lie` } });
  await waitFor("Demanded", requestId);
  // One chunk has a little more time than `baseTime`.
  await system.passTime(2 * baseTime);
  await until("the answer is taken away", () => happened(system, requestId, "Voided"), patience);
  assert.equal((await events("Unpublished", requestId)).length, 1);
  assert.equal((await system.chain.views.stakeOf(cheat.address)).stake, tokens(100n) - bond);
  const { claims } = await scene.views.parts();
  const { address } = system.signer("challenger");
  await until("the demander's claim", async () => (await scene.views.rewardOf(claims, address)) === bond / 4n, patience);

  await system.registerOperator({ account: "operator", stake: 1000n, models: [tiny.modelId] });
  const node = await system.startNode({ account: "operator", extra: `[outputs]\ndirectory = "outputs"\nbaseUrl = "${dead}"\n` });
  await until("it is answered anew", async () => (await findRequest(system.chain, requestId)).answer !== null, patience);
  await waitFor("Published", requestId);
  await says("hidden", /an answer is right/);
  await system.passTime(challengeWindow);
  await until("it is final", () => happened(system, requestId, "Finalized"), patience);
  await waitFor("Collected", requestId, 2);
  const collected = (await events("Collected", requestId)).map((log) => publicationsInterface.parseLog(log)!.args);
  const [convicted, honest] = collected.sort((a, b) => Number((a.toOperator as bigint) - (b.toOperator as bigint))) as [
    (typeof collected)[0],
    (typeof collected)[0],
  ];
  assert.equal(convicted.toOperator, 0n);
  const paid = honest.toOperator as bigint;
  assert.ok(paid > 0n && paid <= (honest.toDemander as bigint));
  const operator = system.signer("operator").address;
  await until("both have been paid", async () => (await views.owed(operator)) + (await views.owed(address)) === 0n, patience);
  assert.equal(await node.stop(), 0);
  assert.equal(await tower.stop(), 0);
});

test("A29 a base fee that outgrew a demand's escrow keeps nobody from being convicted: the watchtower escrows by today's, raises it later, and all of it comes back", async () => {
  const { system } = scene;
  const { rpc } = system.chain;
  const tower = await system.startWatchtower({ account: "challenger", name: "raising", extra: "allowPrivateAddresses = true\n" });
  const cheat = await scene.operator(tokens(100n), [tiny.modelId]);
  const requestId = await ask();
  const lie = lieAbout(tiny.model, [input], 9, 2 ** -9.9);
  // The fee falls with every block that is empty: none is made but for transactions.
  await rpc.call("evm_setIntervalMining", [0]);
  const setBaseFee = (gwei: bigint) => rpc.call("hardhat_setNextBlockBaseFeePerGas", [quantity(gwei * 10n ** 9n)]);
  await setBaseFee(20n);
  await system.passTime(submitPeriod / 4);
  const outputRoot = hexOfHash(bundleRoot(lie.posted));
  await new Liar(system, cheat, tiny.model).answer(requestId, { ...lie, carried: { outputRoot, uri: `${dead}/raised` } });
  await waitFor("Demanded", requestId);
  // A provider runs calls with a base fee of zero, and so quotes too little.
  const data = publicationsInterface.encodeFunctionData("quote", [tiny.modelId, 0]);
  const quoted = BigInt(await rpc.call<string>("eth_call", [{ to: publications, data }, "latest"]));
  assert.equal(quoted, leastEscrow(publicationGas(tiny.model.program.outputs, await views.gasPerByte()), 0n));
  await setBaseFee(150n);
  await system.passTime(2 * baseTime);
  await waitFor("EscrowRaised", requestId);
  await until("the answer is taken away", () => happened(system, requestId, "Voided"), patience);
  await rpc.call("evm_setIntervalMining", [1000]);
  await waitFor("Collected", requestId);
  const argsOf = async (name: string) => (await events(name, requestId)).map((log) => publicationsInterface.parseLog(log)!.args);
  const [raised, [collected]] = [await argsOf("EscrowRaised"), await argsOf("Collected")];
  assert.equal(raised.length, 1);
  assert.deepEqual([collected!.toOperator, collected!.toDemander], [0n, raised[0]!.escrow]);
  assert.equal(await tower.stop(), 0);
});

test("A29 a lie that is published when it is demanded is challenged and convicted, whatever lay behind its URI", async () => {
  const { system } = scene;
  const folder = join(system.directory, "inputs");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "garbage.bin"), "no tensors");
  const tower = await system.startWatchtower({ account: "challenger", name: "published" });
  const cheat = await scene.operator(tokens(100n), [tiny.modelId]);
  const requestId = await ask();
  const lie = lieAbout(tiny.model, [input], 21, 2 ** -9.9);
  await system.passTime(submitPeriod / 4);
  const carried = { outputRoot: hexOfHash(bundleRoot(lie.posted)), uri: pathToFileURL(join(folder, "garbage.bin")).href };
  const liar = new Liar(system, cheat, tiny.model);
  await liar.answer(requestId, { ...lie, carried });
  await waitFor("Demanded", requestId);
  await publish(cheat, requestId, lie.posted);
  await liar.fight(requestId, lie);
  assert.deepEqual(
    (await scene.closed(requestId)).map(({ outcome }) => outcome),
    ["STEP_DIFFERENT"],
  );
  assert.equal(await tower.stop(), 0);
});

test("A29 an input that can't be fetched any more is demanded of whoever answered it, published, and its answer found right", async () => {
  const { system } = scene;
  const path = join(system.directory, "inputs", "input.bin");
  mkdirSync(join(system.directory, "inputs"), { recursive: true });
  writeFileSync(path, encodeBundle([input]));
  const extra = `[outputs]\ndirectory = "inputs"\nbaseUrl = "${pathToFileURL(join(system.directory, "inputs")).href}"\n`;
  await system.registerOperator({ account: "operator2", stake: 1000n, models: [tiny.modelId] });
  const node = await system.startNode({ account: "operator2", extra });
  const requestId = await ask(pathToFileURL(path).href);
  await system.passTime(submitPeriod / 4);
  await until("it is answered", async () => (await findRequest(system.chain, requestId)).answer !== null, patience);
  rmSync(path);
  const tower = await system.startWatchtower({ account: "challenger", name: "inputs" });
  await waitFor("Demanded", requestId);
  await waitFor("Published", requestId);
  const [demanded] = (await events("Demanded", requestId)).map((log) => publicationsInterface.parseLog(log)!.args);
  assert.equal(bundles[Number(demanded!.bundle)], "INPUT");
  await says("inputs", new RegExp(`${requestId}.*an answer is right`));
  assert.equal(await node.stop(), 0);
  assert.equal(await tower.stop(), 0);
});

test("A29 N08 an operator that has lost its store, and whose URI died, publishes what lies in its own directory", async () => {
  const { system } = scene;
  const extra = `[outputs]\ndirectory = "lost"\nbaseUrl = "${dead}"\n`;
  const mint = new Interface(["function mint(address to, uint256 amount)"]);
  const data = mint.encodeFunctionData("mint", [system.signer("requester2").address, tokens(1000n)]);
  await system.send("requester2", { to: system.chain.deployment.stakeToken, data });
  await system.registerOperator({ account: "requester2", stake: 1000n, models: [tiny.modelId] });
  const node = await system.startNode({ account: "requester2", name: "lost", extra });
  const requestId = await ask();
  await system.passTime(submitPeriod / 4);
  await until("it is answered", async () => (await findRequest(system.chain, requestId)).answer !== null, patience);
  assert.equal(await node.stop(), 0);
  for (const name of ["store.db", "store.db-wal", "store.db-shm"]) rmSync(join(system.directory, "data", "lost", name), { force: true });
  const { request, answer } = await findRequest(system.chain, requestId);
  const { baseFeePerGas } = await system.chain.rpc.call<{ baseFeePerGas: string }>("eth_getBlockByNumber", ["latest", false]);
  const escrow = 2n * leastEscrow(publicationGas(tiny.model.program.outputs, await views.gasPerByte()), BigInt(baseFeePerGas));
  await system.send("requester", new PublicationCalls(publications).demand(request, answer!, "OUTPUT", escrow));
  const again = await system.startNode({ account: "requester2", name: "lost", extra });
  await waitFor("Published", requestId);
  assert.equal(await again.stop(), 0);
});

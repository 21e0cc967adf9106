import assert from "node:assert/strict";
import { test } from "node:test";
import { NotNowError } from "../../../oracle/chain/fees.ts";
import { KeyInUseError } from "../../../oracle/chain/nonces.ts";
import { selectors, SenderScene } from "../../support/senderScene.ts";

const gwei = 10n ** 9n;

/** Sends something with the node's key that is not in its journal. */
function sendOutside(scene: SenderScene, nonce: number, data: string): void {
  const { signer, chain } = scene;
  const signed = signer.sign({
    to: `0x${"c0".repeat(20)}`,
    data,
    nonce,
    gasLimit: 50_000n,
    chainId: 31337,
    maxFeePerGas: 50n * gwei,
    maxPriorityFeePerGas: gwei,
  });
  chain.add(signed.raw);
}

async function started(): Promise<SenderScene> {
  const scene = new SenderScene();
  await scene.look();
  await scene.sender.resume(scene.read);
  return scene;
}

test("N28 a mined transaction without a receipt is no alarm: it waits for the receipt", async () => {
  const scene = await started();
  await scene.send("submit", "a");
  scene.chain.receiptsAreMissing = true;
  for (let i = 0; i < 12; i++) assert.deepEqual(await scene.block(), []);
  assert.ok(scene.journal.isLive("submit", "a"), "it isn't sent a second time");
  scene.chain.receiptsAreMissing = false;
  assert.deepEqual(
    (await scene.block()).map(({ state }) => state),
    ["MINED"],
  );
  assert.deepEqual(scene.mined, ["a"]);
});

test("N28 a second host with the key stops before it sends", async () => {
  const first = await started();
  const second = new SenderScene({ chain: first.chain });
  await second.look();
  await second.sender.resume(second.read);
  await first.send("submit", "a");
  await assert.rejects(second.send("submit", "a"), NotNowError, "what waits in the pool is not its own");
  await first.block();
  await second.look();
  await assert.rejects(second.send("submit", "b"), (error: Error) => {
    assert.ok(error instanceof KeyInUseError);
    assert.match(error.message, /another node uses the key of 0x7099.* \(it sent 0x[0-9a-f]{64} in block 1\): stop one of them/);
    return true;
  });
  await assert.rejects(second.look(), KeyInUseError, "it stays stopped");
  assert.deepEqual(second.journal.pending(), [], "nothing was journalled");
  await first.send("submit", "b");
  await first.block();
  assert.deepEqual(first.mined, ["a", "b"], "the first one goes on");
});

test("N28 a host whose nonce another node used stops", async () => {
  const scene = await started();
  await scene.send("submit", "a");
  sendOutside(scene, 0, selectors.defend);
  await assert.rejects(scene.block(), KeyInUseError);
});

test("N28 what somebody sends by hand costs a nonce, and stops nothing", async () => {
  const scene = await started();
  await scene.send("submit", "a");
  sendOutside(scene, 0, "0x");
  const [settled] = await scene.block();
  assert.equal(settled!.state, "FAILED");
  await scene.send("submit", "a");
  sendOutside(scene, 2, selectors.finalize);
  await scene.block();
  await scene.send("submit", "b");
  await scene.block();
  assert.deepEqual(scene.mined, ["", "a", "", "b"]);
});

test("N28 what a node sent before this one started is its own past", async () => {
  const scene = new SenderScene();
  sendOutside(scene, 0, selectors.submit);
  scene.chain.mine();
  sendOutside(scene, 1, selectors.submit);
  await scene.look();
  await scene.sender.resume(scene.read);
  await scene.send("submit", "a");
  await scene.block();
  assert.deepEqual(scene.mined, ["", "", "a"]);
});

test("N28 a stranger's transaction that no block takes does not hold up the node for ever", async () => {
  const scene = await started();
  scene.chain.baseFee = 60n * gwei;
  sendOutside(scene, 0, "0x");
  for (let i = 0; i < 3; i++) {
    await assert.rejects(scene.send("submit", "a"), NotNowError);
    await scene.block();
  }
  await scene.send("submit", "a");
  await scene.block();
  assert.deepEqual(scene.mined, ["a"]);
});

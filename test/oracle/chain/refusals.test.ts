import assert from "node:assert/strict";
import { test } from "node:test";
import { SenderScene } from "../../support/senderScene.ts";

for (const why of ["transaction underpriced", "insufficient funds for gas * price + value", "oversized data", "intrinsic gas too low"]) {
  test(`N23 a transaction that no pool accepts (${why}) is replaced, then cancelled; the rest goes on`, async () => {
    const scene = new SenderScene();
    await scene.look();
    // Only what does something is refused, and only the first.
    scene.chain.refusal = ({ data, nonce }) => (nonce === 0 && data !== "0x" ? why : undefined);
    await scene.send("submit", "a");
    await scene.send("defend", "b", 7200);
    for (let i = 0; i < 8; i++) await scene.block();
    assert.deepEqual(scene.mined, ["", "b"]);
    assert.deepEqual(scene.journal.pending(), []);
    assert.ok(!scene.journal.isLive("submit", "a"), "its item is free again");
    assert.ok(scene.journal.isLive("defend", "b"));
    scene.chain.refusal = () => undefined;
    await scene.send("submit", "a");
    await scene.block();
    assert.deepEqual(scene.mined, ["", "b", "a"]);
  });
}

test("N23 a transaction that pools refuse for its fee only is sent with another fee", async () => {
  const scene = new SenderScene();
  await scene.look();
  const enough = 5n * 10n ** 9n;
  scene.chain.refusal = ({ maxFeePerGas }) => (maxFeePerGas! < enough ? "max fee per gas less than block base fee" : undefined);
  await scene.send("submit", "a");
  scene.chain.baseFee = enough / 2n;
  for (let i = 0; i < 4; i++) await scene.block();
  assert.deepEqual(scene.mined, ["a"]);
});

test("N23 a pool that refuses for a while is asked again, and nothing is cancelled", async () => {
  const scene = new SenderScene();
  await scene.look();
  let refusals = 0;
  scene.chain.refusal = () => (refusals++ < 2 ? "txpool is full" : undefined);
  await scene.send("defend", "a", 7200);
  for (let i = 0; i < 4; i++) await scene.block();
  assert.deepEqual(scene.mined, ["a"]);
});

test("N23 a move that was cancelled can be made again", async () => {
  const scene = new SenderScene();
  await scene.look();
  await scene.send("defend", "a", 60);
  scene.chain.baseFee = 50n * 10n ** 9n;
  scene.time += 60;
  for (let i = 0; i < 5; i++) await scene.block();
  assert.deepEqual(scene.mined, [""], "pointless from its deadline on");
  assert.ok(!scene.journal.isLive("defend", "a"));
});

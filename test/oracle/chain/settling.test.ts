import assert from "node:assert/strict";
import { test } from "node:test";
import { SenderScene } from "../../support/senderScene.ts";

for (const confirmations of [0, 2, 12]) {
  test(`N18 with ${confirmations} confirmations nothing is settled before its block was read, and what is dropped is sent again at once`, async () => {
    const scene = new SenderScene({ confirmations });
    await scene.look();
    await scene.send("submit", "a");
    for (let depth = 1; depth <= confirmations; depth++) {
      assert.deepEqual(await scene.block(), [], "mined, not read");
      const [transaction] = scene.journal.pending();
      assert.ok(scene.sender.isInBlock(transaction!));
    }
    if (confirmations > 0) {
      scene.chain.drop(confirmations);
      for (let i = 0; i <= confirmations; i++) scene.chain.blocks.push({ hash: `0xother${i}`, baseFee: 1n, transactions: [] });
      assert.equal(scene.chain.pool.length, 0);
      await scene.look();
      assert.equal(scene.chain.pool.length, 1, "sent again");
      for (let depth = 1; depth <= confirmations; depth++) await scene.block();
    }
    const [settled] = await scene.block();
    assert.equal(settled!.state, "MINED");
    assert.deepEqual(scene.journal.pending(), []);

    // A reorganisation that is deeper than what was read undoes it.
    scene.chain.drop(confirmations + 1);
    for (let i = 0; i <= confirmations + 1; i++) scene.chain.blocks.push({ hash: `0xthird${i}`, baseFee: 1n, transactions: [] });
    await scene.look();
    assert.equal(scene.chain.pool.length, 1, "sent again");
    assert.ok(scene.journal.isLive("submit", "a"));
  });
}

test("N18 a receipt of a fork that was not read settles nothing", async () => {
  const scene = new SenderScene();
  await scene.look();
  await scene.send("submit", "a");
  scene.chain.mine();
  scene.chainLog.append([{ number: scene.chain.head, hash: "0xother", timestamp: 1 }], [], 0);
  assert.deepEqual(await scene.sender.settle({ number: scene.chain.head, time: scene.time }), []);
  assert.equal(scene.journal.pending().length, 1);
});

test("N18 what was sent, and mined where nobody looked, is sent again after a reorganisation", async () => {
  const scene = new SenderScene();
  await scene.look();
  await scene.block();
  await scene.send("submit", "a");
  scene.chain.mine();
  scene.chain.drop(2);
  scene.chain.blocks.push({ hash: "0xother", baseFee: 1n, transactions: [] }, { hash: "0xanother", baseFee: 1n, transactions: [] });
  await scene.look();
  assert.equal(scene.chain.pool.length, 1);
});

test("N18 a revert is undone with its block: the nonce is used again, and its item is live again where nothing took it up", async () => {
  const scene = new SenderScene();
  await scene.look();
  await scene.send("submit", "a");
  await scene.send("submit", "b");
  scene.chain.reverts = () => true;
  assert.deepEqual(
    (await scene.block()).map(({ state }) => state),
    ["FAILED", "FAILED"],
  );
  assert.ok(!scene.journal.isLive("submit", "a"));
  await scene.send("submit", "b");
  scene.chain.reverts = () => false;
  scene.chain.drop(1);
  scene.chain.pool = [];
  scene.chain.blocks.push({ hash: "0xother", baseFee: 1n, transactions: [] }, { hash: "0xanother", baseFee: 1n, transactions: [] });
  await scene.look();
  for (let i = 0; i < 6; i++) await scene.block();
  assert.deepEqual(scene.mined.filter((item) => item === "a").length, 1, "no nonce is missing");
  assert.ok(scene.journal.isLive("submit", "a"));
  assert.deepEqual(scene.journal.pending(), []);
});

test("N18 a stranger's nonce that a reorganisation takes away is filled", async () => {
  const scene = new SenderScene();
  const foreign = { to: scene.signer.address, data: "0x", gasLimit: 21_000n, nonce: 0, chainId: 31337, maxFeePerGas: 2n * 10n ** 9n };
  scene.chain.add(scene.signer.sign(foreign).raw);
  await scene.block();
  await scene.sender.resume(scene.read);
  await scene.send("submit", "a");
  assert.equal(scene.journal.pending()[0]!.nonce, 1);
  scene.chain.drop(1);
  scene.chain.blocks.push({ hash: "0xother", baseFee: 1n, transactions: [] }, { hash: "0xanother", baseFee: 1n, transactions: [] });
  for (let i = 0; i < 6; i++) await scene.block();
  assert.deepEqual(scene.mined, ["", "a"]);
  assert.deepEqual(scene.journal.pending(), []);
});

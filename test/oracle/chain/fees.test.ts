import assert from "node:assert/strict";
import { test } from "node:test";
import { FeeCeilingError, limitsAt, urgencyOf } from "../../../oracle/chain/fees.ts";
import { SenderScene } from "../../support/senderScene.ts";

const gwei = 10n ** 9n;
const hour = 3600;

test("N22 the ceiling of what defends a bond grows by equal factors from two hours to ten minutes before its deadline", () => {
  const limits = { ceiling: 100n, bondCeiling: 10_000n, tipCeiling: 2n };
  const ceilingAt = (remaining: number) => limitsAt(urgencyOf(50_000, 50_000 - remaining), limits).ceiling;
  assert.deepEqual([7200, 3900, 600, 1].map(ceilingAt), [100n, 1000n, 10_000n, 10_000n]);
  assert.equal(ceilingAt(0), 100n, "behind the deadline there is nothing to save");
  assert.equal(urgencyOf(null, 5), 0);
  assert.deepEqual(limitsAt(1, { ...limits, bondCeiling: 50n }), { ceiling: 100n, tipCeiling: 2n }, "a bond never lowers the ceiling");
});

test("N22 above the ordinary ceiling a defence is sent near its deadline, an answer is not", async () => {
  const scene = new SenderScene();
  await scene.look();
  scene.chain.baseFee = 500n * gwei;
  await assert.rejects(scene.send("submit", "answer", hour / 12), FeeCeilingError);
  await assert.rejects(scene.send("defend", "early", 10 * hour), FeeCeilingError);
  await scene.send("defend", "late", hour / 12);
  await scene.block();
  assert.deepEqual(scene.mined, ["late"]);
});

test("N22 a commitment whose window ends outbids the ordinary ceiling", async () => {
  const scene = new SenderScene();
  await scene.look();
  scene.chain.baseFee = 500n * gwei;
  await assert.rejects(scene.send("commitChallenge", "early", 10 * hour), FeeCeilingError);
  await scene.send("commitChallenge", "late", hour / 12);
  await scene.block();
  assert.equal(scene.mined.length, 1);
});

test("N22 a defence that gas has outrun is replaced as its deadline comes nearer", async () => {
  const scene = new SenderScene();
  await scene.look();
  await scene.send("defend", "d", 3 * hour);
  scene.chain.baseFee = 500n * gwei;
  for (let i = 0; i < 5; i++) await scene.block();
  assert.deepEqual(scene.mined, [], "there is time");
  assert.ok(scene.journal.pending()[0]!.attempts.every(({ maxFee }) => maxFee <= 100n * gwei));
  scene.time += 3 * hour - 300;
  await scene.look();
  await scene.block();
  await scene.block();
  assert.deepEqual(scene.mined, ["d"]);
});

test("N22 what is stuck below the ordinary ceiling is emptied where a defence waits for its nonce", async () => {
  const scene = new SenderScene();
  await scene.look();
  await scene.send("finalize", "f");
  await scene.block();
  await scene.send("finalize", "g");
  scene.chain.baseFee = 500n * gwei;
  await scene.send("defend", "d", 300);
  for (let i = 0; i < 3; i++) await scene.block();
  assert.deepEqual(scene.mined, ["f", "", "d"]);
  assert.ok(!scene.journal.isLive("finalize", "g"), "it is sent again when gas is cheap");
  assert.deepEqual(scene.journal.pending(), []);
});

test("N26 a provider that suggests an absurd tip is not believed", async () => {
  const scene = new SenderScene();
  await scene.look();
  scene.chain.suggestedTip = 10_000n * gwei;
  await scene.send("submit", "a");
  const { priorityFee, maxFee } = scene.journal.pending()[0]!.attempts[0]!;
  assert.deepEqual([priorityFee, maxFee], [2n * gwei, 4n * gwei]);
  await scene.block();
  assert.deepEqual(scene.mined, ["a"]);
});

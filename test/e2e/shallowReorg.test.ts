import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { buildTiny, tinyInputs } from "../../examples/tiny/model.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import { BogusChallenger } from "../support/bogusChallenger.ts";
import { DisputeScene, tokens } from "../support/disputeScene.ts";
import { startFaultyProvider } from "../support/faultyProvider.ts";
import { startNodeProcess } from "../support/nodeProcess.ts";
import { until } from "../support/until.ts";

const input: Tensor = {
  dtype: "float32",
  shape: [1, tinyInputs],
  data: new Uint8Array(Float32Array.from({ length: tinyInputs }, (_, i) => Math.sin(i)).buffer),
};
/** Seconds of chain time; long enough for everything here. */
const challengeWindow = 600;

let scene: DisputeScene;
let modelId: string;
afterEach(() => scene.close());
// A chain for each test: what a node leaves in the pool when it stops would be taken for the next one's.
beforeEach(async () => {
  scene = await DisputeScene.open();
  ({ modelId } = await scene.registerModel("tiny", buildTiny(7), { absolute: 0x3a800000, relative: 0 }));
  await scene.system.registerOperator({ account: "operator", stake: 1000n, models: [modelId] });
  // Nothing is mined by itself: every block, and its time, is made here.
  await rpc("evm_setIntervalMining", 0);
  await rpc("evm_setAutomine", false);
});

const rpc = <T>(method: string, ...params: unknown[]): Promise<T> => scene.system.chain.rpc.call<T>(method, params);
const newest = async () => {
  const { number, timestamp } = await rpc<{ number: string; timestamp: string }>("eth_getBlockByNumber", "latest", false);
  return { number: Number(number), timestamp: Number(timestamp) };
};

/** @param seconds between the blocks: the machine's own clock moves nothing. */
async function mine(blocks: number, seconds = 1): Promise<void> {
  for (let i = 0; i < blocks; i++) {
    await rpc("evm_setNextBlockTimestamp", (await newest()).timestamp + seconds);
    await rpc("evm_mine");
  }
}

/** @returns hashes of an account's transactions that wait to be mined. */
async function waiting(account: string): Promise<string[]> {
  const { transactions } = await rpc<{ transactions: { from: string; hash: string }[] }>("eth_getBlockByNumber", "pending", true);
  return transactions.filter(({ from }) => from.toLowerCase() === account.toLowerCase()).map(({ hash }) => hash);
}

/** Mines what somebody sends, and waits for its end. */
async function mined<T>(account: string, sent: Promise<T>): Promise<T> {
  await until("it is in the pool", async () => (await waiting(account)).length > 0);
  await mine(1);
  return sent;
}

for (const confirmations of [0, 2, 12]) {
  test(`N18 with ${confirmations} confirmations, a right answer is defended again after a reorganisation dropped its defence`, async () => {
    const { system } = scene;
    const provider = await startFaultyProvider(system.chain.deployment.rpcUrl!);
    let [lookups, heads] = [0, 0];
    provider.faults.reply = ({ method }, reply) => {
      if (method === "eth_getTransactionReceipt") lookups++;
      if (method === "eth_getBlockByNumber") heads++;
      return reply;
    };
    /** However slow the node is, its deadlines come no nearer while it looks at a block. */
    const mineOnceSeen = async () => {
      const before = heads;
      await mine(1);
      await until("the node has looked at the block", () => heads > before);
    };
    const name = `operator${confirmations}`;
    const node = startNodeProcess(await system.writeNodeConfig({ account: "operator", name, confirmations, rpc: [provider.url] }));
    try {
      await node.ready;
      const operator = system.signer("operator").address;
      const [requestId] = await mined(system.signer("requester").address, scene.request(modelId, [input], challengeWindow));
      await mine(confirmations);
      await until("the answer in the pool", async () => (await waiting(operator)).length === 1);
      await mine(1);
      const { disputeGame } = scene.system.chain.deployment;
      await rpc("evm_setAutomine", true);
      const account = await scene.account(tokens(5n), disputeGame!);
      const bogus = await BogusChallenger.commit(system, account, requestId!, { tensor: 0, element: 3 });
      await rpc("evm_setAutomine", false);
      await mine(3);
      await mined(account.address, bogus.open());
      await mine(confirmations);
      await until("the defence in the pool", async () => (await waiting(operator)).length === 1);
      const [defence] = await waiting(operator);

      const snapshot = await rpc<string>("evm_snapshot");
      const before = lookups;
      await mine(1);
      assert.equal((await bogus.state()).turn, "PICK", "the defence was mined");
      await until("the node has looked for its receipt", () => lookups > before);
      await rpc("evm_revert", snapshot);
      await rpc("hardhat_dropTransaction", defence);
      // Before a block is mined: the node may have sent the defence again by then.
      assert.equal((await bogus.state()).turn, "DEFEND", "the reorganisation dropped the defence");
      await mine(2);

      await until("the defence on the other chain", async () => {
        await mineOnceSeen();
        return (await bogus.state()).turn === "PICK";
      });
      // The challenger never moves again: its clock runs out.
      await mine(1, (await bogus.state()).deadline - (await newest()).timestamp);
      await until("the acquittal", async () => {
        await mineOnceSeen();
        return (await scene.closed(requestId!)).length === 1;
      });
      assert.deepEqual(
        (await scene.closed(requestId!)).map(({ convicted }) => convicted),
        [false],
      );
    } finally {
      await node.stop();
      await provider.close();
    }
  });
}

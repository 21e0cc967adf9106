import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Transaction } from "ethers";
import { coordinatorInterface } from "../../../oracle/chain/contracts.ts";
import { loadConfig, type ConfigOverrides } from "../../../oracle/config.ts";
import type { RequestParams } from "../../../oracle/core/job.ts";
import { startNode, type Node } from "../../../oracle/node.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";
import { Database } from "../../../oracle/store/database.ts";
import { JobStore } from "../../../oracle/store/jobs.ts";
import { Journal, type Intent } from "../../../oracle/store/journal.ts";
import { startChain } from "../../support/chain.ts";
import { assertEachOnce, countEvents } from "../../support/chainHistory.ts";
import { deploySystem, testInput, type TestSystem } from "../../support/deployment.ts";
import { writeConfig } from "../../support/nodeConfig.ts";
import { until } from "../../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-sender-"));
const gwei = 10n ** 9n;
let system: TestSystem;
let folders = 0;

before(async () => {
  // Large enough that a bond can be worth declining: the largest is 65,535 times as large.
  system = await deploySystem(await startChain(), folder, 10n ** 19n);
});
after(async () => {
  await system.close();
  rmSync(folder, { recursive: true });
});

const rpc = <T>(method: string, ...params: unknown[]) => system.chain.rpc<T>(method, ...params);

async function ask(over: Partial<RequestParams> = {}): Promise<string> {
  const { logs } = await system.send(
    system.requester,
    system.calls.request(system.params({ challengeWindow: 1, ...over }), testInput(1, 2)),
  );
  return coordinatorInterface.parseLog(logs[0]!)!.args.requestId as string;
}

async function withNode(work: (node: Node, data: string) => Promise<void>, over: ConfigOverrides = {}): Promise<void> {
  const place = join(folder, String(folders++));
  const config = await loadConfig(writeConfig(system, place), { content: { allowedFileRoots: [folder] }, ...over });
  const node = await startNode(config, { log: createLog(config.log.level) });
  try {
    await work(node, config.dataDirectory);
  } finally {
    await node.stop();
  }
}

/** The operator's transactions that wait to be mined. */
async function waiting(): Promise<{ hash: string; nonce: string; to: string; maxFeePerGas: string; input: string }[]> {
  const { transactions } = await rpc<{
    transactions: { from: string; hash: string; nonce: string; to: string; maxFeePerGas: string; input: string }[];
  }>("eth_getBlockByNumber", "pending", true);
  return transactions.filter(({ from }) => from.toLowerCase() === system.operator.address.toLowerCase());
}

const stopMining = () => rpc("evm_setAutomine", false);
const mineAt = async (baseFee: bigint) => {
  await rpc("hardhat_setNextBlockBaseFeePerGas", `0x${baseFee.toString(16)}`);
  await rpc("evm_mine");
};

/** How many of the node's transactions met this end. */
async function outcomes(node: Node, wanted: string): Promise<number> {
  const { values } = await node.metrics.transactions.get();
  return values.filter(({ labels }) => "outcome" in labels && labels.outcome === wanted).reduce((sum, { value }) => sum + value, 0);
}

test("N05 a stuck transaction is replaced by the same one with a higher fee, and the request has one answer", async () => {
  const requestId = await ask();
  await stopMining();
  await withNode(async (node) => {
    await until("the answer in the pool", async () => (await waiting()).length === 1);
    const [first] = await waiting();
    // Blocks come, but their price is above what the transaction offers.
    for (let i = 0; i < 3; i++) await mineAt(BigInt(first!.maxFeePerGas) + gwei);
    await until("a replacement", async () => (await outcomes(node, "replaced")) > 0);
    await rpc("evm_setAutomine", true);
    await rpc("evm_mine");
    await until("finality", () => node.stats().jobs["FINALIZED/EVALUATED"] === 1);
    await assertEachOnce(system, [requestId]);
  });
});

test("N05 above the fee ceiling nothing is sent, and the answer follows when gas is cheap again", async () => {
  await mineAt(50n * gwei);
  const requestId = await ask();
  await withNode(
    async (node) => {
      await until("the evaluation", () => (node.stats().jobs["REQUESTED/EVALUATED"] ?? 0) === 1);
      // What is read of a block is acted on before the next one is read.
      for (let blocks = 0; blocks < 3; blocks++) {
        await mineAt(50n * gwei);
        const head = Number(await rpc<string>("eth_blockNumber"));
        await until("the block is read", () => node.stats().head?.number === head);
      }
      assert.equal((await countEvents(system, "Submitted")).get(requestId), undefined);
      await mineAt(gwei);
      await until("the answer", async () => (await countEvents(system, "Submitted")).get(requestId) === 1);
    },
    { fees: { ceilingGwei: 20 }, scheduler: { feeOverCost: 0 } },
  );
});

test("N05 a nonce that somebody else used is noticed: the answer is sent once, with another nonce", async () => {
  const requestId = await ask();
  await stopMining();
  await withNode(async (node) => {
    await until("the answer in the pool", async () => (await waiting()).length === 1);
    const [sent] = await waiting();
    const foreign = system.operator.sign({
      to: system.operator.address,
      nonce: Number(sent!.nonce),
      gasLimit: 21_000n,
      chainId: system.chain.chainId,
      maxFeePerGas: BigInt(sent!.maxFeePerGas) * 4n,
      maxPriorityFeePerGas: BigInt(sent!.maxFeePerGas) * 2n,
    });
    await rpc("eth_sendRawTransaction", foreign.raw);
    await rpc("evm_setAutomine", true);
    await rpc("evm_mine");
    await until("the answer", async () => (await countEvents(system, "Submitted")).get(requestId) === 1);
    // The stranger may have displaced a finalization of an earlier test, beside which the answer was mined at once: it is noticed later.
    await until("the displacement is noticed", async () => (await outcomes(node, "displaced")) === 1);
  });
});

test("N26, A37, A45 a node declines what doesn't pay for its gas, its callback or the time of its bond, and answers the rest", async () => {
  const cheap = await ask({ fee: 1000n });
  const calledBack = await ask({ callbackGasLimit: 1_000_000 });
  const dear = await ask({ bond: 10n ** 23n, challengeWindow: 86_400 });
  const large = await ask({ bond: 6n * 10n ** 23n, fee: 10n ** 19n });
  const good = await ask();
  await withNode(async (node, data) => {
    await until("the good one's finality", async () => (await countEvents(system, "Finalized")).get(good) === 1);
    await until("the others' end", () => node.stats().jobs["REQUESTED/DECLINED"] === 4);
    const jobs = new JobStore(new Database(join(data, "store.db")));
    assert.match(jobs.get(cheap)!.reason!, /^the fee 1000 leaves 990 after protocol fee and royalty: \d+ gas at \d+ wei/);
    assert.match(jobs.get(calledBack)!.reason!, /: 111\d{4} gas at/);
    assert.match(jobs.get(dear)!.reason!, /locking a bond of 10{23} for 86400 s is 10{17} by scheduler.bondDayFees/);
    assert.match(jobs.get(large)!.reason!, /more than one answer may lock \(50{23}, by scheduler.answerShare\)/);
  });
});

test("the journal gives each nonce once and each request one live submission", () => {
  const path = join(folder, "journal.db");
  const db = new Database(path);
  const journal = new Journal(db, system.operator.address);
  const intent = (requestId: string): Intent => ({
    kind: "submit",
    requestIds: [requestId],
    intent: "0x",
    recipient: system.deployment.coordinator,
    data: new Uint8Array(),
    gasLimit: 1n,
    deadline: null,
  });
  const attempt = (hash: string) => ({ hash, raw: "0x", maxFee: 1n, priorityFee: 1n });
  assert.equal(journal.nextNonce(7), 7);
  const first = journal.write(intent("a"), 7, attempt("1"));
  assert.equal(journal.nextNonce(7), 8, "a journalled nonce is taken, mined or not");
  assert.throws(() => journal.write(intent("a"), 8, attempt("2")), /UNIQUE/);
  assert.equal(journal.nextNonce(7), 8, "a refused intent leaves no trace");
  assert.throws(() => journal.write(intent("b"), 7, attempt("3")), /UNIQUE/);
  journal.markFailed(first.id, 1);
  journal.write(intent("a"), 8, attempt("4"));
  db.close();
  const again = new Journal(new Database(path), system.operator.address);
  assert.deepEqual(
    again.pending().map(({ nonce, requestIds }) => [nonce, requestIds]),
    [[8, ["a"]]],
  );
});

test("signed transactions are what the library reads", () => {
  const { hash, raw } = system.operator.sign({
    to: system.deployment.coordinator,
    nonce: 3,
    gasLimit: 50_000n,
    chainId: 31337,
    maxFeePerGas: gwei,
    maxPriorityFeePerGas: 1n,
    data: "0x1234",
  });
  const read = Transaction.from(raw);
  assert.equal(read.from, system.operator.address);
  assert.equal(read.hash, hash);
  assert.equal(read.data, "0x1234");
});

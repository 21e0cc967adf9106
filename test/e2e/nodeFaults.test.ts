import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { coordinatorInterface } from "../../oracle/chain/contracts.ts";
import { crashLabels } from "../../oracle/telemetry/crashPoint.ts";
import { startChain } from "../support/chain.ts";
import { assertEachOnce, assertNothingWasted } from "../support/chainHistory.ts";
import { deploySystem, keyOf, testInput, type TestSystem } from "../support/deployment.ts";
import { writeConfig } from "../support/nodeConfig.ts";
import { startNodeProcess } from "../support/nodeProcess.ts";
import { until } from "../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-faults-"));
let system: TestSystem;
let config: string;
/** Every request that was made here. */
const requestIds: string[] = [];

before(async () => {
  system = await deploySystem(await startChain(), folder);
  config = writeConfig(system, folder);
});
after(async () => {
  await system.close();
  rmSync(folder, { recursive: true });
});

async function ask(): Promise<string> {
  const { logs } = await system.send(system.requester, system.calls.request(system.params({ challengeWindow: 1 }), testInput(1, 2)));
  const requestId = coordinatorInterface.parseLog(logs[0]!)!.args.requestId as string;
  requestIds.push(requestId);
  return requestId;
}

const headNumber = async () => Number(await system.chain.rpc<string>("eth_blockNumber"));

/** Runs a node until every request that was made is final. */
async function runToFinality(execArgv: string[] = []): Promise<void> {
  const node = startNodeProcess(config, {}, execArgv);
  await node.ready;
  await until("finality of every request", () => node.stats?.jobs["FINALIZED/EVALUATED"] === requestIds.length);
  assert.deepEqual(await node.stop(), { code: 0, signal: null });
}

test("N06 killed at every labelled point, a node resumes: nothing is lost, nothing is done twice", async () => {
  const from = (await headNumber()) + 1;
  // A node whose answers nobody disputes and that has nothing to check makes no moves: test/e2e/dispute.test.ts and selfCheck.test.ts kill there.
  for (const label of crashLabels.filter((each) => !/-move-|-self-check|-retraction-/.test(each))) {
    await ask();
    const node = startNodeProcess(config, { ASSAY_CRASH_POINT: label });
    // Only a node that never gets there is stopped.
    const timer = setTimeout(() => void node.stop(), 600_000);
    const { signal } = await node.ended;
    clearTimeout(timer);
    assert.equal(signal, "SIGKILL", `the node reaches ${label}`);
  }
  await runToFinality();
  await assertEachOnce(system, requestIds);
  assert.ok((await assertNothingWasted(system, from)) <= 2 * requestIds.length);
});

test("a transaction from outside that takes a journalled nonce costs nothing but another transaction", async () => {
  await ask();
  const node = startNodeProcess(config, { ASSAY_CRASH_POINT: "after-journal-write" });
  assert.equal((await node.ended).signal, "SIGKILL");
  await system.send(system.operator, { to: system.requester.address, data: "0x" });
  await runToFinality();
  await assertEachOnce(system, requestIds);
});

test("N07 a second node with the same data directory or the same key refuses to start", async () => {
  const first = startNodeProcess(config);
  await first.ready;
  await assert.rejects(startNodeProcess(config).ready, {
    name: "LockError",
    message: /data directory .* in use by another node \(process \d+\)/,
  });
  const sameKey = writeConfig(system, join(folder, "other"), { locks: join(folder, "locks") });
  await assert.rejects(startNodeProcess(sameKey).ready, { name: "LockError", message: /the key of .* is in use by another node/ });
  await first.kill();
  const again = startNodeProcess(config);
  await again.ready;
  assert.deepEqual(await again.stop(), { code: 0, signal: null }, "a killed node leaves no lock behind");
});

test("N28 a second host with the same key stops before it sends, and the first one goes on", async () => {
  const first = startNodeProcess(config);
  const second = startNodeProcess(writeConfig(system, join(folder, "host"), { locks: join(folder, "host", "locks"), files: folder }));
  await Promise.all([first.ready, second.ready]);
  second.pause();
  const from = (await headNumber()) + 1;
  const answered = requestIds.length;
  await ask();
  await until("the first host's finality", () => first.stats?.jobs["FINALIZED/EVALUATED"] === answered + 1);
  first.pause();
  await ask();
  second.goOn();
  assert.deepEqual(await second.ended, { code: 1, signal: null });
  first.goOn();
  await until("the first host's finality again", () => first.stats?.jobs["FINALIZED/EVALUATED"] === answered + 2);
  assert.deepEqual(await first.stop(), { code: 0, signal: null });
  await assertEachOnce(system, requestIds);
  assert.equal(await assertNothingWasted(system, from), 4, "an answer and a finalization for each request");
});

test("N13 the key is in no log line, no metric and no file that the node writes", async () => {
  await ask();
  const node = startNodeProcess(config, { ASSAY_LOG_LEVEL: "trace" });
  await node.ready;
  await until("finality of every request", () => node.stats?.jobs["FINALIZED/EVALUATED"] === requestIds.length);
  await node.stop();
  assert.match(node.output, /"the node runs"/);
  const key = keyOf(1).slice(2);
  const written = readdirSync(join(folder, "data"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  assert.ok(written.length > 0);
  for (const canary of [Buffer.from(key), Buffer.from(key, "hex"), Buffer.from(Buffer.from(key, "hex").toString("base64"))]) {
    assert.ok(!Buffer.from(node.output).includes(canary));
    assert.ok(!written.some((bytes) => bytes.includes(canary)));
  }
});

test("N15 a time of day that is wrong by an hour moves no deadline", async () => {
  for (const hours of [-1, 1]) {
    const skew = join(folder, `skew${hours}.mjs`);
    writeFileSync(skew, `const real = Date.now;\nDate.now = () => real() + ${hours * 3_600_000};\n`);
    await ask();
    await runToFinality(["--import", skew]);
  }
  await assertEachOnce(system, requestIds);
});

test("N17 stopped in the middle of work, a node drains or resumes within its grace", async () => {
  const from = (await headNumber()) + 1;
  for (let i = 0; i < 5; i++) await ask();
  const node = startNodeProcess(config);
  await node.ready;
  await until("work has begun", () => Object.keys(node.stats?.jobs ?? {}).some((key) => /^(REQUESTED|SUBMITTED)/.test(key)));
  assert.deepEqual(await node.stop(), { code: 0, signal: null });
  await runToFinality();
  await assertEachOnce(system, requestIds);
  await assertNothingWasted(system, from);
});

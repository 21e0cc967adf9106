import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { coordinatorInterface } from "../../../oracle/chain/contracts.ts";
import { Rpc } from "../../../oracle/chain/rpc.ts";
import { loadConfig, type ConfigOverrides } from "../../../oracle/config.ts";
import { startNode, type Node } from "../../../oracle/node.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";
import { startChain } from "../../support/chain.ts";
import { assertEachOnce } from "../../support/chainHistory.ts";
import { deploySystem, testInput, type TestSystem } from "../../support/deployment.ts";
import { startFaultyProvider, type Faults } from "../../support/faultyProvider.ts";
import { startFreezableProxy } from "../../support/freezableProxy.ts";
import { writeConfig } from "../../support/nodeConfig.ts";
import { startNodeProcess, type NodeProcess } from "../../support/nodeProcess.ts";
import { until } from "../../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-failover-"));
let system: TestSystem;
let provider: Awaited<ReturnType<typeof startFaultyProvider>>;
let folders = 0;

before(async () => {
  system = await deploySystem(await startChain(), folder);
  provider = await startFaultyProvider(system.chain.http);
});
after(async () => {
  await provider.close();
  await system.close();
  rmSync(folder, { recursive: true });
});

async function ask(): Promise<string> {
  const { logs } = await system.send(system.requester, system.calls.request(system.params({ challengeWindow: 1 }), testInput(1, 2)));
  return coordinatorInterface.parseLog(logs[0]!)!.args.requestId as string;
}

async function withNode(rpc: string[], work: (node: Node) => Promise<void>, over: ConfigOverrides = {}): Promise<void> {
  const path = writeConfig(system, join(folder, String(folders++)), { rpc });
  const config = await loadConfig(path, { content: { allowedFileRoots: [folder] }, ...over });
  const node = await startNode(config, { log: createLog(config.log.level) });
  try {
    await work(node);
  } finally {
    provider.faults = {};
    await node.stop();
  }
}

async function answerOne(node: Node): Promise<void> {
  const final = node.stats().jobs["FINALIZED/EVALUATED"] ?? 0;
  const requestId = await ask();
  await until("finality", () => node.stats().jobs["FINALIZED/EVALUATED"] === final + 1);
  await assertEachOnce(system, [requestId]);
}

/** Refuses calls of one method, or of all, with a JSON-RPC error. */
const refusing = (code: number, message: string, method?: string): Faults => ({
  reply: (call, reply) => (method === undefined || call.method === method ? { id: reply.id, error: { code, message } } : reply),
});

for (const [name, code, message] of [
  ["an expired key", -32001, "project ID does not have access"],
  ["an internal error", -32603, "Internal error"],
  ["an error without meaning", 0, ""],
] as const) {
  test(`N20 a first provider that answers every call with ${name} is left for the next, before the start and after it`, async () => {
    provider.faults = refusing(code, message);
    await withNode([provider.url, system.chain.http], answerOne);
    await withNode([provider.url, system.chain.http], async (node) => {
      await answerOne(node);
      provider.faults = refusing(code, message);
      await answerOne(node);
    });
  });
}

for (const method of [
  "eth_getBlockByNumber",
  "eth_getLogs",
  "eth_call",
  "eth_estimateGas",
  "eth_sendRawTransaction",
  "eth_getTransactionReceipt",
  "eth_getTransactionCount",
  "eth_maxPriorityFeePerGas",
]) {
  test(`N20 a first provider that refuses ${method} alone: the next one is asked`, async () => {
    await withNode([provider.url, system.chain.http], async (node) => {
      provider.faults = refusing(-32603, "Internal error", method);
      await answerOne(node);
    });
  });
}

test("N20 what the chain itself refuses is asked of one provider only, and what all refuse is refused", async () => {
  let asked = 0;
  const second = await startFaultyProvider(system.chain.http);
  second.faults = { refuse: () => void asked++ };
  const rpc = new Rpc({ urls: [provider.url, second.url] });
  try {
    const reverting = { from: system.operator.address, to: system.deployment.coordinator, data: "0x12345678" };
    await assert.rejects(rpc.call("eth_estimateGas", [reverting]), { name: "RpcError" });
    assert.equal(asked, 0);
    await assert.rejects(rpc.call("eth_noSuchMethod"), { name: "RpcError" });
    assert.equal(asked, 1);
  } finally {
    rpc.close();
    await second.close();
  }
});

const portOf = (url: string) => Number(new URL(url).port);

test("N21 a half-open websocket is noticed by calls and opened again", async () => {
  const proxy = await startFreezableProxy(portOf(system.chain.http));
  try {
    const over = { chain: { timeoutMilliseconds: 2000, rounds: 20 } };
    await withNode(
      [`ws://127.0.0.1:${proxy.port}`],
      async (node) => {
        await answerOne(node);
        const before = proxy.connections;
        proxy.freeze();
        await answerOne(node);
        assert.ok(proxy.connections > before, "another connection was opened");
      },
      over,
    );
  } finally {
    await proxy.close();
  }
});

/** A call that nobody answers is waited for so long: whoever waits for one never ends here. */
const forever = { timeoutMilliseconds: 2 ** 30 };

/** Tells a node to stop whose providers say nothing. @returns how its process ended. */
async function stopped(node: NodeProcess): ReturnType<NodeProcess["stop"]> {
  let end: Awaited<NodeProcess["ended"]> | undefined;
  void node.stop().then((ended) => (end = ended));
  try {
    await until("the end of the process", () => end !== undefined);
    return end!;
  } finally {
    await node.kill();
  }
}

for (const scheme of ["ws", "http"] as const) {
  test(`N21 N31 a node that waits for a provider (${scheme}) that hangs, and is told to stop, ends in order without an answer`, async () => {
    const proxy = await startFreezableProxy(portOf(system.chain.http));
    try {
      const rpc = [`${scheme}://127.0.0.1:${proxy.port}`];
      const node = startNodeProcess(writeConfig(system, join(folder, String(folders++)), { rpc, ...forever }));
      await node.ready;
      proxy.freezeAll();
      await until("a call that is not answered", () => proxy.swallowed > 0);
      assert.deepEqual(await stopped(node), { code: 0, signal: null });
    } finally {
      await proxy.close();
    }
  });
}

test("N21 N31 a node that waits for its provider at the start, and is told to stop, ends without an answer, and asks nothing more", async () => {
  let asked = 0;
  provider.faults = { refuse: () => (asked++, "hang") };
  const node = startNodeProcess(writeConfig(system, join(folder, String(folders++)), { rpc: [provider.url], ...forever }));
  await until("the first call", () => asked > 0);
  assert.deepEqual(await stopped(node), { code: 1, signal: null });
  assert.equal(asked, 1);
  provider.faults = {};
});

test("N27 user name, password and keys of a provider's URL are in no log line, error, metric or file", async () => {
  const canaries = [
    "s3cr3tUser",
    "s3cr3t%2FPass",
    "s3cr3t/Pass",
    "pathKey0123456789",
    "queryKey0123456789",
    "czNjcjN0VXNlcjpzM2NyM3QvUGFzcw",
  ];
  const withSecrets = (url: string) =>
    `${url.replace("://", "://s3cr3tUser:s3cr3t%2FPass@")}/v3/pathKey0123456789?apikey=queryKey0123456789`;
  // Providers repeat their URL in what they say.
  let turn = 0;
  const said = "Cannot POST /v3/pathKey0123456789?apikey=queryKey0123456789 for s3cr3tUser:s3cr3t/Pass";
  const chatty: Faults = {
    reply: (call, reply) => (turn++ % 3 === 0 ? { id: reply.id, error: { code: -32603, message: said } } : reply),
    refuse: () => (turn++ % 5 === 0 ? { status: 404, body: `<pre>${said}</pre>` } : undefined),
  };
  const dead = "http://127.0.0.1:9";
  const well = await startFaultyProvider(system.chain.http);
  const path = writeConfig(system, folder, {
    rpc: [provider.url, dead, dead.replace("http", "ws"), well.url].map(withSecrets),
  });
  const node = startNodeProcess(path, { ASSAY_LOG_LEVEL: "trace" });
  await node.ready;
  provider.faults = chatty;
  const requestId = await ask();
  await until("finality", () => node.stats?.jobs["FINALIZED/EVALUATED"] !== undefined && (node.stats.jobs["REQUESTED/NEW"] ?? 0) === 0);
  await until("a failure in the log", () => /a provider (failed|refused)/.test(node.output));
  await node.stop();
  await well.close();
  provider.faults = {};
  await assertEachOnce(system, [requestId]);
  const written = readdirSync(join(path, "..", "data"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  for (const canary of canaries) {
    assert.ok(!node.output.includes(canary), `${canary} is in the log`);
    assert.ok(!written.some((bytes) => bytes.includes(canary)), `${canary} is in a file`);
  }
  const failing = new Rpc({ urls: [withSecrets(dead), withSecrets("ws://127.0.0.1:9"), withSecrets(provider.url)], rounds: 2 });
  provider.faults = { refuse: () => ({ status: 404, body: said }) };
  await assert.rejects(failing.call("eth_chainId"), (error: Error) => {
    const shown = `${error.stack} ${String((error.cause as Error | undefined)?.stack)} ${JSON.stringify(error.cause)}`;
    for (const canary of canaries) assert.ok(!shown.includes(canary), `${canary} is in the error ${shown}`);
    return error.name === "ChainUnavailableError";
  });
  provider.faults = {};
  failing.close();
});

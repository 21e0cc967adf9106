import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { coordinatorInterface } from "../../../oracle/chain/contracts.ts";
import { loadConfig, type ConfigOverrides } from "../../../oracle/config.ts";
import { startNode, type Node } from "../../../oracle/node.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";
import { startChain } from "../../support/chain.ts";
import { assertEachOnce } from "../../support/chainHistory.ts";
import { deploySystem, testInput, type TestSystem } from "../../support/deployment.ts";
import { startFaultyProvider } from "../../support/faultyProvider.ts";
import { writeConfig } from "../../support/nodeConfig.ts";
import { until } from "../../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-providers-"));
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

/** Runs a new node behind the given providers; it has read all that happened before it started. */
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

test("N02 logs that come twice and in any order are counted once, in the chain's order", async () => {
  provider.faults = {
    reply: (call, reply) =>
      call.method === "eth_getLogs" && Array.isArray(reply.result)
        ? { ...reply, result: [...reply.result, ...reply.result].reverse() }
        : reply,
  };
  await withNode([provider.url], async (node) => {
    for (let i = 0; i < 2; i++) await answerOne(node);
  });
});

test("N02 blocks that were missed while the node was away are read when it comes back", async () => {
  const requestIds = [await ask(), await ask()];
  await withNode([system.chain.http], async (node) => {
    await until(
      "finality",
      () =>
        (node.stats().jobs["SUBMITTED/EVALUATED"] ?? 0) + (node.stats().jobs["REQUESTED/NEW"] ?? 0) === 0 &&
        (node.stats().jobs["FINALIZED/EVALUATED"] ?? 0) >= 2,
    );
  });
  await assertEachOnce(system, requestIds);
});

test("N03 a provider whose head stands still, or is far behind, is left for one that goes on", async () => {
  const frozen = await system.chain.rpc<{ number: string }>("eth_getBlockByNumber", "latest", false);
  provider.faults = {
    reply: (call, reply) => (call.method === "eth_getBlockByNumber" && call.params[0] === "latest" ? { ...reply, result: frozen } : reply),
  };
  await withNode([provider.url, system.chain.http], answerOne, { chain: { stallMilliseconds: 300 } });
});

test("N04 a provider that limits the rate, hangs, resets connections and answers no JSON only slows the node down", async () => {
  let [turn, hangs] = [0, 0];
  const faults = [429, "reset", undefined, 503, "hang", undefined, undefined] as const;
  const next = () => {
    const fault = faults[turn++ % faults.length];
    // Each costs the whole time that a call has, which is long enough for a loaded machine to answer in.
    return fault === "hang" && ++hangs > 2 ? 503 : fault;
  };
  await withNode(
    [provider.url],
    async (node) => {
      provider.faults = { refuse: next };
      await answerOne(node);
      assert.ok(hangs > 0 && provider.refused > 4);
    },
    { chain: { timeoutMilliseconds: 2000, rounds: 20 } },
  );
});

test("N04 a provider that refuses long ranges of blocks is asked for shorter ones", async () => {
  let refused = 0;
  provider.faults = {
    reply: (call, reply) => {
      const [range] = call.params as [{ fromBlock: string; toBlock: string }];
      if (call.method !== "eth_getLogs" || Number(range.toBlock) - Number(range.fromBlock) < 4) return reply;
      refused++;
      return { id: reply.id, error: { code: -32602, message: "query exceeds the range of 4 blocks" } };
    },
  };
  await withNode([provider.url], async (node) => {
    assert.ok(refused > 0);
    await answerOne(node);
  });
});

test("N04 a node starts with a dead first provider, and says what to do where all are dead", async () => {
  const dead = "http://127.0.0.1:9";
  await withNode([dead, system.chain.http], answerOne);
  await assert.rejects(
    withNode([dead], async () => undefined, { chain: { timeoutMilliseconds: 100, rounds: 2 } }),
    {
      name: "ChainUnavailableError",
      message: /no chain provider answers: .*check that the chain runs and that the RPC URL \(127\.0\.0\.1:9\) is right/,
    },
  );
});

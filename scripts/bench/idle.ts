/** What a node asks of its provider while nothing happens: a hosted provider is paid by the call. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { buildRecogniser } from "../../examples/recogniser/model.ts";
import { LocalSystem } from "../local/localSystem.ts";
import { Processes } from "../local/processes.ts";
import { once, type Bench } from "./harness.ts";

const blockSeconds = 12;
/** Until the node has seen how the chain's blocks come. */
const settlingSeconds = 6 * blockSeconds;
const measuredSeconds = 10 * blockSeconds;

/** Counts the calls that pass, each one of a batch. */
async function startCounter(upstream: string): Promise<{ url: string; calls: Map<string, number>; close(): void }> {
  const calls = new Map<string, number>();
  const server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      for (const { method } of [JSON.parse(body) as { method: string } | { method: string }[]].flat()) {
        calls.set(method, (calls.get(method) ?? 0) + 1);
      }
      const reply = await fetch(upstream, { method: "POST", headers: { "content-type": "application/json" }, body });
      response.setHeader("content-type", "application/json").end(await reply.text());
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls, close: () => server.close() };
}

const idleCalls = once(async (): Promise<number> => {
  const directory = mkdtempSync(join(tmpdir(), "assay-bench-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const processes = new Processes(directory);
  const system = await LocalSystem.start(directory, processes, { blockTime: blockSeconds });
  const { modelId } = await system.registerModel("author", "recogniser", buildRecogniser());
  await system.registerOperator({ account: "operator", stake: 100_000n, models: [modelId] });
  const counter = await startCounter(system.chain.deployment.rpcUrl!);
  const config = await system.writeNodeConfig({ account: "operator", confirmations: 2, pollMilliseconds: null, rpc: [counter.url] });
  const node = await processes.start("operator", ["start", "--config", config]);
  await sleep(1000 * settlingSeconds);
  counter.calls.clear();
  await sleep(1000 * measuredSeconds);
  const counted = Object.fromEntries(counter.calls);
  await node.stop();
  counter.close();
  process.stderr.write(`bench: ${measuredSeconds} s without a request took ${JSON.stringify(counted)}\n`);
  return (60 * Object.values(counted).reduce((sum, count) => sum + count, 0)) / measuredSeconds;
});

export const benches: Bench[] = [
  { name: "node.idle_calls", unit: "calls a minute over http, at blocks of 12 s", target: 30, run: idleCalls },
];

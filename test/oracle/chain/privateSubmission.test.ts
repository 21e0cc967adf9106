import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Transaction } from "ethers";
import { coordinatorInterface } from "../../../oracle/chain/contracts.ts";
import { loadConfig } from "../../../oracle/config.ts";
import { startNode, type Node } from "../../../oracle/node.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";
import { startChain } from "../../support/chain.ts";
import { assertEachOnce, countEvents } from "../../support/chainHistory.ts";
import { deploySystem, testInput, type TestSystem } from "../../support/deployment.ts";
import { startFaultyProvider, type Faults } from "../../support/faultyProvider.ts";
import { writeConfig } from "../../support/nodeConfig.ts";
import { until } from "../../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-private-"));
type Provider = Awaited<ReturnType<typeof startFaultyProvider>>;
let system: TestSystem;
/** What everybody asks, and an endpoint that mines what it is given without showing it; what each was asked. */
let open: Provider;
let hidden: Provider;
const asked = { open: [] as string[], hidden: [] as string[] };
let folders = 0;

before(async () => {
  system = await deploySystem(await startChain(), folder);
  [open, hidden] = [await startFaultyProvider(system.chain.http), await startFaultyProvider(system.chain.http)];
});
after(async () => {
  await open.close();
  await hidden.close();
  await system.close();
  rmSync(folder, { recursive: true });
});

const submissions = ["submit", "submitByURI", "submitBatch"];

/** @returns what a call says: its method, or what a transaction in it does. */
function contentOf({ method, params }: { method: string; params: unknown[] }): string {
  if (method !== "eth_sendRawTransaction") return method;
  const { data } = Transaction.from(params[0] as string);
  return data === "0x" ? "nothing" : coordinatorInterface.parseTransaction({ data })!.name;
}

/** Keeps what a provider is asked, whatever it makes of it. */
const recording = (into: string[], refuse?: Faults["refuse"]): Faults => ({
  refuse(calls) {
    into.push(...calls.map(contentOf));
    return refuse?.(calls);
  },
});

async function ask(): Promise<string> {
  const { logs } = await system.send(system.requester, system.calls.request(system.params({ challengeWindow: 1 }), testInput(1, 2)));
  return coordinatorInterface.parseLog(logs[0]!)!.args.requestId as string;
}

/** A node that hands its answers in privately. @param refuse what the private endpoint does to what it is given. */
async function withNode(publicFallback: boolean, work: (node: Node) => Promise<void>, refuse?: Faults["refuse"]): Promise<void> {
  const path = writeConfig(system, join(folder, String(folders++)), { rpc: [open.url] });
  const submit = { rpc: [hidden.url], publicFallback };
  const config = await loadConfig(path, { content: { allowedFileRoots: [folder] }, submit });
  [asked.open, asked.hidden] = [[], []];
  [open.faults, hidden.faults] = [recording(asked.open), recording(asked.hidden, refuse)];
  const node = await startNode(config, { log: createLog(config.log.level) });
  try {
    await work(node);
  } finally {
    await node.stop();
    [open.faults, hidden.faults] = [{}, {}];
  }
}

/** Waits while blocks are made. */
const untilMined = (what: string, condition: () => Promise<boolean> | boolean) =>
  until(what, async () => {
    await system.chain.rpc("evm_mine");
    return condition();
  });
const isFinal = async (requestId: string) => (await countEvents(system, "Finalized")).get(requestId) === 1;
const shown = () => asked.open.filter((what) => submissions.includes(what));

test("A47 an answer is given to the private endpoint, which is asked for nothing else, and to nobody else", async () => {
  await withNode(false, async () => {
    const requestId = await ask();
    await untilMined("finality", () => isFinal(requestId));
    assert.deepEqual(asked.hidden, ["submit"]);
    assert.deepEqual(shown(), []);
    assert.ok(asked.open.includes("finalize"), "what need not be hidden goes where everything goes");
    await assertEachOnce(system, [requestId]);
  });
});

for (const [how, fault] of [
  ["refuses", 503],
  ["cuts the connection on", "reset"],
] as const) {
  test(`A47 an answer that the private endpoint ${how} is kept from the public pools, holds up no other nonce, and follows when the endpoint is well`, async () => {
    let well = false;
    await withNode(
      false,
      async (node) => {
        const requestId = await ask();
        // It is tried again and again, then its nonce is given to a transaction that says nothing.
        await untilMined("the nonce's release", () => asked.open.includes("nothing"));
        assert.ok(asked.hidden.length > 3);
        assert.equal((await countEvents(system, "Submitted")).get(requestId), undefined);
        const { values } = await node.metrics.rpcFailures.get();
        assert.ok(values.length > 0);
        well = true;
        await untilMined("finality", () => isFinal(requestId));
        assert.deepEqual(shown(), []);
        await assertEachOnce(system, [requestId]);
      },
      () => (well ? undefined : fault),
    );
  });
}

test("A47 with submit.publicFallback an answer that no private endpoint takes goes to the public pools", async () => {
  await withNode(
    true,
    async () => {
      const requestId = await ask();
      await untilMined("finality", () => isFinal(requestId));
      assert.deepEqual(shown(), ["submit"]);
      assert.ok(asked.hidden.includes("submit"), "the private endpoint was asked first");
      await assertEachOnce(system, [requestId]);
    },
    () => 503,
  );
});

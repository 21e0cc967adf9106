import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { WebSocketTransport } from "../../../oracle/chain/webSocketTransport.ts";
import { startChain, type TestChain } from "../../support/chain.ts";
import { startFreezableProxy } from "../../support/freezableProxy.ts";
import { until } from "../../support/until.ts";

let chain: TestChain;
before(async () => {
  chain = await startChain();
});
after(() => chain.close());

/** Subscribes to heads through a proxy; nothing else is ever asked, and the chain makes no blocks by itself. */
async function watching(
  replyMs: number,
  work: (proxy: Awaited<ReturnType<typeof startFreezableProxy>>, heads: () => number) => Promise<void>,
) {
  const proxy = await startFreezableProxy(Number(new URL(chain.ws).port));
  const transport = new WebSocketTransport(`ws://127.0.0.1:${proxy.port}`, { silenceMs: 50, replyMs });
  let heads = 0;
  transport.watchHeads(() => void heads++);
  try {
    // A subscription says "look" once by itself.
    await until("the subscription", () => heads === 1);
    await work(proxy, () => heads);
  } finally {
    transport.close();
    await proxy.close();
  }
}

test("N21 a connection over which nothing comes any more is noticed by its silence alone, and heads come over another", async () => {
  await watching(2000, async (proxy, heads) => {
    proxy.freeze();
    await until("another subscription", () => heads() >= 2);
    assert.ok(proxy.connections >= 2);
    const before = heads();
    await chain.rpc("evm_mine");
    await until("a head", () => heads() > before);
  });
});

test("N21 a connection that is silent because there are no blocks is asked whether it lives, again and again, and kept", async () => {
  await watching(600_000, async (proxy, heads) => {
    const before = proxy.passed;
    await until("three questions", () => proxy.passed >= before + 3);
    assert.deepEqual([proxy.connections, heads()], [1, 1]);
  });
});

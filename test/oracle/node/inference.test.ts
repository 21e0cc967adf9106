import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { loadConfig } from "../../../oracle/config.ts";
import { startNode } from "../../../oracle/node.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";
import { startChain } from "../../support/chain.ts";
import { deploySystem, testInput, type TestSystem } from "../../support/deployment.ts";
import { writeConfig } from "../../support/nodeConfig.ts";
import { until } from "../../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-node-"));
let system: TestSystem;

before(async () => {
  system = await deploySystem(await startChain(), folder);
});
after(async () => {
  await system.close();
  rmSync(folder, { recursive: true });
});

test("a request is evaluated, submitted and made final, and the operator is paid", async () => {
  const config = await loadConfig(writeConfig(system, folder));
  const node = await startNode(config, { log: createLog(config.log.level) });
  try {
    await system.send(system.requester, system.calls.request(system.params(), testInput(1, 2)));
    await until("finality", () => node.stats().jobs["FINALIZED/EVALUATED"] === 1);
    const owed = await system.views.owed(system.operator.address, `0x${"0".repeat(40)}`);
    assert.equal(owed, 99n * 10n ** 13n);
    const [timing] = node.timings();
    assert.ok(timing!.seenAt <= timing!.evaluatedAt! && timing!.evaluatedAt! <= timing!.sentAt!, "stations are passed in order");
  } finally {
    await node.stop();
  }
});

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { seededFloats } from "../../../examples/seededFloats.ts";
import { buildTiny } from "../../../examples/tiny/model.ts";
import { keccak256 } from "../../../oracle/core/traceTree.ts";
import { ContentStore } from "../../../oracle/content/contentStore.ts";
import { Runtime } from "../../../oracle/runtime/runtime.ts";
import { endlessLoop } from "../../support/hostileModels.ts";

const hashOf = (bytes: Uint8Array) => `0x${Buffer.from(keccak256(bytes)).toString("hex")}`;

test("N09 a cached model that is damaged while it runs is refused by the next process, and fetched again", async () => {
  const directory = await mkdtemp(join(tmpdir(), "assay-test-"));
  const log = { info: () => undefined, warn: () => undefined };
  const runtime = await Runtime.start({ providers: ["cpu"], workers: 1, memoryLimitBytes: 1 << 29, log });
  try {
    const content = new ContentStore({ directory: join(directory, "cache"), allowedFileRoots: [directory], maxBytes: 1 << 20 });
    const load = async (bytes: Uint8Array) => {
      const path = join(directory, hashOf(bytes));
      await writeFile(path, bytes);
      const artifact = await content.fetchArtifact(pathToFileURL(path).href, hashOf(bytes));
      await runtime.load(artifact);
      return artifact;
    };
    const tiny = await load(buildTiny());
    const endless = await load(endlessLoop());
    const x = { dtype: "float32" as const, shape: [1, 16], data: new Uint8Array(seededFloats(16, 1).buffer) };
    const run = () => runtime.run(tiny.hash, [x], { timeoutMs: 60_000 });
    const { outputs } = await run();

    await writeFile(tiny.path, buildTiny(2));
    assert.deepEqual((await run()).outputs, outputs);
    // The deadline ends the process that has the right model loaded.
    const loop = { dtype: "float32" as const, shape: [1], data: new Uint8Array(4) };
    await assert.rejects(runtime.run(endless.hash, [loop], { timeoutMs: 100 }), { kind: "timeout" });
    await assert.rejects(run(), { kind: "unavailable", message: /the file was changed/ });

    await load(buildTiny());
    assert.deepEqual((await run()).outputs, outputs);
  } finally {
    await runtime.close();
    await rm(directory, { recursive: true });
  }
});

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { seededFloats } from "../../../examples/seededFloats.ts";
import { buildTiny } from "../../../examples/tiny/model.ts";
import { keccak256 } from "../../../oracle/core/traceTree.ts";
import { Sessions } from "../../../oracle/runtime/sessions.ts";

let directory: string;
let file: { hash: string; path: string };

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "assay-test-"));
  const bytes = buildTiny();
  file = { hash: `0x${Buffer.from(keccak256(bytes)).toString("hex")}`, path: join(directory, "tiny.onnx") };
  await writeFile(file.path, bytes);
});
after(() => rm(directory, { recursive: true }));

test("N14 a provider that fails to load a model is followed by the next one, with a notice", async () => {
  const sessions = new Sessions({ providers: ["cuda", "cpu"], threads: 1, maxModels: 2 });
  const { loaded, notice } = await sessions.load(file);
  assert.equal(loaded.provider, "cpu");
  assert.match(notice!, /^cuda: .+; running on cpu$/s);
  const { ran } = await sessions.run(file.hash, [{ dtype: "float32", shape: [1, 16], data: new Uint8Array(seededFloats(16, 1).buffer) }]);
  assert.equal(ran.provider, "cpu");
});

test("N14 where no provider is left, the model is declined", async () => {
  const sessions = new Sessions({ providers: ["cuda"], threads: 1, maxModels: 2 });
  await assert.rejects(sessions.load(file), { name: "RuntimeError", kind: "declined", message: /can't load the model 0x.*: cuda: / });
});

test("input bytes that are not aligned to their elements are read right", async () => {
  const sessions = new Sessions({ providers: ["cpu"], threads: 1, maxModels: 1 });
  await sessions.load(file);
  const aligned = new Uint8Array(seededFloats(16, 1).buffer);
  const shifted = new Uint8Array(65);
  shifted.set(aligned, 1);
  const run = async (data: Uint8Array) =>
    (await sessions.run(file.hash, [{ dtype: "float32", shape: [1, 16], data }])).ran.outputs[0]!.data;
  assert.deepEqual(await run(shifted.subarray(1)), await run(aligned));
});

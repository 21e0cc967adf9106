import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildTiny } from "../../../examples/tiny/model.ts";
import { seededFloats } from "../../../examples/seededFloats.ts";
import type { Tensor } from "../../../oracle/core/tensor.ts";
import { keccak256 } from "../../../oracle/core/traceTree.ts";
import { Runtime, type ArtifactFile } from "../../../oracle/runtime/runtime.ts";

const silent = { info: () => undefined, warn: () => undefined };
let directory: string;
let runtime: Runtime;

async function artifact(bytes: Uint8Array): Promise<ArtifactFile> {
  const hash = `0x${Buffer.from(keccak256(bytes)).toString("hex")}`;
  const path = join(directory, hash);
  await writeFile(path, bytes);
  return { hash, path };
}

const tinyInput = (seed: number): Tensor => ({ dtype: "float32", shape: [1, 16], data: new Uint8Array(seededFloats(16, seed).buffer) });

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "assay-test-"));
  runtime = await Runtime.start({ providers: ["cpu"], workers: 2, memoryLimitBytes: 1 << 30, log: silent });
});

after(async () => {
  await runtime.close();
  await rm(directory, { recursive: true });
});

test("a model is loaded, described and run", async () => {
  const file = await artifact(buildTiny());
  assert.deepEqual(await runtime.load(file), {
    inputs: [{ name: "x", dtype: "float32", shape: [1, 16] }],
    outputs: [{ name: "y", dtype: "float32", shape: [1, 64] }],
    provider: "cpu",
  });
  const { outputs, provider } = await runtime.run(file.hash, [tinyInput(7)], { timeoutMs: 600_000 });
  assert.equal(provider, "cpu");
  assert.deepEqual([outputs.length, outputs[0]!.dtype, outputs[0]!.shape], [1, "float32", [1, 64]]);
  assert.ok(new Float32Array(outputs[0]!.data.slice().buffer).some((value) => value !== 0));
});

test("many runs at once all come back, each with its own answer", async () => {
  const file = await artifact(buildTiny());
  await runtime.load(file);
  const run = async (seed: number) => (await runtime.run(file.hash, [tinyInput(seed)], { timeoutMs: 600_000 })).outputs[0]!.data;
  const together = await Promise.all(Array.from({ length: 40 }, (_, seed) => run(seed)));
  for (const seed of [0, 13, 39]) assert.deepEqual(together[seed], await run(seed));
  assert.notDeepEqual(together[0], together[1]);
});

test("inputs that don't fit are invalid, and say what the model takes", async () => {
  const file = await artifact(buildTiny());
  await runtime.load(file);
  const wrong: [Tensor[], RegExp][] = [
    [[], /takes 1 inputs \("x" float32\[1, 16\]\), not 0/],
    [[{ dtype: "float32", shape: [1, 17], data: new Uint8Array(68) }], /input 0 is float32\[1, 17\]/],
    [[{ dtype: "int32", shape: [1, 16], data: new Uint8Array(64) }], /input 0 is int32\[1, 16\]/],
    [[{ dtype: "float32", shape: [1, 16], data: new Uint8Array(63) }], /of 63 bytes/],
  ];
  for (const [inputs, message] of wrong) {
    await assert.rejects(runtime.run(file.hash, inputs, { timeoutMs: 600_000 }), { name: "RuntimeError", kind: "invalid", message });
  }
});

test("N09 a file that is no model, or another one than was hashed, is refused", async () => {
  const noModel = await artifact(Buffer.from("hello"));
  await assert.rejects(runtime.load(noModel), { kind: "invalid", message: /no ONNX model/ });
  const file = await artifact(buildTiny(2));
  await writeFile(file.path, buildTiny(3));
  await assert.rejects(runtime.load(file), { kind: "unavailable", message: /the file was changed/ });
});

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { seededFloats } from "../../../examples/seededFloats.ts";
import { buildTiny } from "../../../examples/tiny/model.ts";
import { dtypes, elementsOf, type Dtype } from "../../../oracle/core/tensor.ts";
import { keccak256 } from "../../../oracle/core/traceTree.ts";
import { Sessions, toOrt } from "../../../oracle/runtime/sessions.ts";

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

test("E11 input bytes that are not aligned to their elements are read right, whatever holds them", async () => {
  const sessions = new Sessions({ providers: ["cpu"], threads: 1, maxModels: 1 });
  await sessions.load(file);
  const aligned = new Uint8Array(seededFloats(16, 1).buffer);
  const run = async (data: Uint8Array) =>
    (await sessions.run(file.hash, [{ dtype: "float32", shape: [1, 16], data }])).ran.outputs[0]!.data;
  const expected = await run(aligned);
  for (const shift of [1, 2, 3, 4]) {
    const bytes = new Uint8Array(64 + shift);
    bytes.set(aligned, shift);
    assert.deepEqual(await run(bytes.subarray(shift)), expected, `Uint8Array at ${shift}`);
    // A message from another process brings a Buffer, whose `slice` copies nothing.
    assert.deepEqual(await run(Buffer.from(bytes.buffer, shift, 64)), expected, `Buffer at ${shift}`);
  }
});

test("E11 every element type is read from any offset of a Buffer", () => {
  const written = { float32: [1, -2], int32: [1, -2], int64: [1n, -2n], int8: [1, -2], uint8: [1, 254], bool: [1, 0] } as const;
  for (const [dtype, numbers] of Object.entries(written) as [Dtype, ArrayLike<number | bigint>][]) {
    const elements = elementsOf({ dtype, data: new Uint8Array(2 * dtypes[dtype].size) });
    elements.set(numbers as never);
    const bytes = new Uint8Array(elements.buffer);
    for (let shift = 0; shift < 8; shift++) {
      const shared = Buffer.alloc(64, 9);
      shared.set(bytes, shift);
      const { data } = toOrt({ dtype, shape: [2], data: shared.subarray(shift, shift + bytes.length) });
      assert.deepEqual(Array.from(data as ArrayLike<unknown>), [...(numbers as unknown as unknown[])], `${dtype} at ${shift}`);
    }
  }
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { seededFloats } from "../../../examples/seededFloats.ts";
import { buildTiny } from "../../../examples/tiny/model.ts";
import type { Tensor } from "../../../oracle/core/tensor.ts";
import { keccak256 } from "../../../oracle/core/traceTree.ts";
import { Runtime, type ArtifactFile, type RuntimeOptions } from "../../../oracle/runtime/runtime.ts";
import { until } from "../../support/until.ts";
import { doubles, endlessLoop, hugeConstant, memoryBomb, shapeFromInput } from "../../support/hostileModels.ts";

const silent = { info: () => undefined, warn: () => undefined };
let directory: string;
const started: Runtime[] = [];

async function artifact(bytes: Uint8Array): Promise<ArtifactFile> {
  const hash = `0x${Buffer.from(keccak256(bytes)).toString("hex")}`;
  const path = join(directory, hash);
  await writeFile(path, bytes);
  return { hash, path };
}

const start = async (options: Partial<RuntimeOptions> = {}) => {
  const runtime = await Runtime.start({ providers: ["cpu"], workers: 1, memoryLimitBytes: 1 << 29, log: silent, ...options });
  started.push(runtime);
  return runtime;
};

const floats = (count: number, shape = [count]): Tensor => ({
  dtype: "float32",
  shape,
  data: new Uint8Array(seededFloats(count, 1).buffer),
});
const int64 = (value: number): Tensor => ({ dtype: "int64", shape: [1], data: new Uint8Array(BigInt64Array.of(BigInt(value)).buffer) });

/** Whether the runtime still answers after what was done to it. */
async function assertAlive(runtime: Runtime): Promise<void> {
  const file = await artifact(buildTiny());
  await runtime.load(file);
  const { outputs } = await runtime.run(file.hash, [floats(16, [1, 16])], { timeoutMs: 600_000 });
  assert.equal(outputs[0]!.data.length, 256);
}

/** Looking at other processes is done through /proc. */
const linux = { skip: process.platform !== "linux" };

/** Processes whose parent is `pid`. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "assay-test-"));
});
after(async () => {
  await Promise.all(started.map((runtime) => runtime.close()));
  await rm(directory, { recursive: true });
});

test("N10 an endless loop is killed at its deadline; what waited behind it is answered", async () => {
  const runtime = await start();
  const [endless, tiny] = await Promise.all([artifact(endlessLoop()), artifact(buildTiny())]);
  await Promise.all([runtime.load(endless), runtime.load(tiny)]);
  const [loop, behind] = await Promise.allSettled([
    runtime.run(endless.hash, [floats(1)], { timeoutMs: 300 }),
    runtime.run(tiny.hash, [floats(16, [1, 16])], { timeoutMs: 600_000 }),
  ]);
  assert.equal(behind.status, "fulfilled");
  assert.ok(loop.status === "rejected");
  assert.equal(loop.reason.kind, "timeout");
  assert.match(loop.reason.message, /longer than 300 ms/);
});

test("N10 10^11 elements asked for by the input are declined", async () => {
  const runtime = await start();
  const file = await artifact(shapeFromInput());
  await runtime.load(file);
  await assert.rejects(runtime.run(file.hash, [int64(1e11)], { timeoutMs: 600_000 }), { name: "RuntimeError", kind: "declined" });
  await assert.rejects(runtime.run(file.hash, [int64(-1)], { timeoutMs: 600_000 }), { name: "RuntimeError", kind: "declined" });
  await assertAlive(runtime);
});

test("N10 10^11 elements made while the model loads are declined", async () => {
  const runtime = await start({ loadTimeoutMs: 600_000 });
  const file = await artifact(hugeConstant());
  await assert.rejects(
    runtime.load(file).then(() => runtime.run(file.hash, [floats(1)], { timeoutMs: 600_000 })),
    { name: "RuntimeError", kind: "declined" },
  );
  await assertAlive(runtime);
});

test("N10 a memory bomb is killed at the memory limit and declined", async () => {
  const runtime = await start();
  const file = await artifact(memoryBomb(20));
  await runtime.load(file);
  await assert.rejects(runtime.run(file.hash, [floats(1024)], { timeoutMs: 600_000 }), {
    kind: "declined",
    message: /more than the 536870912 bytes of memory/,
  });
  await assertAlive(runtime);
});

test("memory that other models left behind is not the next one's fault", async () => {
  const runtime = await start({ memoryLimitBytes: 560 * 2 ** 20 });
  // Each takes some 270 MiB, which ONNX Runtime keeps for the session's next run.
  const files = await Promise.all([1, 2].map((salt) => artifact(memoryBomb(15, salt))));
  for (const file of files) await runtime.load(file);
  for (const file of files) await runtime.run(file.hash, [floats(1024)], { timeoutMs: 600_000 });
});

/** Ends the worker that was started last, once it is another one than `before` and computes. @returns the one that was ended. */
async function endWorker(signal: NodeJS.Signals, before: number): Promise<number> {
  let victim = before;
  await until("another worker", async () => {
    victim = (await childrenOf(process.pid)).at(-1) ?? before;
    return victim !== before && (await processorTime(victim)) > 2;
  });
  process.kill(victim, signal);
  return victim;
}

/** @returns seconds that a process has computed: to start takes less than one. */
async function processorTime(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  const [user = 0, system = 0] = stat.split(") ").at(-1)!.split(" ").slice(11, 13).map(Number);
  return (user + system) / 100;
}

test(
  "a worker that dies is replaced; the run that killed it, alone as well, fails, and what waited behind is answered",
  linux,
  async () => {
    const before = (await childrenOf(process.pid)).at(-1) ?? 0;
    const runtime = await start();
    const [endless, tiny] = await Promise.all([artifact(endlessLoop()), artifact(buildTiny())]);
    await Promise.all([runtime.load(endless), runtime.load(tiny)]);
    const failing = runtime.run(endless.hash, [floats(1)], { timeoutMs: 600_000 });
    const behind = runtime.run(tiny.hash, [floats(16, [1, 16])], { timeoutMs: 600_000 });
    failing.catch(() => undefined);
    const first = await endWorker("SIGSEGV", before);
    await endWorker("SIGSEGV", first);
    await assert.rejects(failing, { kind: "crashed", message: /SIGSEGV/ });
    assert.equal((await behind).outputs.length, 1);
  },
);

test(
  "N29 what ran in a worker that was killed from outside is not blamed: it runs again alone, and is unavailable at worst",
  linux,
  async () => {
    const before = (await childrenOf(process.pid)).at(-1) ?? 0;
    const runtime = await start();
    const [endless, tiny] = await Promise.all([artifact(endlessLoop()), artifact(buildTiny())]);
    await Promise.all([runtime.load(endless), runtime.load(tiny)]);
    const failing = runtime.run(endless.hash, [floats(1)], { timeoutMs: 600_000 });
    failing.catch(() => undefined);
    const behind = runtime.run(tiny.hash, [floats(16, [1, 16])], { timeoutMs: 600_000 });
    const first = await endWorker("SIGKILL", before);
    await endWorker("SIGTERM", first);
    await assert.rejects(failing, { kind: "unavailable", message: /SIGTERM|SIGKILL/ });
    assert.equal((await behind).outputs.length, 1);
  },
);

test("an aborted run is given up at once", async () => {
  const runtime = await start();
  const file = await artifact(endlessLoop());
  await runtime.load(file);
  const controller = new AbortController();
  const run = runtime.run(file.hash, [floats(1)], { timeoutMs: 400, signal: controller.signal });
  controller.abort();
  // Its deadline would end it with another error.
  await assert.rejects(run, { name: "AbortError" });
  await assertAlive(runtime);
});

test("N14 a missing provider is passed over, and the log says so", async () => {
  const warnings: string[] = [];
  const runtime = await start({ providers: ["cuda", "cpu"], log: { info: () => undefined, warn: (_, message) => warnings.push(message) } });
  assert.deepEqual(runtime.providers, ["cpu"]);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /provider cuda is passed over: /);
  await assertAlive(runtime);
  await assert.rejects(start({ providers: ["cuda"] }), {
    name: "RuntimeError",
    kind: "declined",
    message: /no execution provider works \(cuda: .*add "cpu"/s,
  });
});

test("N13 a child sees none of the node's environment", linux, async () => {
  process.env["ASSAY_CANARY_KEY"] = "0xsecret";
  await start();
  delete process.env["ASSAY_CANARY_KEY"];
  const newest = (await childrenOf(process.pid)).at(-1)!;
  const environment = await readFile(`/proc/${newest}/environ`, "latin1");
  assert.match(environment, /NVIDIA_TF32_OVERRIDE=0/);
  assert.doesNotMatch(environment, /CANARY|secret/);
});

test("N09 element types that can't travel on chain are refused when the model is loaded", async () => {
  const runtime = await start();
  await assert.rejects(runtime.load(await artifact(doubles())), {
    kind: "invalid",
    message: /"y" holds elements of type float64|type double/,
  });
  await assertAlive(runtime);
});

test("models beyond the limit are released and loaded again when they are needed", async () => {
  const runtime = await start({ maxModels: 1 });
  const [one, other] = await Promise.all([artifact(buildTiny(1)), artifact(buildTiny(2))]);
  await Promise.all([runtime.load(one), runtime.load(other)]);
  const run = async ({ hash }: ArtifactFile) => (await runtime.run(hash, [floats(16, [1, 16])], { timeoutMs: 600_000 })).outputs[0]!.data;
  const [first, second] = [await run(one), await run(other)];
  assert.notDeepEqual(first, second);
  assert.deepEqual(await run(one), first);
});

test("closing ends the children and declines what is left", async () => {
  const runtime = await start();
  const file = await artifact(endlessLoop());
  await runtime.load(file);
  const runs = [1, 2, 3].map(() => runtime.run(file.hash, [floats(1)], { timeoutMs: 60_000 }));
  const settled = Promise.allSettled(runs);
  await runtime.close();
  for (const result of await settled) assert.ok(result.status === "rejected" && result.reason.kind === "declined");
  await assert.rejects(runtime.run(file.hash, [floats(1)], { timeoutMs: 1 }), { message: /closed/ });
});

test("N06 a node that is killed leaves no child computing", linux, async () => {
  const script = fileURLToPath(new URL("../../support/runForever.ts", import.meta.url));
  const node = spawn(process.execPath, [script, (await artifact(endlessLoop())).path], { stdio: ["ignore", "pipe", "inherit"] });
  await once(node.stdout, "data");
  const [child] = await childrenOf(node.pid!);
  assert.ok(child);
  node.kill("SIGKILL");
  await once(node, "close");
  const gone = async () => (await readFile(`/proc/${child}/stat`, "utf8").catch(() => "Z")).includes("Z");
  await until("the end of the child", gone);
});

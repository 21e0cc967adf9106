import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Model } from "../../../oracle/chain/contracts.ts";
import { hexOf } from "../../../oracle/chain/rpc.ts";
import { ContentError } from "../../../oracle/content/contentError.ts";
import type { Request } from "../../../oracle/core/job.ts";
import { originFields } from "../../../oracle/core/origin.ts";
import type { Head } from "../../../oracle/core/nextAction.ts";
import type { SelfCheck } from "../../../oracle/core/selfCheck.ts";
import { encodeBundle, type Tensor } from "../../../oracle/core/tensor.ts";
import { bundleRoot } from "../../../oracle/core/traceTree.ts";
import { RuntimeError } from "../../../oracle/runtime/runtimeError.ts";
import type { InferenceRunner } from "../../../oracle/scheduler/evaluate.ts";
import { ModelCache } from "../../../oracle/scheduler/modelCache.ts";
import { Scheduler } from "../../../oracle/scheduler/scheduler.ts";
import { ChainLog } from "../../../oracle/store/chainLog.ts";
import { Database } from "../../../oracle/store/database.ts";
import { JobStore } from "../../../oracle/store/jobs.ts";
import { crashPoint } from "../../../oracle/telemetry/crashPoint.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";
import { createMetrics } from "../../../oracle/telemetry/metrics.ts";
import { until } from "../../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-scheduler-"));
after(() => rmSync(folder, { recursive: true }));

const tensor = (value: number): Tensor => ({ dtype: "float32", shape: [1], data: new Uint8Array(new Float32Array([value]).buffer) });
const zero = `0x${"0".repeat(64)}`;
const spec = { name: "x", dtype: "float32", shape: [1], deltaAbsolute: 0, deltaRelative: 0 } as const;
const model: Model = {
  artifactHash: zero,
  artifactURI: "",
  programRoot: zero,
  weightRoot: zero,
  inputs: [{ ...spec, shape: [1] }],
  outputs: [{ ...spec, shape: [1] }],
  author: zero,
  royaltyBps: 0,
};

let stores = 0;

/** A scheduler over a real store with one request, whose runs end as `run` says; `head.time` is the chain's clock. */
function scheduling(
  run: InferenceRunner["run"],
  input: Tensor[] = [tensor(1)],
  inputRoot = hexOf(bundleRoot(input)),
  selfCheck: SelfCheck = "NEVER",
  callbackGasLimit = 0,
  record: Model = model,
) {
  const db = new Database(join(folder, `${stores++}.db`));
  const jobs = new JobStore(db);
  const head: Head = { number: 1, hash: "0x1", time: 1000 };
  const request: Request = {
    params: {
      modelId: zero,
      feeToken: zero,
      fee: 1n,
      bond: 1n,
      submitPeriod: 10_000,
      challengeWindow: 1,
      callbackGasLimit,
      transport: 0,
    },
    inputRoot,
    requester: zero,
    ...originFields(0n),
    origin: 0n,
    blockHash: null,
    requestedAt: 1000,
  };
  const chainLog = new ChainLog(db);
  let logIndex = 0;
  /** @param seconds until its deadline. */
  const ask = (...subjects: [requestId: string, seconds: number][]) =>
    chainLog.append(
      [{ number: 1, hash: "0x1", timestamp: 1000 }],
      subjects.map(([subject, submitPeriod]) => ({
        ...{ blockNumber: 1, blockHash: "0x1", logIndex: logIndex++, subject },
        event: { kind: "Requested" as const, request: { ...request, params: { ...request.params, submitPeriod } } },
        input: { bytes: encodeBundle(input), uri: "" },
      })),
      0,
    );
  ask(["r", 10_000]);
  const content = { fetchArtifact: async () => ({ hash: zero, path: "", bytes: 0 }), fetchBundle: async () => new Uint8Array() };
  const scheduler = new Scheduler({
    jobs,
    content,
    models: new ModelCache(async () => record, content, { load: async () => ({ provider: "cpu" }) }),
    runtime: { run },
    head: () => head,
    policy: (reserved) => ({
      operator: zero,
      serves: () => true,
      minimumFee: () => 0n,
      stake: 10n,
      stakeBlock: 1_000_000,
      freeStake: 10n - reserved,
      answerLimit: 10n,
      consumerLimit: 10n,
      isDisputed: () => false,
      lockedFor: () => 0n,
      reasonAgainst: () => null,
      eligibleAt: ({ requestId }) => (requestId.startsWith("late") ? 1e9 : 0),
      submitMargin: 0,
      evaluationLead: 0,
    }),
    concurrency: 2,
    timeoutMs: 1000,
    publishOutput: async () => "",
    selfCheckOf: () => selfCheck,
    onProgress: () => undefined,
    log: createLog("silent"),
    metrics: createMetrics(),
    crashPoint: crashPoint(undefined),
  });
  /** Starts what may be started and waits for its end. */
  const turn = async () => {
    scheduler.tick();
    await until("the end of the evaluation", () => scheduler.running === 0, 2000);
  };
  return { scheduler, jobs, head, turn, db, ask, chainLog };
}

test("N16 a job that kills its process three times is quarantined, and not begun a fourth time", async () => {
  let runs = 0;
  const { jobs, head, turn } = scheduling(async () => {
    runs++;
    throw new RuntimeError("crashed", "the worker process ended with SIGSEGV");
  });
  for (let i = 0; i < 5; i++) {
    await turn();
    head.time += 100;
  }
  assert.equal(runs, 3);
  assert.equal(jobs.get("r")!.work, "QUARANTINED");
  assert.match(jobs.get("r")!.reason!, /SIGSEGV/);
});

test("N16 a job that takes the whole node down is quarantined after ten starts", async () => {
  const { jobs, turn } = scheduling(async () => assert.fail("never run"));
  for (let i = 0; i < 10; i++) jobs.beginEvaluations(["r"]);
  await turn();
  assert.equal(jobs.get("r")!.work, "QUARANTINED");
});

test("A34 a job whose answer no callback can take is declined before its model is run, and says why", async () => {
  const never: InferenceRunner["run"] = async () => assert.fail("never run");
  const input = [tensor(1)];
  const outputs = (elements: number): Model => ({ ...model, outputs: [{ ...spec, shape: [elements] }] });
  // 7 bytes of count, type, rank and dimension, then the elements: 98,303 bytes fit, 98,307 don't.
  const large = scheduling(never, input, undefined, undefined, 100_000, outputs(24_575));
  await large.turn();
  assert.equal(large.jobs.get("r")!.work, "DECLINED");
  assert.match(large.jobs.get("r")!.reason!, /asks for a callback.* has 98307 bytes.* takes 98304 at most/);

  for (const [gas, elements] of [
    [100_000, 24_574],
    [0, 24_575],
  ] as const) {
    const output: Tensor = { dtype: "float32", shape: [elements], data: new Uint8Array(4 * elements) };
    const run = async () => ({ outputs: [output], provider: "cpu", milliseconds: 1 });
    const fitting = scheduling(run, input, undefined, undefined, gas, outputs(elements));
    await fitting.turn();
    assert.equal(fitting.jobs.get("r")!.work, "EVALUATED");
  }
});

test("a crash is tried again later, and a result after it counts", async () => {
  let runs = 0;
  const { jobs, head, turn } = scheduling(async () => {
    if (runs++ === 0) throw new RuntimeError("crashed", "once");
    return { outputs: [tensor(2)], provider: "cpu", milliseconds: 1 };
  });
  await turn();
  await turn();
  assert.equal(runs, 1, "not before its time");
  head.time += 2;
  await turn();
  assert.equal(jobs.get("r")!.work, "EVALUATED");
  assert.equal(jobs.get("r")!.outputRoot, hexOf(bundleRoot([tensor(2)])));
});

test("an answer that is to be canonical isn't ready before it is; its bond is reserved all the same", async () => {
  const run = async () => ({ outputs: [tensor(2)], provider: "cpu", milliseconds: 1 });
  const { jobs, turn } = scheduling(run, undefined, undefined, "BEFORE");
  await turn();
  assert.deepEqual([jobs.get("r")!.work, jobs.toSubmit(1000, 1), jobs.bondsOnTheWay()], ["UNCHECKED", [], 1n]);
  assert.deepEqual(
    jobs.toCheckBefore(9).map(({ requestId }) => requestId),
    ["r"],
  );
  const output = encodeBundle([tensor(3)]);
  jobs.completeCheckBefore("r", { outputRoot: hexOf(bundleRoot([tensor(3)])), output, outputUri: "" });
  assert.deepEqual([jobs.get("r")!.work, jobs.output("r")!.bytes], ["EVALUATED", output]);
  assert.deepEqual([jobs.toSubmit(1000, 1).length, jobs.toCheckBefore(9)], [1, []]);
});

for (const [name, error] of [
  ["a model that exceeds its limits", new RuntimeError("timeout", "no result in 1000 ms")],
  ["a model that the runtime refuses", new RuntimeError("declined", "no provider")],
  ["content that is wrong for good", new ContentError("another hash", { retryable: false })],
] as const) {
  test(`${name} declines the job at once`, async () => {
    const { jobs, turn } = scheduling(async () => Promise.reject(error));
    await turn();
    assert.deepEqual([jobs.get("r")!.work, jobs.get("r")!.reason], ["DECLINED", error.message]);
  });
}

test("content that can't be had now is tried again, with growing delays", async () => {
  const { jobs, head, turn } = scheduling(async () => Promise.reject(new ContentError("no answer", { retryable: true })));
  const delays: number[] = [];
  for (let i = 0; i < 3; i++) {
    await turn();
    delays.push(jobs.get("r")!.retryAt - head.time);
    head.time = jobs.get("r")!.retryAt;
  }
  assert.equal(jobs.get("r")!.work, "NEW");
  assert.ok(delays[0]! < delays[1]! && delays[1]! < delays[2]!, delays.join(", "));
});

test("an input whose root is not the request's is declined without running the model", async () => {
  const { jobs, turn } = scheduling(async () => assert.fail("never run"), [tensor(1)], `0x${"ab".repeat(32)}`);
  await turn();
  assert.equal(jobs.get("r")!.work, "DECLINED");
  assert.match(jobs.get("r")!.reason!, /does not have the root 0xabab/);
});

test("an input of another shape than the model's is declined", async () => {
  const { jobs, turn } = scheduling(async () => assert.fail("never run"), [tensor(1), tensor(2)]);
  await turn();
  assert.match(jobs.get("r")!.reason!, /the input is float32\[1\], float32\[1\]; the model's record says float32\[1\]/);
});

test("a stop aborts what outlasts its grace and leaves it to the next start", async () => {
  const { scheduler, jobs } = scheduling(
    (_hash, _inputs, { signal }) => new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason as Error))),
  );
  scheduler.tick();
  assert.equal(scheduler.running, 1);
  await scheduler.stop(20);
  assert.deepEqual([scheduler.running, jobs.get("r")!.work, jobs.get("r")!.starts], [0, "NEW", 0]);
});

test("N24 300 requests that can't be started yet, and 3,000 of them, hide no ordinary one", async () => {
  for (const count of [300, 3000]) {
    const { jobs, turn, ask } = scheduling(async () => ({ outputs: [tensor(2)], provider: "cpu", milliseconds: 1 }));
    ask(...Array.from({ length: count }, (_, i): [string, number] => [`late${i}`, 5000 + i]));
    await turn();
    assert.equal(jobs.get("r")!.work, "EVALUATED");
    assert.equal(jobs.get("late0")!.work, "NEW");
  }
});

test("N24 more requests that can't be started than a tick looks at are all looked at in turn", async () => {
  const { jobs, turn, ask } = scheduling(async () => ({ outputs: [tensor(2)], provider: "cpu", milliseconds: 1 }));
  ask(...Array.from({ length: 9000 }, (_, i): [string, number] => [`late${i}`, 5000 + (i % 4000)]));
  for (let ticks = 0; jobs.get("r")!.work === "NEW"; ticks++) {
    assert.ok(ticks < 3);
    await turn();
  }
});

test("N24 300 refused answers and finalizations hide no other one", async () => {
  const { jobs, ask, chainLog } = scheduling(async () => assert.fail("never run"));
  const refused = Array.from({ length: 300 }, (_, i) => `x${i}`);
  const all = [...refused, "r"];
  ask(...refused.map((name): [string, number] => [name, 5000]));
  const evaluation = { outputRoot: zero, output: new Uint8Array(), outputUri: "", selfCheck: "NEVER" as const, provider: "cpu" };
  jobs.completeEvaluations(all.map((requestId) => ({ requestId, ...evaluation, inferenceMilliseconds: 1, startedAt: 0, endedAt: 0 })));
  for (const name of refused) jobs.postpone(name, "refused", 2000);
  const names = (list: { requestId: string }[]) => list.map(({ requestId }) => requestId);
  assert.deepEqual(names(jobs.toSubmit(1000, 256)), ["r"]);
  assert.equal(jobs.toSubmit(2000, 256).length, 256);
  chainLog.append(
    [{ number: 2, hash: "0x2", timestamp: 1001 }],
    all.map((subject, logIndex) => ({
      ...{ blockNumber: 2, blockHash: "0x2", logIndex, subject },
      event: { kind: "Submitted" as const, answer: { operator: zero, outputRoot: zero, submittedAt: 1001 } },
      posted: { bytes: new Uint8Array(), uri: "" },
    })),
    0,
  );
  assert.deepEqual(names(jobs.toFinalize(zero, 1001, 256)), []);
  assert.deepEqual(names(jobs.toFinalize(zero, 1002, 256)), ["r"]);
});

test("N29 15 jobs whose worker is killed for others' reasons, again and again, are quarantined never", async () => {
  let killed = 0;
  const { jobs, head, turn, ask } = scheduling(async () => {
    if (killed++ < 400) throw new RuntimeError("unavailable", "the worker process ended with SIGKILL");
    return { outputs: [tensor(2)], provider: "cpu", milliseconds: 1 };
  });
  const names = ["r", ...Array.from({ length: 14 }, (_, i) => `s${i}`)];
  ask(...names.slice(1).map((name): [string, number] => [name, 10_000_000]));
  for (let i = 0; i < 600 && names.some((name) => jobs.get(name)!.work === "NEW"); i++) {
    await turn();
    head.time += 1;
    if (i % 8 === 7) head.time += 60;
  }
  assert.deepEqual(new Set(names.map((name) => jobs.get(name)!.work)), new Set(["EVALUATED"]));
  assert.ok(killed > 400);
});

test("N29 what runs beside a job that takes the node down is not counted with it for ever: it runs alone", async () => {
  const running = new Set<number>();
  let most = 0;
  let next = 0;
  const { jobs, turn, ask, head } = scheduling(async () => {
    const id = next++;
    running.add(id);
    most = Math.max(most, running.size);
    await new Promise((resolve) => setImmediate(resolve));
    running.delete(id);
    return { outputs: [tensor(2)], provider: "cpu", milliseconds: 1 };
  });
  ask(["s", 10_000], ["t", 10_000]);
  for (let i = 0; i < 2; i++) jobs.beginEvaluations(["r", "s"]);
  for (let i = 0; i < 3; i++) {
    await turn();
    head.time++;
  }
  assert.equal(most, 1);
  assert.deepEqual(
    ["r", "s", "t"].map((name) => jobs.get(name)!.work),
    ["EVALUATED", "EVALUATED", "EVALUATED"],
  );
});

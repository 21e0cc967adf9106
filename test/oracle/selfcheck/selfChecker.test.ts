import assert from "node:assert/strict";
import { test } from "node:test";
import { CanonicalModel } from "../../../oracle/canonical/dispute/model.ts";
import { evaluateHere } from "../../../oracle/canonical/evaluate.ts";
import type { DisputeCalls } from "../../../oracle/chain/disputeCalls.ts";
import type { Move, Moves } from "../../../oracle/chain/moves.ts";
import { hexOf } from "../../../oracle/chain/rpc.ts";
import { transports, type Request, type RequestEvent } from "../../../oracle/core/job.ts";
import { originFields } from "../../../oracle/core/origin.ts";
import type { NodePolicy } from "../../../oracle/core/nextAction.ts";
import { encodeBundle, type Tensor } from "../../../oracle/core/tensor.ts";
import { bundleRoot } from "../../../oracle/core/traceTree.ts";
import { SelfChecker } from "../../../oracle/selfcheck/selfChecker.ts";
import { ChainLog, type LoggedEvent } from "../../../oracle/store/chainLog.ts";
import { Database } from "../../../oracle/store/database.ts";
import { DisputeStore } from "../../../oracle/store/disputes.ts";
import { JobStore } from "../../../oracle/store/jobs.ts";
import { crashPoint } from "../../../oracle/telemetry/crashPoint.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";
import { createMetrics } from "../../../oracle/telemetry/metrics.ts";
import { harmlessInput, productModel } from "../../support/illConditioned.ts";

const operator = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const zero = `0x${"0".repeat(64)}`;
const requestId = `0x${"5".repeat(64)}`;
const model = CanonicalModel.ofOnnx(productModel);
const rules = [{ dtype: "float32", shape: [1, 16], tolerance: { absolute: 0, relative: 0 } }] as const;
const canonical = evaluateHere(model.program, model.weights, [harmlessInput]);
const submittedAt = 1000;
const challengeWindow = 100_000;
const commitDelay = 240;

const request: Request = {
  params: {
    ...{ modelId: zero, feeToken: zero, fee: 1n, bond: 1n, submitPeriod: 3600, challengeWindow, callbackGasLimit: 0 },
    transport: transports.onDemand,
  },
  inputRoot: hexOf(bundleRoot([harmlessInput])),
  requester: zero,
  ...originFields(0n),
  origin: 0n,
  blockHash: null,
  requestedAt: 900,
};

/** @returns the canonical outputs with one bit that is wrong. */
function wrongOutputs(): Tensor[] {
  const [output] = canonical.outputs as [Tensor];
  const data = Uint8Array.from(output.data);
  data[0]! ^= 1;
  return [{ ...output, data }];
}

/** A self-checker whose operator's answer has a wrong bit; `moves` is what it would send. */
function scene(events: RequestEvent[] = []) {
  const db = new Database(":memory:");
  const [chainLog, jobs, disputes] = [new ChainLog(db), new JobStore(db), new DisputeStore(db)];
  const head = { number: 1, hash: "0x1", time: submittedAt + 10 };
  const outputs = wrongOutputs();
  const outputRoot = hexOf(bundleRoot(outputs));
  let logIndex = 0;
  const append = (all: readonly (LoggedEvent["event"] & object)[], subject = requestId) =>
    chainLog.append(
      [{ number: 1, hash: "0x1", timestamp: submittedAt }],
      all.map((event) => ({
        ...({ blockNumber: 1, blockHash: "0x1", logIndex: logIndex++, subject, event } as LoggedEvent),
        ...(event.kind === "Requested" && { input: { bytes: encodeBundle([harmlessInput]), uri: "" } }),
        ...(event.kind === "Submitted" && { posted: { bytes: new Uint8Array(), uri: "http://127.0.0.1:1/answer" } }),
      })),
      0,
    );
  append([{ kind: "Requested", request }]);
  const timing = { provider: "cpu", inferenceMilliseconds: 1, startedAt: 1, endedAt: 2 };
  jobs.completeEvaluations([{ requestId, outputRoot, output: encodeBundle(outputs), outputUri: "", selfCheck: "AFTER", ...timing }]);
  append([{ kind: "Submitted", answer: { operator, outputRoot, submittedAt } }, ...events]);
  const moves: Move[] = [];
  const ended = { count: 0 };
  const checker = new SelfChecker({
    jobs,
    disputes,
    canonical: {
      get: () =>
        Promise.resolve({
          record: {},
          rules,
          model: { program: model.program, evaluate: () => ({ ...canonical, milliseconds: 1 }) },
        }) as never,
    },
    readModel: () => Promise.reject(new Error("not needed")),
    selfCheckOf: () => "AFTER",
    content: { fetchBundle: () => Promise.reject(new Error("nothing is there")) },
    publishOutput: () => Promise.resolve(""),
    calls: {} as DisputeCalls,
    moves: { send: (move: Move) => (moves.push(move), Promise.resolve(true)) } as unknown as Moves,
    policy: () =>
      ({
        operator,
        isDisputed: (id: string) => disputes.open("operator", operator).some((dispute) => dispute.requestId === id),
      }) as NodePolicy,
    head: () => head,
    commitDelay,
    onProgress: () => void ended.count++,
    log: createLog("silent"),
    metrics: createMetrics(),
    crashPoint: crashPoint(undefined),
  });
  const checked = async () => {
    await checker.tick();
    // Nothing here waits for anything but promises that are kept.
    for (let i = 0; i < 100 && ended.count === 0; i++) await new Promise((resolve) => setImmediate(resolve));
    await checker.tick();
  };
  return { append, checker, checked, head, moves, ended };
}

test("A28 A29 a demand for an answer's bytes keeps it from neither being checked nor being taken back while that is cheap", async () => {
  const { checked, moves } = scene([{ kind: "Suspended" }]);
  await checked();
  assert.deepEqual(
    moves.map(({ kind }) => kind),
    ["retract"],
  );
});

test("A28 N22 an early retraction is urgent until challenges can be opened, not until the window ends", async () => {
  const { checked, checker, moves, head } = scene();
  await checked();
  head.time = submittedAt + commitDelay;
  await checker.tick();
  assert.deepEqual(
    moves.map(({ kind, deadline }) => [kind, deadline]),
    [
      ["retract", submittedAt + commitDelay],
      ["retract", submittedAt + challengeWindow],
    ],
  );
});

test("A31 the retraction of an answer that is disputed is its defence's", async () => {
  const { append, checked, checker, moves } = scene();
  await checked();
  const dispute = { requestId, challenger: zero, operator, tensor: 0, element: 0, deadline: 5000 };
  append([{ kind: "Challenged", ...dispute }], "d");
  append([{ kind: "Suspended" }]);
  assert.equal(moves.splice(0).length, 1);
  await checker.tick();
  assert.deepEqual(moves, []);
});

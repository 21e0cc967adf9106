import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Request } from "../../../oracle/core/job.ts";
import { originFields } from "../../../oracle/core/origin.ts";
import { ChainLog } from "../../../oracle/store/chainLog.ts";
import { Database } from "../../../oracle/store/database.ts";
import { DisputeStore } from "../../../oracle/store/disputes.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-disputes-"));
after(() => rmSync(folder, { recursive: true }));

const zero = `0x${"0".repeat(64)}`;
const request: Request = {
  params: { modelId: zero, feeToken: zero, fee: 1n, bond: 1n, submitPeriod: 100, challengeWindow: 100, callbackGasLimit: 0, transport: 0 },
  inputRoot: zero,
  requester: zero,
  ...originFields(0n),
  origin: 0n,
  blockHash: null,
  requestedAt: 1000,
};

test("N01 an answer that a reorganisation moves to another second is looked at anew: a challenge names the second", () => {
  const db = new Database(join(folder, "store.db"));
  const log = new ChainLog(db);
  const disputes = new DisputeStore(db);
  const submit = (number: number, hash: string, submittedAt: number) =>
    log.append(
      [{ number, hash, timestamp: submittedAt }],
      [
        {
          ...{ blockNumber: number, blockHash: hash, logIndex: 0, subject: "r" },
          event: { kind: "Submitted", answer: { operator: "0xa", outputRoot: zero, submittedAt } },
          posted: { bytes: new Uint8Array(), uri: "" },
        },
      ],
      0,
    );
  log.append(
    [{ number: 1, hash: "0x1", timestamp: 1000 }],
    [{ blockNumber: 1, blockHash: "0x1", logIndex: 0, subject: "r", event: { kind: "Requested", request } }],
    0,
  );
  submit(2, "0x2", 1010);
  const unchecked = (time: number) => disputes.unchecked(time, 9).map(({ requestId }) => requestId);
  assert.deepEqual(unchecked(1010), ["r"]);
  const answer = { operator: "0xa", outputRoot: zero, submittedAt: 1010 };
  const check = {
    answerId: "first",
    requestId: "r",
    answer,
    verdict: "WRONG",
    tensor: 0,
    element: 0,
    salt: "0x",
    commitment: "0x",
  } as const;
  disputes.saveCheck(check);
  assert.deepEqual(unchecked(1010), []);
  assert.equal(disputes.wrong().length, 1);
  log.undoAbove(1);
  submit(2, "0x3", 1011);
  assert.deepEqual([unchecked(1011), disputes.wrong()], [["r"], []]);
  db.close();
});

test("A33 lies are challenged in the order of what is at stake, then of the ends of their windows", () => {
  const db = new Database(join(folder, "stakes.db"));
  const log = new ChainLog(db);
  const disputes = new DisputeStore(db);
  const lies: [requestId: string, bond: bigint, submittedAt: number][] = [
    ["late", 900n, 1030],
    ["small", 25n, 1010],
    ["early", 900n, 1020],
    ["large", 10n ** 21n, 1040],
  ];
  for (const [i, [requestId, bond, submittedAt]] of lies.entries()) {
    const answer = { operator: "0xa", outputRoot: zero, submittedAt };
    const where = { blockNumber: i + 1, blockHash: `0x${i}`, subject: requestId };
    log.append(
      [{ number: i + 1, hash: `0x${i}`, timestamp: submittedAt }],
      [
        { ...where, logIndex: 0, event: { kind: "Requested", request: { ...request, params: { ...request.params, bond } } } },
        { ...where, logIndex: 1, event: { kind: "Submitted", answer }, posted: { bytes: new Uint8Array(), uri: "" } },
      ],
      0,
    );
    const about = { answerId: requestId, requestId, answer, tensor: 0, element: 0, salt: "0x", commitment: requestId };
    disputes.saveCheck({ ...about, verdict: "WRONG" });
  }
  assert.deepEqual(
    disputes.wrong().map(({ requestId }) => requestId),
    ["large", "early", "late", "small"],
  );
  db.close();
});

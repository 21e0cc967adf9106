import assert from "node:assert/strict";
import { test } from "node:test";
import { Claimant } from "../../../oracle/challenger/claimant.ts";
import { Demander, type DemanderOptions } from "../../../oracle/challenger/demander.ts";
import { ClaimCalls, answerIdOf } from "../../../oracle/chain/disputeCalls.ts";
import type { DisputeViews } from "../../../oracle/chain/disputeViews.ts";
import type { Move, Moves } from "../../../oracle/chain/moves.ts";
import type { Request } from "../../../oracle/core/job.ts";
import { originFields } from "../../../oracle/core/origin.ts";
import { ChainLog } from "../../../oracle/store/chainLog.ts";
import { Database } from "../../../oracle/store/database.ts";
import { DemandStore, demandSubject } from "../../../oracle/store/demands.ts";
import { DisputeStore } from "../../../oracle/store/disputes.ts";
import { JobStore } from "../../../oracle/store/jobs.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";

const zero = `0x${"0".repeat(64)}`;
const [requestId, commitment] = ["1", "3"].map((digit) => `0x${digit.repeat(64)}`) as [string, string];
const account = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const operator = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const answer = { operator, outputRoot: zero, submittedAt: 1000 };
const request: Request = {
  params: { modelId: zero, feeToken: zero, fee: 1n, bond: 1n, submitPeriod: 100, challengeWindow: 600, callbackGasLimit: 0, transport: 1 },
  inputRoot: zero,
  requester: zero,
  ...originFields(0n),
  origin: 0n,
  blockHash: null,
  requestedAt: 900,
};

/** An answer that was taken away while this account had a commitment about it, and a demand for its bytes. */
function takenAway() {
  const db = new Database(":memory:");
  const chainLog = new ChainLog(db);
  const [jobs, disputes, demands] = [new JobStore(db), new DisputeStore(db), new DemandStore(db)];
  const answerId = answerIdOf(requestId, answer);
  const at = { blockNumber: 1, blockHash: "0x1" };
  const posted = { bytes: new Uint8Array(), uri: "" };
  const demanded = { requestId, operator, demander: account, chunks: 1, escrow: 1n, deadline: 9000 };
  chainLog.append(
    [{ number: 1, hash: "0x1", timestamp: 1010 }],
    [
      { ...at, logIndex: 0, subject: requestId, event: { kind: "Requested", request } },
      { ...at, logIndex: 1, subject: requestId, event: { kind: "Submitted", answer }, posted },
      { ...at, logIndex: 2, subject: commitment, event: { kind: "ChallengeCommitted", challenger: account, blockNumber: 1 } },
      { ...at, logIndex: 3, subject: demandSubject(answerId, "OUTPUT"), event: { kind: "Demanded", ...demanded } },
      { ...at, logIndex: 4, subject: requestId, event: { kind: "Voided", operator, submitDeadline: 2000 } },
    ],
    0,
  );
  disputes.saveCheck({ answerId, requestId, answer, verdict: "WRONG", tensor: 0, element: 0, salt: zero, commitment });
  const chain = { until: 0, asked: 0 };
  const moves: Move[] = [];
  const around = {
    ...{ account, jobs, disputes, demands, log: createLog("silent") },
    views: { claimsUntil: () => (chain.asked++, Promise.resolve(chain.until)) } as unknown as DisputeViews,
    moves: { send: (move: Move) => (moves.push(move), Promise.resolve(true)), isLive: () => false } as unknown as Moves,
  };
  const calls = new ClaimCalls(account);
  const parameters = { commitDelay: 240 };
  const claimant = new Claimant({ ...around, calls, parameters, timeOf: () => Promise.resolve(1010) });
  const demander = new Demander({ ...around, claimCalls: calls } as unknown as DemanderOptions);
  const sent = () => moves.splice(0).map(({ kind }) => kind);
  return { chain, claimant, demander, sent, head: (time: number) => ({ number: 1, hash: "0x1", time }) };
}

test("N03 N18 a part of a bond is claimed although a provider that lagged said first that nothing is divided", async () => {
  const { chain, claimant, demander, sent, head } = takenAway();
  await claimant.tick(head(1300));
  await demander.tick(head(1300), [], []);
  assert.deepEqual(sent(), []);
  chain.until = 1700;
  await claimant.tick(head(1360));
  assert.deepEqual(sent(), ["join"]);
  await demander.tick(head(1700), [], []);
  assert.deepEqual(sent(), ["claim"]);
});

test("N04 whether a bond is divided is asked once a minute for an hour, and never again", async () => {
  for (const who of ["claimant", "demander"] as const) {
    const { chain, head, ...parties } = takenAway();
    for (let time = 1300; time < 1300 + 20_000; time += 10) await parties[who].tick(head(time), [], []);
    assert.ok(chain.asked >= 2 && chain.asked <= 62, `${who}: ${chain.asked} times`);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Challenger, type ChallengerOptions } from "../../../oracle/challenger/challenger.ts";
import type { Move } from "../../../oracle/chain/moves.ts";
import type { Request } from "../../../oracle/core/job.ts";
import { originFields } from "../../../oracle/core/origin.ts";
import { ChainLog } from "../../../oracle/store/chainLog.ts";
import { Database } from "../../../oracle/store/database.ts";
import { DisputeStore } from "../../../oracle/store/disputes.ts";
import { JobStore } from "../../../oracle/store/jobs.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";

const zero = `0x${"0".repeat(64)}`;
const [requestId, answerId, commitment] = ["1", "2", "3"].map((digit) => `0x${digit.repeat(64)}`) as [string, string, string];
const answer = { operator: "0xa", outputRoot: zero, submittedAt: 1000 };
const parameters = { commitDelay: 240, commitLifetime: 86_400 };

/** A wrong answer to which a commitment was made 10 seconds after it. @returns what the challenger sends at a chain time. */
function committed(challengeWindow: number) {
  const db = new Database(":memory:");
  const [chainLog, jobs, disputes] = [new ChainLog(db), new JobStore(db), new DisputeStore(db)];
  const request: Request = {
    params: { modelId: zero, feeToken: zero, fee: 1n, bond: 1n, submitPeriod: 100, challengeWindow, callbackGasLimit: 0, transport: 0 },
    inputRoot: zero,
    requester: zero,
    ...originFields(0n),
    origin: 0n,
    blockHash: null,
    requestedAt: 900,
  };
  const at = { blockNumber: 1, blockHash: "0x1" };
  const posted = { bytes: new Uint8Array(), uri: "" };
  chainLog.append(
    [{ number: 1, hash: "0x1", timestamp: 1010 }],
    [
      { ...at, logIndex: 0, subject: requestId, event: { kind: "Requested", request } },
      { ...at, logIndex: 1, subject: requestId, event: { kind: "Submitted", answer }, posted },
      { ...at, logIndex: 2, subject: commitment, event: { kind: "ChallengeCommitted", challenger: "0xc", blockNumber: 1 } },
    ],
    0,
  );
  disputes.saveCheck({ answerId, requestId, answer, verdict: "WRONG", tensor: 0, element: 0, salt: zero, commitment });
  const moves: Move[] = [];
  const head = { number: 1, hash: "0x1", time: 0 };
  const idle = { tick: () => Promise.resolve() };
  const challenger = new Challenger({
    ...{ account: "0xc", jobs, disputes, parameters, concurrency: 1, claimant: idle, demander: idle, escrows: idle },
    timeOf: () => Promise.resolve(1010),
    moves: { send: (move: Move) => (moves.push(move), Promise.resolve(true)) },
    purse: { affords: () => Promise.resolve(true) },
    funds: { look: () => Promise.resolve(), affordsGas: true },
    sender: { settle: () => Promise.resolve([]) },
    evaluations: { kept: () => [] },
    head: () => head,
    onProgress: () => undefined,
    log: createLog("silent"),
  } as unknown as ChallengerOptions);
  return async (time: number) => {
    head.time = time;
    await challenger.tick();
    return moves.splice(0).map(({ kind, deadline }) => [kind, deadline]);
  };
}

test("N22 a challenge is urgent when its window ends, or its commitment expires, whichever comes first", async () => {
  assert.deepEqual(await committed(600)(1250), [["challenge", 1600]]);
  assert.deepEqual(await committed(500_000)(1250), [["challenge", 1010 + 86_400]]);
});

test("A28 no challenge is sent before its commitment is old enough, or behind its window", async () => {
  const sent = committed(600);
  assert.deepEqual(await sent(1249), []);
  assert.deepEqual(await sent(1600), []);
  assert.equal((await sent(1599)).length, 1);
});

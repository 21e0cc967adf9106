import assert from "node:assert/strict";
import { test } from "node:test";
import { Demander, type DemanderOptions, type Hidden } from "../../../oracle/challenger/demander.ts";
import { gasOfDispute } from "../../../oracle/challenger/funds.ts";
import { answerIdOf } from "../../../oracle/chain/disputeCalls.ts";
import type { ContractCall } from "../../../oracle/chain/contracts.ts";
import type { Move } from "../../../oracle/chain/moves.ts";
import { leastEscrow, publicationGas } from "../../../oracle/core/escrow.ts";
import type { Job } from "../../../oracle/core/job.ts";
import type { DemandRow } from "../../../oracle/store/demands.ts";
import { createLog } from "../../../oracle/telemetry/log.ts";

const gwei = 10n ** 9n;
const head = { number: 9, hash: "0x9", time: 1000 };
const types = [{ dtype: "float32" as const, shape: [16] }];
/** Of publishing the only chunk of such a tensor, where a byte of calldata takes 64 gas. */
const gas = publicationGas(types, 64);
const me = "0xme";

const jobOf = (name: string, bond: bigint): Job => {
  const requestId = `0x${Buffer.from(name).toString("hex").padStart(64, "0")}`;
  const answer = { operator: `0x${"1".repeat(40)}`, outputRoot: `0x${"2".repeat(64)}`, submittedAt: 900 };
  return { requestId, request: { params: { modelId: "0x5", bond } }, answer, finalizableAt: 2000 } as unknown as Job;
};

/** @param demands that nobody has met. @returns the demander, and the moves that it makes with what they carry. */
function scene({ jobs, wei, baseFee, demands = [] }: { jobs: Job[]; wei: bigint; baseFee: bigint; demands?: DemandRow[] }) {
  const made: string[] = [];
  /** What demands carry that no block has yet. */
  const waiting: bigint[] = [];
  const nameOf = (requestId: string) => Buffer.from(requestId.slice(2), "hex").toString().replaceAll("\0", "");
  const idsOf = new Map(jobs.map(({ requestId, answer }) => [answerIdOf(requestId, answer!), requestId]));
  const options = {
    account: me,
    jobs: { get: (requestId: string) => jobs.find((job) => job.requestId === requestId) },
    demands: { untaken: () => [], unmet: () => demands, unclaimed: () => [], get: () => undefined },
    library: { get: () => Promise.resolve({ model: { program: { inputs: types, outputs: types } } }) },
    calls: {
      demand: (_: unknown, __: unknown, ___: unknown, value: bigint) => ({ to: "", data: "", value }),
      raiseEscrow: (_: unknown, __: unknown, ___: unknown, value: bigint) => ({ to: "", data: "", value }),
      timeout: () => ({ to: "", data: "" }),
    },
    claimCalls: { claims: "0xc" },
    views: { meansOf: () => Promise.resolve({ tokens: 0n, wei, gasPrice: gwei }) },
    publicationViews: { gasPerByte: () => Promise.resolve(64) },
    parts: { stakeToken: "0xb" },
    moves: {
      isLive: () => false,
      pending: () => waiting.length,
      valueOnTheWay: () => waiting.reduce((sum, each) => sum + each, 0n),
      send: ({ kind, item, call }: Move) => {
        const { value } = call() as ContractCall;
        if (kind === "demand") waiting.push(value!);
        made.push(`${kind} ${nameOf(idsOf.get(item.split(" ")[0]!)!)}${value === undefined ? "" : ` ${value}`}`);
        return Promise.resolve(true);
      },
    },
    baseFee: () => baseFee,
    log: createLog("silent"),
  };
  return { demander: new Demander(options as unknown as DemanderOptions), made };
}

const hidden = (...jobs: Job[]): Hidden[] => jobs.map((job) => ({ job, bundle: "OUTPUT" }));
const names = (made: string[]) => made.map((move) => move.split(" ")[1]);

test("A33 the bytes of the answer with the largest bond are demanded first", async () => {
  const jobs = [jobOf("small", 1n), jobOf("large", 10n ** 21n), jobOf("middle", 9n)];
  const { demander, made } = scene({ jobs, wei: 10n ** 18n, baseFee: gwei });
  await demander.tick(head, hidden(...jobs), []);
  assert.deepEqual(names(made), ["large", "middle", "small"]);
});

test("A33 ETH that disputes about as much need for their gas isn't spent on demands", async () => {
  const jobs = [jobOf("large", 100n), jobOf("small", 1n)];
  // Enough for a demand beside one dispute, and not beside two.
  const wei = leastEscrow(gas, (3n * gwei) / 2n) + (1_000_000n + gasOfDispute) * gwei;
  const { demander, made } = scene({ jobs, wei, baseFee: gwei });
  await demander.tick(head, hidden(...jobs), [50n, 100n]);
  assert.deepEqual(names(made), ["large"]);
});

test("A29 a demand escrows what the contract asks for at the base fee of today, and of blocks after it", async () => {
  const jobs = [jobOf("one", 1n)];
  const { demander, made } = scene({ jobs, wei: 10n ** 18n, baseFee: 100n * gwei });
  await demander.tick(head, hidden(...jobs), []);
  assert.deepEqual(made, [`demand one ${leastEscrow(gas, 150n * gwei)}`]);
  assert.equal(gas, 60_000n + 64n * (64n + 1300n));
});

/** A demand whose time is over; its escrow covers a base fee of 4 gwei. */
const overdue = ({ requestId, answer }: Job, demander: string): DemandRow => {
  const about = { requestId, answerId: answerIdOf(requestId, answer!), bundle: "OUTPUT" as const, operator: answer!.operator, demander };
  return { ...about, chunks: 1, published: 0, escrow: 4n * gwei * gas, deadline: 990, unpublished: false, collected: false };
};

test("A29 while the base fee is above what an escrow covers, its demander raises it, and nobody else does", async () => {
  const job = jobOf("one", 1n);
  const play = async (demander: string, baseFee: bigint, wei = 10n ** 18n) => {
    const { demander: tower, made } = scene({ jobs: [job], wei, baseFee, demands: [overdue(job, demander)] });
    await tower.tick(head, [], []);
    return made;
  };
  assert.deepEqual(await play(me, 4n * gwei), ["timeoutDemand one"]);
  assert.deepEqual(await play("0xother", 4n * gwei), ["timeoutDemand one"]);
  assert.deepEqual(await play(me, 5n * gwei), [`raiseEscrow one ${leastEscrow(gas, 5n * gwei) - 4n * gwei * gas}`]);
  assert.deepEqual(await play("0xother", 5n * gwei), []);
  assert.deepEqual(await play(me, 5n * gwei, gwei), [], "what the account can't pay is not sent");
});

test("A31 all answers whose bytes are hidden are demanded at once, as far as the account can pay for all of them", async () => {
  const jobs = Array.from({ length: 50 }, (_, i) => jobOf(`a${i}`, 1n));
  const each = leastEscrow(gas, (3n * gwei) / 2n) + 1_000_000n * gwei;
  const demanded = async (wei: bigint) => {
    const { demander, made } = scene({ jobs, wei, baseFee: gwei });
    await demander.tick(head, hidden(...jobs), []);
    return made.length;
  };
  assert.equal(await demanded(50n * each), 50);
  assert.equal(await demanded(10n * each + each / 2n), 10);
  assert.equal(await demanded(each - 1n), 0);
});

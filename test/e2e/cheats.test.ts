import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { seededFloats } from "../../examples/seededFloats.ts";
import { buildTiny, tinyInputs } from "../../examples/tiny/model.ts";
import { buildTransformer, tokens as tokenCount } from "../../examples/transformer/model.ts";
import { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { ClaimCalls, DisputeCalls, disputeInterface, type OutcomeName } from "../../oracle/chain/disputeCalls.ts";
import type { Signer } from "../../oracle/chain/signer.ts";
import { findRequest } from "../../oracle/cli/requests.ts";
import { type Answer } from "../../oracle/core/job.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import { Liar, type Lie } from "../../scripts/local/liar.ts";
import { BogusChallenger } from "../support/bogusChallenger.ts";
import { cheatsAbout, cheatTolerance, type Cheat, type Truth } from "../support/cheats.ts";
import { bond, DisputeScene, fee, submitPeriod, tokens, type RegisteredModel } from "../support/disputeScene.ts";
import { unhurried } from "../support/commandLine.ts";
import { until } from "../support/until.ts";

const stake = tokens(100n);
/** Seconds: longer than all disputes take together. */
const window = 7200;
/** What a claimant gets that is alone: a quarter of the bond; the pool is three eighths of it. */
const quarter = bond / 4n;
const pool = (3n * bond) / 8n;
/** What an operator loses of its bond. */
const lostBy = (outcome: OutcomeName) => (outcome === "ANSWER_VOIDED" ? bond - bond / 8n : bond);

const vector = (seed: number): Tensor[] => [
  { dtype: "float32", shape: [1, tinyInputs], data: new Uint8Array(seededFloats(tinyInputs, seed).buffer) },
];
const prompt = (shift: number): Tensor[] => [
  {
    dtype: "int64",
    shape: [1, tokenCount],
    data: new Uint8Array(BigInt64Array.from({ length: tokenCount }, (_, i) => BigInt((7 * i + shift) % 64)).buffer),
  },
];

const files = { tiny: buildTiny(7), transformer: buildTransformer() };
const truths: Record<keyof typeof files, Truth> = {
  tiny: {
    model: CanonicalModel.ofOnnx(files.tiny),
    inputs: vector(1),
    otherInputs: vector(2),
    otherModel: CanonicalModel.ofOnnx(buildTiny(8)),
  },
  transformer: {
    model: CanonicalModel.ofOnnx(files.transformer),
    inputs: prompt(0),
    otherInputs: prompt(1),
    otherModel: CanonicalModel.ofOnnx(buildTransformer({ seed: 2 })),
  },
};
const inTransformer = ["one wrong output element", "one wrong bit in the middle of the trace", "operands swapped", "a skipped instruction"];

interface Case extends Cheat {
  of: keyof typeof files;
}

const tiny = cheatsAbout(truths.tiny).cheats;
const transformer = cheatsAbout(truths.transformer).cheats;
const cases: Record<string, Case> = {
  ...Object.fromEntries(Object.entries(tiny).map(([how, cheat]) => [how, { ...cheat, of: "tiny" as const }])),
  ...Object.fromEntries(inTransformer.map((how) => [`${how}, in a transformer`, { ...transformer[how]!, of: "transformer" as const }])),
};
/** Operators that lose by their clock: the others must be through before it is moved. */
const byTheClock = (outcome: Cheat["outcome"]) => outcome === "OPERATOR_TIMEOUT";

interface Trial {
  requestId: string;
  operator: Signer;
  answer: Answer;
  /** Ends when the dispute is closed. */
  fought: Promise<unknown>;
}

describe("a watchtower convicts, without a hand, an operator of", () => {
  let scene: DisputeScene;
  const trials = new Map<string, Trial>();
  let models: Record<keyof typeof files, RegisteredModel>;
  let richBefore: bigint;
  let burnedBefore: bigint;
  const challenger = () => scene.system.signer("challenger").address;
  after(() => scene?.close());

  before(async () => {
    scene = await DisputeScene.open(unhurried);
    const { system } = scene;
    models = {
      tiny: await scene.registerModel("tiny", files.tiny, cheatTolerance),
      transformer: await scene.registerModel("transformer", files.transformer, cheatTolerance),
    };
    const served = Object.values(models).map(({ modelId }) => modelId);
    await system.startWatchtower({ account: "challenger" });
    [richBefore, burnedBefore] = await Promise.all([scene.wealthOf(challenger()), scene.burned()]);
    const names = Object.keys(cases);
    const operators = await Promise.all(names.map(() => scene.operator(stake, served)));
    const requests = { tiny: [] as string[], transformer: [] as string[] };
    for (const name of ["tiny", "transformer"] as const) {
      const count = names.filter((how) => cases[how]!.of === name).length;
      requests[name] = await scene.request(models[name].modelId, truths[name].inputs, window, count);
    }
    // A quarter of the submit period makes everybody eligible.
    await system.passTime(submitPeriod / 4);
    await Promise.all(
      names.map(async (how, i) => {
        const { lie, of } = cases[how]!;
        const operator = operators[i]!;
        const requestId = requests[of].pop()!;
        const liar = new Liar(system, operator, truths[of].model);
        await liar.answer(requestId, lie);
        const { answer } = await findRequest(system.chain, requestId);
        const fought = liar.fight(requestId, lie);
        fought.catch(() => undefined);
        trials.set(how, { requestId, operator, answer: answer!, fought });
      }),
    );
  });

  const convicted = async (how: string) => {
    const { requestId, operator, fought } = trials.get(how)!;
    await fought;
    const { outcome } = cases[how]!;
    assert.deepEqual(
      (await scene.closed(requestId)).map((dispute) => [dispute.convicted, dispute.outcome]),
      [[outcome !== "ANSWER_VOIDED", outcome]],
    );
    const lost = lostBy(outcome);
    const { stake: left } = await scene.system.chain.views.stakeOf(operator.address);
    assert.equal(stake - left, lost, "what is lost of the stake");
    assert.deepEqual(await scene.slashes(operator.address), [{ beneficiary: await scene.claims(), amount: lost, burned: lost - pool }]);
    assert.equal((await findRequest(scene.system.chain, requestId)).status, "REQUESTED", "the request is open again");
  };

  for (const how of Object.keys(cases).filter((name) => !byTheClock(cases[name]!.outcome))) test(how, () => convicted(how));
  describe("(its clock runs out)", () => {
    before(async () => {
      const { chain } = scene.system;
      const opened = disputeInterface.getEvent("Challenged")!.topicHash;
      const challenged = () => chain.logs(chain.deployment.disputeGame, [opened]);
      await until("everybody is challenged", async () => (await challenged()).length === trials.size, 60_000);
      await scene.system.passTime(scene.parameters.clock);
    });
    for (const how of Object.keys(cases).filter((name) => byTheClock(cases[name]!.outcome))) test(how, () => convicted(how));
  });

  const won = async (before: bigint) => (await scene.wealthOf(challenger())) - before;

  test("and gets a quarter of each bond, its own bonds, and nothing else; an eighth is the requester's, the rest is burned, the fees go back", async () => {
    const { chain } = scene.system;
    const all = Object.values(cases);
    const lost = all.reduce((sum, { outcome }) => sum + lostBy(outcome), 0n);
    const parts = BigInt(all.length) * quarter;
    await until("it has claimed them all", async () => (await won(richBefore)) >= parts, 60_000);
    assert.equal(await won(richBefore), parts);
    assert.equal((await scene.burned()) - burnedBefore, lost - BigInt(all.length) * pool);
    const calls = new ClaimCalls(await scene.claims());
    const toRequester = () => scene.rewardOf(scene.system.signer("requester").address);
    for (const { requestId, answer } of trials.values()) {
      const before = await toRequester();
      await scene.system.send("author", calls.claimRest((await findRequest(chain, requestId)).request, answer));
      assert.equal((await toRequester()) - before, pool - quarter);
    }
    await scene.system.passTime(submitPeriod);
    const requester = scene.system.signer("requester").address;
    const { requestId } = trials.get("no defence")!;
    const { request, status } = await findRequest(chain, requestId);
    assert.equal(status, "EXPIRED");
    const owed = await chain.views.owed(requester, request.params.feeToken);
    await scene.system.send("author", chain.calls.refund(request));
    assert.equal((await chain.views.owed(requester, request.params.feeToken)) - owed, fee);
  });

  /** Has an operator answer wrongly and challenge itself; the watchtower's dispute is open, too, when this returns. */
  async function challengeItself(lie: Lie) {
    const { system } = scene;
    const { modelId } = models.tiny;
    const { model, inputs } = truths.tiny;
    const [operator, straw] = await Promise.all([
      scene.operator(stake, [modelId]),
      scene.account(scene.parameters.challengerBond, scene.views.game),
    ]);
    const before = { challenger: await scene.wealthOf(challenger()), own: stake + scene.parameters.challengerBond };
    const [requestId] = await scene.request(modelId, inputs, window);
    await system.passTime(submitPeriod / 4);
    const liar = new Liar(system, operator, model);
    await liar.answer(requestId!, lie);
    const own = await BogusChallenger.commit(system, straw, requestId!, { tensor: 0, element: 5 });
    await system.passTime(scene.parameters.commitDelay);
    await own.open();
    const closed = () => scene.closed(requestId!);
    await until("the watchtower's dispute is open", async () => (await challenges(requestId!)) === 2, 30_000);
    const wealth = async () => (await scene.wealthOf(operator.address)) + (await scene.wealthOf(straw.address));
    return { requestId: requestId!, operator, liar, own, before, closed, wealth };
  }

  const challenges = async (requestId: string) => {
    const { chain } = scene.system;
    return (await chain.logs(chain.deployment.disputeGame, [disputeInterface.getEvent("Challenged")!.topicHash, null, requestId])).length;
  };

  test("A17 a lie whose operator challenges itself and has itself acquitted: that shields nothing", async () => {
    const { lie } = tiny["one wrong output element"]!;
    const { model, inputs } = truths.tiny;
    const { requestId, liar, own, before, closed, wealth } = await challengeItself(lie);
    // A word of the input, which is right in every trace.
    const straw = own.walk({ model, inputs, trace: lie.trace }, { leaf: 0, word: 0 });
    await Promise.all([straw, liar.fight(requestId, lie, { only: own.commitment })]);
    await liar.fight(requestId, lie);
    assert.deepEqual(
      (await closed()).map(({ outcome }) => outcome),
      ["STEP_EQUAL", "STEP_DIFFERENT"],
    );
    const { challengerBond, burnBps } = scene.parameters;
    const burned = (challengerBond * BigInt(burnBps)) / 10_000n;
    assert.equal(before.own - (await wealth()), bond + burned, "the whole bond is lost, and what the straw challenger burned");
    await until("the watchtower has its part", async () => (await won(before.challenger)) >= quarter, 30_000);
    assert.equal(await won(before.challenger), quarter, "alone: who is acquitted has no claim");
  });

  test("A17 A32 a lie that its operator takes back for its own challenger: it loses more than half, and the watchtower gets as much as the friend", async () => {
    const { chain } = scene.system;
    const { lie } = tiny["one wrong output element"]!;
    const { requestId, operator, own, before, closed, wealth } = await challengeItself(lie);
    const { request, answer } = await findRequest(chain, requestId);
    const calls = new DisputeCalls(chain.deployment);
    await scene.system.send(operator, calls.retract(request, answer!));
    await scene.system.send("author", calls.closeVoided(own.commitment, request, answer!));
    await until("both disputes are closed", async () => (await closed()).length === 2);
    assert.deepEqual(
      (await closed()).map(({ convicted, outcome }) => [convicted, outcome]),
      [
        [false, "ANSWER_VOIDED"],
        [false, "ANSWER_VOIDED"],
      ],
    );
    const half = pool / 2n;
    await until("the watchtower has its part", async () => (await won(before.challenger)) >= half, 30_000);
    assert.equal(await won(before.challenger), half);
    await scene.system.send("author", new ClaimCalls(await scene.claims()).claimDispute(own.commitment, request, answer!));
    assert.equal(before.own - (await wealth()), bond - bond / 8n - half);
  });
});

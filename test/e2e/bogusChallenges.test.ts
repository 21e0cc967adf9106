import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ZeroAddress } from "ethers";
import { seededFloats } from "../../examples/seededFloats.ts";
import { buildTiny, tinyInputs } from "../../examples/tiny/model.ts";
import { buildTransformer, tokens as tokenCount, vocabulary } from "../../examples/transformer/model.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { outputWords } from "../../oracle/canonical/program/layout.ts";
import type { Instruction } from "../../oracle/canonical/program/types.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import { disputeInterface } from "../../oracle/chain/disputeCalls.ts";
import { CliError } from "../../oracle/cli/exitCodes.ts";
import { findRequest } from "../../oracle/cli/requests.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import { BogusChallenger, type RightAnswer, type Walk } from "../support/bogusChallenger.ts";
import { cheatTolerance } from "../support/cheats.ts";
import { DisputeScene, tokens, type RegisteredModel } from "../support/disputeScene.ts";
import { netOf, playSybils, sybilLeaves } from "../support/sybils.ts";
import { unhurried } from "../support/commandLine.ts";
import { until } from "../support/until.ts";

const stake = tokens(1000n);
/** Seconds: longer than the disputes inside it take together. */
const window = 36_000;

interface Case extends Walk {
  model: "tiny" | "transformer";
  element: number;
}

function aboutOf({ model }: RegisteredModel, inputs: Tensor[]): RightAnswer {
  return { model, inputs, trace: new MemoryTree(evaluateHere(model.program, model.weights, inputs).trace) };
}

describe("a node's right answer survives", () => {
  let scene: DisputeScene;
  let about: Record<Case["model"], RightAnswer>;
  let models: Record<Case["model"], RegisteredModel>;
  const requests = new Map<string, string>();
  const operator = () => scene.system.signer("operator").address;
  const game = () => scene.system.chain.deployment.disputeGame!;
  after(() => scene?.close());

  const answered = async (model: Case["model"], challengeWindow = window) => {
    const [requestId] = await scene.request(models[model].modelId, about[model].inputs, challengeWindow);
    await until("the answer is there", async () => (await findRequest(scene.system.chain, requestId!)).answer !== null, 60_000);
    return requestId!;
  };
  const stranger = () => scene.account(scene.parameters.challengerBond, game());

  before(async () => {
    scene = await DisputeScene.open({ ...unhurried, grace: 600, maxGrace: 1200, commitLifetime: 36_000 });
    models = {
      tiny: await scene.registerModel("tiny", buildTiny(7), cheatTolerance),
      transformer: await scene.registerModel("transformer", buildTransformer(), cheatTolerance),
    };
    const vector = { dtype: "float32" as const, shape: [1, tinyInputs], data: new Uint8Array(seededFloats(tinyInputs, 1).buffer) };
    const ids = BigInt64Array.from({ length: tokenCount }, (_, i) => BigInt(7 * i) % BigInt(vocabulary));
    const prompt = { dtype: "int64" as const, shape: [1, tokenCount], data: new Uint8Array(ids.buffer) };
    about = { tiny: aboutOf(models.tiny, [vector]), transformer: aboutOf(models.transformer, [prompt]) };
    await scene.system.registerOperator({
      account: "operator",
      stake: stake / 10n ** 18n,
      models: Object.values(models).map(({ modelId }) => modelId),
    });
    await scene.system.startNode({ account: "operator" });
    for (const model of ["tiny", "transformer"] as const) requests.set(model, await answered(model));
  });

  /** @returns the leaf of the trace at the given part of an instruction's output. */
  const leafOf = (model: Case["model"], which: (one: Instruction) => boolean, part = 0) => {
    const instruction = about[model].model.program.instructions.find(which)!;
    return instruction.outLeaf + Math.floor((part * (outputWords(instruction) - 1)) / 64);
  };
  const kind = (name: Instruction["kind"]) => (one: Instruction) => one.kind === name;
  const cases: Record<string, () => Case> = {
    "the step at the leftmost word, a right one of an input": () => ({ model: "tiny", element: 0, leaf: 0, word: 0 }),
    "the step at the rightmost word, its own right output": () => ({ model: "tiny", element: 63, leaf: 2, word: 63 }),
    "the step at a right word in the middle": () => ({ model: "tiny", element: 31, leaf: 1, word: 17 }),
    "the step at padding, which is zero": () => ({ model: "tiny", element: 5, leaf: 1, word: 40 }),
    "a second challenge of the same element": () => ({ model: "tiny", element: 5, leaf: 2, word: 5 }),
    "moves that show other hashes than were revealed": () => ({ model: "tiny", element: 1, leaf: 1, word: 3, garbles: true }),
    "the step at a right word of a map": () => ({
      model: "transformer",
      element: 0,
      leaf: leafOf("transformer", kind("map"), 0.5),
      word: 9,
    }),
    "the step at a right word of a reduction": () => ({
      model: "transformer",
      element: 100,
      leaf: leafOf("transformer", kind("reduce")),
      word: 7,
    }),
    "the step at a right word of a contraction": () => ({
      model: "transformer",
      element: 1023,
      leaf: leafOf("transformer", kind("contract"), 1),
      word: 63,
    }),
    "a path to the last leaf of a large trace": () => ({
      model: "transformer",
      element: 512,
      leaf: about.transformer.trace.leafCount - 1,
      word: 0,
      garbles: true,
    }),
    "a challenger that leaves once the answer is defended": () => ({ model: "tiny", element: 7, leaf: 0, word: 0, leavesAfter: 0 }),
    "a challenger that leaves behind its first pick": () => ({
      model: "transformer",
      element: 8,
      leaf: leafOf("transformer", kind("map"), 1),
      word: 0,
      leavesAfter: 1,
    }),
    "a challenger that leaves in front of the leaf": () => ({ model: "transformer", element: 9, leaf: 200, word: 0, leavesAfter: 2 }),
  };

  const played = new Map<string, { challenger: BogusChallenger; walked: Promise<number>; wealth: bigint; address: string }>();
  describe("all at once,", () => {
    before(async () => {
      const committed = await Promise.all(
        Object.entries(cases).map(async ([how, make]) => {
          const one = make();
          const account = await stranger();
          const requestId = requests.get(one.model)!;
          const challenger = await BogusChallenger.commit(scene.system, account, requestId, { tensor: 0, element: one.element });
          return { how, one, account, challenger };
        }),
      );
      await scene.system.passTime(scene.parameters.commitDelay + 1);
      await Promise.all(
        committed.map(async ({ how, one, account, challenger }) => {
          const wealth = await scene.wealthOf(account.address);
          await challenger.open();
          const walked = challenger.walk(about[one.model], one);
          walked.catch(() => undefined);
          played.set(how, { challenger, walked, wealth, address: account.address });
        }),
      );
    });

    const acquitted = async (how: string) => {
      const { challenger, walked, wealth, address } = played.get(how)!;
      const one = cases[how]!();
      const refused = await walked;
      if (one.garbles) assert.ok(refused > 0, "garbage was tried and refused");
      const left = one.leavesAfter !== undefined;
      await until("the dispute is closed", async () => (await challenger.state()).turn === "CLOSED", 60_000);
      const ends = await scene.closed(requests.get(one.model)!);
      const { convicted, outcome } = ends.find(({ disputeId }) => disputeId === challenger.commitment)!;
      assert.deepEqual([convicted, outcome], [false, left ? "CHALLENGER_TIMEOUT" : "STEP_EQUAL"]);
      assert.equal(wealth - (await scene.wealthOf(address)), scene.parameters.challengerBond, "the challenger's bond is lost");
    };
    for (const how of Object.keys(cases).filter((name) => !name.startsWith("a challenger that leaves"))) test(how, () => acquitted(how));
    describe("and once the clocks have run out,", () => {
      before(async () => {
        for (const { walked } of played.values()) await walked;
        // Left alone, every dispute that is still open is the challenger's turn.
        await until("the operator has moved", async () => {
          const states = await Promise.all([...played.values()].map(({ challenger }) => challenger.state()));
          return states.every(({ turn }) => turn === "CLOSED" || turn === "PICK");
        });
        await scene.system.passTime(scene.parameters.clock);
      });
      for (const how of Object.keys(cases).filter((name) => name.startsWith("a challenger that leaves"))) test(how, () => acquitted(how));
    });
  });

  test("A08 a commitment that somebody else copied: it opens nothing for the copier, and its author loses all the same", async () => {
    const [author, copier] = await Promise.all([stranger(), stranger()]);
    const requestId = requests.get("tiny")!;
    const target = { tensor: 0, element: 2 };
    const challenger = await BogusChallenger.commit(scene.system, author, requestId, target);
    const before = await scene.wealthOf(copier.address);
    await scene.system.send(copier, challenger.commitmentCall);
    await scene.system.passTime(scene.parameters.commitDelay + 1);
    await assert.rejects(scene.system.send(copier, challenger.challenge), (error) => {
      return error instanceof CliError && /CommitmentUnknown|commitment/i.test(error.message);
    });
    await challenger.open();
    await challenger.walk(about.tiny, { leaf: 0, word: 1 });
    assert.equal(await scene.wealthOf(copier.address), before, "the copier has earned nothing");
    assert.equal(
      (await scene.closed(requestId)).some(({ convicted }) => convicted),
      false,
    );
  });

  test("a challenge of an element or a tensor that isn't there", async () => {
    const account = await stranger();
    const requestId = requests.get("tiny")!;
    for (const target of [
      { tensor: 0, element: 64 },
      { tensor: 1, element: 0 },
    ]) {
      const challenger = await BogusChallenger.commit(scene.system, account, requestId, target);
      await scene.system.passTime(scene.parameters.commitDelay + 1);
      await assert.rejects(challenger.open(), CliError);
    }
  });

  test("A12 challenges in the last second of its window and of its grace, and is final at the end of the next grace", async () => {
    const { system, parameters } = scene;
    const requestId = await answered("tiny", 7200);
    const { answer } = await findRequest(system.chain, requestId);
    const [late, later] = await Promise.all(
      [await stranger(), await stranger()].map((account, i) =>
        BogusChallenger.commit(system, account, requestId, { tensor: 0, element: i }),
      ),
    );
    const end = answer!.submittedAt + 7200;
    const last = await system.sendAt(end - 1, late!.account, late!.challenge);
    assert.equal(await system.timeOf(last.blockNumber), end - 1);
    await late!.walk(about.tiny, { leaf: 2, word: 0, leavesAfter: 1 });
    await system.passTime(2);
    await late!.walk(about.tiny, { leaf: 2, word: 0 });
    const again = await later!.open();
    assert.ok((await system.timeOf(again.blockNumber)) >= end, "its window is over");
    await later!.walk(about.tiny, { leaf: 0, word: 0 });
    await system.passTime(parameters.grace);
    await until("it is final", async () => (await findRequest(system.chain, requestId)).status === "FINALIZED", 30_000);
    const { timestamp } = await system.chain.head();
    assert.ok(timestamp <= end + parameters.maxGrace + 2 * parameters.clock, "no later than the bound");
  });

  test("A09 twenty Sybils at once, each paying more than the gas that it costs", async () => {
    const { leafCount } = about.transformer.trace;
    const play = async (count: number, where: "together" | "apart") =>
      playSybils(scene, about.transformer, await answered("transformer"), sybilLeaves(count, leafCount, where));
    const single = await play(1, "together");
    const together = await play(20, "together");
    const apart = await play(20, "apart");
    for (const cost of [single, together, apart]) assert.ok(netOf(cost) >= 0n, `the operator is left with ${netOf(cost)} wei`);
    assert.ok(together.gas < 15 * single.gas, `on one path, what is revealed is shared: ${together.gas} gas, ${single.gas} for one`);
    assert.ok(apart.gas < 18 * single.gas, `on different paths, the upper part is: ${apart.gas} gas, ${single.gas} for one`);
  });

  test("and becomes final with every token of its operator's stake, and most of what the challengers have lost", async () => {
    const { system, parameters } = scene;
    await system.passTime(window);
    for (const requestId of requests.values()) {
      await until("it is final", async () => (await findRequest(system.chain, requestId)).status === "FINALIZED", 30_000);
    }
    const { stake: left } = await system.chain.views.stakeOf(operator());
    assert.equal(left, stake);
    assert.deepEqual(await scene.slashes(operator()), []);
    const { chain } = system;
    const closed = await chain.logs(game(), [disputeInterface.getEvent("Closed")!.topicHash]);
    assert.equal(closed.length, Object.keys(cases).length + 3 + 41);
    const won = parameters.challengerBond - (parameters.challengerBond * BigInt(parameters.burnBps)) / 10_000n;
    assert.equal(await scene.views.owed(operator()), BigInt(closed.length) * won);
    assert.ok((await system.chain.views.owed(operator(), ZeroAddress)) > 0n, "and its fees");
  });
});

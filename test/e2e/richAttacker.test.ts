import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Interface } from "ethers";
import { seededFloats } from "../../examples/seededFloats.ts";
import { buildTiny, tinyInputs } from "../../examples/tiny/model.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import { disputeInterface } from "../../oracle/chain/disputeCalls.ts";
import { CliError } from "../../oracle/cli/exitCodes.ts";
import { findRequest } from "../../oracle/cli/requests.ts";
import { lieAbout, Liar } from "../../scripts/local/liar.ts";
import type { AssayProcess } from "../../scripts/local/processes.ts";
import { BogusChallenger, type RightAnswer } from "../support/bogusChallenger.ts";
import { cheatTolerance } from "../support/cheats.ts";
import { bond, DisputeScene, submitPeriod, tokens, type RegisteredModel } from "../support/disputeScene.ts";
import { unhurried } from "../support/commandLine.ts";
import { until } from "../support/until.ts";

/** Two bonds of an answer. */
const operatorTokens = tokens(20n);
/** Four bonds of a challenge. */
const towerTokens = tokens(1n);
/** Where the bogus challengers lead their disputes: the output itself. */
const aim = { leaf: 2, word: 0 };
const transferInterface = new Interface(["function transfer(address to, uint256 amount)"]);
const attackerTokens = 10n * (operatorTokens + towerTokens);

describe("A10 an attacker with ten times the money of operator and watchtower together", () => {
  let scene: DisputeScene;
  let tiny: RegisteredModel;
  let about: RightAnswer;
  let node: AssayProcess;
  /** What the attacker has put in. */
  let spent = 0n;
  const address = (name: "operator" | "challenger") => scene.system.signer(name).address;
  after(() => scene?.close());

  before(async () => {
    scene = await DisputeScene.open({ ...unhurried, grace: 3600, maxGrace: 3600, commitLifetime: 36_000 });
    const { system } = scene;
    tiny = await scene.registerModel("tiny", buildTiny(7), cheatTolerance);
    const input = { dtype: "float32" as const, shape: [1, tinyInputs], data: new Uint8Array(seededFloats(tinyInputs, 1).buffer) };
    const { model } = tiny;
    about = { model, inputs: [input], trace: new MemoryTree(evaluateHere(model.program, model.weights, [input]).trace) };
    await system.registerOperator({ account: "operator", stake: operatorTokens / 10n ** 18n, models: [tiny.modelId] });
    node = await system.startNode({ account: "operator" });
  });

  test("burns bonds to delay an honest answer, which is final within maxDuration() behind its window", async () => {
    const { system, parameters } = scene;
    const { clock, maxGrace, challengerBond } = parameters;
    const window = 7200;
    const [requestId] = await scene.request(tiny.modelId, about.inputs, window);
    await until("the answer is there", async () => (await findRequest(system.chain, requestId!)).answer !== null, 60_000);
    const end = (await findRequest(system.chain, requestId!)).answer!.submittedAt + window;
    const wave = async (from: number) =>
      Promise.all(
        Array.from({ length: 4 }, async (_, i) => {
          const account = await scene.account(5n * challengerBond, scene.views.game);
          return BogusChallenger.commit(system, account, requestId!, { tensor: 0, element: from + i });
        }),
      );
    const [first, second] = [await wave(0), await wave(4)];
    const [again] = await Promise.all(
      first.map(({ account }) => BogusChallenger.commit(system, account, requestId!, { tensor: 0, element: 9 })),
    );
    spent += 8n * 5n * challengerBond;

    // The first wave is opened late in the window, and ends so late that its grace ends where none may end later.
    await system.chain.rpc.call("evm_setNextBlockTimestamp", [end - 600]);
    await Promise.all(first.map((one) => one.open()));
    await Promise.all(first.map((one) => one.walk(about, { ...aim, leavesAfter: 1 })));
    await moveAt(end + maxGrace / 2, first);
    const { finalizableAt } = await findRequest(system.chain, requestId!);
    await Promise.all(second.map((one) => one.open()));
    assert.ok(finalizableAt! > end && finalizableAt! <= end + maxGrace, "the grace is capped");
    for (let open = second; open.length > 0;) {
      const states = await Promise.all(open.map((one) => one.state()));
      if (states.every(({ turn }) => turn === "PICK")) await moveAt(Math.min(...states.map(({ deadline }) => deadline)) - 1, open);
      open = open.filter((_, i) => states[i]!.turn !== "CLOSED");
    }
    await assert.rejects(again!.open(), CliError, "nobody can challenge it any more");

    await until("it is final", async () => (await findRequest(system.chain, requestId!)).status === "FINALIZED", 30_000);
    const { events } = await findRequest(system.chain, requestId!);
    const finalAt = await system.timeOf(events.find(({ name }) => name === "Finalized")!.blockNumber);
    const [bound] = await system.view({ address: scene.views.game, abi: disputeInterface }, "maxDuration");
    assert.ok(finalAt >= end + maxGrace / 2 + clock, `the attack delayed it by ${finalAt - end} s only`);
    assert.ok(finalAt <= end + Number(bound), `final ${finalAt - end} s behind its window, ${bound} s are the bound`);
    const closed = await scene.closed(requestId!);
    assert.deepEqual([closed.length, closed.filter(({ convicted }) => convicted).length], [8, 0]);
    assert.deepEqual(await scene.slashes(address("operator")), []);
  });

  /** Makes one move of each at a time, Unix seconds. */
  async function moveAt(time: number, wave: readonly BogusChallenger[]): Promise<void> {
    // Where another one's block has that time already, it is now or never: who is too late has lost its dispute, as it will anyway.
    await scene.system.chain.rpc.call("evm_setNextBlockTimestamp", [time]).catch(() => undefined);
    await Promise.all(wave.map((one) => one.walk(about, { ...aim, leavesAfter: 1 }).catch(() => undefined)));
  }

  test("floods it with wrong answers: a watchtower with four bonds convicts all twenty before a window ends", async () => {
    const { system } = scene;
    await node.stop();
    const { stakeToken } = system.chain.deployment;
    const rest = (await system.chain.balanceOf(address("challenger"), stakeToken)) - towerTokens;
    assert.equal(towerTokens, 4n * scene.parameters.challengerBond);
    const away = `0x${"0".repeat(39)}1`;
    await system.send("challenger", { to: stakeToken, data: transferInterface.encodeFunctionData("transfer", [away, rest]) });
    await system.startWatchtower({ account: "challenger" });
    const count = Number((attackerTokens - spent) / bond);
    spent += BigInt(count) * bond;
    assert.equal(spent, attackerTokens);
    const operators = await Promise.all(Array.from({ length: count }, () => scene.operator(bond, [tiny.modelId])));
    const window = 36_000;
    const requests = await scene.request(tiny.modelId, about.inputs, window, count);
    await system.passTime(submitPeriod / 4);
    const fights: Promise<unknown>[] = [];
    await Promise.all(
      operators.map(async (operator, i) => {
        const lie = lieAbout(tiny.model, about.inputs, i, 2 ** -9);
        // Every other one lets its clock run out, so that the watchtower's bonds are locked as long as can be.
        if (i % 2 === 1) lie.behaviour = "never defends";
        const liar = new Liar(system, operator, tiny.model);
        await liar.answer(requests[i]!, lie);
        fights.push(liar.fight(requests[i]!, lie));
      }),
    );
    await passTimeUntilAllIsSaid(Promise.all(fights), requests);

    for (const requestId of requests)
      assert.deepEqual(
        (await scene.closed(requestId)).map(({ convicted }) => convicted),
        [true],
      );
    for (const { address: liar } of operators) assert.equal((await system.chain.views.stakeOf(liar)).stake, 0n);
    const wealth = towerTokens + (BigInt(count) * bond) / 4n;
    await until("it has claimed its parts", async () => (await scene.wealthOf(address("challenger"))) >= wealth, 60_000);
    assert.equal(await scene.wealthOf(address("challenger")), wealth);

    await system.startNode({ account: "operator" });
    await system.passTime(1);
    const final = async () => {
      const stories = await Promise.all(requests.map((requestId) => findRequest(system.chain, requestId)));
      return stories.some(({ status, answer }) => status === "FINALIZED" && answer?.operator === address("operator"));
    };
    const answers = async () => (await system.chain.views.stakeOf(address("operator"))).free <= operatorTokens - bond;
    await until("the honest operator has answered as much as one requester may lock of its stake", answers, 60_000);
    await system.passTime(window);
    await until("an honest answer is final", final, 30_000);
    assert.deepEqual(await scene.slashes(address("operator")), []);
  });

  /** Moves the clock on whenever nothing is left to do but to wait for it: every dispute that the watchtower has the bonds for waits for a lie's defence. */
  async function passTimeUntilAllIsSaid(said: Promise<unknown>, requests: readonly string[]): Promise<void> {
    const { chain } = scene.system;
    const { disputeGame } = chain.deployment;
    let over = false;
    const end = said.finally(() => (over = true));
    const silent = new Set(requests.filter((_, i) => i % 2 === 1));
    const bonds = Number(towerTokens / scene.parameters.challengerBond);
    const about = async (event: string) =>
      (await chain.logs(disputeGame, [disputeInterface.getEvent(event)!.topicHash])).map(({ topics }) => topics[2]!);
    const waits = async () => {
      const [challenged, closed] = [await about("Challenged"), new Set(await about("Closed"))];
      const open = new Set(challenged.filter((requestId) => requests.includes(requestId) && !closed.has(requestId)));
      const left = requests.filter((requestId) => !closed.has(requestId)).length;
      return open.size >= Math.min(bonds, left) && [...open].every((requestId) => silent.has(requestId));
    };
    const allIsSaid = async () => {
      if (!over && (await waits())) await scene.system.passTime(scene.parameters.defendTime);
      return over;
    };
    await Promise.all([until("every lie is taken away", allIsSaid, 120_000), end]);
  }
});

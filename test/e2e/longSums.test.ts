import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import { disputeInterface } from "../../oracle/chain/disputeCalls.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import { seededFloats } from "../../examples/seededFloats.ts";
import type { Signer } from "../../oracle/chain/signer.ts";
import { happened, lieAbout, Liar } from "../../scripts/local/liar.ts";
import { BogusChallenger } from "../support/bogusChallenger.ts";
import { cheatTolerance } from "../support/cheats.ts";
import type { Forge } from "../../fixtures/dispute.ts";
import { DisputeScene, submitPeriod, tokens } from "../support/disputeScene.ts";
import { buildVeryLongSum, inputs as veryLongInputs } from "../support/veryLongSums.ts";
import { buildLongSums, sumCheatsAbout, termsOf } from "../support/longSums.ts";
import { unhurried } from "../support/commandLine.ts";
import { until } from "../support/until.ts";

const file = buildLongSums(5);
const model = CanonicalModel.ofOnnx(file);
const inputs = termsOf(1);
/** Seconds: longer than all disputes take together. */
const window = 7200;

describe("over long sums", () => {
  let scene: DisputeScene;
  let modelId: string;
  after(() => scene?.close());
  before(async () => {
    scene = await DisputeScene.open(unhurried);
    ({ modelId } = await scene.registerModel("longSums", file, cheatTolerance));
  });

  const outcomes = async (requestId: string) =>
    (await scene.closed(requestId)).map(({ convicted, outcome }) => [convicted, outcome] as const);

  const sumsPicked = async () => {
    const { chain } = scene.system;
    return (await chain.logs(chain.deployment.disputeGame, [disputeInterface.getEvent("SumsPicked")!.topicHash])).length;
  };

  test("A09 a node shows its sums to a bogus challenger, killed in between, and is acquitted", async () => {
    const { system } = scene;
    await system.registerOperator({ account: "operator", stake: 1000n, models: [modelId] });
    const node = { account: "operator" as const, name: "honest" };
    const first = await system.startNode({ ...node, extra: '[testing]\ncrashPoint = "after-move-send"\n' });
    const [requestId] = (await scene.request(modelId, inputs, window)) as [string];
    await until("the answer is there", () => happened(system, requestId, "Submitted"), 60_000);
    const trace = new MemoryTree(evaluateHere(model.program, model.weights, inputs).trace);
    await system.chain.allow(
      system.signer("challenger"),
      system.chain.deployment.stakeToken,
      system.chain.deployment.disputeGame!,
      tokens(5n),
    );
    const bogus = await BogusChallenger.commit(system, "challenger", requestId, { tensor: 0, element: 3 });
    await system.passTime(scene.parameters.commitDelay + 1);
    await bogus.open();
    const challenged = bogus.walk({ model, inputs, trace }, { leaf: trace.leafCount - 1, word: 7 });
    assert.equal(await first.exited, null, "killed when it had sent its defence");
    const second = await system.startNode(node);
    await challenged;
    assert.deepEqual(await outcomes(requestId), [[false, "STEP_EQUAL"]]);
    assert.equal(await sumsPicked(), 1);
    assert.equal(await second.stop(), 0);
  });

  test("a watchtower convicts every way to lie about the sums", async () => {
    const { system } = scene;
    const cheats = Object.entries(sumCheatsAbout(model, inputs));
    const watchtower = await system.startWatchtower({ account: "challenger" });
    const operators: Signer[] = await Promise.all(cheats.map(() => scene.operator(tokens(100n), [modelId])));
    const requests = await scene.request(modelId, inputs, window, cheats.length);
    await system.passTime(submitPeriod / 4);
    const fights = await Promise.all(
      cheats.map(async ([, { lie }], i) => {
        const liar = new Liar(system, operators[i]!, model);
        await liar.answer(requests[i]!, lie);
        return { fought: liar.fight(requests[i]!, lie) };
      }),
    );
    await until(
      "every lie but the last is convicted by a step",
      async () => {
        const closed = await Promise.all(requests.map(outcomes));
        return closed.flat().length === cheats.length - 1 && (await sumsPicked()) === cheats.length + 1;
      },
      120_000,
    );
    await system.passTime(scene.parameters.clock);
    await Promise.all(fights.map(({ fought }) => fought));
    for (const [i, [how, { outcome }]] of cheats.entries()) assert.deepEqual(await outcomes(requests[i]!), [[true, outcome]], how);
    assert.equal(await watchtower.stop(), 0);
  });

  test("N06 A35 a watchtower convicts of a lie deep in a sum of 2^20 terms, killed between its picks", async () => {
    const { system } = scene;
    const name = "veryLong";
    const { model: about, modelId: longId } = await scene.registerModel("veryLongSum", buildVeryLongSum(2 ** 20), cheatTolerance);
    const operator = await scene.operator(tokens(100n), [longId]);
    const given: Tensor[] = [
      { dtype: "float32", shape: [1, veryLongInputs], data: new Uint8Array(seededFloats(veryLongInputs, 3).buffer) },
    ];
    const [requestId] = (await scene.request(longId, given, window)) as [string];
    await system.passTime(submitPeriod / 4);
    const liar = new Liar(system, operator, about);
    // Wrong in the middle of whatever it is asked for.
    const sums: Forge = (states) => states.map((state, i) => (i === 7 ? state.with(1, state[1]! ^ 1n) : state));
    const lie = { ...lieAbout(about, given, 0, 1), sums };
    await liar.answer(requestId, lie);
    const first = await system.startWatchtower({ account: "challenger", name });
    const before = await sumsPicked();
    const fought = liar.fight(requestId, lie);
    await until("it has picked", async () => (await sumsPicked()) > before, 120_000);
    await first.stop("SIGKILL");
    const second = await system.startWatchtower({ account: "challenger", name });
    await fought;
    assert.deepEqual(await outcomes(requestId), [[true, "STEP_DIFFERENT"]]);
    assert.equal((await sumsPicked()) - before, 2, "the word, and one segment of 2^15 terms");
    assert.equal(await second.stop(), 0);
  });
});

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { seededFloats } from "../../examples/seededFloats.ts";
import { buildTiny, tinyInputs } from "../../examples/tiny/model.ts";
import { buildTransformer, tokens as tokenCount } from "../../examples/transformer/model.ts";
import { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { disputeInterface } from "../../oracle/chain/disputeCalls.ts";
import type { Signer } from "../../oracle/chain/signer.ts";
import { findRequest } from "../../oracle/cli/requests.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import { Liar } from "../../scripts/local/liar.ts";
import { cheatsAbout, cheatTolerance, type Cheat, type Truth } from "../support/cheats.ts";
import { bond, DisputeScene, fee, submitPeriod, tokens } from "../support/disputeScene.ts";
import { until } from "../support/until.ts";

const stake = tokens(100n);
/** Seconds: longer than all disputes take together. */
const window = 1200;

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
const unreadable = "bytes behind a URI that don't decode";

interface Case extends Cheat {
  of: keyof typeof files;
}

const tiny = cheatsAbout(truths.tiny).cheats;
const transformer = cheatsAbout(truths.transformer).cheats;
const cases: Record<string, Case> = {
  ...Object.fromEntries(Object.entries(tiny).map(([how, cheat]) => [how, { ...cheat, of: "tiny" as const }])),
  ...Object.fromEntries(inTransformer.map((how) => [`${how}, in a transformer`, { ...transformer[how]!, of: "transformer" as const }])),
  [unreadable]: { lie: { posted: [], trace: tiny["no defence"]!.lie.trace }, outcome: "OPERATOR_TIMEOUT", of: "tiny" },
};
/** Operators that lose by their clock: the others must be through before it is moved. */
const byTheClock = (outcome: Cheat["outcome"]) => outcome === "OPERATOR_TIMEOUT";

interface Trial {
  requestId: string;
  operator: Signer;
  /** Ends when the dispute is closed. */
  fought: Promise<unknown>;
}

describe("a watchtower convicts, without a hand, an operator of", () => {
  let scene: DisputeScene;
  const trials = new Map<string, Trial>();
  let richBefore: bigint;
  let burnedBefore: bigint;
  const challenger = () => scene.system.signer("challenger").address;
  after(() => scene?.close());

  before(async () => {
    scene = await DisputeScene.open();
    const { system } = scene;
    const modelIds = { tiny: "", transformer: "" };
    for (const name of ["tiny", "transformer"] as const) {
      ({ modelId: modelIds[name] } = await scene.registerModel(name, files[name], cheatTolerance));
    }
    const directory = join(system.directory, "inputs");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "garbage.bin"), "no tensors");
    const carried = { outputRoot: `0x${"ab".repeat(32)}`, uri: pathToFileURL(join(directory, "garbage.bin")).href };
    cases[unreadable]!.lie.carried = carried;

    await system.startWatchtower({ account: "challenger" });
    [richBefore, burnedBefore] = await Promise.all([scene.wealthOf(challenger()), scene.burned()]);
    const names = Object.keys(cases);
    const operators = await Promise.all(names.map(() => scene.operator(stake, Object.values(modelIds))));
    const requests = { tiny: [] as string[], transformer: [] as string[] };
    for (const name of ["tiny", "transformer"] as const) {
      const count = names.filter((how) => cases[how]!.of === name).length;
      requests[name] = await scene.request(modelIds[name], truths[name].inputs, window, count);
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
        const fought = liar.fight(requestId, lie);
        fought.catch(() => undefined);
        trials.set(how, { requestId, operator, fought });
      }),
    );
  });

  const convicted = async (how: string) => {
    const { requestId, operator, fought } = trials.get(how)!;
    await fought;
    const { outcome } = cases[how]!;
    assert.deepEqual(
      (await scene.closed(requestId)).map((dispute) => [dispute.convicted, dispute.outcome]),
      [[true, outcome]],
    );
    const lost = outcome === "CONCEDED" ? bond / 2n : bond;
    const { stake: left } = await scene.system.chain.views.stakeOf(operator.address);
    assert.equal(stake - left, lost, "what is lost of the stake");
    assert.deepEqual(await scene.slashes(operator.address), [{ challenger: challenger(), amount: lost, burned: lost / 2n }]);
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

  test("and gets half of what they lose, its own bonds, and nothing else; the rest is burned, the fees go back", async () => {
    const { chain } = scene.system;
    const lost = Object.values(cases).reduce((sum, { outcome }) => sum + (outcome === "CONCEDED" ? bond / 2n : bond), 0n);
    assert.equal((await scene.wealthOf(challenger())) - richBefore, lost / 2n);
    assert.equal((await scene.burned()) - burnedBefore, lost / 2n);
    await scene.system.passTime(submitPeriod);
    const requester = scene.system.signer("requester").address;
    const { requestId } = trials.get("no defence")!;
    const { request, status } = await findRequest(chain, requestId);
    assert.equal(status, "EXPIRED");
    const owed = await chain.views.owed(requester, request.params.feeToken);
    await scene.system.send("author", chain.calls.refund(request));
    assert.equal((await chain.views.owed(requester, request.params.feeToken)) - owed, fee);
  });
});

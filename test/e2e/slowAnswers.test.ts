import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { buildTiny, tinyInputs } from "../../examples/tiny/model.ts";
import { hexOfHash } from "../../oracle/canonical/dispute/views.ts";
import { transports } from "../../oracle/core/job.ts";
import { encodeBundle, type Tensor } from "../../oracle/core/tensor.ts";
import { bundleRoot } from "../../oracle/core/traceTree.ts";
import { lieAbout, Liar, type Lie } from "../../scripts/local/liar.ts";
import { cheatTolerance } from "../support/cheats.ts";
import { DisputeScene, submitPeriod, type RegisteredModel } from "../support/disputeScene.ts";

const input: Tensor = {
  dtype: "float32",
  shape: [1, tinyInputs],
  data: new Uint8Array(Float32Array.from({ length: tinyInputs }, (_, i) => Math.cos(i)).buffer),
};

let scene: DisputeScene;
let tiny: RegisteredModel;
let server: Server;
/** Paths that were asked for. */
const asked: string[] = [];
const files = new Map<string, Uint8Array>();

before(async () => {
  scene = await DisputeScene.open();
  tiny = await scene.registerModel("tiny", buildTiny(7), cheatTolerance);
  for (const account of ["operator", "operator2"] as const) {
    await scene.system.registerOperator({ account, stake: 1000n, models: [tiny.modelId] });
  }
  server = createServer((request, response) => {
    asked.push(request.url!);
    const file = files.get(request.url!);
    if (file !== undefined) return void response.end(file);
    // Never silent for long, and never done.
    response.writeHead(200).write("a");
    const trickle = setInterval(() => response.write("b"), 500);
    response.on("close", () => clearInterval(trickle));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
after(async () => {
  await scene?.close();
  server?.closeAllConnections();
  server?.close();
});

const urlOf = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
const carriedBy = (posted: Tensor[], path: string): Lie["carried"] => ({ outputRoot: hexOfHash(bundleRoot(posted)), uri: urlOf(path) });

test("N25 answers behind URIs that never end keep no other from being checked: neither one whose bytes are here nor one of another operator", async () => {
  const { system } = scene;
  const slow = await scene.request(tiny.modelId, [input], 7200, 5, transports.onDemand);
  const inline = await scene.request(tiny.modelId, [input], 7200);
  const byURI = await scene.request(tiny.modelId, [input], 7200, 1, transports.onDemand);
  await system.passTime(submitPeriod / 4);
  const lie = lieAbout(tiny.model, [input], 9, 2 ** -9.9);
  const [slowOne, other] = (["operator", "operator2"] as const).map((account) => new Liar(system, account, tiny.model)) as [Liar, Liar];
  for (const [i, requestId] of slow.entries()) {
    const posted = lieAbout(tiny.model, [input], i, 1).posted;
    await slowOne.answer(requestId, { ...lie, carried: carriedBy(posted, `/slow${i}`)! });
  }
  const watchtower = await system.startWatchtower({ account: "challenger", extra: "allowPrivateAddresses = true\n" });
  files.set("/quick", encodeBundle(lie.posted));
  await other.answer(inline[0]!, lie);
  await other.answer(byURI[0]!, { ...lie, carried: carriedBy(lie.posted, "/quick")! });
  for (const requestId of [...inline, ...byURI]) await other.fight(requestId, lie);
  assert.ok(asked.filter((path) => path.startsWith("/slow")).length > 0, "the slow ones were tried");
  assert.ok(asked.includes("/quick"));
  assert.equal(await watchtower.stop(), 0);
});

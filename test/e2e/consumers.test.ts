import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Demo, line } from "../../scripts/local/demo.ts";
import { startNetwork, type Network } from "../support/commandLine.ts";

let network: Network;
let demo: Demo;
after(() => network?.close());
before(async () => {
  network = await startNetwork();
  demo = new Demo(network.system, new AbortController().signal);
  const models = await demo.registerModels();
  await demo.registerOperator(models);
  await demo.deployConsumers(models);
  await network.system.startNode({ account: "operator" });
});

test("two contracts ask the real models and know the answers", async () => {
  const { text } = await demo.askForText();
  assert.equal(text.trimEnd(), line);
  const { faces } = await demo.askForFaces();
  assert.equal(faces.length, 2);
  for (const { probability, centreX, centreY } of faces) {
    assert.ok(probability > 0.75 && centreX > 0 && centreX < 1 && centreY > 0 && centreY < 1);
  }
  // Two fees of 0.02 ETH, less 2 % for the protocol and 2.5 % for the author.
  assert.deepEqual(await demo.earnings(), { operator: 38_200_000_000_000_000n, author: 1_000_000_000_000_000n });
});

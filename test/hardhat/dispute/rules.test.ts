import assert from "node:assert/strict";
import { type Contract, ZeroHash } from "ethers";
import { network } from "hardhat";
import { before, describe, it } from "mocha";
import { deployAssay, type Assay } from "../../../fixtures/assay.ts";

const connection = await network.create();

describe("The rules of a dispute", () => {
  let assay: Assay;
  before(async () => void (assay = await deployAssay(connection)));

  const rulesOf = async (modelId: string, output: number) =>
    [...((await assay.modelRegistry.getFunction("rulesOf")(modelId, output)) as unknown[])] as [string, string, bigint, bigint, bigint];

  /** Registers a model with these outputs. */
  async function register(outputs: { dtype: number; shape: number[]; deltaAbsolute: number; deltaRelative: number }[], roots: string) {
    const record = {
      artifactHash: `0x${"1".repeat(64)}`,
      artifactURI: "",
      programRoot: roots,
      weightRoot: roots,
      inputs: [{ name: "x", dtype: 1, shape: [1], deltaAbsolute: 0, deltaRelative: 0 }],
      outputs: outputs.map((output, i) => ({ name: `y${i}`, ...output })),
      author: assay.author.address,
      royaltyBps: 0,
    };
    const registry = assay.modelRegistry.connect(assay.author) as Contract;
    const modelId = (await registry.getFunction("modelIdOf")(record)) as string;
    await registry.getFunction("registerModel")(record);
    return modelId;
  }

  const largest = 0x7f7fffff;
  const outputs = [
    { dtype: 1, shape: [], deltaAbsolute: 1, deltaRelative: largest },
    { dtype: 7, shape: [3, 5, 7], deltaAbsolute: largest, deltaRelative: 0 },
    { dtype: 1, shape: [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], deltaAbsolute: 0, deltaRelative: 2 },
    { dtype: 1, shape: [4, 0], deltaAbsolute: 0, deltaRelative: 0 },
  ];

  it("are those of the record, for every output", async () => {
    const roots = `0x${"2".repeat(64)}`;
    const modelId = await register(outputs, roots);
    const counts = [1n, 105n, 2n ** 128n - 1n, 0n];
    for (const [i, { deltaAbsolute, deltaRelative }] of outputs.entries()) {
      assert.deepEqual(await rulesOf(modelId, i), [roots, roots, counts[i], BigInt(deltaAbsolute), BigInt(deltaRelative)]);
    }
    await assert.rejects(rulesOf(modelId, 4), /ModelOutputUnknown/);
  });

  it("say of a model without roots that it can't be judged, and of an unknown one nothing", async () => {
    const [programRoot] = await rulesOf(await register(outputs.slice(1), ZeroHash), 0);
    assert.equal(programRoot, ZeroHash);
    await assert.rejects(rulesOf(`0x${"3".repeat(64)}`, 0), /ModelUnknown/);
  });
});

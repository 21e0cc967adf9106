import assert from "node:assert/strict";
import { type Contract, getBytes, keccak256, ZeroHash } from "ethers";
import { network } from "hardhat";
import { before, describe, it } from "mocha";
import { deployAssay, type Assay } from "../../../fixtures/assay.ts";

const connection = await network.create();

describe("The rules of a dispute", () => {
  let assay: Assay;
  before(async () => void (assay = await deployAssay(connection)));

  const rulesOf = async (modelId: string, output: number) =>
    [...((await assay.modelRegistry.getFunction("rulesOf")(modelId, output)) as unknown[])] as [string, string, bigint, bigint, bigint];

  interface Output {
    dtype: number;
    shape: number[];
    deltaAbsolute: number;
    deltaRelative: number;
  }

  const top = `0x${"1".repeat(64)}`;
  const hexOf = (value: number, bytes: number) => value.toString(16).padStart(2 * bytes, "0");
  const tensorOf = ({ dtype, shape }: Pick<Output, "dtype" | "shape">) =>
    hexOf(dtype, 1) + hexOf(shape.length, 1) + shape.map((size) => hexOf(size, 4)).join("");
  /** The header of a program of one instruction (docs/canonical.md, section 6). */
  const headerOf = (outputs: Output[]) => {
    const inputs = `01${tensorOf({ dtype: 1, shape: [1] })}`;
    return `0x01${inputs}${hexOf(outputs.length, 1)}${outputs.map((output) => tensorOf(output) + hexOf(0, 8)).join("")}${"00000001".repeat(2)}00000000`;
  };
  const programRootOf = (outputs: Output[]) => keccak256(getBytes(`0x07${top.slice(2)}${headerOf(outputs).slice(2)}`));

  /** Registers a model with these outputs. */
  async function register(outputs: Output[], roots: string, header = headerOf(outputs)) {
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
    await registry.getFunction("registerModel")(record, top, header);
    return modelId;
  }

  const largest = 0x7f7fffff;
  const outputs = [
    { dtype: 1, shape: [], deltaAbsolute: 1, deltaRelative: largest },
    { dtype: 7, shape: [3, 5, 7], deltaAbsolute: largest, deltaRelative: 0 },
    { dtype: 1, shape: [2 ** 16, 2 ** 16], deltaAbsolute: 0, deltaRelative: 2 },
  ];

  it("are those of the record, for every output", async () => {
    const roots = programRootOf(outputs);
    const modelId = await register(outputs, roots);
    const counts = [1n, 105n, 2n ** 32n];
    for (const [i, { deltaAbsolute, deltaRelative }] of outputs.entries()) {
      assert.deepEqual(await rulesOf(modelId, i), [roots, roots, counts[i], BigInt(deltaAbsolute), BigInt(deltaRelative)]);
    }
    await assert.rejects(rulesOf(modelId, 3), /ModelOutputUnknown/);
  });

  it("A39 are refused where the record has other tensors than the program", async () => {
    const [first, ...rest] = outputs as [Output, ...Output[]];
    const roots = programRootOf(outputs);
    const header = headerOf(outputs);
    await assert.rejects(register(rest, roots, header), /ModelProgramTensorCount/);
    await assert.rejects(register([{ ...first, shape: [1] }, ...rest], roots, header), /ModelProgramTensorMismatch/);
    await assert.rejects(register([{ ...first, dtype: 6 }, ...rest], roots, header), /ModelProgramTensorMismatch/);
    await assert.rejects(register(outputs, roots, headerOf(rest)), /ProgramRootMismatch/);
  });

  it("A30 are refused where a tensor has no element, or more than a dispute can name", async () => {
    for (const shape of [
      [4, 0],
      [2 ** 16, 2 ** 16, 2],
    ]) {
      const given = [{ dtype: 1, shape, deltaAbsolute: 0, deltaRelative: 0 }];
      await assert.rejects(register(given, programRootOf(given)), /ModelTensorSize/);
    }
  });

  it("say of a model without roots that it can't be judged, and of an unknown one nothing", async () => {
    const [programRoot] = await rulesOf(await register(outputs.slice(1), ZeroHash), 0);
    assert.equal(programRoot, ZeroHash);
    await assert.rejects(rulesOf(`0x${"3".repeat(64)}`, 0), /ModelUnknown/);
  });
});

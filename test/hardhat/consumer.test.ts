// What the developer of a consuming contract writes: Hardhat, ethers and the fixture.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { encodeBytes32String, type Contract, type ContractTransactionResponse } from "ethers";
import { network } from "hardhat";
import { deployAssay, float32Vector, requestIdsIn } from "../../fixtures/assay.ts";
import { encodeBundle, type Tensor } from "../../oracle/core/tensor.ts";

describe("A contract that reads text", () => {
  /** 3 bytes a class: blank, then the letters of "assay". */
  const alphabet = `0x000000${[..."asy"].map((letter) => letter.charCodeAt(0).toString(16).padStart(6, "0")).join("")}`;
  const terms = { fee: 10n ** 15n, bond: 10n ** 19n, submitPeriod: 600, challengeWindow: 60, callbackGasLimit: 1_000_000, transport: 0 };
  const classes = (...values: number[]): Tensor => ({ dtype: "int8", shape: [values.length], data: Uint8Array.from(values) });

  async function deploy() {
    const connection = await network.create();
    const assay = await deployAssay(connection);
    const reader = (await connection.ethers.deployContract("TextConsumer", [
      await assay.coordinator.getAddress(),
      assay.modelId,
      // The fixture's model has no program: its answers can't be disputed.
      true,
      terms,
      alphabet,
    ])) as unknown as Contract;
    const read = async () => {
      const sent = (await reader.getFunction("read")(encodeBundle([float32Vector(new Array<number>(16).fill(0.5))]), {
        value: terms.fee,
      })) as ContractTransactionResponse;
      return requestIdsIn(assay, (await sent.wait())!)[0]!;
    };
    return { connection, assay, reader, read };
  }

  it("knows the text once the answer is final, and not before", async () => {
    const { connection, assay, reader, read } = await deploy();
    const requestId = await read();
    await assay.submit(requestId, [classes(1, 1, 0, 2, 0, 2, 1, 0, 3)]);
    assert.equal(await reader.getFunction("textOf")(requestId), "");
    await assay.finalize(requestId);
    assert.equal(await reader.getFunction("textOf")(requestId), "assay");
    await connection.close();
  });

  it("is told nothing where its callback fails, and the operator is paid", async () => {
    const { connection, assay, reader, read } = await deploy();
    const requestId = await read();
    const receipt = await assay.answer(requestId, [classes(9)]);
    assert.equal(await reader.getFunction("textOf")(requestId), "");
    const [event] = await assay.coordinator.queryFilter("Finalized", receipt.blockNumber);
    assert.ok(event && "args" in event && event.args.getValue("delivered") === false);
    const owed = (await assay.coordinator.getFunction("owed")(assay.operator.address, connection.ethers.ZeroAddress)) as bigint;
    assert.equal(owed, (terms.fee * 93n) / 100n);
    await connection.close();
  });

  it("hears of a mistake by name", async () => {
    const { connection, assay, reader, read } = await deploy();
    await read();
    await assert.rejects(assay.requestOf(encodeBytes32String("nothing")), /has no request/);
    await assert.rejects(reader.getFunction("read")("0x01", { value: terms.fee }), /TensorBundleCut/);
    await assert.rejects(reader.getFunction("read")("0x00", { value: 1n }), /FeeNotSent/);
    const address = await assay.coordinator.getAddress();
    const args = [address, assay.modelId, false, terms, alphabet];
    await assert.rejects(connection.ethers.deployContract("TextConsumer", args), /ModelNotDisputable/);
    await connection.close();
  });
});

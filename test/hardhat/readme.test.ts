import { concat, getBytes, keccak256 } from "ethers";
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Contract, ContractTransactionResponse } from "ethers";
import { network } from "hardhat";
import { deployAssay, float32Vector, requestIdsIn } from "../../fixtures/assay.ts";
import { encodeBundle } from "../../oracle/core/tensor.ts";
import { compileConsumer } from "../support/readme.ts";

const fee = 10n ** 15n;

describe("The README's consumer", () => {
  async function deploy() {
    const connection = await network.create();
    const assay = await deployAssay(connection);
    const { abi, bytecode } = compileConsumer();
    const factory = await connection.ethers.getContractFactory(abi as never, bytecode);
    const vector = (name: string, length: number) => ({ name, dtype: "float32" as const, shape: [length] });
    // It takes disputable models only; nobody disputes here, so any roots do.
    // The header of a program from float32[16] to float32[64], of one instruction.
    const header = getBytes("0x010101010000001001010100000040" + "00".repeat(8) + "00000001" + "00000001" + "00000000");
    const instructionsTop = new Uint8Array(32).fill(1);
    const programRoot = keccak256(concat(["0x07", instructionsTop, header]));
    const rules = { programRoot, weightRoot: `0x${"22".repeat(32)}`, instructionsTop, header, deltaAbsolute: 0, deltaRelative: 0 };
    const modelId = await assay.registerModel([vector("x", 16)], [vector("y", 64)], rules);
    const consumer = (await factory.deploy(await assay.coordinator.getAddress(), modelId)) as unknown as Contract;
    const readings = `0x${Buffer.from(float32Vector(new Array<number>(16).fill(0.5)).data).toString("hex")}`;
    const ask = async () => {
      const sent = (await consumer.getFunction("ask")(readings, { value: fee })) as ContractTransactionResponse;
      return requestIdsIn(assay, (await sent.wait())!)[0]!;
    };
    return { connection, assay, consumer, ask };
  }

  /** @returns whether the callback of an answer of 64 elements went through, and the forecast then. */
  async function forecastOf(values: readonly number[]) {
    const { connection, assay, consumer, ask } = await deploy();
    const receipt = await assay.answer(await ask(), [float32Vector(values)]);
    const [event] = await assay.coordinator.queryFilter("Finalized", receipt.blockNumber);
    const delivered = "args" in event! && (event.args.getValue("delivered") as boolean);
    const forecast = (await consumer.getFunction("forecast")()) as bigint;
    await connection.close();
    return { delivered, forecast };
  }

  it("is told the answer of the shipped model, within the gas that it asks for", async () => {
    const values = Array.from({ length: 64 }, (_, i) => 21.5 - i / 3);
    assert.deepEqual(await forecastOf(values), { delivered: true, forecast: 21_500_000_000_000_000_000n });
  });

  it("is told it whatever the numbers are: small and large ones take more gas", async () => {
    for (const value of [1.401298464324817e-45, -3.4028234663852886e38, 1.0000001192092896]) {
      const { delivered } = await forecastOf(new Array<number>(64).fill(value));
      assert.equal(delivered, true, `64 times ${value}`);
    }
  });

  it("asks for the input that the model takes", async () => {
    const { connection, assay, ask } = await deploy();
    const request = await assay.requestOf(await ask());
    assert.equal(request.params.fee, fee);
    assert.equal(request.requester.length, 42);
    assert.ok(encodeBundle([float32Vector(new Array<number>(16).fill(0.5))]).length > 0);
    await connection.close();
  });
});

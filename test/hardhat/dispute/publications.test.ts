import assert from "node:assert/strict";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import type { Contract } from "ethers";
import { network } from "hardhat";
import { describe, it } from "mocha";
import { PublicationTable } from "../../../fixtures/publication.ts";
import { buildRelu, reluTensor, withComingCalldata } from "../../../scripts/bench/publication.ts";
import { seededFloats } from "../../../examples/seededFloats.ts";
import { buildTiny, tinyInputs, tinyOutputs } from "../../../examples/tiny/model.ts";
import { CanonicalModel } from "../../../oracle/canonical/dispute/model.ts";
import { publicationsInterface, type Chunk } from "../../../oracle/chain/disputeCalls.ts";
import type { ContractCall } from "../../../oracle/chain/contracts.ts";
import { encodeModel, model, node, valueInfo } from "../../../oracle/content/onnxBuild.ts";
import { chunkBytes, chunkCount, tensorsOf } from "../../../oracle/core/chunks.ts";
import { bundles } from "../../../oracle/core/demandFacts.ts";
import type { Tensor } from "../../../oracle/core/tensor.ts";

const connection = await network.create();
const { networkHelpers } = connection;
const table = await PublicationTable.open(connection);
const { assay, publications, calls, requester, watchtower } = table;

const vector = (length: number, seed: number): Tensor => ({
  dtype: "float32",
  shape: [1, length],
  data: new Uint8Array(seededFloats(length, seed).buffer),
});

/** Two tensors in, two out, all of them float32. */
function buildPair(first: number, second: number): CanonicalModel {
  const info = (name: string, length: number) => valueInfo(name, "float32", [1, length]);
  return CanonicalModel.ofOnnx(
    encodeModel(
      model({
        name: "pair",
        nodes: [node("Relu", ["a"], ["c"]), node("Relu", ["b"], ["d"])],
        inputs: [info("a", first), info("b", second)],
        outputs: [info("c", first), info("d", second)],
      }),
    ),
  );
}

describe("Publications", function () {
  this.timeout(0);
  const refused = (call: ContractCall, error: string, account = assay.operator) =>
    assert.rejects(account.call(call), (reason: { data?: string }) => publicationsInterface.parseError(reason.data!)?.name === error);

  const cases: [name: string, model: () => CanonicalModel, lengths: number[]][] = [
    ["one small tensor", () => CanonicalModel.ofOnnx(buildTiny(3)), []],
    [
      "two tensors, the first of several chunks, the last of which isn't full",
      () => buildPair(2 * (chunkBytes / 4) + 77, 65),
      [32_845, 65],
    ],
    ["two tensors, the second of three full chunks", () => buildPair(3, 3 * (chunkBytes / 4)), [3, 49_152]],
  ];
  for (const [name, build, lengths] of cases) {
    it(`A29 take every chunk of ${name} in order, of both bundles, and nothing else`, async () => {
      const tensors = (seed: number, sizes: number[]) => sizes.map((length, i) => vector(length, seed + i));
      const sizes = (own: number) => (lengths.length === 0 ? [own] : lengths);
      const hidden = await table.hide(build(), tensors(1, sizes(tinyInputs)), tensors(9, sizes(tinyOutputs)));
      const { request, answer } = hidden;
      for (const bundle of bundles) {
        await table.demand(hidden, bundle);
        await refused(calls.demand(request, answer, bundle, 10n ** 18n), "DemandedBefore", watchtower);
        const count = chunkCount(hidden.tensors[bundle]);
        for (let number = 0; number < count; number++) {
          const right = table.chunk(hidden, bundle, number);
          const publish = (over: Partial<Chunk>, at = number) => calls.publish(request, answer, bundle, at, { ...right, ...over });
          const changed = Uint8Array.from(right.data);
          changed[changed.length - 1]! ^= 1;
          await refused(publish({ data: changed }), "ChunkInvalid");
          await refused(publish({ data: right.data.subarray(0, -1) }), "ChunkLength");
          await refused(publish({ data: Uint8Array.of(...right.data.subarray(0, 4), ...right.data) }), "ChunkLength");
          const otherTop = { ...right.proof, tensorTop: right.proof.tensorRoots[0]! };
          await refused(publish({ proof: otherTop }), "ChunkInvalid");
          await refused(publish({}, number + 1), "ChunkOutOfOrder");
          await refused(publish({}), "CallerNotPublisher", watchtower);
          await table.send(assay.operator, publish({}));
        }
        const logs = await publications.queryFilter(publications.getEvent("Published")());
        const shown = logs.slice(-count).map((log) => publicationsInterface.parseLog(log)!.args);
        assert.deepEqual(
          shown.map((args) => Number(args.chunk)),
          Array.from({ length: count }, (_, i) => i),
        );
        const bytes = shown.map(({ data }) => Uint8Array.from(Buffer.from((data as string).slice(2), "hex")));
        assert.deepEqual(tensorsOf(hidden.tensors[bundle], bytes), hidden.tensors[bundle]);
      }
      assert.equal(await assay.coordinator.getFunction("statusOf")(request, answer), 3n, "submitted again, no longer suspended");
    });
  }

  it("A29 pay the operator half of what it cost, and the demander the rest", async () => {
    const hidden = await table.hide(CanonicalModel.ofOnnx(buildTiny(4)), [vector(tinyInputs, 1)], [vector(tinyOutputs, 2)]);
    const { request, answer } = hidden;
    await table.demand(hidden, "OUTPUT");
    await table.publishAll(hidden, "OUTPUT");
    await refused(calls.collect(request, answer, "OUTPUT"), "AnswerNotOver");
    await networkHelpers.time.increase(2 * 3600);
    await (assay.coordinator.connect(assay.operator) as Contract).getFunction("finalize")(request, answer, "0x");
    const { escrow, drawn } = (await publications.getFunction("demandOf")(request, answer, 0)) as { escrow: bigint; drawn: bigint };
    assert.ok(drawn > 0n && 2n * drawn <= escrow);
    await table.send(watchtower, calls.collect(request, answer, "OUTPUT"));
    await refused(calls.collect(request, answer, "OUTPUT"), "NotDemanded");
    const owed = (account: HardhatEthersSigner) => publications.getFunction("owed")(account.address) as Promise<bigint>;
    assert.deepEqual([await owed(assay.operator), await owed(watchtower)], [drawn, escrow - drawn]);
    for (const account of [assay.operator, watchtower]) await table.send(requester, calls.withdraw(account.address));
    assert.equal(await connection.ethers.provider.getBalance(calls.publications), await restOf());
  });

  /** @returns what is escrowed for demands of other tests. */
  async function restOf(): Promise<bigint> {
    const logs = await publications.queryFilter(publications.getEvent("Demanded")());
    const escrows = logs.map((log) => publicationsInterface.parseLog(log)!.args.escrow as bigint);
    return escrows.slice(0, -1).reduce((sum, escrow) => sum + escrow, 0n);
  }

  it("A29 convict an operator that has published all but the last chunk when the clock ends", async () => {
    const tensors = [vector(chunkBytes / 4 + 1, 1), vector(3, 2)];
    const hidden = await table.hide(buildPair(chunkBytes / 4 + 1, 3), tensors, tensors);
    const { request, answer } = hidden;
    await table.demand(hidden, "OUTPUT");
    for (const number of [0, 1]) {
      await table.send(assay.operator, calls.publish(request, answer, "OUTPUT", number, table.chunk(hidden, "OUTPUT", number)));
    }
    await refused(calls.timeout(request, answer, "OUTPUT"), "PublicationStillRunning");
    const { deadline } = (await publications.getFunction("demandOf")(request, answer, 0)) as { deadline: bigint };
    await networkHelpers.time.increaseTo(deadline);
    await refused(calls.publish(request, answer, "OUTPUT", 2, table.chunk(hidden, "OUTPUT", 2)), "PublicationTooLate");
    await table.send(watchtower, calls.timeout(request, answer, "OUTPUT"));
    assert.equal(
      await assay.coordinator.getFunction("statusOf")(request, {
        ...answer,
        operator: connection.ethers.ZeroAddress,
        outputRoot: connection.ethers.ZeroHash,
        submittedAt: 0,
      }),
      1n,
    );
  });

  it("A29 cost no more gas than their escrow is computed with, on the coming schedule of calldata", async () => {
    const bytes = 2 ** 20;
    const hidden = await table.hide(buildRelu(bytes), [reluTensor(bytes, 1)], [reluTensor(bytes, 2)]);
    await table.demand(hidden, "OUTPUT");
    const sent = await table.publishAll(hidden, "OUTPUT");
    const { gasPerByte } = (await publications.getFunction("parameters")()) as { gasPerByte: bigint };
    const escrowed = 60_000 * 16 + Number(gasPerByte) * (bytes + 1_300 * 16);
    const spent = sent.reduce((sum, one) => sum + withComingCalldata(one), 0);
    assert.equal(sent.length, 16);
    assert.ok(spent <= escrowed, `${spent} gas, ${escrowed} escrowed`);
    assert.ok(Math.max(...sent.map(withComingCalldata)) < 2 ** 24 / 3);
  });
});

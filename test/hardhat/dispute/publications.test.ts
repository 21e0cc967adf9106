import assert from "node:assert/strict";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { type Contract, hexlify } from "ethers";
import { network } from "hardhat";
import { before, describe, it } from "mocha";
import { deployAssay, requestIdsIn, type Assay } from "../../../fixtures/assay.ts";
import { seededFloats } from "../../../examples/seededFloats.ts";
import { buildTiny, tinyInputs, tinyOutputs } from "../../../examples/tiny/model.ts";
import { CanonicalModel } from "../../../oracle/canonical/dispute/model.ts";
import { PublicationCalls, publicationsInterface, type Chunk } from "../../../oracle/chain/disputeCalls.ts";
import type { ContractCall } from "../../../oracle/chain/contracts.ts";
import { encodeModel, model, node, valueInfo } from "../../../oracle/content/onnxBuild.ts";
import { chunkBytes, chunkCount, chunkOf, chunkProof, tensorsOf } from "../../../oracle/core/chunks.ts";
import { bundles, type BundleName } from "../../../oracle/core/demandFacts.ts";
import { transports, type Answer, type Request } from "../../../oracle/core/job.ts";
import type { Tensor } from "../../../oracle/core/tensor.ts";
import { bundleRoot } from "../../../oracle/core/traceTree.ts";

const connection = await network.create();
const { networkHelpers } = connection;

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

/** One answer by URI to a request by URI: all of its bytes are hidden. */
interface Hidden {
  model: CanonicalModel;
  request: Request;
  answer: Answer;
  tensors: Record<BundleName, Tensor[]>;
}

describe("Publications", function () {
  this.timeout(0);
  let assay: Assay;
  let publications: Contract;
  let calls: PublicationCalls;
  let requester: HardhatEthersSigner;
  let watchtower: HardhatEthersSigner;

  before(async () => {
    assay = await deployAssay(connection);
    [, , requester, watchtower] = (await connection.ethers.getSigners()) as [never, never, HardhatEthersSigner, HardhatEthersSigner];
    const address = (await assay.disputeGame.getFunction("publications")()) as string;
    publications = await connection.ethers.getContractAt("Publications", address);
    calls = new PublicationCalls(address);
  });

  async function hide(hidden: CanonicalModel, input: Tensor[], output: Tensor[]): Promise<Hidden> {
    const { program, programRoot, weightRoot, instructionsTop, header } = hidden;
    const named = ({ dtype, shape }: Tensor, i: number) => ({ dtype, shape, name: `tensor${i}` });
    const rules = { programRoot, weightRoot, instructionsTop, header, deltaAbsolute: 0, deltaRelative: 0 };
    assert.equal(program.outputs.length, output.length);
    const modelId = await assay.registerModel(input.map(named), output.map(named), rules);
    const terms = { modelId, feeToken: connection.ethers.ZeroAddress, fee: 0n, bond: 10n ** 19n, callbackGasLimit: 0 };
    const params = { ...terms, submitPeriod: 3600, challengeWindow: 3600, transport: transports.onDemand };
    const by = (account: HardhatEthersSigner) => assay.coordinator.connect(account) as Contract;
    const sent = await by(requester).getFunction("requestByURI")(params, bundleRoot(input), "ipfs://nothing");
    const [requestId] = requestIdsIn(assay, await sent.wait());
    const request = (await assay.requestOf(requestId!)) as unknown as Request;
    await networkHelpers.mine(1);
    const eligibleAt = Number(await assay.coordinator.getFunction("eligibleAt")(request, assay.operator.address));
    if (eligibleAt > (await networkHelpers.time.latest())) await networkHelpers.time.increaseTo(eligibleAt);
    const outputRoot = hexlify(bundleRoot(output));
    await by(assay.operator).getFunction("submitByURI")(request, outputRoot, "ipfs://nothing");
    const answer = { operator: assay.operator.address, outputRoot, submittedAt: await networkHelpers.time.latest() };
    return { model: hidden, request, answer, tensors: { OUTPUT: output, INPUT: input } };
  }

  const send = async (account: HardhatEthersSigner, call: ContractCall) => {
    const sent = await account.sendTransaction(call);
    return (await sent.wait())!;
  };

  const chunk = ({ model: head, tensors }: Hidden, bundle: BundleName, number: number): Chunk => ({
    head,
    proof: chunkProof(tensors[bundle], number),
    data: chunkOf(tensors[bundle], number),
  });

  async function demand({ request, answer }: Hidden, bundle: BundleName): Promise<number> {
    const escrow = (await publications.getFunction("quote")(request.params.modelId, bundles.indexOf(bundle))) as bigint;
    return Number((await send(watchtower, calls.demand(request, answer, bundle, 2n * escrow))).gasUsed);
  }

  /** @returns the gas of each chunk, in order. */
  async function publishAll(hidden: Hidden, bundle: BundleName): Promise<number[]> {
    const { request, answer, tensors } = hidden;
    const gas: number[] = [];
    for (let number = 0; number < chunkCount(tensors[bundle]); number++) {
      const receipt = await send(assay.operator, calls.publish(request, answer, bundle, number, chunk(hidden, bundle, number)));
      gas.push(Number(receipt.gasUsed));
    }
    return gas;
  }

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
      const hidden = await hide(build(), tensors(1, sizes(tinyInputs)), tensors(9, sizes(tinyOutputs)));
      const { request, answer } = hidden;
      for (const bundle of bundles) {
        await demand(hidden, bundle);
        await refused(calls.demand(request, answer, bundle, 10n ** 18n), "DemandedBefore", watchtower);
        const count = chunkCount(hidden.tensors[bundle]);
        for (let number = 0; number < count; number++) {
          const right = chunk(hidden, bundle, number);
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
          await send(assay.operator, publish({}));
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
    const hidden = await hide(CanonicalModel.ofOnnx(buildTiny(4)), [vector(tinyInputs, 1)], [vector(tinyOutputs, 2)]);
    const { request, answer } = hidden;
    await demand(hidden, "OUTPUT");
    await publishAll(hidden, "OUTPUT");
    await refused(calls.collect(request, answer, "OUTPUT"), "AnswerNotOver");
    await networkHelpers.time.increase(2 * 3600);
    await (assay.coordinator.connect(assay.operator) as Contract).getFunction("finalize")(request, answer, "0x");
    const { escrow, drawn } = (await publications.getFunction("demandOf")(request, answer, 0)) as { escrow: bigint; drawn: bigint };
    assert.ok(drawn > 0n && 2n * drawn <= escrow);
    await send(watchtower, calls.collect(request, answer, "OUTPUT"));
    await refused(calls.collect(request, answer, "OUTPUT"), "NotDemanded");
    const owed = (account: HardhatEthersSigner) => publications.getFunction("owed")(account.address) as Promise<bigint>;
    assert.deepEqual([await owed(assay.operator), await owed(watchtower)], [drawn, escrow - drawn]);
    for (const account of [assay.operator, watchtower]) await send(requester, calls.withdraw(account.address));
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
    const hidden = await hide(buildPair(chunkBytes / 4 + 1, 3), tensors, tensors);
    const { request, answer } = hidden;
    await demand(hidden, "OUTPUT");
    for (const number of [0, 1]) {
      await send(assay.operator, calls.publish(request, answer, "OUTPUT", number, chunk(hidden, "OUTPUT", number)));
    }
    await refused(calls.timeout(request, answer, "OUTPUT"), "PublicationStillRunning");
    const { deadline } = (await publications.getFunction("demandOf")(request, answer, 0)) as { deadline: bigint };
    await networkHelpers.time.increaseTo(deadline);
    await refused(calls.publish(request, answer, "OUTPUT", 2, chunk(hidden, "OUTPUT", 2)), "PublicationTooLate");
    await send(watchtower, calls.timeout(request, answer, "OUTPUT"));
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

  it("A29 cost no more gas than their escrow is computed with", async () => {
    const large = 2 ** 20 / 4;
    const info = (name: string) => valueInfo(name, "float32", [1, large]);
    const relu = encodeModel(model({ name: "relu", nodes: [node("Relu", ["x"], ["y"])], inputs: [info("x")], outputs: [info("y")] }));
    const hidden = await hide(CanonicalModel.ofOnnx(relu), [vector(large, 1)], [vector(large, 2)]);
    const demanded = await demand(hidden, "OUTPUT");
    const gas = await publishAll(hidden, "OUTPUT");
    const all = gas.reduce((sum, one) => sum + one, 0);
    if (process.env.ASSAY_SHOW_GAS !== undefined) console.log({ demanded, publish64k: Math.max(...gas), publish1m: all });
    assert.equal(gas.length, 16);
    assert.ok(demanded < 250_000, String(demanded));
    assert.ok(Math.max(...gas) < 3_000_000, String(Math.max(...gas)));
    assert.ok(all < 48_000_000, String(all));
  });
});

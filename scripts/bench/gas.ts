import { encodeBundle, type Tensor } from "../../oracle/core/tensor.ts";
import { bundleRoot } from "../../oracle/core/traceTree.ts";
import { deployAssay, float32Vector, requestIdsIn } from "../../fixtures/assay.ts";
import { hexlify, type Contract, type ContractTransactionReceipt, type ContractTransactionResponse } from "ethers";
import { network } from "hardhat";
import { once, type Bench } from "./harness.ts";

/** Gas of whole transactions, calldata and the 21,000 of each included. */
export interface GasFigures {
  request: number;
  submit: number;
  finalize: number;
  /** Request, submit and finalize of one request, each in its own transaction. */
  single: number;
  requestBatch10: number;
  submitBatch10: number;
  finalizeBatch10: number;
  /** The same of ten requests that share their three transactions, a request. */
  batch10: number;
}

const batch = 10;

/** Numbers that look like a model's output: hardly a byte of theirs is zero. */
function seededFloats(length: number, seed: number): Tensor {
  let state = seed;
  const next = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * 2 - 1;
  return float32Vector(Array.from({ length }, next));
}

/**
 * Measures on Hardhat's own network, in the steady state: everybody has been paid before, so no counter starts from zero.
 * A consumer contract asks on fixed terms with 16 words of input and an ETH fee; the answer has 64 words; the callback emits it; the
 * protocol's fee and the author's royalty are both on.
 */
export async function measureGas(): Promise<GasFigures> {
  const connection = await network.create();
  try {
    const { ethers, networkHelpers } = connection;
    const assay = await deployAssay(connection);
    const coordinator = assay.coordinator.connect(assay.operator) as Contract;
    const fee = 10n ** 16n;
    const params = {
      modelId: assay.modelId,
      feeToken: ethers.ZeroAddress,
      fee,
      bond: 10n ** 19n,
      submitPeriod: 600,
      challengeWindow: 3600,
      callbackGasLimit: 100_000,
      transport: 0,
    };
    const address = await assay.coordinator.getAddress();
    const consumer = (await ethers.deployContract("FixedTermsConsumer", [address, params])) as unknown as Contract;
    const send = async (contract: Contract, name: string, ...args: unknown[]) => {
      const sent = (await contract.getFunction(name)(...args)) as ContractTransactionResponse;
      return (await sent.wait())!;
    };

    const life = async (count: number, seed: number, single: boolean): Promise<[number, number, number]> => {
      const inputs = Array.from({ length: count }, (_, i) => encodeBundle([seededFloats(16, seed + i)]));
      const tensors = Array.from({ length: count }, (_, i) => [seededFloats(64, seed + 100 + i)]);
      const outputs = tensors.map((tensor) => encodeBundle(tensor));
      const requested = single
        ? await send(consumer, "ask", inputs[0], { value: fee })
        : await send(consumer, "askBatch", inputs, { value: fee * BigInt(count) });
      const requests = await Promise.all(requestIdsIn(assay, requested).map((id) => assay.requestOf(id)));
      const submitted = single
        ? await send(coordinator, "submit", requests[0], outputs[0])
        : await send(coordinator, "submitBatch", requests, outputs);
      const submittedAt = (await submitted.getBlock()).timestamp;
      const answers = tensors.map((tensor) => ({ operator: assay.operator.address, outputRoot: hexlify(bundleRoot(tensor)), submittedAt }));
      await networkHelpers.time.increase(params.challengeWindow);
      const finalized = single
        ? await send(coordinator, "finalize", requests[0], answers[0], outputs[0])
        : await send(coordinator, "finalizeBatch", requests, answers, outputs);
      await assertDelivered(assay.coordinator, finalized, count);
      return [Number(requested.gasUsed), Number(submitted.gasUsed), Number(finalized.gasUsed)];
    };

    await life(1, 1, true);
    const [request, submit, finalize] = await life(1, 1000, true);
    const [requestBatch10, submitBatch10, finalizeBatch10] = await life(batch, 2000, false);
    return {
      request,
      submit,
      finalize,
      single: request + submit + finalize,
      requestBatch10,
      submitBatch10,
      finalizeBatch10,
      batch10: (requestBatch10 + submitBatch10 + finalizeBatch10) / batch,
    };
  } finally {
    await connection.close();
  }
}

/** A figure is worth nothing if the callbacks didn't run. */
async function assertDelivered(coordinator: Contract, receipt: ContractTransactionReceipt, count: number): Promise<void> {
  const events = await coordinator.queryFilter(coordinator.getEvent("Finalized")(), receipt.blockNumber, receipt.blockNumber);
  const delivered = events.filter((event) => "args" in event && event.args.getValue("delivered") === true).length;
  if (delivered !== count) throw new Error(`${delivered} of ${count} answers were delivered; the gas would not be that of the whole`);
}

const figures = once(measureGas);

export const benches: Bench[] = [
  { name: "gas.single", unit: "gas", target: 180_000, run: async () => (await figures()).single },
  { name: "gas.batch10", unit: "gas/request", target: 110_000, run: async () => (await figures()).batch10 },
];

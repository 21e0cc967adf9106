/** Gas of demanding an answer's bytes and of publishing them, whole transactions, through the real contracts. */
import { network } from "hardhat";
import { seededFloats } from "../../examples/seededFloats.ts";
import { PublicationTable, type Sent } from "../../fixtures/publication.ts";
import { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { encodeModel, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import { once, type Bench } from "./harness.ts";

/** @returns a model whose input and output have as many bytes. */
export function buildRelu(bytes: number): CanonicalModel {
  const info = (name: string) => valueInfo(name, "float32", [1, bytes / 4]);
  const relu = model({ name: "relu", nodes: [node("Relu", ["x"], ["y"])], inputs: [info("x")], outputs: [info("y")] });
  return CanonicalModel.ofOnnx(encodeModel(relu));
}

export const reluTensor = (bytes: number, seed: number): Tensor => ({
  dtype: "float32",
  shape: [1, bytes / 4],
  data: new Uint8Array(seededFloats(bytes / 4, seed).buffer),
});

/**
 * On the schedule that is coming, where a byte of calldata, zero or not, costs 64 gas at least instead of 40 (EIP-7976): what is above that
 * floor today is above it or becomes it.
 */
export const withComingCalldata = ({ gas, bytes }: Sent): number => Math.max(gas, 21_000 + 64 * bytes);

const sizes = { "64k": 2 ** 16, "1m": 2 ** 20 };

/** @returns gas by names as "publish.64k.gas"; "….coming" is on the coming calldata schedule; "demand.gas" is of the largest answer. */
export async function measurePublications(): Promise<Record<string, number>> {
  const connection = await network.create();
  const sum = (sent: readonly Sent[], gasOf: (one: Sent) => number) => sent.reduce((total, one) => total + gasOf(one), 0);
  try {
    const table = await PublicationTable.open(connection);
    const measured: Record<string, number> = {};
    for (const [name, bytes] of Object.entries(sizes)) {
      const hidden = await table.hide(buildRelu(bytes), [reluTensor(bytes, 1)], [reluTensor(bytes, 2)]);
      measured["demand.gas"] = (await table.demand(hidden, "OUTPUT")).gas;
      const sent = await table.publishAll(hidden, "OUTPUT");
      measured[`publish.${name}.gas`] = sum(sent, ({ gas }) => gas);
      measured[`publish.${name}.coming`] = sum(sent, withComingCalldata);
      measured[`publish.${name}.transactions`] = sent.length;
    }
    return measured;
  } finally {
    await connection.close();
  }
}

const figures = once(measurePublications);
const bench = (name: string, unit: string): Bench => ({ name, unit, target: null, run: async () => (await figures())[name]! });

export const benches: Bench[] = [
  bench("demand.gas", "gas"),
  ...Object.keys(sizes).flatMap((size) => [
    bench(`publish.${size}.gas`, "gas"),
    bench(`publish.${size}.coming`, "gas where calldata costs 64 a byte"),
  ]),
];

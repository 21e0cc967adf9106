/** What ONNX Runtime gives for a model, as core tensors. */
import * as ort from "onnxruntime-node";
import { dtypes, type Dtype, type Tensor } from "../../../oracle/core/tensor.ts";

const views = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const satisfies Record<Dtype, unknown>;

type Feed = { name: string; tensor: Tensor };

/** @returns the outputs in the model's order. */
export async function runOnnxRuntime(bytes: Uint8Array, feeds: readonly Feed[]): Promise<Tensor[]> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const given = feeds.map(({ name, tensor: { dtype, shape, data } }) => {
    const numbers = new views[dtype](data.slice().buffer);
    return [name, new ort.Tensor(dtype, numbers, shape)] as const;
  });
  const results = await session.run(Object.fromEntries(given));
  const outputs = session.outputNames.map((name): Tensor => {
    const { type, dims, data } = results[name]!;
    if (!Object.hasOwn(dtypes, type)) throw new Error(`output ${name} is ${type}`);
    const numbers = data as Float32Array;
    return { dtype: type as Dtype, shape: [...dims], data: new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength).slice() };
  });
  await session.release();
  return outputs;
}

/** The elements as numbers. */
export function numbersOf({ dtype, data }: Tensor): number[] {
  return Array.from(new views[dtype](data.slice().buffer) as ArrayLike<number | bigint>, Number);
}

/** What ONNX Runtime gives for a model, as core tensors. */
import * as ort from "onnxruntime-node";
import { dtypes, elementsOf, type Dtype, type Tensor } from "../../../oracle/core/tensor.ts";
import { toOrt } from "../../../oracle/runtime/sessions.ts";

type Feed = { name: string; tensor: Tensor };

/** @returns the outputs in the model's order. */
export async function runOnnxRuntime(bytes: Uint8Array, feeds: readonly Feed[]): Promise<Tensor[]> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const given = feeds.map(({ name, tensor }) => [name, toOrt(tensor)] as const);
  const results = await session.run(Object.fromEntries(given), { logSeverityLevel: 4 });
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
export function numbersOf(tensor: Tensor): number[] {
  return Array.from(elementsOf(tensor) as ArrayLike<number | bigint>, Number);
}

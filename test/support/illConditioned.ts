import { seededFloats } from "../../examples/seededFloats.ts";
import { encodeModel, float32, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";

const terms = 64;
const columns = 16;
const weights = seededFloats(terms * columns, 28);

/** One product, y = x·W: float32[1,64] → float32[1,16]. */
export const productModel = encodeModel(
  model({
    name: "product",
    nodes: [node("MatMul", ["x", "W"], ["y"])],
    initializers: [float32("W", weights, [terms, columns])],
    inputs: [valueInfo("x", "float32", [1, terms])],
    outputs: [valueInfo("y", "float32", [1, columns])],
  }),
);

const row = (data: Float32Array): Tensor => ({ dtype: "float32", shape: [1, terms], data: new Uint8Array(data.buffer) });

/** An input on which binary32 hardware is right. */
export const harmlessInput = row(seededFloats(terms, 29));

/**
 * An input of terms around 2^22 whose sum with the first column's weights nearly cancels: rounding errors of about 1 are left, in whatever
 * order binary32 adds, beside a true value far below that.
 */
export function cancellingInput(seed = 30): Tensor {
  const x = seededFloats(terms, seed, 2 ** 22);
  const column = (i: number) => weights[i * columns]!;
  const last = Array.from({ length: terms }, (_, i) => i).reduce((a, b) => (Math.abs(column(b)) > Math.abs(column(a)) ? b : a));
  let sum = 0;
  for (let i = 0; i < terms; i++) if (i !== last) sum += x[i]! * column(i);
  x[last] = -sum / column(last);
  return row(x);
}

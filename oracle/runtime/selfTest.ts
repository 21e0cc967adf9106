/** Whether an execution provider computes what the CPU computes. Drivers exist that don't. */
import { encodeModel, float32, int64, model, node, valueInfo } from "../content/onnxBuild.ts";
import type { Tensor as OrtTensor } from "onnxruntime-node";
import { Tensor } from "onnxruntime-node";
import { RuntimeError } from "./runtimeError.ts";
import { createSession } from "./sessions.ts";

/** Largest difference that is put down to rounding, relative to the largest output. Reduced precision (TF32) is coarser. */
const tolerance = 1e-4;

/** Numbers in [-1, 1) that are the same everywhere. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** A padded convolution and a matrix product. */
function selfTestModel(): Uint8Array {
  return encodeModel(
    model({
      name: "selfTest",
      nodes: [
        node("Conv", ["x", "filter", "bias"], ["c"], { pads: [1, 1, 1, 1] }),
        node("Relu", ["c"], ["r"]),
        node("Reshape", ["r", "flat"], ["f"]),
        node("MatMul", ["f", "weight"], ["y"]),
      ],
      initializers: [
        float32("filter", numbers(8 * 3 * 9, 1), [8, 3, 3, 3]),
        float32("bias", numbers(8, 2)),
        int64("flat", [1, -1]),
        float32("weight", numbers(2048 * 10, 3), [2048, 10]),
      ],
      inputs: [valueInfo("x", "float32", [1, 3, 16, 16])],
      outputs: [valueInfo("y", "float32", [1, 10])],
    }),
  );
}

async function outputsOf(provider: string): Promise<Float32Array> {
  const session = await createSession(selfTestModel(), provider, 1);
  try {
    const { y } = (await session.run({ x: new Tensor("float32", numbers(768, 4), [1, 3, 16, 16]) })) as { y: OrtTensor };
    return Float32Array.from(y.data as Float32Array);
  } finally {
    await session.release();
  }
}

/** @throws RuntimeError `declined` where `provider` is missing, fails, or differs from the CPU by more than rounding. */
export async function probe(provider: string): Promise<void> {
  const expected = await outputsOf("cpu");
  const found = await outputsOf(provider).catch((error: unknown) => {
    throw new RuntimeError("declined", error instanceof Error ? error.message : String(error));
  });
  const scale = Math.max(...expected.map(Math.abs));
  const worst = Math.max(...expected.map((value, i) => Math.abs(value - found[i]!)));
  if (!(worst <= tolerance * scale)) {
    throw new RuntimeError(
      "declined",
      `it computes wrong numbers: off by ${worst.toPrecision(3)} where the largest is ${scale.toPrecision(3)}`,
    );
  }
}

/** Input tensors as words, and words as output tensors (docs/canonical.md, section 2). */
import { dtypes, elementCount, type Dtype, type Tensor } from "../../core/tensor.ts";
import type { ProgramInput, ProgramOutput, Word } from "../program/types.ts";
import { isNaN32, nan } from "./binary32.ts";
import { saturated, wrapped } from "./integers.ts";

export class InputError extends Error {
  override name = "InputError";
}

/** @throws InputError where the inputs are not those that the program takes. */
export function checkInputs(expected: readonly ProgramInput[], inputs: readonly Tensor[]): void {
  const named = (tensors: readonly ProgramInput[]) => tensors.map(({ dtype, shape }) => `${dtype}[${shape.join(", ")}]`).join(", ");
  if (named(expected) !== named(inputs)) throw new InputError(`the program takes ${named(expected)}, not ${named(inputs)}`);
}

/** @returns the word that element `index` of the tensor widens to. */
export function widened({ dtype, data }: Tensor, index: number): Word {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const at = index * dtypes[dtype].size;
  switch (dtype) {
    case "float32": {
      const word = view.getUint32(at, true);
      return isNaN32(word) ? nan : word;
    }
    case "int32":
      return view.getUint32(at, true);
    case "uint8":
      return view.getUint8(at);
    case "int8":
      return wrapped(BigInt(view.getInt8(at)));
    case "bool":
      return view.getUint8(at) === 0 ? 0 : 1;
    case "int64":
      return saturated(view.getBigInt64(at, true));
  }
}

function write(view: DataView, at: number, dtype: Dtype, word: Word): void {
  switch (dtype) {
    case "float32":
    case "int32":
      view.setUint32(at, word, true);
      return;
    case "uint8":
    case "int8":
      view.setUint8(at, word & 0xff);
      return;
    case "bool":
      view.setUint8(at, word === 0 ? 0 : 1);
      return;
    case "int64":
      view.setBigInt64(at, BigInt(word | 0), true);
  }
}

/** @param trace the words of the whole trace. */
export function narrowed({ dtype, shape, offset }: ProgramOutput, trace: Uint32Array): Tensor {
  const count = elementCount(shape);
  const { size } = dtypes[dtype];
  const data = new Uint8Array(count * size);
  const view = new DataView(data.buffer);
  for (let i = 0; i < count; i++) write(view, i * size, dtype, trace[offset + i]!);
  return { dtype, shape: [...shape], data };
}

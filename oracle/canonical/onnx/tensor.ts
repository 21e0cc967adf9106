/** TensorProto → numbers, with every way in which a file can contradict itself refused. */
import { TensorProto_DataLocation, type TensorProto } from "onnx-buf";
import { elementName, elements, type ElementName, type Numbers } from "./elements.ts";
import { OnnxError } from "./errors.ts";
import { limits } from "./limits.ts";

/** A constant of the model. */
export interface ConstantTensor {
  element: ElementName;
  shape: number[];
  /** Row-major; empty for element types that no lowering reads (strings, complex and half-precision numbers). */
  numbers: Numbers;
}

/**
 * @param dims as a file states them.
 * @returns them as numbers.
 * @throws OnnxError where one is negative, there are too many, or their product is too large.
 */
export function checkedShape(what: string, dims: readonly bigint[]): number[] {
  if (dims.length > limits.rank) throw new OnnxError(`${what} has ${dims.length} dimensions; at most ${limits.rank} are allowed`);
  let count = 1n;
  for (const dim of dims) {
    if (dim < 0n) throw new OnnxError(`${what} has a dimension of ${dim}`);
    if (dim > BigInt(limits.tensorElements))
      throw new OnnxError(`${what} has a dimension of ${dim}; at most ${limits.tensorElements} is allowed`);
    count *= dim;
  }
  if (count > BigInt(limits.tensorElements))
    throw new OnnxError(`${what} has ${count} elements (${dims.join(" × ")}); at most ${limits.tensorElements} are allowed`);
  return dims.map(Number);
}

/** Ranges of the integers that travel in a wider field. */
const ranges: Partial<Record<ElementName, [bigint, bigint]>> = {
  uint8: [0n, 255n],
  int8: [-128n, 127n],
  uint16: [0n, 65535n],
  int16: [-32768n, 32767n],
  bool: [0n, 1n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 63n - 1n],
};

function checkRange(what: string, element: ElementName, value: bigint | number): void {
  const range = ranges[element];
  if (range === undefined) return;
  if (value < range[0] || value > range[1]) throw new OnnxError(`${what} holds ${value}, which is no ${element} that a program can hold`);
}

type Wide = "int64" | "uint32" | "uint64";
const isWide = (element: ElementName): element is Wide => element === "int64" || element === "uint32" || element === "uint64";

/** One NaN is all that the canonical evaluation knows (docs/canonical.md). */
function canonicalNaN(words: Float32Array): Float32Array {
  const bits = new Uint32Array(words.buffer, words.byteOffset, words.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & 0x7fffffff) > 0x7f800000) bits[i] = 0x7fc00000;
  return words;
}

function fromRaw(what: string, element: ElementName, raw: Uint8Array, count: number): Numbers {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const integers = (size: number, read: (offset: number) => number): Int32Array => {
    const numbers = new Int32Array(count);
    for (let i = 0; i < count; i++) numbers[i] = read(i * size);
    return numbers;
  };
  switch (element) {
    case "float32":
      return canonicalNaN(new Float32Array(new Uint8Array(raw).buffer));
    case "float64":
      return new Float64Array(new Uint8Array(raw).buffer);
    case "int64":
      return new BigInt64Array(new Uint8Array(raw).buffer);
    case "uint64": {
      const numbers = new BigUint64Array(new Uint8Array(raw).buffer);
      for (const value of numbers) checkRange(what, element, value);
      return new BigInt64Array(numbers.buffer);
    }
    case "uint32":
      return BigInt64Array.from({ length: count }, (_, i) => BigInt(view.getUint32(4 * i, true)));
    case "int32":
      return integers(4, (offset) => view.getInt32(offset, true));
    case "uint16":
      return integers(2, (offset) => view.getUint16(offset, true));
    case "int16":
      return integers(2, (offset) => view.getInt16(offset, true));
    case "uint8":
      return integers(1, (offset) => view.getUint8(offset));
    case "int8":
      return integers(1, (offset) => view.getInt8(offset));
    case "bool": {
      const numbers = integers(1, (offset) => view.getUint8(offset));
      for (const value of numbers) checkRange(what, element, value);
      return numbers;
    }
    default:
      return new Int32Array(0);
  }
}

function fromField(what: string, element: ElementName, values: readonly (number | bigint)[]): Numbers {
  if (element === "float32") return canonicalNaN(Float32Array.from(values, Number));
  if (element === "float64") return Float64Array.from(values, Number);
  for (const value of values) checkRange(what, element, value);
  if (isWide(element)) return BigInt64Array.from(values, BigInt);
  if (element === "float16" || element === "bfloat16") return new Int32Array(0);
  return Int32Array.from(values, Number);
}

/**
 * @param what names the tensor in errors.
 * @throws OnnxError for external data, for a tensor given in two ways or cut short, and for values outside their type.
 */
export function readTensor(what: string, tensor: TensorProto): ConstantTensor {
  if (tensor.dataLocation !== TensorProto_DataLocation.DEFAULT || tensor.externalData.length > 0)
    throw new OnnxError(`${what} keeps its data in another file; save the model with all data inside`);
  if (tensor.segment !== undefined) throw new OnnxError(`${what} is only a segment of a tensor`);
  const element = elementName(tensor.dataType);
  if (element === undefined) throw new OnnxError(`${what} has element type ${tensor.dataType}, which is not supported`);
  const shape = checkedShape(what, tensor.dims);
  const count = shape.reduce((product, dim) => product * dim, 1);
  const { size, field } = elements[element];
  if (field === null) return { element, shape, numbers: new Int32Array(0) };
  for (const other of ["floatData", "int32Data", "int64Data", "uint64Data", "doubleData", "stringData"] as const) {
    if (other !== field && tensor[other].length > 0) throw new OnnxError(`${what} is ${element} but holds ${other}`);
  }
  const values = tensor[field];
  if (values.length > 0 && tensor.rawData.length > 0) throw new OnnxError(`${what} holds its data twice, in ${field} and in rawData`);
  if (values.length > 0) {
    if (values.length !== count)
      throw new OnnxError(`${what} of shape [${shape.join(", ")}] holds ${values.length} elements, not ${count}`);
    return { element, shape, numbers: fromField(what, element, values) };
  }
  const length = tensor.rawData.length;
  if (length !== count * size) throw new OnnxError(`${what} of shape [${shape.join(", ")}] holds ${length} bytes, not ${count * size}`);
  return { element, shape, numbers: fromRaw(what, element, tensor.rawData, count) };
}

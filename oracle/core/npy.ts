/** Tensors in files: .npy (versions 1 to 3), JSON, and raw bytes. Numbers never pass through JavaScript where bits could be lost. */
import { checkTensor, dtypes, elementCount, maxRank, TensorError, type Dtype, type Tensor } from "./tensor.ts";

const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);

/** NumPy's names of the element types; where a byte order is given, it is little-endian. */
const descriptors: Record<Dtype, string> = { float32: "<f4", uint8: "|u1", int8: "|i1", int32: "<i4", int64: "<i8", bool: "|b1" };

function dtypeOfDescriptor(descriptor: string): Dtype {
  const found = Object.entries(descriptors).find(
    ([, candidate]) => candidate === descriptor || candidate.slice(1) === descriptor.replace(/^[<|=]/, ""),
  );
  if (descriptor.startsWith(">"))
    throw new TensorError(`the .npy file is big-endian (${descriptor}); save it as ${descriptor.replace(">", "<")}`);
  if (found) return found[0] as Dtype;
  const advice = descriptor === "<f8" ? "; save it with .astype(np.float32)" : "";
  throw new TensorError(`the .npy file holds elements of type ${descriptor}, which no model takes${advice}`);
}

/**
 * The header is a Python literal: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
 * @throws TensorError where it is anything else (a record type, an unknown key).
 */
function parseHeader(text: string): { descriptor: string; fortranOrder: boolean; shape: number[] } {
  const descriptor = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const dimensions = /'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(text)?.[1];
  if (descriptor === undefined || fortran === undefined || dimensions === undefined) {
    throw new TensorError(`the .npy header can't be read: ${text.trim().slice(0, 120)}`);
  }
  const shape = dimensions
    .split(",")
    .map((part) => part.replace("L", "").trim())
    .filter((part) => part !== "")
    .map(Number);
  return { descriptor, fortranOrder: fortran === "True", shape };
}

/**
 * Reads a .npy file of version 1, 2 or 3 in C order and little-endian bytes.
 * @returns a tensor whose data are a view into `bytes`.
 * @throws TensorError on any other file, saying what to do about it.
 */
export function readNpy(bytes: Uint8Array): Tensor {
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte))
    throw new TensorError("this is no .npy file: it doesn't begin with \\x93NUMPY");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = bytes[6]!;
  if (major < 1 || major > 3) throw new TensorError(`.npy version ${major} is not known; versions 1 to 3 are`);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw new TensorError(`the .npy file is cut: ${bytes.length} bytes`);
  const end = start + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < end) throw new TensorError(`the .npy file is cut: its header ends at byte ${end}, the file after ${bytes.length}`);
  const { descriptor, fortranOrder, shape } = parseHeader(new TextDecoder().decode(bytes.subarray(start, end)));
  const dtype = dtypeOfDescriptor(descriptor);
  if (fortranOrder && shape.length > 1) throw new TensorError("the .npy file is in Fortran order; save it with np.ascontiguousarray(…)");
  const tensor = { dtype, shape, data: bytes.subarray(end) };
  checkTensor(tensor);
  checkBools(tensor);
  return tensor;
}

/** @returns a .npy file of version 1, its data 64-byte aligned as NumPy writes it. @throws TensorError */
export function writeNpy(tensor: Tensor): Uint8Array {
  checkTensor(tensor);
  const { dtype, shape, data } = tensor;
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const literal = `{'descr': '${descriptors[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + literal.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + length + data.length);
  bytes.set(magic);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, length, true);
  bytes.set(new TextEncoder().encode(`${literal.padEnd(length - 1)}\n`), 10);
  bytes.set(data, 10 + length);
  return bytes;
}

/** @throws TensorError where `bytes` don't fit dtype and shape. */
export function readRaw(bytes: Uint8Array, dtype: Dtype, shape: number[]): Tensor {
  const tensor = { dtype, shape, data: bytes };
  checkTensor(tensor);
  checkBools(tensor);
  return tensor;
}

function checkBools({ dtype, data }: Tensor): void {
  if (dtype !== "bool") return;
  const at = data.findIndex((byte) => byte > 1);
  if (at >= 0) throw new TensorError(`element ${at} of a bool tensor is ${data[at]}; it must be 0 or 1`);
}

const ranges = { uint8: [0, 255], int8: [-128, 127], int32: [-(2 ** 31), 2 ** 31 - 1] } as const;

const describe = (value: unknown) => JSON.stringify(value) ?? String(value);

/** A binary32 from JSON: a number, or one of the strings that JSON has no number for. Bits of a NaN are given as `"0x7fc00001"`. */
function writeFloat(view: DataView, at: number, value: unknown): boolean {
  if (typeof value === "number") view.setFloat32(at, value, true);
  else if (value === "NaN") view.setUint32(at, 0x7fc00000, true);
  else if (value === "Infinity" || value === "-Infinity" || value === "-0") view.setFloat32(at, Number(value), true);
  else if (typeof value === "string" && /^0x[0-9a-fA-F]{8}$/.test(value)) view.setUint32(at, Number(value), true);
  else return false;
  return true;
}

function writeInt64(view: DataView, at: number, value: unknown): boolean {
  const exact = typeof value === "number" ? Number.isSafeInteger(value) : typeof value === "string" && /^-?\d+$/.test(value);
  if (!exact) return false;
  const integer = BigInt(value as number | string);
  if (BigInt.asIntN(64, integer) !== integer) return false;
  view.setBigInt64(at, integer, true);
  return true;
}

function writeElement(view: DataView, at: number, dtype: Dtype, value: unknown): boolean {
  switch (dtype) {
    case "float32":
      return writeFloat(view, at, value);
    case "int64":
      return writeInt64(view, at, value);
    case "bool":
      if (value !== true && value !== false && value !== 0 && value !== 1) return false;
      view.setUint8(at, Number(value));
      return true;
    case "uint8":
    case "int8":
    case "int32": {
      const [low, high] = ranges[dtype];
      if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) return false;
      if (dtype === "int32") view.setInt32(at, value, true);
      else view.setUint8(at, value & 0xff);
      return true;
    }
  }
}

/**
 * Reads `{ "dtype": …, "shape": [...], "data": [...] }`, data in row-major order, nested or flat.
 * An int64 beyond 2^53 is a string of digits; NaN, -0 and the infinities are the strings `"NaN"`, `"-0"`, `"Infinity"`, `"-Infinity"`.
 * @param json what JSON.parse gave.
 * @throws TensorError naming the element that can't be held exactly.
 */
export function readJson(json: unknown): Tensor {
  const { dtype, shape, data } = (typeof json === "object" && json !== null ? json : {}) as Record<string, unknown>;
  if (typeof dtype !== "string" || !Object.hasOwn(dtypes, dtype)) {
    throw new TensorError(`"dtype" must be one of ${Object.keys(dtypes).join(", ")}, not ${describe(dtype)}`);
  }
  if (!Array.isArray(shape) || shape.length > maxRank || !shape.every((dimension) => Number.isInteger(dimension) && dimension >= 0)) {
    throw new TensorError(`"shape" must be a list of at most ${maxRank} whole numbers, not ${describe(shape)}`);
  }
  if (!Array.isArray(data)) throw new TensorError(`"data" must be a list of elements`);
  const elements: unknown[] = data.flat(maxRank);
  const count = elementCount(shape as number[]);
  if (elements.length !== count)
    throw new TensorError(`"data" has ${elements.length} elements; shape [${shape.join(", ")}] takes ${count}`);
  const { size } = dtypes[dtype as Dtype];
  const bytes = new Uint8Array(count * size);
  const view = new DataView(bytes.buffer);
  elements.forEach((value, i) => {
    if (!writeElement(view, i * size, dtype as Dtype, value))
      throw new TensorError(`element ${i} of "data" is ${describe(value)}, which is no ${dtype}`);
  });
  return { dtype: dtype as Dtype, shape: shape as number[], data: bytes };
}

/** The inverse of `readJson`, with flat data. NaNs with a payload keep their bits as `"0x…"`. @throws TensorError */
export function writeJson(tensor: Tensor): { dtype: Dtype; shape: number[]; data: (number | string | boolean)[] } {
  checkTensor(tensor);
  const { dtype, shape, data } = tensor;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const { size } = dtypes[dtype];
  const element = (i: number): number | string | boolean => {
    switch (dtype) {
      case "float32": {
        const value = view.getFloat32(i * size, true);
        if (Number.isNaN(value)) {
          const bits = view.getUint32(i * size, true);
          return bits === 0x7fc00000 ? "NaN" : `0x${bits.toString(16).padStart(8, "0")}`;
        }
        if (Object.is(value, -0)) return "-0";
        return Number.isFinite(value) ? value : String(value);
      }
      case "int64": {
        const value = view.getBigInt64(i * size, true);
        return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
      }
      case "int32":
        return view.getInt32(i * size, true);
      case "int8":
        return view.getInt8(i);
      case "uint8":
        return view.getUint8(i);
      case "bool":
        return view.getUint8(i) !== 0;
    }
  };
  return { dtype, shape, data: Array.from({ length: elementCount(shape) }, (_, i) => element(i)) };
}

/** Tensors as bytes: JavaScript numbers would rewrite NaN payloads, and JSON loses -0. */

/** The element types that a model's inputs and outputs may have, with their ONNX TensorProto.DataType and bytes per element. */
export const dtypes = {
  float32: { code: 1, size: 4 },
  uint8: { code: 2, size: 1 },
  int8: { code: 3, size: 1 },
  int32: { code: 6, size: 4 },
  int64: { code: 7, size: 8 },
  bool: { code: 9, size: 1 },
} as const;

export type Dtype = keyof typeof dtypes;

export interface Tensor {
  dtype: Dtype;
  /** At most 8 dimensions, each below 2^32. */
  shape: number[];
  /** Elements in row-major order, little-endian, without padding. */
  data: Uint8Array;
}

export const maxRank = 8;

export class TensorError extends Error {
  override name = "TensorError";
}

export function dtypeOfCode(code: number): Dtype {
  for (const [name, { code: candidate }] of Object.entries(dtypes)) {
    if (candidate === code) return name as Dtype;
  }
  throw new TensorError(`element type ${code} is not supported; supported are ${Object.keys(dtypes).join(", ")}`);
}

/** @returns the number of elements of `shape`; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** @throws TensorError where the byte length is not what dtype and shape ask for. */
export function checkTensor({ dtype, shape, data }: Tensor): void {
  if (shape.length > maxRank) throw new TensorError(`${shape.length} dimensions; at most ${maxRank} are allowed`);
  for (const dimension of shape) {
    if (!Number.isInteger(dimension) || dimension < 0 || dimension >= 2 ** 32) throw new TensorError(`${dimension} is not a dimension`);
  }
  const expected = elementCount(shape) * dtypes[dtype].size;
  if (data.length !== expected) throw new TensorError(`${dtype}[${shape.join(", ")}] takes ${expected} bytes, not ${data.length}`);
}

/** The typed array that holds each element type on a little-endian machine. */
const elementArrays = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const satisfies Record<Dtype, unknown>;

export type Elements<D extends Dtype = Dtype> = InstanceType<(typeof elementArrays)[D]>;

/** @returns the elements as numbers (int64: bigints): a view of `data` where it is aligned, else a copy. */
export function elementsOf<D extends Dtype = Dtype>({ dtype, data }: { dtype: D; data: Uint8Array }): Elements<D> {
  const { size } = dtypes[dtype];
  // SAFETY: a Buffer's own slice copies nothing and stays where it is, so the copy must be an array of its own.
  const { buffer, byteOffset } = data.byteOffset % size === 0 ? data : new Uint8Array(data);
  return new elementArrays[dtype](buffer as ArrayBuffer, byteOffset, data.length / size) as Elements<D>;
}

const paddedLength = (length: number) => Math.ceil(length / 4) * 4;

/** @returns the bytes that `encodeBundle` makes of tensors of these types and shapes. */
export function bundleLength(tensors: readonly { dtype: Dtype; shape: readonly number[] }[]): number {
  return tensors.reduce((sum, { dtype, shape }) => sum + 2 + 4 * shape.length + paddedLength(elementCount(shape) * dtypes[dtype].size), 1);
}

/**
 * Encodes a list of tensors as the bytes that travel in calldata, events and files (docs/commitments.md).
 * @returns count, then for each tensor: dtype code, rank, dimensions (4 bytes each, little-endian), data padded with zeros to whole words.
 * @throws TensorError
 */
export function encodeBundle(tensors: readonly Tensor[]): Uint8Array {
  if (tensors.length > 255) throw new TensorError(`${tensors.length} tensors; at most 255 are allowed`);
  const bytes = new Uint8Array(bundleLength(tensors));
  const view = new DataView(bytes.buffer);
  bytes[0] = tensors.length;
  let offset = 1;
  for (const tensor of tensors) {
    checkTensor(tensor);
    bytes[offset] = dtypes[tensor.dtype].code;
    bytes[offset + 1] = tensor.shape.length;
    offset += 2;
    for (const dimension of tensor.shape) {
      view.setUint32(offset, dimension, true);
      offset += 4;
    }
    bytes.set(tensor.data, offset);
    offset += paddedLength(tensor.data.length);
  }
  return bytes;
}

/**
 * The inverse of `encodeBundle`; the tensors' data are views into `bytes`.
 * @throws TensorError on anything that `encodeBundle` could not have made (cut, trailing bytes, padding that isn't zero).
 */
export function decodeBundle(bytes: Uint8Array): Tensor[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const need = (end: number) => {
    if (end > bytes.length) throw new TensorError(`the tensors end after ${bytes.length} bytes; at least ${end} were announced`);
  };
  need(1);
  const tensors: Tensor[] = [];
  let offset = 1;
  for (let i = 0; i < bytes[0]!; i++) {
    need(offset + 2);
    const dtype = dtypeOfCode(bytes[offset]!);
    const rank = bytes[offset + 1]!;
    if (rank > maxRank) throw new TensorError(`${rank} dimensions; at most ${maxRank} are allowed`);
    offset += 2;
    need(offset + 4 * rank);
    const shape = Array.from({ length: rank }, (_, d) => view.getUint32(offset + 4 * d, true));
    offset += 4 * rank;
    const length = elementCount(shape) * dtypes[dtype].size;
    const end = offset + paddedLength(length);
    need(end);
    if (bytes.subarray(offset + length, end).some((byte) => byte !== 0)) throw new TensorError("padding that is not zero");
    tensors.push({ dtype, shape, data: bytes.subarray(offset, offset + length) });
    offset = end;
  }
  if (offset !== bytes.length) throw new TensorError(`${bytes.length - offset} bytes behind the last tensor`);
  return tensors;
}

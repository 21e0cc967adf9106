import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readJson, readNpy, readRaw, writeJson, writeNpy } from "../../../oracle/core/npy.ts";
import { dtypes, elementCount, TensorError, type Dtype, type Tensor } from "../../../oracle/core/tensor.ts";

const tensors: fc.Arbitrary<Tensor> = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(dtypes) as Dtype[])),
    shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
    seed: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  })
  .map(({ dtype, shape, seed }) => {
    const data = Uint8Array.from({ length: elementCount(shape) * dtypes[dtype].size }, (_, i) => seed[(i * 7) % 64]! ^ (i & 0xff));
    return { dtype, shape, data: dtype === "bool" ? data.map((byte) => byte & 1) : data };
  });

/** A file as NumPy would write it, with the header given by hand. */
function npy(header: string, data: Uint8Array, version = 1): Uint8Array {
  const text = new TextEncoder().encode(`${header}\n`);
  const prefix = new Uint8Array(version === 1 ? 10 : 12);
  prefix.set([0x93, ...Buffer.from("NUMPY"), version, 0]);
  const view = new DataView(prefix.buffer);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  return Buffer.concat([prefix, text, data]);
}

test("any tensor survives .npy and JSON bit for bit", () => {
  fc.assert(
    fc.property(tensors, (tensor) => {
      const { dtype, shape, data } = readNpy(writeNpy(tensor));
      assert.deepEqual({ dtype, shape, data: Uint8Array.from(data) }, tensor);
      assert.deepEqual(readJson(JSON.parse(JSON.stringify(writeJson(tensor)))), tensor);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("a file of NumPy itself is read, in all three versions", () => {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
  const data = new Uint8Array(Float32Array.of(1.5, -0).buffer);
  for (const version of [1, 2, 3]) {
    const tensor = readNpy(npy(header, data, version));
    assert.deepEqual([tensor.dtype, tensor.shape, [...tensor.data]], ["float32", [2, 1], [...data]]);
  }
});

test("files that can't be read say what to do", () => {
  const shape = "'shape': (2, 2), }";
  const cases: [Uint8Array, RegExp][] = [
    [Buffer.from("not a file of numpy"), /no \.npy file/],
    [npy(`{'descr': '<f4', 'fortran_order': True, ${shape}`, new Uint8Array(16)), /np\.ascontiguousarray/],
    [npy(`{'descr': '<f8', 'fortran_order': False, ${shape}`, new Uint8Array(32)), /astype\(np\.float32\)/],
    [npy(`{'descr': '>f4', 'fortran_order': False, ${shape}`, new Uint8Array(16)), /big-endian.*<f4/],
    [npy(`{'descr': [('a', '<f4')], 'fortran_order': False, ${shape}`, new Uint8Array(16)), /header can't be read/],
    [npy(`{'descr': '<f4', 'fortran_order': False, ${shape}`, new Uint8Array(15)), /takes 16 bytes, not 15/],
    [npy(`{'descr': '|b1', 'fortran_order': False, ${shape}`, Uint8Array.of(0, 1, 2, 0)), /element 2 of a bool/],
    [npy("{}", new Uint8Array(0), 4), /version 4/],
    [writeNpy({ dtype: "uint8", shape: [1], data: Uint8Array.of(1) }).subarray(0, 40), /cut/],
  ];
  for (const [bytes, message] of cases) assert.throws(() => readNpy(bytes), { name: "TensorError", message });
});

test("JSON keeps what numbers can't say", () => {
  const tensor = readJson({ dtype: "float32", shape: [5], data: ["NaN", "-0", "Infinity", "-Infinity", "0x7f800001"] });
  assert.deepEqual([...new Uint32Array(tensor.data.buffer)], [0x7fc00000, 0x80000000, 0x7f800000, 0xff800000, 0x7f800001]);
  const big = readJson({ dtype: "int64", shape: [2], data: ["-9223372036854775808", 7] });
  assert.deepEqual([...new BigInt64Array(big.data.buffer)], [-(2n ** 63n), 7n]);
});

test("JSON that would lose bits is refused", () => {
  const cases: [unknown, RegExp][] = [
    [{ dtype: "int64", shape: [1], data: [2 ** 60] }, /element 0 .* no int64/],
    [{ dtype: "int64", shape: [1], data: ["9223372036854775808"] }, /no int64/],
    [{ dtype: "uint8", shape: [2], data: [0, 256] }, /element 1 .* is 256/],
    [{ dtype: "int8", shape: [1], data: [1.5] }, /no int8/],
    [{ dtype: "float32", shape: [1], data: [null] }, /null, which is no float32/],
    [{ dtype: "float16", shape: [1], data: [1] }, /"dtype" must be one of/],
    [{ dtype: "float32", shape: [3], data: [[1, 2]] }, /2 elements; shape \[3\] takes 3/],
    [null, /"dtype"/],
  ];
  for (const [json, message] of cases) assert.throws(() => readJson(json), { name: "TensorError", message });
  assert.throws(() => readRaw(new Uint8Array(3), "float32", [1]), TensorError);
});

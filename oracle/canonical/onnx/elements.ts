/** The element types of ONNX tensors: name, `TensorProto.DataType`, bytes per element, and the field that holds them where it isn't raw_data. */
import type { TensorProto } from "onnx-buf";

type DataField = "floatData" | "int32Data" | "int64Data" | "uint64Data" | "doubleData";

interface Element {
  code: number;
  /** Bytes; 0 where elements are no whole bytes. */
  size: number;
  field: DataField | null;
}

export const elements = {
  float32: { code: 1, size: 4, field: "floatData" },
  uint8: { code: 2, size: 1, field: "int32Data" },
  int8: { code: 3, size: 1, field: "int32Data" },
  uint16: { code: 4, size: 2, field: "int32Data" },
  int16: { code: 5, size: 2, field: "int32Data" },
  int32: { code: 6, size: 4, field: "int32Data" },
  int64: { code: 7, size: 8, field: "int64Data" },
  string: { code: 8, size: 0, field: null },
  bool: { code: 9, size: 1, field: "int32Data" },
  float16: { code: 10, size: 2, field: "int32Data" },
  float64: { code: 11, size: 8, field: "doubleData" },
  uint32: { code: 12, size: 4, field: "uint64Data" },
  uint64: { code: 13, size: 8, field: "uint64Data" },
  complex64: { code: 14, size: 0, field: null },
  complex128: { code: 15, size: 0, field: null },
  bfloat16: { code: 16, size: 2, field: "int32Data" },
} as const satisfies Record<string, Element & { field: (DataField & keyof TensorProto) | null }>;

export type ElementName = keyof typeof elements;

/** @returns undefined for codes that stand for no type, or for one of the 4- and 8-bit floats and 4-bit integers. */
export function elementName(code: number): ElementName | undefined {
  for (const [name, element] of Object.entries(elements)) if (element.code === code) return name as ElementName;
  return undefined;
}

/** Holds the numbers of a constant: binary32 as Float32Array, 64-bit integers as BigInt64Array, narrower integers and booleans as Int32Array. */
export type Numbers = Float32Array | Float64Array | Int32Array | BigInt64Array;

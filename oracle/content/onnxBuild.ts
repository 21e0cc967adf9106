/** Builds ONNX models in memory: the start-up self-test, the demo models and the tests are made with it. The same calls give the same bytes. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "onnx-buf";
import { checkTensor, dtypes, type Dtype, type Tensor } from "../core/tensor.ts";

/** A number is a 64-bit integer attribute; a binary32 attribute is `{ float }`. */
export type AttributeValue =
  number | string | number[] | { float: number } | { floats: number[] } | { graph: GraphProto } | { tensor: TensorProto };

export interface GraphParts {
  name: string;
  nodes: NodeProto[];
  initializers?: TensorProto[];
  inputs: ValueInfoProto[];
  outputs: ValueInfoProto[];
}

function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === "number") return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  if (typeof value === "string") return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: bytesOf(value) });
  if (Array.isArray(value)) return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
  if ("float" in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  if ("floats" in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: value.floats });
  if ("graph" in value) return create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: value.graph });
  return create(AttributeProtoSchema, { name, type: AttributeType.TENSOR, t: value.tensor });
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(new TextEncoder().encode(text));

/** @param inputs an empty name leaves an optional input out. */
export function node(
  opType: string,
  inputs: string[],
  outputs: string[],
  attributes: Record<string, AttributeValue> = {},
  domain = "",
): NodeProto {
  return create(NodeProtoSchema, {
    name: `${opType}:${outputs[0]}`,
    opType,
    domain,
    input: inputs,
    output: outputs,
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  });
}

/** A constant under `name`, stored as raw little-endian bytes. @throws TensorError where data and shape disagree. */
export function initializer(name: string, tensor: Tensor): TensorProto {
  checkTensor(tensor);
  return create(TensorProtoSchema, {
    name,
    dataType: dtypes[tensor.dtype].code,
    dims: tensor.shape.map(BigInt),
    rawData: Uint8Array.from(tensor.data),
  });
}

/** A constant of binary32 numbers, in row-major order; without a shape, a vector. */
export function float32(name: string, values: ArrayLike<number>, shape: number[] = [values.length]): TensorProto {
  return initializer(name, { dtype: "float32", shape, data: new Uint8Array(Float32Array.from(values).buffer) });
}

/** A constant vector of 64-bit integers: shapes, axes, indices. */
export function int64(name: string, values: number[], shape: number[] = [values.length]): TensorProto {
  return initializer(name, { dtype: "int64", shape, data: new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer) });
}

/** An input or output of a graph; a string is a symbolic dimension. */
export function valueInfo(name: string, dtype: Dtype, shape: (number | string)[]): ValueInfoProto {
  const dim = shape.map((dimension) =>
    create(TensorShapeProto_DimensionSchema, {
      value: typeof dimension === "number" ? { case: "dimValue", value: BigInt(dimension) } : { case: "dimParam", value: dimension },
    }),
  );
  const tensorType = create(TypeProto_TensorSchema, { elemType: dtypes[dtype].code, shape: create(TensorShapeProtoSchema, { dim }) });
  return create(ValueInfoProtoSchema, { name, type: create(TypeProtoSchema, { value: { case: "tensorType", value: tensorType } }) });
}

export function graph({ name, nodes, initializers = [], inputs, outputs }: GraphParts): GraphProto {
  return create(GraphProtoSchema, { name, node: nodes, initializer: initializers, input: inputs, output: outputs });
}

/** The version of the file format that came with an operator set. */
const irVersion = (opset: number): bigint => (opset >= 21 ? 10n : opset >= 19 ? 9n : 8n);

/** @param opset version of the default operator set. @param domains further operator sets, name to version. */
export function model(parts: GraphParts, opset = 17, domains: Record<string, number> = {}): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: irVersion(opset),
    producerName: "assay",
    graph: graph(parts),
    opsetImport: Object.entries({ "": opset, ...domains }).map(([domain, version]) =>
      create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
    ),
  });
}

/** The file's bytes. Fields are written in the order of their numbers, so equal models give equal bytes and one keccak. */
export function encodeModel(proto: ModelProto): Uint8Array<ArrayBuffer> {
  return toBinary(ModelProtoSchema, proto);
}

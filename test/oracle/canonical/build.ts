/** Makes small ONNX models for tests. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as Type,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type NodeProto,
  type TensorProto,
} from "onnx-buf";
import { elements, type ElementName } from "../../../oracle/canonical/onnx/elements.ts";

export type GraphInit = Exclude<MessageInitShape<typeof GraphProtoSchema>, { $typeName: string }>;
export type AttributeValue = number | bigint | string | number[] | bigint[] | string[] | TensorProto | { graph: GraphInit };

function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === "number") return create(AttributeProtoSchema, { name, type: Type.FLOAT, f: value });
  if (typeof value === "bigint") return create(AttributeProtoSchema, { name, type: Type.INT, i: value });
  if (typeof value === "string") return create(AttributeProtoSchema, { name, type: Type.STRING, s: new Uint8Array(Buffer.from(value)) });
  if (Array.isArray(value)) {
    if (typeof value[0] === "bigint") return create(AttributeProtoSchema, { name, type: Type.INTS, ints: value as bigint[] });
    if (typeof value[0] === "string")
      return create(AttributeProtoSchema, {
        name,
        type: Type.STRINGS,
        strings: value.map((text) => new Uint8Array(Buffer.from(String(text)))),
      });
    return create(AttributeProtoSchema, { name, type: Type.FLOATS, floats: value as number[] });
  }
  if ("graph" in value) return create(AttributeProtoSchema, { name, type: Type.GRAPH, g: value.graph });
  return create(AttributeProtoSchema, { name, type: Type.TENSOR, t: value });
}

/** Numbers become FLOAT attributes, bigints INT. */
export function node(
  operator: string,
  inputs: string[],
  outputs: string[],
  attributes: Record<string, AttributeValue> = {},
  { name = `${operator} ${outputs.join()}`, domain = "" } = {},
): NodeProto {
  return create(NodeProtoSchema, {
    opType: operator,
    domain,
    name,
    input: inputs,
    output: outputs,
    attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
  });
}

export function tensor(name: string, element: ElementName, dims: number[], values: readonly (number | bigint)[]): TensorProto {
  const base = { name, dims: dims.map(BigInt), dataType: elements[element].code };
  if (element === "float32") return create(TensorProtoSchema, { ...base, floatData: values.map(Number) });
  if (element === "int64") return create(TensorProtoSchema, { ...base, int64Data: values.map(BigInt) });
  return create(TensorProtoSchema, { ...base, int32Data: values.map(Number) });
}

export const value = (name: string, element: ElementName, dims: (number | string)[]) =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType: elements[element].code,
          shape: {
            dim: dims.map((dim) => ({
              value:
                typeof dim === "number" ? { case: "dimValue" as const, value: BigInt(dim) } : { case: "dimParam" as const, value: dim },
            })),
          },
        },
      },
    },
  });

export function model(graph: GraphInit, { opset = 17, ir = 8 } = {}): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(ir),
      opsetImport: [{ domain: "", version: BigInt(opset) }],
      graph: { name: "g", ...graph },
    }),
  );
}

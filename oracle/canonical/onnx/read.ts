/** Bytes → checked model. */
import { fromBinary } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType as Type, ModelProtoSchema } from "onnx-buf";
import type { AttributeProto, GraphProto, ModelProto, NodeProto, ValueInfoProto } from "onnx-buf";
import { elementName } from "./elements.ts";
import { nodeLabel, OnnxError } from "./errors.ts";
import type { Attribute, Graph, Model, Node, ValueInfo } from "./graph.ts";
import { limits } from "./limits.ts";
import { checkedShape, readTensor, type ConstantTensor } from "./tensor.ts";
import { scan } from "./wire.ts";

/** What may be read: IR versions, and versions of ONNX's own operator set. */
export const supported = { ir: [3, 13], opset: [1, 25] } as const;

const domainOf = (domain: string) => (domain === "ai.onnx" ? "" : domain);

class Reader {
  #nodes = 0;
  #opsets: ReadonlyMap<string, number>;

  constructor(opsets: ReadonlyMap<string, number>) {
    this.#opsets = opsets;
  }

  /** @param outer the names of the graphs around this one. */
  graph(proto: GraphProto, outer: ReadonlySet<string>, depth: number): Graph {
    const what = `graph '${proto.name}'`;
    if (depth > limits.graphDepth) throw new OnnxError(`${what} is nested more than ${limits.graphDepth} deep`);
    if (proto.sparseInitializer.length > 0) throw new OnnxError(`${what} has sparse initialisers; make them dense`);
    const names = new Set(outer);
    const define = (name: string, by: string) => {
      if (name === "") throw new OnnxError(`${by} has no name`);
      if (names.has(name)) throw new OnnxError(`${by} defines '${name}', which is defined already`);
      names.add(name);
    };
    const initializers = new Map<string, ConstantTensor>();
    for (const tensor of proto.initializer) {
      define(tensor.name, `an initialiser of ${what}`);
      initializers.set(tensor.name, readTensor(`initialiser '${tensor.name}'`, tensor));
    }
    const inputs: ValueInfo[] = [];
    const inputNames = new Set<string>();
    for (const input of proto.input) {
      if (inputNames.has(input.name)) throw new OnnxError(`${what} has two inputs '${input.name}'`);
      inputNames.add(input.name);
      if (initializers.has(input.name)) continue;
      define(input.name, `an input of ${what}`);
      inputs.push(valueInfo(input));
    }
    const nodes = proto.node.map((node) => this.#node(node, names, define, depth));
    const outputs = proto.output.map(valueInfo);
    for (const { name } of outputs) {
      if (!names.has(name)) throw new OnnxError(`${what} gives '${name}', which nothing defines`);
    }
    return { name: proto.name, inputs, outputs, initializers, nodes };
  }

  #node(proto: NodeProto, names: ReadonlySet<string>, define: (name: string, by: string) => void, depth: number): Node {
    if (++this.#nodes > limits.nodes) throw new OnnxError(`the model has more than ${limits.nodes} nodes`);
    const what = `node '${nodeLabel({ name: proto.name, operator: proto.opType, outputs: proto.output })}'`;
    const domain = domainOf(proto.domain);
    const opset = this.#opsets.get(domain);
    if (opset === undefined) throw new OnnxError(`${what} is of the operator set '${domain}', which the model does not import`);
    if (proto.opType === "") throw new OnnxError(`${what} names no operator`);
    for (const input of proto.input) {
      if (input !== "" && !names.has(input))
        throw new OnnxError(`${what} reads '${input}', which nothing before it defines (a cycle, or unsorted)`);
    }
    const attributes = new Map<string, Attribute>();
    for (const attribute of proto.attribute) {
      if (attributes.has(attribute.name)) throw new OnnxError(`${what} has two attributes '${attribute.name}'`);
      attributes.set(attribute.name, this.#attribute(what, attribute, names, depth));
    }
    for (const output of proto.output) if (output !== "") define(output, what);
    return { name: proto.name, domain, operator: proto.opType, opset, inputs: proto.input, outputs: proto.output, attributes };
  }

  #attribute(what: string, proto: AttributeProto, names: ReadonlySet<string>, depth: number): Attribute {
    if (proto.refAttrName !== "")
      throw new OnnxError(`${what}: attribute '${proto.name}' refers to a function's attribute outside of any function`);
    switch (proto.type) {
      case Type.FLOAT:
        return { kind: "float", value: proto.f };
      case Type.INT:
        return { kind: "int", value: proto.i };
      case Type.STRING:
        return { kind: "string", value: text(proto.s) };
      case Type.TENSOR:
        if (proto.t === undefined) break;
        return { kind: "tensor", value: readTensor(`${what}: attribute '${proto.name}'`, proto.t) };
      case Type.GRAPH:
        if (proto.g === undefined) break;
        return { kind: "graph", value: this.graph(proto.g, names, depth + 1) };
      case Type.FLOATS:
        return { kind: "floats", value: proto.floats };
      case Type.INTS:
        return { kind: "ints", value: proto.ints };
      case Type.STRINGS:
        return { kind: "strings", value: proto.strings.map(text) };
      case Type.UNDEFINED:
        throw new OnnxError(`${what}: attribute '${proto.name}' has no type`);
      default:
        return { kind: "unsupported", value: Type[proto.type] ?? String(proto.type) };
    }
    throw new OnnxError(`${what}: attribute '${proto.name}' is empty`);
  }
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

function valueInfo({ name, type }: ValueInfoProto): ValueInfo {
  if (type?.value.case !== "tensorType") return { name, element: undefined, shape: undefined };
  const { elemType, shape } = type.value.value;
  if (shape === undefined) return { name, element: elementName(elemType), shape: undefined };
  const what = `value '${name}'`;
  if (shape.dim.length > limits.rank) throw new OnnxError(`${what} has ${shape.dim.length} dimensions; at most ${limits.rank} are allowed`);
  checkedShape(
    what,
    shape.dim.flatMap(({ value }) => (value.case === "dimValue" && value.value >= 0n ? [value.value] : [])),
  );
  const dims = shape.dim.map(({ value }) => {
    if (value.case === "dimParam") return value.value;
    // Some exporters write -1 for a size that varies.
    return value.case === "dimValue" && value.value >= 0n ? Number(value.value) : "";
  });
  return { name, element: elementName(elemType), shape: dims };
}

function operatorSets(proto: ModelProto): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain: stated, version } of proto.opsetImport) {
    const domain = domainOf(stated);
    if (opsets.has(domain)) throw new OnnxError(`the model imports the operator set '${domain}' twice`);
    opsets.set(domain, Number(version));
  }
  const own = opsets.get("");
  if (own !== undefined && (own < supported.opset[0] || own > supported.opset[1]))
    throw new OnnxError(`the model imports version ${own} of ONNX's operators; versions ${supported.opset.join(" to ")} are read`);
  return opsets;
}

/**
 * Reads an ONNX file of which nothing is trusted.
 * @throws OnnxError saying what is wrong with it: cut, contradictory, unsorted, external data, sizes past `limits`.
 */
export function readModel(file: Uint8Array): Model {
  // A Buffer's slices share its memory; a plain view's do not.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  scan(ModelProtoSchema, bytes);
  let proto: ModelProto;
  try {
    proto = fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw new OnnxError(`the file is not a protobuf message of ONNX: ${(error as Error).message}`, { cause: error });
  }
  const irVersion = Number(proto.irVersion);
  if (irVersion < supported.ir[0] || irVersion > supported.ir[1])
    throw new OnnxError(`the file has IR version ${irVersion}; versions ${supported.ir.join(" to ")} are read (is it an ONNX model?)`);
  if (proto.functions.length > 0)
    throw new OnnxError(`the model defines ${proto.functions.length} functions of its own; inline them first`);
  if (proto.graph === undefined) throw new OnnxError("the model has no graph");
  const opsets = operatorSets(proto);
  const graph = new Reader(opsets).graph(proto.graph, new Set(), 0);
  if (graph.outputs.length === 0) throw new OnnxError("the model has no outputs");
  return { irVersion, opsets, graph };
}

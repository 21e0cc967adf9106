/**
 * What every ONNX file must pass before it is run or lowered: one meaning, all of it inside the file.
 * ONNX Runtime accepts more (it reads weights from other files, and the second of two values under one name wins or loses by luck).
 */
import { fromBinary, type UnknownField } from "@bufbuild/protobuf";
import {
  ModelProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
} from "onnx-buf";

/** Why a file is refused, as a sentence for people. */
export class OnnxError extends Error {
  override name = "OnnxError";
}

const maxNesting = 16;
const maxTensorBytes = 2n ** 31n;

/** Bits of one element in `raw_data`, and the field that holds elements where `raw_data` doesn't. */
const elementTypes: Partial<Record<DataType, { bits: bigint; field: DataField }>> = {
  [DataType.FLOAT]: { bits: 32n, field: "floatData" },
  [DataType.UINT8]: { bits: 8n, field: "int32Data" },
  [DataType.INT8]: { bits: 8n, field: "int32Data" },
  [DataType.UINT16]: { bits: 16n, field: "int32Data" },
  [DataType.INT16]: { bits: 16n, field: "int32Data" },
  [DataType.INT32]: { bits: 32n, field: "int32Data" },
  [DataType.INT64]: { bits: 64n, field: "int64Data" },
  [DataType.STRING]: { bits: 0n, field: "stringData" },
  [DataType.BOOL]: { bits: 8n, field: "int32Data" },
  [DataType.FLOAT16]: { bits: 16n, field: "int32Data" },
  [DataType.BFLOAT16]: { bits: 16n, field: "int32Data" },
  [DataType.DOUBLE]: { bits: 64n, field: "doubleData" },
  [DataType.UINT32]: { bits: 32n, field: "uint64Data" },
  [DataType.UINT64]: { bits: 64n, field: "uint64Data" },
};

const dataFields = ["floatData", "int32Data", "stringData", "int64Data", "doubleData", "uint64Data"] as const;
type DataField = (typeof dataFields)[number];

/**
 * Parses `bytes` and checks them.
 * @returns the model; its tensors are views into `bytes` where the parser can.
 * @throws OnnxError naming the tensor, node or graph that is wrong.
 */
export function checkOnnx(bytes: Uint8Array): ModelProto {
  const model = parse(bytes);
  if (!model.graph || model.graph.node.length + model.graph.output.length === 0)
    throw new OnnxError("the file is no ONNX model: it has no graph");
  refuseUnknown(model, "the model");
  if (model.opsetImport.length === 0) throw new OnnxError("the model names no operator set");
  refuseTwins(
    "operator sets",
    model.opsetImport.map(({ domain }) => (domain === "ai.onnx" ? "" : domain)),
  );
  if (model.trainingInfo.length > 0) throw new OnnxError("the model carries training graphs; export it for inference");
  refuseTwins(
    "functions",
    model.functions.map(({ domain, name, overload }) => `${domain}:${name}:${overload}`),
  );
  model.functions.forEach(checkFunction);
  checkGraph(model.graph, "the graph", new Set(), 0);
  return model;
}

function parse(bytes: Uint8Array): ModelProto {
  if (bytes.length === 0) throw new OnnxError("the file is empty");
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw new OnnxError(`the file is no ONNX model: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** ONNX Runtime may know a field that was added to the format later, and compute something else than what is read here. */
function refuseUnknown({ $unknown }: { $unknown?: UnknownField[] | undefined }, where: string): void {
  const [field] = $unknown ?? [];
  if (field) throw new OnnxError(`${where} has a field, number ${field.no}, that is not part of ONNX 1.20; export it for an older version`);
}

function refuseTwins(kinds: string, names: Iterable<string>): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new OnnxError(`two ${kinds} are called "${name}": which one counts is not defined`);
    seen.add(name);
  }
}

function checkFunction(definition: FunctionProto): void {
  const { name, input, output, node, attributeProto } = definition;
  const where = `function "${name}"`;
  refuseUnknown(definition, where);
  refuseTwins(`inputs of ${where}`, input);
  const defined = new Set(input);
  checkNodes(node, where, defined, 1);
  attributeProto.forEach((attribute) => checkAttribute(attribute, where, defined, 1));
  requireDefined(output, defined, `an output of ${where}`);
}

/** @param outer names that the graph can see from the graphs around it. */
function checkGraph(graph: GraphProto, where: string, outer: ReadonlySet<string>, depth: number): void {
  if (depth > maxNesting) throw new OnnxError(`graphs are nested deeper than ${maxNesting}`);
  refuseUnknown(graph, where);
  const inputs = graph.input.map(({ name }) => name);
  const constants = [...graph.initializer.map(({ name }) => name), ...graph.sparseInitializer.map(({ values }) => values?.name ?? "")];
  refuseTwins(`inputs of ${where}`, inputs);
  refuseTwins(`initialisers of ${where}`, constants);
  graph.initializer.forEach((tensor) => checkTensorProto(tensor, `initialiser "${tensor.name}" of ${where}`));
  graph.sparseInitializer.forEach((tensor) => checkSparse(tensor, where));
  const defined = new Set(outer);
  // An input may have an initialiser, its default; no other name may be given twice.
  for (const name of new Set([...inputs, ...constants])) define(name, defined, where);
  checkNodes(graph.node, where, defined, depth);
  const outputs = graph.output.map(({ name }) => name);
  refuseTwins(`outputs of ${where}`, depth === 0 ? outputs : []);
  requireDefined(outputs, defined, `an output of ${where}`);
}

function define(name: string, defined: Set<string>, where: string): void {
  if (name === "") throw new OnnxError(`a value of ${where} has no name`);
  if (defined.has(name)) throw new OnnxError(`two values of ${where} are called "${name}": which one counts is not defined`);
  defined.add(name);
}

function requireDefined(names: string[], defined: ReadonlySet<string>, what: string): void {
  const missing = names.find((name) => !defined.has(name));
  if (missing !== undefined) throw new OnnxError(`"${missing}", ${what}, is computed by nothing`);
}

/** Nodes come in the order in which they can be computed, so a graph with a cycle fails here. */
function checkNodes(nodes: NodeProto[], where: string, defined: Set<string>, depth: number): void {
  for (const [index, node] of nodes.entries()) {
    const self = `node "${node.name || index}" (${node.opType}) of ${where}`;
    refuseUnknown(node, self);
    const missing = node.input.find((name) => name !== "" && !defined.has(name));
    if (missing !== undefined) throw new OnnxError(`${self} uses "${missing}" before it is computed`);
    refuseTwins(
      `attributes of ${self}`,
      node.attribute.map(({ name }) => name),
    );
    node.attribute.forEach((attribute) => checkAttribute(attribute, self, defined, depth));
    for (const name of node.output) if (name !== "") define(name, defined, where);
  }
}

function checkAttribute(attribute: AttributeProto, where: string, defined: ReadonlySet<string>, depth: number): void {
  const self = `attribute "${attribute.name}" of ${where}`;
  refuseUnknown(attribute, self);
  const tensors = attribute.t ? [attribute.t, ...attribute.tensors] : attribute.tensors;
  tensors.forEach((tensor) => checkTensorProto(tensor, self));
  const sparse = attribute.sparseTensor ? [attribute.sparseTensor, ...attribute.sparseTensors] : attribute.sparseTensors;
  sparse.forEach((tensor) => checkSparse(tensor, self));
  const graphs = attribute.g ? [attribute.g, ...attribute.graphs] : attribute.graphs;
  graphs.forEach((graph) => checkGraph(graph, self, defined, depth + 1));
}

function checkSparse({ values, indices }: SparseTensorProto, where: string): void {
  for (const part of [values, indices]) if (part) checkTensorProto(part, `sparse tensor "${values?.name ?? ""}" of ${where}`);
}

function checkTensorProto(tensor: TensorProto, where: string): void {
  if (tensor.externalData.length > 0 || tensor.dataLocation === DataLocation.EXTERNAL) {
    throw new OnnxError(`${where} keeps its data in another file; save the model as one file`);
  }
  refuseUnknown(tensor, where);
  if (tensor.segment) throw new OnnxError(`${where} is cut into segments; save the model as one file`);
  if (tensor.dims.some((dimension) => dimension < 0n)) throw new OnnxError(`${where} has the shape [${tensor.dims.join(", ")}]`);
  const count = tensor.dims.reduce((product, dimension) => product * dimension, 1n);
  const type = elementTypes[tensor.dataType as DataType];
  const bits = type?.bits ?? 4n;
  if ((count * bits) / 8n > maxTensorBytes)
    throw new OnnxError(`${where} would take ${(count * bits) / 8n} bytes; at most ${maxTensorBytes} are allowed`);
  const filled = dataFields.filter((field) => tensor[field].length > 0);
  if (filled.length + (tensor.rawData.length > 0 ? 1 : 0) > 1) {
    throw new OnnxError(`${where} carries its data twice: which of them counts is not defined`);
  }
  // Types of less than a byte, and the 8-bit floats, are packed in several ways; no operator that the oracle knows takes them.
  if (!type) return;
  if (filled[0] !== undefined && filled[0] !== type.field) throw new OnnxError(`${where} has its data in a field of another type`);
  const expected = tensor.rawData.length > 0 ? (count * bits) / 8n : count;
  const found = tensor.rawData.length > 0 ? tensor.rawData.length : tensor[type.field].length;
  if (BigInt(found) !== expected) {
    const unit = tensor.rawData.length > 0 ? "bytes" : "elements";
    throw new OnnxError(`${where} has the shape [${tensor.dims.join(", ")}] and ${found} ${unit} of data, not ${expected}`);
  }
}

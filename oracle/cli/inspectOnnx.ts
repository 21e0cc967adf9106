import { TensorProto_DataType, type GraphProto, type ModelProto, type TensorProto, type ValueInfoProto } from "onnx-buf";
import { checkOnnx, OnnxError } from "../content/onnxCheck.ts";
import { dtypes, type Dtype } from "../core/tensor.ts";
import { keccak256 } from "../core/traceTree.ts";
import { CliError } from "./exitCodes.ts";

export interface Signature {
  name: string;
  /** ONNX's name of the element type, in lower case; a `Dtype` where Assay can carry it. */
  dtype: string;
  /** A string is a dimension that the file leaves open; null where it doesn't even say the rank. */
  shape: (number | string)[] | null;
}

export interface Inspection {
  file: string;
  /** keccak-256 of the file's bytes. */
  artifactHash: string;
  bytes: number;
  producer: string;
  /** Version of each operator set by its domain; ONNX's own is "ai.onnx". */
  opsets: Record<string, number>;
  inputs: Signature[];
  outputs: Signature[];
  /** How often each operator occurs, in subgraphs too. */
  operators: Record<string, number>;
  nodes: number;
  /** Elements of all initialisers and constants. */
  weights: number;
  /** What keeps the model from being registered as it stands; empty where nothing does. */
  obstacles: string[];
}

const dtypeByCode = new Map(Object.entries(dtypes).map(([name, { code }]) => [code as number, name as Dtype]));

function signatureOf(value: ValueInfoProto): Signature {
  const type = value.type?.value;
  if (type?.case !== "tensorType") return { name: value.name, dtype: type?.case ?? "untyped", shape: null };
  const code = type.value.elemType;
  const shape = type.value.shape?.dim.map((dimension, axis) => {
    if (dimension.value.case === "dimValue" && dimension.value.value > 0n) return Number(dimension.value.value);
    return dimension.value.case === "dimParam" ? dimension.value.value : `axis ${axis}`;
  });
  return {
    name: value.name,
    dtype: dtypeByCode.get(code) ?? TensorProto_DataType[code]?.toLowerCase() ?? `type ${code}`,
    shape: shape ?? null,
  };
}

function* graphsOf(graph: GraphProto): Generator<GraphProto> {
  yield graph;
  for (const { attribute } of graph.node) {
    for (const { g, graphs } of attribute) {
      if (g !== undefined) yield* graphsOf(g);
      for (const inner of graphs) yield* graphsOf(inner);
    }
  }
}

const elements = ({ dims }: TensorProto): number => dims.reduce((product, dimension) => product * Number(dimension), 1);

function parse(file: string, bytes: Uint8Array): ModelProto & { graph: GraphProto } {
  try {
    return checkOnnx(bytes) as ModelProto & { graph: GraphProto };
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    throw new CliError("bad-input", `${file} is not a model that Assay takes: ${error.message}; name a model in ONNX format`, error);
  }
}

/** @returns what stands in the way of registering tensors of this signature. */
function obstaclesOf(kind: string, { name, dtype, shape }: Signature): string[] {
  const found: string[] = [];
  if (!Object.hasOwn(dtypes, dtype)) found.push(`${kind} "${name}" is ${dtype}; Assay carries ${Object.keys(dtypes).join(", ")}`);
  const open = shape?.filter((dimension) => typeof dimension === "string");
  if (open === undefined) found.push(`${kind} "${name}" says no shape; fix it in the file`);
  else if (open.length > 0) found.push(`${kind} "${name}" leaves ${open.join(", ")} open; fix every dimension in the file`);
  return found;
}

/**
 * Reads an ONNX file without running it.
 * @throws CliError bad-input where the bytes are no ONNX model.
 */
export function inspectOnnx(file: string, bytes: Uint8Array): Inspection {
  const model = parse(file, bytes);
  const operators = new Map<string, number>();
  let nodes = 0;
  let weights = 0;
  for (const graph of graphsOf(model.graph)) {
    nodes += graph.node.length;
    for (const { domain, opType, attribute } of graph.node) {
      const operator = domain === "" || domain === "ai.onnx" ? opType : `${domain}.${opType}`;
      operators.set(operator, (operators.get(operator) ?? 0) + 1);
      if (opType === "Constant") for (const { t } of attribute) if (t !== undefined) weights += elements(t);
    }
    for (const tensor of graph.initializer) weights += elements(tensor);
  }
  const constants = new Set(model.graph.initializer.map(({ name }) => name));
  const inputs = model.graph.input.filter(({ name }) => !constants.has(name)).map(signatureOf);
  const outputs = model.graph.output.map(signatureOf);
  return {
    file,
    artifactHash: `0x${Buffer.from(keccak256(bytes)).toString("hex")}`,
    bytes: bytes.length,
    producer: [model.producerName, model.producerVersion].filter((part) => part !== "").join(" "),
    opsets: Object.fromEntries(model.opsetImport.map(({ domain, version }) => [domain === "" ? "ai.onnx" : domain, Number(version)])),
    inputs,
    outputs,
    operators: Object.fromEntries([...operators].sort(([a], [b]) => (a < b ? -1 : 1))),
    nodes,
    weights,
    obstacles: [
      ...inputs.flatMap((signature) => obstaclesOf("input", signature)),
      ...outputs.flatMap((signature) => obstaclesOf("output", signature)),
    ],
  };
}

export const signatureText = ({ name, dtype, shape }: Signature): string =>
  `${name}: ${dtype}${shape === null ? "" : `[${shape.join(", ")}]`}`;

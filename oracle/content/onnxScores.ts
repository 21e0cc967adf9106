/** The scores that an ONNX model's outputs are chosen among, so that they can be measured. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, ValueInfoProtoSchema, type GraphProto, type NodeProto } from "onnx-buf";

export interface ScoredOutput {
  /** The graph's output, and the tensor that it is chosen among along `axis` (negative: from the end). */
  output: string;
  scores: string;
  axis: number;
}

/** What leaves the order of a tensor's elements as it is. */
const transparent = new Set(["Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"]);

/** @returns the ArgMax or ArgMin node that the tensor comes from, through nodes that keep its elements in order. */
function chooserOf({ node }: GraphProto, tensor: string): NodeProto | undefined {
  const producers = new Map(node.flatMap((one) => one.output.map((name) => [name, one] as const)));
  let found = producers.get(tensor);
  while (found !== undefined && transparent.has(found.opType)) found = producers.get(found.input[0]!);
  return found?.opType === "ArgMax" || found?.opType === "ArgMin" ? found : undefined;
}

/** @param bytes an ONNX file. @returns the outputs of its graph that are choices, with their scores. */
export function scoredOutputs(bytes: Uint8Array): ScoredOutput[] {
  const { graph } = fromBinary(ModelProtoSchema, bytes);
  if (graph === undefined) return [];
  return graph.output.flatMap(({ name }) => {
    const chooser = chooserOf(graph, name);
    if (chooser === undefined) return [];
    const axis = chooser.attribute.find((attribute) => attribute.name === "axis")?.i ?? 0n;
    return [{ output: name, scores: chooser.input[0]!, axis: Number(axis) }];
  });
}

/** @returns the file with the scores among its graph's outputs. */
export function exposeScores(bytes: Uint8Array, outputs: readonly ScoredOutput[]): Uint8Array {
  if (outputs.length === 0) return bytes;
  const model = fromBinary(ModelProtoSchema, bytes);
  const present = new Set(model.graph!.output.map(({ name }) => name));
  for (const name of new Set(outputs.map(({ scores }) => scores))) {
    if (!present.has(name)) model.graph!.output.push(create(ValueInfoProtoSchema, { name }));
  }
  return toBinary(ModelProtoSchema, model);
}

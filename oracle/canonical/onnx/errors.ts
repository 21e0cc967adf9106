/** A file that is not an ONNX model that a node would dare to read: cut, ambiguous, inconsistent or too large. */
export class OnnxError extends Error {
  override name = "OnnxError";
}

/** What a person is shown for a node: its name where it has one, else its operator and its first output. */
export function nodeLabel(node: { name: string; operator: string; outputs: readonly string[] }): string {
  return node.name !== "" ? node.name : `${node.operator} → ${node.outputs.find((output) => output !== "") ?? "nothing"}`;
}

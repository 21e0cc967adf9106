/** An ONNX model after strict reading: sorted, every name defined once, every tensor as large as it says. */
import type { ElementName } from "./elements.ts";
import type { ConstantTensor } from "./tensor.ts";

/** A dimension: its size, or the name that stands for it (empty where it has none). */
export type Dimension = number | string;

export interface ValueInfo {
  name: string;
  /** Undefined where the value is no tensor of a known element type, or is untyped (inside subgraphs). */
  element: ElementName | undefined;
  /** Undefined where the rank is unknown. */
  shape: Dimension[] | undefined;
}

export type Attribute =
  | { kind: "float"; value: number }
  | { kind: "int"; value: bigint }
  | { kind: "string"; value: string }
  | { kind: "tensor"; value: ConstantTensor }
  | { kind: "graph"; value: Graph }
  | { kind: "floats"; value: number[] }
  | { kind: "ints"; value: bigint[] }
  | { kind: "strings"; value: string[] }
  | { kind: "unsupported"; value: string };

export interface Node {
  name: string;
  /** Empty for ONNX's own operators. */
  domain: string;
  operator: string;
  /** Version of the operator set that the model imports for the node's domain. */
  opset: number;
  /** Empty where an optional input is left out. */
  inputs: string[];
  /** Empty where an output is not wanted. */
  outputs: string[];
  attributes: Map<string, Attribute>;
}

export interface Graph {
  name: string;
  /** Without the inputs that an initialiser gives a value to: those are constants. */
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  initializers: Map<string, ConstantTensor>;
  nodes: Node[];
}

export interface Model {
  irVersion: number;
  /** Version of each imported operator set, by domain. */
  opsets: Map<string, number>;
  graph: Graph;
}

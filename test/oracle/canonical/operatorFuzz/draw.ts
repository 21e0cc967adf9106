/** What a random case of one operator is drawn with. */
import type { NodeProto, TensorProto } from "onnx-buf";
import type { ElementName } from "../../../../oracle/canonical/onnx/elements.ts";
import { node, tensor, type AttributeValue } from "../build.ts";
import type { OperatorCase } from "../operatorCase.ts";
import type { Seeded } from "../seeded.ts";

export type Attributes = Record<string, AttributeValue>;

const elementsOf = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1);
const names = ["x", "y", "u", "v", "w"];

export class Draw {
  readonly random: Seeded;
  readonly opset: number;
  readonly #constants: TensorProto[] = [];
  readonly #inputs: OperatorCase["inputs"] = [];

  constructor(random: Seeded, opset: number) {
    this.random = random;
    this.opset = opset;
  }

  oneIn(n: number): boolean {
    return this.random.oneIn(n);
  }

  int(low: number, high: number): number {
    return this.random.int(low, high);
  }

  pick<T>(list: readonly T[]): T {
    return this.random.pick(list);
  }

  /** Sizes from 1 to `most`. */
  shape(rank = this.int(1, 4), most = 5): number[] {
    return Array.from({ length: rank }, () => this.int(1, most));
  }

  /** A shape that broadcasts against `shape`. */
  narrower(shape: readonly number[]): number[] {
    return shape.slice(this.int(0, shape.length)).map((size) => (this.oneIn(3) ? 1 : size));
  }

  axis(rank: number): number {
    return this.int(-rank, rank - 1);
  }

  /** Different axes, some counted from the end. */
  axes(rank: number, most = rank): number[] {
    const all = Array.from({ length: rank }, (_, axis) => axis).filter(() => this.oneIn(2));
    const chosen = (all.length === 0 ? [this.int(0, rank - 1)] : all).slice(0, most);
    return chosen.map((axis) => (this.oneIn(3) ? axis - rank : axis));
  }

  /** An input of the model. @returns its name. */
  input(shape: number[], element: ElementName = "float32"): string {
    this.#inputs.push([element, shape]);
    return names[this.#inputs.length - 1]!;
  }

  floats(name: string, dims: number[], low = -1, high = 1): string {
    const values = Array.from({ length: elementsOf(dims) }, () => low + ((high - low) * this.int(0, 10000)) / 10000);
    this.#constants.push(tensor(name, "float32", dims, values));
    return name;
  }

  numbers(name: string, dims: number[], values: readonly (number | bigint)[], element: ElementName = "int64"): string {
    this.#constants.push(tensor(name, element, dims, values));
    return name;
  }

  /** Random integers of an element type. */
  integers(name: string, dims: number[], low: number, high: number, element: ElementName = "int64"): string {
    return this.numbers(
      name,
      dims,
      Array.from({ length: elementsOf(dims) }, () => this.int(low, high)),
      element,
    );
  }

  /** A value in one case of two, otherwise nothing: the optional input is left out. */
  optional(make: () => string): string {
    return this.oneIn(2) ? make() : "";
  }

  /** Some of the attributes. */
  some(attributes: Attributes): Attributes {
    return Object.fromEntries(Object.entries(attributes).filter(() => this.oneIn(2)));
  }

  case(nodes: NodeProto[], outputs: string[]): OperatorCase {
    return { nodes, outputs, inputs: this.#inputs, constants: this.#constants, opset: this.opset };
  }
}

/** Nodes of one case, which end in the outputs named; "z" where none are. */
export interface Drawn {
  nodes: NodeProto[];
  outputs?: string[];
}

export interface Generator {
  /** Operator sets to draw from. */
  opsets: readonly number[];
  draw: (draw: Draw) => Drawn;
}

export const recent = [13, 14, 17, 18, 20, 22] as const;
export const older = [7, 9, 10, 11, 12, ...recent] as const;

/** A generator of one node. */
export const single = (
  operator: string,
  opsets: readonly number[],
  parts: (draw: Draw) => { inputs: string[]; attributes?: Attributes; outputs?: string[] },
): Record<string, Generator> => ({
  [operator]: {
    opsets,
    draw: (draw) => {
      const { inputs, attributes = {}, outputs = ["z"] } = parts(draw);
      return { nodes: [node(operator, withoutTail(inputs), outputs, attributes)], outputs: outputs.filter((name) => name !== "") };
    },
  },
});

/** Left out inputs at the end are not named at all. */
export function withoutTail(inputs: readonly string[]): string[] {
  const last = inputs.findLastIndex((name) => name !== "");
  return inputs.slice(0, last + 1);
}

export const bigs = (values: readonly number[]): bigint[] => values.map(BigInt);

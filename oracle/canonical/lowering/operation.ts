/** One ONNX node as its lowering sees it: inputs by position, attributes by type, and words for refusing it. */
import { Attributes } from "../onnx/attributes.ts";
import type { ElementName } from "../onnx/elements.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import type { ConstantTensor as OnnxConstant } from "../onnx/tensor.ts";
import type { TensorBuilder } from "./builder.ts";
import { isConstant, listOf, numbersOf } from "./constants.ts";
import { mayBeNaN } from "./intervals.ts";
import { Refusal } from "./refusal.ts";
import type { Tensor, WordType } from "./tensors.ts";

/** A value of the ONNX graph: its element type, and the words that it is held in. */
export interface Value {
  element: ElementName;
  tensor: Tensor;
}

/** What a lowering may ask of the walk over the graph: the values of a subgraph's outputs. */
export type RunGraph = (graph: Graph, inputs: readonly Value[]) => Value[];

/** @returns how the elements are held; undefined for types that no program holds. */
export function wordTypeOf(element: ElementName): WordType | undefined {
  switch (element) {
    case "float32":
      return "f32";
    case "bool":
    case "uint8":
    case "int8":
    case "uint16":
    case "int16":
    case "int32":
      return "i32";
    case "int64":
    case "uint32":
    case "uint64":
      return "i64";
    case "float64":
      return "f64";
    default:
      return undefined;
  }
}

export function constantValue(builder: TensorBuilder, { element, shape, numbers }: OnnxConstant): Value {
  const type = wordTypeOf(element);
  if (type === undefined) throw new Refusal(`constants of type ${element} are not held by a program`);
  return { element, tensor: builder.constant(type, shape, numbers) };
}

export class Operation {
  readonly node: Node;
  readonly builder: TensorBuilder;
  readonly attributes: Attributes;
  readonly run: RunGraph;
  readonly #inputs: readonly (Value | undefined)[];
  readonly #read = new Set<number>();
  /** What an honest ONNX Runtime may answer otherwise, in words for whoever registers the model. */
  readonly warnings: string[] = [];

  constructor(node: Node, builder: TensorBuilder, inputs: readonly (Value | undefined)[], run: RunGraph) {
    this.node = node;
    this.builder = builder;
    this.attributes = new Attributes(node);
    this.run = run;
    this.#inputs = inputs;
  }

  get opset(): number {
    return this.node.opset;
  }

  get inputCount(): number {
    return this.#inputs.length;
  }

  /** @throws Refusal */
  refuse(reason: string): never {
    throw new Refusal(reason);
  }

  /** Warns where an element of x may be NaN, of which ONNX Runtime makes something else than the canonical evaluation. */
  warnOfNaN(x: Tensor, what: string): void {
    if (x.type === "f32" && mayBeNaN(x)) this.warn(`some inputs bring NaN here: ${what}`);
  }

  warn(what: string): void {
    this.warnings.push(what);
  }

  optional(position: number): Value | undefined {
    this.#read.add(position);
    return this.#inputs[position];
  }

  input(position: number): Value {
    return this.optional(position) ?? this.refuse(`input ${position} is missing`);
  }

  /** Inputs that the file gives and nobody asked for; ignoring one would change what the model means. */
  unread(): number[] {
    return this.#inputs.flatMap((value, position) => (value === undefined || this.#read.has(position) ? [] : [position]));
  }

  /** All inputs, which must all be there. */
  inputs(): Value[] {
    return this.#inputs.map((_, position) => this.input(position));
  }

  /** @throws Refusal where the input has another element type. */
  typed(position: number, ...allowed: ElementName[]): Value {
    const value = this.input(position);
    if (!allowed.includes(value.element)) this.refuse(`input ${position} is ${value.element}; covered are ${allowed.join(", ")}`);
    return value;
  }

  f32(position: number): Tensor {
    return this.typed(position, "float32").tensor;
  }

  /** @throws Refusal where the input isn't constant. */
  constant(position: number, what: string): Value {
    const value = this.input(position);
    if (!isConstant(value.tensor)) this.refuse(`${what} (input ${position}) is not constant; fix it, so that all shapes are known`);
    return value;
  }

  /** Integers of a constant input. */
  integers(position: number, what: string): number[] {
    const { tensor } = this.constant(position, what);
    return listOf(numbersOf(tensor)).map(Number);
  }

  optionalIntegers(position: number, what: string): number[] | undefined {
    return this.optional(position) === undefined ? undefined : this.integers(position, what);
  }

  /** The integers that older operator sets keep in an attribute and newer ones in an input. */
  integersOf(attribute: string, position: number): number[] | undefined {
    return this.attributes.ints(attribute, undefined) ?? this.optionalIntegers(position, attribute);
  }

  /** @returns an axis counted from the front. @throws Refusal where the tensor has no such axis. */
  axis(axis: number, rank: number): number {
    if (axis < -rank || axis >= rank) this.refuse(`there is no axis ${axis} in ${rank} dimensions`);
    return axis < 0 ? axis + rank : axis;
  }
}

/** From one node's inputs to the values of its outputs, in order. */
export type Lowering = (operation: Operation) => Value[];
export type LoweringTable = Record<string, Lowering>;

export const one = (element: ElementName, tensor: Tensor): Value[] => [{ element, tensor }];

/** Typed access to a node's attributes: a missing one takes its default, one of another type is refused, one that nobody asked for is found. */
import { nodeLabel, OnnxError } from "./errors.ts";
import type { Attribute, Graph, Node } from "./graph.ts";
import type { ConstantTensor } from "./tensor.ts";

type Values = { [Kind in Attribute["kind"]]: Extract<Attribute, { kind: Kind }>["value"] };

export class Attributes {
  #node: Node;
  #asked = new Set<string>();

  constructor(node: Node) {
    this.#node = node;
  }

  #get<Kind extends Attribute["kind"]>(name: string, kind: Kind): Values[Kind] | undefined {
    this.#asked.add(name);
    const attribute = this.#node.attributes.get(name);
    if (attribute === undefined) return undefined;
    if (attribute.kind !== kind)
      throw new OnnxError(`node '${nodeLabel(this.#node)}': attribute '${name}' is ${attribute.kind}, not ${kind}`);
    return attribute.value as Values[Kind];
  }

  #number(name: string, value: bigint): number {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new OnnxError(`node '${nodeLabel(this.#node)}': attribute '${name}' is ${value}, too large`);
    return number;
  }

  has(name: string): boolean {
    return this.#node.attributes.has(name);
  }

  int<Default extends number | undefined>(name: string, otherwise: Default): number | Default {
    const value = this.#get(name, "int");
    return value === undefined ? otherwise : this.#number(name, value);
  }

  ints<Default extends number[] | undefined>(name: string, otherwise: Default): number[] | Default {
    return this.#get(name, "ints")?.map((value) => this.#number(name, value)) ?? otherwise;
  }

  float<Default extends number | undefined>(name: string, otherwise: Default): number | Default {
    return this.#get(name, "float") ?? otherwise;
  }

  floats<Default extends number[] | undefined>(name: string, otherwise: Default): number[] | Default {
    return this.#get(name, "floats") ?? otherwise;
  }

  string<Default extends string | undefined>(name: string, otherwise: Default): string | Default {
    return this.#get(name, "string") ?? otherwise;
  }

  strings<Default extends string[] | undefined>(name: string, otherwise: Default): string[] | Default {
    return this.#get(name, "strings") ?? otherwise;
  }

  tensor(name: string): ConstantTensor | undefined {
    return this.#get(name, "tensor");
  }

  /** @throws OnnxError where the node has no such graph. */
  graph(name: string): Graph {
    const graph = this.#get(name, "graph");
    if (graph === undefined) throw new OnnxError(`node '${nodeLabel(this.#node)}' has no attribute '${name}'`);
    return graph;
  }

  /** Attributes that the file has and nobody asked for; ignoring one would change what the model means. */
  unread(): string[] {
    return [...this.#node.attributes.keys()].filter((name) => !this.#asked.has(name));
  }
}

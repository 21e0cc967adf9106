/** Walks an ONNX graph, lowering node after node; what has no canonical meaning is noted and its outputs go unknown. */
import type { Graph, Node } from "../onnx/graph.ts";
import { nodeLabel, OnnxError } from "../onnx/errors.ts";
import { TensorBuilder } from "./builder.ts";
import { constantValue, Operation, type Value } from "./operation.ts";
import { Refusal } from "./refusal.ts";
import { loweringOf } from "./operators/table.ts";

export interface RefusedNode {
  node: string;
  operator: string;
  reason: string;
}

/** Where some input brings an honest ONNX Runtime to another answer than the canonical one. */
export type ModelWarning = RefusedNode;

/** A name in scope; null where its node was refused. */
type Scope = Map<string, Value | null>;

const most = { nodes: 200_000 } as const;

export class Walk {
  readonly builder: TensorBuilder;
  readonly refused: RefusedNode[] = [];
  readonly warnings: ModelWarning[] = [];
  #visited = 0;

  constructor(builder: TensorBuilder) {
    this.builder = builder;
  }

  /** @returns one value for each output of the graph, null where a refused node stands behind it. */
  graph(graph: Graph, inputs: ReadonlyMap<string, Value>, outer: ReadonlyMap<string, Value | null>): (Value | null)[] {
    const scope: Scope = new Map([...outer, ...inputs]);
    for (const [name, constant] of graph.initializers) scope.set(name, this.#constant(name, constant));
    for (const node of graph.nodes) {
      if (++this.#visited > most.nodes) throw new Refusal(`the model unrolls to more than ${most.nodes} nodes`);
      this.#node(node, scope);
    }
    return graph.outputs.map(({ name }) => scope.get(name) ?? null);
  }

  #constant(name: string, constant: Parameters<typeof constantValue>[1]): Value | null {
    try {
      return constantValue(this.builder, constant);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.refused.push({ node: name, operator: "initializer", reason: error.message });
      return null;
    }
  }

  #refuse(node: Node, reason: string, scope: Scope): void {
    const operator = node.domain === "" ? node.operator : `${node.domain}.${node.operator}`;
    this.refused.push({ node: nodeLabel(node), operator, reason });
    for (const output of node.outputs) scope.set(output, null);
  }

  #node(node: Node, scope: Scope): void {
    const lowering = loweringOf(node);
    if (lowering === undefined) return this.#refuse(node, "this operator is not covered", scope);
    const inputs = node.inputs.map((name) => (name === "" ? undefined : scope.get(name)));
    if (inputs.includes(null)) {
      // Something before it was refused; that is the reason to show.
      for (const output of node.outputs) scope.set(output, null);
      return;
    }
    let operation: Operation | undefined;
    try {
      operation = new Operation(node, this.builder, inputs as (Value | undefined)[], (graph, values) =>
        this.#subgraph(graph, values, scope),
      );
      const outputs = lowering(operation);
      const unread = operation.attributes.unread();
      if (unread.length > 0) operation.refuse(`attribute '${unread.join("', '")}' is not covered`);
      const [ignored] = operation.unread();
      if (ignored !== undefined) operation.refuse(`input ${ignored} ('${node.inputs[ignored]!}') is not covered`);
      for (const reason of operation.warnings) this.#warn(node, reason);
      node.outputs.forEach((name, i) => {
        if (name === "") return;
        const value = outputs[i] ?? new Operation(node, this.builder, [], () => []).refuse(`output ${i} ('${name}') is not covered`);
        scope.set(name, value);
      });
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof OnnxError)) throw error;
      this.#refuse(node, error.message, scope);
    }
  }

  /** Once for a node, however often it is unrolled. */
  #warn(node: Node, reason: string): void {
    const warning = { node: nodeLabel(node), operator: node.operator, reason };
    const known = this.warnings.some((other) => other.node === warning.node && other.reason === reason);
    if (!known) this.warnings.push(warning);
  }

  #subgraph(graph: Graph, values: readonly Value[], scope: Scope): Value[] {
    if (values.length !== graph.inputs.length)
      throw new Refusal(`graph '${graph.name}' takes ${graph.inputs.length} inputs, not ${values.length}`);
    const inputs = new Map(graph.inputs.map(({ name }, i) => [name, values[i]!]));
    const outputs = this.graph(graph, inputs, scope);
    const missing = outputs.indexOf(null);
    if (missing >= 0) throw new Refusal(`output '${graph.outputs[missing]!.name}' of its graph depends on a node that is refused`);
    return outputs as Value[];
  }
}

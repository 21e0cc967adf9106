/** Random graphs of well-behaved operators, evaluated in four ways. */
import type { NodeProto, TensorProto } from "onnx-buf";
import { evaluateHere, evaluateStreamedHere } from "../../../oracle/canonical/evaluate.ts";
import { lower } from "../../../oracle/canonical/lowering/lower.ts";
import { evaluateByReference } from "../../../oracle/canonical/reference/evaluate.ts";
import { model, node, tensor, value, type AttributeValue } from "./build.ts";
import { inputFor } from "./modelCases.ts";
import { runOnnxRuntime } from "./onnxRuntime.ts";
import { differenceOf, outsideOfInterval } from "./operatorCase.ts";
import { seeded, type Seeded } from "./seeded.ts";

interface Made {
  name: string;
  shape: number[];
}

const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** Functions whose slope is small, so that rounding differences don't grow on the way. */
const gentle = [
  "Relu",
  "Sigmoid",
  "Tanh",
  "Neg",
  "Abs",
  "HardSigmoid",
  "HardSwish",
  "Softsign",
  "Sin",
  "Cos",
  "Erf",
  "LeakyRelu",
  "Softplus",
  "Identity",
];

class Graph {
  readonly nodes: NodeProto[] = [];
  readonly constants: TensorProto[] = [];
  readonly made: Made[] = [];
  readonly #random: Seeded;

  constructor(random: Seeded) {
    this.#random = random;
  }

  #constant(shape: number[], low: number, high: number): string {
    const values = Array.from({ length: count(shape) }, () => low + ((high - low) * this.#random.int(0, 1000)) / 1000);
    this.constants.push(tensor(`c${this.constants.length}`, "float32", shape, values));
    return this.constants.at(-1)!.name;
  }

  #integers(values: number[]): string {
    this.constants.push(tensor(`c${this.constants.length}`, "int64", [values.length], values));
    return this.constants.at(-1)!.name;
  }

  #add(operator: string, inputs: string[], shape: number[], attributes: Record<string, AttributeValue> = {}): void {
    const name = `t${this.nodes.length}`;
    this.nodes.push(node(operator, inputs, [name], attributes));
    this.made.push({ name, shape });
  }

  /** The latest tensor in one case of two, so that chains get long. */
  #any(): Made {
    return this.#random.oneIn(2) ? this.made.at(-1)! : this.#random.pick(this.made);
  }

  grow(): void {
    const { name, shape } = this.#any();
    const random = this.#random;
    const axis = random.int(0, shape.length - 1);
    switch (random.int(0, 13)) {
      case 0:
      case 1:
        return this.#add(random.pick(gentle), [name], shape);
      case 2: {
        const fits = this.made.filter((other) => other.shape.join() === shape.join());
        return this.#add(random.pick(["Add", "Sub", "Mul", "Max", "Min"]), [name, random.pick(fits).name], shape);
      }
      case 3:
        return this.#add(random.pick(["Add", "Mul"]), [name, this.#constant(shape.slice(random.int(0, shape.length)), -1, 1)], shape);
      case 4: {
        const n = random.int(1, 9);
        return this.#add("MatMul", [name, this.#constant([shape.at(-1)!, n], -0.4, 0.4)], [...shape.slice(0, -1), n]);
      }
      case 5: {
        const fits = this.made.filter(
          (other) => other.shape.length === shape.length && other.shape.every((size, i) => i === axis || size === shape[i]),
        );
        const parts = Array.from({ length: random.int(2, 3) }, () => random.pick(fits));
        const size = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
        if (size > 60) return this.#add("Neg", [name], shape);
        return this.#add(
          "Concat",
          parts.map((part) => part.name),
          shape.with(axis, size),
          { axis: BigInt(axis) },
        );
      }
      case 6: {
        const order = shape.map((_, i) => (i + 1) % shape.length);
        return this.#add(
          "Transpose",
          [name],
          order.map((i) => shape[i]!),
          { perm: order.map(BigInt) },
        );
      }
      case 7:
        return this.#slice(name, shape, axis);
      case 8: {
        const pads = [...shape, ...shape].map(() => random.int(0, 1));
        const padded = shape.map((size, i) => size + pads[i]! + pads[i + shape.length]!);
        return this.#add("Pad", [name, this.#integers(pads)], padded);
      }
      case 9: {
        const flat = random.oneIn(2) ? [count(shape)] : [shape[0]!, count(shape.slice(1))];
        return this.#add("Reshape", [name, this.#integers(flat)], flat);
      }
      case 10:
        return this.#add(random.pick(["ReduceMean", "ReduceMax", "ReduceMin"]), [name], shape.with(axis, 1), { axes: [BigInt(axis)] });
      case 11: {
        const indices = Array.from({ length: random.int(1, 4) }, () => random.int(-shape[axis]!, shape[axis]! - 1));
        return this.#add("Gather", [name, this.#integers(indices)], shape.with(axis, indices.length), { axis: BigInt(axis) });
      }
      case 12:
        return this.#add("Softmax", [name], shape, { axis: BigInt(axis) });
      default:
        return this.#window(name, shape);
    }
  }

  #slice(name: string, shape: number[], axis: number): void {
    const size = shape[axis]!;
    const start = this.#random.int(0, size - 1);
    const step = this.#random.pick([1, 1, 2, -1]);
    const end = step > 0 ? this.#random.int(start + 1, size) : -size - 1;
    const length = step > 0 ? Math.ceil((end - start) / step) : start + 1;
    const list = [start, end, axis, step].map((number) => this.#integers([number]));
    this.#add("Slice", [name, ...list], shape.with(axis, length));
  }

  /** A convolution or a pool where the shape allows it. */
  #window(name: string, shape: number[]): void {
    const random = this.#random;
    if (shape.length !== 4) return this.#add("Tanh", [name], shape);
    const pads = { pads: [1n, 1n, 1n, 1n], kernel_shape: [3n, 3n] };
    if (random.oneIn(3)) return this.#add(random.pick(["MaxPool", "AveragePool"]), [name], shape, pads);
    const depthwise = random.oneIn(3);
    const filters = depthwise ? shape[1]! : random.int(1, 6);
    const weights = this.#constant([filters, depthwise ? 1 : shape[1]!, 3, 3], -0.3, 0.3);
    const bias = this.#constant([filters], -0.5, 0.5);
    this.#add("Conv", [name, weights, bias], shape.with(1, filters), { ...pads, group: BigInt(depthwise ? shape[1]! : 1) });
  }
}

export function randomGraph(seed: number): Uint8Array {
  const random = seeded(seed * 7919 + 3);
  const graph = new Graph(random);
  const shapes = Array.from({ length: random.int(1, 2) }, () =>
    random.oneIn(2)
      ? [1, random.int(1, 6), random.int(2, 9), random.int(2, 9)]
      : Array.from({ length: random.int(1, 3) }, () => random.int(1, 10)),
  );
  shapes.forEach((shape, i) => graph.made.push({ name: `x${i}`, shape }));
  const inputs = graph.made.map(({ name, shape }) => value(name, "float32", shape));
  const steps = random.int(3, 20);
  for (let i = 0; i < steps; i++) graph.grow();
  const results = graph.made.slice(inputs.length);
  const chosen = [...new Set([results.at(-1)!, random.pick(results)])];
  const used = new Set(graph.nodes.flatMap(({ input }) => input));
  return model({
    node: graph.nodes,
    initializer: graph.constants.filter(({ name }) => used.has(name)),
    input: inputs,
    output: chosen.map(({ name, shape }) => value(name, "float32", shape)),
  });
}

export type GraphOutcome =
  { kind: "equal" } | { kind: "refused"; reason: string } | { kind: "notRun"; reason: string } | { kind: "different"; what: string };

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** Resident, streamed and by the reference the same root; within 1e-4 of the largest element by ONNX Runtime. */
export async function tryGraph(seed: number): Promise<GraphOutcome> {
  const file = randomGraph(seed);
  const lowering = lower(file);
  if (!lowering.adjudicable)
    return { kind: "refused", reason: lowering.refused.map(({ operator, reason }) => `${operator}: ${reason}`).join("; ") };
  const { program, weights, inputs } = lowering.lowered;
  const given = inputFor({ inputs }, seeded(seed));
  const reference = evaluateByReference(program, weights, given);
  const root = hex(reference.traceRoot);
  const others = { resident: evaluateHere(program, weights, given), streamed: evaluateStreamedHere(program, weights, given) };
  for (const [name, { traceRoot, outputs }] of Object.entries(others)) {
    if (hex(traceRoot) !== root) return { kind: "different", what: `${name}: root ${hex(traceRoot)}, not ${root}` };
    const wrong = outputs.findIndex(({ data }, i) => hex(data) !== hex(reference.outputs[i]!.data));
    if (wrong >= 0) return { kind: "different", what: `${name}: output ${wrong} is not the reference's` };
  }
  const outside = outsideOfInterval(file, reference.outputs);
  if (outside !== null) return { kind: "different", what: outside };
  const feeds = inputs.map(({ name }, i) => ({ name, tensor: given[i]! }));
  try {
    const theirs = await runOnnxRuntime(file, feeds);
    const differences = reference.outputs.map((output, i) => differenceOf(output, theirs[i]!, 1e-4));
    const what = differences.find((difference) => difference !== null);
    return what === undefined ? { kind: "equal" } : { kind: "different", what: `ONNX Runtime: ${what}` };
  } catch (error) {
    return { kind: "notRun", reason: error instanceof Error ? error.message : String(error) };
  }
}

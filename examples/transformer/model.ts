/** A small decoder-only transformer with seeded weights: tokens in, the next token's scores at every position out. */
import type { NodeProto, TensorProto } from "onnx-buf";
import { encodeModel, float32, initializer, int64, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";
import { seededFloats } from "../seededFloats.ts";

export const tokens = 16;
export const vocabulary = 64;
const width = 32;
const heads = 4;
const layers = 2;

/** How GELU is written: as the operator of operator set 20, or as older exporters spell it out. */
export type Gelu = "operator" | "erf";

/** Collects nodes and constants; every constant draws its own seed. */
class Builder {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  weight(name: string, shape: number[], scale: number): string {
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    this.initializers.push(float32(name, seededFloats(count, this.#seed++, scale), shape));
    return name;
  }

  add(opType: string, inputs: string[], output: string, attributes: Parameters<typeof node>[3] = {}): string {
    this.nodes.push(node(opType, inputs, [output], attributes));
    return output;
  }

  linear(from: string, name: string, inputs: number, outputs: number): string {
    const product = this.add("MatMul", [from, this.weight(`${name}.weight`, [inputs, outputs], Math.sqrt(3 / inputs))], `${name}.product`);
    return this.add("Add", [product, this.weight(`${name}.bias`, [outputs], 0.1)], name);
  }

  normalise(from: string, name: string): string {
    this.initializers.push(
      float32(
        `${name}.gain`,
        seededFloats(width, this.#seed++, 0.2).map((value) => 1 + value),
      ),
    );
    return this.add("LayerNormalization", [from, `${name}.gain`, this.weight(`${name}.shift`, [width], 0.1)], name, {
      axis: -1,
      epsilon: { float: 1e-5 },
    });
  }
}

/** [1, tokens, width] → [1, heads, tokens, width / heads]. */
function split(builder: Builder, from: string, name: string, perm: number[]): string {
  return builder.add("Transpose", [builder.add("Reshape", [from, "headed"], `${name}.heads`)], name, { perm });
}

function attention(builder: Builder, from: string, name: string): string {
  const query = split(builder, builder.linear(from, `${name}.query`, width, width), `${name}.q`, [0, 2, 1, 3]);
  const key = split(builder, builder.linear(from, `${name}.key`, width, width), `${name}.k`, [0, 2, 3, 1]);
  const value = split(builder, builder.linear(from, `${name}.value`, width, width), `${name}.v`, [0, 2, 1, 3]);
  const scores = builder.add("Mul", [builder.add("MatMul", [query, key], `${name}.scores`), "scale"], `${name}.scaled`);
  const masked = builder.add("Where", ["causal", scores, "never"], `${name}.masked`);
  const weights = builder.add("Softmax", [masked], `${name}.weights`, { axis: -1 });
  const mixed = builder.add("Transpose", [builder.add("MatMul", [weights, value], `${name}.mixed`)], `${name}.back`, {
    perm: [0, 2, 1, 3],
  });
  return builder.linear(builder.add("Reshape", [mixed, "joined"], `${name}.joined`), `${name}.out`, width, width);
}

function gelu(builder: Builder, from: string, name: string, how: Gelu): string {
  if (how === "operator") return builder.add("Gelu", [from], name);
  const scaled = builder.add("Div", [from, "root2"], `${name}.scaled`);
  const shifted = builder.add("Add", [builder.add("Erf", [scaled], `${name}.erf`), "one"], `${name}.shifted`);
  return builder.add("Mul", [builder.add("Mul", [from, shifted], `${name}.twice`), "half"], name);
}

/** @returns an ONNX file, `tokens` int64[1, 16] (each below 64) → `scores` float32[1, 16, 64]. */
export function buildTransformer({ seed = 1, gelu: how = "operator" as Gelu } = {}): Uint8Array<ArrayBuffer> {
  const builder = new Builder(seed);
  builder.weight("embedding", [vocabulary, width], 1);
  builder.weight("positions", [1, tokens, width], 0.5);
  builder.initializers.push(
    int64("headed", [1, tokens, heads, width / heads]),
    int64("joined", [1, tokens, width]),
    float32("scale", [1 / Math.sqrt(width / heads)], []),
    float32("never", [-Infinity], []),
    initializer("causal", {
      dtype: "bool",
      shape: [tokens, tokens],
      data: Uint8Array.from({ length: tokens * tokens }, (_, i) => (i % tokens <= Math.floor(i / tokens) ? 1 : 0)),
    }),
    ...(how === "erf" ? [float32("root2", [Math.SQRT2], []), float32("one", [1], []), float32("half", [0.5], [])] : []),
  );
  let state = builder.add("Add", [builder.add("Gather", ["embedding", "tokens"], "embedded", { axis: 0 }), "positions"], "state");
  for (let layer = 0; layer < layers; layer++) {
    const attended = attention(builder, builder.normalise(state, `norm${layer}a`), `attention${layer}`);
    state = builder.add("Add", [state, attended], `state${layer}a`);
    const wide = builder.linear(builder.normalise(state, `norm${layer}b`), `up${layer}`, width, 4 * width);
    state = builder.add(
      "Add",
      [state, builder.linear(gelu(builder, wide, `gelu${layer}`, how), `down${layer}`, 4 * width, width)],
      `state${layer}b`,
    );
  }
  builder.add("Transpose", ["embedding"], "unembedding", { perm: [1, 0] });
  builder.add("MatMul", [builder.normalise(state, "normLast"), "unembedding"], "scores");
  const { nodes, initializers } = builder;
  const inputs = [valueInfo("tokens", "int64", [1, tokens])];
  const outputs = [valueInfo("scores", "float32", [1, tokens, vocabulary])];
  return encodeModel(model({ name: "transformer", nodes, initializers, inputs, outputs }, how === "operator" ? 20 : 17));
}

/** Random cases of control flow and of operators that give constants. */
import { node, tensor, value } from "../build.ts";
import type { Attributes, Draw, Generator } from "./draw.ts";

type Table = Record<string, Generator>;

/** The body adds its share of x in each round. */
function loop(draw: Draw): ReturnType<Generator["draw"]> {
  const shape = draw.shape();
  const body = {
    name: "body",
    input: [value("i", "int64", []), value("c", "bool", []), value("s", "float32", shape)],
    node: [
      node("Cast", ["i"], ["f"], { to: 1n }),
      node("Mul", ["x", "f"], ["share"]),
      node("Add", ["s", "share"], ["t"]),
      node("Identity", ["c"], ["d"]),
      node("Neg", ["t"], ["n"]),
    ],
    output: [value("d", "bool", []), value("t", "float32", shape), value("n", "float32", shape)],
  };
  const x = draw.input(shape);
  const rounds = draw.numbers("rounds", [], [draw.int(1, 4)]);
  const condition = draw.optional(() => draw.numbers("yes", [], [1], "bool"));
  return { nodes: [node("Loop", [rounds, condition, x], ["z", "all"], { body: { graph: body } })], outputs: ["z", "all"] };
}

function conditional(draw: Draw): ReturnType<Generator["draw"]> {
  const shape = draw.shape();
  draw.input(shape);
  const branch = (operator: string) => ({
    graph: { name: operator, node: [node(operator, ["x"], [operator])], output: [value(operator, "float32", shape)] },
  });
  const condition = draw.numbers("c", [], [draw.int(0, 1)], "bool");
  return { nodes: [node("If", [condition], ["z"], { then_branch: branch("Neg"), else_branch: branch("Relu") })] };
}

/** A constant operator, added to an input of the same type. */
const constantly = (
  operator: string,
  opsets: readonly number[],
  make: (draw: Draw) => { inputs: string[]; attributes?: Attributes },
): Table => ({
  [operator]: {
    opsets,
    draw: (draw) => {
      const { inputs, attributes = {} } = make(draw);
      return {
        nodes: [
          node(operator, inputs, ["k"], attributes),
          node("Cast", ["k"], ["f"], { to: 1n }),
          node("Add", ["f", draw.input([])], ["z"]),
        ],
      };
    },
  },
});

export const controlGenerators: Table = {
  Loop: { opsets: [11, 13, 16], draw: loop },
  If: { opsets: [11, 13, 16], draw: conditional },
  ...constantly("Constant", [9, 12, 13], (draw) => ({
    inputs: [],
    attributes: draw.pick<Attributes>([
      { value: tensor("t", "float32", [2], [1, -2]) },
      ...(draw.opset >= 12 ? [{ value_float: 1.5 }, { value_int: 4n }, { value_floats: [1, 2] }, { value_ints: [3n, 4n] }] : []),
    ]),
  })),
  ...constantly("ConstantOfShape", [9, 20], (draw) => {
    const shape = draw.shape();
    return {
      inputs: [draw.numbers("shape", [shape.length], shape)],
      attributes: draw.some({ value: tensor("t", draw.pick(["float32", "int64", "int32"] as const), [1], [3]) }),
    };
  }),
  ...constantly("Range", [11], (draw) => {
    const kind = draw.pick(["int64", "int32", "float32"] as const);
    const scale = kind === "float32" ? 0.25 : 1;
    const step = draw.pick([1, 2, -1, -3]) * scale;
    const start = draw.int(-5, 5) * scale;
    return {
      inputs: [["start", start] as const, ["limit", start + step * draw.int(1, 7)] as const, ["delta", step] as const].map(
        ([name, number]) => draw.numbers(name, [], [number], kind),
      ),
    };
  }),
  ...constantly("Shape", [1, 13, 15, 19], (draw) => ({
    inputs: [draw.input(draw.shape())],
    attributes: draw.opset >= 15 ? draw.some({ start: BigInt(draw.int(-1, 0)), end: 4n }) : {},
  })),
  ...constantly("Size", [1, 13], (draw) => ({ inputs: [draw.input(draw.shape())] })),
  ...constantly("EyeLike", [9], (draw) => ({
    inputs: [draw.input(draw.shape(2))],
    attributes: draw.some({ k: BigInt(draw.int(-2, 2)), dtype: draw.pick([1n, 6n, 7n]) }),
  })),
};

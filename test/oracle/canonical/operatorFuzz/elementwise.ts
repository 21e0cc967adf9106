/** Random cases of activations, arithmetic, comparison, logic and casts. */
import type { ElementName } from "../../../../oracle/canonical/onnx/elements.ts";
import { node } from "../build.ts";
import { older, recent, single, type Attributes, type Draw, type Generator } from "./draw.ts";

type Table = Record<string, Generator>;

const unary = (operator: string, attributes: Attributes = {}, opsets: readonly number[] = older): Table =>
  single(operator, opsets, (draw) => ({ inputs: [draw.input(draw.shape())], attributes: draw.some(attributes) }));

const signed: readonly ElementName[] = ["float32", "int32", "int8"];
const typedUnary = (operator: string): Table =>
  single(operator, recent, (draw) => ({ inputs: [draw.input(draw.shape(), draw.pick(signed))] }));

/** Two inputs that broadcast; a divisor is a constant without zeros, of which machines stop. */
const binary = (
  operator: string,
  elements: readonly ElementName[],
  opsets: readonly number[],
  attributes: (draw: Draw) => Attributes = () => ({}),
): Table =>
  single(operator, opsets, (draw) => {
    const element = draw.pick(elements);
    const shape = draw.shape();
    const divides = (operator === "Div" || operator === "Mod") && element !== "float32";
    const left = draw.input(shape, element);
    const other = draw.narrower(shape);
    const right = divides ? draw.integers("d", other, 1, 9, element) : draw.input(other, element);
    const swapped = !divides && draw.oneIn(2);
    return { inputs: swapped ? [right, left] : [left, right], attributes: attributes(draw) };
  });

const variadic = (operator: string, elements: readonly ElementName[]): Table =>
  single(operator, [8, 12, 13, 18], (draw) => {
    const element = draw.pick(elements);
    const shape = draw.shape();
    const count = draw.int(1, 4);
    return { inputs: Array.from({ length: count }, (_, i) => draw.input(i === 0 ? shape : draw.narrower(shape), element)) };
  });

const numbers: readonly ElementName[] = ["float32", "int32", "uint8", "int8"];
const codes: Partial<Record<ElementName, bigint>> = {
  float32: 1n,
  uint8: 2n,
  int8: 3n,
  uint16: 4n,
  int16: 5n,
  int32: 6n,
  int64: 7n,
  bool: 9n,
};

/** Small numbers, so that no cast leaves its type. */
function castSource(draw: Draw): { name: string; nodes: ReturnType<typeof node>[] } {
  const element = draw.pick(["float32", "int32", "uint8", "int8", "bool", "int64"] as const);
  const name = draw.input(draw.shape(), element);
  if (element !== "float32") return { name, nodes: [] };
  return { name: "m", nodes: [node("Mul", [name, draw.numbers("f", [], [draw.int(1, 100)], "float32")], ["m"])] };
}

/** What can't be an output of the program is taken to int32 at the end. */
const shown = (draw: Draw, to: ElementName, from: string) =>
  to === "uint16" || to === "int16" || draw.oneIn(3) ? [node("Cast", [from], ["z"], { to: 6n })] : [node("Identity", [from], ["z"])];

export const elementwiseGenerators: Table = {
  ...[
    "Relu",
    "Softplus",
    "Softsign",
    "Abs",
    "Neg",
    "Floor",
    "Ceil",
    "Sqrt",
    "Exp",
    "Log",
    "Tanh",
    "Sigmoid",
    "Sin",
    "Cos",
    "Reciprocal",
  ].reduce<Table>((table, operator) => ({ ...table, ...unary(operator) }), {}),
  ...typedUnary("Abs"),
  ...typedUnary("Neg"),
  ...typedUnary("Sign"),
  ...unary("Round", {}, [11, 22]),
  ...unary("Erf", {}, [9, 13]),
  ...unary("IsNaN", {}, [9, 13, 20]),
  ...unary("IsInf", { detect_negative: 0n, detect_positive: 0n }, [10, 20]),
  ...unary("LeakyRelu", { alpha: 0.3 }),
  ...unary("ThresholdedRelu", { alpha: 0.2 }, [10, 22]),
  ...unary("Elu", { alpha: 0.7 }),
  ...unary("Selu", { alpha: 1.3, gamma: 0.9 }),
  ...unary("Celu", { alpha: 0.6 }, [12]),
  ...unary("HardSigmoid", { alpha: 0.4, beta: 0.3 }),
  ...unary("HardSwish", {}, [14, 22]),
  ...unary("Mish", {}, [18, 22]),
  ...unary("Swish", { alpha: 1.5 }, [24]),
  ...unary("Shrink", { bias: 0.1, lambd: 0.3 }, [9]),
  ...single("Gelu", [20], (draw) => ({
    inputs: [draw.input(draw.shape())],
    attributes: draw.some({ approximate: draw.pick(["none", "tanh"]) }),
  })),
  ...single("PRelu", [9, 16], (draw) => {
    const shape = draw.shape();
    return { inputs: [draw.input(shape), draw.floats("slope", draw.narrower(shape))] };
  }),
  ...binary("Add", numbers, [7, 13, 14]),
  ...binary("Sub", numbers, [7, 13, 14]),
  ...binary("Mul", numbers, [7, 13, 14]),
  ...binary("Div", ["float32", "int32"], [7, 13, 14]),
  ...binary("Mod", ["int32", "uint8", "int8", "float32"], [10, 13], (draw) => (draw.oneIn(2) ? { fmod: 1n } : {})),
  ...variadic("Min", ["float32", "int32", "uint8", "int8"]),
  ...variadic("Max", ["float32", "int32", "uint8", "int8"]),
  ...variadic("Sum", ["float32"]),
  ...variadic("Mean", ["float32"]),
  ...single("Pow", [12, 13, 15], (draw) => {
    const element = draw.pick(["float32", "int32", "int64"] as const);
    const exponent = draw.pick(element === "float32" ? [0, 0.5, 1, 2, 3, 5, -1, -2, 7] : [0, 1, 2, 3, 4, 6]);
    return { inputs: [draw.input(draw.shape()), draw.numbers("e", draw.pick([[], [1]]), [exponent], element)] };
  }),
  ...single("Clip", [6, 11, 12, 13], (draw) => {
    if (draw.opset < 11) return { inputs: [draw.input(draw.shape())], attributes: draw.some({ min: -0.4, max: 0.3 }) };
    const element = draw.pick(draw.opset < 12 ? (["float32"] as const) : (["float32", "int32", "int8", "uint8", "int64"] as const));
    const [low, high] = element === "float32" ? [-0.4, 0.3] : [3, 40];
    const bound = (name: string, value: number) => draw.optional(() => draw.numbers(name, [], [value], element));
    return { inputs: [draw.input(draw.shape(), element), bound("low", low), bound("high", high)] };
  }),
  ...["And", "Or", "Xor"].reduce<Table>((table, operator) => ({ ...table, ...binary(operator, ["bool"], [7, 13]) }), {}),
  ...single("Not", [7, 13], (draw) => ({ inputs: [draw.input(draw.shape(), "bool")] })),
  ...["BitwiseAnd", "BitwiseOr", "BitwiseXor"].reduce<Table>(
    (table, operator) => ({ ...table, ...binary(operator, ["int32", "uint8", "int8"], [18]) }),
    {},
  ),
  ...single("BitShift", [11], (draw) => {
    const shape = draw.shape();
    const inputs = [draw.input(shape, "uint8"), draw.integers("by", draw.narrower(shape), 0, 7, "uint8")];
    return { inputs, attributes: { direction: draw.pick(["LEFT", "RIGHT"]) } };
  }),
  ...binary("Equal", ["float32", "int32", "int64", "bool"], [11, 13, 19]),
  ...["Less", "Greater"].reduce<Table>(
    (table, operator) => ({ ...table, ...binary(operator, ["float32", "int32", "int64"], [9, 13]) }),
    {},
  ),
  ...["LessOrEqual", "GreaterOrEqual"].reduce<Table>(
    (table, operator) => ({ ...table, ...binary(operator, ["float32", "int32", "int64"], [12, 16]) }),
    {},
  ),
  ...single("Where", [9, 16], (draw) => {
    const shape = draw.shape();
    const element = draw.pick(["float32", "int32", "uint8", "int64"] as const);
    return { inputs: [draw.input(draw.narrower(shape), "bool"), draw.input(shape, element), draw.input(draw.narrower(shape), element)] };
  }),
  Cast: {
    opsets: [9, 13, 19, 21],
    draw: (draw) => {
      const { name, nodes } = castSource(draw);
      const to = draw.pick(Object.keys(codes) as ElementName[]);
      return { nodes: [...nodes, node("Cast", [name], ["c"], { to: codes[to]! }), ...shown(draw, to, "c")] };
    },
  },
  CastLike: {
    opsets: [15, 19, 21],
    draw: (draw) => {
      const { name, nodes } = castSource(draw);
      const to = draw.pick(["float32", "int32", "uint8", "int8", "bool", "int64"] as const);
      const like = draw.numbers("like", [1], [1], to);
      return { nodes: [...nodes, node("CastLike", [name, like], ["c"]), ...shown(draw, to, "c")] };
    },
  },
};

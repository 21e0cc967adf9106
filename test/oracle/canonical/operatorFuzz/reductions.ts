/** Random cases of reductions, pooling, normalisations and losses. */
import { bigs, older, single, type Attributes, type Draw, type Generator } from "./draw.ts";
import { drawSpatial } from "./contractions.ts";

type Table = Record<string, Generator>;

const reduce = (operator: string, inputFrom: number): Table =>
  single(operator, [11, 12, 13, 18, 20], (draw) => {
    const shape = draw.shape(draw.int(1, 4));
    const integer = /^Reduce(Max|Min|Sum|Prod)$/.test(operator) && draw.oneIn(4);
    const element = integer
      ? /Max|Min/.test(operator) && draw.opset >= 12
        ? draw.pick(["int32", "uint8", "int8"] as const)
        : "int32"
      : "float32";
    const attributes = draw.some({ keepdims: 0n });
    const x = draw.input(shape, element);
    const axes = draw.axes(shape.length);
    if (draw.opset < inputFrom) return { inputs: [x], attributes: { ...attributes, ...draw.some({ axes: bigs(axes) }) } };
    const given = draw.optional(() => draw.numbers("axes", [axes.length], axes));
    return { inputs: [x, given], attributes: { ...attributes, ...(draw.oneIn(4) ? { noop_with_empty_axes: 1n } : {}) } };
  });

const choice = (operator: string): Table =>
  single(operator, [11, 12, 13], (draw) => {
    const shape = draw.shape();
    const last: Attributes = draw.opset >= 12 ? { select_last_index: BigInt(draw.int(0, 1)) } : {};
    const attributes = { ...draw.some({ axis: BigInt(draw.axis(shape.length)), keepdims: 0n }), ...last };
    return { inputs: [draw.input(shape, draw.pick(["float32", "float32", "int32", "uint8", "int8"] as const))], attributes };
  });

const soft = (operator: string): Table =>
  single(operator, older, (draw) => {
    const shape = draw.shape();
    const axis = draw.opset < 11 ? draw.int(0, shape.length - 1) : draw.axis(shape.length);
    return { inputs: [draw.input(shape)], attributes: draw.some({ axis: BigInt(axis) }) };
  });

const pool = (operator: string, opsets: readonly number[], extra: (draw: Draw) => Attributes): Table =>
  single(operator, opsets, (draw) => {
    const dilated = (operator === "MaxPool" && draw.opset >= 10) || draw.opset >= 19;
    const { x, kernel, attributes } = drawSpatial(draw, draw.int(1, 3), { dilated });
    const ceil: Attributes = draw.opset >= 10 && operator !== "LpPool" && draw.oneIn(3) ? { ceil_mode: 1n } : {};
    const element = operator === "MaxPool" && draw.opset >= 12 ? draw.pick(["float32", "float32", "uint8", "int8"] as const) : "float32";
    return { inputs: [draw.input(x, element)], attributes: { ...attributes, kernel_shape: bigs(kernel), ...ceil, ...extra(draw) } };
  });

const global = (operator: string, attributes: Attributes = {}): Table =>
  single(operator, [2, 22], (draw) => ({ inputs: [draw.input(draw.shape(draw.int(3, 5)))], attributes: draw.some(attributes) }));

function loss(draw: Draw): { inputs: string[]; attributes: Attributes } {
  const [batch, classes] = [draw.int(1, 3), draw.int(1, 4)];
  const rest = draw.oneIn(2) ? [] : draw.shape(draw.int(1, 2), 3);
  const ignored = draw.oneIn(2) ? draw.pick([0, -1, 7]) : null;
  const choices = Array.from({ length: classes }, (_, i) => i).concat(ignored === null ? [] : [ignored]);
  const shape = [batch, ...rest];
  const count = shape.reduce((a, b) => a * b, 1);
  const labels = draw.numbers(
    "labels",
    shape,
    Array.from({ length: count }, () => draw.pick(choices)),
    draw.pick(["int64", "int32"] as const),
  );
  const weight = draw.optional(() => draw.floats("weight", [classes], 0.1, 1));
  const attributes = {
    ...(ignored === null ? {} : { ignore_index: BigInt(ignored) }),
    ...draw.some({ reduction: draw.pick(["none", "sum", "mean"]) }),
  };
  return { inputs: [draw.input([batch, classes, ...rest]), labels, weight], attributes };
}

const perChannel = (draw: Draw, channels: number, ...names: string[]) => names.map((name) => draw.floats(name, [channels], 0.2, 1.5));

export const reductionGenerators: Table = {
  ...reduce("ReduceSum", 13),
  ...["Max", "Min", "Mean", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"].reduce<Table>(
    (table, name) => ({ ...table, ...reduce(`Reduce${name}`, 18) }),
    {},
  ),
  ...choice("ArgMax"),
  ...choice("ArgMin"),
  ...soft("Softmax"),
  ...soft("LogSoftmax"),
  ...soft("Hardmax"),
  ...single("CumSum", [11, 14], (draw) => {
    const shape = draw.shape();
    const inputs = [draw.input(shape, draw.pick(["float32", "int32"] as const)), draw.numbers("axis", [], [draw.axis(shape.length)])];
    return { inputs, attributes: draw.some({ exclusive: 1n, reverse: 1n }) };
  }),
  ...pool("MaxPool", [8, 10, 11, 12, 22], (draw) => draw.some({ storage_order: 0n })),
  ...pool("AveragePool", [7, 10, 11, 19, 22], (draw) => draw.some({ count_include_pad: 1n })),
  ...pool("LpPool", [11, 18, 22], (draw) => draw.some({ p: BigInt(draw.int(1, 3)) })),
  ...global("GlobalAveragePool"),
  ...global("GlobalMaxPool"),
  ...global("GlobalLpPool", { p: 1n }),
  ...single("BatchNormalization", [7, 9, 14, 15], (draw) => {
    const shape = draw.shape(draw.int(2, 4));
    return {
      inputs: [draw.input(shape), ...perChannel(draw, shape[1]!, "s", "b", "m", "v")],
      attributes: draw.some({ epsilon: 1e-3, momentum: 0.8 }),
    };
  }),
  ...single("LayerNormalization", [17], (draw) => {
    const shape = draw.shape(draw.int(1, 4));
    shape[shape.length - 1]! += 1;
    const axis = draw.axis(shape.length);
    const tail = shape.slice(axis);
    const attributes: Attributes = { ...(axis === -1 && draw.oneIn(2) ? {} : { axis: BigInt(axis) }), ...draw.some({ epsilon: 1e-3 }) };
    const outputs = ["z", ...(draw.oneIn(3) ? ["mean", "inverse"] : [])];
    return { inputs: [draw.input(shape), draw.floats("s", tail), draw.optional(() => draw.floats("b", tail))], attributes, outputs };
  }),
  ...single("RMSNormalization", [23], (draw) => {
    const shape = draw.shape(draw.int(1, 4));
    const axis = draw.axis(shape.length);
    return {
      inputs: [draw.input(shape), draw.floats("s", shape.slice(axis))],
      attributes: { axis: BigInt(axis), ...draw.some({ epsilon: 1e-3 }) },
    };
  }),
  ...single("InstanceNormalization", [6, 22], (draw) => {
    const shape = draw.shape(draw.int(3, 4));
    shape[2]! += 2;
    return { inputs: [draw.input(shape), ...perChannel(draw, shape[1]!, "s", "b")], attributes: draw.some({ epsilon: 1e-3 }) };
  }),
  ...single("GroupNormalization", [18, 21], (draw) => {
    const [groups, each] = [draw.int(1, 3), draw.int(1, 3)];
    const shape = [draw.int(1, 2), groups * each, ...draw.shape(draw.int(1, 2))];
    shape[2]! += 2;
    const scales = perChannel(draw, draw.opset < 21 ? groups : groups * each, "s", "b");
    return { inputs: [draw.input(shape), ...scales], attributes: { num_groups: BigInt(groups), ...draw.some({ epsilon: 1e-3 }) } };
  }),
  ...single("MeanVarianceNormalization", [9, 13], (draw) => {
    const shape = draw.shape(4);
    shape[2]! += 2;
    return { inputs: [draw.input(shape)], attributes: draw.some({ axes: bigs([2, 3].slice(draw.int(0, 1) === 0 ? 0 : 0)) }) };
  }),
  ...single("LpNormalization", [1, 22], (draw) => {
    const shape = draw.shape();
    return { inputs: [draw.input(shape)], attributes: draw.some({ axis: BigInt(draw.axis(shape.length)), p: 1n }) };
  }),
  ...single("LRN", [1, 13], (draw) => ({
    inputs: [draw.input(draw.shape(4))],
    attributes: { size: BigInt(draw.pick([1, 3, 5])), ...draw.some({ alpha: 0.2, beta: draw.pick([0.5, 0.75, 1]), bias: 2 }) },
  })),
  ...single("NegativeLogLikelihoodLoss", [12, 13, 22], loss),
  ...single("SoftmaxCrossEntropyLoss", [12, 13], (draw) => ({ ...loss(draw), outputs: draw.oneIn(2) ? ["z"] : ["z", "log"] })),
};

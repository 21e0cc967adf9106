/** RNN, GRU and LSTM over a fixed number of steps, unrolled. */
import type { TensorBuilder } from "../builder.ts";
import { concat, slice } from "../movement.ts";
import { type LoweringTable, type Operation, type Value } from "../operation.ts";
import { count, type Tensor } from "../tensors.ts";
import { exponentialBelow, hardSigmoid, positiveOr, relu } from "./activation.ts";
import { matmul, plainF32 } from "./matmul.ts";

type Activation = (builder: TensorBuilder, x: Tensor) => Tensor;

/** Values of `activation_alpha` and `activation_beta`: each activation that has such a parameter takes the next one, or its default. */
interface Parameters {
  /** @param otherwise the default; undefined where implementations have no common one. */
  alpha(otherwise: number | undefined): number;
  beta(otherwise: number): number;
}

function activationOf(operation: Operation, name: string, take: Parameters): Activation {
  switch (name.toLowerCase()) {
    case "sigmoid":
      return (builder, x) => builder.apply("fsigmoid", x);
    case "tanh":
      return (builder, x) => builder.apply("ftanh", x);
    case "relu":
      return relu;
    case "affine": {
      const [alpha, beta] = [take.alpha(undefined), take.beta(0)];
      return (builder, x) => builder.apply("fadd", builder.apply("fmul", builder.f32(alpha), x), builder.f32(beta));
    }
    case "leakyrelu": {
      const alpha = take.alpha(0.01);
      return (builder, x) => positiveOr(builder, x, builder.apply("fmul", builder.f32(alpha), x));
    }
    case "hardsigmoid": {
      const [alpha, beta] = [take.alpha(0.2), take.beta(0.5)];
      return (builder, x) => hardSigmoid(builder, x, alpha, beta);
    }
    case "elu": {
      const alpha = take.alpha(1);
      return (builder, x) => positiveOr(builder, x, exponentialBelow(builder, x, alpha));
    }
    case "softsign":
      return (builder, x) => builder.apply("fdiv", x, builder.apply("fadd", builder.f32(1), builder.apply("fabs", x)));
    case "softplus":
      return operation.refuse("Softplus is not covered here: ONNX Runtime's overflows from 89 on");
    default:
      return operation.refuse(`the activation '${name}' is not covered`);
  }
}

interface Cell {
  hidden: number;
  /** Activations of one direction, in the operator's order. */
  activations: Activation[];
  clip: (x: Tensor) => Tensor;
}

/** What one direction of a network is given. */
interface Direction extends Cell {
  operation: Operation;
  /** [steps, batch, gates · hidden]: x·Wᵀ plus the input's bias, rounded once. */
  gates: Tensor;
  /** [hidden, gates · hidden] */
  recurrence: Tensor;
  /** [gates · hidden], zeros where there is no bias. */
  recurrentBias: Tensor;
  peepholes: Tensor | null;
}

type State = Tensor[];
/** From one step's gates and the state to the next state, of which the first tensor is the step's output. */
type Step = (direction: Direction, gates: Tensor, state: State) => State;

const part = (builder: TensorBuilder, tensor: Tensor, number: number, hidden: number): Tensor =>
  slice(builder, tensor, tensor.shape.length - 1, number * hidden, hidden);

/** h·Rᵀ + bias, rounded once. */
const product = (operation: Operation, h: Tensor, weights: Tensor, bias: Tensor): Tensor =>
  matmul(operation, h, weights, { ...plainF32, bias });

const rnnStep: Step = ({ operation, recurrence, activations, clip }, gates, [h]) => [
  activations[0]!(operation.builder, clip(product(operation, h!, recurrence, gates))),
];

/** i, o, f, c as in the specification: f forgets, c̃ is new, C = f·C + i·c̃, H = o·h(C). */
const lstmStep: Step = ({ operation, recurrence, activations, clip, hidden, peepholes }, gates, [h, c]) => {
  const { builder } = operation;
  const all = product(operation, h!, recurrence, gates);
  const look = (number: number, cell: Tensor, x: Tensor) =>
    peepholes === null ? x : builder.apply("fadd", x, builder.apply("fmul", part(builder, peepholes, number, hidden), cell));
  const [f, g, out] = activations as [Activation, Activation, Activation];
  const input = f(builder, clip(look(0, c!, part(builder, all, 0, hidden))));
  const forget = f(builder, clip(look(2, c!, part(builder, all, 2, hidden))));
  const fresh = g(builder, clip(part(builder, all, 3, hidden)));
  const cell = builder.apply("fadd", builder.apply("fmul", forget, c!), builder.apply("fmul", input, fresh));
  const output = f(builder, clip(look(1, cell, part(builder, all, 1, hidden))));
  return [builder.apply("fmul", output, out(builder, cell)), cell];
};

/** z, r, h as in the specification: H = (1 − z)·h̃ + z·H. */
const gruStep =
  (linearBeforeReset: boolean): Step =>
  ({ operation, recurrence, recurrentBias, activations, clip, hidden }, gates, [h]) => {
    const { builder } = operation;
    const [f, g] = activations as [Activation, Activation];
    const weights = (number: number) => part(builder, recurrence, number, hidden);
    const gate = (number: number) => f(builder, clip(product(operation, h!, weights(number), part(builder, gates, number, hidden))));
    const [update, reset] = [gate(0), gate(1)];
    const fresh = part(builder, gates, 2, hidden);
    const bias = part(builder, recurrentBias, 2, hidden);
    const summed = linearBeforeReset
      ? builder.apply("fadd", fresh, builder.apply("fmul", reset, product(operation, h!, weights(2), bias)))
      : product(operation, builder.apply("fmul", reset, h!), weights(2), fresh);
    const candidate = g(builder, clip(summed));
    const rest = builder.apply("fsub", builder.f32(1), update);
    return [builder.apply("fadd", builder.apply("fmul", rest, candidate), builder.apply("fmul", update, h!))];
  };

interface Network {
  gates: number;
  states: number;
  defaults: string[];
  step: Step;
  /** Gates whose recurrent bias is added before the step, together with the input's. */
  folds: (gate: number) => boolean;
}

/** The activations of all directions, one direction after another, in the operator's order. */
function activationsOf(operation: Operation, defaults: string[], directions: number): Activation[] {
  const { attributes } = operation;
  const names = attributes.strings("activations", Array.from({ length: directions }, () => defaults).flat());
  if (names.length !== directions * defaults.length)
    operation.refuse(`${names.length} activations; ${directions * defaults.length} are needed`);
  const [alphas, betas] = [attributes.floats("activation_alpha", []).slice(), attributes.floats("activation_beta", []).slice()];
  const take: Parameters = {
    alpha: (otherwise) =>
      alphas.shift() ?? otherwise ?? operation.refuse("Affine has no activation_alpha; implementations differ in its default"),
    beta: (otherwise) => betas.shift() ?? otherwise,
  };
  const activations = names.map((name) => activationOf(operation, name, take));
  if (alphas.length + betas.length > 0) operation.refuse("activation_alpha or activation_beta holds values that no activation takes");
  return activations;
}

function cellOf(operation: Operation, activations: Activation[]): Cell {
  const { builder, attributes } = operation;
  const hidden = attributes.int("hidden_size", undefined) ?? operation.refuse("the hidden size is missing");
  const bound = attributes.float("clip", undefined);
  const clip = (x: Tensor) =>
    bound === undefined ? x : builder.apply("fmin", builder.apply("fmax", x, builder.f32(-bound)), builder.f32(bound));
  return { hidden, clip, activations };
}

/** [directions, …] → one direction's part without that axis. */
function ofDirection({ builder }: Operation, tensor: Tensor, direction: number): Tensor {
  return builder.reshape(slice(builder, tensor, 0, direction, 1), tensor.shape.slice(1));
}

function directionOf(operation: Operation, x: Tensor, cell: Cell, network: Network, direction: number): Direction {
  const { builder } = operation;
  const width = network.gates * cell.hidden;
  const turned = (position: number): Tensor => {
    const weights = ofDirection(operation, operation.f32(position), direction);
    if (weights.shape[0] !== width) operation.refuse(`input ${position} has ${weights.shape[0]} rows, not ${width}`);
    return builder.move(weights, weights.shape.toReversed(), [
      { start: 0, terms: weights.shape[0] === 1 ? [] : [{ axis: 1, factor: 1 }] },
      { start: 0, terms: weights.shape[1] === 1 ? [] : [{ axis: 0, factor: 1 }] },
    ]);
  };
  const none = builder.expand(builder.f32(0), [2 * width]);
  const biases = operation.optional(3) === undefined ? none : ofDirection(operation, operation.f32(3), direction);
  const [own, recurrent] = [part(builder, biases, 0, width), part(builder, biases, 1, width)];
  const folded = Array.from({ length: network.gates }, (_, gate) => {
    const bias = part(builder, own, gate, cell.hidden);
    return network.folds(gate) ? builder.apply("fadd", bias, part(builder, recurrent, gate, cell.hidden)) : bias;
  });
  const gates = matmul(operation, x, turned(1), { ...plainF32, bias: concat(builder, folded, 0) });
  const peepholes = operation.optional(7) === undefined ? null : ofDirection(operation, operation.f32(7), direction);
  return { ...cell, operation, gates, recurrence: turned(2), recurrentBias: recurrent, peepholes };
}

interface Run {
  /** [steps, batch, hidden] */
  outputs: Tensor;
  state: State;
}

function runDirection(
  operation: Operation,
  x: Tensor,
  network: Network,
  activations: Activation[],
  number: number,
  backward: boolean,
): Run {
  const { builder } = operation;
  const cell = cellOf(operation, activations);
  const direction = directionOf(operation, x, cell, network, number);
  const [steps, batch] = x.shape as [number, number];
  const initial = (position: number): Tensor =>
    operation.optional(position) === undefined
      ? builder.expand(builder.f32(0), [batch, cell.hidden])
      : ofDirection(operation, operation.f32(position), number);
  let state: State = Array.from({ length: network.states }, (_, i) => initial(5 + i));
  const outputs: Tensor[] = [];
  for (let i = 0; i < steps; i++) {
    const step = backward ? steps - 1 - i : i;
    state = network.step(direction, builder.reshape(slice(builder, direction.gates, 0, step, 1), direction.gates.shape.slice(1)), state);
    outputs[step] = builder.reshape(state[0]!, [1, batch, cell.hidden]);
  }
  return { outputs: concat(builder, outputs, 0), state };
}

function checkLengths(operation: Operation, steps: number): void {
  const lengths = operation.optionalIntegers(4, "the sequence lengths") ?? [];
  if (lengths.some((length) => length !== steps))
    operation.refuse(`sequences of lengths [${lengths.join(", ")}] in ${steps} steps are not covered`);
}

/** Puts the axis that tells directions apart in front (behind the steps for the sequence of outputs). */
function recurrent(operation: Operation, network: Network): Value[] {
  const { builder, attributes } = operation;
  const x = operation.f32(0);
  if (attributes.int("layout", 0) !== 0) operation.refuse("layout = 1 is not covered");
  if (x.shape.length !== 3) operation.refuse(`the input has shape [${x.shape.join(", ")}], not three dimensions`);
  const [steps, batch] = x.shape as [number, number];
  if (steps > 4096) operation.refuse(`${steps} steps; at most 4096 are unrolled`);
  checkLengths(operation, steps);
  const name = attributes.string("direction", "forward");
  const backward =
    { forward: [false], reverse: [true], bidirectional: [false, true] }[name] ?? operation.refuse(`the direction is '${name}'`);
  const each = network.defaults.length;
  const activations = activationsOf(operation, network.defaults, backward.length);
  const runs = backward.map((reversed, i) => runDirection(operation, x, network, activations.slice(i * each, (i + 1) * each), i, reversed));
  const hidden = count(runs[0]!.state[0]!.shape) / batch;
  const outputs = concat(
    builder,
    runs.map((run) => builder.reshape(run.outputs, [steps, 1, batch, hidden])),
    1,
  );
  const last = runs[0]!.state.map((_, i) =>
    concat(
      builder,
      runs.map(({ state }) => builder.reshape(state[i]!, [1, batch, hidden])),
      0,
    ),
  );
  return [outputs, ...last].map((tensor) => ({ element: "float32", tensor }));
}

export const recurrents: LoweringTable = {
  RNN: (operation) => recurrent(operation, { gates: 1, states: 1, defaults: ["Tanh"], step: rnnStep, folds: () => true }),
  GRU: (operation) => {
    const linear = operation.attributes.int("linear_before_reset", 0) !== 0;
    const folds = (gate: number) => gate < 2 || !linear;
    return recurrent(operation, { gates: 3, states: 1, defaults: ["Sigmoid", "Tanh"], step: gruStep(linear), folds });
  },
  LSTM: (operation) => {
    if (operation.attributes.int("input_forget", 0) !== 0) operation.refuse("coupled input and forget gates are not covered");
    return recurrent(operation, { gates: 4, states: 2, defaults: ["Sigmoid", "Tanh", "Tanh"], step: lstmStep, folds: () => true });
  },
};

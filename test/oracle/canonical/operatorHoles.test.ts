import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tensor } from "../../../oracle/core/tensor.ts";
import { lower } from "../../../oracle/canonical/lowering/lower.ts";
import { evaluateByReference } from "../../../oracle/canonical/reference/evaluate.ts";
import { node, tensor, type AttributeValue } from "./build.ts";
import { numbersOf } from "./onnxRuntime.ts";
import { differenceFromOnnxRuntime, fileOf, refusalOf, type OperatorCase } from "./operatorCase.ts";
import { seeded } from "./seeded.ts";

const random = seeded(4);
const count = (dims: number[]) => dims.reduce((product, size) => product * size, 1);
const floats = (name: string, dims: number[]) =>
  tensor(
    name,
    "float32",
    dims,
    Array.from({ length: count(dims) }, () => random.int(-1000, 1000) / 1000),
  );
const int64 = (name: string, dims: number[], values: (number | bigint)[]) => tensor(name, "int64", dims, values);

async function agrees(operatorCase: OperatorCase, given?: Tensor[]): Promise<void> {
  assert.equal(await differenceFromOnnxRuntime(operatorCase, given), null);
}

const floatInput = (shape: number[], values: number[]): Tensor => ({
  dtype: "float32",
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

/** What a case without inputs gives by its definition. */
function outputOf(operatorCase: OperatorCase): number[] {
  const lowering = lower(fileOf(operatorCase));
  assert(lowering.adjudicable, JSON.stringify(lowering));
  return numbersOf(evaluateByReference(lowering.lowered.program, lowering.lowered.weights, []).outputs[0]!);
}

test("E02: an input that no lowering reads is refused by its name", () => {
  const attention: OperatorCase = {
    nodes: [node("Attention", ["x", "y", "y", "", "", "", "n"], ["z"])],
    inputs: [
      [1, 2, 3, 4],
      [1, 2, 5, 4],
    ],
    constants: [int64("n", [1], [3])],
    opset: 24,
  };
  assert.match(refusalOf(attention) ?? "", /Attention z: input 6 \('n'\) is not covered/);
  const relu: OperatorCase = { nodes: [node("Relu", ["x", "y"], ["z"])], inputs: [[3], [3]] };
  assert.match(refusalOf(relu) ?? "", /input 1 \('y'\) is not covered/);
  const past: OperatorCase = {
    nodes: [node("Attention", ["x", "y", "y", "", "u"], ["z"])],
    inputs: [
      [1, 2, 3, 4],
      [1, 2, 5, 4],
      [1, 2, 2, 4],
    ],
    opset: 23,
  };
  assert.match(refusalOf(past) ?? "", /past keys and past values come together/);
});

test("E02: inputs that change nothing are read, not refused", async () => {
  const [ratio, off] = [tensor("ratio", "float32", [], [0.3]), tensor("off", "bool", [], [0])];
  await agrees({ nodes: [node("Dropout", ["x", "ratio", "off"], ["z"])], inputs: [[4]], constants: [ratio, off] });
  const [roi, scales] = [floats("roi", [4]), tensor("scales", "float32", [2], [1, 2])];
  await agrees({ nodes: [node("Resize", ["x", "roi", "scales"], ["z"])], inputs: [[2, 3]], constants: [roi, scales] });
});

const recurrent = (operator: string, gates: number, attributes: Record<string, AttributeValue>, directions = 1): OperatorCase => ({
  nodes: [node(operator, ["x", "W", "R"], ["z"], { hidden_size: 3n, ...attributes })],
  inputs: [[3, 2, 4]],
  constants: [floats("W", [directions, gates * 3, 4]), floats("R", [directions, gates * 3, 3])],
});

test("E03: activation_alpha and activation_beta are consumed in order", async () => {
  await agrees(
    recurrent("LSTM", 4, { activations: ["Sigmoid", "LeakyRelu", "HardSigmoid"], activation_alpha: [0.3, 0.4], activation_beta: [0.1] }),
  );
  await agrees(recurrent("GRU", 3, { activations: ["Tanh", "Affine"], activation_alpha: [0.7], activation_beta: [0.2] }));
  const both = { direction: "bidirectional", activations: ["Elu", "Affine"], activation_alpha: [0.5, 0.8], activation_beta: [0.3] };
  await agrees(recurrent("RNN", 1, both, 2));
  assert.match(refusalOf(recurrent("RNN", 1, { activation_alpha: [0.5] })) ?? "", /values that no activation takes/);
});

test("E03: Affine without its factor is refused: ONNX Runtime's default is another than the specification's", () => {
  assert.match(refusalOf(recurrent("RNN", 1, { activations: ["Affine"] })) ?? "", /Affine has no activation_alpha/);
});

test("reductions of no axes take each element through their function", async () => {
  for (const operator of ["ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceSum", "ReduceMax", "ReduceLogSumExp"])
    await agrees({ nodes: [node(operator, ["x"], ["z"], { noop_with_empty_axes: 1n })], inputs: [[2, 5]], opset: 18 });
});

test("pooling with auto_pad and dilations is refused: ONNX Runtime pads by another rule than the specification's", () => {
  const pool = (operator: string): OperatorCase => ({
    nodes: [node(operator, ["x"], ["z"], { kernel_shape: [3n], dilations: [2n], auto_pad: "SAME_LOWER" })],
    inputs: [[1, 1, 6]],
    opset: 19,
  });
  for (const operator of ["MaxPool", "AveragePool", "LpPool"]) assert.match(refusalOf(pool(operator)) ?? "", /auto_pad with dilations/);
});

test("what ONNX Runtime computes by another rule is refused: negative padding, Softplus in recurrent operators", () => {
  const attributes = { kernel_shape: [1n], strides: [3n], auto_pad: "SAME_UPPER" };
  const operatorCase: OperatorCase = { nodes: [node("AveragePool", ["x"], ["z"], attributes)], inputs: [[1, 1, 5]] };
  assert.match(refusalOf(operatorCase) ?? "", /strides past the end/);
  assert.match(refusalOf(recurrent("RNN", 1, { activations: ["Softplus"] })) ?? "", /Softplus is not covered here/);
});

test("E02: a value to pad with is read where nothing is padded with it", async () => {
  const constants = [int64("pads", [4], [0, 1, 0, 1]), tensor("filler", "float32", [], [3])];
  await agrees({ nodes: [node("Pad", ["x", "pads", "filler"], ["z"], { mode: "edge" })], inputs: [[2, 3]], constants });
});

const transposed = (opset: number, mode: string | null, output: bigint): OperatorCase => ({
  nodes: [
    node("ConvTranspose", ["x", "w"], ["z"], { strides: [2n], output_shape: [output], ...(mode === null ? {} : { auto_pad: mode }) }),
  ],
  inputs: [[1, 2, 5]],
  constants: [floats("w", [2, 3, 4])],
  opset,
});

test("E04: ConvTranspose with output_shape splits odd padding as its operator set says", async () => {
  for (const opset of [11, 22]) {
    for (const mode of [null, "SAME_UPPER", "SAME_LOWER"]) {
      await agrees(transposed(opset, mode, 9n));
      await agrees(transposed(opset, mode, 10n));
    }
  }
  // Operator set 1 split it the other way round, ONNX Runtime doesn't: nobody could answer such a model honestly.
  assert.equal(refusalOf(transposed(10, null, 10n)), null);
  assert.match(refusalOf(transposed(10, null, 9n)) ?? "", /before operator set 11/);
});

const padded = (constants: OperatorCase["constants"], data: string): OperatorCase => ({
  nodes: [node("Pad", [data, "pads", "filler"], ["z"])],
  inputs: data === "x" ? [["int64", [2]]] : [],
  constants: [int64("pads", [2], [1, 2]), ...constants!],
});

test("E05: Pad of int64 is exact, or refused with the node's name", async () => {
  await agrees(padded([int64("filler", [], [-1])], "x"));
  assert.match(
    refusalOf(padded([int64("filler", [], [3_000_000_000])], "x")) ?? "",
    /^Pad z: the int64 constant 3000000000 .* does not fit 32 bits/,
  );
  const compared: OperatorCase = {
    ...padded(
      [int64("filler", [], [3_000_000_000]), int64("c", [2], [-7, 5]), int64("w", [5], [3_000_000_000, -7, 5, 3_000_000_000, 1])],
      "c",
    ),
    nodes: [node("Pad", ["c", "pads", "filler"], ["p"]), node("Equal", ["p", "w"], ["z"])],
  };
  assert.deepEqual(outputOf(compared), [1, 1, 1, 1, 0]);
});

test("E05: other numbers of 64 bits are not wrapped either", () => {
  const ignored: OperatorCase = {
    nodes: [node("NegativeLogLikelihoodLoss", ["x", "c"], ["z"], { ignore_index: 4294967297n })],
    inputs: [[2, 3]],
    constants: [int64("c", [2], [1, 2])],
  };
  assert.match(refusalOf(ignored) ?? "", /4294967297/);
  const scattered: OperatorCase = {
    nodes: [node("ScatterElements", ["c", "i", "x"], ["z"])],
    inputs: [["int64", [1]]],
    constants: [int64("c", [3], [1, 3_000_000_000, 3]), int64("i", [1], [0])],
  };
  assert.match(refusalOf(scattered) ?? "", /3000000000/);
});

test("E06: arithmetic on int64 data is refused, whatever the operator", () => {
  for (const operator of ["Add", "Sub", "Mul", "Div", "Mod", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Sum", "BitShift"]) {
    const attributes: Record<string, AttributeValue> = operator === "BitShift" ? { direction: "LEFT" } : {};
    const operatorCase: OperatorCase = {
      nodes: [node(operator, ["x", "y"], ["z"], attributes)],
      inputs: [
        ["int64", [2]],
        ["int64", [2]],
      ],
      opset: 18,
    };
    assert.match(refusalOf(operatorCase) ?? "", new RegExp(`^${operator} z: `), operator);
  }
  for (const operator of ["Neg", "Abs", "ReduceSum", "ReduceProd", "CumSum", "BitwiseNot"]) {
    const operatorCase: OperatorCase = {
      nodes: [node(operator, operator === "CumSum" ? ["x", "a"] : ["x"], ["z"])],
      inputs: [["int64", [2]]],
      constants: operator === "CumSum" ? [int64("a", [], [0])] : [],
      opset: 18,
    };
    assert.match(refusalOf(operatorCase) ?? "", new RegExp(`^${operator} z: `), operator);
  }
});

test("E07: LpNormalization of a zero vector is zero", async () => {
  for (const p of [1n, 2n]) {
    const operatorCase: OperatorCase = { nodes: [node("LpNormalization", ["x"], ["z"], { p })], inputs: [[2, 3]] };
    await agrees(operatorCase, [floatInput([2, 3], [0, -0, 0, 3, 0, -4])]);
  }
});

test("E08: Gather with constant indices, then Pad, is lowered", async () => {
  const constants = [int64("i", [4], [2, 0, 0, 4]), int64("pads", [4], [2, 0, 1, 3])];
  const nodes = [node("Gather", ["x", "i"], ["a"]), node("Pad", ["a", "pads"], ["z"])];
  await agrees({ nodes, inputs: [[5, 3]], constants });
  const computed = [
    node("Relu", ["x"], ["r"]),
    node("Gather", ["r", "i"], ["a"]),
    node("Pad", ["a", "pads"], ["b"]),
    node("Exp", ["b"], ["z"]),
  ];
  await agrees({ nodes: computed, inputs: [[5, 3]], constants });
  const joined = [node("Gather", ["x", "i"], ["a"]), node("Concat", ["x", "a", "x"], ["z"], { axis: 0n })];
  await agrees({ nodes: joined, inputs: [[5, 3]], constants: [constants[0]!] });
  const data: OperatorCase = { nodes, inputs: [[5, 3]], constants: [constants[1]!] };
  data.inputs.push(["int64", [4]]);
  data.nodes = [node("Gather", ["x", "y"], ["a"]), node("Pad", ["a", "pads"], ["z"])];
  await agrees(data, [
    floatInput(
      [5, 3],
      Array.from({ length: 15 }, (_, i) => i),
    ),
    int64Input([4, 0, 1, 3]),
  ]);
});

const int64Input = (values: number[]): Tensor => ({
  dtype: "int64",
  shape: [values.length],
  data: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});

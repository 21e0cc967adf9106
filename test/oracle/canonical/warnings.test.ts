import assert from "node:assert/strict";
import { test } from "node:test";
import type { TensorProto } from "onnx-buf";
import type { ElementName } from "../../../oracle/canonical/onnx/elements.ts";
import { inspectModel } from "../../../oracle/canonical/lowering/inspect.ts";
import { node, tensor, type AttributeValue } from "./build.ts";
import { fileOf, type OperatorCase } from "./operatorCase.ts";

const warningsOf = (operatorCase: OperatorCase) => {
  const { adjudicable, refused, warnings } = inspectModel(fileOf(operatorCase));
  assert(adjudicable, JSON.stringify(refused));
  return warnings.map(({ node: name, operator, reason }) => `${name} (${operator}): ${reason}`);
};

/** The operator on data of the input's type as float32. */
const on = (element: ElementName, operator: string, attributes: Record<string, AttributeValue> = {}, constants: TensorProto[] = []) =>
  warningsOf({
    nodes: [node("Cast", ["x"], ["a"], { to: 1n }), node(operator, ["a", ...constants.map(({ name }) => name)], ["z"], attributes)],
    inputs: [[element, [1, 2, 4, 4]]],
    constants,
    opset: 18,
  });

const axes = [tensor("axes", "int64", [1], [3])];
const meetNaN: [operator: string, attributes: Record<string, AttributeValue>, constants?: TensorProto[]][] = [
  ["MaxPool", { kernel_shape: [2n, 2n] }],
  ["GlobalMaxPool", {}],
  ["ReduceMax", {}, axes],
  ["ReduceMin", {}, axes],
  ["ArgMax", { axis: 3n }],
  ["ArgMin", { axis: 3n }],
  ["Hardmax", { axis: 3n }],
];

for (const [operator, attributes, constants] of meetNaN) {
  test(`E12: ${operator} is warned of where NaN can reach it, and only there`, () => {
    const found = on("float32", operator, attributes, constants);
    assert.equal(found.length, 1);
    assert.match(found[0]!, new RegExp(`^${operator} z \\(${operator}\\): some inputs bring NaN here`));
    assert.deepEqual(on("uint8", operator, attributes, constants), []);
  });
}

test("E12: a choice among probabilities of bounded scores is not warned of", () => {
  const weights = tensor("w", "float32", [4, 3], [1, -2, 3, 0.5, 1, -1, 2, 2, 2, 0, 1, 4]);
  const nodes = [
    node("Cast", ["x"], ["a"], { to: 1n }),
    node("MatMul", ["a", "w"], ["b"]),
    node("Softmax", ["b"], ["c"]),
    node("ArgMax", ["c"], ["z"], { axis: 1n }),
  ];
  assert.deepEqual(warningsOf({ nodes, inputs: [["uint8", [2, 4]]], constants: [weights] }), []);
  const found = warningsOf({ nodes, inputs: [["float32", [2, 4]]], constants: [weights] });
  assert.match(found.join(), /^ArgMax z \(ArgMax\): some inputs bring NaN/);
});

test("E12: a cast from float32 is warned of where its type can overflow, and only there", () => {
  const cast = (to: bigint, low: number, high: number) => {
    const bounds = [tensor("low", "float32", [], [low]), tensor("high", "float32", [], [high])];
    const nodes = [
      node("Cast", ["x"], ["f"], { to: 1n }),
      node("Clip", ["f", "low", "high"], ["a"]),
      node("Cast", ["a"], ["b"], { to }),
      node("Cast", ["b"], ["z"], { to: 6n }),
    ];
    return warningsOf({ nodes, inputs: [["int32", [4]]], constants: bounds });
  };
  assert.deepEqual(cast(2n, 0, 255), []);
  assert.match(cast(2n, 0, 256).join(), /Cast b \(Cast\): .* beyond 0 to 255/);
  assert.match(cast(3n, -129, 5).join(), /beyond -128 to 127/);
  assert.deepEqual(cast(6n, -1e9, 1e9), []);
  assert.match(cast(7n, -1e9, 3e9).join(), /beyond -2147483648 to 2147483647/);
});

test("E12: int32 sums and products that can overflow are warned of, and only those", () => {
  const reduced = (operator: string, element: ElementName) => {
    const nodes = [node("Cast", ["x"], ["a"], { to: 6n }), node(operator, ["a"], ["z"])];
    return warningsOf({ nodes, inputs: [[element, [3]]], opset: 12 }).join();
  };
  for (const operator of ["ReduceSum", "ReduceProd"]) {
    assert.match(reduced(operator, "int32"), /overflow 32 bits/);
    assert.equal(reduced(operator, "uint8"), "");
  }
});

test("E12: integers are warned of where ONNX Runtime refuses a divisor or ends, and only there", () => {
  const by = (operator: string, divisors: number[] | "data", element: ElementName = "int32") => {
    const constants = divisors === "data" ? [] : [tensor("y", element, [2], divisors)];
    const inputs: OperatorCase["inputs"] = [[element, [2]], ...(divisors === "data" ? ([[element, [2]]] as OperatorCase["inputs"]) : [])];
    return warningsOf({ nodes: [node(operator, ["x", "y"], ["z"])], inputs, constants, opset: 14 });
  };
  for (const operator of ["Div", "Mod"]) {
    assert.match(by(operator, "data").join(), new RegExp(`^${operator} z .* divisor of 0`));
    assert.match(by(operator, [3, 0]).join(), /divisor of 0/);
    assert.deepEqual(by(operator, [-2, 3]), []);
    assert.match(by(operator, "data", "uint8").join(), /divisor of 0/);
  }
  assert.deepEqual(by("Div", [-1, 3]), []);
  assert.match(by("Mod", [-1, 3]).join(), /ends ONNX Runtime's process/);
  assert.deepEqual(by("Mod", [-1, 3], "int8"), []);
});

test("E12: int64 inputs are warned of", () => {
  const found = warningsOf({ nodes: [node("Cast", ["x"], ["z"], { to: 1n })], inputs: [["int64", [3]]] });
  assert.match(found.join(), /^x \(input\): numbers beyond 32 bits/);
  assert.deepEqual(warningsOf({ nodes: [node("Cast", ["x"], ["z"], { to: 1n })], inputs: [["int32", [3]]] }), []);
});

test("E12: Attention is warned of where a query may see no key, and only there", () => {
  const attention = (mask: TensorProto | ElementName) => {
    const inputs: OperatorCase["inputs"] = [
      [1, 2, 2, 4],
      [1, 2, 3, 4],
    ];
    if (typeof mask === "string") inputs.push([mask, [2, 3]]);
    const name = typeof mask === "string" ? "u" : mask.name;
    const constants = typeof mask === "string" ? [] : [mask];
    return warningsOf({ nodes: [node("Attention", ["x", "y", "y", name], ["z"])], inputs, constants, opset: 23 });
  };
  assert.match(attention("bool").join(), /Attention z .* hide every key from a query/);
  assert.match(attention(tensor("m", "bool", [2, 3], [1, 0, 0, 0, 0, 0])).join(), /hide every key/);
  assert.deepEqual(attention(tensor("m", "bool", [2, 3], [1, 0, 0, 0, 1, 0])), []);
});

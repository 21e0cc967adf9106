/** Models that a node must survive. */
import { TensorProto_DataType as DataType } from "onnx-buf";
import { encodeModel, graph, int64, initializer, model, node, valueInfo } from "../../oracle/content/onnxBuild.ts";

const always = initializer("always", { dtype: "bool", shape: [], data: Uint8Array.of(1) });

/** x float32[1] → y float32[1] after 2^62 rounds of a Loop. */
export function endlessLoop(): Uint8Array {
  const body = graph({
    name: "body",
    nodes: [node("Identity", ["condition"], ["go on"]), node("Add", ["value", "value"], ["sum"])],
    inputs: [valueInfo("round", "int64", []), valueInfo("condition", "bool", []), valueInfo("value", "float32", [1])],
    outputs: [valueInfo("go on", "bool", []), valueInfo("sum", "float32", [1])],
  });
  return encodeModel(
    model({
      name: "endless",
      nodes: [node("Loop", ["rounds", "always", "x"], ["y"], { body: { graph: body } })],
      initializers: [int64("rounds", [2 ** 62], []), always],
      inputs: [valueInfo("x", "float32", [1])],
      outputs: [valueInfo("y", "float32", [1])],
    }),
  );
}

/** shape int64[1] → sum float32[]: as many numbers as the input says are made on the way. */
export function shapeFromInput(): Uint8Array {
  return encodeModel(
    model({
      name: "shapeFromInput",
      nodes: [node("ConstantOfShape", ["shape"], ["zeros"]), node("ReduceSum", ["zeros"], ["sum"], { keepdims: 0 })],
      inputs: [valueInfo("shape", "int64", [1])],
      outputs: [valueInfo("sum", "float32", [])],
    }),
  );
}

/** x float32[1] → y float32[1]: 10^11 numbers are made while the model is loaded, where constants are folded. */
export function hugeConstant(elements = 1e11): Uint8Array {
  return encodeModel(
    model({
      name: "hugeConstant",
      nodes: [
        node("ConstantOfShape", ["shape"], ["zeros"]),
        node("ReduceSum", ["zeros"], ["sum"], { keepdims: 0 }),
        node("Add", ["x", "sum"], ["y"]),
      ],
      initializers: [int64("shape", [elements])],
      inputs: [valueInfo("x", "float32", [1])],
      outputs: [valueInfo("y", "float32", [1])],
    }),
  );
}

/** x float32[1024] → y float32[]: the input is joined with itself `doublings` times; 20 of them make 4 GiB. @param salt makes it another file. */
export function memoryBomb(doublings: number, salt = 0): Uint8Array {
  const steps = Array.from({ length: doublings }, (_, i) =>
    node("Concat", [i === 0 ? "x" : `x${i}`, i === 0 ? "x" : `x${i}`], [`x${i + 1}`], { axis: 0 }),
  );
  return encodeModel(
    model({
      name: `bomb${salt}`,
      nodes: [...steps, node("ReduceSum", [`x${doublings}`], ["y"], { keepdims: 0 })],
      inputs: [valueInfo("x", "float32", [1024])],
      outputs: [valueInfo("y", "float32", [])],
    }),
  );
}

/** x float32[3] → y in an element type that no contract can read. */
export function doubles(): Uint8Array {
  const output = valueInfo("y", "float32", [3]);
  if (output.type?.value.case === "tensorType") output.type.value.value.elemType = DataType.DOUBLE;
  return encodeModel(
    model({
      name: "doubles",
      nodes: [node("Cast", ["x"], ["y"], { to: DataType.DOUBLE })],
      inputs: [valueInfo("x", "float32", [3])],
      outputs: [output],
    }),
  );
}

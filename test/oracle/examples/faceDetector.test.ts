import assert from "node:assert/strict";
import { test } from "node:test";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { buildFaceDetector } from "../../../examples/faceDetector/model.ts";
import { decodeBoxes, readPicture, twoPeople } from "../../../examples/faceDetector/picture.ts";
import type { Tensor } from "../../../oracle/core/tensor.ts";
import { checkOnnx } from "../../../oracle/content/onnxCheck.ts";

const float32 = (shape: number[], data: Float32Array): Tensor => ({ dtype: "float32", shape, data: new Uint8Array(data.slice().buffer) });

async function detect(picture: Tensor): Promise<Tensor[]> {
  const session = await InferenceSession.create(buildFaceDetector(), { logSeverityLevel: 3 });
  const { boxes, scores } = await session.run({ picture: new OrtTensor("uint8", picture.data, picture.shape) });
  await session.release();
  return [float32([16, 4], boxes!.data as Float32Array), float32([16], scores!.data as Float32Array)];
}

test("the detector finds both people and where their faces are", async () => {
  const faces = decodeBoxes(await detect(await readPicture(twoPeople)));
  assert.equal(faces.length, 2);
  const [left, right] = faces.sort((a, b) => a.centreX - b.centreX);
  // Where the drawing puts the middle of the features.
  for (const [face, x, y] of [
    [left!, 140 / 512, 190 / 512],
    [right!, 380 / 512, 250 / 512],
  ] as const) {
    assert.ok(Math.abs(face.centreX - x) < 0.05 && Math.abs(face.centreY - y) < 0.12, JSON.stringify(face));
    assert.ok(face.score > 0.9 && face.width > 0.25 && face.width < 0.5, JSON.stringify(face));
  }
});

test("an empty wall has no face", async () => {
  const picture = { dtype: "uint8" as const, shape: [1, 128, 128, 3], data: new Uint8Array(128 * 128 * 3).fill(120) };
  assert.deepEqual(decodeBoxes(await detect(picture)), []);
});

test("candidates that overlap are one face, weighted by their scores", () => {
  const [boxes, scores] = [new Float32Array(64), new Float32Array(16).fill(-50)];
  boxes.set([0.5, 0.5, 0.2, 0.2, 0.52, 0.5, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.1, 0.1]);
  scores.set([2, 4, 3, 0.1]);
  const faces = decodeBoxes([float32([16, 4], boxes), float32([16], scores)]);
  assert.equal(faces.length, 2);
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  const expected = (0.5 * sigmoid(2) + 0.52 * sigmoid(4)) / (sigmoid(2) + sigmoid(4));
  assert.ok(Math.abs(faces[0]!.centreX - expected) < 1e-6);
  assert.ok(Math.abs(faces[1]!.centreX - 0.1) < 1e-6);
  assert.throws(() => decodeBoxes([float32([16], scores)]), /gives float32\[16, 4\]/);
});

test("the model passes the strict check and nothing else is taken for it", () => {
  checkOnnx(buildFaceDetector());
  assert.deepEqual(buildFaceDetector(), buildFaceDetector());
  assert.throws(() => buildFaceDetector(new Uint8Array()), /not the BlazeFace/);
});

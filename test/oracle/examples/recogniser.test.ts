import assert from "node:assert/strict";
import { test } from "node:test";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { decodeText, renderLine } from "../../../examples/recogniser/line.ts";
import { alphabet, buildRecogniser, outputShape } from "../../../examples/recogniser/model.ts";
import { checkOnnx } from "../../../oracle/content/onnxCheck.ts";
import { keccak256 } from "../../../oracle/core/traceTree.ts";

const classes = (...values: number[]) => {
  const data = Int32Array.from({ length: 40 }, (_, i) => values[i] ?? 0);
  return { dtype: "int32" as const, shape: outputShape, data: new Uint8Array(data.buffer) };
};

test("the recogniser reads what was drawn", async () => {
  const session = await InferenceSession.create(buildRecogniser(), { logSeverityLevel: 3 });
  for (const text of ["assay the answer 42", "Hello, Ethereum!", "ETH/USD 3141.59"]) {
    const line = await renderLine(text);
    const { classes: answer } = await session.run({ line: new OrtTensor("uint8", line.data, line.shape) });
    const { buffer, byteOffset, byteLength } = answer!.data as Int32Array;
    assert.equal(decodeText({ dtype: "int32", shape: [...answer!.dims], data: new Uint8Array(buffer, byteOffset, byteLength) }), text);
  }
  await session.release();
});

test("the same file gives the same model, which passes the strict check", () => {
  const [one, other] = [buildRecogniser(), buildRecogniser()];
  assert.deepEqual(keccak256(one), keccak256(other));
  checkOnnx(one);
  assert.throws(() => buildRecogniser(new Uint8Array()), /not the PP-OCR recogniser/);
});

test("a line is the same picture every time", async () => {
  const line = await renderLine("gold");
  assert.equal(Buffer.from(keccak256(line.data)).toString("hex"), Buffer.from(keccak256((await renderLine("gold")).data)).toString("hex"));
  assert.ok(line.data.some((pixel) => pixel < 50) && line.data.some((pixel) => pixel > 250));
});

test("repeated classes are one character unless a blank parts them", () => {
  const [a, b, space] = [alphabet.indexOf("a"), alphabet.indexOf("b"), alphabet.length - 1];
  assert.equal(alphabet.length, 6625);
  assert.equal(decodeText(classes(0, a, a, 0, a, b, b, space, space, b, 0, space)), "aab b");
  assert.equal(decodeText(classes()), "");
});

test("what is no line and no answer is refused", async () => {
  await assert.rejects(renderLine("漢"), /has no "漢"/);
  await assert.rejects(renderLine("x".repeat(25)), /at most 24/);
  assert.throws(() => decodeText(classes(6625)), /column 0 names class 6625/);
  assert.throws(() => decodeText({ ...classes(), dtype: "float32" }), /gives int32\[1, 40\]/);
});

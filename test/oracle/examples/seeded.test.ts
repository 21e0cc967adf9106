import assert from "node:assert/strict";
import { test } from "node:test";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { buildQdqCnn, buildQLinearCnn, cnnInputShape } from "../../../examples/quantised/cnn.ts";
import { buildDynamicMlp, buildQdqMlp, buildQLinearMlp } from "../../../examples/quantised/mlp.ts";
import { seededFloats, seededIntegers } from "../../../examples/seededFloats.ts";
import { buildTiny } from "../../../examples/tiny/model.ts";
import { buildTransformer, tokens, vocabulary } from "../../../examples/transformer/model.ts";
import { checkOnnx } from "../../../oracle/content/onnxCheck.ts";

const builders = { buildTiny, buildQLinearMlp, buildQdqMlp, buildDynamicMlp, buildQLinearCnn, buildQdqCnn };

async function run(bytes: Uint8Array, name: string, input: OrtTensor): Promise<Float32Array> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const result = Object.values(await session.run({ [name]: input }))[0]!.data as Float32Array;
  await session.release();
  return Float32Array.from(result);
}

const largestDifference = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
const spread = (values: Float32Array) => Math.max(...values) - Math.min(...values);

for (const [name, build] of Object.entries(builders)) {
  test(`${name}: the same seed gives the same bytes, another seed another model`, () => {
    assert.deepEqual(build(5), build(5));
    assert.notDeepEqual(build(5), build(6));
    checkOnnx(build(5));
  });
}

test("the three ways of writing the quantised MLP agree within a few quantisation steps", async () => {
  const x = () => new OrtTensor("float32", seededFloats(32, 9), [1, 32]);
  const [linear, restored, dynamic] = await Promise.all(
    [buildQLinearMlp(), buildQdqMlp(), buildDynamicMlp()].map((bytes) => run(bytes, "x", x())),
  );
  assert.ok(spread(restored!) > 0.5, `scores ${restored!.join(" ")}`);
  assert.ok(largestDifference(linear!, restored!) < 2 * (6 / 255), `${linear!.join(" ")} against ${restored!.join(" ")}`);
  assert.ok(largestDifference(dynamic!, restored!) < 3 * (6 / 255), `${dynamic!.join(" ")} against ${restored!.join(" ")}`);
});

test("the two ways of writing the quantised CNN agree within a quantisation step", async () => {
  const x = () => new OrtTensor("float32", seededFloats(256, 10), cnnInputShape);
  const [linear, restored] = await Promise.all([buildQLinearCnn(), buildQdqCnn()].map((bytes) => run(bytes, "x", x())));
  assert.ok(spread(restored!) > 0.2, `scores ${restored!.join(" ")}`);
  assert.ok(largestDifference(linear!, restored!) < 1.5 * (3 / 255), `${linear!.join(" ")} against ${restored!.join(" ")}`);
});

const sequence = (...changed: [number, bigint][]) => {
  const ids = BigInt64Array.from(seededIntegers(tokens, 3, 0, vocabulary - 1).map(BigInt));
  for (const [place, id] of changed) ids[place] = id;
  return new OrtTensor("int64", ids, [1, tokens]);
};

test("the transformer sees no token of the future", async () => {
  const bytes = buildTransformer();
  checkOnnx(bytes);
  const [plain, changed] = [await run(bytes, "tokens", sequence()), await run(bytes, "tokens", sequence([10, 1n]))];
  const at = (scores: Float32Array, position: number) => scores.subarray(position * vocabulary, (position + 1) * vocabulary);
  for (let position = 0; position < 10; position++) assert.deepEqual(at(plain, position), at(changed, position));
  for (const position of [10, 15]) assert.ok(largestDifference(at(plain, position), at(changed, position)) > 0.01);
  assert.ok(plain.every(Number.isFinite));
});

test("GELU as an operator and spelled out are the same function", async () => {
  const [operator, erf] = await Promise.all(
    (["operator", "erf"] as const).map((gelu) => run(buildTransformer({ gelu }), "tokens", sequence())),
  );
  assert.ok(spread(operator!) > 1);
  assert.ok(largestDifference(operator!, erf!) < 1e-4);
});

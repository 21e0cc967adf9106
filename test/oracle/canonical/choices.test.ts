import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Evaluations } from "../../../oracle/canonical/dispute/evaluations.ts";
import { ModelLibrary } from "../../../oracle/canonical/dispute/library.ts";
import { CanonicalModel } from "../../../oracle/canonical/dispute/model.ts";
import { isDefensible } from "../../../oracle/canonical/dispute/moves.ts";
import { checkAnswer, type CheckContext } from "../../../oracle/challenger/check.ts";
import type { Job } from "../../../oracle/core/job.ts";
import { encodeBundle, type Tensor } from "../../../oracle/core/tensor.ts";
import { bundleRoot, keccak256 } from "../../../oracle/core/traceTree.ts";
import { buildChoice, choiceIn, vectorOf } from "../../support/choices.ts";

const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString("hex")}`;
const folder = mkdtempSync(join(tmpdir(), "assay-choices-"));
const file = buildChoice(11);
const model = CanonicalModel.ofOnnx(file);
const path = join(folder, "choice.onnx");
writeFileSync(path, file);
const inputs = vectorOf(12);
const { best, second, scores, half, outputs, posting } = choiceIn(model, inputs, 0);
const third = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!)[2]!;

/** Half of what lies between the best two scores, and a bit more: less than half of what lies between the first and the third. */
const deltaAbsolute = new Uint32Array(Float32Array.of(half).buffer)[0]! + 1;
const library = new ModelLibrary({
  readModel: () =>
    Promise.resolve({
      artifactHash: hex(keccak256(file)),
      artifactURI: "",
      programRoot: model.programRoot,
      weightRoot: model.weightRoot,
      outputs: [{ dtype: "int64", shape: [1], deltaAbsolute, deltaRelative: 0 }],
    }),
  fetchArtifact: () => Promise.resolve({ path }),
  workers: 1,
});
const evaluations = new Evaluations(library, folder, () => undefined);
after(async () => {
  await evaluations.close();
  await library.close();
  rmSync(folder, { recursive: true });
});

const unreachable = () => Promise.reject(new Error("nothing is fetched here"));

/** Checks an answer with a fast runtime that gives the canonical one. */
function check(answer: Tensor[]) {
  const job = {
    requestId: "0x01",
    request: { params: { modelId: "0x02" }, inputRoot: hex(bundleRoot(inputs)) },
    answer: { outputRoot: hex(bundleRoot(answer)) },
  } as unknown as Job;
  const context: CheckContext = {
    library,
    evaluations,
    runtime: { load: () => Promise.resolve(), run: () => Promise.resolve({ outputs }) },
    content: { fetchArtifact: (_, hash) => Promise.resolve({ hash, path }), fetchBundle: unreachable },
    timeoutMs: 1000,
    mustBeCanonical: () => false,
  };
  const carried = (tensors: Tensor[]) => ({ bytes: encodeBundle(tensors), uri: "" });
  return checkAnswer(job, carried(inputs), carried(answer), context);
}

test("a watchtower takes a near tie for right, and challenges a worse choice", async () => {
  assert.deepEqual(await check(posting(best)), { verdict: "RIGHT", canonical: false });
  assert.deepEqual(await check(posting(second)), { verdict: "RIGHT", canonical: true });
  assert.deepEqual(await check(posting(third)), { verdict: "WRONG", target: { tensor: 0, element: 0 } });
});

test("an operator's node defends a near tie, and takes a worse choice back", async () => {
  const { rules } = await evaluations.obtain("0x01", "0x02", () => Promise.resolve(inputs));
  const target = { tensor: 0, element: 0 };
  assert.equal(isDefensible(posting(second), outputs, rules, target), true);
  assert.equal(isDefensible(posting(third), outputs, rules, target), false);
});

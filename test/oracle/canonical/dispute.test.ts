import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { buildTiny, tinyInputs } from "../../../examples/tiny/model.ts";
import { seededFloats } from "../../../examples/seededFloats.ts";
import { ModelLibrary, RootMismatchError, type ModelRecord } from "../../../oracle/canonical/dispute/library.ts";
import { CanonicalModel, NotAdjudicableError } from "../../../oracle/canonical/dispute/model.ts";
import { firstWrong, isDefensible } from "../../../oracle/canonical/dispute/moves.ts";
import { DisputedTree, RevealedNodes } from "../../../oracle/canonical/dispute/views.ts";
import { childrenBytes } from "../../../oracle/canonical/dispute/moves.ts";
import { evaluateHere } from "../../../oracle/canonical/evaluate.ts";
import { depthOf, MemoryTree } from "../../../oracle/canonical/proof/treeView.ts";
import { strictRules } from "../../../oracle/challenger/check.ts";
import { isWithin } from "../../../oracle/canonical/tolerance.ts";
import type { Tensor } from "../../../oracle/core/tensor.ts";
import { keccak256 } from "../../../oracle/core/traceTree.ts";

const folder = mkdtempSync(join(tmpdir(), "assay-dispute-"));
after(() => rmSync(folder, { recursive: true }));

const file = buildTiny(3);
const model = CanonicalModel.ofOnnx(file);
const path = join(folder, "tiny.onnx");
writeFileSync(path, file);
const zero = `0x${"0".repeat(64)}`;

const record: ModelRecord = {
  artifactHash: `0x${Buffer.from(keccak256(file)).toString("hex")}`,
  artifactURI: "",
  programRoot: model.programRoot,
  weightRoot: model.weightRoot,
  outputs: [{ dtype: "float32", shape: [1, 64], deltaAbsolute: 0x3a800000, deltaRelative: 0 }],
};
const libraryOf = (registered: ModelRecord) =>
  new ModelLibrary({ readModel: () => Promise.resolve(registered), fetchArtifact: () => Promise.resolve({ path }) });

test("a model whose roots are its file's is taken, with its tolerances", async () => {
  const { rules, model: found } = await libraryOf(record).get("0x01");
  assert.deepEqual(rules, [{ dtype: "float32", shape: [1, 64], tolerance: { absolute: 0x3a800000, relative: 0 } }]);
  assert.equal(found.programRoot, model.programRoot);
});

for (const name of ["programRoot", "weightRoot"] as const) {
  test(`a model registered with another ${name} is refused`, async () => {
    await assert.rejects(libraryOf({ ...record, [name]: `0x${"1".repeat(64)}` }).get("0x01"), RootMismatchError);
  });
}

test("a model registered without roots can't be judged", async () => {
  await assert.rejects(libraryOf({ ...record, programRoot: zero, weightRoot: zero }).get("0x01"), NotAdjudicableError);
});

const inputs: Tensor[] = [{ dtype: "float32", shape: [1, tinyInputs], data: new Uint8Array(seededFloats(tinyInputs, 1).buffer) }];
const { outputs, trace } = evaluateHere(model.program, model.weights, inputs);
const rules = [{ dtype: "float32" as const, shape: [1, 64], tolerance: { absolute: 0x3a800000, relative: 0 } }];

/** The outputs with one element moved. */
function moved(element: number, by: number): Tensor[] {
  const data = Uint8Array.from(outputs[0]!.data);
  const view = new DataView(data.buffer);
  view.setFloat32(4 * element, view.getFloat32(4 * element, true) + by, true);
  return [{ ...outputs[0]!, data }];
}

test("the first element outside of the tolerance is what is challenged, and can't be defended", () => {
  const target = { tensor: 0, element: 7 };
  assert.equal(firstWrong(moved(7, 2 ** -11), outputs, rules), null);
  assert.deepEqual(firstWrong(moved(7, 2 ** -9), outputs, rules), target);
  assert.equal(isDefensible(moved(7, 2 ** -9), outputs, rules, target), false);
  assert.equal(isDefensible(moved(7, 2 ** -11), outputs, rules, target), true);
});

test("an answer of another shape, or without the tensor, is wrong in its first element", () => {
  assert.deepEqual(firstWrong([{ ...outputs[0]!, shape: [64] }], outputs, rules), { tensor: 0, element: 0 });
  assert.deepEqual(firstWrong([], outputs, rules), { tensor: 0, element: 0 });
});

test("the fast check passes nothing that is off by more than a quarter of the tolerance", () => {
  const [{ tolerance }] = strictRules(rules) as [(typeof rules)[0]];
  const word = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0]!;
  assert.equal(isWithin(word(1 + 2 ** -12), word(1), tolerance), true);
  assert.equal(isWithin(word(1 + 1.01 * 2 ** -12), word(1), tolerance), false);
});

test("what was revealed and the own trace left of it give the operator's tree", () => {
  const own = new MemoryTree(trace);
  const lie = Uint8Array.from(trace);
  const leaf = own.leafCount - 1;
  lie[256 * leaf]! ^= 1;
  const theirs = new MemoryTree(lie);
  const revealed = new RevealedNodes(own.leafCount);
  revealed.add(depthOf(own.leafCount), 0, childrenBytes(theirs, depthOf(own.leafCount), 0));
  revealed.add(0, leaf, childrenBytes(theirs, 0, leaf));
  const disputed = new DisputedTree(own, revealed, leaf);
  assert.deepEqual(disputed.node(depthOf(own.leafCount), 0), theirs.top);
  assert.deepEqual(disputed.leaf(leaf), theirs.leaf(leaf));
});

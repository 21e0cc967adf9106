import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { exitCodes } from "../../../oracle/cli/exitCodes.ts";
import { runCommandLine } from "../../../oracle/cli/program.ts";
import { ModelProtoSchema, TensorProto_DataType } from "onnx-buf";

const directory = mkdtempSync(join(tmpdir(), "assay-cli-"));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a command line in this process; test/e2e runs them as processes of their own. */
async function assay(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: string[][] = [[], []];
  const sink = (lines: string[]) => ({ write: (text: string) => lines.push(text) });
  const code = await runCommandLine(args, { out: sink(out!), err: sink(err!), signal: new AbortController().signal });
  return { code, out: out!.join(""), err: err!.join("") };
}

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

const tensorType = (elemType: number, dims: (bigint | string)[]) => ({
  value: {
    case: "tensorType" as const,
    value: {
      elemType,
      shape: {
        dim: dims.map((dim) => ({
          value: typeof dim === "bigint" ? { case: "dimValue" as const, value: dim } : { case: "dimParam" as const, value: dim },
        })),
      },
    },
  },
});

const relu = toBinary(
  ModelProtoSchema,
  create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: "test",
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name: "relu",
      node: [{ opType: "Relu", input: ["x"], output: ["y"] }],
      input: [{ name: "x", type: tensorType(TensorProto_DataType.FLOAT, [1n, 4n]) }],
      output: [{ name: "y", type: tensorType(TensorProto_DataType.FLOAT, ["batch", 4n]) }],
    },
  }),
);

test("model inspect --json says what a file is, on standard output alone", async () => {
  const { code, out, err } = await assay("model", "inspect", file("relu.onnx", relu), "--json");
  assert.equal(code, 0);
  assert.equal(err, "");
  const { inputs, outputs, operators, opsets, nodes, bytes, artifactHash, obstacles } = JSON.parse(out) as Record<string, unknown>;
  assert.deepEqual(inputs, [{ name: "x", dtype: "float32", shape: [1, 4] }]);
  assert.deepEqual(outputs, [{ name: "y", dtype: "float32", shape: ["batch", 4] }]);
  assert.deepEqual(
    { operators, opsets, nodes, bytes },
    { operators: { Relu: 1 }, opsets: { "ai.onnx": 17 }, nodes: 1, bytes: relu.length },
  );
  assert.match(artifactHash as string, /^0x[0-9a-f]{64}$/);
  assert.deepEqual(obstacles, ['output "y" leaves batch open; fix every dimension in the file']);
});

const refusals: [name: string, args: () => string[], code: number, says: RegExp][] = [
  ["a file that is no ONNX", () => ["model", "inspect", file("text.onnx", "not a model")], 3, /text\.onnx is not a model .*name a model/],
  ["an empty file", () => ["model", "inspect", file("empty.onnx", "")], 3, /empty\.onnx .*the file is empty/],
  ["a cut file", () => ["model", "inspect", file("cut.onnx", relu.subarray(0, 20))], 3, /cut\.onnx is not a model/],
  ["a file that is missing", () => ["model", "inspect", join(directory, "none.onnx")], 3, /none\.onnx does not exist; check the path/],
  ["a directory", () => ["model", "inspect", directory], 3, /is a directory; name a file/],
  ["an unknown verb", () => ["divine"], 2, /unknown command 'divine'/],
  ["a missing argument", () => ["model", "inspect"], 2, /missing required argument 'file'/],
  ["a port that is no number", () => ["devnet", "--port", "http"], 2, /whole number from 0 to 65535/],
];

for (const [name, args, code, says] of refusals) {
  test(`${name} ends with exit code ${code} and says what to do`, async () => {
    const result = await assay(...args());
    assert.equal(result.code, code, result.err);
    assert.equal(result.out, "");
    assert.match(result.err, says);
  });
}

test("with --json a failure is one JSON object too", async () => {
  const { code, out, err } = await assay("model", "inspect", join(directory, "none.onnx"), "--json");
  assert.equal(code, 3);
  const { error } = JSON.parse(out) as { error: Record<string, unknown> };
  assert.deepEqual([error.failure, error.exitCode], ["bad-input", 3]);
  assert.equal(err.trim().split("\n").length, 1);
});

test("every verb has --help with examples and --json", async () => {
  const verbs =
    "devnet; start; finalize; model inspect; model register; model show; request make; request show; request list; request refund; request deliver; operator register; operator stake; operator activate; operator delegate; operator unstake; operator serve; operator status; operator withdraw";
  for (const verb of verbs.split("; ").map((words) => words.split(" "))) {
    const { code, out } = await assay(...verb, "--help");
    assert.equal(code, 0);
    assert.match(out, /Examples:\n {2}\$ assay/);
    assert.match(out, /--json/);
  }
});

test("devnet --set takes a parameter's name and a whole number, and no parameter that the network doesn't have", async () => {
  const half = await assay("devnet", "--set", "clock");
  assert.equal(half.code, exitCodes.usage);
  assert.match(half.err, /clock=600/);
  const unknown = await assay("devnet", "--port", "0", "--out", join(directory, "deployment.json"), "--set", "clok=600");
  assert.equal(unknown.code, exitCodes["bad-input"]);
  assert.match(unknown.err, /clok: no parameter of the local network; it has .*clock/);
});

test("request --help shows the options of asking", async () => {
  const { out } = await assay("request", "--help");
  for (const option of ["--input <file>", "--fee <amount>", "--bond <amount>", "--window <duration>", "--wait [milestone]"]) {
    assert.ok(out.includes(option), option);
  }
});

import type { Command } from "commander";
import { inspectModel, type Inspection as CanonicalInspection } from "../canonical/lowering/inspect.ts";
import { canonicalOptions, loweringOptions, type CanonicalOptions } from "./canonicalOptions.ts";
import { readNamedFile } from "./files.ts";
import { inspectOnnx, signatureText, type Inspection } from "./inspectOnnx.ts";
import { runs, table, type Terminal } from "./verb.ts";

/** The tensors that the canonical program takes and gives stand beside those that the file announces. */
type Canonical = Omit<CanonicalInspection, "inputs" | "outputs">;

const number = (value: number | null) => value?.toLocaleString("en") ?? "none";

function canonicalRows(found: Canonical): [name: string, value: unknown][] {
  if (!found.adjudicable) {
    return [
      ["adjudicable", "no: answers can't be challenged"],
      ["refused", found.refused.map(({ node, operator, reason }) => `${node} (${operator}): ${reason}`)],
    ];
  }
  return [
    ["adjudicable", "yes"],
    ["program root", found.programRoot],
    ["weight root", found.weightRoot],
    ["program", `${number(found.instructions)} instructions, ${number(found.weightWords)} words of weights`],
    ["trace", `${number(found.traceWords)} words; ${number(found.unfusedTraceWords)} before fusion`],
    ["contraction", `at most ${number(found.largestContraction)} terms`],
    [
      "warnings",
      found.warnings.length === 0 ? ["none"] : found.warnings.map(({ node, operator, reason }) => `${node} (${operator}): ${reason}`),
    ],
  ];
}

function text(found: Inspection & Canonical): string {
  const list = (items: readonly string[]) => (items.length === 0 ? ["none"] : items);
  return table([
    ["file", found.file],
    ["hash", found.artifactHash],
    ["size", `${found.bytes.toLocaleString("en")} bytes, ${found.weights.toLocaleString("en")} weights`],
    ["producer", found.producer || "not said"],
    [
      "opset",
      Object.entries(found.opsets)
        .map(([domain, version]) => `${domain} ${version}`)
        .join(", "),
    ],
    ["inputs", list(found.inputs.map(signatureText))],
    ["outputs", list(found.outputs.map(signatureText))],
    [
      "operators",
      `${found.nodes} nodes: ${Object.entries(found.operators)
        .map(([name, count]) => `${name} ${count}`)
        .join(", ")}`,
    ],
    ["obstacles", list(found.obstacles)],
    ...canonicalRows(found),
  ]);
}

export function addModelInspect(parent: Command, terminal: Terminal): void {
  const command = canonicalOptions(
    parent
      .command("inspect")
      .description(
        "Say what an ONNX file is: inputs, outputs, operators, size, hash, what keeps it from being registered, and whether a dispute about its answers could be settled.",
      )
      .argument("<file>", "an ONNX file"),
  );
  const examples = [
    "model inspect recogniser.onnx",
    "model inspect vad.onnx --shape input=1,512 --shape state=2,1,128 --fix sr=16000 --json",
  ];
  runs<CanonicalOptions>(command, terminal, examples, async ({ options }, file) => {
    const bytes = await readNamedFile(file);
    const inspection = inspectOnnx(file, bytes);
    const { inputs, outputs, ...canonical } = inspectModel(bytes, loweringOptions(options, file, bytes));
    const found = { ...inspection, ...canonical, program: { inputs, outputs } };
    return { json: found, text: text(found) };
  });
}

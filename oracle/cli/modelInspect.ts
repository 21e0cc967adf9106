import type { Command } from "commander";
import { readNamedFile } from "./files.ts";
import { inspectOnnx, signatureText, type Inspection } from "./inspectOnnx.ts";
import { runs, table, type Terminal } from "./verb.ts";

function text(found: Inspection): string {
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
  ]);
}

export function addModelInspect(parent: Command, terminal: Terminal): void {
  const command = parent
    .command("inspect")
    .description("Say what an ONNX file is: inputs, outputs, operators, size, hash, and what keeps it from being registered.")
    .argument("<file>", "an ONNX file");
  runs(command, terminal, ["model inspect recogniser.onnx", "model inspect recogniser.onnx --json"], async (_, file) => {
    const inspection = inspectOnnx(file, await readNamedFile(file));
    return { json: inspection, text: text(inspection) };
  });
}

// Writes test/vectors/canonical-*.json: what the reference makes of seeded operations and programs.
import { mkdirSync, writeFileSync } from "node:fs";
import { fileText, operationVectors, programVectors, sumVectors } from "../test/oracle/canonical/vectors.ts";

mkdirSync("test/vectors", { recursive: true });
for (const [name, vectors] of [
  ["operations", operationVectors()],
  ["programs", programVectors()],
  ["sums", sumVectors()],
] as const) {
  const text = fileText(vectors);
  writeFileSync(`test/vectors/canonical-${name}.json`, text);
  process.stdout.write(`test/vectors/canonical-${name}.json: ${text.length} bytes\n`);
}

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decodeProgram } from "../../../oracle/canonical/program/decode.ts";
import { programRoot } from "../../../oracle/canonical/program/root.ts";
import { fileText, operationVectors, programVectors, sumVectors } from "./vectors.ts";

for (const [name, vectors] of [
  ["operations", operationVectors],
  ["programs", programVectors],
  ["sums", sumVectors],
] as const) {
  test(`the vectors of ${name} are what the reference yields`, () => {
    const file = readFileSync(new URL(`../../vectors/canonical-${name}.json`, import.meta.url), "utf8");
    assert(file === fileText(vectors()), "run scripts/canonical-vectors.ts and look at what changed");
  });
}

test("the vectors' programs decode to their roots", () => {
  const file = new URL("../../vectors/canonical-programs.json", import.meta.url);
  for (const { program, programRoot: root } of JSON.parse(readFileSync(file, "utf8")) as { program: string; programRoot: string }[]) {
    assert.equal(Buffer.from(programRoot(decodeProgram(Buffer.from(program, "hex")))).toString("hex"), root);
  }
});

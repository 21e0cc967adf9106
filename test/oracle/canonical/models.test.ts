import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { evaluateHere } from "../../../oracle/canonical/evaluate.ts";
import { bytesOfWords } from "../../../oracle/canonical/proof/treeView.ts";
import { checkAddresses } from "../../../oracle/canonical/program/addresses.ts";
import { programRoot } from "../../../oracle/canonical/program/root.ts";
import { weightRoot } from "../../../oracle/canonical/weightRoot.ts";
import { checkSampled, wordsOf } from "./differential.ts";
import { inputFor, lowerCase, modelCases } from "./modelCases.ts";
import { seeded } from "./seeded.ts";

/** The small ones; scripts/canonical-models.ts takes all. */
const small = ["voice activity 5", "voice activity, older", "transformer"];

for (const model of modelCases.filter(({ name }) => small.includes(name))) {
  test(`${model.name}: accesses stay in their spaces, and sampled elements of the trace follow from their operands`, () => {
    const { program, weights, inputs } = lowerCase(model);
    checkAddresses(program);
    const drawn = { program, weights, inputs: inputFor({ inputs }) };
    const trace = wordsOf(evaluateHere(program, weights, drawn.inputs).trace);
    assert(checkSampled(drawn, trace, seeded(80), 4) > 3 * program.instructions.length);
    const last = 64 * program.instructions.at(-1)!.outLeaf;
    trace.set(
      trace.subarray(last).map((word) => word ^ 1),
      last,
    );
    assert.throws(() => checkSampled(drawn, trace, seeded(80), 4), /element \d+ of instruction \d+ is 0x/);
  });
}

test("docs/canonical-models.md names the roots that every model is lowered and evaluated to", () => {
  const page = readFileSync(new URL("../../../docs/canonical-models.md", import.meta.url), "utf8");
  for (const model of modelCases) {
    const { program, weights, inputs } = lowerCase(model);
    const { traceRoot } = evaluateHere(program, weights, inputFor({ inputs }));
    const roots = [programRoot(program), weightRoot(bytesOfWords(weights)), traceRoot].map((root) => Buffer.from(root).toString("hex"));
    assert(page.includes(`| ${model.name} | ${roots.map((root) => `\`${root}\``).join(" | ")} |`), `${model.name}: ${roots.join(", ")}`);
  }
});

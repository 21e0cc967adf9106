// Compares random cases of every lowered operator with ONNX Runtime and writes docs/operator-fuzz.md; ends with 1 where one differs without a reason.
// `--cases N` of each operator (200 by default), `--only OPERATOR`, `--state FILE` to go on where an earlier run with that file stopped.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { generators, tryCase, type Outcome } from "../test/oracle/canonical/operatorFuzz/fuzz.ts";

const { values } = parseArgs({
  options: { cases: { type: "string", default: "200" }, only: { type: "string" }, state: { type: "string" } },
});
const cases = Number(values.cases);

interface Tally {
  /** Seeds below this one are done. */
  next: number;
  counts: Record<Outcome["kind"], number>;
  /** Reasons of refusals and named differences. */
  reasons: Record<string, number>;
  different: string[];
}

const fresh = (): Tally => ({ next: 0, counts: { equal: 0, named: 0, refused: 0, notRun: 0, different: 0 }, reasons: {}, different: [] });
const state: Record<string, Tally> =
  values.state !== undefined && existsSync(values.state) ? (JSON.parse(readFileSync(values.state, "utf8")) as Record<string, Tally>) : {};

for (const operator of values.only === undefined ? Object.keys(generators).sort() : [values.only]) {
  const tally = (state[operator] ??= fresh());
  for (; tally.next < cases; tally.next++) {
    const outcome = await tryCase(operator, tally.next);
    tally.counts[outcome.kind]++;
    if (outcome.kind === "different") tally.different.push(`${operator}, seed ${tally.next}: ${outcome.what}`);
    if (outcome.kind === "named" || outcome.kind === "refused") {
      const reason = outcome.reason.replace(/\[[^\]]*\]/g, "[…]").replace(/\d+/g, "n");
      tally.reasons[reason] = (tally.reasons[reason] ?? 0) + 1;
    }
  }
  if (values.state !== undefined) writeFileSync(values.state, JSON.stringify(state));
}

const all = Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1));
const different = all.flatMap(([, tally]) => tally.different);
const total = (kind: Outcome["kind"]) => all.reduce((sum, [, tally]) => sum + tally.counts[kind], 0).toLocaleString("en");
const row = ([operator, { counts, reasons }]: [string, Tally]) =>
  `| ${operator} | ${counts.equal} | ${counts.named} | ${counts.refused} | ${counts.notRun} | ${counts.different} | ${Object.keys(reasons).sort().join("; ")} |`;

if (values.only === undefined) {
  writeFileSync(
    "docs/operator-fuzz.md",
    `# Random cases of every operator

Written by \`scripts/operator-fuzz.ts --cases ${cases}\`. Each operator that is lowered is drawn with random attributes, optional inputs, element types, shapes and operator sets (\`test/oracle/canonical/operatorFuzz/\`), evaluated by the reference and by ONNX Runtime on the same input. *Equal*: integers the same, float32 within 1e-5 of the tensor's largest magnitude (1 at least), NaN for NaN. *Not run*: ONNX Runtime has no kernel for it or refuses it, so nobody can answer with it. Two kinds of difference have a name: **one step of quantisation**, where ONNX Runtime scales a quantised sum by another order of roundings and a value next to a half lands beside (a tolerance of 0 is then not for such a model), and **int32 overflow** of ReduceSum and ReduceProd, which wraps here and stops at the largest number there (\`model inspect\` warns of it).

In all ${total("equal")} equal, ${total("named")} with a named reason, ${total("refused")} refused, ${total("notRun")} not run, ${total("different")} different without a reason.

| operator | equal | named | refused | not run | different | reasons |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
${all.map(row).join("\n")}
`,
  );
}
for (const line of different) process.stderr.write(`${line}\n`);
process.stdout.write(
  `${total("equal")} equal, ${total("named")} named, ${total("refused")} refused, ${total("notRun")} not run, ${total("different")} different\n`,
);
process.exit(different.length === 0 ? 0 : 1);

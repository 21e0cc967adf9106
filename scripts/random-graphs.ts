// Evaluates random graphs resident, streamed, by the reference and by ONNX Runtime and writes docs/random-graphs.md; ends with 1 where one differs.
// `--graphs N` (2,000 by default), `--state FILE` to go on where an earlier run with that file stopped.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { tryGraph, type GraphOutcome } from "../test/oracle/canonical/randomGraph.ts";

const { values } = parseArgs({ options: { graphs: { type: "string", default: "2000" }, state: { type: "string" } } });
const graphs = Number(values.graphs);

interface State {
  /** Seeds below this one are done. */
  next: number;
  counts: Record<GraphOutcome["kind"], number>;
  reasons: Record<string, number>;
  different: string[];
}

const resumed = values.state !== undefined && existsSync(values.state);
const state: State = resumed
  ? (JSON.parse(readFileSync(values.state!, "utf8")) as State)
  : { next: 0, counts: { equal: 0, refused: 0, notRun: 0, different: 0 }, reasons: {}, different: [] };

for (; state.next < graphs; state.next++) {
  const outcome = await tryGraph(state.next);
  state.counts[outcome.kind]++;
  if (outcome.kind === "different") state.different.push(`seed ${state.next}: ${outcome.what}`);
  if (outcome.kind === "refused" || outcome.kind === "notRun") {
    const reason = `${outcome.kind === "refused" ? "refused" : "not run"}: ${outcome.reason.replace(/\d+/g, "n")}`;
    state.reasons[reason] = (state.reasons[reason] ?? 0) + 1;
  }
  if (values.state !== undefined && state.next % 50 === 49) writeFileSync(values.state, JSON.stringify({ ...state, next: state.next + 1 }));
}

const { counts } = state;
const number = (value: number) => value.toLocaleString("en");
const reasons = Object.entries(state.reasons).sort(([a], [b]) => (a < b ? -1 : 1));
writeFileSync(
  "docs/random-graphs.md",
  `# Random graphs

Written by \`scripts/random-graphs.ts --graphs ${graphs}\`. Each seed draws a graph of 3 to 20 operators (products, convolutions, pools, reductions, movement, elementwise functions; \`test/oracle/canonical/randomGraph.ts\`). It is evaluated resident, streamed and by the reference, which must end in the same trace root and outputs, and by ONNX Runtime, whose outputs must lie within 1e-4 of the tensor's largest magnitude (1 at least).

| graphs | ${number(graphs)} |
| --- | ---: |
| equal | ${number(counts.equal)} |
| refused | ${number(counts.refused)} |
| not run by ONNX Runtime | ${number(counts.notRun)} |
| different | ${number(counts.different)} |
${reasons.length === 0 ? "" : `\n| reason | graphs |\n| --- | ---: |\n${reasons.map(([reason, times]) => `| ${reason} | ${times} |`).join("\n")}\n`}`,
);
for (const line of state.different) process.stderr.write(`${line}\n`);
process.stdout.write(`${counts.equal} equal, ${counts.refused} refused, ${counts.notRun} not run, ${counts.different} different\n`);
process.exit(counts.different === 0 ? 0 : 1);

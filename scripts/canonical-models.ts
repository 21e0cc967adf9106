// Evaluates every model that must be adjudicable in several ways, recomputes sampled elements of each trace by the reference,
// compares the outputs with ONNX Runtime's, and writes what it found to docs/canonical-models.md. `--root NAME` prints one trace root.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measure } from "../oracle/canonical/calibration.ts";
import { createEvaluator, evaluateHere } from "../oracle/canonical/evaluate.ts";
import { bytesOfWords } from "../oracle/canonical/proof/treeView.ts";
import type { Lowered } from "../oracle/canonical/lowering/lower.ts";
import { checkAddresses } from "../oracle/canonical/program/addresses.ts";
import { programRoot } from "../oracle/canonical/program/root.ts";
import { weightRoot } from "../oracle/canonical/weightRoot.ts";
import type { Tensor } from "../oracle/core/tensor.ts";
import { batchesOf } from "../oracle/cli/modelCalibrate.ts";
import { availableProfiles, runProfile } from "../oracle/runtime/profiles.ts";
import { checkSampled, wordsOf } from "../test/oracle/canonical/differential.ts";
import { inputFor, lowerCase, modelCases, type ModelCase } from "../test/oracle/canonical/modelCases.ts";
import { seeded } from "../test/oracle/canonical/seeded.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const number = (value: number) => value.toLocaleString("en-US");

/** Trace roots by other means than one thread in this process: 2 and 4 threads, twice each, and a process of its own. */
async function otherRoots({ name }: ModelCase, { program, weights }: Lowered, inputs: Tensor[]): Promise<string[]> {
  const roots: string[] = [];
  for (const workers of [1, 2, 4]) {
    const evaluator = createEvaluator(program, weights, { workers });
    try {
      for (let run = 0; run < 2; run++) roots.push(hex((await evaluator.evaluate(inputs)).traceRoot));
    } finally {
      await evaluator.close();
    }
  }
  const fresh = execFileSync(process.execPath, [fileURLToPath(import.meta.url), "--root", name], { encoding: "utf8" });
  return [...roots, fresh.trim()];
}

/** Sizes of batches that are tried where the file leaves the first dimension open. */
const batches = [1, 4];
const profiles = (await availableProfiles(["cpu"], batches)).profiles.filter(({ threads }) => threads <= 2);
const columns = profiles.map(({ optimisation, threads, batch }) => `${optimisation}, ${threads}, ${batch}`);

/** The largest error in each profile; "–" where the file does not take the batch. */
async function errorsOf({ bytes, options }: ModelCase, lowered: Lowered, inputs: Tensor[], outputs: Tensor[]): Promise<string[]> {
  const named = { ...options.fixed, ...Object.fromEntries(lowered.inputs.map(({ name }, i) => [name, inputs[i]!])) };
  const names = lowered.outputs.map(({ name }) => name);
  const file = bytes();
  const { batches: taken } = batchesOf(batches, file, lowered);
  const integers = outputs.every(({ dtype }) => dtype !== "float32");
  const cells: string[] = [];
  for (const profile of profiles) {
    if (!taken.includes(profile.batch)) {
      cells.push("–");
      continue;
    }
    const [fast] = await runProfile(file, profile, [named], names, new Set(Object.keys(options.fixed ?? {})));
    const errors = outputs.map((canonical, i) => measure([{ canonical, fast: { ...fast![i]!, shape: canonical.shape } }]));
    const different = errors.reduce((sum, error) => sum + error.different, 0);
    cells.push(integers ? `${different} differ` : Math.max(...errors.map(({ maxAbsolute }) => maxAbsolute)).toExponential(1));
  }
  return cells;
}

interface Rows {
  row: string;
  errors: string;
  roots: string;
}

async function rowOf(model: ModelCase): Promise<Rows> {
  const lowered = lowerCase(model);
  const { program, weights, traceWords, unfusedWords, largestContraction } = lowered;
  checkAddresses(program);
  const inputs = inputFor(lowered);
  const { trace, traceRoot, outputs, exactElements } = evaluateHere(program, weights, inputs);
  const root = hex(traceRoot);
  const others = await otherRoots(model, lowered, inputs);
  const odd = others.findIndex((other) => other !== root);
  if (odd >= 0) throw new Error(`${model.name}: way ${odd} of evaluating ends in the trace root ${others[odd]}, not ${root}`);
  const sampled = checkSampled({ program, weights, inputs }, wordsOf(trace), seeded(3), 30);
  const errors = await errorsOf(model, lowered, inputs, outputs);
  const cells = [model.name, program.instructions.length, number(traceWords), number(unfusedWords), number(largestContraction)];
  return {
    row: `| ${[...cells, number(exactElements), number(sampled)].join(" | ")} |`,
    errors: `| ${[model.name, ...errors].join(" | ")} |`,
    roots: `| ${model.name} | \`${hex(programRoot(program))}\` | \`${hex(weightRoot(bytesOfWords(weights)))}\` | \`${root}\` |`,
  };
}

async function writePage(): Promise<void> {
  const rows: Rows[] = [];
  for (const model of modelCases) {
    rows.push(await rowOf(model));
    process.stdout.write(`${rows.at(-1)!.row}\n`);
  }
  writeFileSync(
    "docs/canonical-models.md",
    `# Models and their canonical evaluation

Written by \`scripts/canonical-models.ts\`, which stops where anything differs. Every model is evaluated on one seeded input by one thread, by 1, 2 and 4 worker threads twice each, and in a process of its own: the trace root is the same every time. Sampled elements of every instruction are recomputed by the reference from the trace as it stands, as a step in the EVM does.

| model | instructions | words of trace | before fusion | longest contraction | decided exactly | recomputed |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
${rows.map(({ row }) => row).join("\n")}

The largest absolute error of ONNX Runtime's CPU provider against the canonical outputs, by level of graph optimisation, threads and batch ("–": the file fixes the batch):

| model | ${columns.join(" | ")} |
| --- |${" ---: |".repeat(columns.length)}
${rows.map(({ errors }) => errors).join("\n")}

Whoever lowers the same files gets these roots:

| model | program root | weight root | trace root |
| --- | --- | --- | --- |
${rows.map(({ roots }) => roots).join("\n")}
`,
  );
}

const { values } = parseArgs({ options: { root: { type: "string" } } });
const named = modelCases.find(({ name }) => name === values.root);
if (named !== undefined) {
  const lowered = lowerCase(named);
  process.stdout.write(`${hex(evaluateHere(lowered.program, lowered.weights, inputFor(lowered)).traceRoot)}\n`);
} else await writePage();

// Compares the engine with the reference on many random elements and writes what it found to docs/canonical-agreement.md.
// `--elements N` of each kind (1,000,000 by default), `--seed N`.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { evaluateHere } from "../oracle/canonical/evaluate.ts";
import { outputOffset, outputWords } from "../oracle/canonical/program/layout.ts";
import { isInfinite, isNaN32, isZero } from "../oracle/canonical/reference/binary32.ts";
import { compareWithReference, wordsOf, type Case } from "../test/oracle/canonical/differential.ts";

const { values } = parseArgs({ options: { elements: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } } });
const [elements, seed] = [Number(values.elements), Number(values.seed)];

const counts = { programs: 0, NaN: 0, infinite: 0, zero: 0, subnormal: 0, exact: 0 };

function count({ program }: Case, trace: Uint32Array): void {
  counts.programs++;
  for (const instruction of program.instructions) {
    const offset = outputOffset(instruction);
    for (const word of trace.subarray(offset, offset + outputWords(instruction))) {
      if (isNaN32(word)) counts.NaN++;
      else if (isInfinite(word)) counts.infinite++;
      else if (isZero(word)) counts.zero++;
      else if ((word & 0x7f800000) === 0) counts.subnormal++;
    }
  }
}

let shown = 0;
const tally = await compareWithReference(
  (drawn) => {
    const evaluation = evaluateHere(drawn.program, drawn.weights, drawn.inputs);
    const trace = wordsOf(evaluation.trace);
    counts.exact += evaluation.exactElements;
    count(drawn, trace);
    if (counts.programs >= shown + 5000) process.stdout.write(`${(shown = counts.programs)} programs\n`);
    return trace;
  },
  seed,
  elements,
);

const number = (value: number) => value.toLocaleString("en-US");
const text = `# Agreement of engine and reference

Written by \`scripts/canonical-agreement.ts --elements ${elements} --seed ${seed}\`, which stops at the first difference. The programs are random ones, ones of the shapes that models have, products of matrices on ties or next to them, and single operations at corners and at the arguments that are hardest to round (\`test/oracle/canonical/differential.ts\`).

| kind | elements compared | differences |
| --- | ---: | ---: |
${Object.entries(tally)
  .map(([kind, compared]) => `| ${kind} | ${number(compared)} | 0 |`)
  .join("\n")}

${number(counts.programs)} programs. Of these elements, read as binary32, ${number(counts.NaN)} are NaN, ${number(counts.infinite)} infinite, ${number(counts.zero)} zero and ${number(counts.subnormal)} subnormal (small integers among them). Exact arithmetic decided ${number(counts.exact)} elements, binary64 the others.
`;
writeFileSync("docs/canonical-agreement.md", text);
process.stdout.write(text);

// Reads and lowers damaged models and writes docs/malformed-models.md; stops at the first crash.
// `node --max-old-space-size=1024 scripts/onnx-mutations.ts [--count 20000] [--seed 1]`
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { tryMutations } from "../test/oracle/canonical/mutations.ts";

const { values } = parseArgs({ options: { count: { type: "string", default: "20000" }, seed: { type: "string", default: "1" } } });
const started = performance.now();
const { tried, unreadable, refused, adjudicable, slowest } = tryMutations(Number(values.count), Number(values.seed));
const seconds = (performance.now() - started) / 1000;
const memory = process.resourceUsage().maxRSS / 1024;
const number = (value: number) => value.toLocaleString("en");
writeFileSync(
  "docs/malformed-models.md",
  `# Malformed models

Written by \`scripts/onnx-mutations.ts --count ${tried} --seed ${values.seed}\`, which stops at the first crash. Good models (movement, convolutions, loops and branches, quantised and plain networks) are damaged by a seeded hand: bytes flipped, cut, removed, repeated or taken from another model, and fields changed to hostile sizes, names, operators and orders (\`test/oracle/canonical/mutations.ts\`). Each is read and lowered.

| damaged models | ${number(tried)} |
| --- | ---: |
| refused as files | ${number(unreadable)} |
| read, with nodes that are refused | ${number(refused)} |
| still adjudicable | ${number(adjudicable)} |
| crashes, hangs, out of memory | 0 |
| slowest | ${Math.round(slowest)} ms |
| all | ${seconds.toFixed(0)} s, at most ${Math.round(memory)} MiB |
`,
);
process.stdout.write(
  `${tried} damaged models: ${unreadable} refused as files, ${refused} refused, ${adjudicable} adjudicable; slowest ${slowest.toFixed(0)} ms\n`,
);

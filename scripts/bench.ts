// Measures and prints a table; `--json` prints one JSON object instead, `--only PREFIX` runs the names that start so.
// A figure beyond its target is printed as such and fails nothing: what must hold is a test.
import { globSync } from "node:fs";
import { parseArgs } from "node:util";
import { loadBenches, meets, type Figure } from "./bench/harness.ts";

const { values: options } = parseArgs({ options: { json: { type: "boolean", default: false }, only: { type: "string", multiple: true } } });
const files = globSync("bench/*.ts", { cwd: import.meta.dirname }).sort();
const benches = await loadBenches(files.map((file) => new URL(file, import.meta.url).href));
const chosen = benches.filter(({ name }) => options.only === undefined || options.only.some((prefix) => name.startsWith(prefix)));
if (chosen.length === 0) {
  process.stderr.write(
    `bench: no name starts with ${options.only?.join(" or ")}; there are ${benches.map(({ name }) => name).join(", ")}\n`,
  );
  process.exit(2);
}

const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });
const width = Math.max(...chosen.map(({ name }) => name.length));
const figures: Record<string, Figure> = {};
let failed = 0;
for (const bench of chosen) {
  const { name, unit, target, better = "lower" } = bench;
  try {
    const value = await bench.run();
    figures[name] = { value, unit, target };
    const wish =
      target === null
        ? ""
        : `  (target ${better === "lower" ? "≤" : "≥"} ${number.format(target)}: ${meets(bench, value) ? "met" : "MISSED"})`;
    (options.json ? process.stderr : process.stdout).write(`${name.padEnd(width)}  ${number.format(value).padStart(12)} ${unit}${wish}\n`);
  } catch (error) {
    failed++;
    process.stderr.write(`${name.padEnd(width)}  failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  }
}
if (options.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
// Benches may leave servers and pools behind; there is nothing left to wait for.
process.exit(failed === 0 ? 0 : 1);

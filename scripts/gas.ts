// Holds the measured gas against snapshots/; `--update` writes them, and the figures in README.md and docs/. `--only NAME` measures one
// suite. Run as `npm run gas`.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureDisputes, measureReductions } from "./bench/dispute.ts";
import { measureGas } from "./bench/gas.ts";
import { measurePublications } from "./bench/publication.ts";
import { measureSteps } from "./bench/step.ts";
import { measureSybils } from "./bench/sybils.ts";
import { pageFaults, writePages } from "./gas/pages.ts";

/** Gas, or moves, by the figure's name. */
export type GasSnapshot = Record<string, number>;

export interface GasSuite {
  measure(): Promise<GasSnapshot>;
  /** A figure may move by this part of itself. */
  tolerance: number;
  /** Whether it is quick enough for every run of the tests. */
  tested: boolean;
}

const directory = join(dirname(dirname(fileURLToPath(import.meta.url))), "snapshots");
const fileOf = (suite: string) => join(directory, `${suite}.json`);
const quick = { tolerance: 0.005, tested: true };

/** By the name of its snapshot: the life of a request, one step of each kind, whole disputes, demanded bytes. */
export const gasSuites: Readonly<Record<string, GasSuite>> = {
  gas: { measure: async () => ({ ...(await measureGas()) }), ...quick },
  step: { measure: measureSteps, ...quick },
  dispute: { measure: measureDisputes, ...quick },
  publication: { measure: measurePublications, ...quick },
  reduction: { measure: measureReductions, tolerance: 0.005, tested: false },
  // Of a node: which of many disputes makes it show a shared node first hangs on the order in which it sees them.
  sybils: { measure: measureSybils, tolerance: 0.2, tested: false },
};

/** @returns one line for each figure that has left its snapshot, or the measurement; empty where none has. */
export function compareGas(snapshot: GasSnapshot, measured: GasSnapshot, tolerance = quick.tolerance): string[] {
  const gone = Object.keys(snapshot).filter((name) => !(name in measured));
  const moved = Object.entries(measured).flatMap(([name, value]) => {
    const before = snapshot[name];
    if (before === undefined) return [`${name} is not in the snapshot`];
    const change = (value - before) / before;
    return Math.abs(change) <= tolerance ? [] : [`${name} was ${before} gas and is ${value} (${(100 * change).toFixed(2)} %)`];
  });
  return [...gone.map((name) => `${name} is in the snapshot and is not measured`), ...moved];
}

export const readGasSnapshot = (suite: string): GasSnapshot => JSON.parse(readFileSync(fileOf(suite), "utf8")) as GasSnapshot;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values: options } = parseArgs({
    options: { update: { type: "boolean", default: false }, only: { type: "string", multiple: true } },
  });
  const faults: string[] = [];
  for (const [suite, { measure, tolerance }] of Object.entries(gasSuites)) {
    if (options.only !== undefined && !options.only.includes(suite)) continue;
    const measured = await measure();
    process.stdout.write(`${suite} ${JSON.stringify(measured, null, 2)}\n`);
    if (options.update) {
      mkdirSync(directory, { recursive: true });
      writeFileSync(fileOf(suite), `${JSON.stringify(measured, null, 2)}\n`);
    } else faults.push(...compareGas(readGasSnapshot(suite), measured, tolerance));
  }
  if (options.update) writePages();
  faults.push(...pageFaults());
  for (const line of faults) process.stderr.write(`${line}\n`);
  if (faults.length > 0) process.stderr.write("If the change is meant, run `npm run gas -- --update` and say why in the commit.\n");
  process.exit(faults.length > 0 ? 1 : 0);
}

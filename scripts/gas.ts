// Holds the measured gas against snapshots/; `--update` writes them. Run as `npm run gas`.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { measureDisputes } from "./bench/dispute.ts";
import { measureGas } from "./bench/gas.ts";
import { measurePublications } from "./bench/publication.ts";
import { measureSteps } from "./bench/step.ts";

/** Gas, or moves, by the figure's name. */
export type GasSnapshot = Record<string, number>;

const directory = join(dirname(dirname(fileURLToPath(import.meta.url))), "snapshots");
const fileOf = (suite: string) => join(directory, `${suite}.json`);

/** What is measured, by the name of its snapshot: the life of a request, one step of each kind, whole disputes, demanded bytes. */
export const gasSuites = {
  gas: async (): Promise<GasSnapshot> => ({ ...(await measureGas()) }),
  step: measureSteps,
  dispute: measureDisputes,
  publication: measurePublications,
} as const satisfies Record<string, () => Promise<GasSnapshot>>;
export type GasSuite = keyof typeof gasSuites;

/** A figure may move by this part of itself. */
const tolerance = 0.005;

/** @returns one line for each figure that has left its snapshot, or the measurement; empty where none has. */
export function compareGas(snapshot: GasSnapshot, measured: GasSnapshot): string[] {
  const gone = Object.keys(snapshot).filter((name) => !(name in measured));
  const moved = Object.entries(measured).flatMap(([name, value]) => {
    const before = snapshot[name];
    if (before === undefined) return [`${name} is not in the snapshot`];
    const change = (value - before) / before;
    return Math.abs(change) <= tolerance ? [] : [`${name} was ${before} gas and is ${value} (${(100 * change).toFixed(2)} %)`];
  });
  return [...gone.map((name) => `${name} is in the snapshot and is not measured`), ...moved];
}

export const readGasSnapshot = (suite: GasSuite): GasSnapshot => JSON.parse(readFileSync(fileOf(suite), "utf8")) as GasSnapshot;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const moved: string[] = [];
  for (const [suite, measure] of Object.entries(gasSuites) as [GasSuite, () => Promise<GasSnapshot>][]) {
    const measured = await measure();
    process.stdout.write(`${suite} ${JSON.stringify(measured, null, 2)}\n`);
    if (process.argv.includes("--update")) {
      mkdirSync(directory, { recursive: true });
      writeFileSync(fileOf(suite), `${JSON.stringify(measured, null, 2)}\n`);
    } else moved.push(...compareGas(readGasSnapshot(suite), measured));
  }
  for (const line of moved) process.stderr.write(`${line}\n`);
  if (moved.length > 0) process.stderr.write("If the change is meant, run `npm run gas -- --update` and say why in the commit.\n");
  process.exit(moved.length > 0 ? 1 : 0);
}

// Holds the measured gas against snapshots/gas.json; `--update` writes it. Run as `npm run gas`.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { measureGas, type GasFigures } from "./bench/gas.ts";

const file = join(dirname(dirname(fileURLToPath(import.meta.url))), "snapshots", "gas.json");
/** A figure may move by this part of itself. */
const tolerance = 0.005;

/** @returns one line for each figure that has left its snapshot, empty where none has. */
export function compareGas(snapshot: Partial<GasFigures>, measured: GasFigures): string[] {
  return (Object.entries(measured) as [keyof GasFigures, number][]).flatMap(([name, value]) => {
    const before = snapshot[name];
    if (before === undefined) return [`${name} is not in the snapshot`];
    const change = (value - before) / before;
    return Math.abs(change) <= tolerance ? [] : [`${name} was ${before} gas and is ${value} (${(100 * change).toFixed(2)} %)`];
  });
}

export const readGasSnapshot = (): Partial<GasFigures> => JSON.parse(readFileSync(file, "utf8")) as Partial<GasFigures>;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const measured = await measureGas();
  if (process.argv.includes("--update")) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(measured, null, 2)}\n`);
  } else {
    const moved = compareGas(readGasSnapshot(), measured);
    for (const line of moved) process.stderr.write(`${line}\n`);
    if (moved.length > 0) {
      process.stderr.write("If the change is meant, run `npm run gas -- --update` and say why in the commit.\n");
      process.exit(1);
    }
  }
  process.stdout.write(`${JSON.stringify(measured, null, 2)}\n`);
}

// Walks at random through the whole system (test/contracts/system/) and plays random games (test/contracts/dispute/RandomGames.t.sol)
// at a length that is too long for every test run, and keeps what was reached in docs/invariants.json: run again, it goes on.
//   node scripts/run.mjs scripts/invariants.ts [--calls 100000] [--games 1000]
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

interface Summary {
  /** Walks from seeds 1 to nextSeed - 1 are done, and what they have reached together. */
  nextSeed: number;
  calls: number;
  reached: Record<string, number>;
  /** The games of the last run, all from seed 1, and how they ended. */
  games: Record<string, number>;
}

const { values: options } = parseArgs({
  options: { calls: { type: "string", default: "100000" }, games: { type: "string", default: "1000" } },
});
const root = new URL("../", import.meta.url);
const path = new URL("docs/invariants.json", root);
const walks = 10;
const callsAWalk = 500;

/** The counters' names, in the order of their numbers. */
const names = /enum Reached \{([^}]*)\}/
  .exec(readFileSync(new URL("test/contracts/system/Books.sol", root), "utf8"))![1]!
  .split(",")
  .map((name) => name.trim());

const kept = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Summary) : undefined;
// What walks with other counters have reached says nothing about these.
const summary: Summary =
  kept !== undefined && Object.keys(kept.reached).join() === names.join()
    ? kept
    : { nextSeed: 1, calls: 0, reached: Object.fromEntries(names.map((name) => [name, 0])), games: {} };

/** @returns the numbers that a Solidity test logged. @throws where it failed. */
async function counters(file: string, environment: Record<string, string>): Promise<Map<string, number>> {
  const child = spawn("hardhat", ["test", "solidity", file], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
    shell: process.platform === "win32",
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (status !== 0) throw new Error(`${file} failed:\n${output}`);
  return new Map([...output.matchAll(/^\s*(\w+): (\d+)$/gm)].map(([, name, value]) => [name!, Number(value)]));
}

const save = () => writeFileSync(path, `${JSON.stringify(summary, null, 2)}\n`);

while (summary.calls < Number(options.calls)) {
  const found = await counters("test/contracts/system/System.t.sol", {
    ASSAY_WALKS: String(walks),
    ASSAY_WALK_CALLS: String(callsAWalk),
    ASSAY_WALK_SEED: String(summary.nextSeed),
    ASSAY_WALK_REPORT: "1",
  });
  names.forEach((name, i) => (summary.reached[name]! += found.get(String(i))!));
  summary.nextSeed++;
  summary.calls += walks * callsAWalk;
  save();
  process.stdout.write(`${summary.calls} calls, every property held\n`);
}
const least = summary.calls / 5000;
const seldom = names.filter((name) => summary.reached[name]! < least);
if (seldom.length > 0) throw new Error(`reached fewer than ${least} times in ${summary.calls} calls: ${seldom.join(", ")}`);
if ((summary.games["games"] ?? 0) < Number(options.games)) {
  const found = await counters("test/contracts/dispute/RandomGames.t.sol", { ASSAY_GAMES: options.games, ASSAY_GAMES_REPORT: "1" });
  summary.games = Object.fromEntries(found);
  save();
  process.stdout.write(`${options.games} games, none lost by the honest\n`);
}

/** Runs a file's mutants against the suites that hold it, each until a test fails. */
import { type Contract, mutantsIn, type Project, schemata } from "./build.ts";
import { firstNumber } from "./schemata.ts";
import type { Mutant } from "./sites.ts";
import type { Report } from "./solidityWorker.ts";
import { prepare } from "./suites.ts";
import { Worker } from "./worker.ts";

export type Verdict = "killed" | "survived" | "refused" | "stuck";

export interface Result {
  id: string;
  verdict: Verdict;
  /** The test that failed first, or why there is no verdict. */
  by?: string;
}

/** @returns the mutants' names: file, line, column and kind, and a number where several share these; the same until the line changes. */
export function idsOf(file: string, source: string, mutants: readonly Mutant[]): string[] {
  const seen = new Map<string, number>();
  return mutants.map(({ kind, start }) => {
    const before = source.slice(0, start).split("\n");
    const id = `${file}:${before.length}:${before.at(-1)!.length + 1}:${kind.replaceAll(" ", "-")}`;
    const times = (seen.get(id) ?? 0) + 1;
    seen.set(id, times);
    return times === 1 ? id : `${id}-${times}`;
  });
}

export interface Options {
  chosen: (id: string) => boolean;
  /** Names of suites; all where there are none. */
  suites: readonly string[];
  /** Those that run only where all others pass. */
  late: readonly string[];
  log: (line: string) => void;
  /** Called with each result as it is found. */
  found: (result: Result) => void;
}

interface Running {
  suite: Contract;
  without: string;
  limit: number;
  /** Tests that failed for other mutants, and how often they were the first. */
  killers: Map<string, number>;
}

const exactly = (names: Iterable<string>): string =>
  `^(${[...names].map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})$`;

/** @returns what each suite can run: the tests that pass while no mutant is active. */
async function runnable(worker: Worker, suites: readonly Contract[], options: Options): Promise<Running[]> {
  const all: Running[] = [];
  for (const suite of suites) {
    const quiet = await worker.run({ suite, coinbase: 1 }, 1_200_000);
    if (quiet === null) {
      options.log(`${suite.name} is left out, it gives no answer without a mutant`);
      continue;
    }
    for (const { name, reason } of quiet.failed) options.log(`${suite.name}.${name} is left out, it fails without a mutant: ${reason}`);
    if (quiet.passed === 0) continue;
    const without = exactly(["", ...quiet.failed.map(({ name }) => name)]);
    all.push({ suite, without, limit: 60_000 + 20 * quiet.milliseconds, killers: new Map() });
    options.log(`${suite.name}: ${quiet.passed} tests in ${(quiet.milliseconds / 1000).toFixed(1)} s`);
  }
  return all;
}

/** The order in which a mutant's suites run: first the likeliest tests of all, then everything. */
function plan(all: readonly Running[], late: readonly string[]): { running: Running; only?: string }[] {
  const likely = all
    .flatMap((running) => [...running.killers].map(([name, times]) => ({ running, name, times })))
    .sort((a, b) => b.times - a.times)
    .slice(0, 8);
  const first = all
    .map((running) => ({ running, names: likely.filter((each) => each.running === running).map(({ name }) => name) }))
    .filter(({ names }) => names.length > 0)
    .map(({ running, names }) => ({ running, only: exactly(names) }));
  const isLate = ({ suite }: Running): boolean => late.includes(suite.name);
  return [
    ...first,
    ...all.filter((each) => !isLate(each)).map((running) => ({ running })),
    ...all.filter(isLate).map((running) => ({ running })),
  ];
}

/** @returns a mutant's verdict, and the test that failed first. */
async function judge(worker: Worker, all: readonly Running[], n: number, late: readonly string[]): Promise<Omit<Result, "id">> {
  for (const { running, only } of plan(all, late)) {
    const { suite, without, limit, killers } = running;
    const order = { suite, coinbase: firstNumber + n, without, ...(only === undefined ? {} : { only }) };
    const report: Report | null = await worker.run(order, limit);
    if (report === null) return { verdict: "stuck", by: suite.name };
    const [first] = report.failed;
    if (first === undefined) continue;
    if (first.name !== "setUp()") killers.set(first.name, (killers.get(first.name) ?? 0) + 1);
    return { verdict: "killed", by: `${suite.name}.${first.name.replace(/\(.*$/, "")}` };
  }
  return { verdict: "survived" };
}

export async function runFile(project: Project, file: string, options: Options): Promise<void> {
  const { source, mutants } = mutantsIn(project, file);
  const ids = idsOf(file, source, mutants);
  const left: (Mutant | null)[] = mutants.map((mutant, i) => (options.chosen(ids[i]!) ? mutant : null));
  const wanted = left.map((mutant) => mutant !== null);
  if (!wanted.includes(true)) return;
  const content = schemata(project, file, source, left);
  left.forEach((mutant, i) => {
    if (wanted[i] && mutant === null) options.found({ id: ids[i]!, verdict: "refused", by: "the compiler" });
  });
  const { load, suites } = prepare(project, file, content, options.suites, options.log);
  const worker = new Worker(load);
  const all = await runnable(worker, suites, options);
  for (const [i, mutant] of left.entries()) {
    if (mutant !== null) options.found({ id: ids[i]!, ...(await judge(worker, all, i, options.late)) });
  }
  worker.end();
}

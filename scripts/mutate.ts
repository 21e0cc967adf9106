// Changes the contracts one place at a time and sees whether a Solidity test fails: `npm run mutate -- [--file F] [--id ID] [--kind K] [--sample N --seed S]
// [--suite NAME] [--thorough] [--again] [--list] [--summary]`. What was found is kept in .assay/mutate/results.json, and a run goes on where
// the last one stopped; a file that has changed starts again. --again tries once more what wasn't killed; --summary writes docs/mutation.json.
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { folder, mutantsIn, openProject } from "./mutate/build.ts";
import { digest, root } from "./mutate/compiler.ts";
import { idsOf, type Result, runFile } from "./mutate/run.ts";
import { type Kept, summarise } from "./mutate/summary.ts";

const { values: options } = parseArgs({
  options: {
    file: { type: "string", multiple: true },
    id: { type: "string", multiple: true },
    kind: { type: "string", multiple: true },
    suite: { type: "string", multiple: true },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    thorough: { type: "boolean", default: false },
    again: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    summary: { type: "boolean", default: false },
  },
});

/** Walks through the whole system: they take longer than all other suites together. */
const walks = ["SystemTest", "RandomGamesTest"];
/** What gas costs can't be told from code that isn't optimised. */
const measured = ["PublicationGasTest"];

const path = join(folder, "results.json");
mkdirSync(folder, { recursive: true });
const readKept = (): Record<string, Kept> => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {}) as Record<string, Kept>;

/** Two runs over different files don't undo each other's results. */
function keep(file: string, kept: Kept): void {
  const all: Record<string, Kept> = { ...readKept(), [file]: kept };
  writeFileSync(path, `${JSON.stringify(all, null, 2)}\n`);
}

const project = openProject();
const everything = globSync("contracts/**/*.sol", { cwd: root }).map((file) => file.replaceAll("\\", "/"));
const files = (options.file ?? (options.id ? [...new Set(options.id.map((id) => id.split(":")[0]!))] : everything)).filter(
  (file) => !/^contracts\/(interfaces|test|examples)\//.test(file),
);
const log = (line: string): void => void process.stdout.write(`${line}\n`);

const idsIn = (file: string): string[] => {
  const { source, mutants } = mutantsIn(project, file);
  return idsOf(file, source, mutants);
};

/** The ids of a file that this run is about: with --sample the first in the order of a hash of seed and id. */
function wantedOf(file: string): Set<string> {
  if (options.id) return new Set(options.id);
  const rank = (id: string): string => digest(`${options.seed}:${id}`);
  const kindOf = (id: string): string => id.split(":")[3]!.replace(/-\d+$/, "");
  const all = idsIn(file).filter((id) => options.kind === undefined || options.kind.includes(kindOf(id)));
  return new Set(options.sample === undefined ? all : all.sort((a, b) => rank(a).localeCompare(rank(b))).slice(0, Number(options.sample)));
}

if (options.list) {
  for (const file of files) for (const id of wantedOf(file)) log(id);
  process.exit(0);
}

const usual = project.suites
  .map(({ name }) => name)
  .filter((name) => !measured.includes(name) && (options.thorough || !walks.includes(name)));

async function mutate(file: string): Promise<Result[]> {
  const now = digest(project.sources[file]!.content);
  const before = readKept()[file];
  const results = new Map(before?.digest === now ? before.results.map((result) => [result.id, result]) : []);
  const isKnown = (id: string): boolean => {
    const verdict = results.get(id)?.verdict;
    return verdict !== undefined && !options.id && !(options.again && verdict !== "killed");
  };
  const mutants = idsIn(file).length;
  const wanted = wantedOf(file);
  const started = performance.now();
  await runFile(project, file, {
    chosen: (id) => wanted.has(id) && !isKnown(id),
    suites: options.suite ?? usual,
    late: walks,
    log: (line) => log(`${file}: ${line}`),
    found: (found) => {
      const isPartial = found.verdict === "survived" && options.suite !== undefined;
      const result = isPartial ? { ...found, by: `within ${options.suite!.join(", ")}` } : found;
      results.set(result.id, result);
      if (result.verdict !== "killed") log(`${result.verdict} ${result.id}${result.by ? ` (${result.by})` : ""}`);
      else if (options.id) log(`killed ${result.id} (${result.by})`);
      keep(file, { digest: now, mutants, seed: options.seed, results: [...results.values()] });
    },
  });
  log(`${file}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return [...results.values()].filter(({ id }) => wanted.has(id));
}

if (options.summary) {
  const current = Object.entries(readKept()).filter(([file, { digest: of }]) => digest(project.sources[file]?.content ?? "") === of);
  writeFileSync(join(root, "docs/mutation.json"), `${JSON.stringify(summarise(Object.fromEntries(current)), null, 2)}\n`);
  process.exit(0);
}
const found: Result[] = [];
for (const file of files) found.push(...(await mutate(file)));
const count = (verdict: Result["verdict"]): number => found.filter((result) => result.verdict === verdict).length;
const judged = count("killed") + count("survived");
const share = ((100 * count("killed")) / Math.max(judged, 1)).toFixed(1);
log(
  `${count("killed")} of ${judged} killed (${share} %), ${count("refused")} refused by the compiler, ${count("stuck")} without an answer`,
);

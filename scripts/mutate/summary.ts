/** What was found, as docs/mutation.json has it. */
import type { Result, Verdict } from "./run.ts";

export interface Kept {
  /** Of the file's content. */
  digest: string;
  /** How many there are in the file, judged or not. */
  mutants: number;
  /** What a sample was drawn with. */
  seed: string;
  results: Result[];
}

export interface FileSummary {
  mutants: number;
  judged: number;
  killed: number;
  refused: number;
  stuck: number;
  /** Seen by every suite. */
  survived: string[];
  /** Not noticed by the suites that have run; others hold the file, too. */
  open: string[];
}

export interface Summary {
  judged: number;
  killed: number;
  share: string;
  files: Record<string, FileSummary>;
}

/** Stuck ones count as killed: no answer came where one comes without them. */
function ofFile({ mutants, results }: Kept): FileSummary {
  const count = (verdict: Verdict): number => results.filter((result) => result.verdict === verdict).length;
  const unnoticed = results.filter(({ verdict }) => verdict === "survived");
  const ids = (some: Result[]): string[] => some.map(({ id }) => id).sort();
  const survived = ids(unnoticed.filter(({ by }) => by === undefined));
  const open = ids(unnoticed.filter(({ by }) => by !== undefined));
  const [refused, stuck] = [count("refused"), count("stuck")];
  return { mutants, judged: results.length - refused, killed: count("killed") + stuck, refused, stuck, survived, open };
}

export function summarise(kept: Record<string, Kept>): Summary {
  const files = Object.fromEntries(
    Object.keys(kept)
      .filter((file) => kept[file]!.results.length > 0)
      .sort()
      .map((file) => [file, ofFile(kept[file]!)]),
  );
  const sum = (field: "judged" | "killed"): number => Object.values(files).reduce((total, file) => total + file[field], 0);
  const [judged, killed] = [sum("judged"), sum("killed")];
  return { judged, killed, share: `${((100 * killed) / Math.max(judged, 1)).toFixed(1)} %`, files };
}

/** One figure. Benches that come out of one measurement share it through `once`. */
export interface Bench {
  /** "group.figure"; `--only` picks by prefix. */
  name: string;
  unit: string;
  /** What the figure should reach; null where it only informs. */
  target: number | null;
  /** Which side of the target is good. Default: at most the target. */
  better?: "lower" | "higher";
  run(): Promise<number>;
}

export interface Figure {
  value: number;
  unit: string;
  target: number | null;
}

/** @returns a function that measures at its first call and remembers what came out. */
export function once<T>(measure: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= measure());
}

export function meets({ target, better = "lower" }: Bench, value: number): boolean {
  return target === null || (better === "lower" ? value <= target : value >= target);
}

/** Loads every group in this folder: a group is a file that exports `benches`. @throws where two benches share a name. */
export async function loadBenches(files: readonly string[]): Promise<Bench[]> {
  const groups = await Promise.all(files.map(async (file) => ((await import(file)) as { benches?: Bench[] }).benches ?? []));
  const benches = groups.flat();
  const names = new Set<string>();
  for (const { name } of benches) {
    if (names.has(name)) throw new Error(`two benches are called ${name}; rename one`);
    names.add(name);
  }
  return benches;
}

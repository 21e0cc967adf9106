/** All mutants of a file in one source: the block's coinbase says which of them is active, none at any other value. */
import type { Mutant } from "./sites.ts";

export const firstNumber = 0x10000;

interface Insertion {
  at: number;
  text: string;
  /** Where several are inserted at one place: what closes comes first, the innermost at first; then what opens, the outermost first. */
  order: [closes: 0 | 1, size: number, turn: number];
  from?: number;
}

/** @param mutants those that the compiler takes; a null holds the number of one that it doesn't. */
export function schemataOf(source: string, mutants: readonly (Mutant | null)[]): string {
  const insertions: Insertion[] = [];
  const replaced = new Map<number, { end: number; text: string }>();
  const declared = new Map<number, string>();
  const byName = new Map<number, { mutant: Mutant; n: number }[]>();
  mutants.forEach((mutant, i) => {
    if (mutant === null) return;
    const n = firstNumber + i;
    for (const { before, after, start = mutant.start, end = mutant.end } of mutant.wrap?.(n) ?? []) {
      insertions.push({ at: start, text: before, order: [1, -(end - start), i] });
      insertions.push({ at: end, text: after, order: [0, end - start, -i] });
    }
    if (mutant.operation !== undefined) byName.set(mutant.start, [...(byName.get(mutant.start) ?? []), { mutant, n }]);
  });
  for (const [start, list] of byName) {
    const { block, name, operands } = list[0]!.mutant.operation!;
    const names = Array.from({ length: operands }, (_, i) => `x${i}`);
    const cases = list.map(({ mutant, n }) => `case ${n} { r := ${mutant.operation!.results(names)} }`).join(" ");
    const as = `mutated_${start}`;
    const body = `switch coinbase() ${cases} default { r := ${name}(${names.join(", ")}) }`;
    declared.set(block, `${declared.get(block) ?? ""} function ${as}(${names.join(", ")}) -> r { ${body} }`);
    replaced.set(start, { end: list[0]!.mutant.end, text: as });
  }
  for (const [block, text] of declared) insertions.push({ at: block, text, order: [0, 0, 0] });
  insertions.sort((a, b) => a.at - b.at || a.order[0] - b.order[0] || a.order[1] - b.order[1] || a.order[2] - b.order[2]);
  let [result, position] = ["", 0];
  const copyTo = (to: number): void => {
    for (const [start, { end, text }] of [...replaced].filter(([from]) => from >= position && from < to).sort(([a], [b]) => a - b)) {
      result += source.slice(position, start) + text;
      position = end;
    }
    result += source.slice(position, to);
    position = to;
  };
  for (const { at, text } of insertions) {
    copyTo(at);
    result += text;
  }
  copyTo(source.length);
  return result;
}

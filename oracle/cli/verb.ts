import type { Command } from "commander";

/** Where a verb reads and writes; results go to standard output, everything else to standard error. */
export interface Terminal {
  out: { write(text: string): unknown };
  err: { write(text: string): unknown };
  /** Aborted by SIGINT and SIGTERM. */
  signal: AbortSignal;
}

/** What a verb has to say: the same facts for programs and for people. */
export interface Report {
  json: unknown;
  text: string;
}

export interface Verb<Options> {
  options: Options & { json?: boolean };
  terminal: Terminal;
  /** Writes the report now, for verbs that go on after it. */
  report(report: Report): void;
  /** One line of progress on standard error. */
  note(line: string): void;
}

/** One line of JSON, with whole numbers of any size as decimal strings. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? item.toString() : item));

/**
 * Names in files and URIs on the chain are strangers' text: what would colour, reorder or overwrite what a terminal shows is shown as its code.
 * @returns the text with line breaks left alone.
 */
export const visible = (text: string): string =>
  text.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => `\\u{${found.codePointAt(0)!.toString(16)}}`);
/** As `visible`, in one line. */
const cellOf = (value: unknown): string => visible(String(value).replaceAll("\n", "\\n"));

/** Puts facts below each other, names aligned; a list takes a line for each of its items. */
export function table(rows: readonly (readonly [name: string, value: unknown])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((item, i) => [i === 0 ? name : "", cellOf(item)] as const))
    .map(([name, value]) => `${name.padEnd(width)}  ${value}\n`)
    .join("");
}

/** Puts rows below each other under a heading, columns aligned; the last column is not padded. */
export function columns(heading: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const lines = [heading, ...rows.map((row) => row.map(cellOf))];
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map(
      (line) =>
        line
          .map((cell, column) => (column === line.length - 1 ? cell : cell.padEnd(widths[column]!)))
          .join("  ")
          .trimEnd() + "\n",
    )
    .join("");
}

/**
 * Gives `command` its action, `--json` and examples.
 * @param run returns what to print at the end, or nothing where it has reported by itself.
 */
export function runs<Options extends object, Args extends unknown[] = string[]>(
  command: Command,
  terminal: Terminal,
  examples: readonly string[],
  run: (verb: Verb<Options>, ...args: Args) => Promise<Report | void>,
): void {
  command.option("--json", "print one JSON object on standard output");
  command.addHelpText("after", `\nExamples:\n${examples.map((example) => `  $ assay ${example}\n`).join("")}`);
  command.action(async (...all: unknown[]) => {
    // commander passes the arguments, then the options, then the command.
    const args = all.slice(0, -2) as Args;
    const options = command.opts<Options & { json?: boolean }>();
    const report = ({ json, text }: Report) => void terminal.out.write(options.json ? `${toJson(json)}\n` : visible(text));
    const result = await run({ options, terminal, report, note: (line) => void terminal.err.write(`${visible(line)}\n`) }, ...args);
    if (result !== undefined) report(result);
  });
}

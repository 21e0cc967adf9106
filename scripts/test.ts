// Runs every test suite and closes with one line: `N passed, N failed[, N skipped]`.
// `npm test -- NAME ...` runs only the suites whose name starts so.
import { spawn } from "node:child_process";
import { globSync } from "node:fs";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Suite {
  name: string;
  command: string[];
  count(output: string): Counts;
}

/** The last number in front of (or behind) a word, as the suite's own runner prints it. */
function last(output: string, pattern: RegExp): number {
  return Number([...output.matchAll(pattern)].at(-1)?.[1] ?? 0);
}

const node = (name: string, ...patterns: string[]): Suite => ({
  name,
  command: ["node", "--test", "--test-reporter=spec", "--test-concurrency=2", ...patterns.flatMap((pattern) => globSync(pattern).sort())],
  count: (output) => ({
    passed: last(output, /^ℹ pass (\d+)/gm),
    failed: last(output, /^ℹ fail (\d+)/gm) + last(output, /^ℹ cancelled (\d+)/gm),
    skipped: last(output, /^ℹ skipped (\d+)/gm) + last(output, /^ℹ todo (\d+)/gm),
  }),
});

const hardhat = (name: string, ...args: string[]): Suite => ({
  name,
  command: ["hardhat", "test", ...args],
  count: (output) => ({
    passed: last(output, /(\d+) passing/g),
    failed: last(output, /(\d+) failing/g),
    skipped: last(output, /(\d+) (?:skipped|pending)/g),
  }),
});

const suites: Suite[] = [
  node("oracle", "test/oracle/**/*.test.ts"),
  hardhat("solidity", "solidity"),
  hardhat("hardhat", "mocha"),
  node("e2e", "test/e2e/**/*.test.ts"),
];

async function run({ name, command: [command, ...args], count }: Suite): Promise<Counts> {
  const started = performance.now();
  process.stdout.write(`\n— ${name}\n`);
  const child = spawn(command!, args, { stdio: ["ignore", "pipe", "pipe"], shell: process.platform === "win32" });
  let output = "";
  for (const [stream, sink] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      sink.write(text);
    });
  }
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const counts = count(output.replace(/\x1b\[[0-9;]*m/g, ""));
  // A runner that died without naming a failed test has failed all the same; so has one that found no tests.
  if (counts.failed === 0 && (status !== 0 || counts.passed === 0)) counts.failed = 1;
  process.stdout.write(
    `— ${name}: ${counts.passed} passed, ${counts.failed} failed in ${((performance.now() - started) / 1000).toFixed(1)} s\n`,
  );
  return counts;
}

const wanted = process.argv.slice(2);
const chosen = suites.filter(({ name }) => wanted.length === 0 || wanted.some((prefix) => name.startsWith(prefix)));
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const suite of chosen) {
  const counts = await run(suite);
  for (const key of ["passed", "failed", "skipped"] as const) total[key] += counts[key];
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}\n`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

/** What lets the machine's speed decide, and a line that it finds. */
const forbidden: [what: string, pattern: RegExp, sample: string][] = [
  [
    "reads the machine's clock",
    /\bperformance\s*\.\s*now\b|\bDate\s*\.\s*now\b|\bnew Date\(\)|\bhrtime\b/,
    `const begun = performance${"."}now();`,
  ],
  ["waits for a time instead of an event", /\bsetTimeout\b|["']node:timers/, `await new Promise((done) => set${"Timeout"}(done, 100));`],
  ["ends a test after less than an hour", /\btimeout: (?!3_600_000\b)[\d_]+\b/, `test("it ends", { time${"out"}: 60_000 }, run);`],
  ["ends a test after less than an hour", /\.timeout\((?!0\))[\d_]+\)/, `this.time${"out"}(60_000);`],
  ["gives a command less than an hour", /"--timeout", "(?!3600")\d+"/, `["--time${"out"}", "60"]`],
];

/** Where that decides nothing, and why. */
const harmless: Record<string, string> = {
  "test/support/until.ts": "ends what hangs, and polls",
  "test/support/runForever.ts": "says that an endless model runs, a little after it was begun",
  "test/e2e/nodeFaults.test.ts": "ends a node that hangs, and gives one a wrong time of day",
  "test/e2e/lifecycle.test.ts": "shows what the end of --timeout looks like",
};

const root = fileURLToPath(new URL("../../", import.meta.url));

const found = (text: string): string[] =>
  text
    .split("\n")
    .flatMap((line, i) => forbidden.filter(([, pattern]) => pattern.test(line)).map(([what]) => `${i + 1}: ${what}: ${line.trim()}`));

test("N31 no test reads the machine's clock, sleeps, or gives anything a deadline that a slow machine could miss", () => {
  for (const [what, , sample] of forbidden) assert.equal(found(sample).length, 1, `${what} is found`);
  const files = globSync("test/**/*.ts", { cwd: root });
  assert.ok(files.length > 100);
  const offences = files
    .filter((file) => !Object.hasOwn(harmless, file))
    .flatMap((file) => found(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")).map((offence) => `${file}:${offence}`));
  assert.deepEqual(offences, []);
});

test("N31 what is let off reads the clock, sleeps, or has a deadline", () => {
  for (const file of Object.keys(harmless))
    assert.notDeepEqual(found(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")), [], file);
});

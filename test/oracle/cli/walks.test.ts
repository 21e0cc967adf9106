import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

const root = new URL("../../../", import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), "utf8");

test("docs/invariants.json is of the walks as they are, and they have reached everything", () => {
  const [, listed] = /enum Reached \{([^}]*)\}/.exec(text("test/contracts/system/Books.sol"))!;
  const { calls, reached } = JSON.parse(text("docs/invariants.json")) as { calls: number; reached: Record<string, number> };
  assert.deepEqual(
    Object.keys(reached),
    listed!.split(",").map((name) => name.trim()),
    "walk anew: node scripts/run.mjs scripts/invariants.ts",
  );
  assert.ok(calls >= 100_000);
  for (const [name, times] of Object.entries(reached)) assert.ok(times > 0, `no walk has reached ${name}`);
});

test("docs/threat-model.md says how many properties the walks check", () => {
  const sources = globSync("test/contracts/system/*.sol", { cwd: root }).map(text).join("");
  const properties = new Set([...sources.matchAll(/"(P\d\d) /g)].map(([, name]) => name));
  assert.ok(text("docs/threat-model.md").includes(`tested as ${properties.size} properties`), `there are ${properties.size} properties`);
});

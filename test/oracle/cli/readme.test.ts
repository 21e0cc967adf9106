import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { exitCodes } from "../../../oracle/cli/exitCodes.ts";
import { compileConsumer } from "../../support/readme.ts";

const text = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

test("the README's consumer has at most 20 lines and compiles", () => {
  const { source, messages, bytecode } = compileConsumer();
  assert.ok(source.trim().split("\n").length <= 20);
  assert.deepEqual(messages, []);
  assert.ok(bytecode.length > 2);
});

test("the README's consumer is the example that the contract tests deploy", () => {
  const tokens = (source: string) => source.replace(/\/\/.*/g, "").replace(/\s+/g, "");
  const readme = /```solidity\n([\s\S]*?)```/.exec(text("README.md"))![1]!;
  assert.equal(tokens(readme.replaceAll("assay/contracts/", "../")), tokens(text("contracts/examples/Forecaster.sol")));
});

test("the README's gas is that of the snapshots", () => {
  const snapshot = (name: string) => JSON.parse(text(`snapshots/${name}.json`)) as Record<string, number>;
  const [gas, dispute] = [snapshot("gas"), snapshot("dispute")];
  const readme = text("README.md");
  const names = ["request", "submit", "finalize", "single", "batch10"];
  for (const figure of [...names.map((name) => gas[name]!), dispute["detector.gas"]!, dispute["recogniser.gas"]!]) {
    assert.ok(readme.includes(Math.round(figure).toLocaleString("en-US")), `README.md does not say ${figure}: write it anew`);
  }
});

test("the gas in docs/protocol.md is that of the snapshot", () => {
  const gas = JSON.parse(text("snapshots/gas.json")) as Record<string, number>;
  const rows = { request: "requestBatch10", submit: "submitBatch10", "finalize with callback": "finalizeBatch10" };
  const figure = (gasUsed: number) => Math.round(gasUsed).toLocaleString("en-US");
  const expected = Object.entries(rows).map(
    ([row, batch]) => `| ${row} | ${figure(gas[row.split(" ")[0]!]!)} | ${figure(gas[batch]! / 10)} |`,
  );
  for (const row of [...expected, `| **all** | **${figure(gas.single!)}** | **${figure(gas.batch10!)}** |`]) {
    assert.ok(text("docs/protocol.md").includes(row), `docs/protocol.md does not say "${row}": write it anew`);
  }
});

test("docs/cli.md lists every exit code with its name", () => {
  const rows = [...text("docs/cli.md").matchAll(/^\| (\d+) \| `([a-z-]+)` \|/gm)].map(([, code, name]) => [name, Number(code)]);
  assert.deepEqual(Object.fromEntries(rows), exitCodes);
});

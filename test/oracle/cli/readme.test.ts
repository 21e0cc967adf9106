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

test("docs/cli.md lists every exit code with its name", () => {
  const rows = [...text("docs/cli.md").matchAll(/^\| (\d+) \| `([a-z-]+)` \|/gm)].map(([, code, name]) => [name, Number(code)]);
  assert.deepEqual(Object.fromEntries(rows), exitCodes);
});

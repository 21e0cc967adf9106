import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import solc from "solc";
import { exitCodes } from "../../../oracle/cli/exitCodes.ts";

const text = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

interface Output {
  errors?: { severity: string; formattedMessage: string }[];
  contracts: Record<string, Record<string, { abi: unknown[] }>>;
}

test("the README's consumer has at most 20 lines and compiles", () => {
  const source = /```solidity\n([\s\S]*?)```/.exec(text("README.md"))![1]!;
  assert.ok(source.trim().split("\n").length <= 20);
  const find = (path: string) => {
    if (path.startsWith("assay/")) return { contents: text(path.slice("assay/".length)) };
    return { contents: text(`node_modules/${path}`) };
  };
  const input = {
    language: "Solidity",
    sources: { "README.sol": { content: source } },
    settings: { evmVersion: "osaka", outputSelection: { "README.sol": { "*": ["abi"] } } },
  };
  const { errors = [], contracts } = JSON.parse(solc.compile(JSON.stringify(input), { import: find })) as Output;
  assert.deepEqual(
    errors.map(({ formattedMessage }) => formattedMessage),
    [],
  );
  assert.ok(contracts["README.sol"]!.Forecaster!.abi.length > 0);
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

test("docs/cli.md lists every exit code with its name", () => {
  const rows = [...text("docs/cli.md").matchAll(/^\| (\d+) \| `([a-z-]+)` \|/gm)].map(([, code, name]) => [name, Number(code)]);
  assert.deepEqual(Object.fromEntries(rows), exitCodes);
});

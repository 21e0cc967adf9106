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

test("docs/cli.md lists every exit code with its name", () => {
  const rows = [...text("docs/cli.md").matchAll(/^\| (\d+) \| `([a-z-]+)` \|/gm)].map(([, code, name]) => [name, Number(code)]);
  assert.deepEqual(Object.fromEntries(rows), exitCodes);
});

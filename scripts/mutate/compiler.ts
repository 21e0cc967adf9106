/** The project's Solidity sources, and the compiler over them. */
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

export interface AstNode {
  nodeType: string;
  src: string;
  [field: string]: unknown;
}

export interface CompilerError {
  severity: string;
  formattedMessage: string;
  message: string;
  sourceLocation?: { file: string; start: number; end: number };
}

export interface CompiledContract {
  abi: unknown[];
  evm: { bytecode: { object: string }; deployedBytecode: { object: string } };
}

export interface CompilerOutput {
  errors?: CompilerError[];
  sources: Record<string, { ast: AstNode }>;
  contracts?: Record<string, Record<string, CompiledContract>>;
}

export type Sources = Record<string, { content: string }>;

const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };

const imports = /^(?:import|\})[^;"]*"([^"]+)";/gm;

/** @returns the contracts, their Solidity tests, and what both import from packages, under the names that imports use. */
export function readSources(): Sources {
  const sources: Sources = {};
  const add = (name: string, path: string): void => {
    if (name in sources) return;
    const content = readFileSync(path, "utf8");
    sources[name] = { content };
    for (const [, imported] of content.matchAll(imports)) {
      const next = imported!.startsWith(".") ? posix.join(posix.dirname(name), imported!) : imported!;
      add(next, join(root, next.startsWith("contracts/") || next.startsWith("test/") ? "" : "node_modules", next));
    }
  };
  const files = globSync(["contracts/**/*.sol", "test/contracts/**/*.sol"], { cwd: root });
  for (const file of files.sort()) add(file.replaceAll("\\", "/"), join(root, file));
  return sources;
}

/** As little optimisation as leaves room for functions with many variables: several times as fast as what is deployed. */
export const settings = {
  evmVersion: "osaka",
  viaIR: true,
  optimizer: { enabled: false, details: { yul: true, yulDetails: { stackAllocation: true, optimizerSteps: "u:" } } },
  metadata: { appendCBOR: false },
};

export function compile(sources: Sources, outputSelection: Record<string, Record<string, string[]>>): CompilerOutput {
  const input = { language: "Solidity", sources, settings: { ...settings, outputSelection } };
  return JSON.parse(solc.compile(JSON.stringify(input))) as CompilerOutput;
}

export const errorsOf = (output: CompilerOutput): CompilerError[] => (output.errors ?? []).filter(({ severity }) => severity === "error");

/** Lets every function read the environment: a mutant is chosen by it. What functions do stays the same. */
export function readable(sources: Sources): Sources {
  return Object.fromEntries(
    Object.entries(sources).map(([name, { content }]) => [name, { content: content.replace(/\bpure\b/g, "view") }]),
  );
}

/** @returns for each source the sources that it needs, itself among them. */
export function closures(asts: Record<string, { ast: AstNode }>): Map<string, Set<string>> {
  const imports = new Map<string, string[]>();
  for (const [name, { ast }] of Object.entries(asts)) {
    const nodes = ast.nodes as AstNode[];
    imports.set(
      name,
      nodes.filter(({ nodeType }) => nodeType === "ImportDirective").map(({ absolutePath }) => absolutePath as string),
    );
  }
  const reached = (from: string): Set<string> => {
    const found = new Set([from]);
    for (const name of found) for (const next of imports.get(name) ?? []) found.add(next);
    return found;
  };
  return new Map([...imports.keys()].map((name) => [name, reached(name)]));
}

export const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

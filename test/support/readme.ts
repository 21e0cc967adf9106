import { readFileSync } from "node:fs";
import solc from "solc";
import type { InterfaceAbi } from "ethers";

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

interface Output {
  errors?: { formattedMessage: string }[];
  contracts?: Record<string, Record<string, { abi: InterfaceAbi; evm: { bytecode: { object: string } } }>>;
}

/** The README's consumer, as somebody compiles it who copies it into a project without an optimizer. */
export interface Consumer {
  source: string;
  /** What the compiler has to say: errors and warnings. */
  messages: string[];
  abi: InterfaceAbi;
  bytecode: string;
}

export function compileConsumer(): Consumer {
  const source = /```solidity\n([\s\S]*?)```/.exec(text("README.md"))![1]!;
  const find = (path: string) => ({ contents: text(path.startsWith("assay/") ? path.slice("assay/".length) : `node_modules/${path}`) });
  const input = {
    language: "Solidity",
    sources: { "README.sol": { content: source } },
    settings: { evmVersion: "osaka", outputSelection: { "README.sol": { "*": ["abi", "evm.bytecode.object"] } } },
  };
  const { errors = [], contracts } = JSON.parse(solc.compile(JSON.stringify(input), { import: find })) as Output;
  const found = contracts?.["README.sol"]?.Forecaster;
  const messages = errors.map(({ formattedMessage }) => formattedMessage);
  return { source, messages, abi: found?.abi ?? [], bytecode: `0x${found?.evm.bytecode.object ?? ""}` };
}

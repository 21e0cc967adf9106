/** The project's contracts and tests, and a file's contracts compiled with all its mutants in them. */
import { join } from "node:path";
import {
  type AstNode,
  closures,
  compile,
  type CompilerError,
  type CompilerOutput,
  errorsOf,
  readable,
  readSources,
  root,
  type Sources,
} from "./compiler.ts";
import { firstNumber, schemataOf } from "./schemata.ts";
import { type Mutant, mutantsOf } from "./sites.ts";

export const folder = join(root, ".assay/mutate");

/** A contract by its file and its name. */
export interface Contract {
  source: string;
  name: string;
}

export interface Project {
  sources: Sources;
  asts: Record<string, { ast: AstNode }>;
  /** For each source the sources that it needs, itself among them. */
  closures: Map<string, Set<string>>;
  /** Contracts that tests are functions of. */
  suites: Contract[];
  /** All others that can be deployed. */
  deployable: Contract[];
}

const bytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const text = (latin1: string): string => Buffer.from(latin1, "latin1").toString("utf8");

const contractsIn = ({ ast }: { ast: AstNode }): AstNode[] =>
  (ast.nodes as AstNode[]).filter(
    ({ nodeType, contractKind, abstract }) => nodeType === "ContractDefinition" && contractKind === "contract" && abstract === false,
  );

const isSuite = ({ nodes }: AstNode): boolean =>
  (nodes as AstNode[]).some(({ nodeType, name }) => nodeType === "FunctionDefinition" && /^(?:test|invariant)/.test(String(name)));

/** @param sources the project's, as they are now. */
export function openProject(sources: Sources = readSources()): Project {
  const output = compile(sources, { "*": { "": ["ast"] } });
  const [error] = errorsOf(output);
  if (error !== undefined) throw new Error(error.formattedMessage);
  const all = Object.entries(output.sources).flatMap(([source, file]) => contractsIn(file).map((contract) => ({ source, contract })));
  const named = ({ source, contract }: (typeof all)[number]): Contract => ({ source, name: contract.name as string });
  return {
    sources,
    asts: output.sources,
    closures: closures(output.sources),
    suites: all.filter(({ source, contract }) => source.endsWith(".t.sol") && isSuite(contract)).map(named),
    deployable: all.filter(({ source, contract }) => !(source.endsWith(".t.sol") && isSuite(contract))).map(named),
  };
}

/** @returns the contracts that are, or inherit from, contracts of the product. */
export function productsOf({ asts, deployable }: Project): Contract[] {
  const isProduct = (file: string): boolean => file.startsWith("contracts/") && !file.startsWith("contracts/test/");
  const ids = new Map<number, { file: string; kind: string }>();
  for (const [file, { ast }] of Object.entries(asts)) {
    for (const node of ast.nodes as AstNode[]) {
      if (node.nodeType === "ContractDefinition") ids.set(node.id as number, { file, kind: node.contractKind as string });
    }
  }
  return deployable.filter(({ source, name }) => {
    const bases = contractsIn(asts[source]!).find((contract) => contract.name === name)!.linearizedBaseContracts as number[];
    return bases.some((id) => ids.get(id)!.kind === "contract" && isProduct(ids.get(id)!.file));
  });
}

/** @param file relative to the project, such as `contracts/libraries/Clocks.sol`. */
export function mutantsIn({ sources, asts }: Project, file: string): { source: string; mutants: Mutant[] } {
  const source = bytes(sources[file]!.content);
  const all = Object.values(asts).map(({ ast }) => ast);
  return { source, mutants: mutantsOf(source, asts[file]!.ast, all) };
}

/** The first mutant that a refused place belongs to: a choice has the type of what it adds. */
function refusedAt(source: string, { sourceLocation }: CompilerError): number | null {
  if (sourceLocation === undefined) return null;
  const numbers = (part: string) =>
    [...part.matchAll(/(?:block\.coinbase [!=]= address\(|coinbase\(\), |case )(\d+)/g)].map(([, n]) => Number(n));
  const { start, end } = sourceLocation;
  return numbers(source.slice(start, end))[0] ?? numbers(source.slice(0, start)).at(-1) ?? null;
}

/** @returns the source with those mutants in it that the compiler takes. Those that it doesn't become null in the list. */
export function schemata({ sources, closures }: Project, file: string, source: string, mutants: (Mutant | null)[]): string {
  const others = Object.fromEntries([...closures.get(file)!].map((each) => [each, sources[each]!]));
  for (;;) {
    const result = text(schemataOf(source, mutants));
    const readableSources = readable({ ...others, [file]: { content: result } });
    const seen = bytes(readableSources[file]!.content);
    const refused = new Set<number>();
    for (const error of errorsOf(compile(readableSources, { "*": { "": [] } }))) {
      const n = refusedAt(seen, error);
      if (n === null || mutants[n - firstNumber] == null) throw new Error(`no mutant of ${file} explains:\n${error.formattedMessage}`);
      refused.add(n - firstNumber);
    }
    if (refused.size === 0) return result;
    for (const i of refused) mutants[i] = null;
  }
}

/** @returns those contracts, compiled with other content in place of some files'. */
export function compileContracts(
  { sources, closures }: Project,
  contracts: readonly Contract[],
  changed: Sources = {},
): NonNullable<CompilerOutput["contracts"]> {
  const needed = new Set(contracts.flatMap(({ source }) => [...closures.get(source)!]));
  const input = Object.fromEntries([...needed].map((each) => [each, changed[each] ?? sources[each]!]));
  const selection: Record<string, Record<string, string[]>> = {};
  for (const { source, name } of contracts) {
    selection[source] = { ...selection[source], [name]: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] };
  }
  const output = compile(Object.keys(changed).length === 0 ? input : readable(input), selection);
  const [error] = errorsOf(output);
  if (error !== undefined) throw new Error(error.formattedMessage);
  return output.contracts!;
}

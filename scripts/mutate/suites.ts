/** The test suites, compiled once each, with room for a file's mutants in the contracts that they deploy. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileContracts, type Contract, folder, productsOf, type Project } from "./build.ts";
import { type CompiledContract, digest } from "./compiler.ts";
import type { Load, Loaded } from "./solidityWorker.ts";
import { placeOf, withStub } from "./stub.ts";

interface Compiled extends Loaded {
  /** The creation code of each contract that the suite deploys. */
  embedded: { contract: Contract; code: string }[];
}

const same = (a: Contract, b: Contract): boolean => a.source === b.source && a.name === b.name;
const creationOf = ({ evm }: CompiledContract): string => evm.bytecode.object;

/** @returns a suite as it is, compiled now or at an earlier run. */
function compiled(project: Project, suite: Contract, log: (line: string) => void): Compiled {
  const needed = [...project.closures.get(suite.source)!].sort();
  const key = digest(JSON.stringify([suite, needed.map((name) => project.sources[name]!.content)]));
  const path = join(folder, "suites", `${suite.name}-${key}.json`);
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as Compiled;
  const started = performance.now();
  const others = project.deployable.filter(({ source }) => needed.includes(source));
  const output = compileContracts(project, [suite, ...others]);
  const { abi, evm } = output[suite.source]![suite.name]!;
  const [creation, deployed] = [evm.bytecode.object, evm.deployedBytecode.object];
  const embedded = others
    .map((contract) => ({ contract, code: creationOf(output[contract.source]![contract.name]!) }))
    .filter(({ code }) => code !== "" && creation.includes(code));
  const result = { suite, abi, creation, deployed, embedded };
  mkdirSync(join(folder, "suites"), { recursive: true });
  writeFileSync(path, JSON.stringify(result));
  log(`${suite.name} compiled in ${((performance.now() - started) / 1000).toFixed(0)} s, it deploys ${embedded.length} contracts`);
  return result;
}

export interface Prepared {
  load: Load;
  suites: Contract[];
}

/**
 * @param content the file with its mutants in it.
 * @param wanted names of suites; all where there are none.
 * @returns the suites that hold a part of a file, those with the least beside it first.
 */
export function prepare(project: Project, file: string, content: string, wanted: readonly string[], log: (line: string) => void): Prepared {
  const size = ({ source }: Contract): number => project.closures.get(source)!.size;
  const holds = ({ source }: Contract): boolean => project.closures.get(source)!.has(file);
  const suites = project.suites
    .filter((suite) => holds(suite) && (wanted.length === 0 || wanted.includes(suite.name)))
    .sort((a, b) => size(a) - size(b) || a.source.localeCompare(b.source));
  const products = productsOf(project).filter(holds);
  const isProduct = (contract: Contract): boolean => products.some((product) => same(product, contract));
  // Contracts of the tests keep what they use of the file, so that a mutant doesn't change what is expected; unless nothing else holds it.
  const parts = suites.map((suite) => {
    const all = compiled(project, suite, log);
    const embedded = all.embedded.filter(({ contract }) => holds(contract));
    const ofProduct = embedded.filter(({ contract }) => isProduct(contract));
    return { ...all, embedded: ofProduct.length > 0 ? ofProduct : embedded };
  });
  const mutated: Contract[] = [];
  for (const { suite, embedded } of parts) {
    for (const contract of embedded.length > 0 ? embedded.map(({ contract }) => contract) : [suite]) {
      if (!mutated.some((other) => same(other, contract))) mutated.push(contract);
    }
  }
  const started = performance.now();
  const output = compileContracts(project, mutated, { [file]: { content } });
  log(`${mutated.map(({ name }) => name).join(", ")} compiled in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  const mutantOf = ({ source, name }: Contract): CompiledContract => output[source]![name]!;
  const loaded = parts.map(({ suite, abi, creation, deployed, embedded }): Loaded => {
    if (embedded.length === 0) {
      const { evm } = mutantOf(suite);
      return { suite, abi, creation: evm.bytecode.object, deployed: evm.deployedBytecode.object };
    }
    const stubbed = (code: string): string =>
      embedded.reduce(
        (result, { contract, code: original }) => withStub(result, original, placeOf(mutated.findIndex((other) => same(other, contract)))),
        code,
      );
    return { suite, abi, creation: stubbed(creation), deployed: stubbed(deployed) };
  });
  const code = Object.fromEntries(mutated.map((contract, i) => [placeOf(i), creationOf(mutantOf(contract))]));
  return { load: { suites: loaded, code }, suites };
}

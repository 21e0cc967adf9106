import type { Command } from "commander";
import json5 from "json5";
import { chainOptions, withChain, type ChainOptions } from "./chain.ts";
import { factsOf } from "./deploymentFacts.ts";
import { CliError } from "./exitCodes.ts";
import { differs, factTable, type ExpectedParameters } from "./fact.ts";
import { readNamedFile } from "./files.ts";
import { runs, type Terminal } from "./verb.ts";

/** @returns what a parameters file holds for the module that it is about. @throws CliError bad-input */
async function readParameters(path: string | undefined): Promise<ExpectedParameters | undefined> {
  if (path === undefined) return undefined;
  const text = (await readNamedFile(path)).toString("utf8");
  let modules: Record<string, ExpectedParameters>;
  try {
    modules = json5.parse<Record<string, ExpectedParameters>>(text);
  } catch (error) {
    throw new CliError("bad-input", `${path} is no JSON5 (${(error as Error).message}); name a file of ignition/parameters`, error);
  }
  const { $global: everywhere, Assay, AssayLocal } = modules;
  if (Assay !== undefined || AssayLocal !== undefined) return { ...everywhere, ...(Assay ?? AssayLocal) };
  throw new CliError("bad-input", `${path} has no parameters for Assay or AssayLocal; name a file of ignition/parameters`);
}

export function addDeploymentCheck(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("check")
      .description(
        "Read every parameter, address and role of the contracts back, and fail where one isn't as the parameters file, the other contracts or reason ask.",
      )
      .option("--parameters <file>", "what it was deployed with: a file of ignition/parameters"),
    { signs: false },
  );
  const examples = [
    "deployment check --parameters ignition/parameters/localhost.json5",
    "deployment check --deployment ignition/deployments/chain-11155111/deployment.json --parameters ignition/parameters/sepolia.json5 --rpc https://…",
  ];
  runs<ChainOptions & { parameters?: string }>(command, terminal, examples, async ({ options, report }) => {
    const parameters = await readParameters(options.parameters);
    await withChain(options, async (chain) => {
      const facts = await factsOf(chain.rpc, chain.deployment, parameters);
      const wrong = facts.filter(differs);
      const found = { json: { facts, differing: wrong.length }, text: factTable(facts) };
      if (wrong.length === 0) return report(found);
      if (options.json !== true) report(found);
      throw new CliError(
        "differs",
        `${wrong.length} of ${facts.length} facts are not as they should be: ${wrong.map(({ name }) => name).join(", ")}`,
        undefined,
        found.json,
      );
    });
  });
}

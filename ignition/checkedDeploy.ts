import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { readDeploymentParameters } from "@nomicfoundation/hardhat-ignition/helpers";
import { status, wipe, type DeploymentResult } from "@nomicfoundation/ignition-core";
import { getAddress } from "ethers";
import { HardhatPluginError } from "hardhat/plugins";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import type { NetworkConnection } from "hardhat/types/network";
import type { TaskOverrideActionFunction } from "hardhat/types/tasks";
import json5 from "json5";
import type { Caller } from "../oracle/chain/clz.ts";
import { writeDeployment } from "../oracle/cli/deploymentFile.ts";
import { factsOf, locate } from "../oracle/cli/deploymentFacts.ts";
import { differs, factTable, type Fact } from "../oracle/cli/fact.ts";
import { isLocal } from "./accounts.ts";
import { faultsOf, type ModuleName, type ModuleParameters, type Site } from "./faults.ts";
import { Journal } from "./journal.ts";
import { findLost } from "./lostTransactions.ts";
import { rehearse } from "./rehearsal.ts";

interface Arguments {
  modulePath: string;
  parameters?: string;
  deploymentId?: string;
  defaultSender?: string;
  reset: boolean;
}

const moduleNames: readonly string[] = ["Assay", "AssayHandover", "AssayLocal", "StepVerifier"] satisfies ModuleName[];

/** An error for people: Hardhat prints it without a stack. */
const refuse = (message: string): never => {
  throw new HardhatPluginError("assay", message);
};

const say = (text: string) => void process.stdout.write(`${text}\n`);

async function readParameters(module: ModuleName, text: string | undefined): Promise<ModuleParameters> {
  if (module === "StepVerifier") return {};
  if (text === undefined) return refuse(`${module} needs its parameters: --parameters ignition/parameters/NETWORK.json5`);
  const all = (/\.json5?$/.test(text) ? await readDeploymentParameters(resolve(text)) : json5.parse(text)) as Record<
    string,
    ModuleParameters
  >;
  const own = all[module === "AssayHandover" ? "Assay" : module];
  if (own === undefined) return refuse(`${text} has no parameters for ${module}; it has some for ${Object.keys(all).join(", ")}`);
  return { ...all.$global, ...own };
}

async function siteOf({ provider }: NetworkConnection, sender: string | undefined): Promise<Site> {
  const chain: Caller = { call: async <T>(method: string, params: unknown[] = []) => (await provider.request({ method, params })) as T };
  const [first] = await chain.call<string[]>("eth_accounts");
  const deployer = sender ?? first;
  if (deployer === undefined) return refuse("the network's configuration has no account to deploy with");
  return { chain, chainId: Number(await chain.call<string>("eth_chainId")), deployer };
}

async function check(hre: HardhatRuntimeEnvironment, module: ModuleName, parameters: ModuleParameters, site: Site): Promise<void> {
  const faults = await faultsOf(module, parameters, site);
  if (faults.length > 0)
    refuse(`Nothing was sent, because\n${faults.map((fault) => `- ${fault}\n`).join("")}Correct that, then run it again.`);
  if (module === "StepVerifier") return;
  await hre.tasks.getTask("build").run({ quiet: true, noTests: true, defaultBuildProfile: "production" });
  await rehearse(hre, parameters, site.chain).catch((error: unknown) =>
    refuse(`Nothing was sent, because the contracts refuse these parameters on a chain of their own:\n${(error as Error).message}`),
  );
}

const advice =
  "Put the old values back and run it again to complete this deployment (the administrator can change the coordinator's parameters, the treasury and the roles afterwards), or start another one, which pays for everything again, with --deployment-id NAME.";

const goesOn = "What is deployed stays: once the cause is gone, run the same command again, and it goes on from there.";

async function hasAnyCode(addresses: readonly string[], { chain }: Site): Promise<boolean> {
  for (const address of addresses) if ((await chain.call<string>("eth_getCode", [address, "latest"])) !== "0x") return true;
  return false;
}

function mendAddresses(directory: string, journal: Journal): void {
  const file = join(directory, "deployed_addresses.json");
  if (!existsSync(file)) return;
  try {
    JSON.parse(readFileSync(file, "utf8"));
  } catch {
    writeFileSync(file, journal.addresses);
  }
}

/** What Ignition can't go on from by itself. */
async function prepareRerun(directory: string, parameters: ModuleParameters, site: Site): Promise<void> {
  const journal = new Journal(directory);
  if (journal.contracts.length > 0 && !(await hasAnyCode(journal.contracts, site))) {
    // Ignition starts anew by itself where a local network was restarted.
    if (isLocal(site.chainId)) return;
    refuse(`Nothing was sent, because ${directory} is of another chain: none of its contracts is on this one. Start anew with --reset.`);
  }
  const changes = journal.changedSince(parameters);
  if (changes.length > 0) {
    refuse(
      [
        "Nothing was sent, because contracts of this deployment were created with other parameters, and a contract keeps them:",
        ...changes.map(({ name, contract, deployedWith, now }) => `- ${name} of ${contract} is ${deployedWith}; the parameters say ${now}`),
        advice,
      ].join("\n"),
    );
  }
  mendAddresses(directory, journal);
  await findLost(directory, site.chain).catch((error: unknown) => refuse(`Nothing was sent: ${(error as Error).message}`));
  for (const future of journal.failed) {
    say(`trying ${future} again, which failed before`);
    await wipe(directory, undefined as never, future);
  }
}

/** Tells nodes where the contracts are, and holds what the chain says against the parameters. @returns whether it is as it should be. */
async function complete(directory: string, module: ModuleName, parameters: ModuleParameters, site: Site, rpcUrl: string | undefined) {
  const { contracts } = await status(directory);
  const coordinator = Object.entries(contracts).find(([id]) => id.endsWith("#InferenceCoordinator"))![1].address;
  const deployment = {
    chainId: site.chainId,
    ...(rpcUrl === undefined ? {} : { rpcUrl }),
    ...(await locate(site.chain, coordinator)),
    startBlock: new Journal(directory).startBlock,
  };
  const file = join(directory, "deployment.json");
  await writeDeployment(file, deployment);
  say(`\nWritten to ${file}: the addresses, for nodes and for \`assay\`.`);
  const facts = await factsOf(site.chain, deployment, parameters);
  const isDeployer = ({ name, actual }: Fact) => name === "holds ADMIN" && actual.startsWith(getAddress(site.deployer));
  const handsOverLater = module === "Assay" && facts.some((fact) => differs(fact) && isDeployer(fact));
  const wrong = facts.filter((fact) => differs(fact) && !(handsOverLater && isDeployer(fact)));
  if (wrong.length > 0) say(`${factTable(wrong)}${wrong.length} of ${facts.length} facts differ from the parameters.`);
  else say(`Read back: ${facts.length} facts, all as the parameters say.`);
  if (handsOverLater) say("The deployer still administers, too: ignition/modules/AssayHandover.ts takes its role away.");
  return wrong.length === 0;
}

const checkedDeploy: TaskOverrideActionFunction = async (taskArguments, hre, runSuper) => {
  const args = taskArguments as unknown as Arguments;
  const { default: loaded } = (await import(pathToFileURL(resolve(args.modulePath)).href)) as { default?: { id?: string } };
  if (!moduleNames.includes(loaded?.id ?? "")) return runSuper(taskArguments);
  const module = loaded!.id as ModuleName;
  const parameters = await readParameters(module, args.parameters);
  const connection = await hre.network.create();
  try {
    const site = await siteOf(connection, args.defaultSender);
    const id = args.deploymentId ?? `chain-${site.chainId}`;
    const directory = join(hre.config.paths.ignition, "deployments", id);
    const keepsFiles = connection.networkConfig.type === "http";
    await check(hre, module, parameters, site);
    if (keepsFiles && !args.reset) await prepareRerun(directory, parameters, site);
    const result = (await runSuper(taskArguments).catch((error: unknown) => {
      if (keepsFiles) say(goesOn);
      throw error;
    })) as DeploymentResult | null;
    if (String(result?.type) === "SUCCESSFUL_DEPLOYMENT" && keepsFiles && module !== "StepVerifier") {
      if (!(await complete(directory, module, parameters, site, await localUrl(hre, connection)))) process.exitCode = 1;
    } else if (String(result?.type) === "RECONCILIATION_ERROR") {
      say(`Nothing was sent: a part of this deployment was made with other parameters.\n${advice}`);
    } else if (result !== null && String(result.type) !== "SUCCESSFUL_DEPLOYMENT") {
      say(goesOn);
    }
    return result;
  } finally {
    await connection.close();
  }
};

/** A provider's URL often has a key in it: only that of a local network is written down. */
async function localUrl(hre: HardhatRuntimeEnvironment, { networkName }: NetworkConnection): Promise<string | undefined> {
  const config = hre.config.networks[networkName];
  if (config?.type !== "http") return undefined;
  const url = await config.url.getUrl();
  return ["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname) ? url : undefined;
}

export default checkedDeploy;

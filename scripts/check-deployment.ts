// Reads a deployment back: prints every parameter and role, and exits 1 where one differs from the parameters file.
// `npm run check-deployment -- [--network NAME] [--rpc URL] [--deployment FOLDER] [--parameters FILE]`
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { AbiCoder, Contract, getAddress, JsonRpcProvider, type ContractRunner, type InterfaceAbi, type Result } from "ethers";
import json5 from "json5";
import { coordinatorParameters, roles, selectorOf } from "../ignition/modules/system.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export interface Finding {
  name: string;
  actual: string;
  /** What the parameters file or the other contracts ask for; null where nothing is expected. */
  expected: string | null;
}

type Parameters = Record<string, string | number>;

/** Where the contracts are, by name without the module. */
export type Addresses = Record<"AccessManager" | "ModelRegistry" | "OperatorRegistry" | "InferenceCoordinator", string>;

function abiOf(path: string): InterfaceAbi {
  const file = join(root, "artifacts", path);
  return (JSON.parse(readFileSync(file, "utf8")) as { abi: InterfaceAbi }).abi;
}

/** json5 has no bigints: Ignition writes them as strings that end in n. */
function plain(value: string | number | undefined): string | null {
  if (value === undefined) return null;
  const text = String(value);
  if (/^\d+n$/.test(text)) return text.slice(0, -1);
  return /^0x[0-9a-fA-F]{40}$/.test(text) ? getAddress(text) : text;
}

/** Reads everything that a deployment has been given. @param parameters of the module, as in the parameters file. */
export async function readDeployment(provider: ContractRunner, addresses: Addresses, parameters: Parameters): Promise<Finding[]> {
  const at = (name: keyof Addresses, path = `contracts/${name}.sol/${name}.json`) => new Contract(addresses[name], abiOf(path), provider);
  const authority = at("AccessManager", "@openzeppelin/contracts/access/manager/AccessManager.sol/AccessManager.json");
  const [models, operators, coordinator] = [at("ModelRegistry"), at("OperatorRegistry"), at("InferenceCoordinator")];
  const read = async (contract: Contract, name: string, ...args: unknown[]) => contract.getFunction(name)(...args) as Promise<unknown>;
  const findings: Finding[] = [];
  const expect = (name: string, actual: unknown, expected: string | null) => findings.push({ name, actual: String(actual), expected });

  const current = (await read(coordinator, "parameters")) as Result;
  for (const name of coordinatorParameters) expect(name, current.getValue(name), plain(parameters[name]));
  for (const name of ["unbondingPeriod", "disputeBound", "stakeToken"]) expect(name, await read(operators, name), plain(parameters[name]));
  expect("treasury", await read(coordinator, "treasury"), plain(parameters.treasury));
  expect("paused", await read(coordinator, "paused"), "false");
  expect("disputeGame", await read(coordinator, "disputeGame"), null);
  expect("totalStake", await read(coordinator, "totalStake"), null);

  for (const [name, contract] of Object.entries({
    ModelRegistry: models,
    OperatorRegistry: operators,
    InferenceCoordinator: coordinator,
  })) {
    expect(`${name}.authority`, await read(contract, "authority"), getAddress(addresses.AccessManager));
    if (contract !== coordinator) {
      expect(`${name}.coordinator`, await read(contract, "coordinator"), getAddress(addresses.InferenceCoordinator));
    }
  }
  expect("coordinator.operatorRegistry", await read(coordinator, "operatorRegistry"), getAddress(addresses.OperatorRegistry));
  for (const [label, { id, functions }] of Object.entries(roles)) {
    for (const signature of functions) {
      const role = await read(authority, "getTargetFunctionRole", addresses.InferenceCoordinator, selectorOf(signature));
      expect(`role of ${signature.split("(")[0]}`, role, `${id}`);
    }
    findings.push(...(await readHolders(authority, label, id, parameters)));
  }
  findings.push(...(await readHolders(authority, "ADMIN", 0n, parameters)));
  return findings;
}

/** Everybody who was ever granted a role and still has it, with the delay in seconds. */
async function readHolders(authority: Contract, label: string, id: bigint, parameters: Parameters): Promise<Finding[]> {
  const events = await authority.queryFilter(authority.getEvent("RoleGranted")(id));
  const accounts = [
    ...new Set(events.map(({ topics }) => getAddress(AbiCoder.defaultAbiCoder().decode(["address"], topics[2]!)[0] as string))),
  ];
  const holder = plain(parameters[label === "GUARDIAN" ? "guardian" : "admin"]);
  const delay = { ADMIN: parameters.adminDelay, PARAMETERS: parameters.parametersDelay, GUARDIAN: 0 }[label];
  const findings: Finding[] = [];
  for (const account of accounts) {
    const [isMember, executionDelay] = (await authority.getFunction("hasRole")(id, account)) as [boolean, bigint];
    if (!isMember) continue;
    const expected = holder === null || holder === account ? `${account} after ${delay ?? 0} s` : `${holder} only`;
    findings.push({ name: `holds ${label}`, actual: `${account} after ${executionDelay} s`, expected });
  }
  if (findings.length === 0) findings.push({ name: `holds ${label}`, actual: "nobody", expected: holder });
  return findings;
}

export const differs = ({ actual, expected }: Finding): boolean => expected !== null && actual !== expected;

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      network: { type: "string", default: "localhost" },
      rpc: { type: "string" },
      deployment: { type: "string" },
      parameters: { type: "string" },
    },
  });
  const rpc = values.rpc ?? (values.network === "localhost" ? "http://127.0.0.1:8545" : undefined);
  if (rpc === undefined) fail("name the network's JSON-RPC endpoint with --rpc URL");
  const provider = new JsonRpcProvider(rpc, undefined, { staticNetwork: false });
  try {
    const { chainId } = await provider.getNetwork();
    const folder = values.deployment ?? join(root, "ignition", "deployments", `chain-${chainId}`);
    const addressFile = join(folder, "deployed_addresses.json");
    if (!existsSync(addressFile)) fail(`${addressFile} is missing: deploy first, or name the deployment's folder with --deployment`);
    const named = JSON.parse(readFileSync(addressFile, "utf8")) as Record<string, string>;
    const module = Object.keys(named)[0]!.split("#")[0]!;
    const addresses = Object.fromEntries(Object.entries(named).map(([name, address]) => [name.split("#")[1], address])) as Addresses;
    const parametersFile = values.parameters ?? join(root, "ignition", "parameters", `${values.network}.json5`);
    const parameters = (json5.parse(readFileSync(parametersFile, "utf8")) as Record<string, Parameters>)[module];
    if (parameters === undefined) fail(`${parametersFile} has no parameters for the module ${module}`);
    const findings = await readDeployment(provider, addresses, parameters);
    const width = Math.max(...findings.map(({ name }) => name.length));
    for (const finding of findings) {
      const verdict = differs(finding) ? `  DIFFERS: expected ${finding.expected}` : "";
      process.stdout.write(`${finding.name.padEnd(width)}  ${finding.actual}${verdict}\n`);
    }
    const wrong = findings.filter(differs).length;
    if (wrong > 0) fail(`${wrong} of ${findings.length} differ from ${parametersFile}`);
  } catch (error) {
    fail(`the deployment at ${rpc} could not be read: ${(error as Error).message}`);
  } finally {
    provider.destroy();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();

import { isAddress } from "ethers";
import { executesClz, withoutClz, type Caller } from "../oracle/chain/clz.ts";
import { isLocal, placeholder } from "./accounts.ts";
import { accountParameters, numberParameters } from "./modules/system.ts";
import { rules, type Numbers } from "./rules.ts";

/** Parameters of one module, as a parameters file has them. */
export type ModuleParameters = Record<string, string | number | bigint | undefined>;

export type ModuleName = "Assay" | "AssayHandover" | "AssayLocal" | "StepVerifier";

/** Where something is to be deployed, and by whom. */
export interface Site {
  chain: Caller;
  chainId: number;
  deployer: string;
}

/** A whole number as Ignition reads it, or null. */
export function wholeNumber(value: ModuleParameters[string]): bigint | null {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : null;
  return typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : null;
}

function numberFaults(parameters: ModuleParameters): string[] {
  const faults = numberParameters
    .filter((name) => wholeNumber(parameters[name]) === null)
    .map((name) =>
      parameters[name] === undefined
        ? `${name} is missing`
        : `${name} is ${String(parameters[name])} and must be a whole number, beyond 2^53 as "…n"`,
    );
  if (faults.length > 0) return faults;
  const numbers = Object.fromEntries(numberParameters.map((name) => [name, wholeNumber(parameters[name])])) as Numbers;
  return rules.filter((rule) => !rule.holds(numbers)).map((rule) => rule.says(numbers));
}

/** Whether an address has code of its own (an account that delegates, by EIP-7702, is still an account). */
async function codeOf(chain: Caller, address: string): Promise<string> {
  const code = await chain.call<string>("eth_getCode", [address, "latest"]);
  return code.startsWith("0xef0100") ? "0x" : code;
}

async function tokenFaults(token: unknown, { chain }: Site): Promise<string[]> {
  if (typeof token !== "string" || !isAddress(token))
    return [`stakeToken is ${String(token ?? "missing")} and must be an ERC-20's address`];
  if ((await codeOf(chain, token)) === "0x") return [`stakeToken ${token} has no code on this chain: it must be an ERC-20 there`];
  const supply = await chain.call<string>("eth_call", [{ to: token, data: "0x18160ddd" }, "latest"]).catch(() => "0x");
  return supply.length === 66 ? [] : [`stakeToken ${token} has no totalSupply(): it is no ERC-20`];
}

async function accountFaults(parameters: ModuleParameters, handsOver: boolean, site: Site): Promise<string[]> {
  const deployedBy = placeholder(site.deployer, site.chainId);
  const faults = deployedBy === null ? [] : [`the deployer ${site.deployer} ${deployedBy}`];
  for (const name of accountParameters) {
    const account = parameters[name];
    if (typeof account !== "string" || !isAddress(account)) {
      faults.push(
        `${name} is ${String(account ?? "missing")} and must be an address, with the upper and lower case of its checksum or none`,
      );
      continue;
    }
    const reason = placeholder(account, site.chainId);
    if (reason !== null) faults.push(`${name} ${account} ${reason}`);
    else if (account === parameters.stakeToken) faults.push(`${name} ${account} is the stake token, which can't act`);
    else if (name === "admin") faults.push(...(await adminFaults(account, handsOver, site)));
  }
  return faults;
}

/** Who administers can't be replaced by anybody else: it must have shown on this chain that it can act. */
async function adminFaults(admin: string, handsOver: boolean, { chain, deployer }: Site): Promise<string[]> {
  if (BigInt(admin) === BigInt(deployer)) {
    return handsOver ? [`admin ${admin} is the deployer, which is about to give up its role: nobody would be left to administer`] : [];
  }
  const sent = await chain.call<string>("eth_getTransactionCount", [admin, "latest"]);
  if (BigInt(sent) > 0n || (await codeOf(chain, admin)) !== "0x") return [];
  return [`admin ${admin} has no code and has never sent a transaction on this chain: send one from it, to show that somebody has its key`];
}

/**
 * What stands against deploying a module, each in one sentence; nothing is sent.
 * @param parameters of the module. @throws where the chain doesn't answer.
 */
export async function faultsOf(module: ModuleName, parameters: ModuleParameters, site: Site): Promise<string[]> {
  const faults = (await executesClz(site.chain)) ? [] : [`chain ${site.chainId}: ${withoutClz}`];
  if (module === "StepVerifier") return faults;
  const known: readonly string[] = module === "AssayLocal" ? numberParameters : [...numberParameters, ...accountParameters, "stakeToken"];
  for (const name of Object.keys(parameters)) if (!known.includes(name)) faults.push(`${name} is no parameter of ${module}`);
  faults.push(...numberFaults(parameters));
  if (module === "AssayLocal") {
    if (!isLocal(site.chainId)) faults.push(`AssayLocal's stake token can be minted by anyone: on chain ${site.chainId} deploy Assay`);
    return faults;
  }
  faults.push(...(await tokenFaults(parameters.stakeToken, site)));
  faults.push(...(await accountFaults(parameters, module === "AssayHandover", site)));
  return faults;
}

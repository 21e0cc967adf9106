import { getAddress, Interface, type LogDescription } from "ethers";
import { placeholder } from "../../ignition/accounts.ts";
import { roles, selectorOf } from "../../ignition/modules/system.ts";
import type { Caller } from "../chain/clz.ts";
import type { DeploymentFile } from "./deploymentFile.ts";
import { plainValue, type ExpectedParameters, type Fact } from "./fact.ts";
import { logsBetween } from "./logRange.ts";

const manager = new Interface([
  "function hasRole(uint64 roleId, address account) view returns (bool isMember, uint32 executionDelay)",
  "function getTargetFunctionRole(address target, bytes4 selector) view returns (uint64)",
  "function isTargetClosed(address target) view returns (bool)",
  "event RoleGranted(uint64 indexed roleId, address indexed account, uint32 delay, uint48 since, bool newMember)",
  "event RoleAdminChanged(uint64 indexed roleId, uint64 indexed admin)",
  "event RoleGuardianChanged(uint64 indexed roleId, uint64 indexed guardian)",
  "event TargetFunctionRoleUpdated(address indexed target, bytes4 selector, uint64 indexed roleId)",
  "event TargetClosed(address indexed target, bool closed)",
]);

interface Place {
  authority: string;
  deployment: DeploymentFile;
  /** The last block whose events count. */
  to: number;
}

const labels = new Map<bigint, string>([[0n, "ADMIN"], ...Object.entries(roles).map(([label, { id }]) => [id, label] as const)]);
const labelOf = (role: bigint): string => labels.get(role) ?? (role === 2n ** 64n - 1n ? "PUBLIC" : `role ${role}`);

/** Which parameters say who holds a role, and how long its calls wait. */
const holders: Record<string, { account: string; delay: string | null }> = {
  ADMIN: { account: "admin", delay: "adminDelay" },
  PARAMETERS: { account: "admin", delay: "parametersDelay" },
  GUARDIAN: { account: "guardian", delay: null },
};

/** Who may do what, as the access manager says: every role that was ever given, every function that was ever given to a role. */
export async function roleFacts(chain: Caller, place: Place, parameters: ExpectedParameters): Promise<Fact[]> {
  const { authority, deployment, to } = place;
  const logs = await logsBetween(chain, { address: authority, topics: [], from: deployment.startBlock, to });
  const events = logs.flatMap((log) => manager.parseLog(log) ?? []);
  const of = (name: string) => events.filter((event) => event.name === name);
  return [
    ...(await functionFacts(chain, place, of("TargetFunctionRoleUpdated"))),
    ...(await holderFacts(chain, place, of("RoleGranted"), parameters)),
    ...changedFacts(of("RoleAdminChanged"), "admin of"),
    ...changedFacts(of("RoleGuardianChanged"), "guardian of"),
    ...(await closedFacts(chain, authority, of("TargetClosed"))),
  ];
}

async function ask(chain: Caller, authority: string, name: string, ...args: unknown[]): Promise<unknown[]> {
  const result = await chain.call<string>("eth_call", [{ to: authority, data: manager.encodeFunctionData(name, args) }, "latest"]);
  return manager.decodeFunctionResult(name, result).toArray() as unknown[];
}

async function functionFacts(chain: Caller, { authority, deployment }: Place, updates: readonly LogDescription[]): Promise<Fact[]> {
  const coordinator = getAddress(deployment.coordinator);
  const wanted = new Map<string, { target: string; selector: string; name: string; expected: string }>();
  for (const { args } of updates) {
    const [target, selector] = [args.getValue("target") as string, args.getValue("selector") as string];
    wanted.set(`${target}${selector}`, { target, selector, name: `${selector} at ${target}`, expected: "ADMIN" });
  }
  for (const [label, { functions }] of Object.entries(roles)) {
    for (const signature of functions) {
      const selector = selectorOf(signature);
      wanted.set(`${coordinator}${selector}`, { target: coordinator, selector, name: signature.split("(")[0]!, expected: label });
    }
  }
  return Promise.all(
    [...wanted.values()].map(async ({ target, selector, name, expected }) => {
      const [role] = await ask(chain, authority, "getTargetFunctionRole", target, selector);
      return { contract: "AccessManager", name: `may call ${name}`, actual: labelOf(role as bigint), expected };
    }),
  );
}

async function holderFacts(
  chain: Caller,
  { authority, deployment }: Place,
  grants: readonly LogDescription[],
  parameters: ExpectedParameters,
): Promise<Fact[]> {
  const facts: Fact[] = [];
  for (const role of new Set([...labels.keys(), ...grants.map(({ args }) => args.getValue("roleId") as bigint)])) {
    const [name, fact] = [labelOf(role), { contract: "AccessManager", name: `holds ${labelOf(role)}` }];
    const [holder, delay] = [plainValue(parameters[holders[name]?.account ?? ""]), plainValue(parameters[holders[name]?.delay ?? ""])];
    const accounts = grants.filter(({ args }) => args.getValue("roleId") === role).map(({ args }) => args.getValue("account") as string);
    let members = 0;
    for (const account of new Set(accounts)) {
      const [isMember, executionDelay] = await ask(chain, authority, "hasRole", role, account);
      if (isMember !== true) continue;
      members++;
      const reason = placeholder(account, deployment.chainId);
      let expected: string | null = null;
      if (!labels.has(role)) expected = "nobody";
      else if (reason !== null) expected = `somebody's account: this one ${reason}`;
      else if (holder !== null && holder !== account) expected = `${holder} only`;
      else if (holder !== null || delay !== null) expected = `${account} after ${delay ?? "0"} s`;
      facts.push({ ...fact, actual: `${account} after ${String(executionDelay)} s`, expected });
    }
    if (members === 0 && labels.has(role)) facts.push({ ...fact, actual: "nobody", expected: holder ?? "somebody" });
  }
  return facts;
}

/** Roles are administered by ADMIN and have no guardian, as they come. */
const changedFacts = (events: readonly LogDescription[], what: string): Fact[] =>
  [...new Map(events.map(({ args }) => [args[0] as bigint, args[1] as bigint]))].map(([role, by]) => ({
    contract: "AccessManager",
    name: `${what} ${labelOf(role)}`,
    actual: labelOf(by),
    expected: "ADMIN",
  }));

async function closedFacts(chain: Caller, authority: string, events: readonly LogDescription[]): Promise<Fact[]> {
  const targets = new Set(events.map(({ args }) => args.getValue("target") as string));
  return Promise.all(
    [...targets].map(async (target) => {
      const [closed] = await ask(chain, authority, "isTargetClosed", target);
      return { contract: "AccessManager", name: `has closed ${target}`, actual: String(closed), expected: "false" };
    }),
  );
}

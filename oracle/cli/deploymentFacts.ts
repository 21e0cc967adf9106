import { getAddress, Interface, type FunctionFragment, isAddress, ZeroAddress, type Result } from "ethers";
import {
  claimsAbi,
  disputeGameAbi,
  publicationsAbi,
  inferenceCoordinatorAbi,
  modelRegistryAbi,
  operatorRegistryAbi,
  stepVerifierAbi,
} from "../chain/abi.ts";
import { executesClz, type Caller } from "../chain/clz.ts";
import { placeholder } from "../../ignition/accounts.ts";
import type { DeploymentFile } from "./deploymentFile.ts";
import { plainValue, type ExpectedParameters, type Fact } from "./fact.ts";
import { logsBetween } from "./logRange.ts";
import { roleFacts } from "./roleFacts.ts";

export type Located = Pick<DeploymentFile, "coordinator" | "operatorRegistry" | "modelRegistry" | "stakeToken" | "disputeGame">;

const interfaces = {
  InferenceCoordinator: new Interface(inferenceCoordinatorAbi),
  OperatorRegistry: new Interface(operatorRegistryAbi),
  ModelRegistry: new Interface(modelRegistryAbi),
  DisputeGame: new Interface(disputeGameAbi),
  StepVerifier: new Interface(stepVerifierAbi),
  Publications: new Interface(publicationsAbi),
  Claims: new Interface(claimsAbi),
};

type ContractName = keyof typeof interfaces;

/** Views of a moment inside a transaction: they say nothing about a deployment. */
const momentary = new Set(["entered", "isConsumingScheduledOp"]);

async function view(chain: Caller, contract: ContractName, address: string, name: string): Promise<unknown> {
  const data = interfaces[contract].encodeFunctionData(name);
  const result = await chain.call<string>("eth_call", [{ to: address, data }, "latest"]);
  return interfaces[contract].decodeFunctionResult(name, result)[0] as unknown;
}

/** @returns where the parts of a deployment are, as they say themselves. */
export async function locate(chain: Caller, coordinator: string): Promise<Located> {
  const address = async (contract: ContractName, at: string, name: string) => (await view(chain, contract, at, name)) as string;
  const [operatorRegistry, disputeGame] = await Promise.all([
    address("InferenceCoordinator", coordinator, "operatorRegistry"),
    address("InferenceCoordinator", coordinator, "disputeGame"),
  ]);
  const [modelRegistry, stakeToken] = await Promise.all([
    address("DisputeGame", disputeGame, "modelRegistry"),
    address("OperatorRegistry", operatorRegistry, "stakeToken"),
  ]);
  return { coordinator, operatorRegistry, modelRegistry, stakeToken, disputeGame };
}

/** Everything that a contract says without being asked about anything in particular: all views without arguments. */
async function contractFacts(chain: Caller, contract: ContractName, at: string, expected: Record<string, string | null>): Promise<Fact[]> {
  const facts: Fact[] = [];
  const fact = (name: string, actual: unknown) => facts.push({ contract, name, actual: String(actual), expected: expected[name] ?? null });
  const views: FunctionFragment[] = [];
  interfaces[contract].forEachFunction((found) => {
    if (found.inputs.length === 0 && found.constant && !momentary.has(found.name)) views.push(found);
  });
  for (const { name, outputs } of views) {
    const value = await view(chain, contract, at, name);
    const fields = outputs[0]?.baseType === "tuple" ? outputs[0].components! : null;
    if (fields === null) fact(name, value);
    else for (const field of fields) fact(field.name, (value as Result).getValue(field.name));
  }
  return facts;
}

async function feeTokenFacts(chain: Caller, { coordinator, startBlock }: DeploymentFile, to: number): Promise<Fact[]> {
  const { topicHash } = interfaces.InferenceCoordinator.getEvent("FeeTokenSet")!;
  const logs = await logsBetween(chain, { address: coordinator, topics: [topicHash], from: startBlock, to });
  const allowed = new Map<string, boolean>();
  for (const log of logs) {
    const { args } = interfaces.InferenceCoordinator.parseLog(log)!;
    allowed.set(args.getValue("token") as string, args.getValue("allowed") as boolean);
  }
  const facts = [...allowed].filter(([, is]) => is);
  return Promise.all(
    facts.map(async ([token]) => ({
      contract: "InferenceCoordinator",
      name: "fee token",
      actual: (await hasCode(chain, token)) ? token : `${token}, which has no code`,
      expected: token,
    })),
  );
}

const hasCode = async (chain: Caller, address: string): Promise<boolean> =>
  (await chain.call<string>("eth_getCode", [address, "latest"])) !== "0x";

/**
 * Reads everything that the contracts of a deployment have been given, from their own views and events.
 * @param parameters of the deployed module, to compare with.
 * @throws where the chain doesn't answer, or where a contract isn't one of Assay's.
 */
export async function factsOf(chain: Caller, deployment: DeploymentFile, parameters: ExpectedParameters = {}): Promise<Fact[]> {
  const to = Number(await chain.call<string>("eth_blockNumber", []));
  const { coordinator, operatorRegistry, modelRegistry, disputeGame, stakeToken } = deployment;
  const authority = (await view(chain, "InferenceCoordinator", coordinator, "authority")) as string;
  const parts = ["stepVerifier", "publications", "claims"] as const;
  const [stepVerifier, publications, claims] = (await Promise.all(parts.map((name) => view(chain, "DisputeGame", disputeGame, name)))) as [
    string,
    string,
    string,
  ];
  const expected: Record<string, string | null> = {
    ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, plainValue(value)])),
    ...Object.fromEntries(
      Object.entries({ coordinator, operatorRegistry, modelRegistry, disputeGame, authority }).map(([name, at]) => [name, getAddress(at)]),
    ),
    stakeToken: plainValue(parameters.stakeToken) ?? getAddress(stakeToken),
    paused: "false",
  };
  const addresses = { InferenceCoordinator: coordinator, OperatorRegistry: operatorRegistry, ModelRegistry: modelRegistry };
  const facts: Fact[] = [{ contract: "chain", name: "executes CLZ", actual: String(await executesClz(chain)), expected: "true" }];
  for (const [name, at] of Object.entries({
    ...addresses,
    DisputeGame: disputeGame,
    StepVerifier: stepVerifier,
    Publications: publications,
    Claims: claims,
  })) {
    facts.push(...(await contractFacts(chain, name as ContractName, at, expected)));
  }
  for (const fact of facts.filter(({ actual }) => isAddress(actual) && actual !== ZeroAddress)) {
    if (!["treasury", "BURN_ADDRESS"].includes(fact.name) && !(await hasCode(chain, fact.actual))) {
      fact.expected = `${fact.actual} with code; it has none on this chain`;
    }
  }
  const treasury = facts.find(({ name }) => name === "treasury")!;
  const reason = placeholder(treasury.actual, deployment.chainId);
  if (reason !== null) treasury.expected = `somebody's account: this one ${reason}`;
  facts.push(...(await feeTokenFacts(chain, deployment, to)));
  facts.push(...(await roleFacts(chain, { authority, deployment, to }, parameters)));
  return facts;
}

import type {
  AccountRuntimeValue,
  AddressResolvableFuture,
  IgnitionModuleBuilder,
  ModuleParameterRuntimeValue,
} from "@nomicfoundation/ignition-core";
import { id } from "ethers";

/** Roles of the access manager; its ADMIN_ROLE (0) binds the contracts together and names the dispute contract. */
export const roles = {
  /** Changes what new requests must keep to, after a delay. */
  PARAMETERS: {
    id: 1n,
    functions: [
      "setParameters((uint16,uint32,uint32,uint32,uint32,uint32,uint128,uint16))",
      "setTreasury(address)",
      "setFeeToken(address,bool)",
    ],
  },
  /** Stops and allows new requests, at once. */
  GUARDIAN: { id: 2n, functions: ["setPaused(bool)"] },
} as const;

export const selectorOf = (signature: string): string => id(signature).slice(0, 10);

/** The module's parameters that become the operator registry's, in the constructor's order. */
export const registryParameters = ["unbondingPeriod", "disputeBound", "bondingBlocks"] as const;

/** The module's parameters that become the coordinator's `Parameters`, in the struct's order. */
export const coordinatorParameters = [
  "protocolFeeBps",
  "minChallengeWindow",
  "maxChallengeWindow",
  "minSubmitPeriod",
  "maxSubmitPeriod",
  "maxCallbackGas",
  "minBond",
  "maxBondMultiple",
] as const;

/** The module's parameters that become the `PublicationParameters`, in the struct's order. */
export const publicationParameters = ["baseTime", "chunkTime", "gasPerByte"] as const;

/** The module's parameters that become the dispute's `GameParameters`, in the struct's order. */
export const gameParameters = [
  "commitDelay",
  "openGrace",
  "commitLifetime",
  "defendTime",
  "clock",
  "moveTime",
  "grace",
  "maxGrace",
  "challengerBond",
  "burnBps",
] as const;

/** The delays of roles, in seconds. */
export const delayParameters = ["parametersDelay", "adminDelay"] as const;

/** Accounts that a deployment names: who is owed the protocol's fees, who administers, who may stop new requests. */
export const accountParameters = ["treasury", "admin", "guardian"] as const;

/** Every parameter that is a whole number. */
export const numberParameters = [
  ...registryParameters,
  ...coordinatorParameters,
  ...gameParameters,
  ...publicationParameters,
  ...delayParameters,
] as const;

/** Deploys the step verifier and its kernels; they have no parameters, no roles and no owner. */
export function stepSystem(m: IgnitionModuleBuilder) {
  const functionKernel = m.contract("FunctionKernel");
  const sumKernel = m.contract("SumKernel");
  const mapKernel = m.contract("MapKernel", [functionKernel]);
  const contractionKernel = m.contract("ContractionKernel", [functionKernel, sumKernel]);
  const reductionKernel = m.contract("ReductionKernel", [functionKernel, sumKernel]);
  const choiceKernel = m.contract("ChoiceKernel");
  return { stepVerifier: m.contract("StepVerifier", [mapKernel, contractionKernel, reductionKernel, choiceKernel]) };
}

interface Surroundings {
  stakeToken: AddressResolvableFuture | ModuleParameterRuntimeValue<string>;
  accounts: Record<(typeof accountParameters)[number], AccountRuntimeValue | ModuleParameterRuntimeValue<string>>;
  feeTokens?: AddressResolvableFuture[];
}

/** Deploys the system on top of a stake token, binds its parts and hands out the roles. */
export function assaySystem(m: IgnitionModuleBuilder, { stakeToken, accounts, feeTokens = [] }: Surroundings) {
  const deployer = m.getAccount(0);
  const numbers = (names: readonly string[]) => names.map((name) => m.getParameter<number | bigint>(name));
  const structOf = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, m.getParameter<number | bigint>(name)]));
  const authority = m.contract("AccessManager", [deployer]);
  const modelRegistry = m.contract("ModelRegistry", [authority]);
  const operatorRegistry = m.contract("OperatorRegistry", [authority, stakeToken, modelRegistry, ...numbers(registryParameters)]);
  const coordinator = m.contract("InferenceCoordinator", [authority, operatorRegistry, accounts.treasury, structOf(coordinatorParameters)]);
  const { stepVerifier } = stepSystem(m);
  const publications = m.contract("Publications", [coordinator, modelRegistry, structOf(publicationParameters)]);
  const claims = m.contract("Claims", [coordinator]);
  const parts = [coordinator, publications, claims, modelRegistry, stepVerifier, stakeToken];
  const disputeGame = m.contract("DisputeGame", [...parts, structOf(gameParameters)]);

  // While a function has no role of its own, the deployer may call it as the administrator.
  const bound = [
    m.call(modelRegistry, "bindCoordinator", [coordinator], { id: "bindModelRegistry" }),
    m.call(operatorRegistry, "bindCoordinator", [coordinator], { id: "bindOperatorRegistry" }),
    m.call(coordinator, "setDisputeGame", [disputeGame]),
    ...feeTokens.map((token, i) => m.call(coordinator, "setFeeToken", [token, true], { id: `allowFeeToken${i}` })),
  ];
  const assigned = Object.entries(roles).map(([label, role]) =>
    m.call(authority, "setTargetFunctionRole", [coordinator, role.functions.map(selectorOf), role.id], {
      id: `assign_${label}`,
      after: bound,
    }),
  );
  const label = Object.entries(roles).map(([name, role]) => m.call(authority, "labelRole", [role.id, name], { id: `label_${name}` }));
  const granted = [
    m.call(authority, "grantRole", [roles.PARAMETERS.id, accounts.admin, m.getParameter("parametersDelay")], {
      id: "grant_PARAMETERS",
      after: assigned,
    }),
    m.call(authority, "grantRole", [roles.GUARDIAN.id, accounts.guardian, 0], { id: "grant_GUARDIAN", after: assigned }),
  ];
  m.call(authority, "grantRole", [0n, accounts.admin, m.getParameter("adminDelay")], {
    id: "grant_ADMIN",
    after: [...granted, ...label],
  });
  return { authority, modelRegistry, operatorRegistry, coordinator, stepVerifier, publications, claims, disputeGame };
}

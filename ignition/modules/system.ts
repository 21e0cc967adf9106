import type { AddressResolvableFuture, IgnitionModuleBuilder, ModuleParameterRuntimeValue } from "@nomicfoundation/ignition-core";
import { id } from "ethers";
import { stepVerifier } from "./StepVerifier.ts";

/** Roles of the access manager; its ADMIN_ROLE (0) binds the contracts together and names the dispute contract. */
export const roles = {
  /** Changes what new requests must keep to, after a delay. */
  PARAMETERS: {
    id: 1n,
    functions: ["setParameters((uint16,uint32,uint32,uint32,uint32,uint32,uint128))", "setTreasury(address)", "setFeeToken(address,bool)"],
  },
  /** Stops and allows new requests, at once. */
  GUARDIAN: { id: 2n, functions: ["setPaused(bool)"] },
} as const;

export const selectorOf = (signature: string): string => id(signature).slice(0, 10);

/** The module's parameters that become the coordinator's `Parameters`, in the struct's order. */
export const coordinatorParameters = [
  "protocolFeeBps",
  "minChallengeWindow",
  "maxChallengeWindow",
  "minSubmitPeriod",
  "maxSubmitPeriod",
  "maxCallbackGas",
  "minBond",
] as const;

/** The module's parameters that become the dispute's `GameParameters`, in the struct's order. */
export const gameParameters = [
  "commitDelay",
  "commitLifetime",
  "clock",
  "moveTime",
  "grace",
  "maxGrace",
  "challengerBond",
  "burnBps",
  "concedeBps",
] as const;

/** Deploys the system on top of a stake token, binds its parts and hands out the roles. */
export function assaySystem(
  m: IgnitionModuleBuilder,
  stakeToken: AddressResolvableFuture | ModuleParameterRuntimeValue<string>,
  feeTokens: AddressResolvableFuture[] = [],
) {
  const deployer = m.getAccount(0);
  const authority = m.contract("AccessManager", [deployer]);
  const modelRegistry = m.contract("ModelRegistry", [authority]);
  const operatorRegistry = m.contract("OperatorRegistry", [
    authority,
    stakeToken,
    modelRegistry,
    m.getParameter("unbondingPeriod"),
    m.getParameter("disputeBound"),
  ]);
  const parametersOf = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, m.getParameter(name)]));
  const parameters = parametersOf(coordinatorParameters);
  const coordinator = m.contract("InferenceCoordinator", [authority, operatorRegistry, m.getParameter("treasury", deployer), parameters]);
  const { stepVerifier: verifier } = stepVerifier(m);
  const disputeGame = m.contract("DisputeGame", [coordinator, modelRegistry, verifier, stakeToken, parametersOf(gameParameters)]);

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
    m.call(authority, "grantRole", [roles.PARAMETERS.id, m.getParameter("admin", deployer), m.getParameter("parametersDelay")], {
      id: "grant_PARAMETERS",
      after: assigned,
    }),
    m.call(authority, "grantRole", [roles.GUARDIAN.id, m.getParameter("guardian", deployer), 0], { id: "grant_GUARDIAN", after: assigned }),
  ];
  m.call(authority, "grantRole", [0n, m.getParameter("admin", deployer), m.getParameter("adminDelay")], {
    id: "grant_ADMIN",
    after: [...granted, ...label],
  });
  return { authority, modelRegistry, operatorRegistry, coordinator, stepVerifier: verifier, disputeGame };
}

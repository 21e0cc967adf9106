import type { ModuleParameters } from "../../ignition/faults.ts";

/** Parameters of which the contracts' constructors refuse each, and what is said of them before. */
export const brokenRules: readonly { breaks: ModuleParameters; says: RegExp }[] = [
  { breaks: { protocolFeeBps: 2_001 }, says: /^protocolFeeBps is 2001 and may be 2000/ },
  { breaks: { minChallengeWindow: 0 }, says: /^minChallengeWindow is 0/ },
  { breaks: { minChallengeWindow: 70_000, maxChallengeWindow: 60_000 }, says: /^minChallengeWindow is 70000 and may not be above/ },
  { breaks: { minSubmitPeriod: 0 }, says: /^minSubmitPeriod is 0/ },
  { breaks: { minSubmitPeriod: 11, maxSubmitPeriod: 10 }, says: /^minSubmitPeriod is 11 and may not be above/ },
  { breaks: { maxCallbackGas: 10_000_001 }, says: /^maxCallbackGas is 10000001/ },
  { breaks: { minBond: 0 }, says: /^minBond is 0/ },
  { breaks: { minBond: "4294967296000000001n" }, says: /^minBond is 4294967296000000001 and may have/ },
  { breaks: { unbondingPeriod: 604_800, disputeBound: 604_800 }, says: /^unbondingPeriod is 604800 s and must be longer/ },
  {
    breaks: { unbondingPeriod: 604_800 + 86_400, disputeBound: 604_800, maxChallengeWindow: 86_400 },
    says: /^unbondingPeriod is 691200 s/,
  },
  { breaks: { clock: 0 }, says: /^clock is 0/ },
  { breaks: { moveTime: 0 }, says: /^moveTime is 0/ },
  { breaks: { grace: 61, maxGrace: 60 }, says: /^grace is 61 and may not be above/ },
  { breaks: { commitDelay: 60, commitLifetime: 60 }, says: /^commitDelay is 60 s and must be below/ },
  { breaks: { disputeBound: 400 }, says: /^disputeBound is 400 s and a dispute may take/ },
  { breaks: { burnBps: 10_001 }, says: /^burnBps is 10001/ },
  { breaks: { concedeBps: 10_001 }, says: /^concedeBps is 10001/ },
];

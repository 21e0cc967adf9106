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
  {
    breaks: { commitDelay: 60, openGrace: 1, commitLifetime: 60, maxGrace: 100, minChallengeWindow: 100 },
    says: /^commitDelay and openGrace are 61 s/,
  },
  { breaks: { disputeBound: 400 }, says: /^disputeBound is 400 s and publications and a dispute may take/ },
  { breaks: { burnBps: 10_001 }, says: /^burnBps is 10001/ },
  { breaks: { defendTime: 61, clock: 60 }, says: /^defendTime is 61 and may not be above clock/ },
  { breaks: { openGrace: 0 }, says: /^openGrace is 0/ },
  { breaks: { maxBondMultiple: 0 }, says: /^maxBondMultiple is 0/ },
  { breaks: { baseTime: 0 }, says: /^baseTime is 0/ },
  { breaks: { chunkTime: 0 }, says: /^chunkTime is 0/ },
  { breaks: { gasPerByte: 0 }, says: /^gasPerByte is 0/ },
  { breaks: { maxGrace: 3 }, says: /^maxGrace is 3 s and must be above commitDelay and openGrace/ },
  { breaks: { minChallengeWindow: 3 }, says: /^minChallengeWindow is 3 s and must be above commitDelay and openGrace/ },
  { breaks: { minBond: "999999999n" }, says: /^minBond is 999999999 and must be four times challengerBond/ },
];

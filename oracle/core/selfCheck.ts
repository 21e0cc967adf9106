/** When an operator holds its own answer against the canonical one (docs/operating.md): pure, so that it is decided the same way each time. */
import type { Dtype } from "./tensor.ts";
import { keccak256 } from "./traceTree.ts";

/**
 * before: the canonical outputs are posted. after: the runtime's outputs are posted, and taken back where they are wrong.
 * sampled: as after, for a part of the answers. never: nothing is checked.
 */
export const selfCheckPolicies = ["before", "after", "sampled", "never"] as const;
export type SelfCheckPolicy = (typeof selfCheckPolicies)[number];

/** What is done about answers from a bond on, in the stake token's smallest unit. */
export interface SelfCheckLevel {
  fromBond: bigint;
  policy: SelfCheckPolicy;
}

/** What is done about one answer. */
export type SelfCheck = "BEFORE" | "AFTER" | "NEVER";

export interface SelfCheckRules {
  levels: readonly SelfCheckLevel[];
  /** Part of the answers that `sampled` checks, 0 to 1. */
  sampledShare: number;
  /** Only this node knows it: nobody can tell which of its answers are sampled. */
  secret: Uint8Array;
}

/** What is needed of a model's record. */
export interface CheckedModel {
  programRoot: string;
  outputs: readonly { dtype: Dtype; deltaAbsolute: number; deltaRelative: number }[];
}

/** @returns the policy of the highest level that the bond reaches; never where it reaches none. */
export function policyFor(bond: bigint, levels: readonly SelfCheckLevel[]): SelfCheckPolicy {
  let found: SelfCheckLevel | undefined;
  for (const level of levels) {
    if (level.fromBond <= bond && (found === undefined || level.fromBond >= found.fromBond)) found = level;
  }
  return found?.policy ?? "never";
}

/** @returns whether the request is one of the share: the same each time it is asked. */
export function isSampled(requestId: string, share: number, secret: Uint8Array): boolean {
  const hash = keccak256(Buffer.concat([secret, Buffer.from(requestId.slice(2), "hex")]));
  return Buffer.from(hash).readUIntBE(0, 6) < share * 2 ** 48;
}

/** Answers of a model without a canonical program can't be challenged; nothing but the canonical answer fits an exact tolerance. */
export function selfCheckOf(
  requestId: string,
  bond: bigint,
  model: CheckedModel,
  { levels, sampledShare, secret }: SelfCheckRules,
): SelfCheck {
  if (/^0x0*$/.test(model.programRoot)) return "NEVER";
  const exact = model.outputs.some((output) => output.dtype === "float32" && output.deltaAbsolute === 0 && output.deltaRelative === 0);
  if (exact) return "BEFORE";
  switch (policyFor(bond, levels)) {
    case "before":
      return "BEFORE";
    case "after":
      return "AFTER";
    case "sampled":
      return isSampled(requestId, sampledShare, secret) ? "AFTER" : "NEVER";
    case "never":
      return "NEVER";
  }
}

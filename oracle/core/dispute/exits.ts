/**
 * What each exit of a wrong answer costs, and who gets it. Amounts are in the stake token's smallest unit; every part is rounded down, and
 * what rounding leaves is burned.
 */

/** How an answer stops standing: taken back before anybody can have opened a challenge, taken back later, or convicted. */
export type Exit = "early" | "retracted" | "convicted";

export interface Penalty {
  /** What the operator loses of its bond. */
  slashed: bigint;
  /** What is shared among those who were about to prove the answer wrong, and the requester. */
  pool: bigint;
  burned: bigint;
}

/** @param bond the request's bond. */
export function penaltyOf(exit: Exit, bond: bigint): Penalty {
  if (exit === "early") return { slashed: bond / 100n, pool: 0n, burned: bond / 100n };
  const slashed = exit === "convicted" ? bond : (7n * bond) / 8n;
  const pool = (3n * bond) / 8n;
  return { slashed, pool, burned: slashed - pool };
}

export interface PoolShares {
  /** What each claimant gets. */
  claimant: bigint;
  requester: bigint;
}

/**
 * How a late exit's pool is shared. A claimant has a dispute or a demand open when the answer stops standing, or opens a commitment that it
 * had made by then.
 * @param bond the request's bond.
 */
export function poolSharesOf(bond: bigint, claimants: bigint): PoolShares {
  const { pool } = penaltyOf("convicted", bond);
  if (claimants === 0n) return { claimant: 0n, requester: pool };
  const most = bond / 4n;
  const equal = pool / claimants;
  const claimant = equal < most ? equal : most;
  return { claimant, requester: pool - claimants * claimant };
}

/** @param bond a challenger's, which it loses when the operator is acquitted. */
export function acquittalOf(bond: bigint): { operator: bigint; burned: bigint } {
  const operator = (9n * bond) / 10n;
  return { operator, burned: bond - operator };
}

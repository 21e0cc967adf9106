/** The rules that the search over orders of moves compares. */
import { acquittalOf, penaltyOf, poolSharesOf } from "../../oracle/core/dispute/exits.ts";

/** How the answer stopped standing; `conceded` is a retraction that names the challenger it gives in to. */
export type Ending = "early" | "retracted" | "conceded" | "convicted";

export interface Claims {
  friends: bigint;
  honest: bigint;
  /** Whose dispute or demand ended the answer. */
  winner: "friend" | "honest" | null;
}

export interface Division {
  slashed: bigint;
  /** What all friends get together. */
  friends: bigint;
  honest: bigint;
  requester: bigint;
}

export interface Rule {
  name: string;
  /** Whether a commitment made before the answer was void can still be opened, and claim. */
  claimsAfterwards: boolean;
  /** Whether there are demands for an answer's bytes, which convict where they aren't met. */
  demands: boolean;
  /** Whether an answer can be taken back while a dispute on it is open. */
  retractsDisputed: boolean;
  divide(ending: Ending, bond: bigint, claims: Claims): Division;
}

/** The rule of DisputeGame: a pool, shared by everybody who was about to prove the answer wrong, and the requester. */
export const pooled: Rule = {
  name: "shared pool",
  claimsAfterwards: true,
  demands: true,
  retractsDisputed: true,
  divide(ending, bond, { friends, honest }) {
    const exit = ending === "conceded" ? "retracted" : ending;
    const { slashed } = penaltyOf(exit, bond);
    if (exit === "early") return { slashed, friends: 0n, honest: 0n, requester: 0n };
    const { claimant, requester } = poolSharesOf(bond, friends + honest);
    return { slashed, friends: friends * claimant, honest: honest * claimant, requester };
  },
};

/** 1 % for a retraction, half the bond for conceding, and half of what is slashed for the one whose dispute it was. */
export const winnerTakesHalf: Rule = {
  name: "the winner takes half",
  claimsAfterwards: false,
  demands: false,
  retractsDisputed: false,
  divide(ending, bond, { winner }) {
    const slashed = ending === "convicted" ? bond : ending === "conceded" ? bond / 2n : bond / 100n;
    const reward = ending === "convicted" || ending === "conceded" ? slashed / 2n : 0n;
    return { slashed, friends: winner === "friend" ? reward : 0n, honest: winner === "honest" ? reward : 0n, requester: 0n };
  },
};

/** Half of what is slashed, in equal parts for all open disputes; a late retraction costs half the bond. */
export const equalSplit: Rule = {
  name: "equal split among open disputes",
  claimsAfterwards: false,
  demands: false,
  retractsDisputed: false,
  divide(ending, bond, { friends, honest }) {
    if (ending === "early") return { slashed: bond / 100n, friends: 0n, honest: 0n, requester: 0n };
    const slashed = ending === "convicted" ? bond : bond / 2n;
    const each = friends + honest === 0n ? 0n : slashed / 2n / (friends + honest);
    return { slashed, friends: friends * each, honest: honest * each, requester: 0n };
  },
};

/** What a friend's lost dispute costs the coalition: the rest of its bond comes back through the operator. A challenger's bond is at most B/4. */
export const lostDispute = (bond: bigint): bigint => acquittalOf(bond / 4n).burned;

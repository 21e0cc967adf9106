/** The least values over all orders of moves, for one rule and number of friends. */
import type { Rule } from "./rules.ts";
import { bond, type Play, type Schedule, search } from "./search.ts";

/** A share of the bond, and moves that lead to it; null where there is no such play. */
export type Least = { share: string; value: bigint; moves: string[] } | null;

export interface Summary {
  states: number;
  /** The coalition's least loss where the honest challenger had a dispute open. */
  lossDisputed: Least;
  /** The coalition's least loss where the answer ended after a challenge could open, watched or not. */
  lossLate: Least;
  /** The honest challenger's least reward where it had a dispute open. */
  rewardDisputed: Least;
  /** The honest challenger's least reward where its commitment, dispute or demand came first, though the coalition may see the next move and end before it. */
  rewardFrontRun: Least;
  /** Plays in which the lie stands although the honest challenger knew in time. */
  standing: number;
}

/** Where `small` is true, fewer rounds: what a test run has time for. */
export const schedules: Record<"small" | "full", Schedule> = {
  small: { commitDelay: 1, openGrace: 1, window: 3, longestDispute: 1 },
  full: { commitDelay: 2, openGrace: 1, window: 6, longestDispute: 3 },
};

function shareOf(value: bigint): string {
  let [a, b] = [value, bond];
  while (b > 0n) [a, b] = [b, a % b];
  const [above, below] = [value / a, bond / a];
  return below === 1n ? (above === 0n ? "0" : above === 1n ? "B" : `${above}B`) : `${above === 1n ? "" : above}B/${below}`;
}

export function summarise(rule: Rule, friends: number, requesterIsFriend: boolean, schedule: Schedule): Summary {
  const summary: Summary = { states: 0, lossDisputed: null, lossLate: null, rewardDisputed: null, rewardFrontRun: null, standing: 0 };
  const note = (key: "lossDisputed" | "lossLate" | "rewardDisputed" | "rewardFrontRun", value: bigint, moves: () => string[]): void => {
    const least = summary[key];
    if (least === null || value < least.value) summary[key] = { share: shareOf(value), value, moves: moves() };
  };
  // The last round in which a commitment can still be opened inside the window.
  const last = schedule.window - 1 - schedule.commitDelay;
  for (const honestMove of rule.demands ? (["commit", "demand"] as const) : (["commit"] as const)) {
    for (const detection of [null, ...Array.from({ length: last + 1 }, (_, round) => round)]) {
      if (detection === null && honestMove === "demand") continue;
      const { plays, states } = search({ rule, schedule, friends, requesterIsFriend, detection, honestMove });
      summary.states += states;
      for (const { play, moves } of plays) {
        if (isLate(play)) note("lossLate", play.loss, moves);
        if (play.honestOpened && play.ending !== "stands") {
          note("lossDisputed", play.loss, moves);
          if (isLate(play)) note("rewardDisputed", play.honestReward, moves);
        }
        if (play.honestCameFirst && isLate(play)) note("rewardFrontRun", play.honestReward, moves);
        if (play.ending === "stands" && detection !== null && honestMove === "commit") summary.standing++;
      }
    }
  }
  return summary;
}

const isLate = ({ ending }: Play): boolean => ending !== "stands" && ending !== "early";

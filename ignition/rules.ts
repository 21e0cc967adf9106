import { maxDuration } from "../oracle/core/dispute/game.ts";
import type { numberParameters } from "./modules/system.ts";

export type Numbers = Record<(typeof numberParameters)[number], bigint>;

interface Rule {
  holds(p: Numbers): boolean;
  /** What the contracts ask for, with the values. */
  says(p: Numbers): string;
}

const atMost = (name: keyof Numbers, most: bigint, unit: string): Rule => ({
  holds: (p) => p[name] <= most,
  says: (p) => `${name} is ${p[name]} and may be ${most} ${unit} at most`,
});

const positive = (name: keyof Numbers): Rule => ({ holds: (p) => p[name] > 0n, says: () => `${name} is 0 and must be more` });

const notAbove = (lower: keyof Numbers, upper: keyof Numbers): Rule => ({
  holds: (p) => p[lower] <= p[upper],
  says: (p) => `${lower} is ${p[lower]} and may not be above ${upper}, which is ${p[upper]}`,
});

/** Chunks of the largest answer and the largest input that may have to be published (contracts/Publications.sol). */
const mostChunks = 142;

/** Publications of an answer and of its input, each of which opens a window of its own, and a dispute at the end of them. */
function longest(p: Numbers): number {
  const { defendTime, clock, moveTime, grace, maxGrace, baseTime, chunkTime } = Object.fromEntries(
    Object.entries(p).map(([name, value]) => [name, Number(value)]),
  ) as Record<keyof Numbers, number>;
  return maxDuration({ defendTime, clock, moveTime, grace, maxGrace }) + 2 * (baseTime + maxGrace) + mostChunks * chunkTime;
}

/** The coordinator keeps minBond as 32 bits and a power of ten. */
const fits32Bits = (value: bigint): boolean => value < 2n ** 32n || (value % 10n === 0n && fits32Bits(value / 10n));

/** What the constructors check, in words: the rehearsal has the contracts' own opinion. */
export const rules: readonly Rule[] = [
  atMost("protocolFeeBps", 2_000n, "(20 %)"),
  positive("minChallengeWindow"),
  notAbove("minChallengeWindow", "maxChallengeWindow"),
  positive("minSubmitPeriod"),
  notAbove("minSubmitPeriod", "maxSubmitPeriod"),
  atMost("maxCallbackGas", 10_000_000n, "gas"),
  positive("minBond"),
  positive("maxBondMultiple"),
  atMost("maxBondMultiple", 65_535n, "times minBond"),
  {
    holds: ({ minBond }) => fits32Bits(minBond),
    says: ({ minBond }) => `minBond is ${minBond} and may have nine significant decimal digits at most`,
  },
  {
    holds: (p) => p.unbondingPeriod > p.maxChallengeWindow + p.disputeBound,
    says: (p) =>
      `unbondingPeriod is ${p.unbondingPeriod} s and must be longer than maxChallengeWindow and disputeBound together, which are ${p.maxChallengeWindow + p.disputeBound} s: a bond could leave before it is lost`,
  },
  positive("clock"),
  positive("moveTime"),
  positive("defendTime"),
  notAbove("defendTime", "clock"),
  positive("openGrace"),
  positive("baseTime"),
  positive("chunkTime"),
  positive("gasPerByte"),
  notAbove("grace", "maxGrace"),
  {
    holds: (p) => p.commitDelay + p.openGrace <= p.commitLifetime,
    says: (p) =>
      `commitDelay and openGrace are ${p.commitDelay + p.openGrace} s and may not be above commitLifetime, which is ${p.commitLifetime} s`,
  },
  {
    holds: (p) => p.maxGrace > p.commitDelay + p.openGrace,
    says: (p) =>
      `maxGrace is ${p.maxGrace} s and must be above commitDelay and openGrace together, which are ${p.commitDelay + p.openGrace} s: nobody could challenge what was published`,
  },
  {
    holds: (p) => p.minChallengeWindow > p.commitDelay + p.openGrace,
    says: (p) =>
      `minChallengeWindow is ${p.minChallengeWindow} s and must be above commitDelay and openGrace together, which are ${p.commitDelay + p.openGrace} s: nobody could challenge in time`,
  },
  {
    holds: (p) => p.minBond >= 4n * p.challengerBond,
    says: (p) =>
      `minBond is ${p.minBond} and must be four times challengerBond, which is ${p.challengerBond}, at least: else a challenger's bond is tied up by cheap lies`,
  },
  {
    holds: (p) => longest(p) <= p.disputeBound,
    says: (p) =>
      `disputeBound is ${p.disputeBound} s and publications and a dispute may take ${longest(p)} s by baseTime, chunkTime, defendTime, clock, moveTime and maxGrace: raise it, or lower those`,
  },
  atMost("burnBps", 10_000n, "(all of it)"),
];

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

const longest = ({ clock, moveTime, grace, maxGrace }: Numbers) =>
  maxDuration({ clock: Number(clock), moveTime: Number(moveTime), grace: Number(grace), maxGrace: Number(maxGrace) });

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
  notAbove("grace", "maxGrace"),
  {
    holds: (p) => p.commitDelay < p.commitLifetime,
    says: (p) => `commitDelay is ${p.commitDelay} s and must be below commitLifetime, which is ${p.commitLifetime} s`,
  },
  {
    holds: (p) => longest(p) <= p.disputeBound,
    says: (p) =>
      `disputeBound is ${p.disputeBound} s and a dispute may take ${longest(p)} s by clock, moveTime and maxGrace: raise it, or lower those`,
  },
  atMost("burnBps", 10_000n, "(all of it)"),
  atMost("concedeBps", 10_000n, "(all of it)"),
];

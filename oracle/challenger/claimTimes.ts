import type { DisputeViews } from "../chain/disputeViews.ts";

/** Seconds of chain time after which what was read is read again: the provider may have lagged, or the chain be reorganised. */
const askEvery = 60;
/** Seconds of chain time from the first look on after which what is read is believed for good. */
const believedAfter = 3600;

interface Known {
  until: number;
  askedAt: number;
  firstAskedAt: number;
}

/** Until when commitments can join in the bonds of answers that were taken away. */
export class ClaimTimes {
  readonly #views: Pick<DisputeViews, "claimsUntil">;
  readonly #claims: string;
  readonly #known = new Map<string, Known>();

  /** @param claims the address of `Claims`. */
  constructor(views: Pick<DisputeViews, "claimsUntil">, claims: string) {
    this.#views = views;
    this.#claims = claims;
  }

  /** @param now chain time, seconds. @returns Unix time, seconds; 0: nothing is divided. @throws ChainUnavailableError */
  async untilOf(answerId: string, now: number): Promise<number> {
    const known = this.#known.get(answerId);
    if (known !== undefined && (now < known.askedAt + askEvery || known.askedAt >= known.firstAskedAt + believedAfter)) return known.until;
    const until = await this.#views.claimsUntil(this.#claims, answerId);
    this.#known.set(answerId, { until, askedAt: now, firstAskedAt: known?.firstAskedAt ?? now });
    return until;
  }
}

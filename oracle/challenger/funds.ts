import { formatUnits } from "ethers";
import type { DisputeViews, Means } from "../chain/disputeViews.ts";
import type { Head } from "../core/nextAction.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";

export interface FundsOptions {
  account: string;
  views: DisputeViews;
  parts: { stakeToken: string; claims: string };
  parameters: { challengerBond: bigint };
  log: Logger;
  metrics: Metrics;
}

/** More than a challenger's moves of one dispute take. */
export const gasOfDispute = 3_000_000n;
/** Seconds of chain time between two looks at an account that has enough, at one that lacks something, and between two complaints about it. */
const lookEvery = 60;
const lookAgainAfter = 5;
const complainEvery = 60;

/** What a watchtower's account can pay for; where it is too little, the log says to people what is missing. */
export class Funds {
  readonly #options: FundsOptions;
  readonly #complainedAt = new Map<string, number>();
  #unit: { symbol: string; decimals: number } | undefined;
  #means: Means | undefined;
  #lookedAt = -Infinity;

  constructor(options: FundsOptions) {
    this.#options = options;
  }

  /** Looks at the account, and complains where it is too little for another dispute. @throws ChainUnavailableError */
  async look(head: Head): Promise<void> {
    const pause = this.#complainedAt.size === 0 ? lookEvery : lookAgainAfter;
    if (this.#means !== undefined && head.time < this.#lookedAt + pause) return;
    const { views, parts, account, parameters, metrics } = this.#options;
    this.#unit ??= await views.unitOf(parts.stakeToken);
    const [means, owed, rewards] = await Promise.all([
      views.meansOf(account, parts.stakeToken),
      views.owed(account),
      views.rewardOf(parts.claims, account),
    ]);
    this.#means = means;
    this.#lookedAt = head.time;
    const { symbol, decimals } = this.#unit;
    const { tokens, wei, gasPrice } = means;
    metrics.accountEther.set(Number(formatUnits(wei, 18)));
    metrics.accountStakeTokens.set(Number(formatUnits(tokens, decimals)));
    // What past disputes have paid is taken for the next bond.
    this.#compare(head, tokens + owed + rewards, parameters.challengerBond, decimals, symbol, "the bond of a challenge");
    this.#compare(head, wei, gasOfDispute * gasPrice, 18, "ETH", "the gas of a dispute");
  }

  /** Whether a dispute's moves can be paid, as of the last look. */
  get affordsGas(): boolean {
    return this.#means !== undefined && this.#means.wei >= gasOfDispute * this.#means.gasPrice;
  }

  #compare(head: Head, has: bigint, needs: bigint, decimals: number, symbol: string, what: string): void {
    if (has >= needs) {
      this.#complainedAt.delete(symbol);
      return;
    }
    if (head.time < (this.#complainedAt.get(symbol) ?? -Infinity) + complainEvery) return;
    this.#complainedAt.set(symbol, head.time);
    const { log, account } = this.#options;
    const text = (amount: bigint) => `${formatUnits(amount, decimals)} ${symbol}`;
    log.error(
      { account, has: has.toString(), needs: needs.toString() },
      `${account} has ${text(has)}, ${what} is ${text(needs)}: send it at least ${text(needs - has)}. Until then no wrong answer is challenged`,
    );
  }
}

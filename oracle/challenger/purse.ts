import { erc20Interface } from "../chain/contracts.ts";
import type { ClaimCalls, DisputeCalls } from "../chain/disputeCalls.ts";
import type { DisputeViews, GameParameters } from "../chain/disputeViews.ts";
import type { Moves } from "../chain/moves.ts";
import type { Head } from "../core/nextAction.ts";
import type { Logger } from "../telemetry/log.ts";

export interface PurseOptions {
  account: string;
  parts: { stakeToken: string; claims: string };
  parameters: Pick<GameParameters, "challengerBond">;
  calls: DisputeCalls;
  claimCalls: ClaimCalls;
  views: DisputeViews;
  moves: Moves;
  log: Logger;
}

/**
 * The challenger's stake tokens: what past disputes have paid goes into the next bonds, so that a small purse outlasts many wrong answers. Bonds
 * are given in the order in which they are asked for: ask for the answer with the most at stake first.
 */
export class Purse {
  readonly #options: PurseOptions;
  /** How many bonds can be put up, as of block `#countedIn`, and the disputes that have been given one since. */
  #bonds = 0;
  #countedIn = -1;
  readonly #given = new Set<string>();
  #empty = false;

  constructor(options: PurseOptions) {
    this.#options = options;
  }

  /**
   * @param dispute the one that is to be opened.
   * @returns whether there is a bond for it; where there isn't, sends what can bring one about: an allowance, or what is owed.
   * @throws ChainUnavailableError
   */
  async affords(dispute: string, head: Head): Promise<boolean> {
    const { moves, account, parameters, log } = this.#options;
    if (moves.isLive("challenge", dispute)) return true;
    if (!(await this.#allowed(head))) return false;
    if (await this.keep(dispute, head)) {
      this.#empty = false;
      return true;
    }
    if (!(await this.#collect(head)) && !this.#empty) {
      this.#empty = true;
      log.warn(
        { account, challengerBond: parameters.challengerBond.toString() },
        "there are no stake tokens left for another challenge, and none owed: wrong answers stand until open disputes pay, or tokens are sent",
      );
    }
    return false;
  }

  /**
   * Keeps a bond for a dispute that can't be opened yet from those that are asked about later.
   * @returns whether there is one. @throws ChainUnavailableError
   */
  async keep(dispute: string, head: Head): Promise<boolean> {
    const { moves, views, account, parts, parameters } = this.#options;
    if (head.number !== this.#countedIn) {
      const balance = await views.balanceOf(parts.stakeToken, account);
      this.#bonds = Number(balance / parameters.challengerBond) - moves.pending("challenge");
      this.#given.clear();
      this.#countedIn = head.number;
    }
    if (this.#given.size < this.#bonds) this.#given.add(dispute);
    return this.#given.has(dispute);
  }

  /** @returns whether the game may take the challenger's bond; allows it where it may not. */
  async #allowed(head: Head): Promise<boolean> {
    const { views, parts, account, parameters, moves, calls } = this.#options;
    if ((await views.allowance(parts.stakeToken, account)) >= parameters.challengerBond) return true;
    const data = erc20Interface.encodeFunctionData("approve", [calls.game, 2n ** 256n - 1n]);
    await moves.send({ kind: "approve", item: parts.stakeToken, call: () => ({ to: parts.stakeToken, data }), deadline: null }, head);
    return false;
  }

  /** Takes the bonds that came back and the parts of slashed stakes. @returns whether there was, or is on its way, anything to take. */
  async #collect(head: Head): Promise<boolean> {
    const { views, parts, account, moves, calls, claimCalls } = this.#options;
    const [owed, reward] = await Promise.all([views.owed(account), views.rewardOf(parts.claims, account)]);
    const item = `${account} ${head.number}`;
    if (owed > 0n && moves.pending("withdraw") === 0) {
      await moves.send({ kind: "withdraw", item, call: () => calls.withdraw(account), deadline: null }, head);
    }
    if (reward > 0n && moves.pending("claimReward") === 0) {
      await moves.send({ kind: "claimReward", item, call: () => claimCalls.withdraw(account), deadline: null }, head);
    }
    return owed > 0n || reward > 0n;
  }
}

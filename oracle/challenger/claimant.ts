import { answerIdOf, type ClaimCalls } from "../chain/disputeCalls.ts";
import type { DisputeViews, GameParameters } from "../chain/disputeViews.ts";
import type { Moves } from "../chain/moves.ts";
import type { Answer, Request } from "../core/job.ts";
import type { Head } from "../core/nextAction.ts";
import type { Check, DisputeStore } from "../store/disputes.ts";
import type { JobStore } from "../store/jobs.ts";
import type { Logger } from "../telemetry/log.ts";
import { ClaimTimes } from "./claimTimes.ts";

export interface ClaimantOptions {
  account: string;
  jobs: JobStore;
  disputes: DisputeStore;
  calls: ClaimCalls;
  views: DisputeViews;
  parameters: Pick<GameParameters, "commitDelay">;
  moves: Moves;
  /** @returns a block's time: Unix time, seconds. */
  timeOf(blockNumber: number): Promise<number>;
  log: Logger;
}

/**
 * Takes this challenger's part of the bonds of answers that were taken away: of those it had a dispute on, and of those that an operator took
 * back before this challenger could open its commitment.
 */
export class Claimant {
  readonly #options: ClaimantOptions;
  readonly #times: ClaimTimes;

  constructor(options: ClaimantOptions) {
    this.#options = options;
    this.#times = new ClaimTimes(options.views, options.calls.claims);
  }

  /** Joins and claims what can be joined and claimed now. @throws ChainUnavailableError */
  async tick(head: Head): Promise<void> {
    const { disputes, account, log } = this.#options;
    const plays = [
      ...disputes.overtaken().map((check) => () => this.#join(check, head)),
      ...disputes.unclaimed(account).map(
        ({ disputeId, requestId, answer }) =>
          () =>
            this.#claim(disputeId, requestId, answer, head),
      ),
    ];
    for (const play of plays) {
      try {
        await play();
      } catch (error) {
        log.error({ err: error }, "a part of a bond could not be claimed; it is tried again");
      }
    }
  }

  /** Opens a commitment as a claim, in the time for it; then claims its part. */
  async #join({ commitment, requestId, answer, tensor, element, salt }: Check, head: Head): Promise<void> {
    const { jobs, disputes, calls, moves, parameters, timeOf, account } = this.#options;
    const request = jobs.get(requestId)?.request;
    const until = await this.#times.untilOf(answerIdOf(requestId, answer), head.time);
    const committedIn = disputes.get(commitment!)?.committedIn;
    if (request === undefined || until === 0 || committedIn == null) return;
    if (moves.isLive("join", commitment!)) {
      if (head.time < until) return;
      const call = () => calls.claimJoined(request, answer, tensor!, element!, salt!, account);
      await moves.send({ kind: "claim", item: commitment!, call, deadline: null }, head);
    } else if (head.time < until && head.time >= (await timeOf(committedIn)) + parameters.commitDelay) {
      const call = () => calls.join(request, answer, tensor!, element!, salt!);
      await moves.send({ kind: "join", item: commitment!, call, deadline: until }, head);
    }
  }

  async #claim(disputeId: string, requestId: string, answer: Answer, head: Head): Promise<void> {
    const { jobs, calls, moves } = this.#options;
    const request: Request | undefined = jobs.get(requestId)?.request;
    const until = await this.#times.untilOf(answerIdOf(requestId, answer), head.time);
    if (request === undefined || until === 0 || head.time < until) return;
    const call = () => calls.claimDispute(disputeId, request, answer);
    await moves.send({ kind: "claim", item: disputeId, call, deadline: null }, head);
  }
}

import type { DemandRow, DemandStore } from "../store/demands.ts";
import type { JobStore } from "../store/jobs.ts";
import { answerIdOf, type PublicationCalls } from "./disputeCalls.ts";
import type { PublicationViews } from "./disputeViews.ts";
import type { Moves } from "./moves.ts";

export interface EscrowsOptions {
  account: string;
  jobs: JobStore;
  demands: DemandStore;
  calls: PublicationCalls;
  views: PublicationViews;
  moves: Moves;
}

/** Takes this account's part of escrows once their answers are final or taken away: what publishing has earned, or what a demand left over. */
export class Escrows {
  readonly #options: EscrowsOptions;
  /** Divided escrows that the account has a part of, as of the last look at what it is owed. */
  #divided = 0;

  constructor(options: EscrowsOptions) {
    this.#options = options;
  }

  /** @param head as far as the chain has been read; `time` in seconds. @throws ChainUnavailableError */
  async tick(head: { number: number; time: number }): Promise<void> {
    const { demands, account, calls, views, moves } = this.#options;
    for (const part of ["operator", "demander"] as const) {
      for (const demand of demands.open(part, account)) await this.#collect(part, demand, head);
    }
    const divided = demands.divided(account);
    if (divided === this.#divided || moves.pending("withdrawEscrow") > 0) return;
    if ((await views.owed(account)) > 0n) {
      const item = `${account} ${head.number}`;
      if (!(await moves.send({ kind: "withdrawEscrow", item, call: () => calls.withdraw(account), deadline: null }, head))) return;
    }
    this.#divided = divided;
  }

  async #collect(part: "operator" | "demander", { requestId, answerId, bundle }: DemandRow, head: { number: number; time: number }) {
    const { jobs, demands, calls, moves } = this.#options;
    const job = jobs.get(requestId);
    const answer = demands.answers(requestId).find((each) => answerIdOf(requestId, each) === answerId);
    if (job === undefined || answer === undefined) return;
    const stands = job.answer !== null && answerIdOf(requestId, job.answer) === answerId;
    // Of an answer that was taken away the operator gets nothing.
    if (stands ? job.status !== "FINALIZED" : part === "operator") return;
    const call = () => calls.collect(job.request, answer, bundle);
    await moves.send({ kind: "collect", item: `${answerId} ${bundle}`, call, deadline: null }, head);
  }
}

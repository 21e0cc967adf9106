import { randomBytes } from "node:crypto";
import type { DisputeCalls } from "../chain/disputeCalls.ts";
import { answerIdOf } from "../chain/disputeCalls.ts";
import type { DisputeViews, GameParameters } from "../chain/disputeViews.ts";
import type { Escrows } from "../chain/escrows.ts";
import type { Moves } from "../chain/moves.ts";
import type { Sender } from "../chain/sender.ts";
import type { Job } from "../core/job.ts";
import type { Head } from "../core/nextAction.ts";
import type { Check, DisputeRow, DisputeStore } from "../store/disputes.ts";
import type { JobStore } from "../store/jobs.ts";
import type { Logger } from "../telemetry/log.ts";
import type { CheckContext, Finding } from "./check.ts";
import { Checks } from "./checks.ts";
import type { Claimant } from "./claimant.ts";
import type { Demander } from "./demander.ts";
import type { Funds } from "./funds.ts";
import { playMove, type PlayContext } from "./play.ts";
import type { Purse } from "./purse.ts";

export interface ChallengerOptions extends CheckContext {
  account: string;
  jobs: JobStore;
  /** @returns a block's time: Unix time, seconds. */
  timeOf(blockNumber: number): Promise<number>;
  disputes: DisputeStore;
  calls: DisputeCalls;
  views: DisputeViews;
  parameters: GameParameters;
  parts: { stepVerifier: string };
  sender: Sender;
  moves: Moves;
  purse: Purse;
  claimant: Claimant;
  demander: Demander;
  escrows: Escrows;
  funds: Funds;
  /** Answers that are checked at the same time. */
  concurrency: number;
  head(): Head | undefined;
  /** Called when a check has ended. */
  onProgress(): void;
  log: Logger;
}

/** Checks others' answers and plays the challenger's side of every dispute about a wrong one. */
export class Challenger {
  readonly #options: ChallengerOptions;
  readonly #checks: Checks;
  /** Hash of the block: after a reorganisation its number comes again. */
  #settledAt = "";
  #stopping = false;

  constructor(options: ChallengerOptions) {
    this.#options = options;
    this.#checks = new Checks({ ...options, onFinding: (job, finding) => this.#record(job, finding) });
  }

  /** Does everything that is to be done now. @throws ChainUnavailableError */
  async tick(): Promise<void> {
    const { sender, disputes, account, log, evaluations, funds, claimant, demander, escrows } = this.#options;
    const head = this.#options.head();
    if (head === undefined || this.#stopping) return;
    if (head.hash !== this.#settledAt) {
      await sender.settle(head);
      this.#settledAt = head.hash;
    }
    this.#checks.start(head);
    await funds.look(head).catch((error: unknown) => log.warn({ err: error }, "what the account has could not be read"));
    const wrong = disputes.wrong();
    const open = disputes.open("challenger", account);
    const plays = [...wrong.map((check) => () => this.#challenge(check, head)), ...open.map((dispute) => () => this.#play(dispute, head))];
    for (const play of plays) {
      try {
        await play();
      } catch (error) {
        // One dispute that can't be played must not let the clocks of the others run out.
        log.error({ err: error }, "a dispute could not be played on; it is tried again");
      }
    }
    await claimant.tick(head);
    await demander.tick(head, this.#checks.hidden, this.#challenges(wrong, open));
    await escrows.tick(head);
    const needed = new Set([...wrong, ...open].map(({ requestId }) => requestId));
    for (const requestId of evaluations.kept()) {
      if (!needed.has(requestId) && !this.#checks.isRunning(requestId)) await evaluations.release(requestId);
    }
  }

  /** Begins nothing more and waits for the checks that run. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#checks.stop();
  }

  #record({ requestId, answer }: Job, finding: Finding): void {
    const { disputes, log } = this.#options;
    const answerId = answerIdOf(requestId, answer!);
    const checked = {
      answerId,
      requestId,
      answer: answer!,
      verdict: finding.verdict,
      tensor: null,
      element: null,
      salt: null,
      commitment: null,
    };
    switch (finding.verdict) {
      case "RIGHT":
        log.info({ request: requestId, operator: answer!.operator, canonical: finding.canonical }, "an answer is right");
        return disputes.saveCheck(checked);
      case "UNKNOWN":
        log.warn({ request: requestId, reason: finding.reason }, "an answer can't be checked");
        return disputes.saveCheck(checked);
      case "WRONG": {
        const { tensor, element } = finding.target;
        const { salt, commitment } = this.#commitmentTo(answerId, tensor, element);
        log.warn(
          { request: requestId, operator: answer!.operator, tensor, element, dispute: commitment },
          "an answer is wrong: challenging it",
        );
        return disputes.saveCheck({ ...checked, tensor, element, salt, commitment });
      }
    }
  }

  /** Commits to the challenge, and opens it once the commitment is old enough; a commitment that expired before that is made anew. */
  async #challenge(check: Check, head: Head): Promise<void> {
    const { disputes, jobs, moves, calls, parameters, purse, funds, log } = this.#options;
    const { requestId, answer, tensor, element, salt, commitment: id } = check;
    const dispute = disputes.get(id!);
    if (dispute !== undefined && dispute.turn !== "COMMITTED") return;
    const { request, finalizableAt } = jobs.get(requestId)!;
    if (head.time >= finalizableAt!) return;
    if (dispute === undefined) {
      if (!funds.affordsGas) return;
      await moves.send({ kind: "commitChallenge", item: id!, call: () => calls.commitChallenge(id!), deadline: finalizableAt }, head);
      return;
    }
    const committedAt = await this.#options.timeOf(dispute.committedIn!);
    const expiresAt = committedAt + parameters.commitLifetime;
    if (head.time >= expiresAt) {
      const renewed = this.#commitmentTo(check.answerId, tensor!, element!);
      log.warn(
        { request: requestId, expired: id, dispute: renewed.commitment },
        "a commitment expired before it was opened: committing anew",
      );
      disputes.saveCheck({ ...check, ...renewed });
      return this.#challenge({ ...check, ...renewed }, head);
    }
    if (head.time < committedAt + parameters.commitDelay) return void (await purse.keep(id!, head));
    if (!(await purse.affords(id!, head))) return;
    const call = () => calls.challenge(request, answer, tensor!, element!, salt!);
    await moves.send({ kind: "challenge", item: id!, call, deadline: Math.min(expiresAt, finalizableAt!) }, head);
  }

  /** @returns what stands behind each answer that this challenger has to make moves about. */
  #challenges(wrong: readonly Check[], open: readonly DisputeRow[]): bigint[] {
    const requestIds = new Set([...wrong, ...open].map(({ requestId }) => requestId));
    return [...requestIds].map((requestId) => this.#options.jobs.get(requestId)?.request.params.bond ?? 0n);
  }

  /** A new salt each time: what an opening that was never mined has shown of an old one is worth nothing. */
  #commitmentTo(answerId: string, tensor: number, element: number): { salt: string; commitment: string } {
    const { calls, account } = this.#options;
    const salt = `0x${randomBytes(32).toString("hex")}`;
    return { salt, commitment: calls.commitmentOf(answerId, tensor, element, salt, account) };
  }

  async #play(dispute: DisputeRow, head: Head): Promise<void> {
    const { disputes, jobs, moves, calls } = this.#options;
    const { disputeId, deadline } = dispute;
    const job = jobs.get(dispute.requestId);
    const answer = disputes.checkOfCommitment(disputeId)?.answer ?? job?.answer ?? undefined;
    if (job === undefined || answer === undefined) return;
    const { request } = job;
    const stands = job.answer?.operator === answer.operator && job.answer.outputRoot === answer.outputRoot;
    if (!stands) {
      await moves.send(
        { kind: "closeVoided", item: disputeId, call: () => calls.closeVoided(disputeId, request, answer), deadline: null },
        head,
      );
    } else if (dispute.turn === "PICK" || dispute.turn === "SEGMENT") {
      await playMove(dispute, job, answer, head, this.#options satisfies PlayContext);
    } else if (head.time >= deadline) {
      await moves.send({ kind: "timeout", item: disputeId, call: () => calls.timeout(disputeId, request, answer), deadline: null }, head);
    }
  }
}

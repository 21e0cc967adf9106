import type { CanonicalAnswer, Evaluations } from "../canonical/dispute/evaluations.ts";
import { ownSums } from "../canonical/dispute/ownSums.ts";
import { childrenBytes, defenceOf, isDefensible } from "../canonical/dispute/moves.ts";
import { answerIdOf, type DisputeCalls } from "../chain/disputeCalls.ts";
import type { Moves } from "../chain/moves.ts";
import { readBundle } from "../content/bundles.ts";
import { depthOf } from "../core/dispute/tree.ts";
import type { Answer, Job } from "../core/job.ts";
import type { Head } from "../core/nextAction.ts";
import { decodeBundle, type Tensor } from "../core/tensor.ts";
import type { DisputeRow, DisputeStore } from "../store/disputes.ts";
import type { JobStore } from "../store/jobs.ts";
import type { Logger } from "../telemetry/log.ts";

export interface DefenderOptions {
  operator: string;
  jobs: JobStore;
  disputes: DisputeStore;
  evaluations: Evaluations;
  calls: DisputeCalls;
  moves: Moves;
  content: { fetchBundle(uri: string, root: string, signal?: AbortSignal): Promise<Uint8Array> };
  head(): Head | undefined;
  log: Logger;
}

/** Plays the operator's side of every dispute about its answers: defends what is right, takes back what isn't, reveals, and ends what ran out. */
export class Defender {
  readonly #options: DefenderOptions;
  readonly #posted = new Map<string, Tensor[]>();

  constructor(options: DefenderOptions) {
    this.#options = options;
  }

  /** Makes every move that can be made now. @throws ChainUnavailableError */
  async tick(): Promise<void> {
    const { disputes, operator, evaluations, log } = this.#options;
    const head = this.#options.head();
    if (head === undefined) return;
    const open = disputes.open("operator", operator);
    for (const dispute of open) {
      try {
        await this.#move(dispute, head);
      } catch (error) {
        // One dispute that can't be played must not let the clocks of the others run out.
        log.error({ dispute: dispute.disputeId, err: error }, "a dispute could not be played on; it is tried again");
      }
    }
    const disputed = new Set(open.map(({ requestId }) => requestId));
    for (const requestId of evaluations.kept()) if (!disputed.has(requestId)) await evaluations.release(requestId);
    for (const requestId of this.#posted.keys()) if (!disputed.has(requestId)) this.#posted.delete(requestId);
  }

  async #move(dispute: DisputeRow, head: Head): Promise<void> {
    const { jobs, moves, calls, operator } = this.#options;
    const job = jobs.get(dispute.requestId);
    // Without an answer of its own another dispute has been decided, and this one with it.
    if (job?.answer?.operator !== operator) return;
    const { answer, request } = job;
    const { disputeId, deadline } = dispute;
    if (dispute.turn === "PICK" || dispute.turn === "SEGMENT") {
      if (head.time < deadline) return;
      await moves.send({ kind: "timeout", item: disputeId, call: () => calls.timeout(disputeId, request, answer), deadline: null }, head);
      return;
    }
    const evaluation = this.#evaluation(job);
    if (evaluation === undefined) return;
    if (evaluation instanceof Error) {
      // It is begun anew: what failed for want of a file may be there the next time.
      await this.#options.evaluations.release(job.requestId);
      throw evaluation;
    }
    if (dispute.turn === "REVEAL") {
      const height = dispute.height ?? depthOf(evaluation.tree.leafCount);
      const item = `${disputeId} ${height} ${dispute.position}`;
      const call = () => calls.reveal(disputeId, childrenBytes(evaluation.tree, height, dispute.position));
      await moves.send({ kind: "reveal", item, call, deadline }, head);
      return;
    }
    if (dispute.turn === "SUMS") {
      const { position: leaf, word, path } = dispute;
      const call = () => calls.revealSums(disputeId, request, answer, ownSums(evaluation).at(leaf, word!, path!));
      await moves.send({ kind: "revealSums", item: `${disputeId} ${path}`, call, deadline }, head);
      return;
    }
    await this.#defend(dispute, job, answer, evaluation, head);
  }

  async #defend(dispute: DisputeRow, job: Job, answer: Answer, evaluation: CanonicalAnswer, head: Head): Promise<void> {
    const { moves, calls, disputes, log } = this.#options;
    const { disputeId, deadline } = dispute;
    const posted = await this.#postedBy(job, answer);
    if (isDefensible(posted, evaluation.outputs, evaluation.rules, dispute)) {
      const call = () => {
        const defence = defenceOf(evaluation.model, evaluation.tree, posted, dispute);
        const top = depthOf(evaluation.tree.leafCount);
        const shown = disputes.reveals(answerIdOf(job.requestId, answer)).some(({ height }) => height === top);
        return calls.defend(disputeId, job.request, answer, shown ? { ...defence, children: new Uint8Array() } : defence);
      };
      await moves.send({ kind: "defend", item: disputeId, call, deadline }, head);
      return;
    }
    log.warn(
      { dispute: disputeId, request: job.requestId, tensor: dispute.tensor, element: dispute.element },
      "the answer is wrong: taking it back",
    );
    const item = answerIdOf(job.requestId, answer);
    await moves.send({ kind: "retract", item, call: () => calls.retract(job.request, answer), deadline }, head);
  }

  #evaluation({ requestId, request }: Job): CanonicalAnswer | Error | undefined {
    const { jobs, evaluations, content } = this.#options;
    return evaluations.get(requestId, request.params.modelId, () => readBundle(jobs.input(requestId), request.inputRoot, content));
  }

  async #postedBy({ requestId }: Job, { outputRoot }: Answer): Promise<Tensor[]> {
    const { jobs, disputes, content } = this.#options;
    let posted = this.#posted.get(requestId);
    if (posted === undefined) {
      const own = jobs.output(requestId);
      const onChain = disputes.posted(requestId, outputRoot);
      posted =
        onChain === undefined && own !== undefined
          ? decodeBundle(own.bytes)
          : await readBundle(onChain ?? { bytes: null, uri: "" }, outputRoot, content);
      this.#posted.set(requestId, posted);
    }
    return posted;
  }
}

import type { ModelLibrary } from "../canonical/dispute/library.ts";
import { answerIdOf, type PublicationCalls } from "../chain/disputeCalls.ts";
import type { Moves } from "../chain/moves.ts";
import { readBundle } from "../content/bundles.ts";
import { chunkOf, chunkProof } from "../core/chunks.ts";
import type { Answer, Job } from "../core/job.ts";
import type { Head } from "../core/nextAction.ts";
import { decodeBundle, type Tensor } from "../core/tensor.ts";
import type { DemandRow, DemandStore } from "../store/demands.ts";
import type { DisputeStore } from "../store/disputes.ts";
import type { JobStore } from "../store/jobs.ts";
import type { Logger } from "../telemetry/log.ts";

export interface ChunkPublisherOptions {
  operator: string;
  jobs: JobStore;
  disputes: DisputeStore;
  demands: DemandStore;
  library: Pick<ModelLibrary, "get">;
  calls: PublicationCalls;
  moves: Moves;
  content: { fetchBundle(uri: string, root: string, signal?: AbortSignal): Promise<Uint8Array> };
  head(): Head | undefined;
  log: Logger;
}

/** Publishes what is demanded of an operator's answers: what isn't published in time convicts. */
export class ChunkPublisher {
  readonly #options: ChunkPublisherOptions;

  constructor(options: ChunkPublisherOptions) {
    this.#options = options;
  }

  /** Publishes the next chunk of every demand; the contract takes them one by one. @throws ChainUnavailableError */
  async tick(): Promise<void> {
    const { demands, operator, log } = this.#options;
    const head = this.#options.head();
    if (head === undefined) return;
    const open = demands.open("operator", operator).filter(({ published, chunks, deadline }) => published < chunks && head.time < deadline);
    for (const demand of open.sort((a, b) => a.deadline - b.deadline)) {
      try {
        await this.#publish(demand, head);
      } catch (error) {
        // One that can't be met must not let the clocks of the others run out.
        log.error(
          { request: demand.requestId, bundle: demand.bundle, deadline: demand.deadline, err: error },
          "demanded bytes could not be published; it is tried again",
        );
      }
    }
  }

  async #publish({ requestId, answerId, bundle, published, deadline }: DemandRow, head: Head): Promise<void> {
    const { jobs, library, calls, moves } = this.#options;
    const job = jobs.get(requestId);
    const item = `${answerId} ${bundle} ${published}`;
    if (job?.answer == null || answerIdOf(requestId, job.answer) !== answerId || moves.isLive("publish", item)) return;
    const { request, answer } = job;
    const [{ model }, tensors] = await Promise.all([
      library.get(request.params.modelId),
      bundle === "OUTPUT" ? this.#answered(job, answer) : readBundle(jobs.input(requestId), request.inputRoot, this.#options.content),
    ]);
    const call = () =>
      calls.publish(request, answer, bundle, published, {
        head: model,
        proof: chunkProof(tensors, published),
        data: chunkOf(tensors, published),
      });
    await moves.send({ kind: "publish", item, call, deadline }, head);
  }

  async #answered({ requestId, outputRoot }: Job, answer: Answer): Promise<Tensor[]> {
    const { jobs, disputes, content } = this.#options;
    const own = jobs.output(requestId);
    if (own !== undefined && outputRoot === answer.outputRoot) return decodeBundle(own.bytes);
    return readBundle(disputes.posted(requestId, answer.outputRoot) ?? { bytes: null, uri: "" }, answer.outputRoot, content);
  }
}

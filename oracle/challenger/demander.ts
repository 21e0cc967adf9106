import { formatEther } from "ethers";
import type { ModelLibrary } from "../canonical/dispute/library.ts";
import { NotAdjudicableError } from "../canonical/dispute/model.ts";
import { hexOfHash } from "../canonical/dispute/views.ts";
import { answerIdOf, type ClaimCalls, type PublicationCalls } from "../chain/disputeCalls.ts";
import type { DisputeViews, PublicationViews } from "../chain/disputeViews.ts";
import type { Moves } from "../chain/moves.ts";
import type { BundleName } from "../core/demandFacts.ts";
import type { Job } from "../core/job.ts";
import type { Head } from "../core/nextAction.ts";
import { rootOfBundleBytes } from "../core/traceTree.ts";
import type { DemandRow, DemandStore } from "../store/demands.ts";
import type { JobStore } from "../store/jobs.ts";
import type { Logger } from "../telemetry/log.ts";

/** Bytes of an answer, or of its input, that this node can't get. */
export interface Hidden {
  job: Job;
  bundle: BundleName;
}

export interface DemanderOptions {
  account: string;
  jobs: JobStore;
  demands: DemandStore;
  library: ModelLibrary;
  calls: PublicationCalls;
  claimCalls: ClaimCalls;
  views: DisputeViews;
  publicationViews: PublicationViews;
  parts: { stakeToken: string };
  moves: Moves;
  log: Logger;
}

/** More than a demand, a time-out and the claims after it take. */
const gasOfDemand = 1_000_000n;
/** Seconds of chain time between two complaints about an account that can't pay. */
const complainEvery = 60;

/** Demands bytes that can't be got, takes what is published for the answer's own bytes, and convicts whoever doesn't publish in time. */
export class Demander {
  readonly #options: DemanderOptions;
  #complainedAt = -Infinity;

  constructor(options: DemanderOptions) {
    this.#options = options;
  }

  /** @throws ChainUnavailableError */
  async tick(head: Head, hidden: readonly Hidden[]): Promise<void> {
    const { demands, account, log } = this.#options;
    const plays = [
      ...demands.untaken().map((demand) => () => this.#take(demand)),
      ...hidden.map((each) => () => this.#demand(each, head)),
      ...demands.unmet().map((demand) => () => this.#timeout(demand, head)),
      ...demands.unclaimed(account).map((demand) => () => this.#claim(demand, head)),
    ];
    for (const play of plays) {
      try {
        await play();
      } catch (error) {
        log.error({ err: error }, "a demand could not be carried on; it is tried again");
      }
    }
  }

  async #demand({ job, bundle }: Hidden, head: Head): Promise<void> {
    const { demands, views, publicationViews, parts, account, moves, calls, log } = this.#options;
    const { request, answer, finalizableAt, requestId } = job;
    const answerId = answerIdOf(requestId, answer!);
    const item = `${answerId} ${bundle}`;
    // Once, whoever asks.
    if (demands.get(answerId, bundle) !== undefined) return;
    // One after another: what the one before takes is not seen in the balance yet.
    if (moves.isLive("demand", item) || moves.pending("demand") > 0 || head.time >= finalizableAt!) return;
    if (!(await this.#isAdjudicable(request.params.modelId))) return;
    const [quote, { wei, gasPrice }] = await Promise.all([
      publicationViews.quote(request.params.modelId, bundle),
      views.meansOf(account, parts.stakeToken),
    ]);
    // The base fee may rise before the demand is mined; what is too much comes back.
    const escrow = quote + quote / 4n;
    const needed = escrow + gasOfDemand * gasPrice;
    if (wei < needed) {
      if (head.time < this.#complainedAt + complainEvery) return;
      this.#complainedAt = head.time;
      log.error(
        { account, request: requestId, bundle, has: wei.toString(), needs: needed.toString() },
        `${account} has ${formatEther(wei)} ETH, demanding an answer's bytes takes ${formatEther(needed)} ETH: send it at least ${formatEther(needed - wei)} ETH. Until then an answer stands unchecked`,
      );
      return;
    }
    log.warn(
      { request: requestId, operator: answer!.operator, bundle, escrow: escrow.toString() },
      "bytes can't be fetched: demanding them",
    );
    const call = () => calls.demand(request, answer!, bundle, escrow);
    await moves.send({ kind: "demand", item, call, deadline: finalizableAt }, head);
  }

  /** Nobody can challenge the answers of other models, so that nobody can demand their bytes either. */
  async #isAdjudicable(modelId: string): Promise<boolean> {
    try {
      await this.#options.library.get(modelId);
      return true;
    } catch (error) {
      if (error instanceof NotAdjudicableError) return false;
      throw error;
    }
  }

  /** Puts what was published in the place of what could not be fetched. */
  async #take({ requestId, answerId, bundle, operator }: DemandRow): Promise<void> {
    const { jobs, demands, library, log } = this.#options;
    const { request, answer } = jobs.get(requestId)!;
    if (bundle === "OUTPUT" && (answer === null || answerIdOf(requestId, answer) !== answerId)) return;
    const { program } = (await library.get(request.params.modelId)).model;
    const bytes = demands.published(answerId, bundle, bundle === "OUTPUT" ? program.outputs : program.inputs);
    const root = bundle === "OUTPUT" ? answer!.outputRoot : request.inputRoot;
    if (bytes === undefined || hexOfHash(rootOfBundleBytes(bytes)) !== root) {
      log.error(
        { request: requestId, bundle },
        "what was read of a publication is not what was committed to: add another provider to chain.rpc",
      );
      return;
    }
    log.info({ request: requestId, operator, bundle, bytes: bytes.length }, "demanded bytes were published");
    if (bundle === "OUTPUT") demands.keepOutput(requestId, root, bytes);
    else demands.keepInput(requestId, bytes);
  }

  async #timeout({ requestId, answerId, bundle, deadline }: DemandRow, head: Head): Promise<void> {
    const { jobs, moves, calls } = this.#options;
    const job = jobs.get(requestId);
    if (head.time < deadline || job?.answer == null || answerIdOf(requestId, job.answer) !== answerId) return;
    const { request, answer } = job;
    const call = () => calls.timeout(request, answer, bundle);
    await moves.send({ kind: "timeoutDemand", item: `${answerId} ${bundle}`, call, deadline: null }, head);
  }

  /** Takes a demander's part of the bond of an answer that was taken away while its bytes were hidden. */
  async #claim({ requestId, answerId, bundle }: DemandRow, head: Head): Promise<void> {
    const { jobs, demands, views, claimCalls, moves } = this.#options;
    const job = jobs.get(requestId);
    const answer = demands.answers(requestId).find((each) => answerIdOf(requestId, each) === answerId);
    if (job === undefined || answer === undefined) return;
    if (job.answer !== null && answerIdOf(requestId, job.answer) === answerId) return;
    const until = await views.claimsUntil(claimCalls.claims, answerId);
    if (until === 0 || head.time < until) return;
    const call = () => claimCalls.claimDemand(job.request, answer, bundle);
    await moves.send({ kind: "claim", item: `${answerId} ${bundle}`, call, deadline: null }, head);
  }
}

import type { BundleName } from "../core/demandFacts.ts";
import type { Job } from "../core/job.ts";
import type { Head } from "../core/nextAction.ts";
import type { DisputeStore } from "../store/disputes.ts";
import type { JobStore } from "../store/jobs.ts";
import type { Logger } from "../telemetry/log.ts";
import { Backoff } from "./backoff.ts";
import { checkAnswer, type CheckContext, type Finding } from "./check.ts";
import type { Hidden } from "./demander.ts";
import { Fetches } from "./fetches.ts";

export interface ChecksOptions extends CheckContext {
  /** Whose own answers aren't checked. */
  account: string;
  jobs: JobStore;
  disputes: DisputeStore;
  /** Answers that are checked at the same time. */
  concurrency: number;
  head(): Head | undefined;
  /** Gets what a check has found. */
  onFinding(job: Job, finding: Finding): void;
  /** Called when a check, or what it waited for, has ended. */
  onProgress(): void;
  log: Logger;
}

/** Most answers that are looked at in one go. */
const mostWaiting = 4096;

/**
 * Chooses which answers are checked now: those whose bytes are all here first, by the end of their windows, and of one operator at most half as
 * many as are checked at a time while others wait. Models and bytes are fetched meanwhile, and take no check's place.
 */
export class Checks {
  readonly #options: ChecksOptions;
  readonly #fetches: Fetches;
  readonly #running = new Map<string, { operator: string; done: Promise<void> }>();
  readonly #models = new Map<string, "loading" | "ready">();
  readonly #backoff = new Backoff();
  #hidden: Hidden[] = [];

  constructor(options: ChecksOptions) {
    this.#options = options;
    const { content, onProgress, log } = options;
    this.#fetches = new Fetches({ content, placesOf: (job) => this.#placesOf(job), now: () => this.#now(), onProgress, log });
  }

  isRunning(requestId: string): boolean {
    return this.#running.has(requestId);
  }

  /** What answers that wait to be checked need and nobody gives, as of the last start. */
  get hidden(): readonly Hidden[] {
    return this.#hidden;
  }

  start(head: Head): void {
    const { disputes, jobs, account, concurrency } = this.#options;
    const waiting = disputes
      .unchecked(head.time, mostWaiting)
      .filter(({ requestId, operator }) => operator !== account && !this.#running.has(requestId))
      .map(({ requestId, byURI }) => ({ job: jobs.get(requestId)!, byURI }));
    const elsewhere = waiting.filter(({ byURI }) => byURI).map(({ job }) => job);
    this.#fetches.start(elsewhere);
    this.#hidden = elsewhere.flatMap((job) => this.#fetches.hidden(job).map((bundle) => ({ job, bundle })));
    const ready = waiting
      .filter(({ job, byURI }) => (!byURI || this.#fetches.has(job)) && !this.#backoff.waits(job.requestId, head.time))
      .map(({ job }) => job)
      .filter((job) => this.#hasModel(job.request.params.modelId));
    for (const limit of [Math.max(1, Math.floor(concurrency / 2)), concurrency]) {
      for (const job of ready) {
        if (this.#running.size >= concurrency) return;
        const { operator } = job.answer!;
        if (this.#running.has(job.requestId) || this.#runningOf(operator) >= limit) continue;
        this.#running.set(job.requestId, { operator, done: this.#check(job) });
      }
    }
  }

  /** Waits for the checks that run. */
  async stop(): Promise<void> {
    await Promise.all([this.#fetches.stop(), ...[...this.#running.values()].map(({ done }) => done)]);
  }

  #now(): number {
    return this.#options.head()?.time ?? 0;
  }

  #runningOf(operator: string): number {
    return [...this.#running.values()].filter((running) => running.operator === operator).length;
  }

  #placesOf({ requestId, request, answer }: Job): { uri: string; root: string; bundle: BundleName }[] {
    const { jobs, disputes } = this.#options;
    const posted = disputes.posted(requestId, answer!.outputRoot);
    return [
      { uri: jobs.input(requestId).uri, root: request.inputRoot, bundle: "INPUT" },
      { uri: posted?.uri ?? "", root: answer!.outputRoot, bundle: "OUTPUT" },
    ];
  }

  /** @returns whether the model has been loaded, or can't be and a check will say so; begins to load it where it wasn't. */
  #hasModel(modelId: string): boolean {
    const { library, onProgress, log } = this.#options;
    const state = this.#models.get(modelId);
    if (state !== undefined || this.#backoff.waits(modelId, this.#now())) return state === "ready";
    this.#models.set(modelId, "loading");
    const loaded = () => {
      this.#models.set(modelId, "ready");
      this.#backoff.succeed(modelId);
    };
    const failed = (error: unknown) => {
      if (!isPassing(error)) return loaded();
      this.#models.delete(modelId);
      this.#backoff.fail(modelId, this.#now());
      log.warn({ model: modelId, err: error }, "a model could not be loaded; its answers wait");
    };
    void library.get(modelId).then(loaded, failed).finally(onProgress);
    return false;
  }

  async #check(job: Job): Promise<void> {
    const { jobs, disputes, content, log, onFinding, onProgress } = this.#options;
    const { requestId } = job;
    try {
      const posted = disputes.posted(requestId, job.answer!.outputRoot) ?? { bytes: null, uri: "" };
      const fetched = {
        fetchArtifact: (uri: string, hash: string) => content.fetchArtifact(uri, hash),
        ...this.#fetches.contentFor(),
      };
      const finding = await checkAnswer(job, jobs.input(requestId), posted, { ...this.#options, content: fetched });
      onFinding(job, finding);
      this.#backoff.succeed(requestId);
    } catch (error) {
      this.#backoff.fail(requestId, this.#now());
      this.#fetches.forget(job);
      log.warn({ request: requestId, err: error }, "an answer could not be checked; it is tried again");
    } finally {
      this.#running.delete(requestId);
      onProgress();
    }
  }
}

/** Whether a model may be there later. What is wrong with it for good is for the check to say. */
const isPassing = (error: unknown) =>
  (error as { retryable?: boolean }).retryable !== false && (error as Error).name !== "NotAdjudicableError";

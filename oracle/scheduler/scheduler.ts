import type { Model } from "../chain/contracts.ts";
import { nextAction, type Head, type NodePolicy } from "../core/nextAction.ts";
import type { Job } from "../core/job.ts";
import type { SelfCheck } from "../core/selfCheck.ts";
import { TensorError } from "../core/tensor.ts";
import type { Evaluation, JobStore, Waiting } from "../store/jobs.ts";
import type { CrashPoint } from "../telemetry/crashPoint.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { DeclinedError, evaluate, type InferenceRunner } from "./evaluate.ts";
import type { ContentSource, ModelCache } from "./modelCache.ts";

export interface SchedulerOptions {
  jobs: JobStore;
  models: ModelCache;
  content: ContentSource;
  runtime: InferenceRunner;
  /** The chain as it has been read; undefined before the first block. */
  head(): Head | undefined;
  /** @param reserved bonds of evaluations that are going on, in the stake token's smallest unit. */
  policy(reserved: bigint): NodePolicy;
  /** Evaluations at the same time. */
  concurrency: number;
  timeoutMs: number;
  /** Decides where an answer's bytes go. @returns its URI, or "" where they travel in the transaction. */
  publishOutput(job: Job, root: string, output: Uint8Array): Promise<string>;
  /** Decides whether, and when, an answer is held against the canonical one. */
  selfCheckOf(job: Job, model: Model): SelfCheck;
  /** Called when jobs have been evaluated or given up. */
  onProgress(): void;
  log: Logger;
  metrics: Metrics;
  crashPoint: CrashPoint;
}

/** After so many killed processes a job isn't tried again. */
const crashLimit = 3;
/** After so many evaluations that took the whole node down neither. */
const startLimit = 10;
/** After so many it runs alone: what runs beside it when the node goes down again must not be counted with it. */
const aloneFrom = 2;
const longestDelay = 60;
/** Of the jobs that wait, so many are read at a time, and so many times within a tick. */
const pageSize = 256;
const mostPages = 16;

const now = () => performance.timeOrigin + performance.now();

interface Finished {
  job: Job;
  evaluation: Evaluation;
  stored(): void;
}

/** Decides which requests are worth answering, and runs their models. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #running = new Map<string, { bond: bigint; requester: string; alone: boolean; done: Promise<void> }>();
  /** Tries of each job that failed without its fault, for the delay before the next one; forgotten at a restart. */
  readonly #failures = new Map<string, number>();
  readonly #abort = new AbortController();
  #queue: string[] = [];
  /** The last one that was taken into the queue; undefined: it begins anew with the most urgent. */
  #seen: Waiting | undefined;
  #finished: Finished[] = [];
  #flushing = false;
  #stopping = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Starts what may be started now; returns at once. */
  tick(): void {
    const head = this.#options.head();
    if (head === undefined || this.#stopping) return;
    const starting: Job[] = [];
    const policy = this.#policyNow(starting);
    if ([...this.#running.values()].some(({ alone }) => alone)) return;
    // All that wait are looked at in turn: those that can't be started must not hide those that can.
    let pages = mostPages;
    let rounds = this.#seen === undefined ? 1 : 2;
    while (this.#running.size + starting.length < this.#options.concurrency) {
      if (this.#queue.length === 0) {
        if (rounds === 0 || pages-- === 0) break;
        this.#queue = this.#nextPage(starting);
        if (this.#seen === undefined) rounds--;
        continue;
      }
      const job = this.#options.jobs.get(this.#queue.shift()!);
      if (job !== undefined && !this.#running.has(job.requestId) && this.#mayStart(job, head, policy)) {
        const alone = job.starts >= aloneFrom;
        // It waits until nothing else runs, and nothing else begins before it.
        if (alone && this.#running.size + starting.length > 0) {
          this.#queue.unshift(job.requestId);
          break;
        }
        starting.push(job);
        policy.freeStake -= job.request.params.bond;
        if (alone) break;
      }
    }
    if (starting.length === 0) return;
    this.#options.jobs.beginEvaluations(starting.map(({ requestId }) => requestId));
    this.#options.crashPoint("after-evaluation-begun");
    for (const job of starting) {
      const alone = job.starts >= aloneFrom;
      const { params, requester } = job.request;
      this.#running.set(job.requestId, { bond: params.bond, requester, alone, done: this.#work(job) });
    }
  }

  /** Starts nothing more and waits for what runs; what isn't done in time is aborted and will be run again after a restart. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const timer = setTimeout(() => this.#abort.abort(), graceMs);
    await Promise.all([...this.#running.values()].map(({ done }) => done));
    clearTimeout(timer);
  }

  /** @returns the next of those that wait; `#seen` is undefined behind the last ones. */
  #nextPage(starting: readonly Job[]): string[] {
    const page = this.#options.jobs.toEvaluate(pageSize, this.#seen);
    this.#seen = page.length < pageSize ? undefined : page.at(-1);
    return page
      .map(({ requestId }) => requestId)
      .filter((requestId) => !this.#running.has(requestId) && !starting.some((job) => job.requestId === requestId));
  }

  /** @param starting jobs that are about to be begun; what is pushed to it counts as well. */
  #policyNow(starting: readonly Job[]): NodePolicy {
    const policy = this.#options.policy([...this.#running.values()].reduce((sum, { bond }) => sum + bond, 0n));
    const begun = (requester: string) =>
      [...this.#running.values(), ...starting.map(({ request }) => ({ requester: request.requester, bond: request.params.bond }))]
        .filter((each) => each.requester === requester)
        .reduce((sum, { bond }) => sum + bond, 0n);
    return { ...policy, lockedFor: (requester) => policy.lockedFor(requester) + begun(requester) };
  }

  #mayStart(job: Job, head: Head, policy: NodePolicy): boolean {
    const { jobs } = this.#options;
    if (job.status !== "REQUESTED" || job.work !== "NEW") return false;
    const action = nextAction(job, head, policy);
    switch (action.kind) {
      case "evaluate":
        if (job.starts < startLimit) return true;
        this.#giveUp(
          jobs,
          job,
          "QUARANTINED",
          `the node did not outlive ${job.starts} evaluations of it (${job.reason ?? "it ended each time"})`,
        );
        return false;
      case "decline":
        this.#giveUp(jobs, job, "DECLINED", action.reason);
        return false;
      case "wait":
        if (action.reason !== undefined && job.reason === null) jobs.note(job.requestId, action.reason);
        return false;
      case "check":
      case "submit":
      case "retract":
      case "finalize":
      case "done":
        return false;
    }
  }

  async #work(job: Job): Promise<void> {
    const { jobs, publishOutput, selfCheckOf, metrics, crashPoint } = this.#options;
    const startedAt = now();
    try {
      const evaluated = await evaluate(job, jobs.input(job.requestId), { ...this.#options, signal: this.#abort.signal });
      crashPoint("after-evaluation");
      const outputUri = await publishOutput(job, evaluated.outputRoot, evaluated.output);
      metrics.evaluations.inc({ result: "evaluated" });
      metrics.evaluationSeconds.observe(evaluated.milliseconds / 1000);
      await this.#finish(job, {
        outputRoot: evaluated.outputRoot,
        output: evaluated.output,
        outputUri,
        selfCheck: selfCheckOf(job, evaluated.model),
        provider: evaluated.provider,
        inferenceMilliseconds: evaluated.milliseconds,
        startedAt,
        endedAt: now(),
      });
    } catch (error) {
      this.#recordFailure(job, error);
      this.#running.delete(job.requestId);
      this.#options.onProgress();
    }
  }

  /** Results that arrive together are stored together. */
  #finish(job: Job, evaluation: Evaluation): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#finished.push({ job, evaluation, stored: resolve });
    if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(() => this.#flush());
    }
    return promise;
  }

  #flush(): void {
    this.#flushing = false;
    const batch = this.#finished;
    this.#finished = [];
    this.#options.jobs.completeEvaluations(batch.map(({ job, evaluation }) => ({ requestId: job.requestId, ...evaluation })));
    this.#options.crashPoint("after-evaluation-stored");
    for (const { job, stored } of batch) {
      this.#running.delete(job.requestId);
      this.#failures.delete(job.requestId);
      stored();
    }
    this.#options.onProgress();
  }

  #recordFailure(job: Job, error: unknown): void {
    const { jobs, log, metrics, head } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    jobs.endEvaluation(job.requestId);
    // Aborted by a stop: nothing is known against the job.
    if (this.#abort.signal.aborted) return;
    const failures = (this.#failures.get(job.requestId) ?? 0) + 1;
    this.#failures.set(job.requestId, failures);
    const retryAt = head()!.time + Math.min(longestDelay, 2 ** (failures - 1));
    switch (classify(error)) {
      case "decline":
        return this.#giveUp(jobs, job, "DECLINED", reason);
      case "crash":
        metrics.evaluations.inc({ result: "crashed" });
        log.warn({ request: job.requestId, crashes: job.crashes + 1, err: error }, "an evaluation killed its process");
        jobs.recordCrash(job.requestId, reason, retryAt);
        if (job.crashes + 1 >= crashLimit)
          this.#giveUp(jobs, job, "QUARANTINED", `${crashLimit} evaluations killed their process: ${reason}`);
        return;
      case "retry":
        metrics.evaluations.inc({ result: "postponed" });
        log.warn({ request: job.requestId, retryAt, err: error }, "an evaluation failed and is tried again");
        return jobs.postpone(job.requestId, reason, retryAt);
    }
  }

  #giveUp(jobs: JobStore, job: Job, work: "DECLINED" | "QUARANTINED", reason: string): void {
    jobs.giveUp(job.requestId, work, reason);
    this.#failures.delete(job.requestId);
    this.#options.metrics.declined.inc();
    this.#options.log.warn({ request: job.requestId, reason }, work === "DECLINED" ? "declined a request" : "quarantined a request");
  }
}

/** Errors of the runtime carry `kind`, those of the content store `retryable`. */
function classify(error: unknown): "decline" | "crash" | "retry" {
  if (error instanceof DeclinedError || error instanceof TensorError) return "decline";
  const { kind, retryable } = error as { kind?: unknown; retryable?: unknown };
  if (kind === "crashed") return "crash";
  if (kind === "declined" || kind === "timeout" || kind === "invalid") return "decline";
  return retryable === false ? "decline" : "retry";
}

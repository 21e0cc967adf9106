import { chooses, withChoices } from "../canonical/dispute/choices.ts";
import type { ModelLibrary } from "../canonical/dispute/library.ts";
import { firstWrong, type OutputRules } from "../canonical/dispute/moves.ts";
import { treeOf } from "../canonical/dispute/views.ts";
import { isStreamed } from "../canonical/evaluate.ts";
import type { Model } from "../chain/contracts.ts";
import { answerIdOf, type DisputeCalls } from "../chain/disputeCalls.ts";
import type { Moves } from "../chain/moves.ts";
import { hexOf } from "../chain/rpc.ts";
import { readBundle } from "../content/bundles.ts";
import type { Job } from "../core/job.ts";
import { nextAction, type Head, type NodePolicy } from "../core/nextAction.ts";
import type { SelfCheck } from "../core/selfCheck.ts";
import { decodeBundle, encodeBundle, type Tensor } from "../core/tensor.ts";
import { bundleRoot } from "../core/traceTree.ts";
import type { DisputeStore } from "../store/disputes.ts";
import type { JobStore } from "../store/jobs.ts";
import type { CrashPoint } from "../telemetry/crashPoint.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";

export interface SelfCheckerOptions {
  jobs: JobStore;
  disputes: DisputeStore;
  canonical: Pick<ModelLibrary, "get">;
  readModel(modelId: string): Promise<Model>;
  selfCheckOf(job: Job, model: Model): SelfCheck;
  content: { fetchBundle(uri: string, root: string, signal?: AbortSignal): Promise<Uint8Array> };
  /** Decides where an answer's bytes go. @returns its URI, or "" where they travel in the transaction. */
  publishOutput(job: Job, root: string, output: Uint8Array): Promise<string>;
  /** Undefined where the dispute contract isn't known: then no answer can be taken back. */
  calls: DisputeCalls | undefined;
  moves: Moves;
  policy(): NodePolicy;
  head(): Head | undefined;
  /** Seconds from an answer on in which nobody can challenge it; null where nobody can at all. */
  commitDelay: number | null;
  /** Called when a check has ended. */
  onProgress(): void;
  log: Logger;
  metrics: Metrics;
  crashPoint: CrashPoint;
}

/** Checks at the same time: one evaluates, one fetches. */
const concurrency = 2;
/** Seconds of chain time after which a check that failed is made again. */
const retryAfter = 5;

/** Holds the operator's own answers against the canonical ones: posts those instead, or takes back what is wrong before it is challenged. */
export class SelfChecker {
  readonly #options: SelfCheckerOptions;
  readonly #checking = new Map<string, Promise<void>>();
  readonly #retryAt = new Map<string, number>();
  #stopping = false;

  constructor(options: SelfCheckerOptions) {
    this.#options = options;
  }

  /** Starts the checks that may be started, and retracts what was found wrong. @throws ChainUnavailableError */
  async tick(): Promise<void> {
    const { jobs, log } = this.#options;
    const head = this.#options.head();
    if (head === undefined || this.#stopping) return;
    const policy = this.#options.policy();
    // Those that failed and wait must not hide others.
    const limit = 64 + this.#retryAt.size;
    for (const job of [...jobs.toCheckBefore(limit), ...jobs.toCheckAfter(policy.operator, head.time, limit)]) {
      const action = nextAction(job, head, policy);
      if (action.kind === "check") this.#start(job, head);
      else if (action.kind === "retract") await this.#retract(job, head);
      else if (action.kind === "decline") {
        jobs.giveUp(job.requestId, "DECLINED", action.reason);
        log.warn({ request: job.requestId, reason: action.reason }, "gave up an answer");
      }
    }
  }

  /** Begins nothing more and waits for the checks that run. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#checking.values());
  }

  #start(job: Job, head: Head): void {
    const { requestId } = job;
    if (this.#checking.size >= concurrency || this.#checking.has(requestId)) return;
    if ((this.#retryAt.get(requestId) ?? 0) > head.time) return;
    this.#checking.set(requestId, this.#check(job, head));
  }

  async #check(job: Job, head: Head): Promise<void> {
    const { log, onProgress, metrics } = this.#options;
    const { requestId } = job;
    try {
      if (job.status === "REQUESTED") await this.#checkBefore(job);
      else await this.#checkAfter(job);
      this.#retryAt.delete(requestId);
    } catch (error) {
      this.#retryAt.set(requestId, head.time + retryAfter);
      metrics.selfChecks.inc({ result: "failed" });
      log.error({ request: requestId, err: error }, "an own answer could not be checked; it is tried again");
    } finally {
      this.#checking.delete(requestId);
      onProgress();
    }
  }

  async #checkBefore(job: Job): Promise<void> {
    const { jobs, publishOutput, log, metrics, crashPoint } = this.#options;
    const { outputs, rules } = await this.#evaluate(job);
    const wrong = firstWrong(decodeBundle(jobs.output(job.requestId)!.bytes), outputs, rules);
    crashPoint("after-self-check");
    const output = encodeBundle(outputs);
    const outputRoot = hexOf(bundleRoot(outputs));
    jobs.completeCheckBefore(job.requestId, { outputRoot, output, outputUri: await publishOutput(job, outputRoot, output) });
    crashPoint("after-self-check-stored");
    metrics.selfChecks.inc({ result: wrong === null ? "right" : "replaced" });
    if (wrong !== null)
      log.warn({ request: job.requestId, ...wrong }, "the runtime's answer would have been wrong: posting the canonical one");
  }

  async #checkAfter(job: Job): Promise<void> {
    const { jobs, readModel, selfCheckOf } = this.#options;
    const { requestId, request } = job;
    if (job.selfCheck === null) {
      // The store was rebuilt from the chain since the answer was posted.
      const decided = selfCheckOf(job, await readModel(request.params.modelId));
      jobs.decideSelfCheck(requestId, decided);
      if (decided === "NEVER") return;
    }
    const { outputs, rules } = await this.#evaluate(job);
    const wrong = firstWrong(await this.#posted(job), outputs, rules);
    this.#options.crashPoint("after-self-check");
    jobs.completeCheckAfter(requestId, job.answer!.outputRoot, wrong === null ? "RIGHT" : "WRONG");
    this.#options.crashPoint("after-self-check-stored");
    this.#reportAfter(job, wrong);
  }

  #reportAfter({ requestId, answer }: Job, wrong: object | null): void {
    const { head, commitDelay, log, metrics } = this.#options;
    const seconds = head()!.time - answer!.submittedAt;
    metrics.selfChecks.inc({ result: wrong === null ? "right" : "wrong" });
    metrics.selfCheckDelay.observe(seconds);
    if (wrong !== null) log.warn({ request: requestId, ...wrong }, "an own answer is wrong: taking it back");
    if (commitDelay !== null && seconds >= commitDelay) {
      log.warn(
        { request: requestId, seconds, commitDelay },
        "an own answer was checked later than it can be challenged: check before posting, or answer less at a time",
      );
    }
  }

  /** A trace is kept only where there is a dispute, or for as long as choices are compared by their scores. */
  async #evaluate({ requestId, request }: Job): Promise<{ outputs: Tensor[]; rules: readonly OutputRules[] }> {
    const { canonical, jobs, content, metrics } = this.#options;
    const [{ model, rules }, inputs] = await Promise.all([
      canonical.get(request.params.modelId),
      readBundle(jobs.input(requestId), request.inputRoot, content),
    ]);
    const keeps = chooses(model.program) && !isStreamed(model.program);
    const { outputs, trace, milliseconds } = await model.evaluate(inputs, keeps ? { keep: "memory" } : {});
    metrics.selfCheckSeconds.observe(milliseconds / 1000);
    return { outputs, rules: trace === undefined ? rules : withChoices(rules, model, treeOf(trace)) };
  }

  /** @returns the tensors of the answer as it is on the chain. */
  async #posted({ requestId, answer, outputRoot }: Job): Promise<Tensor[]> {
    const { jobs, disputes, content } = this.#options;
    const own = jobs.output(requestId);
    if (own !== undefined && outputRoot === answer!.outputRoot) return decodeBundle(own.bytes);
    return readBundle(disputes.posted(requestId, answer!.outputRoot) ?? { bytes: null, uri: "" }, answer!.outputRoot, content);
  }

  async #retract({ requestId, request, status, answer, finalizableAt }: Job, head: Head): Promise<void> {
    const { moves, calls, commitDelay } = this.#options;
    if (calls === undefined) return;
    const cheapUntil = answer!.submittedAt + (commitDelay ?? 0);
    // A demand holds the window open for as long as it is.
    const possibleUntil = status === "SUSPENDED" ? null : finalizableAt;
    const deadline = head.time < cheapUntil ? cheapUntil : possibleUntil;
    const call = () => calls.retract(request, answer!);
    await moves.send({ kind: "retract", item: answerIdOf(requestId, answer!), call, deadline }, head);
  }
}

import { revertReason, type Calls, type ContractCall } from "../chain/contracts.ts";
import { NotNowError } from "../chain/fees.ts";
import { requestIdIn } from "../chain/logs.ts";
import { ChainUnavailableError, RpcError } from "../chain/rpc.ts";
import type { Sender, Settled } from "../chain/sender.ts";
import { deliveryPeriod, maxCallbackBytes, type Job } from "../core/job.ts";
import { nextAction, type Head, type NodePolicy } from "../core/nextAction.ts";
import type { JobStore } from "../store/jobs.ts";
import { isMove, type AnswerKind, type Journal } from "../store/journal.ts";
import type { CrashPoint } from "../telemetry/crashPoint.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { cutBatches, type BatchLimits, type ReadyJob } from "./batches.ts";

export interface PublisherOptions {
  jobs: JobStore;
  journal: Journal;
  sender: Sender;
  calls: Calls;
  head(): Head | undefined;
  policy(): NodePolicy;
  limits: BatchLimits;
  log: Logger;
  metrics: Metrics;
  crashPoint: CrashPoint;
}

const longestDelay = 300;

/** Puts answers on the chain, makes them final, and looks after its transactions until they are mined. */
export class Publisher {
  readonly #options: PublisherOptions;
  /** Refusals of each job, for the delay before the next try; forgotten at a restart. */
  readonly #refusals = new Map<string, number>();
  /** Jobs whose answer the chain didn't take with the bytes that this node has; forgotten at a restart. */
  readonly #undeliverable = new Set<string>();
  /** Hash of the block: after a reorganisation its number comes again. */
  #settledAt = "";
  #stopping = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Does everything that is to be done now, one transaction after another. @throws ChainUnavailableError */
  async tick(): Promise<void> {
    const head = this.#options.head();
    if (head === undefined) return;
    if (head.hash !== this.#settledAt) {
      this.#record(await this.#options.sender.settle(head));
      this.#settledAt = head.hash;
    }
    while (!this.#stopping && (await this.#sendNext("submit"))) continue;
    while (!this.#stopping && (await this.#sendNext("finalize"))) continue;
  }

  /** The current transaction is sent to its end, nothing more is begun. */
  stop(): void {
    this.#stopping = true;
  }

  /** @returns whether anything was sent or refused, so that there may be more. */
  async #sendNext(kind: AnswerKind): Promise<boolean> {
    const head = this.#options.head()!;
    const ready = kind === "submit" ? this.#readyToSubmit(head) : this.#readyToFinalize(head);
    if (ready.length === 0) return false;
    const inOne = (item: ReadyJob) => kind === "finalize" || item.outputUri === "";
    // Answers by URI go one by one: a batch carries bytes.
    const first = inOne(ready[0]!) ? ready.filter(inOne) : ready.slice(0, 1);
    const batch = cutBatches(first, this.#options.limits, ({ job, output }) => ({
      bytes: output.length,
      gas: kind === "finalize" ? job.request.params.callbackGasLimit : 0,
    }))[0]!;
    await this.#send(kind, batch, head);
    return true;
  }

  #readyToSubmit(head: Head): ReadyJob[] {
    const { jobs, log } = this.#options;
    const policy = this.#options.policy();
    const ready: ReadyJob[] = [];
    for (const job of jobs.toSubmit(head.time, 256)) {
      const action = nextAction(job, head, policy);
      if (action.kind === "decline") {
        jobs.giveUp(job.requestId, "DECLINED", action.reason);
        log.warn({ request: job.requestId, reason: action.reason }, "gave up an answer");
      } else if (action.kind === "submit") {
        const { bytes, uri } = jobs.output(job.requestId)!;
        ready.push({ job, output: bytes, outputUri: uri });
      }
      if (ready.length >= this.#options.limits.items) break;
    }
    return ready;
  }

  #readyToFinalize(head: Head): ReadyJob[] {
    const { jobs, sender } = this.#options;
    const policy = this.#options.policy();
    const ready: ReadyJob[] = [];
    for (const job of jobs.toFinalize(sender.address, head.time, 256)) {
      if (nextAction(job, head, policy).kind !== "finalize") continue;
      const output = this.#outputFor(job, head);
      if (output === undefined) {
        // Put off in the store, so that it hides no other job.
        const from = job.finalizableAt! + deliveryPeriod;
        jobs.postpone(job.requestId, `the answer can't be delivered: it is made final without its bytes from ${from} on`, from);
        continue;
      }
      ready.push({ job, output, outputUri: "" });
      if (ready.length >= this.#options.limits.items) break;
    }
    return ready;
  }

  /**
   * The bytes that make the job's answer final. An answer that can't be delivered is made final without any, which the coordinator takes
   * once the delivery period is over: what is too large for a callback, what this node has lost, and what the chain refused with its bytes.
   * @returns undefined where that period has to be waited for.
   */
  #outputFor({ requestId, request, finalizableAt }: Job, head: Head): Uint8Array | undefined {
    const none = new Uint8Array();
    if (request.params.callbackGasLimit === 0) return none;
    const bytes = this.#options.jobs.output(requestId)?.bytes;
    const deliverable = bytes !== undefined && bytes.length <= maxCallbackBytes;
    if (head.time < finalizableAt! + deliveryPeriod) return deliverable ? bytes : undefined;
    return deliverable && !this.#undeliverable.has(requestId) ? bytes : none;
  }

  #callFor(kind: AnswerKind, batch: readonly ReadyJob[]): ContractCall {
    const { calls } = this.#options;
    const [{ job, output, outputUri }] = batch as [ReadyJob];
    const requests = batch.map((item) => item.job.request);
    const outputs = batch.map((item) => item.output);
    if (kind === "finalize") {
      if (batch.length === 1) return calls.finalize(job.request, job.answer!, output);
      return calls.finalizeBatch(
        requests,
        batch.map((item) => item.job.answer!),
        outputs,
      );
    }
    if (outputUri !== "") return calls.submitByURI(job.request, job.outputRoot!, outputUri);
    return batch.length === 1 ? calls.submit(job.request, output) : calls.submitBatch(requests, outputs);
  }

  async #send(kind: AnswerKind, batch: readonly ReadyJob[], head: Head): Promise<void> {
    const { sender, jobs, log, metrics } = this.#options;
    const ids = batch.map(({ job }) => job.requestId);
    const deadline = kind === "submit" ? Math.min(...batch.map(({ job }) => job.submitDeadline)) : null;
    let sentAt: number;
    try {
      sentAt = await sender.send(kind, ids, this.#callFor(kind, batch), deadline, head);
    } catch (error) {
      if (error instanceof ChainUnavailableError) throw error;
      if (error instanceof RpcError && batch.length > 1) {
        const middle = Math.ceil(batch.length / 2);
        await this.#send(kind, batch.slice(0, middle), head);
        return this.#send(kind, batch.slice(middle), head);
      }
      if (!(error instanceof RpcError || error instanceof NotNowError)) throw error;
      const reason = (error instanceof RpcError ? revertReason(error) : undefined) ?? error.message;
      log.warn({ kind, requests: ids, reason }, "the chain would refuse this; it is tried again later");
      if (kind === "finalize" && /^(OutputMismatch|InlineBytesTooLong|Tensor)/.test(reason)) this.#undeliverable.add(ids[0]!);
      for (const id of ids) this.#postpone(id, reason, head);
      return;
    }
    jobs.markSent(ids, kind, sentAt);
    metrics.transactions.inc({ kind, outcome: "sent" });
    log.info({ kind, requests: ids.length, first: ids[0] }, "sent a transaction");
  }

  #postpone(requestId: string, reason: string, head: Head): void {
    const refusals = this.#refusals.get(requestId) ?? 0;
    this.#refusals.set(requestId, refusals + 1);
    this.#options.jobs.postpone(requestId, reason, head.time + Math.min(longestDelay, 2 ** refusals));
  }

  /** A batch leaves out what could not be done: those jobs are free to be sent again. */
  #record(settled: readonly Settled[]): void {
    const { journal, head, crashPoint } = this.#options;
    for (const { transaction, state, logs } of settled) {
      if (isMove(transaction.kind)) continue;
      const name = transaction.kind === "submit" ? "Submitted" : "Finalized";
      const done = new Set(logs.map((log) => requestIdIn(log, name)));
      const leftOut = transaction.requestIds.filter((requestId) => !done.has(requestId));
      if (state === "MINED" && leftOut.length > 0) journal.freeItems(transaction.id, leftOut);
      for (const requestId of leftOut) {
        if (state === "MINED" && transaction.kind === "finalize") this.#undeliverable.add(requestId);
        this.#postpone(requestId, `transaction ${transaction.nonce} left it out`, head()!);
      }
      crashPoint(transaction.kind === "submit" ? "after-receipt-stored" : "after-finalization-receipt-stored");
    }
  }
}

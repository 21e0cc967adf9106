import { ContentError, ContentMismatchError } from "../content/contentError.ts";
import type { Job } from "../core/job.ts";
import type { Logger } from "../telemetry/log.ts";
import { Backoff } from "./backoff.ts";

export interface FetchesOptions {
  content: { fetchBundle(uri: string, root: string, signal?: AbortSignal): Promise<Uint8Array> };
  /** Where an answer's bytes, or its input's, lie; `uri` is empty where they are here. */
  placesOf(job: Job): { uri: string; root: string }[];
  /** Chain time, seconds. */
  now(): number;
  /** Called when a fetch has ended. */
  onProgress(): void;
  log: Logger;
}

/** Fetches at a time: they cost this machine little. */
const mostFetches = 64;
/** Of one operator's answers: whoever answers slowly delays its own answers only. */
const mostOfOperator = 2;
/** Milliseconds that a first try may take; each further one may take twice as long as the one before. */
const firstLimit = 60_000;
const longestLimit = 600_000;
/** Milliseconds that reading what was fetched may take. */
const longestRead = 5000;

/** Fetches what answers by URI need before they are checked, so that a slow server keeps no check from being made. */
export class Fetches {
  readonly #options: FetchesOptions;
  readonly #running = new Map<string, { operator: string; abort: AbortController; done: Promise<void> }>();
  /** With what was found where it isn't what the answer committed to. */
  readonly #fetched = new Map<string, ContentMismatchError | undefined>();
  readonly #backoff = new Backoff();

  constructor(options: FetchesOptions) {
    this.#options = options;
  }

  /** @returns whether everything that the job's answer needs has been fetched. */
  has(job: Job): boolean {
    return this.#fetched.has(keyOf(job));
  }

  /** Begins what may be begun. @param jobs whose answers lie behind URIs, the most urgent first. */
  start(jobs: readonly Job[]): void {
    const wanted = new Set(jobs.map(keyOf));
    for (const key of this.#fetched.keys()) if (!wanted.has(key)) this.#fetched.delete(key);
    // What failed before comes after what was never tried.
    const waiting = jobs.filter((job) => !this.has(job) && !this.#running.has(keyOf(job)) && !this.#waits(job));
    for (const job of waiting.sort((a, b) => this.#backoff.failures(keyOf(a)) - this.#backoff.failures(keyOf(b)))) {
      if (this.#running.size >= mostFetches) return;
      const { operator } = job.answer!;
      if ([...this.#running.values()].filter((running) => running.operator === operator).length >= mostOfOperator) continue;
      const abort = new AbortController();
      this.#running.set(keyOf(job), { operator, abort, done: this.#fetch(job, abort) });
    }
  }

  /** @returns what stands in for the content store where the job's answer is checked: it waits for no server. */
  contentFor(job: Job): FetchesOptions["content"] {
    const mismatch = this.#fetched.get(keyOf(job));
    return {
      fetchBundle: (uri, root) => {
        if (mismatch !== undefined && root === job.answer!.outputRoot) return Promise.reject(mismatch);
        return this.#options.content.fetchBundle(uri, root, AbortSignal.timeout(longestRead));
      },
    };
  }

  /** What was fetched is not there any more, or isn't needed: it is fetched anew where it is. */
  forget(job: Job): void {
    this.#fetched.delete(keyOf(job));
  }

  async stop(): Promise<void> {
    const running = [...this.#running.values()];
    for (const { abort } of running) abort.abort(new Error("the watchtower stops"));
    await Promise.all(running.map(({ done }) => done));
  }

  #waits(job: Job): boolean {
    return this.#backoff.waits(keyOf(job), this.#options.now());
  }

  async #fetch(job: Job, abort: AbortController): Promise<void> {
    const { content, placesOf, now, onProgress, log } = this.#options;
    const key = keyOf(job);
    const limit = Math.min(longestLimit, firstLimit * 2 ** this.#backoff.failures(key));
    const timer = setTimeout(() => abort.abort(new ContentError(`not there after ${limit} ms`, { retryable: true })), limit);
    let mismatch: ContentMismatchError | undefined;
    try {
      for (const { uri, root } of placesOf(job).filter((place) => place.uri !== "")) {
        try {
          await content.fetchBundle(uri, root, abort.signal);
        } catch (error) {
          // That, too, is something to be judged.
          if (!(error instanceof ContentMismatchError) || root !== job.answer!.outputRoot) throw error;
          mismatch = error;
        }
      }
      this.#fetched.set(key, mismatch);
      this.#backoff.succeed(key);
    } catch (error) {
      this.#backoff.fail(key, now());
      log.warn(
        { request: job.requestId, operator: job.answer!.operator, err: error },
        "an answer's bytes could not be fetched; it is tried again",
      );
    } finally {
      clearTimeout(timer);
      this.#running.delete(key);
      onProgress();
    }
  }
}

const keyOf = ({ requestId, answer }: Job) => `${requestId} ${answer!.outputRoot}`;

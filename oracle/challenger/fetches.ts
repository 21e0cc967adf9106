import { ContentError, ContentMismatchError } from "../content/contentError.ts";
import type { BundleName } from "../core/demandFacts.ts";
import type { Job } from "../core/job.ts";
import type { Logger } from "../telemetry/log.ts";
import { Backoff } from "./backoff.ts";

export interface FetchesOptions {
  content: { fetchBundle(uri: string, root: string, signal?: AbortSignal): Promise<Uint8Array> };
  /** Where an answer's bytes, or its input's, lie; `uri` is empty where they are here. */
  placesOf(job: Job): { uri: string; root: string; bundle: BundleName }[];
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
/** Bytes count as hidden after so many failed tries, or when so small a part of the challenge window is left. */
const mostFailures = 3;
const lastPart = 0.25;
/** Seconds of chain time for which a first try may last, or be waited for, in that part; half of that part at most. */
const longestWait = 60;
/** Milliseconds that reading what was fetched may take. */
const longestRead = 5000;

/** Fetches what answers by URI need before they are checked, so that a slow server keeps no check from being made. */
export class Fetches {
  readonly #options: FetchesOptions;
  readonly #running = new Map<string, { operator: string; abort: AbortController; done: Promise<void> }>();
  readonly #fetched = new Set<string>();
  /** What the last try did not get, and whether something else lies there. */
  readonly #missing = new Map<string, Map<BundleName, { mismatch: boolean }>>();
  /** Chain time at which each answer was first asked for, seconds. */
  readonly #wantedSince = new Map<string, number>();
  readonly #backoff = new Backoff();

  constructor(options: FetchesOptions) {
    this.#options = options;
  }

  /** @returns whether everything that the job's answer needs has been fetched. */
  has(job: Job): boolean {
    return this.#fetched.has(keyOf(job));
  }

  /**
   * @returns which of the bytes that the job's answer needs can't be got: something else lies there, they never came, or time runs out. Of an
   * operator whose servers never end, most answers are not even tried before that.
   */
  hidden(job: Job): BundleName[] {
    const key = keyOf(job);
    const missing = this.#missing.get(key);
    const last = lastPart * job.request.params.challengeWindow;
    const isLate = (job.finalizableAt ?? Infinity) - this.#options.now() < last;
    if (missing !== undefined) {
      const tried = this.#backoff.failures(key) >= mostFailures || isLate;
      return [...missing].filter(([, { mismatch }]) => mismatch || tried).map(([bundle]) => bundle);
    }
    const waited = this.#options.now() - (this.#wantedSince.get(key) ?? Infinity);
    return isLate && !this.has(job) && waited >= Math.min(longestWait, last / 2) ? this.#elsewhere(job).map(({ bundle }) => bundle) : [];
  }

  /** Begins what may be begun. @param jobs whose answers lie behind URIs, the most urgent first. */
  start(jobs: readonly Job[]): void {
    const wanted = new Set(jobs.map(keyOf));
    for (const key of [...this.#fetched, ...this.#missing.keys(), ...this.#wantedSince.keys()]) {
      if (wanted.has(key)) continue;
      this.#fetched.delete(key);
      this.#missing.delete(key);
      this.#wantedSince.delete(key);
    }
    for (const key of wanted) if (!this.#wantedSince.has(key)) this.#wantedSince.set(key, this.#options.now());
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

  /** @returns what stands in for the content store where an answer is checked: it waits for no server. */
  contentFor(): FetchesOptions["content"] {
    return { fetchBundle: (uri, root) => this.#options.content.fetchBundle(uri, root, AbortSignal.timeout(longestRead)) };
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

  #elsewhere(job: Job) {
    return this.#options.placesOf(job).filter(({ uri }) => uri !== "");
  }

  #waits(job: Job): boolean {
    return this.#backoff.waits(keyOf(job), this.#options.now());
  }

  async #fetch(job: Job, abort: AbortController): Promise<void> {
    const { content, now, onProgress, log } = this.#options;
    const key = keyOf(job);
    const limit = Math.min(longestLimit, firstLimit * 2 ** this.#backoff.failures(key));
    const timer = setTimeout(() => abort.abort(new ContentError(`not there after ${limit} ms`, { retryable: true })), limit);
    const missing = new Map<BundleName, { mismatch: boolean }>();
    try {
      for (const { uri, root, bundle } of this.#elsewhere(job)) {
        try {
          await content.fetchBundle(uri, root, abort.signal);
        } catch (error) {
          missing.set(bundle, { mismatch: error instanceof ContentMismatchError });
          log.warn(
            { request: job.requestId, operator: job.answer!.operator, bundle, err: error },
            "an answer's bytes could not be fetched; it is tried again",
          );
        }
      }
      this.#missing.set(key, missing);
      if (missing.size > 0) return this.#backoff.fail(key, now());
      this.#fetched.add(key);
      this.#backoff.succeed(key);
    } finally {
      clearTimeout(timer);
      this.#running.delete(key);
      onProgress();
    }
  }
}

const keyOf = ({ requestId, answer }: Job) => `${requestId} ${answer!.outputRoot}`;

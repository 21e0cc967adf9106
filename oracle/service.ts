/** Running, reporting and stopping: what operators' nodes and watchtowers share. */
import { setTimeout as sleep } from "node:timers/promises";
import { KeyInUseError } from "./chain/nonces.ts";
import type { Rpc } from "./chain/rpc.ts";
import { Loop } from "./core/loop.ts";
import type { ChainClock } from "./core/chainClock.ts";
import { NodeError } from "./foundation.ts";
import type { Logger } from "./telemetry/log.ts";
import { DeepReorgError, type Watcher } from "./watcher/watcher.ts";

export interface ServiceOptions {
  rpc: Rpc;
  watcher: Watcher;
  clock: ChainClock;
  /** Milliseconds from the call to stop until everything that isn't done is given up. */
  graceMs: number;
  /** Something was read or undone. */
  onBlocks(): Promise<void>;
  /** Something was read or undone, or time has passed: things may have become due. */
  onChange(): void;
  /** Ends the stages; what they wait for may be given up meanwhile. */
  stopStages(): Promise<unknown>;
  /** Called in reverse order at the end. */
  cleanup: (() => Promise<void> | void)[];
  log: Logger;
  signal?: AbortSignal | undefined;
}

/** Milliseconds between two looks at the clock, which cost nothing. */
const tickMs = 250;
/** Milliseconds that closing one part may take: a model that is being downloaded has its own, longer, idea of it. */
const longestCleanup = 1000;
/** Part of the grace period after which providers are waited for no longer. */
const patience = 0.75;

export class Service {
  readonly #options: ServiceOptions;
  readonly #finished = Promise.withResolvers<void>();
  readonly #watching: Loop;
  #second = 0;
  #look: NodeJS.Timeout | undefined;
  #tick: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#finished.promise.catch(() => undefined);
    this.#watching = new Loop(() => this.#watch(), this.report);
  }

  /** Ends when everything has stopped; rejects where it could not go on. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** For what a stage throws: it is run again, unless nothing can be trusted any more. */
  readonly report = (error: unknown): void => {
    if (error instanceof DeepReorgError || error instanceof KeyInUseError) void this.stop(new NodeError(error.message, { cause: error }));
    else if (this.#stopped === undefined) this.#options.log.error({ err: error }, "a stage failed and is run again");
  };

  /** Looks for blocks from now on. */
  run(): void {
    const { rpc, signal } = this.#options;
    rpc.watchHeads(() => this.#watching.wake());
    this.#watching.wake();
    this.#tick = setInterval(() => this.#passTime(), tickMs);
    signal?.addEventListener("abort", () => void this.stop(), { once: true });
    if (signal?.aborted) void this.stop();
  }

  stop(failure?: NodeError): Promise<void> {
    return (this.#stopped ??= this.#shutDown(failure));
  }

  async #watch(): Promise<void> {
    const { watcher, onBlocks } = this.#options;
    clearTimeout(this.#look);
    try {
      if (await watcher.sync()) {
        await onBlocks();
        this.#changed();
      }
    } finally {
      // A head that a provider announces is looked at sooner.
      clearTimeout(this.#look);
      if (this.#stopped === undefined) this.#look = setTimeout(() => this.#watching.wake(), watcher.untilNextLook());
    }
  }

  #passTime(): void {
    if (this.#options.clock.now() !== this.#second) this.#changed();
  }

  #changed(): void {
    this.#second = this.#options.clock.now();
    this.#options.onChange();
  }

  async #shutDown(failure: NodeError | undefined): Promise<void> {
    const { log, rpc, graceMs, stopStages, cleanup } = this.#options;
    log.info("stopping");
    clearTimeout(this.#look);
    clearInterval(this.#tick);
    // A provider that hangs would be waited for again and again.
    const giveUpProviders = setTimeout(() => rpc.close(), patience * graceMs);
    const outOfTime = Promise.withResolvers<void>();
    const giveUp = setTimeout(() => {
      log.warn({ graceMs }, "not everything could be ended in order in time; the next start goes on from there");
      outOfTime.resolve();
    }, graceMs);
    const stages = Promise.all([this.#watching.stop(), stopStages()]);
    stages.catch(this.report);
    await Promise.race([stages, outOfTime.promise]).catch(() => undefined);
    clearTimeout(giveUpProviders);
    clearTimeout(giveUp);
    for (const undo of cleanup.reverse()) await Promise.race([undo(), sleep(longestCleanup, undefined, { ref: false })]);
    log.info("stopped");
    if (failure === undefined) this.#finished.resolve();
    else this.#finished.reject(failure);
  }
}

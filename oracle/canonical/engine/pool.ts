/** Worker threads over one prepared program. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { Control, word } from "./control.ts";
import { ProgramError } from "../program/check.ts";
import type { Prepared } from "./prepared.ts";
import type { WorkerFailure } from "./worker.ts";

export interface PoolResult {
  /** Elements that the error bounds could not decide and exact arithmetic did. */
  exact: number;
}

/**
 * The threads wait in shared memory, so starting an evaluation costs microseconds. A pool whose worker has failed stays failed.
 * Close it when done: its threads live as long as the process otherwise.
 */
export class Pool {
  readonly #control: Control;
  readonly #workers: Worker[];
  #error: Error | undefined;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(plan: Prepared) {
    this.#control = new Control(plan.memory, plan.control, plan.tasks.length);
    // Only what threads need: descriptors and tasks, no program.
    const { memory, control, tasks, leaves, completedBy, hashedBefore, totalLeaves, levels, benches, hashScratch } = plan;
    const shared = { memory, control, tasks, leaves, completedBy, hashedBefore, totalLeaves, levels, benches, hashScratch };
    this.#workers = benches.map((_, number) => {
      return new Worker(new URL("worker.ts", import.meta.url), { execArgv: [], workerData: { plan: shared, number } });
    });
    const fail = (error: Error) => this.#fail(error);
    for (const worker of this.#workers) {
      worker.on("error", fail);
      worker.on("exit", (code) => fail(new Error(`a thread of the canonical evaluation ended with exit code ${code}`)));
      worker.on("message", (failure: WorkerFailure | null) => {
        if (failure === null) this.#waiting?.resolve();
        else fail(failure.name === "ProgramError" ? new ProgramError(failure.message) : new Error(`${failure.name}: ${failure.message}`));
      });
      worker.unref();
    }
  }

  /**
   * Evaluates what is in memory. One evaluation at a time.
   * @param file descriptor of an open file that the trace is written to, −1 for none.
   * @throws Error of the first worker that failed.
   */
  async run(file: number): Promise<PoolResult> {
    if (this.#error !== undefined) throw this.#error;
    this.#waiting = Promise.withResolvers();
    for (const worker of this.#workers) worker.ref();
    try {
      this.#control.reset(file);
      Atomics.add(this.#control.words, word.generation, 1);
      Atomics.notify(this.#control.words, word.generation);
      await this.#waiting.promise;
    } finally {
      this.#waiting = undefined;
      for (const worker of this.#workers) worker.unref();
    }
    return { exact: this.#control.words[word.exact]! };
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#waiting?.reject(this.#error);
  }

  /** Ends the threads, each after its chunk; an evaluation that is under way fails. */
  async close(): Promise<void> {
    this.#fail(new Error("the evaluator is closed; make another one"));
    const { words } = this.#control;
    const ended = this.#workers.map(async (worker) => {
      worker.ref();
      if (worker.threadId !== -1) await once(worker, "exit");
    });
    Atomics.store(words, word.closing, 1);
    Atomics.store(words, word.failed, 1);
    Atomics.add(words, word.generation, 1);
    Atomics.notify(words, word.generation);
    await Promise.all(ended);
  }
}

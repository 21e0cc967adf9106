/** The thread of one worker (`pool.ts` starts it). It sleeps in the shared memory between evaluations, so its event loop never turns. */
import { parentPort, workerData } from "node:worker_threads";
import { word } from "./control.ts";
import type { WorkerPlan } from "./prepared.ts";
import { WorkerLoop } from "./workerLoop.ts";

/** An error as it crosses threads, which strip its class. */
export interface WorkerFailure {
  name: string;
  message: string;
}

function work(): void {
  const { plan, number } = workerData as { plan: WorkerPlan; number: number };
  const control = new Int32Array(plan.memory.buffer, plan.control);
  const loop = new WorkerLoop(plan, number);
  for (let generation = 0; ;) {
    generation = loop.waitForWork(generation);
    if (Atomics.load(control, word.closing) !== 0) return;
    try {
      if (loop.run().isLast) parentPort!.postMessage(null);
    } catch (error) {
      const { name, message } = error as Error;
      parentPort!.postMessage({ name, message } satisfies WorkerFailure);
      Atomics.store(control, word.failed, 1);
      return;
    }
  }
}

// Not while modules are being evaluated: V8 brings down the process if a thread ends in the midst of that.
setImmediate(work);

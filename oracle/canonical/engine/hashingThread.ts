/** A thread that helps to hash one tree (`hashing.ts` starts it). */
import { workerData } from "node:worker_threads";
import { HashingShare, type HashingPlan } from "./hashingShare.ts";

function work(): void {
  const { plan, number } = workerData as { plan: HashingPlan; number: number };
  new HashingShare(plan, number).run();
}

// Not while modules are being evaluated: V8 brings down the process if a thread ends in the midst of that.
setImmediate(work);

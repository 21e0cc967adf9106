/** One worker's share of an evaluation. */
import { writeSync } from "node:fs";
import { leafBytes } from "../../core/traceTree.ts";
import { Control, word } from "./control.ts";
import { instantiateKernels } from "./kernels.ts";
import { depthOfPart, type WorkerPlan } from "./prepared.ts";
import { runChunk, type Bench } from "./run.ts";
import { partLeaves } from "./traceLayout.ts";

export class WorkerLoop {
  readonly #plan: WorkerPlan;
  readonly #number: number;
  readonly #control: Control;
  readonly #bench: Bench;
  readonly #bytes: Uint8Array;
  /** Instructions below this one are complete. */
  #complete = 0;

  constructor(plan: WorkerPlan, number: number) {
    const { state, scratch } = plan.benches[number]!;
    this.#plan = plan;
    this.#number = number;
    this.#control = new Control(plan.memory, plan.control, plan.tasks.length);
    this.#bytes = new Uint8Array(plan.memory.buffer);
    this.#bench = { kernels: instantiateKernels(plan.memory, state), scratch, words: new Uint32Array(plan.memory.buffer), exact: 0 };
  }

  /** Sleeps until the host starts an evaluation. @param last generation that this worker has finished. @returns the new one. */
  waitForWork(last: number): number {
    Atomics.wait(this.#control.words, word.generation, last);
    return Atomics.load(this.#control.words, word.generation);
  }

  /**
   * Computes and hashes together with the other workers, until all is done or one has failed.
   * @returns the elements that this one settled exactly, and whether it was the last to finish: the evaluation is complete then.
   */
  run(): { exact: number; isLast: boolean } {
    const isLast = this.#share();
    return { exact: this.#bench.exact, isLast };
  }

  #share(): boolean {
    const { tasks, completedBy, benches } = this.#plan;
    this.#bench.exact = 0;
    this.#complete = 0;
    for (let i = 0; i < tasks.length; i++) {
      if (!this.#awaitTurn(i)) return false;
      this.#compute(i);
    }
    if (!this.#awaitInstruction(tasks.length - 1)) return false;
    this.#complete = tasks.length;
    while (this.#hashOne()) if (this.#control.failed) return false;
    Atomics.add(this.#control.words, word.exact, this.#bench.exact);
    const finished = Atomics.add(this.#control.words, word.finished, 1) + 1;
    if (finished < benches.length) return false;
    if (Atomics.load(this.#control.words, word.hashed) !== completedBy.length) throw new Error("parts of the trace were not hashed");
    this.#hashLevels();
    return true;
  }

  /** @returns false where another worker has failed. */
  #awaitTurn(instruction: number): boolean {
    if (instruction > 0 && !this.#awaitInstruction(instruction - 1)) return false;
    this.#complete = instruction;
    while (!this.#control.hashedUpTo(this.#plan.hashedBefore[instruction]!)) {
      if (this.#control.failed) return false;
      this.#hashOne();
    }
    return true;
  }

  #awaitInstruction(instruction: number): boolean {
    const { chunks } = this.#plan.tasks[instruction]!;
    while (!this.#control.isComplete(instruction, chunks)) {
      if (this.#control.failed) return false;
      if (!this.#hashOne()) this.#control.pause(instruction, chunks);
    }
    return true;
  }

  #compute(instruction: number): void {
    const task = this.#plan.tasks[instruction]!;
    for (;;) {
      const chunk = this.#control.take(instruction);
      if (chunk >= task.chunks) return;
      if (chunk === 0) this.#clearRest(instruction);
      runChunk(this.#bench, task, chunk);
      this.#control.complete(instruction, task.chunks);
    }
  }

  /** The words behind the output's last, up to the end of its last leaf, are zeros. */
  #clearRest(instruction: number): void {
    const { out, words } = this.#plan.tasks[instruction]!;
    this.#bytes.fill(0, out + 4 * words, out + this.#plan.leaves[instruction]!.count * leafBytes);
  }

  /** Hashes one complete part. @returns false where there is none. */
  #hashOne(): boolean {
    const { completedBy } = this.#plan;
    const part = this.#control.takePart(this.#number, completedBy.length, (number) => completedBy[number]! < this.#complete);
    if (part < 0) return false;
    this.#hashPart(part);
    this.#control.completePart(this.#number);
    return true;
  }

  #hashPart(part: number): void {
    const { tasks, leaves, completedBy, totalLeaves, levels, hashScratch } = this.#plan;
    const { kernels, scratch } = this.#bench;
    const hashes = scratch + hashScratch;
    const state = hashes + 32 * partLeaves;
    const first = part * partLeaves;
    const end = Math.min(first + partLeaves, totalLeaves);
    const file = this.#control.words[word.file]!;
    let instruction = part === 0 ? 0 : completedBy[part - 1]!;
    for (let leaf = first; leaf < end;) {
      while (leaves[instruction]!.first + leaves[instruction]!.count <= leaf) instruction++;
      const from = tasks[instruction]!.out + (leaf - leaves[instruction]!.first) * leafBytes;
      let count = Math.min(end, leaves[instruction]!.first + leaves[instruction]!.count) - leaf;
      // Outputs that follow each other in memory are hashed together.
      while (leaf + count < end && tasks[instruction + 1]!.out === from + count * leafBytes) {
        instruction++;
        count = Math.min(end, leaves[instruction]!.first + leaves[instruction]!.count) - leaf;
      }
      kernels.hashLeaves(from, count, hashes + 32 * (leaf - first), state);
      if (file >= 0) this.#write(file, from, count * leafBytes, leaf * leafBytes);
      leaf += count;
    }
    kernels.subtree(hashes, end - first, depthOfPart(totalLeaves), state);
    const to = levels[0]!.address + 32 * part;
    this.#bytes.copyWithin(to, hashes, hashes + 32);
  }

  #write(file: number, from: number, length: number, position: number): void {
    for (let written = 0; written < length;) {
      written += writeSync(file, this.#bytes, from + written, length - written, position + written);
    }
  }

  #hashLevels(): void {
    const { levels, hashScratch } = this.#plan;
    const state = this.#bench.scratch + hashScratch;
    for (let i = 1; i < levels.length; i++) {
      this.#bench.kernels.hashLevel(levels[i - 1]!.address, levels[i - 1]!.nodes, levels[i]!.address, state);
    }
  }
}

/**
 * How workers share one evaluation, through 32-bit words of the shared memory and nothing else.
 *
 * Instructions run in order: an instruction's chunks are taken from a counter, and the next instruction starts when all of them are done.
 * A worker that has to wait hashes a part of the trace that is already complete.
 */

/** Numbers of the control words; `next` and `done` of each instruction follow. */
export const word = {
  /** Counts evaluations; workers sleep on it. */
  generation: 0,
  /** 1 once a worker has failed; all stop. */
  failed: 1,
  /** Parts of the trace that have been taken for hashing. */
  hashNext: 2,
  /** Workers that have finished the evaluation. */
  finished: 3,
  /** Elements settled by exact arithmetic. */
  exact: 4,
  /** File that the trace is written to, −1 for none. */
  file: 5,
  /** Parts of the trace that have been hashed. */
  hashed: 6,
  /** 1 once the threads shall end. */
  closing: 7,
  /** The part that each worker is hashing; `idle` for none. */
  hashing: 16,
} as const;

export const maxWorkers = 64;
export const idle = 0x7fffffff;
const firstCounter = word.hashing + maxWorkers;

export const controlBytes = (instructions: number) => 4 * (firstCounter + 2 * instructions);

/** Spins about this many times before it sleeps: most waits are shorter than waking up is. */
const spins = 2000;

export class Control {
  readonly words: Int32Array;
  readonly #instructions: number;

  constructor(memory: WebAssembly.Memory, address: number, instructions: number) {
    this.words = new Int32Array(memory.buffer, address, controlBytes(instructions) / 4);
    this.#instructions = instructions;
  }

  /** For the host, while all workers sleep. */
  reset(file: number): void {
    this.words.fill(0, word.failed, firstCounter + 2 * this.#instructions);
    this.words.fill(idle, word.hashing, firstCounter);
    this.words[word.file] = file;
  }

  get failed(): boolean {
    return Atomics.load(this.words, word.failed) !== 0;
  }

  /** @returns the number of a chunk that nobody else computes; at or beyond the instruction's chunks there is none left. */
  take(instruction: number): number {
    return Atomics.add(this.words, firstCounter + 2 * instruction, 1);
  }

  /** Says that a chunk is done. */
  complete(instruction: number, chunks: number): void {
    const at = firstCounter + 2 * instruction + 1;
    if (Atomics.add(this.words, at, 1) + 1 === chunks) Atomics.notify(this.words, at);
  }

  isComplete(instruction: number, chunks: number): boolean {
    return Atomics.load(this.words, firstCounter + 2 * instruction + 1) >= chunks;
  }

  /** Waits a while for the instruction; the caller asks again. */
  pause(instruction: number, chunks: number): void {
    for (let i = 0; i < spins; i++) if (this.isComplete(instruction, chunks)) return;
    const at = firstCounter + 2 * instruction + 1;
    const now = Atomics.load(this.words, at);
    if (now < chunks) Atomics.wait(this.words, at, now, 1);
  }

  /**
   * Takes the next part of the trace for hashing.
   * @param isReady whether all leaves of a part are complete. @returns its number, or −1 where none is ready.
   */
  takePart(worker: number, parts: number, isReady: (part: number) => boolean): number {
    const mine = word.hashing + worker;
    // Says "maybe any part" before it takes one, so that `hashedUpTo` never misses a part that is being hashed.
    Atomics.store(this.words, mine, 0);
    for (;;) {
      const part = Atomics.load(this.words, word.hashNext);
      if (part >= parts || !isReady(part)) {
        Atomics.store(this.words, mine, idle);
        return -1;
      }
      if (Atomics.compareExchange(this.words, word.hashNext, part, part + 1) === part) {
        Atomics.store(this.words, mine, part);
        return part;
      }
    }
  }

  completePart(worker: number): void {
    Atomics.store(this.words, word.hashing + worker, idle);
    Atomics.add(this.words, word.hashed, 1);
  }

  /** Whether all parts below `part` are hashed. */
  hashedUpTo(part: number): boolean {
    if (part === 0) return true;
    if (Atomics.load(this.words, word.hashNext) < part) return false;
    for (let worker = 0; worker < maxWorkers; worker++) if (Atomics.load(this.words, word.hashing + worker) < part) return false;
    return true;
  }
}

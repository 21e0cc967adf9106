/** The canonical evaluation: a program, its weights and inputs give outputs and a trace root, the same bits on every machine. */
import { availableParallelism } from "node:os";
import { closeSync, openSync } from "node:fs";
import type { Tensor } from "../core/tensor.ts";
import { leafBytes } from "../core/traceTree.ts";
import { Control } from "./engine/control.ts";
import { Pool } from "./engine/pool.ts";
import { checkFits, prepareProgram, type Prepared, type PrepareOptions } from "./engine/prepared.ts";
import { MemoryLimitError } from "./engine/layout.ts";
import { copyOfTrace, readLevels, readOutputs, writeInputs } from "./engine/tensors.ts";
import { WorkerLoop } from "./engine/workerLoop.ts";
import { traceLeaves } from "./program/layout.ts";
import { traceRoot } from "./program/root.ts";
import type { Program } from "./program/types.ts";
import { checkInputs } from "./reference/tensors.ts";
import { fileSource, memorySource } from "./trace/sources.ts";
import { Trace } from "./trace/trace.ts";

export { MemoryLimitError } from "./engine/layout.ts";
export { ProgramError } from "./program/check.ts";
export { InputError } from "./reference/tensors.ts";

export interface EvaluatorOptions {
  /** Threads; bits don't depend on it. All of the machine's by default. */
  workers?: number;
  /**
   * Whether outputs of instructions share memory when nobody needs them any more. By default only where the whole trace takes more than
   * 512 MiB. A streamed trace can be opened only if it was written to a file.
   */
  streamed?: boolean;
}

export interface EvaluateOptions {
  /** Keeps the trace for openings: in memory (a copy), or in a file of that name, which is overwritten. */
  keep?: "memory" | { file: string };
}

export interface Evaluation {
  outputs: Tensor[];
  traceRoot: Uint8Array;
  /** Present where `keep` asked for it; close it when done. */
  trace?: Trace;
  /** Elements of contractions and sums that binary64 could not decide and exact arithmetic did. */
  exactElements: number;
  /** Milliseconds, hashing included. */
  milliseconds: number;
}

/** Traces up to this size stay in memory whole by default. */
const residentBytes = 2 ** 29;

export interface Evaluator {
  /**
   * One evaluation at a time: a second call waits for the first. After a ProgramError, or after a thread died, every call fails.
   * @throws InputError where the inputs are not the program's. @throws ProgramError where an access leaves its space.
   * @throws Error where the evaluator is closed, at once or while it runs.
   */
  evaluate(inputs: readonly Tensor[], options?: EvaluateOptions): Promise<Evaluation>;
  /** Ends the threads and frees the memory. */
  close(): Promise<void>;
}

class EngineEvaluator implements Evaluator {
  readonly #prepared: Prepared;
  readonly #pool: Pool;
  readonly #streamed: boolean;
  #last: Promise<unknown> = Promise.resolve();

  constructor(prepared: Prepared, streamed: boolean) {
    this.#prepared = prepared;
    this.#pool = new Pool(prepared);
    this.#streamed = streamed;
  }

  evaluate(inputs: readonly Tensor[], options: EvaluateOptions = {}): Promise<Evaluation> {
    const result = this.#last.then(() => this.#evaluate(inputs, options));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #evaluate(inputs: readonly Tensor[], { keep }: EvaluateOptions): Promise<Evaluation> {
    const { program, totalLeaves } = this.#prepared;
    checkInputs(program.inputs, inputs);
    if (keep === "memory" && this.#streamed) throw new MemoryLimitError("a streamed trace is kept in a file, not in memory; name a file");
    const started = performance.now();
    writeInputs(this.#prepared, inputs);
    const file = typeof keep === "object" ? openSync(keep.file, "w+") : -1;
    const { exact } = await this.#pool.run(file).catch((error: unknown) => {
      if (file >= 0) closeSync(file);
      throw error;
    });
    const levels = readLevels(this.#prepared);
    const evaluation: Evaluation = {
      outputs: readOutputs(this.#prepared),
      traceRoot: traceRoot(totalLeaves, levels.at(-1)!),
      exactElements: exact,
      milliseconds: performance.now() - started,
    };
    if (keep === "memory") evaluation.trace = new Trace(totalLeaves, memorySource(copyOfTrace(this.#prepared)), levels);
    else if (keep !== undefined) evaluation.trace = new Trace(totalLeaves, fileSource(file), levels);
    return evaluation;
  }
}

/** @returns whether a program's trace is too large to be kept in memory, unless asked for. */
export const isStreamed = (program: Program): boolean => traceLeaves(program) * leafBytes > residentBytes;

/**
 * Checks that this engine can evaluate a program, by one thread at least, with the default options. It takes no memory for it.
 * @throws as `createEvaluator`.
 */
export function checkEvaluable(program: Program, weights: Uint32Array): void {
  checkFits(program, weights, { workers: 1, streamed: isStreamed(program) });
}

/** Every worker has an area of its own, so fewer of them may fit where many don't. */
function prepareForWorkers(program: Program, weights: Uint32Array, options: PrepareOptions): Prepared {
  try {
    return prepareProgram(program, weights, options);
  } catch (error) {
    if (!(error instanceof MemoryLimitError) || options.workers === 1) throw error;
    return prepareForWorkers(program, weights, { ...options, workers: Math.floor(options.workers / 2) });
  }
}

/**
 * Makes a program ready: weights are packed once, threads started, fewer than asked for where not all fit in memory. Many evaluations share
 * one evaluator.
 * @param weights the words of the weight space, whole leaves.
 * @throws ProgramError where the program is not valid. @throws MemoryLimitError where it takes more than 4 GiB.
 */
export function createEvaluator(program: Program, weights: Uint32Array, options: EvaluatorOptions = {}): Evaluator {
  const streamed = options.streamed ?? isStreamed(program);
  const prepared = prepareForWorkers(program, weights, { workers: options.workers ?? availableParallelism(), streamed });
  return new EngineEvaluator(prepared, streamed);
}

/** One evaluation of a program that is used once. @throws as `createEvaluator` and `Evaluator.evaluate`. */
export async function evaluateProgram(
  program: Program,
  weights: Uint32Array,
  inputs: readonly Tensor[],
  options: EvaluatorOptions & EvaluateOptions = {},
): Promise<Evaluation> {
  const evaluator = createEvaluator(program, weights, options);
  try {
    return await evaluator.evaluate(inputs, options);
  } finally {
    await evaluator.close();
  }
}

/** What `evaluateHere` gives. */
export interface EvaluationHere extends Omit<Evaluation, "trace"> {
  /** All words of the trace as little-endian bytes, whole leaves. */
  trace: Uint8Array;
}

function runHere(prepared: Prepared, inputs: readonly Tensor[]): Omit<Evaluation, "trace"> {
  const started = performance.now();
  checkInputs(prepared.program.inputs, inputs);
  writeInputs(prepared, inputs);
  new Control(prepared.memory, prepared.control, prepared.tasks.length).reset(-1);
  const { exact } = new WorkerLoop(prepared, 0).run();
  return {
    outputs: readOutputs(prepared),
    traceRoot: traceRoot(prepared.totalLeaves, readLevels(prepared).at(-1)!),
    exactElements: exact,
    milliseconds: performance.now() - started,
  };
}

/**
 * Evaluates in the calling thread, which it blocks: for small programs, where starting threads would take longer.
 * @throws as `createEvaluator` and `Evaluator.evaluate`.
 */
export function evaluateHere(program: Program, weights: Uint32Array, inputs: readonly Tensor[]): EvaluationHere {
  const prepared = prepareProgram(program, weights, { workers: 1, streamed: false });
  return { ...runHere(prepared, inputs), trace: copyOfTrace(prepared) };
}

/** As `evaluateHere`, with outputs of instructions sharing memory; nothing is left of the trace but its root. */
export function evaluateStreamedHere(program: Program, weights: Uint32Array, inputs: readonly Tensor[]): Omit<Evaluation, "trace"> {
  return runHere(prepareProgram(program, weights, { workers: 1, streamed: true }), inputs);
}

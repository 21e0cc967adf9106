/** Canonical evaluations of disputed requests, each run once and kept until nobody needs it any more. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Tensor } from "../../core/tensor.ts";
import type { TreeView } from "../proof/treeView.ts";
import type { Trace } from "../trace/trace.ts";
import { withChoices } from "./choices.ts";
import type { AdjudicableModel, ModelLibrary } from "./library.ts";
import { treeOf } from "./views.ts";

export interface CanonicalAnswer extends AdjudicableModel {
  inputs: Tensor[];
  outputs: Tensor[];
  tree: TreeView;
}

type Entry = { state: "running" } | { state: "ready"; answer: CanonicalAnswer; trace: Trace } | { state: "failed"; error: Error };

export class Evaluations {
  readonly #library: ModelLibrary;
  readonly #directory: string;
  readonly #onReady: () => void;
  readonly #entries = new Map<string, Entry>();
  readonly #runs = new Map<string, Promise<void>>();

  /** @param directory for traces; may be emptied while nothing runs. @param onReady called when an evaluation has ended, well or not. */
  constructor(library: ModelLibrary, directory: string, onReady: () => void) {
    this.#library = library;
    this.#directory = directory;
    this.#onReady = onReady;
  }

  /**
   * Begins the evaluation where it hasn't begun.
   * @returns what came out, the error that ended it, or undefined while it runs.
   */
  get(requestId: string, modelId: string, inputs: () => Promise<Tensor[]>): CanonicalAnswer | Error | undefined {
    const entry = this.#entries.get(requestId);
    if (entry === undefined) {
      this.#entries.set(requestId, { state: "running" });
      const run = this.#run(requestId, modelId, inputs).finally(() => {
        this.#runs.delete(requestId);
        this.#onReady();
      });
      this.#runs.set(requestId, run);
      return undefined;
    }
    return entry.state === "ready" ? entry.answer : entry.state === "failed" ? entry.error : undefined;
  }

  /** As `get`, but waits. @throws what ended the evaluation. */
  async obtain(requestId: string, modelId: string, inputs: () => Promise<Tensor[]>): Promise<CanonicalAnswer> {
    for (;;) {
      const found = this.get(requestId, modelId, inputs);
      if (found instanceof Error) throw found;
      if (found !== undefined) return found;
      await this.#runs.get(requestId);
    }
  }

  /** Frees what an evaluation holds; one that failed is begun anew by the next `get`. */
  async release(requestId: string): Promise<void> {
    const entry = this.#entries.get(requestId);
    if (entry === undefined || entry.state === "running") return;
    this.#entries.delete(requestId);
    if (entry.state !== "ready") return;
    entry.trace.close();
    await rm(this.#file(requestId), { force: true });
  }

  /** @returns the requests whose evaluations are kept. */
  kept(): string[] {
    return [...this.#entries].filter(([, { state }]) => state !== "running").map(([requestId]) => requestId);
  }

  /** Waits for what runs and frees everything. */
  async close(): Promise<void> {
    await Promise.all(this.#runs.values());
    for (const requestId of this.kept()) await this.release(requestId);
  }

  #file(requestId: string): string {
    return join(this.#directory, requestId);
  }

  async #run(requestId: string, modelId: string, readInputs: () => Promise<Tensor[]>): Promise<void> {
    try {
      await mkdir(this.#directory, { recursive: true });
      const [adjudicable, inputs] = await Promise.all([this.#library.get(modelId), readInputs()]);
      const { outputs, trace } = await adjudicable.model.evaluate(inputs, { keep: { file: this.#file(requestId) } });
      const tree = treeOf(trace!);
      const rules = withChoices(adjudicable.rules, adjudicable.model, tree);
      this.#entries.set(requestId, { state: "ready", trace: trace!, answer: { ...adjudicable, rules, inputs, outputs, tree } });
    } catch (error) {
      this.#entries.set(requestId, { state: "failed", error: error as Error });
    }
  }
}

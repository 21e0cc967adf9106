/** The canonical programs of registered models, lowered once and held against the roots in their records. */
import { readFile } from "node:fs/promises";
import type { Tensor } from "../../core/tensor.ts";
import { keccak256 } from "../../core/traceTree.ts";
import { CanonicalModel, NotAdjudicableError } from "./model.ts";
import type { OutputRules } from "./moves.ts";

/** What is needed of a model's record. */
export interface ModelRecord {
  artifactHash: string;
  artifactURI: string;
  programRoot: string;
  weightRoot: string;
  outputs: readonly (Pick<Tensor, "dtype" | "shape"> & { deltaAbsolute: number; deltaRelative: number })[];
}

/** The record's roots are not those of the file: whoever trusts them would lose disputes about right answers. */
export class RootMismatchError extends Error {
  override name = "RootMismatchError";
  readonly retryable = false;
}

export interface AdjudicableModel {
  record: ModelRecord;
  model: CanonicalModel;
  rules: OutputRules[];
}

export interface LibraryOptions {
  readModel(modelId: string): Promise<ModelRecord>;
  fetchArtifact(uri: string, keccak256Hex: string): Promise<{ path: string }>;
  /** Threads of an evaluation. */
  workers?: number;
}

const zeroHash = `0x${"0".repeat(64)}`;

export const isAdjudicable = ({ programRoot }: Pick<ModelRecord, "programRoot">): boolean => programRoot !== zeroHash;

export class ModelLibrary {
  readonly #options: LibraryOptions;
  readonly #models = new Map<string, Promise<AdjudicableModel>>();

  constructor(options: LibraryOptions) {
    this.#options = options;
  }

  /**
   * Callers share one attempt; a failed one is forgotten.
   * @throws RootMismatchError @throws NotAdjudicableError where the model is registered without roots, or has no program.
   */
  get(modelId: string): Promise<AdjudicableModel> {
    let entry = this.#models.get(modelId);
    if (entry === undefined) {
      entry = this.#load(modelId);
      this.#models.set(modelId, entry);
      entry.catch(() => this.#models.delete(modelId));
    }
    return entry;
  }

  /** Ends every evaluator. */
  async close(): Promise<void> {
    const models = await Promise.allSettled(this.#models.values());
    for (const settled of models) if (settled.status === "fulfilled") await settled.value.model.close();
    this.#models.clear();
  }

  async #load(modelId: string): Promise<AdjudicableModel> {
    const record = await this.#options.readModel(modelId);
    if (!isAdjudicable(record)) throw new NotAdjudicableError(`model ${modelId} is registered without a canonical program`);
    const { path } = await this.#options.fetchArtifact(record.artifactURI, record.artifactHash);
    const file = await readFile(path);
    const found = `0x${Buffer.from(keccak256(file)).toString("hex")}`;
    if (found !== record.artifactHash)
      throw new RootMismatchError(`the cached file of model ${modelId} was changed: it has the hash ${found}`);
    const model = CanonicalModel.ofOnnx(file, this.#options.workers);
    for (const name of ["programRoot", "weightRoot"] as const) {
      if (model[name] !== record[name])
        throw new RootMismatchError(
          `model ${modelId} is registered with the ${name} ${record[name]}, its file lowers to ${model[name]}: don't serve it`,
        );
    }
    const rules = record.outputs.map(({ dtype, shape, deltaAbsolute, deltaRelative }) => ({
      dtype,
      shape,
      tolerance: { absolute: deltaAbsolute, relative: deltaRelative },
    }));
    return { record, model, rules };
  }
}

import type { Model } from "../chain/contracts.ts";

/** Where files come from; see content/contentStore.ts. */
export interface ContentSource {
  fetchArtifact(uri: string, keccak256Hex: string, signal?: AbortSignal): Promise<{ hash: string; path: string; bytes: number }>;
  fetchBundle(uri: string, root: string, signal?: AbortSignal): Promise<Uint8Array>;
}

/** What is needed of the runtime to have a model ready. */
export interface ModelLoader {
  load(artifact: { hash: string; path: string }): Promise<{ provider: string }>;
}

/** Model records, each read once, and again after a failure; their artifacts are fetched and loaded by those who keep them. */
export class ModelCache {
  readonly #models = new Map<string, Promise<Model>>();
  readonly #known = new Map<string, Model>();
  readonly #readModel: (modelId: string) => Promise<Model>;
  readonly #content: ContentSource;
  readonly #runtime: ModelLoader;

  /** @param check refuses a record that this node must not answer by; made once for each model. */
  constructor(
    readModel: (modelId: string) => Promise<Model>,
    content: ContentSource,
    runtime: ModelLoader,
    check: (modelId: string, model: Model) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#readModel = async (modelId) => {
      const model = await readModel(modelId);
      await check(modelId, model);
      this.#known.set(modelId, model);
      return model;
    };
    this.#content = content;
    this.#runtime = runtime;
  }

  /** @returns the model's record, checked. */
  record(modelId: string): Promise<Model> {
    return remember(this.#models, modelId, () => this.#readModel(modelId));
  }

  /** @returns the model's record where it was read before. */
  known(modelId: string): Model | undefined {
    return this.#known.get(modelId);
  }

  /** @returns the model's record and the hash under which the runtime has it loaded. */
  async get(modelId: string): Promise<{ model: Model; artifactHash: string }> {
    const model = await this.record(modelId);
    // Both cost next to nothing the second time, and a file that was damaged since is fetched again before a new child reads it.
    const artifact = await this.#content.fetchArtifact(model.artifactURI, model.artifactHash);
    await this.#runtime.load(artifact);
    return { model, artifactHash: artifact.hash };
  }
}

/** Callers share one attempt; a failed one is forgotten. */
function remember<T>(cache: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  let entry = cache.get(key);
  if (entry === undefined) {
    entry = make();
    cache.set(key, entry);
    entry.catch(() => cache.delete(key));
  }
  return entry;
}

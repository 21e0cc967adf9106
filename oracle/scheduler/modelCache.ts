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

/** Model records and loaded artifacts: each is read, fetched and loaded once, and again after a failure. */
export class ModelCache {
  readonly #models = new Map<string, Promise<Model>>();
  readonly #loaded = new Map<string, Promise<string>>();
  readonly #readModel: (modelId: string) => Promise<Model>;
  readonly #content: ContentSource;
  readonly #runtime: ModelLoader;

  constructor(readModel: (modelId: string) => Promise<Model>, content: ContentSource, runtime: ModelLoader) {
    this.#readModel = readModel;
    this.#content = content;
    this.#runtime = runtime;
  }

  /** @returns the model's record and the hash under which the runtime has it loaded. */
  async get(modelId: string): Promise<{ model: Model; artifactHash: string }> {
    const model = await remember(this.#models, modelId, () => this.#readModel(modelId));
    const artifactHash = await remember(this.#loaded, model.artifactHash, async () => {
      const artifact = await this.#content.fetchArtifact(model.artifactURI, model.artifactHash);
      await this.#runtime.load(artifact);
      return artifact.hash;
    });
    return { model, artifactHash };
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

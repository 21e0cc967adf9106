/** Inference with limits: models run in child processes that can be killed, on the first execution provider that works. */
import { mkdtemp, rmdir } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "../core/tensor.ts";
import { ChildHost, type HostOptions, type Task } from "./childProcess.ts";
import type { ArtifactFile, Loaded, Ran } from "./protocol.ts";
import { RuntimeError } from "./runtimeError.ts";

export type { ArtifactFile, FaultKind, Loaded, Ran, TensorInfo } from "./protocol.ts";
export { RuntimeError } from "./runtimeError.ts";

/** The part of a pino logger that is used. */
export interface RuntimeLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface RuntimeOptions {
  /** Execution providers in the order in which they are tried: "cuda", "webgpu", "cpu". The CPU is the last resort only where it is named. */
  providers: string[];
  /** Child processes; each keeps its own copy of every loaded model. */
  workers: number;
  /** Memory that one child may use, in bytes. */
  memoryLimitBytes: number;
  log: RuntimeLog;
  /** Longest time to load a model, in milliseconds. Default: 60,000. */
  loadTimeoutMs?: number;
  /** Models that a child keeps loaded; the least recently used is released. Default: 8. */
  maxModels?: number;
}

export interface RunOptions {
  /** Of the inference, from its start; queueing and loading don't count. */
  timeoutMs: number;
  signal?: AbortSignal;
}

interface QueuedTask extends Task {
  aborted: boolean;
}

export class Runtime {
  /** Those of the wanted providers that passed the self-test, in order. */
  readonly providers: readonly string[];
  readonly #hosts: ChildHost[];
  readonly #queue: QueuedTask[] = [];
  readonly #artifacts = new Map<string, { artifact: ArtifactFile; loaded: Promise<Loaded> }>();
  readonly #directory: string;
  readonly #loadTimeoutMs: number;
  #closed = false;

  /**
   * Starts the child processes and tests every provider but the CPU against it.
   * @throws RuntimeError where none of the providers works.
   */
  static async start(options: RuntimeOptions): Promise<Runtime> {
    if (options.workers < 1) throw new RuntimeError("invalid", `${options.workers} workers; at least one is needed`);
    const directory = await mkdtemp(join(tmpdir(), "assay-runtime-"));
    try {
      const hostOptions = (providers: string[]): HostOptions => ({
        providers,
        threads: Math.max(1, Math.floor(availableParallelism() / options.workers)),
        maxModels: options.maxModels ?? 8,
        memoryLimitBytes: options.memoryLimitBytes,
        loadTimeoutMs: options.loadTimeoutMs ?? 60_000,
        directory,
        notice: (message) => options.log.warn({ room: "runtime" }, message),
        idle: () => undefined,
      });
      const providers = await workingProviders(options, hostOptions);
      options.log.info({ room: "runtime", providers, workers: options.workers }, `inference runs on ${providers.join(", then ")}`);
      return new Runtime(providers, directory, options, hostOptions);
    } catch (error) {
      await rmdir(directory);
      throw error;
    }
  }

  private constructor(providers: string[], directory: string, options: RuntimeOptions, hostOptions: (providers: string[]) => HostOptions) {
    this.providers = providers;
    this.#directory = directory;
    this.#loadTimeoutMs = options.loadTimeoutMs ?? 60_000;
    const idle = () => this.#dispatch();
    this.#hosts = Array.from({ length: options.workers }, () => new ChildHost({ ...hostOptions(providers), idle }));
  }

  /**
   * Loads a model into every child. Loading what is loaded already costs nothing.
   * @param artifact a file of the content store; the child hashes what it reads and refuses another file.
   * @throws RuntimeError
   */
  load(artifact: ArtifactFile): Promise<Loaded> {
    const known = this.#artifacts.get(artifact.hash);
    if (known) return known.loaded;
    const all = this.#hosts.map(
      (host) =>
        new Promise<unknown>((resolve, reject) => {
          if (this.#closed) throw new RuntimeError("declined", "the runtime was closed");
          host.submit({ command: { type: "load", artifact }, timeoutMs: this.#loadTimeoutMs, resolve, reject });
        }),
    );
    const loaded = Promise.all(all).then(([first]) => first as Loaded);
    this.#artifacts.set(artifact.hash, { artifact, loaded });
    loaded.catch(() => this.#artifacts.delete(artifact.hash));
    return loaded;
  }

  /**
   * Runs a model that `load` has seen. Runs are spread over the children; each child does one at a time.
   * @throws RuntimeError; the signal's reason where it was aborted (a run that has begun ends by itself or at its deadline).
   */
  async run(artifactHash: string, inputs: Tensor[], { timeoutMs, signal }: RunOptions): Promise<Ran> {
    const known = this.#artifacts.get(artifactHash);
    if (!known) throw new RuntimeError("invalid", `the model ${artifactHash} was not loaded`);
    if (this.#closed) throw new RuntimeError("declined", "the runtime was closed");
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const task: QueuedTask = { command: { type: "run", artifact: known.artifact, inputs }, timeoutMs, resolve, reject, aborted: false };
    const abort = () => {
      task.aborted = true;
      reject(signal!.reason as Error);
    };
    signal?.addEventListener("abort", abort, { once: true });
    this.#queue.push(task);
    this.#dispatch();
    try {
      return (await promise) as Ran;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Gives waiting runs to the children with the least to do. */
  #dispatch(): void {
    while (this.#queue.length > 0) {
      const host = this.#hosts.filter(({ hasRoom }) => hasRoom).sort((a, b) => a.backlog - b.backlog)[0];
      if (!host) return;
      const task = this.#queue.shift()!;
      if (!task.aborted) host.submit(task);
    }
  }

  /** Ends the children; whatever has not finished is declined. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const task of this.#queue.splice(0)) task.reject(new RuntimeError("declined", "the runtime was closed"));
    await Promise.all(this.#hosts.map((host) => host.close()));
    await rmdir(this.#directory);
  }
}

/** @throws RuntimeError where none works. */
async function workingProviders({ providers, log }: RuntimeOptions, hostOptions: (providers: string[]) => HostOptions): Promise<string[]> {
  const working: string[] = [];
  const failures: string[] = [];
  for (const provider of providers) {
    const failure = provider === "cpu" ? undefined : await failureOf(provider, hostOptions([provider]));
    if (failure === undefined) working.push(provider);
    else {
      failures.push(`${provider}: ${failure}`);
      log.warn({ room: "runtime", provider }, `the execution provider ${provider} is passed over: ${failure}`);
    }
  }
  if (working.length === 0)
    throw new RuntimeError("declined", `no execution provider works (${failures.join("; ")}); add "cpu" to the list`);
  return working;
}

/** Tests a provider in a process of its own, which its driver may take down. @returns why it can't be used. */
async function failureOf(provider: string, options: HostOptions): Promise<string | undefined> {
  const host = new ChildHost(options);
  try {
    await new Promise((resolve, reject) => {
      host.submit({ command: { type: "probe", provider }, timeoutMs: options.loadTimeoutMs, resolve, reject });
    });
    return undefined;
  } catch (error) {
    if (error instanceof RuntimeError) return error.message;
    throw error;
  } finally {
    await host.close();
  }
}

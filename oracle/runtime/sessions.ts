/** Loaded models inside a child process. */
import { readFile } from "node:fs/promises";
import { env, InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { checkOnnx, OnnxError } from "../content/onnxCheck.ts";
import { dtypes, elementCount, elementsOf, type Dtype, type Tensor } from "../core/tensor.ts";
import { keccak256 } from "../core/traceTree.ts";
import type { ArtifactFile, Loaded, Ran, TensorInfo } from "./protocol.ts";
import { RuntimeError } from "./runtimeError.ts";

// What goes wrong is thrown, and said there.
env.logLevel = "fatal";

interface Model {
  session: InferenceSession;
  loaded: Loaded;
  bytes: Uint8Array;
}

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));

export function createSession(bytes: Uint8Array, provider: string, threads: number): Promise<InferenceSession> {
  return InferenceSession.create(bytes, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    // Threads that spin while they wait would take the processor from the node and from the other children.
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  });
}

/** @throws RuntimeError `invalid` where an element type can't travel on chain. */
export function infoOf(metadata: readonly InferenceSession.ValueMetadata[]): TensorInfo[] {
  return metadata.map((value) => {
    if (!value.isTensor) throw new RuntimeError("invalid", `the model's "${value.name}" is no tensor`);
    if (!Object.hasOwn(dtypes, value.type)) {
      throw new RuntimeError(
        "invalid",
        `the model's "${value.name}" holds elements of type ${value.type}; ${Object.keys(dtypes).join(", ")} can be used: add a Cast to the model`,
      );
    }
    return { name: value.name, dtype: value.type as Dtype, shape: [...value.shape] };
  });
}

export function toOrt(tensor: Tensor): OrtTensor {
  return new OrtTensor(tensor.dtype, elementsOf(tensor) as Uint8Array, tensor.shape);
}

/** @throws RuntimeError `declined` where ONNX Runtime returned another type than it announced. */
export function fromOrt(info: TensorInfo, value: OrtTensor): Tensor {
  if (value.type !== info.dtype)
    throw new RuntimeError("declined", `the model's "${info.name}" came out as ${value.type}, not ${info.dtype}`);
  const { buffer, byteOffset, byteLength } = value.data as Uint8Array;
  return { dtype: info.dtype, shape: [...value.dims], data: new Uint8Array(buffer, byteOffset, byteLength) };
}

/** Sessions by artifact hash; of `maxModels`, the least recently used is released when another is needed. */
export class Sessions {
  readonly #models = new Map<string, Model>();
  readonly #providers: string[];
  readonly #threads: number;
  readonly #maxModels: number;

  constructor({ providers, threads, maxModels }: { providers: string[]; threads: number; maxModels: number }) {
    this.#providers = providers;
    this.#threads = threads;
    this.#maxModels = maxModels;
  }

  has(hash: string): boolean {
    return this.#models.has(hash);
  }

  /**
   * Reads the file once; the bytes that are hashed are the bytes that ONNX Runtime gets.
   * @returns what the model takes and gives, and a notice where a provider had to be passed over.
   * @throws RuntimeError
   */
  async load({ hash, path }: ArtifactFile): Promise<{ loaded: Loaded; notice?: string }> {
    const known = this.#models.get(hash);
    if (known) {
      this.#models.delete(hash);
      this.#models.set(hash, known);
      return { loaded: known.loaded };
    }
    const bytes = await readChecked(hash, path);
    while (this.#models.size >= this.#maxModels) await this.#release(this.#models.keys().next().value!);
    const failures: string[] = [];
    for (const provider of this.#providers) {
      try {
        const loaded = await this.#open(hash, bytes, provider);
        return failures.length === 0 ? { loaded } : { loaded, notice: `${failures.join("; ")}; running on ${provider}` };
      } catch (error) {
        if (error instanceof RuntimeError) throw error;
        failures.push(`${provider}: ${text(error)}`);
      }
    }
    throw new RuntimeError("declined", `ONNX Runtime can't load the model ${hash}: ${failures.join("; ")}`);
  }

  async #open(hash: string, bytes: Uint8Array, provider: string): Promise<Loaded> {
    const session = await createSession(bytes, provider, this.#threads);
    try {
      const loaded = { inputs: infoOf(session.inputMetadata), outputs: infoOf(session.outputMetadata), provider };
      this.#models.set(hash, { session, loaded, bytes });
      return loaded;
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  async #release(hash: string): Promise<void> {
    const model = this.#models.get(hash);
    this.#models.delete(hash);
    await model?.session.release();
  }

  /**
   * @param hash of a model that was loaded.
   * @returns the outputs, and a notice where the run fell back to the CPU (say, the GPU was out of memory).
   * @throws RuntimeError
   */
  async run(hash: string, inputs: Tensor[]): Promise<{ ran: Ran; notice?: string }> {
    const model = this.#models.get(hash)!;
    const { provider } = model.loaded;
    try {
      return { ran: await infer(model, inputs) };
    } catch (error) {
      if (error instanceof RuntimeError) throw error;
      if (provider === "cpu" || !this.#providers.includes("cpu"))
        throw new RuntimeError("declined", `ONNX Runtime (${provider}): ${text(error)}`);
      await this.#release(hash);
      await this.#open(hash, model.bytes, "cpu");
      const ran = await infer(this.#models.get(hash)!, inputs).catch((again: unknown) => {
        throw new RuntimeError("declined", `ONNX Runtime (${provider}): ${text(error)}; (cpu): ${text(again)}`);
      });
      return { ran, notice: `${provider}: ${text(error)}; running on cpu` };
    }
  }
}

async function infer({ session, loaded }: Model, inputs: Tensor[]): Promise<Ran> {
  const feeds = Object.fromEntries(loaded.inputs.map(({ name }, i) => [name, toOrt(inputs[i]!)]));
  const started = performance.now();
  const results = await session.run(feeds);
  const milliseconds = performance.now() - started;
  return { outputs: loaded.outputs.map((info) => fromOrt(info, results[info.name]!)), provider: loaded.provider, milliseconds };
}

async function readChecked(hash: string, path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new RuntimeError("unavailable", `the model file can't be read: ${text(error)}`);
  });
  const found = `0x${Buffer.from(keccak256(bytes)).toString("hex")}`;
  if (found !== hash) throw new RuntimeError("unavailable", `${path} has the hash ${found}, not ${hash}: the file was changed`);
  try {
    checkOnnx(bytes);
  } catch (error) {
    if (error instanceof OnnxError) throw new RuntimeError("invalid", `the model ${hash} is refused: ${error.message}`);
    throw error;
  }
  return bytes;
}

/** @throws RuntimeError `invalid` naming the input that doesn't fit. */
export function checkInputs(expected: TensorInfo[], inputs: Tensor[]): void {
  if (inputs.length !== expected.length) {
    throw new RuntimeError(
      "invalid",
      `the model takes ${expected.length} inputs (${expected.map(describe).join(", ")}), not ${inputs.length}`,
    );
  }
  const open = new Map<string, number>();
  expected.forEach((info, i) => {
    const { dtype, shape, data } = inputs[i]!;
    const fits =
      dtype === info.dtype &&
      shape.length === info.shape.length &&
      data.length === elementCount(shape) * dtypes[dtype].size &&
      info.shape.every((dimension, d) => {
        if (typeof dimension === "number") return dimension === shape[d];
        if (dimension === "") return true;
        const first = open.get(dimension) ?? shape[d]!;
        open.set(dimension, first);
        return first === shape[d];
      });
    if (!fits)
      throw new RuntimeError(
        "invalid",
        `input ${i} is ${dtype}[${shape.join(", ")}] of ${data.length} bytes; the model takes ${describe(info)}`,
      );
  });
}

const describe = ({ name, dtype, shape }: TensorInfo) => `"${name}" ${dtype}[${shape.map((dimension) => dimension || "?").join(", ")}]`;

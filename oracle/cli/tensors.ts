import { mkdir, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { readJson, readNpy, readRaw, writeJson, writeNpy } from "../core/npy.ts";
import { TensorError, type Tensor } from "../core/tensor.ts";
import type { Model, TensorSpec } from "../chain/contracts.ts";
import { CliError } from "./exitCodes.ts";
import { readNamedFile } from "./files.ts";
import { specText } from "./models.ts";

/** "NAME=FILE" names the input; otherwise files go to inputs in their order. */
function splitName(text: string, specs: readonly TensorSpec[]): [name: string | undefined, file: string] {
  const at = text.indexOf("=");
  const name = text.slice(0, at);
  return at > 0 && specs.some((spec) => spec.name === name) ? [name, text.slice(at + 1)] : [undefined, text];
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError("bad-input", `${file} is no JSON: ${(error as Error).message}`, error);
  }
}

/** @throws CliError bad-input where the file doesn't hold a tensor of this name, type and shape. */
async function readTensor(file: string, spec: TensorSpec): Promise<Tensor> {
  const bytes = await readNamedFile(file);
  let tensor: Tensor;
  try {
    const kind = extname(file).toLowerCase();
    if (kind === ".npy") tensor = readNpy(bytes);
    else if (kind === ".json") tensor = readJson(parseJson(file, bytes.toString("utf8")));
    else tensor = readRaw(bytes, spec.dtype, spec.shape);
  } catch (error) {
    if (!(error instanceof TensorError)) throw error;
    throw new CliError("bad-input", `${file}: ${error.message}; the model takes ${specText(spec)}`, error);
  }
  const same =
    tensor.dtype === spec.dtype && tensor.shape.length === spec.shape.length && tensor.shape.every((d, i) => d === spec.shape[i]);
  if (!same) {
    throw new CliError(
      "bad-input",
      `${file} holds ${tensor.dtype}[${tensor.shape.join(", ")}], the model takes ${specText(spec)}; give it a tensor of that type and shape`,
    );
  }
  return tensor;
}

/**
 * Reads a model's inputs: .npy, .json ({ dtype, shape, data }) or else raw little-endian bytes.
 * @param files "FILE" in the order of the model's inputs, or "NAME=FILE".
 * @throws CliError usage or bad-input
 */
export async function readInputs(files: readonly string[], { inputs }: Pick<Model, "inputs">): Promise<Tensor[]> {
  const chosen = new Map<string, string>();
  const unnamed: string[] = [];
  for (const text of files) {
    const [name, file] = splitName(text, inputs);
    if (name === undefined) unnamed.push(file);
    else chosen.set(name, file);
  }
  for (const { name } of inputs) if (!chosen.has(name) && unnamed.length > 0) chosen.set(name, unnamed.shift()!);
  const missing = inputs.filter(({ name }) => !chosen.has(name));
  if (missing.length > 0 || unnamed.length > 0 || chosen.size !== files.length) {
    throw new CliError(
      "usage",
      `the model takes ${inputs.length} ${inputs.length === 1 ? "input" : "inputs"} (${inputs.map(specText).join("; ")}), ${files.length} given; write --input FILE or --input NAME=FILE for each`,
    );
  }
  return Promise.all(inputs.map((spec) => readTensor(chosen.get(spec.name)!, spec)));
}

/** Writes each tensor as DIR/NAME.npy. @returns the files, in order. */
export async function writeOutputs(directory: string, tensors: readonly Tensor[], names: readonly string[]): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  return Promise.all(
    tensors.map(async (tensor, i) => {
      // A model's author chooses the names: they may not lead out of the directory.
      const safe = (names[i] ?? "").replace(/[^\w.-]/g, "_").replace(/^\.+/, "_") || `output${i}`;
      const path = join(directory, `${safe}.npy`);
      await writeFile(path, writeNpy(tensor));
      return path;
    }),
  );
}

const shown = 8;

/** The first elements of a tensor, for people. */
export function preview(tensor: Tensor): string {
  const { dtype, shape, data } = writeJson(tensor);
  return `${dtype}[${shape.join(", ")}] ${data.slice(0, shown).join(" ")}${data.length > shown ? ` … (${data.length} elements)` : ""}`;
}

/** A tensor in a verb's JSON: its elements where they are few, else only how many. */
export function tensorJson(tensor: Tensor, name: string): object {
  const { dtype, shape, data } = writeJson(tensor);
  return data.length <= 4096 ? { name, dtype, shape, data } : { name, dtype, shape, elements: data.length };
}

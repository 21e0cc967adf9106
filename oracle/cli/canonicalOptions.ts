import type { Command } from "commander";
import { lower, type Lowered, type LoweringOptions } from "../canonical/lowering/lower.ts";
import { dtypes, type Dtype, type Tensor } from "../core/tensor.ts";
import { CliError } from "./exitCodes.ts";
import { inspectOnnx } from "./inspectOnnx.ts";

/** What a file leaves open and its canonical program needs. */
export interface CanonicalOptions {
  shape: string[];
  fix: string[];
}

const collect = (value: string, all: string[]) => [...all, value];

export function canonicalOptions(command: Command): Command {
  return command
    .option("--shape <name=sizes>", "the shape of an input that the file leaves open, as x=1,3,48,320 (repeatable)", collect, [])
    .option("--fix <name=number>", "make an input with one element a constant of the model, as sr=16000 (repeatable)", collect, []);
}

function split(option: string, text: string): [name: string, value: string] {
  const at = text.lastIndexOf("=");
  if (at < 1 || at === text.length - 1) throw new CliError("usage", `${option} ${text} names no input and value; write NAME=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function sizesOf(text: string): number[] {
  const sizes = text.split(",").map(Number);
  if (!sizes.every((size) => Number.isInteger(size) && size > 0 && size < 2 ** 32)) {
    throw new CliError("usage", `${text} is no shape; write positive sizes with commas between them, as 1,3,48,320`);
  }
  return sizes;
}

/** A tensor of one element. */
function constantOf(dtype: Dtype, shape: number[], text: string): Tensor {
  const value = Number(text);
  const whole = dtype !== "float32";
  if (text.trim() === "" || !Number.isFinite(value) || (whole && !Number.isSafeInteger(value))) {
    throw new CliError("usage", `${text} is no ${dtype}; write ${whole ? "a whole number" : "a number"}`);
  }
  const data = new Uint8Array(dtypes[dtype].size);
  const view = new DataView(data.buffer);
  if (dtype === "float32") view.setFloat32(0, value, true);
  else if (dtype === "int64") view.setBigInt64(0, BigInt(value), true);
  else if (dtype === "int32") view.setInt32(0, value, true);
  else data[0] = value;
  return { dtype, shape, data };
}

/**
 * @param file what the person called it.
 * @throws CliError usage where an option names no input of the model, or bad-input where the file is no model.
 */
export function loweringOptions({ shape, fix }: CanonicalOptions, file: string, bytes: Uint8Array): LoweringOptions {
  const { inputs } = inspectOnnx(file, bytes);
  const find = (option: string, name: string) => {
    const found = inputs.find((input) => input.name === name);
    if (found !== undefined) return found;
    throw new CliError("usage", `${option} names "${name}"; ${file} has the inputs ${inputs.map((input) => input.name).join(", ")}`);
  };
  const shapes: Record<string, number[]> = {};
  for (const [name, sizes] of shape.map((text) => split("--shape", text))) shapes[find("--shape", name).name] = sizesOf(sizes);
  const fixed: Record<string, Tensor> = {};
  for (const [name, value] of fix.map((text) => split("--fix", text))) {
    const { dtype, shape: dimensions } = find("--fix", name);
    const sizes = (dimensions ?? []).map((size) => (typeof size === "number" ? size : 1));
    if (!Object.hasOwn(dtypes, dtype) || sizes.some((size) => size !== 1)) {
      throw new CliError(
        "usage",
        `--fix ${name}: only an input with one element can be made a constant, this one is ${dtype}[${sizes.join(", ")}]`,
      );
    }
    fixed[name] = constantOf(dtype as Dtype, sizes, value);
  }
  return { shapes, fixed };
}

/** @throws CliError bad-input naming the nodes that have no canonical meaning. */
export function lowerFile(file: string, bytes: Uint8Array, options: LoweringOptions): Lowered {
  const lowering = lower(bytes, options);
  if (lowering.adjudicable) return lowering.lowered;
  const named = lowering.refused.slice(0, 3).map(({ node, operator, reason }) => `${node} (${operator}): ${reason}`);
  const more = lowering.refused.length > 3 ? ` and ${lowering.refused.length - 3} more` : "";
  throw new CliError(
    "bad-input",
    `${file} has no canonical program: ${named.join("; ")}${more}; \`assay model inspect\` lists everything, open shapes are given with --shape`,
  );
}

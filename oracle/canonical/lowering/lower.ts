/** ONNX file and fixed shapes → program and weights: a pure function of its input (docs/lowering.md). */
import { dtypes, type Dtype, type Tensor as CoreTensor } from "../../core/tensor.ts";
import { readModel } from "../onnx/read.ts";
import type { Model, ValueInfo } from "../onnx/graph.ts";
import { checkEvaluable, MemoryLimitError } from "../evaluate.ts";
import { checkAddresses } from "../program/addresses.ts";
import { checkProgram, ProgramError } from "../program/check.ts";
import { traceLeaves } from "../program/layout.ts";
import type { Program } from "../program/types.ts";
import { wordsPerLeaf } from "../../core/traceTree.ts";
import { TensorBuilder } from "./builder.ts";
import { isConstant } from "./constants.ts";
import { fuse } from "./fusion.ts";
import { constantFromTensor } from "./fixed.ts";
import { declareInterval } from "./intervals.ts";
import type { Value } from "./operation.ts";
import { Refusal } from "./refusal.ts";
import { Scheduler } from "./schedule.ts";
import { count, type Tensor } from "./tensors.ts";
import { Walk, type ModelWarning, type RefusedNode } from "./walk.ts";

export interface LoweringOptions {
  /** Shapes of inputs whose shape the file leaves open, by name. */
  shapes?: Record<string, number[]>;
  /** Sizes of named dimensions, by name. */
  dimensions?: Record<string, number>;
  /** Inputs that become constants (a sample rate, say), by name; they are no inputs of the program. */
  fixed?: Record<string, CoreTensor>;
}

export interface NamedTensor {
  name: string;
  dtype: Dtype;
  shape: number[];
}

export interface Lowered {
  program: Program;
  /** The weight space, whole leaves. */
  weights: Uint32Array;
  inputs: NamedTensor[];
  outputs: NamedTensor[];
  /** Words of the trace, and what they would be if nothing were fused. */
  traceWords: number;
  unfusedWords: number;
  /** Where an honest ONNX Runtime may differ from the canonical evaluation by more than rounding. */
  warnings: ModelWarning[];
  /** Terms of the longest contraction; 0 where there is none. */
  largestContraction: number;
}

export type Lowering = { adjudicable: true; lowered: Lowered } | { adjudicable: false; refused: RefusedNode[] };

const isDtype = (name: string): name is Dtype => Object.hasOwn(dtypes, name);

/** @throws Refusal naming the input whose shape isn't known. */
function inputOf({ name, element, shape }: ValueInfo, { shapes, dimensions }: LoweringOptions): NamedTensor {
  if (element === undefined || !isDtype(element))
    throw new Refusal(`it is ${element ?? "no tensor"}; inputs may be ${Object.keys(dtypes).join(", ")}`);
  const given = shapes?.[name];
  if (given !== undefined && shape !== undefined) {
    const fits = given.length === shape.length && shape.every((size, axis) => typeof size === "string" || size === given[axis]);
    if (!fits)
      throw new Refusal(`the shape [${given.join(", ")}] does not fit [${shape.map((size) => (size === "" ? "?" : size)).join(", ")}]`);
  }
  const fixed = given ?? shape?.map((size) => (typeof size === "number" ? size : dimensions?.[size]));
  if (fixed === undefined) throw new Refusal("its rank is unknown; give its shape");
  const open = fixed.findIndex((size) => size === undefined);
  if (open >= 0) throw new Refusal(`dimension ${open} ('${shape![open] === "" ? "?" : shape![open]}') is open; give the shape`);
  const sizes = fixed as number[];
  if (count(sizes) < 1) throw new Refusal(`its shape [${sizes.join(", ")}] has no elements`);
  if (count(sizes) > 2 ** 28) throw new Refusal(`its shape [${sizes.join(", ")}] has ${count(sizes)} elements; at most 2^28 are covered`);
  return { name, dtype: element, shape: sizes };
}

/** What elements of narrow types can be. */
const narrowInputs: Partial<Record<Dtype, { low: number; high: number }>> = {
  uint8: { low: 0, high: 255 },
  int8: { low: -128, high: 127 },
  bool: { low: 0, high: 1 },
};

class Inputs {
  readonly named: NamedTensor[] = [];
  readonly values = new Map<string, Value>();
  readonly refused: RefusedNode[] = [];
  readonly warnings: ModelWarning[] = [];

  constructor(model: Model, builder: TensorBuilder, options: LoweringOptions) {
    for (const info of model.graph.inputs) {
      try {
        const fixed = options.fixed?.[info.name];
        if (fixed !== undefined) {
          this.values.set(info.name, constantFromTensor(builder, fixed));
          continue;
        }
        const input = inputOf(info, options);
        const tensor = builder.input(this.named.length, input.dtype === "float32" ? "f32" : "i32", input.shape);
        this.named.push(input);
        const limits = narrowInputs[input.dtype];
        if (limits !== undefined) declareInterval(tensor, { ...limits, nan: false });
        if (input.dtype === "int64")
          this.warnings.push({
            node: info.name,
            operator: "input",
            reason: "numbers beyond 32 bits are taken as the nearest number of 32 bits; ONNX Runtime computes with all 64",
          });
        this.values.set(info.name, { element: input.dtype, tensor });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        this.refused.push({ node: info.name, operator: "input", reason: error.message });
      }
    }
  }
}

/** @throws Refusal for an output that no answer can hold. */
function outputOf(builder: TensorBuilder, name: string, { element, tensor }: Value): Translated["outputs"][number] {
  if (!isDtype(element)) throw new Refusal(`it is ${element}; outputs may be ${Object.keys(dtypes).join(", ")}`);
  if (count(tensor.shape) === 0) throw new Refusal(`its shape [${tensor.shape.join(", ")}] has no elements`);
  return { name, dtype: element, shape: tensor.shape, tensor: isConstant(tensor) ? builder.narrow(tensor) : tensor };
}

function schedule({ inputs, outputs, warnings }: Translated): Lowered {
  const tensors = outputs.map(({ tensor }) => tensor);
  const scheduler = new Scheduler(fuse(tensors), new Set(tensors));
  scheduler.run();
  const placed = outputs.map(({ dtype, shape, tensor }) => ({ dtype, shape, offset: scheduler.outputOffset(tensor) }));
  const { instructions, weights } = scheduler;
  const program: Program = {
    inputs: inputs.map(({ dtype, shape }) => ({ dtype, shape })),
    outputs: placed,
    instructions,
    weightLeaves: weights.leaves,
  };
  checkProgram(program);
  checkAddresses(program);
  return {
    program,
    weights: weights.finish(),
    inputs,
    outputs: outputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    traceWords: traceLeaves(program) * wordsPerLeaf,
    unfusedWords: scheduler.unfusedWords,
    largestContraction: scheduler.largestContraction,
    warnings,
  };
}

/** A model as tensors over the program's primitives, before they are scheduled. */
export interface Translated {
  inputs: NamedTensor[];
  outputs: (NamedTensor & { tensor: Tensor })[];
  warnings: ModelWarning[];
}

/**
 * @returns the model's tensors, or every node that keeps them from being known.
 * @throws OnnxError where the file is no model that may be read.
 */
export function translate(file: Uint8Array, options: LoweringOptions = {}): Translated | { refused: RefusedNode[] } {
  const model = readModel(file);
  const builder = new TensorBuilder();
  const inputs = new Inputs(model, builder, options);
  if (inputs.refused.length > 0) return { refused: inputs.refused };
  const walk = new Walk(builder);
  const refused: RefusedNode[] = [];
  try {
    const outputs = walk.graph(model.graph, inputs.values, new Map()).flatMap((value, i) => {
      const { name } = model.graph.outputs[i]!;
      try {
        return value === null ? [] : [outputOf(builder, name, value)];
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refused.push({ node: name, operator: "output", reason: error.message });
        return [];
      }
    });
    if (outputs.length === model.graph.outputs.length)
      return { inputs: inputs.named, outputs, warnings: [...inputs.warnings, ...walk.warnings] };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    refused.push({ node: model.graph.name, operator: "graph", reason: error.message });
  }
  return { refused: [...walk.refused, ...refused] };
}

/**
 * @returns the program, or everything that keeps the model from having one that this engine can evaluate.
 * @throws OnnxError where the file is no model that may be read.
 */
export function lower(file: Uint8Array, options: LoweringOptions = {}): Lowering {
  const translated = translate(file, options);
  if ("refused" in translated) return { adjudicable: false, refused: translated.refused };
  try {
    const lowered = schedule(translated);
    checkEvaluable(lowered.program, lowered.weights);
    return { adjudicable: true, lowered };
  } catch (error) {
    const expected = error instanceof Refusal || error instanceof ProgramError || error instanceof MemoryLimitError;
    if (!expected) throw error;
    return { adjudicable: false, refused: [{ node: "", operator: "graph", reason: error.message }] };
  }
}

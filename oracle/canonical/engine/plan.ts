/** From a program to tasks: chooses for each instruction how it is computed. The choice can't change bits. */
import { ProgramError } from "../program/check.ts";
import { outputWords } from "../program/layout.ts";
import type { Access, ContractInstruction, Instruction, MapInstruction, ReduceInstruction } from "../program/types.ts";
import { dependsOn } from "./axes.ts";
import { expressionScratch, writeAccess, writeExpression, writeWindow } from "./descriptors.ts";
import { chunkWork, planExpression, product, range, type Context, type Preparation } from "./planContext.ts";
import { planProduct } from "./planProduct.ts";
import { Scratch } from "./scratch.ts";
import type { EngineTask, LanesTask, MapTask, ReduceTask, Reduction, RowsTask } from "./tasks.ts";

export interface Planned {
  task: EngineTask;
  scratchBytes: number;
  preparations: Preparation[];
}

function planMap(context: Context, instruction: MapInstruction): MapTask {
  const { layout, locate, out, scratch } = context;
  const words = outputWords(instruction);
  const heavy = instruction.ops.filter(({ op }) => /^f(exp|log|tanh|sigmoid|erf|sin|cos)$/.test(op)).length;
  const cost = 1 + instruction.operands.length + instruction.ops.length / 2 + 20 * heavy;
  const chunkWords = Math.max(256, 256 * Math.ceil(chunkWork / cost / 256));
  return {
    kind: "map",
    out,
    words,
    chunks: Math.ceil(words / chunkWords),
    expression: writeExpression(layout, locate, instruction, false, instruction.dims, range(0, instruction.dims.length)),
    expressionScratch: scratch.take(expressionScratch(instruction)),
    chunkWords,
  };
}

/** Whether output axis `lane`, the last, can be walked in steps of one word with the same bounds everywhere. */
function isLane(access: Access, lane: number): boolean {
  return access.strides[lane] === 1 && access.bounds.every(({ terms }) => terms.every(({ axis }) => axis !== lane));
}

/** Limits what a lane-wise task gathers at a time, in words. */
const gatherWords = 2 ** 22;

function planLanes(context: Context, instruction: ContractInstruction): LanesTask | null {
  const { layout, locate, scratch, out } = context;
  const { dims, reduce, a, b, bias } = instruction;
  const lane = dims.length - 1;
  const lanes = dims[lane]!;
  const k = product(reduce);
  const sizes = [...dims, ...reduce];
  const outer = range(0, lane);
  const inner = range(dims.length, reduce.length);
  const fits = instruction.type === "f32" && lanes >= 4 && lanes * k <= gatherWords && isLane(a, lane) && b.bounds.length === 0;
  if (!fits || !dependsOn(b, lane) || outer.some((axis) => dependsOn(b, axis))) return null;
  const places = product(dims) / lanes;
  const chunkPlaces = Math.max(1, Math.round(chunkWork / 2 / (lanes * (k + 8))));
  const window = writeWindow(layout, locate, a, sizes, outer, inner, true);
  if (window === null) return null;
  const bAccess = writeAccess(layout, locate, b, sizes, [...inner, lane]);
  const wideBytes = 8 * (k + 1) * lanes;
  const widened = b.space === "weights" ? layout.reserve(wideBytes) : null;
  if (widened !== null) context.preparations.push({ kind: "widen", access: bAccess, k, lanes, to: widened });
  return {
    kind: "lanes",
    out,
    words: places * lanes,
    chunks: Math.ceil(places / chunkPlaces),
    ...planExpression(context, instruction),
    bias,
    biasArea: scratch.take(4 * chunkPlaces * lanes),
    coreArea: scratch.take(4 * chunkPlaces * lanes),
    lanes,
    k,
    a: window,
    b: bAccess,
    absent: layout.reserve(4 * lanes),
    widened,
    chunkPlaces,
    pointersArea: scratch.take((4 * 32 + 8) * k),
    gatherArea: scratch.take(widened === null ? 4 * k * lanes : 0),
    wideArea: scratch.take(widened === null ? wideBytes : 0),
    accumulatorArea: scratch.take(256),
  };
}

function planRows(context: Context, instruction: ContractInstruction): RowsTask {
  const { layout, locate, scratch, out } = context;
  const { dims, reduce, a, b } = instruction;
  const sizes = [...dims, ...reduce];
  const order = range(0, sizes.length);
  const words = outputWords(instruction);
  const k = product(reduce);
  const chunkWords = Math.max(1, Math.round(chunkWork / 3 / (k + 10)));
  const blockWords = Math.max(1, Math.min(chunkWords, Math.floor(8192 / k)));
  const rows = 4 * k * blockWords;
  const [aBounds, bBounds] = [a.bounds.length > 0, b.bounds.length > 0];
  return {
    kind: "rows",
    type: instruction.type,
    out,
    words,
    chunks: Math.ceil(words / chunkWords),
    ...planExpression(context, instruction),
    bias: instruction.bias,
    zeroA: instruction.zeroA,
    zeroB: instruction.zeroB,
    k,
    a: writeAccess(layout, locate, a, sizes, order),
    b: writeAccess(layout, locate, b, sizes, order),
    aBounds,
    bBounds,
    chunkWords,
    blockWords,
    biasArea: scratch.take(4 * chunkWords),
    coreArea: scratch.take(4 * chunkWords),
    zeroArea: scratch.take(8 * chunkWords),
    aArea: scratch.take(rows),
    bArea: scratch.take(rows),
    a2Area: scratch.take(aBounds ? rows : 0),
    b2Area: scratch.take(bBounds ? rows : 0),
    listArea: scratch.take(8 + 8 * blockWords),
    exactArea: scratch.take(256),
  };
}

const folds = { fmax: 0, fmin: 1, imax: 2, imin: 3, fmul: 4, imul: 5, iadd: 6 } as const;

function reductionOf({ type, reducer, divisor }: ReduceInstruction): Reduction {
  const real = type === "f32";
  switch (reducer) {
    case "sum":
      return real ? { kind: "sum", term: 0, divisor } : { kind: "fold", fold: folds.iadd, start: 0 };
    case "sumAbs":
      return { kind: "sum", term: 1, divisor };
    case "sumSquare":
      return { kind: "sum", term: 2, divisor };
    case "max":
      return { kind: "fold", fold: real ? folds.fmax : folds.imax, start: real ? 0xff800000 : 0x80000000 };
    case "min":
      return { kind: "fold", fold: real ? folds.fmin : folds.imin, start: real ? 0x7f800000 : 0x7fffffff };
    case "product":
      return { kind: "fold", fold: real ? folds.fmul : folds.imul, start: real ? 0x3f800000 : 1 };
    case "argmax":
    case "argmin":
    case "argmaxLast":
    case "argminLast":
      return { kind: "arg", real, least: reducer.startsWith("argmin"), last: reducer.endsWith("Last") };
  }
}

function planReduce(context: Context, instruction: ReduceInstruction): ReduceTask {
  const { layout, locate, scratch, out } = context;
  const { dims, reduce, x } = instruction;
  const reduction = reductionOf(instruction);
  const sizes = [...dims, ...reduce];
  const [outputs, inner] = [range(0, dims.length), range(dims.length, reduce.length)];
  const words = outputWords(instruction);
  const k = product(reduce);
  const last = dims.length - 1;
  const laneWise = reduction.kind === "sum" || (reduction.kind === "fold" && reduction.fold <= folds.imin);
  const lanes = laneWise && dims[last]! >= 4 && isLane(x, last) && dims[last]! * k <= gatherWords ? dims[last]! : 1;
  const chunkWords = lanes * Math.max(1, Math.round(chunkWork / 3 / (lanes * (k + 10))));
  const blockWords = lanes > 1 ? lanes : Math.max(1, Math.min(chunkWords, Math.floor(8192 / k)));
  return {
    kind: "reduce",
    reduction,
    out,
    words,
    chunks: Math.ceil(words / chunkWords),
    ...planExpression(context, instruction),
    bias: null,
    biasArea: scratch.take(4 * blockWords),
    coreArea: scratch.take(4 * chunkWords),
    k,
    lanes,
    x: writeAccess(layout, locate, x, sizes, lanes > 1 ? [...outputs.slice(0, last), ...inner, last] : [...outputs, ...inner]),
    rows: writeAccess(layout, locate, x, sizes, [...outputs, ...inner]),
    hasBounds: x.bounds.length > 0,
    chunkWords,
    blockWords,
    xArea: scratch.take(4 * k * blockWords),
    x2Area: scratch.take(reduction.kind === "arg" && x.bounds.length > 0 ? 4 * k * blockWords : 0),
    rowArea: scratch.take(lanes > 1 ? 4 * k : 0),
    accumulatorArea: scratch.take(256),
  };
}

function planCore(context: Context, instruction: Instruction): EngineTask {
  switch (instruction.kind) {
    case "input":
      return { kind: "input", out: context.out, words: outputWords(instruction), chunks: 0 };
    case "map":
      return planMap(context, instruction);
    case "contract":
      return planProduct(context, instruction) ?? planLanes(context, instruction) ?? planRows(context, instruction);
    case "reduce":
      return planReduce(context, instruction);
  }
}

/** @throws ProgramError where an access that is always in bounds leaves its space. @throws MemoryLimitError */
export function planInstruction(
  { layout, locate, out, weights }: Omit<Context, "scratch" | "preparations">,
  instruction: Instruction,
  number: number,
): Planned {
  const context: Context = { layout, locate, out, weights, scratch: new Scratch(), preparations: [] };
  try {
    const task = planCore(context, instruction);
    return { task, scratchBytes: context.scratch.bytes, preparations: context.preparations };
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    throw new ProgramError(`instruction ${number} (${instruction.kind}): ${error.message}`, { cause: error });
  }
}

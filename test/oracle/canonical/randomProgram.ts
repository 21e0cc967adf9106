/** Random valid programs: every in-bounds address lies in its space, by construction. */
import type { Dtype } from "../../../oracle/core/tensor.ts";
import { outputLeaves, outputWords } from "../../../oracle/canonical/program/layout.ts";
import { opcodes, type Opcode } from "../../../oracle/canonical/program/opcodes.ts";
import type {
  Access,
  ElementType,
  Expression,
  IndexedAccess,
  Instruction,
  Program,
  Reducer,
  Space,
  View,
} from "../../../oracle/canonical/program/types.ts";
import { floatWord, intWord, type Seeded } from "./seeded.ts";

/** Something that an access may read: the output of an earlier instruction, or a part of the weights. */
interface Region {
  space: Space;
  offset: number;
  dims: number[];
}

export interface RandomOptions {
  instructions: number;
  /** Kinds to draw from, besides the inputs. */
  kinds?: readonly ("map" | "contract" | "reduce")[];
  ops?: readonly Opcode[];
  /** Most words of an output. */
  words?: number;
  weightLeaves?: number;
}

const split = (random: Seeded, words: number): number[] => {
  const dims: number[] = [];
  let left = words;
  while (left > 1 && dims.length < 3) {
    const divisors = Array.from({ length: left }, (_, i) => i + 1).filter((d) => left % d === 0);
    const size = random.pick(divisors);
    dims.push(size);
    left /= size;
  }
  return [...dims, left];
};

/** Maps every axis of the region to one or two loop axes, bounded wherever the coordinate can leave the axis. */
function randomAccess(random: Seeded, region: Region, sizes: readonly number[]): Access {
  const strides = sizes.map(() => 0);
  const bounds: Access["bounds"] = [];
  let offset = region.offset;
  let rowStride = outputWords(region);
  for (const size of region.dims) {
    rowStride /= size;
    const axes = [...new Set(Array.from({ length: random.int(0, 2) }, () => random.int(0, sizes.length - 1)))].sort((p, q) => p - q);
    const terms = axes.map((axis) => ({ axis, factor: random.pick([1, 1, 1, 2, 3, -1]) }));
    const start = random.int(-1, Math.min(2, size - 1));
    const least = terms.reduce((sum, { axis, factor }) => sum + Math.min(0, factor * (sizes[axis]! - 1)), start);
    const most = terms.reduce((sum, { axis, factor }) => sum + Math.max(0, factor * (sizes[axis]! - 1)), start);
    offset += start * rowStride;
    for (const { axis, factor } of terms) strides[axis]! += factor * rowStride;
    if (least < 0 || most >= size) bounds.push({ start, limit: size, terms });
  }
  return { space: region.space, offset, strides, bounds };
}

function randomView(random: Seeded, regions: readonly Region[], sizes: readonly number[], number: number): View {
  const accesses = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, (): IndexedAccess => {
    const region = random.pick(regions);
    if (number === 0 || !random.oneIn(5)) return { ...randomAccess(random, region, sizes), indices: [] };
    const [limit, ...inner] = region.dims.length === 1 ? [region.dims[0]!, 1] : region.dims;
    const stride = outputWords({ dims: inner });
    const access = randomAccess(random, { ...region, dims: inner }, sizes);
    return { ...access, indices: [{ operand: random.int(0, number - 1), stride, limit: limit! }] };
  });
  return { accesses, pad: random.oneIn(2) ? 0 : floatWord(random) };
}

function randomExpression(
  random: Seeded,
  regions: readonly Region[],
  sizes: readonly number[],
  hasCore: boolean,
  ops: readonly Opcode[],
): Expression {
  const operands = Array.from({ length: random.int(hasCore ? 0 : 1, 4) }, (_, number) => randomView(random, regions, sizes, number));
  const constants = Array.from({ length: random.int(0, 2) }, () => (random.oneIn(3) ? intWord(random) : floatWord(random)));
  const first = operands.length + (hasCore ? 1 : 0) + constants.length;
  const chosen = Array.from({ length: random.int(constants.length > 0 ? 1 : 0, 6) }, (_, i) => {
    const op = random.pick(ops);
    // Chains are more telling than loose values: the last value is drawn often.
    const args = Array.from({ length: opcodes[op].arity }, () => (random.oneIn(2) ? first + i - 1 : random.int(0, first + i - 1)));
    return { op, args };
  });
  return { operands, constants, ops: chosen };
}

const floatReducers: Reducer[] = ["sum", "sumAbs", "sumSquare", "max", "min", "product", "argmax", "argmin", "argmaxLast", "argminLast"];
const intReducers = floatReducers.filter((reducer) => reducer !== "sumAbs" && reducer !== "sumSquare");

function randomInstruction(random: Seeded, regions: readonly Region[], outLeaf: number, options: RandomOptions): Instruction {
  const dims = split(random, random.int(1, options.words ?? 150));
  const ops = options.ops ?? (Object.keys(opcodes) as Opcode[]);
  const kind = random.pick(options.kinds ?? (["map", "contract", "reduce"] as const));
  const expression = randomExpression(random, regions, dims, kind !== "map", ops);
  if (kind === "map") return { kind, outLeaf, dims, ...expression };
  const reduce = split(random, random.int(1, 24)).slice(0, 3);
  const type: ElementType = random.oneIn(4) ? "i32" : "f32";
  const access = () => randomAccess(random, random.pick(regions), [...dims, ...reduce]);
  if (kind === "contract") {
    const operand = () => (expression.operands.length > 0 && random.oneIn(2) ? random.int(0, expression.operands.length - 1) : null);
    const zero = () => (type === "i32" ? operand() : null);
    return { kind, outLeaf, dims, type, reduce, bias: operand(), zeroA: zero(), zeroB: zero(), a: access(), b: access(), ...expression };
  }
  const reducer = random.pick(type === "f32" ? floatReducers : intReducers);
  const divisor = type === "f32" && reducer.startsWith("sum") ? random.pick([0, 1, 1, 3, 24, 1000003]) : 1;
  return { kind, outLeaf, dims, type, reducer, divisor, reduce, x: access(), ...expression };
}

const inputDtypes: Dtype[] = ["float32", "float32", "int32", "uint8", "int8", "bool", "int64"];

/** @returns a program that decodes, and whose in-bounds addresses all lie where they may. */
export function randomProgram(random: Seeded, options: RandomOptions): Program {
  const weightLeaves = options.weightLeaves ?? 4;
  const regions: Region[] = [{ space: "weights", offset: 0, dims: split(random, 64 * weightLeaves) }];
  const instructions: Instruction[] = [];
  let outLeaf = 0;
  const append = (instruction: Instruction) => {
    instructions.push(instruction);
    regions.push({ space: "trace", offset: 64 * outLeaf, dims: instruction.dims });
    outLeaf += outputLeaves(instruction);
  };
  const inputs = Array.from({ length: random.int(1, 2) }, () => ({
    dtype: random.pick(inputDtypes),
    shape: split(random, random.int(1, 150)),
  }));
  inputs.forEach(({ shape }, tensor) => append({ kind: "input", outLeaf, dims: [outputWords({ dims: shape })], tensor }));
  for (let i = 0; i < options.instructions; i++) append(randomInstruction(random, regions, outLeaf, options));
  const { dims, outLeaf: last } = instructions.at(-1)!;
  const outputs = [{ dtype: random.pick(inputDtypes), shape: dims, offset: 64 * last }];
  return { inputs, outputs, instructions, weightLeaves };
}

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
  /** Whether an access may read across several instructions' outputs. */
  across?: boolean;
}

/** @returns up to four sizes whose product is `words`. */
const split = (random: Seeded, words: number): number[] => {
  const dims: number[] = [];
  let left = words;
  while (left > 1 && dims.length < 3) {
    const divisors = Array.from({ length: left }, (_, i) => i + 1).filter((d) => left % d === 0 && (d > 1 || random.oneIn(4)));
    const size = random.pick(divisors);
    dims.push(size);
    left /= size;
  }
  return left > 1 || dims.length === 0 ? [...dims, left] : dims;
};

/** @returns up to four sizes with a product of at most `words`; primes are rare, so that there are often several. */
const sizes = (random: Seeded, words: number): number[] =>
  split(random, random.pick([12, 24, 36, 48, 60, 72, 96, 120].map((n) => Math.min(n, words)).concat(random.int(1, words))));

/** A matrix-like access without bounds: contiguous along some axis, each further axis behind it as long as the region lasts. */
function denseAccess(random: Seeded, region: Region, loop: readonly number[]): Access {
  const strides = loop.map(() => 0);
  let last = 0;
  let stride = 1;
  for (const { axis } of loop.map((_, axis) => ({ axis, key: random.word() })).sort((p, q) => p.key - q.key)) {
    const reach = (by: number) => last + by * (loop[axis]! - 1) < outputWords(region);
    strides[axis] = [stride, 1, 0].find(reach)!;
    last += strides[axis]! * (loop[axis]! - 1);
    stride *= loop[axis]!;
  }
  return { space: region.space, offset: region.offset + random.int(0, outputWords(region) - 1 - last), strides, bounds: [] };
}

/** Spreads the loop axes over the region's axes, each bounded wherever the coordinate can leave its axis. */
function randomAccess(random: Seeded, region: Region, loop: readonly number[]): Access {
  if (random.oneIn(2)) return denseAccess(random, region, loop);
  const strides = loop.map(() => 0);
  const bounds: Access["bounds"] = [];
  const dims = random.oneIn(2) ? region.dims : split(random, outputWords(region));
  const home = loop.map(() => (random.oneIn(6) ? -1 : random.int(0, dims.length - 1)));
  let offset = region.offset;
  let rowStride = outputWords(region);
  dims.forEach((size, dim) => {
    rowStride /= size;
    let inner = 1;
    const terms: { axis: number; factor: number }[] = [];
    for (let axis = loop.length - 1; axis >= 0; axis--) {
      if (home[axis] !== dim) continue;
      terms.unshift({ axis, factor: random.oneIn(3) ? inner : random.pick([1, 1, 2, -1]) });
      inner *= loop[axis]!;
    }
    const least = terms.reduce((sum, { axis, factor }) => sum + Math.min(0, factor * (loop[axis]! - 1)), 0);
    const start = random.oneIn(3) ? random.int(terms.length === 0 ? 0 : -2, Math.min(2, size - 1)) : random.oneIn(3) ? 0 : 0 - least;
    const most = terms.reduce((sum, { axis, factor }) => sum + Math.max(0, factor * (loop[axis]! - 1)), start);
    offset += start * rowStride;
    for (const { axis, factor } of terms) strides[axis]! += factor * rowStride;
    if (start + least < 0 || most >= size) bounds.push({ start, limit: size, terms });
  });
  return { space: region.space, offset, strides, bounds };
}

function randomView(random: Seeded, regions: readonly Region[], loop: readonly number[], number: number): View {
  const accesses = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, (): IndexedAccess => {
    const region = random.pick(regions);
    if (number === 0 || !random.oneIn(5)) return { ...randomAccess(random, region, loop), indices: [] };
    const [limit, ...inner] = region.dims.length === 1 ? [region.dims[0]!, 1] : region.dims;
    const stride = outputWords({ dims: inner });
    const access = randomAccess(random, { ...region, dims: inner }, loop);
    return { ...access, indices: [{ operand: random.int(0, number - 1), stride, limit: limit! }] };
  });
  return { accesses, pad: random.oneIn(2) ? 0 : floatWord(random) };
}

/** Operations after which most words still tell their arguments apart. */
const gentle: Opcode[] = ["fadd", "fsub", "fmul", "fdiv", "fmax", "fmin", "ftanh", "iadd", "ixor"];

function randomExpression(
  random: Seeded,
  regions: readonly Region[],
  loop: readonly number[],
  hasCore: boolean,
  ops: readonly Opcode[],
): Expression {
  const operands = Array.from({ length: random.int(hasCore ? 0 : 1, hasCore ? 3 : 4) }, (_, number) =>
    randomView(random, regions, loop, number),
  );
  const plain = hasCore && random.oneIn(2);
  const constants = Array.from({ length: plain ? 0 : random.int(0, 2) }, () => (random.oneIn(3) ? intWord(random) : floatWord(random)));
  const calm = gentle.filter((op) => ops.includes(op));
  const first = operands.length + (hasCore ? 1 : 0) + constants.length;
  const chosen = Array.from({ length: plain ? 0 : random.int(constants.length > 0 ? 1 : 0, 6) }, (_, i) => {
    const op = random.pick(calm.length > 0 && random.oneIn(2) ? calm : ops);
    // Chains tell more than loose values: every operation takes the last value, the first one an operand or the core's result.
    const last = i === 0 ? random.int(0, first - constants.length - 1) : first + i - 1;
    const args = Array.from({ length: opcodes[op].arity }, () => random.int(0, first + i - 1));
    args[random.int(0, args.length - 1)] = last;
    return { op, args };
  });
  return { operands, constants, ops: chosen };
}

const floatReducers: Reducer[] = ["sum", "sumAbs", "sumSquare", "max", "min", "product", "argmax", "argmin", "argmaxLast", "argminLast"];
const intReducers = floatReducers.filter((reducer) => reducer !== "sumAbs" && reducer !== "sumSquare");

function randomInstruction(random: Seeded, regions: readonly Region[], outLeaf: number, options: RandomOptions): Instruction {
  const dims = sizes(random, options.words ?? 150);
  const ops = options.ops ?? (Object.keys(opcodes) as Opcode[]);
  const kind = random.pick(options.kinds ?? (["map", "contract", "reduce"] as const));
  const expression = randomExpression(random, regions, dims, kind !== "map", ops);
  if (kind === "map") return { kind, outLeaf, dims, ...expression };
  const reduce = sizes(random, 24);
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
  // randomWeights fills every leaf with words of one kind.
  const leaf = (i: number): Region => ({ space: "weights", offset: 64 * i, dims: split(random, 64) });
  const regions = Array.from({ length: weightLeaves }, (_, i) => leaf(i));
  if (weightLeaves > 2) regions.push({ space: "weights", offset: 64, dims: split(random, 128) });
  const instructions: Instruction[] = [];
  let outLeaf = 0;
  const append = (instruction: Instruction) => {
    instructions.push(instruction);
    regions.push({ space: "trace", offset: 64 * outLeaf, dims: instruction.dims });
    const before = options.across === true && instructions.length > 1 ? random.pick(instructions.slice(0, -1)) : undefined;
    if (before !== undefined) {
      const words = 64 * (outLeaf - before.outLeaf) + outputWords(instruction);
      regions.push({ space: "trace", offset: 64 * before.outLeaf, dims: split(random, words) });
    }
    outLeaf += outputLeaves(instruction);
  };
  const inputs = Array.from({ length: random.int(1, 2) }, () => ({
    dtype: random.pick(inputDtypes),
    shape: sizes(random, 150),
  }));
  inputs.forEach(({ shape }, tensor) => append({ kind: "input", outLeaf, dims: [outputWords({ dims: shape })], tensor }));
  for (let i = 0; i < options.instructions; i++) append(randomInstruction(random, regions, outLeaf, options));
  const { dims, outLeaf: last } = instructions.at(-1)!;
  const outputs = [{ dtype: random.pick(inputDtypes), shape: dims, offset: 64 * last }];
  return { inputs, outputs, instructions, weightLeaves };
}

/** Writes the descriptors that the kernels read (`assembly/access.ts`, `assembly/expression.ts` fix their layout). */
import { opcodes } from "../program/opcodes.ts";
import { ProgramError } from "../program/check.ts";
import type { Access, Expression, IndexedAccess, View } from "../program/types.ts";
import { isContiguous, reach, walkOf, type Walk } from "./axes.ts";
import type { Layout } from "./layout.ts";

/** Where the words of a space lie: byte address of word 0, and the bytes [low, high) that may be read. */
export interface Region {
  base: number;
  low: number;
  high: number;
}

/** Finds the region that an access of one instruction reads. */
export type Locate = (access: Access | IndexedAccess, sizes: readonly number[]) => Region;

const maxAxes = 16;

function writeWalk(layout: Layout, walk: Walk, region: Region, indices: IndexedAccess["indices"] = []): number {
  const { axes, bounds } = walk;
  if (axes.length > maxAxes) throw new ProgramError(`an access walks ${axes.length} axes`);
  const numbers: bigint[] = [region.base + 4 * walk.offset, region.low, region.high].map(BigInt);
  numbers.push(BigInt(axes.length) | (BigInt(bounds.length) << 32n), BigInt(indices.length));
  for (const { size, stride } of axes) numbers.push(BigInt(size), BigInt(4 * stride));
  bounds.forEach(({ start, limit }, i) => numbers.push(BigInt(start), BigInt(limit), ...axes.map(({ factors }) => BigInt(factors[i]!))));
  for (const { operand, stride, limit } of indices) numbers.push(BigInt(operand), BigInt(4 * stride), BigInt(limit));
  return layout.place(new Uint8Array(BigInt64Array.from(numbers).buffer));
}

/** @param order the loop axes that the kernel walks, outermost first. @returns the descriptor's address. */
export function writeAccess(layout: Layout, locate: Locate, access: Access, sizes: readonly number[], order: readonly number[]): number {
  return writeWalk(layout, walkOf(access, sizes, order), locate(access, sizes));
}

/** Distances of a window's words, and what the inner axes add to each bound. */
interface Reach {
  runs: { distance: number; words: number }[];
  bounds: { least: number; most: number }[];
}

/** Beyond this many runs a window's description would be larger than it is worth. */
const maxRuns = 4096;

/** @param single whether each run is one word. @returns null where there would be too many runs. */
function reachOf({ axes, bounds }: Walk, single: boolean): Reach | null {
  const last = axes.at(-1)!;
  const joined = !single && last.stride === 1 ? last.size : 1;
  const outer = joined > 1 ? axes.slice(0, -1) : axes;
  const count = outer.reduce((product, { size }) => product * size, 1);
  if (count > maxRuns) return null;
  const runs = Array.from({ length: count }, (_, number) => {
    let [rest, distance] = [number, 0];
    for (const { size, stride } of [...outer].reverse()) {
      distance += (rest % size) * stride;
      rest = Math.floor(rest / size);
    }
    return { distance, words: joined };
  });
  const extremes = bounds.map((_, b) => {
    const steps = axes.map(({ size, factors }) => factors[b]! * (size - 1));
    return {
      least: steps.reduce((sum, step) => sum + Math.min(0, step), 0),
      most: steps.reduce((sum, step) => sum + Math.max(0, step), 0),
    };
  });
  return { runs, bounds: extremes };
}

/**
 * @param outer axes of the windows' places, @param inner axes of a window, each outermost first.
 * @param single whether the kernel wants the address of each word. @returns the descriptor's address; null where runs would be too many.
 */
export function writeWindow(
  layout: Layout,
  locate: Locate,
  access: Access,
  sizes: readonly number[],
  outer: readonly number[],
  inner: readonly number[],
  single: boolean,
): number | null {
  const places = walkOf(access, sizes, outer);
  const window = reachOf(walkOf(access, sizes, inner), single);
  if (window === null) return null;
  const region = locate(access, sizes);
  const { axes, bounds } = places;
  const distances = window.runs.flatMap(({ distance, words }) => [4 * distance, 4 * (distance + words - 1)]);
  const [least, most] = distances.reduce(([low, high], at) => [Math.min(low, at), Math.max(high, at)], [0, 0]);
  const k = inner.reduce((product, axis) => product * sizes[axis]!, 1);
  const fallback = writeAccess(layout, locate, access, sizes, [...outer, ...inner]);
  const numbers: bigint[] = [region.base + 4 * places.offset, region.low, region.high].map(BigInt);
  numbers.push(BigInt(axes.length) | (BigInt(bounds.length) << 32n), BigInt(least!), BigInt(most!));
  numbers.push(BigInt(window.runs.length) | (BigInt(k) << 32n), BigInt(fallback));
  for (const { size, stride } of axes) numbers.push(BigInt(size), BigInt(4 * stride));
  bounds.forEach(({ start, limit }, b) => {
    const extreme = window.bounds[b]!;
    numbers.push(...[start, limit, extreme.least, extreme.most, ...axes.map(({ factors }) => factors[b]!)].map(BigInt));
  });
  for (const { distance, words } of window.runs) numbers.push(BigInt.asUintN(32, BigInt(4 * distance)) | (BigInt(words) << 32n));
  return layout.place(new Uint8Array(BigInt64Array.from(numbers).buffer));
}

function writeView(layout: Layout, locate: Locate, { accesses, pad }: View, sizes: readonly number[], order: readonly number[]): number {
  // What stands behind an access that is always in bounds is never read.
  const always = accesses.findIndex(({ bounds, indices }) => bounds.length === 0 && indices.length === 0);
  const used = always < 0 ? accesses : accesses.slice(0, always + 1);
  const addresses = used.map((access) => writeWalk(layout, walkOf(access, sizes, order), locate(access, sizes), access.indices));
  return layout.place(new Uint8Array(Uint32Array.of(used.length, pad, ...addresses).buffer));
}

/** @throws ProgramError where the words lie outside of the region. */
export function addressOfWalk(walk: Walk, { base, low, high }: Region): number {
  const range = reach(walk);
  if (base + 4 * range.low < low || base + 4 * range.high + 4 > high) {
    throw new ProgramError(`an access reads words ${range.low} to ${range.high} of the ${walk.space}, outside of its space`);
  }
  return base + 4 * walk.offset;
}

const mode = { words: 0, view: 1, indexed: 2 } as const;

/** Added to the codes of operations that need not make NaNs canonical. */
const anyNaN = 0x80;

/** Whether nobody can tell which NaN operation `i` gives: only operations that read binary32 use it, and it isn't the output. */
function mayHoldAnyNaN(ops: Expression["ops"], first: number, i: number): boolean {
  const { code } = opcodes[ops[i]!.op];
  const readers = ops.filter(({ args }) => args.includes(first + i));
  return code <= opcodes.fmin.code && i < ops.length - 1 && readers.every(({ op }) => op.startsWith("f") || op === "toInt");
}

/** @param order the output axes in order. @returns the address of the expression's descriptor. */
export function writeExpression(
  layout: Layout,
  locate: Locate,
  expression: Expression,
  hasCore: boolean,
  sizes: readonly number[],
  order: readonly number[],
): number {
  const { operands, constants, ops } = expression;
  const words = [operands.length, hasCore ? 1 : 0, constants.length, ops.length];
  for (const view of operands) {
    const [access] = view.accesses;
    const walk = walkOf(access!, sizes, order);
    if (view.accesses.length === 1 && access!.indices.length === 0 && isContiguous(walk)) {
      words.push(mode.words, addressOfWalk(walk, locate(access!, sizes)));
    } else {
      const indexed = view.accesses.some(({ indices }) => indices.length > 0);
      words.push(indexed ? mode.indexed : mode.view, writeView(layout, locate, view, sizes, order));
    }
  }
  words.push(...constants);
  const first = operands.length + (hasCore ? 1 : 0) + constants.length;
  for (const [i, { op, args }] of ops.entries()) {
    const code = opcodes[op].code + (mayHoldAnyNaN(ops, first, i) ? anyNaN : 0);
    words.push((code | (args[0]! << 8) | ((args[1] ?? 0) << 16) | ((args[2] ?? 0) << 24)) >>> 0);
  }
  return layout.place(new Uint8Array(Uint32Array.from(words).buffer));
}

/** Scratch that evaluating the expression takes, in bytes. */
export function expressionScratch({ operands, constants, ops }: Expression): number {
  return 1024 + 1024 * (operands.length + 1 + constants.length + ops.length);
}

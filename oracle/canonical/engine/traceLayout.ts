/** Where the trace lies in memory, and which parts of it are hashed when. */
import { elementCount } from "../../core/tensor.ts";
import { leafBytes, wordsPerLeaf } from "../../core/traceTree.ts";
import { readRange } from "../program/addresses.ts";
import { outputLeaves, outputOffset, traceLeaves } from "../program/layout.ts";
import type { Access, IndexedAccess, Instruction, Program } from "../program/types.ts";
import type { Region } from "./descriptors.ts";
import type { Layout } from "./layout.ts";

/** Leaves of one part: parts are hashed as one, and the tree keeps only their tops and what is above. */
export const partLeaves = 64;
export const partDepth = 6;

export interface TraceLayout {
  /** Byte address of each instruction's output. */
  addresses: number[];
  /** For each part, the instruction that completes it. */
  completedBy: Uint32Array;
  /** For each instruction, how many parts must have been hashed before it may write. */
  hashedBefore: Uint32Array;
  /** Where the words of an access lie. */
  locate(instruction: number, access: Access | IndexedAccess, sizes: readonly number[]): Region;
}

function completedBy({ instructions }: Program): Uint32Array {
  const parts = new Uint32Array(Math.ceil(traceLeaves({ instructions }) / partLeaves));
  instructions.forEach((instruction, i) => {
    const last = instruction.outLeaf + outputLeaves(instruction) - 1;
    parts.fill(i, Math.floor(instruction.outLeaf / partLeaves), Math.floor(last / partLeaves) + 1);
  });
  return parts;
}

/** The whole trace in one piece. @throws MemoryLimitError */
export function residentTrace(program: Program, layout: Layout): TraceLayout {
  const { instructions } = program;
  const base = layout.reserve(traceLeaves(program) * leafBytes);
  return {
    addresses: instructions.map(({ outLeaf }) => base + outLeaf * leafBytes),
    completedBy: completedBy(program),
    hashedBefore: new Uint32Array(instructions.length),
    locate: (instruction) => ({ base, low: base, high: base + instructions[instruction]!.outLeaf * leafBytes }),
  };
}

type Reading = { access: Access | IndexedAccess; sizes: number[] };

function readingsOf(instruction: Instruction): Reading[] {
  if (instruction.kind === "input") return [];
  const { dims, operands } = instruction;
  const found: Reading[] = operands.flatMap(({ accesses }) => accesses.map((access) => ({ access, sizes: dims })));
  if (instruction.kind === "contract") {
    for (const access of [instruction.a, instruction.b]) found.push({ access, sizes: [...dims, ...instruction.reduce] });
  } else if (instruction.kind === "reduce") found.push({ access: instruction.x, sizes: [...dims, ...instruction.reduce] });
  return found.filter(({ access }) => access.space === "trace");
}

/** The instructions whose outputs an access may read: `from` to `to`, both included; null where it reads none. */
interface Producers {
  from: number;
  to: number;
}

function producersOf({ instructions }: Program, reader: Instruction, { access, sizes }: Reading): Producers | null {
  const range = readRange(access, "indices" in access ? access.indices : [], sizes);
  if (range === null) return null;
  // What may lie outside of the space is out of bounds in a valid program; the kernels catch it in any other.
  const [least, most] = [Math.max(0, range.least), Math.min(outputOffset(reader) - 1, range.most)];
  if (least > most) return null;
  const producerOf = (word: number) => {
    let [low, high] = [0, instructions.length - 1];
    while (low < high) {
      const between = (low + high + 1) >> 1;
      if (outputOffset(instructions[between]!) <= word) low = between;
      else high = between - 1;
    }
    return low;
  };
  return { from: producerOf(least), to: producerOf(most) };
}

/** Instructions that follow each other and whose outputs lie in memory as they do in the trace, because some access may read across them. */
interface Block {
  first: number;
  last: number;
  bytes: number;
  /** Instructions beyond this one don't need it. */
  until: number;
  /** Parts that must be hashed before it is overwritten. */
  parts: number;
  /** The host writes inputs before anything runs, so nothing may lie there earlier. */
  hasInput: boolean;
}

const lastLeaf = (instruction: Instruction) => instruction.outLeaf + outputLeaves(instruction) - 1;

function blocksOf({ instructions }: Program, readings: readonly (Producers | null)[]): Block[] {
  // How many accesses read across the border behind each instruction.
  const across = new Int32Array(instructions.length + 1);
  for (const producers of readings) {
    if (producers === null) continue;
    across[producers.from]! += 1;
    across[producers.to]! -= 1;
  }
  const blocks: Block[] = [];
  let crossing = 0;
  let first = 0;
  instructions.forEach((instruction, i) => {
    crossing += across[i]!;
    if (crossing > 0) return;
    const bytes = (lastLeaf(instruction) + 1 - instructions[first]!.outLeaf) * leafBytes;
    const hasInput = instructions.slice(first, i + 1).some(({ kind }) => kind === "input");
    blocks.push({ first, last: i, bytes, until: i, parts: Math.floor(lastLeaf(instruction) / partLeaves) + 1, hasInput });
    first = i + 1;
  });
  return blocks;
}

/** Says for each block until when it is needed: by hashing, by readers, as an output of the program. */
function keepBlocks(program: Program, blocks: readonly Block[], readers: readonly (readonly (Producers | null)[])[]): Block[] {
  const { instructions, outputs } = program;
  const complete = completedBy(program);
  const blockOf = blocks.flatMap((block) => Array.from({ length: block.last - block.first + 1 }, () => block));
  for (const block of blocks) {
    block.until = Math.max(block.last, complete[block.parts - 1]!);
    const [from, to] = [outputOffset(instructions[block.first]!), (lastLeaf(instructions[block.last]!) + 1) * wordsPerLeaf];
    const isOutput = outputs.some(({ offset, shape }) => offset < to && offset + elementCount(shape) > from);
    if (isOutput) block.until = instructions.length;
  }
  readers.forEach((readings, reader) => {
    for (const producers of readings) {
      if (producers !== null) blockOf[producers.from]!.until = Math.max(blockOf[producers.from]!.until, reader);
    }
  });
  return blockOf;
}

/** First fit: a block takes the lowest bytes that nobody needs when its first instruction runs. @returns addresses from 0 on, and their end. */
function placeBlocks(blocks: readonly Block[]): { places: Map<Block, number>; hashedBefore: Map<Block, number>; size: number } {
  const places = new Map<Block, number>();
  const hashedBefore = new Map<Block, number>();
  let size = 0;
  for (const block of blocks) {
    const needed = (other: Block) => block.hasInput || other.until >= block.first;
    const live = [...places].filter(([other]) => needed(other)).sort(([, a], [, b]) => a - b);
    let address = 0;
    for (const [other, taken] of live) {
      if (address + block.bytes <= taken) break;
      address = Math.max(address, taken + other.bytes);
    }
    let parts = 0;
    for (const [other, taken] of places) {
      const overlaps = taken < address + block.bytes && address < taken + other.bytes;
      if (overlaps && !needed(other)) parts = Math.max(parts, other.parts);
    }
    hashedBefore.set(block, parts);
    places.set(block, address);
    size = Math.max(size, address + block.bytes);
  }
  return { places, hashedBefore, size };
}

/**
 * Outputs share memory as soon as nobody needs them any more and they have been hashed, so that the trace may be larger than memory.
 * Every valid program has such a layout; one whose accesses read across many outputs saves little.
 * @throws MemoryLimitError
 */
export function streamedTrace(program: Program, layout: Layout): TraceLayout {
  const { instructions } = program;
  const readers = instructions.map((instruction) => readingsOf(instruction).map((reading) => producersOf(program, instruction, reading)));
  const blocks = blocksOf(program, readers.flat());
  const blockOf = keepBlocks(program, blocks, readers);
  const { places, hashedBefore, size } = placeBlocks(blocks);
  const base = layout.reserve(size);
  const addressOf = (block: Block) => base + places.get(block)!;
  const baseOf = (block: Block) => addressOf(block) - instructions[block.first]!.outLeaf * leafBytes;
  return {
    addresses: instructions.map(({ outLeaf }, i) => baseOf(blockOf[i]!) + outLeaf * leafBytes),
    completedBy: completedBy(program),
    hashedBefore: Uint32Array.from(instructions, (_, i) => hashedBefore.get(blockOf[i]!)!),
    locate: (number, access, sizes) => {
      const producers = producersOf(program, instructions[number]!, { access, sizes: [...sizes] });
      if (producers === null) return { base: 0, low: 0, high: 0 };
      const block = blockOf[producers.from]!;
      const low = addressOf(block);
      // Its own output, and what comes after it, an instruction may not read.
      const high = Math.min(low + block.bytes, baseOf(block) + instructions[number]!.outLeaf * leafBytes);
      return { base: baseOf(block), low, high };
    },
  };
}

/** Where the trace lies in memory, and which parts of it are hashed when. */
import { leafBytes } from "../../core/traceTree.ts";
import { outputLeaves, traceLeaves } from "../program/layout.ts";
import { ProgramError } from "../program/check.ts";
import type { Access, Program } from "../program/types.ts";
import { walkOf } from "./axes.ts";
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
  locate(instruction: number, access: Access, sizes: readonly number[]): Region;
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

function accessesOf(program: Program, number: number): { access: Access; sizes: number[] }[] {
  const instruction = program.instructions[number]!;
  if (instruction.kind === "input") return [];
  const { dims, operands } = instruction;
  const found = operands.flatMap(({ accesses }) => accesses.map((access) => ({ access: access as Access, sizes: dims })));
  if (instruction.kind === "contract") {
    for (const access of [instruction.a, instruction.b]) found.push({ access, sizes: [...dims, ...instruction.reduce] });
  } else if (instruction.kind === "reduce") found.push({ access: instruction.x, sizes: [...dims, ...instruction.reduce] });
  return found.filter(({ access }) => access.space === "trace");
}

/** The instruction whose output the access reads in the middle of its loop space, where padding is unlikely. */
function producerOf({ instructions }: Program, number: number, access: Access, sizes: readonly number[]): number {
  const order = sizes.map((_, axis) => axis);
  const { offset, axes } = walkOf(access, sizes, order);
  const middle = axes.reduce((at, { size, stride }) => at + Math.floor(size / 2) * stride, offset);
  const leaf = Math.floor((4 * middle) / leafBytes);
  let [low, high] = [0, number - 1];
  while (low < high) {
    const between = (low + high + 1) >> 1;
    if (instructions[between]!.outLeaf <= leaf) low = between;
    else high = between - 1;
  }
  if (high < 0) throw new ProgramError(`instruction ${number} reads the trace in front of all instructions`);
  return low;
}

interface Placed {
  address: number;
  bytes: number;
  /** Instructions beyond this one don't need it. */
  until: number;
  /** Parts that must be hashed before it is overwritten. */
  parts: number;
}

/**
 * Outputs share memory as soon as nobody needs them any more and they have been hashed, so that the trace may be larger than memory.
 * An access must read one instruction's output only: one that reads across outputs ends in a ProgramError at evaluation.
 */
export function streamedTrace(program: Program, layout: Layout): TraceLayout {
  const { instructions } = program;
  const complete = completedBy(program);
  const until = instructions.map((instruction, i) => {
    const lastPart = Math.floor((instruction.outLeaf + outputLeaves(instruction) - 1) / partLeaves);
    return Math.max(i, complete[lastPart]!);
  });
  instructions.forEach((_, i) => {
    for (const { access, sizes } of accessesOf(program, i)) {
      const producer = producerOf(program, i, access, sizes);
      until[producer] = Math.max(until[producer]!, i);
    }
  });
  instructions.forEach((instruction, i) => {
    const [from, to] = [instruction.outLeaf * 64, (instruction.outLeaf + outputLeaves(instruction)) * 64];
    const isOutput = program.outputs.some(({ offset, shape }) => offset < to && offset + shape.reduce((a, b) => a * b, 1) > from);
    // The host writes inputs before anything runs, so nothing may lie there earlier; they come first in every program that a lowering makes.
    if (isOutput) until[i] = instructions.length;
  });
  const placed: Placed[] = [];
  const hashedBefore = new Uint32Array(instructions.length);
  let size = 0;
  instructions.forEach((instruction, i) => {
    const bytes = outputLeaves(instruction) * leafBytes;
    const isInput = instruction.kind === "input";
    const live = placed.filter((other) => isInput || other.until >= i).sort((a, b) => a.address - b.address);
    let address = 0;
    for (const other of live) {
      if (address + bytes <= other.address) break;
      address = Math.max(address, other.address + other.bytes);
    }
    for (const other of placed) {
      if (other.until < i && other.address < address + bytes && address < other.address + other.bytes) {
        hashedBefore[i] = Math.max(hashedBefore[i]!, other.parts);
      }
    }
    const lastPart = Math.floor((instruction.outLeaf + outputLeaves(instruction) - 1) / partLeaves);
    placed.push({ address, bytes, until: until[i]!, parts: lastPart + 1 });
    size = Math.max(size, address + bytes);
  });
  const base = layout.reserve(size);
  const addresses = placed.map(({ address }) => base + address);
  return {
    addresses,
    completedBy: complete,
    hashedBefore,
    locate: (number, access, sizes) => {
      const producer = producerOf(program, number, access, sizes);
      const low = addresses[producer]!;
      const { outLeaf } = instructions[producer]!;
      return { base: low - outLeaf * leafBytes, low, high: low + outputLeaves(instructions[producer]!) * leafBytes };
    },
  };
}

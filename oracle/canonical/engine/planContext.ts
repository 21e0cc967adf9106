/** What planning one instruction works with. */
import type { ContractInstruction, ElementType, Expression, ReduceInstruction } from "../program/types.ts";
import { expressionScratch, writeExpression, type Locate } from "./descriptors.ts";
import type { Layout } from "./layout.ts";
import type { Scratch } from "./scratch.ts";
import type { PackedRows } from "./tasks.ts";

/** Work that has to be done once, when the weights are in memory. */
export type Preparation =
  | {
      kind: "pack";
      type: ElementType;
      access: number;
      zero: number | null;
      groups: number;
      rows: number;
      k: number;
      packed: PackedRows;
    }
  | { kind: "widen"; access: number; k: number; lanes: number; to: number };

export interface Context {
  layout: Layout;
  locate: Locate;
  /** Address of the instruction's output. */
  out: number;
  scratch: Scratch;
  /** The words of the weight space. */
  weights: Uint32Array;
  preparations: Preparation[];
}

/** Aimed at about 50 µs: small enough to share, large enough that taking it costs nothing. */
export const chunkWork = 350_000;

export const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
export const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

/** What an expression behind a core needs; where the expression is only the core, the core writes the output itself. */
export function planExpression(context: Context, instruction: (ContractInstruction | ReduceInstruction) & Expression) {
  const { layout, locate, scratch } = context;
  const { dims, constants, ops } = instruction;
  const sizes = [...dims, ...instruction.reduce];
  const operands = writeExpression(layout, locate, instruction, true, sizes, range(0, dims.length));
  const isCore = constants.length === 0 && ops.length === 0;
  return { operands, expression: isCore ? null : operands, expressionScratch: scratch.take(expressionScratch(instruction)) };
}

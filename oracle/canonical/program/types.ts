/**
 * A canonical program: what a registered model means, as a list of instructions (docs/canonical.md is the specification).
 * Words are 32 bits, held as unsigned JavaScript numbers; their meaning (binary32 or two's complement) is the reader's.
 */
import type { Dtype } from "../../core/tensor.ts";
import type { Opcode } from "./opcodes.ts";

/** An unsigned 32-bit integer: the bits of one element. */
export type Word = number;

/** How an instruction's core reads its words. */
export type ElementType = "f32" | "i32";

/** Where words are read from: the outputs of earlier instructions, or the model's constants. Both are addressed in words. */
export type Space = "trace" | "weights";

/** Holds where `0 ≤ start + Σ factor · x[axis] < limit`; x are the coordinates of the loop axes. */
export interface Bound {
  /** Signed 32-bit. */
  start: number;
  /** Unsigned 32-bit, at least 1. */
  limit: number;
  /** At most `limits.terms`; factors are signed 32-bit, axes strictly increasing. */
  terms: { axis: number; factor: number }[];
}

/**
 * An affine map from the coordinates x of an instruction's loop axes to a word of a space: `offset + Σ strides[i] · x[i]`.
 * It is in bounds where all `bounds` hold; where one does not, nothing is read.
 */
export interface Access {
  space: Space;
  /** In words; may be negative (padding), then bounds keep the address in its space. */
  offset: number;
  /** In words, signed 32-bit, one for each loop axis: the output axes, then (for a core's `a`, `b`, `x`) the reduction axes. */
  strides: number[];
  bounds: Bound[];
}

/**
 * A part of an address that is data: the word v of an earlier operand of the same instruction, read as i32.
 * Negative v count from the end (v + limit); where the result is not in [0, limit) the access is out of bounds, otherwise v · stride is added.
 */
export interface IndexTerm {
  /** Number of an earlier operand of the same instruction. */
  operand: number;
  stride: number;
  /** Unsigned 31-bit, at least 1. */
  limit: number;
}

/** An access whose address may also depend on data. Strides cover the output axes only. */
export interface IndexedAccess extends Access {
  indices: IndexTerm[];
}

/** The word of the first access that is in bounds; `pad` where none is. */
export interface View {
  /** At least one. */
  accesses: IndexedAccess[];
  pad: Word;
}

export interface Op {
  op: Opcode;
  /** Numbers of earlier values, as many as the opcode's arity. */
  args: number[];
}

/**
 * What one output element is. Values are numbered: the operands, the core's result (absent in a map), the constants, then each op's result.
 * The last value is the output element.
 */
export interface Expression {
  operands: View[];
  constants: Word[];
  ops: Op[];
}

interface Computed {
  /** Sizes of the output axes, outermost first; the output is the row-major sequence of `Π dims` words. At least one axis, each at least 1. */
  dims: number[];
  /** First leaf of the output in the trace: the sum of the leaves of all earlier instructions. */
  outLeaf: number;
}

/** Widens one input tensor to words. `dims` is one axis of all its elements. */
export interface InputInstruction extends Computed {
  kind: "input";
  /** Which of the program's inputs. */
  tensor: number;
}

/** An expression over operands: elementwise chains, movement, gathering. */
export interface MapInstruction extends Computed, Expression {
  kind: "map";
}

/**
 * Core: the sum over the reduction axes of a · b, plus a bias.
 * f32: the exact real value of all in-bounds products and the bias, rounded once.
 * i32: Σ (a − zeroA) · (b − zeroB) + bias modulo 2^32.
 * A term of which a or b is out of bounds is absent.
 */
export interface ContractInstruction extends Computed, Expression {
  kind: "contract";
  type: ElementType;
  /** Sizes of the reduction axes, outermost first; at least one. */
  reduce: number[];
  a: Access;
  b: Access;
  /** Number of the operand that is added exactly, inside the rounding. */
  bias: number | null;
  /** i32 only: number of the operand that is subtracted from every a. */
  zeroA: number | null;
  /** i32 only: number of the operand that is subtracted from every b. */
  zeroB: number | null;
}

/** `argmax` and `argmin` give the row-major number (i32) of an element of the reduction space. */
export type Reducer = "sum" | "sumAbs" | "sumSquare" | "max" | "min" | "product" | "argmax" | "argmin" | "argmaxLast" | "argminLast";

/** Core: a reduction of the in-bounds elements x over the reduction axes. */
export interface ReduceInstruction extends Computed, Expression {
  kind: "reduce";
  type: ElementType;
  reducer: Reducer;
  /**
   * f32 sums only: the exact sum is divided by this before the one rounding; 1 is a sum, n a mean,
   * 0 stands for the number of in-bounds elements. 1 for all others.
   */
  divisor: number;
  reduce: number[];
  x: Access;
}

export type Instruction = InputInstruction | MapInstruction | ContractInstruction | ReduceInstruction;

export interface ProgramInput {
  dtype: Dtype;
  shape: number[];
}

export interface ProgramOutput {
  dtype: Dtype;
  shape: number[];
  /** Word of the trace where the tensor's first element is; the others follow, one word each. */
  offset: number;
}

export interface Program {
  inputs: ProgramInput[];
  outputs: ProgramOutput[];
  instructions: Instruction[];
  /** Size of the weight space in leaves of 64 words. */
  weightLeaves: number;
}

/** What a valid program stays within; the EVM relies on some of them. */
export const limits = {
  /** Output axes, and reduction axes. */
  axes: 8,
  operands: 16,
  accesses: 64,
  bounds: 8,
  terms: 8,
  indices: 8,
  constants: 64,
  ops: 64,
  /** Bytes of one instruction. */
  record: 8192,
  tensors: 255,
  instructions: 2 ** 20,
  /** Leaves of the trace, and of the weights. */
  leaves: 2 ** 32 - 1,
  /** Magnitude of an access's offset, in words. */
  offset: 2 ** 40,
} as const;

/**
 * What the workers do for each instruction: plain data, made once by the planner. Addresses are bytes of the shared memory,
 * `scratch.*` are offsets into each worker's scratch, counts are words. A task falls into chunks that any worker may take, in any order.
 */

interface Task {
  /** Address of the instruction's output. */
  out: number;
  /** Words of the output. */
  words: number;
  chunks: number;
}

interface WithExpression extends Task {
  /** Address of the expression's descriptor; null where the core's result is the output itself. */
  expression: number | null;
  expressionScratch: number;
}

/** The host writes inputs before the workers start. */
export interface InputTask extends Task {
  kind: "input";
}

export interface MapTask extends WithExpression {
  kind: "map";
  expression: number;
  chunkWords: number;
}

/** Operands of the core (bias, zero points) are filled by the expression's descriptor, whose address is `operands`. */
interface CoreTask extends WithExpression {
  operands: number;
  bias: number | null;
  biasArea: number;
  coreArea: number;
}

/** One side of a matrix product. */
export interface Side {
  /** Access over (outer groups, inner groups, rows, reduction). */
  access: number;
  /** The same as a window, rows outside and reduction inside, where that pays. */
  window: number | null;
  hasBounds: boolean;
  /** Access to the zero point of each row over (groups, rows), i32 only; null for zero. One that has bounds has one zero point for all rows. */
  zero: number | null;
  /** Where rows can be read in place: address of the first, bytes between rows and between groups. */
  direct: { address: number; pitch: number } | null;
  /** Panels packed beforehand; null where the rows are packed when they are needed. */
  packed: PackedRows | null;
  rowsArea: number;
  zerosArea: number;
  panelsArea: number;
  panelBytes: number;
  summaryArea: number;
}

/**
 * Packed rows, group after group. f32: panels of binary64, and as their summary a norm of each row.
 * i32: low panels and behind them as many high ones, and as their summary a word that is 1 where a high one isn't zero.
 */
export interface PackedRows {
  panels: number;
  summary: number;
  /** Of one group. */
  panelBytes: number;
  summaryBytes: number;
}

/** Contraction whose output axes are (outer groups, rows, inner groups, columns). */
export interface ProductTask extends CoreTask {
  kind: "product";
  type: "f32" | "i32";
  groups: number;
  inner: number;
  rows: number;
  columns: number;
  k: number;
  a: Side;
  b: Side;
  /** Rows of a chunk; a multiple of 4 or all. */
  chunkRows: number;
  /** Columns of a chunk; all of them where a chunk has more than one row. */
  chunkColumns: number;
  /** Columns of B that are packed at a time. */
  sliceColumns: number;
  listArea: number;
  tileArea: number;
  /** Four rows of k words and an accumulator. */
  exactArea: number;
}

/** f32 contraction with one weight a lane: a[place][k][lane] · b[k][lane] (depthwise convolution). */
export interface LanesTask extends CoreTask {
  kind: "lanes";
  lanes: number;
  k: number;
  /** Window over (places, reduction), at lane 0. */
  a: number;
  /** Access over (reduction, lanes). */
  b: number;
  /** Address of `lanes` zeros that stand for absent terms. */
  absent: number;
  /** Address of the binary64 factors, made beforehand; null where b is in the trace. */
  widened: number | null;
  chunkPlaces: number;
  /** Addresses of k words for 32 places, then two rows of k words. */
  pointersArea: number;
  gatherArea: number;
  wideArea: number;
  accumulatorArea: number;
}

/** Any other contraction: a row of a and a row of b for each element. */
export interface RowsTask extends CoreTask {
  kind: "rows";
  type: "f32" | "i32";
  k: number;
  a: number;
  b: number;
  aBounds: boolean;
  bBounds: boolean;
  zeroA: number | null;
  zeroB: number | null;
  chunkWords: number;
  /** Elements whose rows are gathered at a time. */
  blockWords: number;
  aArea: number;
  bArea: number;
  a2Area: number;
  b2Area: number;
  zeroArea: number;
  listArea: number;
  exactArea: number;
}

export type SumTerm = 0 | 1 | 2;

export type Reduction =
  | { kind: "sum"; term: SumTerm; divisor: number }
  | { kind: "fold"; fold: number; start: number }
  | { kind: "arg"; real: boolean; least: boolean; last: boolean };

export interface ReduceTask extends CoreTask {
  kind: "reduce";
  reduction: Reduction;
  k: number;
  /** Lane by lane (x over places, reduction, lanes), or row by row (`lanes` 1; x over outputs, reduction). */
  lanes: number;
  x: number;
  /** Access over (outputs, reduction), for counting. */
  rows: number;
  hasBounds: boolean;
  chunkWords: number;
  blockWords: number;
  xArea: number;
  x2Area: number;
  rowArea: number;
  accumulatorArea: number;
}

export type EngineTask = InputTask | MapTask | ProductTask | LanesTask | RowsTask | ReduceTask;

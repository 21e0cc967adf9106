/** Rows of one side of a matrix product as panels, which the kernels multiply. */
import type { ElementType } from "../program/types.ts";
import type { Kernels } from "./kernels.ts";

const roundUp = (value: number, step: number) => Math.ceil(value / step) * step;

/** Bytes of the panels of so many rows of k words. */
export const panelBytes = (type: ElementType, rows: number, k: number): number =>
  type === "f32" ? 8 * k * roundUp(rows, 4) : 4 * roundUp(k, 2) * roundUp(rows, 4);

/** Bytes of what is known of their rows (`PackedRows`). */
export const summaryBytes = (type: ElementType, rows: number): number => (type === "f32" ? 8 * roundUp(rows, 4) : 4);

/** Bytes between the panels of two rows that are a multiple of four apart, for each row between them. */
export const rowBytes = (type: ElementType, k: number): number => (type === "f32" ? 8 * k : 2 * roundUp(k, 2));

/** What `pack` is given: rows of words in memory, and where everything goes. */
export interface Packing {
  type: ElementType;
  src: number;
  /** Bytes from row to row. */
  pitch: number;
  rows: number;
  k: number;
  /** Address of the zero point of each row; i32 only. */
  zeros: number;
  panels: number;
  /** Address of the high panels; i32 only. */
  high: number;
  summary: number;
}

export function pack(kernels: Kernels, { type, src, pitch, rows, k, zeros, panels, high, summary }: Packing): void {
  if (type === "f32") kernels.packRows(src, pitch, rows, k, panels, summary);
  else kernels.packIntegers(src, pitch, rows, k, zeros, panels, high, summary);
}

/** Chunks of matrix products: pack, multiply, settle what the bound can't decide. */
import { pack, rowBytes } from "./pack.ts";
import { coreAddress, fillBias, finish, secondPad, type Bench } from "./run.ts";
import type { ProductTask, Side } from "./tasks.ts";

/** Packed rows of one side. */
interface Rows {
  panels: number;
  /** i32: address of the high panels. */
  high: number;
  /** f32: address of the rows' norms. i32: of the word that says whether the high panels are needed. */
  summary: number;
}

/** Fills the zero points of rows. @returns the word that stands for an absent element: less the zero point it counts for nothing. */
function fillZeros({ kernels, words }: Bench, side: Side, zeros: number, first: number, count: number): number {
  if (side.zero === null) words.fill(0, zeros >>> 2, (zeros >>> 2) + count);
  else kernels.fillRows(side.zero, zeros, first, count, 0);
  return words[zeros >>> 2]!;
}

/** Packs `count` rows from `first` on of group `group`, or finds them packed. @param total rows of a group. */
function packed(bench: Bench, task: ProductTask, side: Side, group: number, total: number, first: number, count: number): Rows {
  const { kernels, scratch, words } = bench;
  const { type, k } = task;
  if (side.packed !== null) {
    const { panelBytes, summaryBytes } = side.packed;
    const panels = side.packed.panels + group * panelBytes + first * rowBytes(type, k);
    return {
      panels,
      high: panels + panelBytes / 2,
      summary: side.packed.summary + group * summaryBytes + (type === "f32" ? 8 * first : 0),
    };
  }
  const [panels, summary, zeros] = [scratch + side.panelsArea, scratch + side.summaryArea, scratch + side.zerosArea];
  const pad = type === "f32" ? 0 : fillZeros(bench, side, zeros, group * total + first, count);
  if (type === "i32") words[summary >>> 2] = 0;
  let src = scratch + side.rowsArea;
  let pitch = 4 * k;
  if (side.direct !== null) {
    src = side.direct.address + first * side.direct.pitch;
    pitch = side.direct.pitch;
  } else if (side.window !== null) kernels.fillWindows(side.window, src, group * total + first, count, pad, 4);
  else kernels.fillRows(side.access, src, (group * total + first) * k, count * k, pad);
  const high = panels + side.panelBytes / 2;
  pack(kernels, { type, src, pitch, rows: count, k, zeros, panels, high, summary });
  return { panels, high, summary };
}

/** Settles the listed elements exactly. @param group which of groups · inner. @param firstRow of the chunk. @param c address of the group's first result. */
function settle(bench: Bench, task: ProductTask, group: number, firstRow: number, bias: number, c: number, pitch: number): void {
  const { kernels, scratch, words } = bench;
  const { k, a, b } = task;
  const list = (scratch + task.listArea) >>> 2;
  const count = words[list]!;
  bench.exact += count;
  const rowBytes = 4 * k;
  const area = scratch + task.exactArea;
  for (let i = 0; i < count; i++) {
    const row = words[list + 2 + 2 * i]!;
    const column = words[list + 3 + 2 * i]!;
    const atA = (group * task.rows + firstRow + row) * k;
    const atB = (group * task.columns + column) * k;
    kernels.fillRows(a.access, area, atA, k, 0);
    kernels.fillRows(b.access, area + rowBytes, atB, k, 0);
    const a2 = secondPad(bench, a.hasBounds, a.access, area + 2 * rowBytes, atA, k);
    const b2 = secondPad(bench, b.hasBounds, b.access, area + 3 * rowBytes, atB, k);
    const offset = row * pitch + 4 * column;
    const word = bias === 0 ? 0 : words[(bias + offset) >>> 2]!;
    words[(c + offset) >>> 2] = kernels.exactDot(area, a2, area + rowBytes, b2, k, word, 1, area + 4 * rowBytes);
  }
}

interface Range {
  group: number;
  row: number;
  rows: number;
  column: number;
  columns: number;
}

function rangeOf(task: ProductTask, chunk: number): Range {
  const acrossColumns = Math.ceil(task.columns / task.chunkColumns);
  const acrossRows = Math.ceil(task.rows / task.chunkRows);
  const column = (chunk % acrossColumns) * task.chunkColumns;
  const rest = Math.floor(chunk / acrossColumns);
  const row = (rest % acrossRows) * task.chunkRows;
  return {
    group: Math.floor(rest / acrossRows),
    row,
    rows: Math.min(task.chunkRows, task.rows - row),
    column,
    columns: Math.min(task.chunkColumns, task.columns - column),
  };
}

export function runProduct(bench: Bench, task: ProductTask, chunk: number): void {
  const { kernels, scratch, words } = bench;
  const { inner, columns, k } = task;
  const range = rangeOf(task, chunk);
  // One row may be split by columns; several rows come whole. Either way the chunk's output is consecutive.
  const start = (range.group * task.rows + range.row) * inner * columns + range.column;
  const count = range.rows > 1 || inner > 1 ? range.rows * inner * columns : range.columns;
  const bias = fillBias(bench, task, start, count);
  const core = coreAddress(bench, task, start);
  const pitch = 4 * inner * columns;
  const list = scratch + task.listArea;
  for (let g = 0; g < inner; g++) {
    const group = range.group * inner + g;
    const a = packed(bench, task, task.a, group, task.rows, range.row, range.rows);
    // Addresses of column 0, which a split row does not hold.
    const offset = 4 * (g * columns - range.column);
    const groupBias = bias === 0 ? 0 : bias + offset;
    words[list >>> 2] = 0;
    for (let column = range.column; column < range.column + range.columns; column += task.sliceColumns) {
      const width = Math.min(task.sliceColumns, range.column + range.columns - column);
      const b = packed(bench, task, task.b, group, columns, column, width);
      const at = core + offset + 4 * column;
      const biasAt = bias === 0 ? 0 : groupBias + 4 * column;
      const tile = scratch + task.tileArea;
      if (task.type === "f32")
        kernels.product(a.panels, a.summary, range.rows, b.panels, b.summary, width, k, biasAt, at, pitch, column, list, tile);
      else {
        const [highA, highB] = [a, b].map(({ high, summary }) => (words[summary >>> 2] === 0 ? 0 : high));
        kernels.integerProduct(a.panels, highA!, range.rows, b.panels, highB!, width, k, biasAt, at, pitch, tile);
      }
    }
    if (words[list >>> 2] !== 0) settle(bench, task, group, range.row, groupBias, core + offset, pitch);
  }
  finish(bench, task, start, count);
}

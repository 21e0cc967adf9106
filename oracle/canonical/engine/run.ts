/** Computes chunks of tasks with the kernels. */
import type { Kernels } from "./kernels.ts";
import { runProduct } from "./runProduct.ts";
import type { EngineTask, LanesTask, MapTask, ReduceTask, RowsTask } from "./tasks.ts";

/** One worker's means. `scratch` is the address of its scratch; views cover the whole memory. */
export interface Bench {
  kernels: Kernels;
  scratch: number;
  words: Uint32Array;
  /** Elements that the error bound could not decide. */
  exact: number;
}

/** Fills the bias of the elements [start, start + count). @returns its address, 0 where there is none. */
export function fillBias(
  { kernels, scratch }: Bench,
  task: { operands: number; expressionScratch: number; bias: number | null; biasArea: number },
  start: number,
  count: number,
) {
  if (task.bias === null) return 0;
  kernels.fillOperand(task.operands, scratch + task.expressionScratch, task.bias, scratch + task.biasArea, start, count);
  return scratch + task.biasArea;
}

/** Where the core's results for the elements from `start` on belong. */
export function coreAddress({ scratch }: Bench, task: { expression: number | null; coreArea: number; out: number }, start: number): number {
  return task.expression === null ? task.out + 4 * start : scratch + task.coreArea;
}

/** Turns the core's results into the output. */
export function finish(
  { kernels, scratch }: Bench,
  task: { expression: number | null; expressionScratch: number; coreArea: number; out: number },
  start: number,
  count: number,
) {
  if (task.expression === null) return;
  kernels.evaluate(task.expression, scratch + task.expressionScratch, task.out + 4 * start, scratch + task.coreArea, start, count);
}

/** Rows filled with another pad, so that absent elements show; 0 where the access has no bounds. */
export function secondPad({ kernels }: Bench, hasBounds: boolean, access: number, area: number, start: number, count: number): number {
  if (!hasBounds) return 0;
  kernels.fillRows(access, area, start, count, 1);
  return area;
}

function runMap({ kernels, scratch }: Bench, task: MapTask, chunk: number): void {
  const start = chunk * task.chunkWords;
  const count = Math.min(task.chunkWords, task.words - start);
  kernels.evaluate(task.expression, scratch + task.expressionScratch, task.out + 4 * start, 0, start, count);
}

function runLanes(bench: Bench, task: LanesTask, chunk: number): void {
  const { kernels, scratch } = bench;
  const { lanes, k, absent } = task;
  const first = chunk * task.chunkPlaces;
  const places = Math.min(task.chunkPlaces, task.words / lanes - first);
  const start = first * lanes;
  const bias = fillBias(bench, task, start, places * lanes);
  const core = coreAddress(bench, task, start);
  const pointers = scratch + task.pointersArea;
  const accumulator = scratch + task.accumulatorArea;
  if (task.widened === null) {
    kernels.fillRows(task.b, scratch + task.gatherArea, 0, k * lanes, 0);
    kernels.widenLanes(scratch + task.gatherArea, k, lanes, scratch + task.wideArea);
  }
  const b = task.widened ?? scratch + task.wideArea;
  const rows = pointers + 128 * k;
  bench.exact += kernels.lanePlaces(task.a, first, places, pointers, absent, b, k, lanes, bias, core, rows, accumulator);
  finish(bench, task, start, places * lanes);
}

function realRows(bench: Bench, task: RowsTask, start: number, count: number, bias: number, core: number): void {
  const { kernels, scratch, words } = bench;
  const { k } = task;
  const list = (scratch + task.listArea) >>> 2;
  const [a, b] = [scratch + task.aArea, scratch + task.bArea];
  words[list] = 0;
  kernels.rowProducts(a, b, count, k, bias, core, scratch + task.listArea);
  const undecided = words[list]!;
  bench.exact += undecided;
  for (let i = 0; i < undecided; i++) {
    const row = words[list + 2 + 2 * i]!;
    const a2 = secondPad(bench, task.aBounds, task.a, scratch + task.a2Area, (start + row) * k, k);
    const b2 = secondPad(bench, task.bBounds, task.b, scratch + task.b2Area, (start + row) * k, k);
    const word = bias === 0 ? 0 : words[(bias >>> 2) + row]!;
    words[(core >>> 2) + row] = kernels.exactDot(a + 4 * row * k, a2, b + 4 * row * k, b2, k, word, 1, scratch + task.exactArea);
  }
}

/** The zero points of the elements [start, start + count). */
function fillZero({ kernels, scratch }: Bench, task: RowsTask, operand: number | null, area: number, start: number, count: number): number {
  if (operand === null) return 0;
  kernels.fillOperand(task.operands, scratch + task.expressionScratch, operand, area, start, count);
  return area;
}

function runRows(bench: Bench, task: RowsTask, chunk: number): void {
  const { kernels, scratch } = bench;
  const { k } = task;
  const start = chunk * task.chunkWords;
  const count = Math.min(task.chunkWords, task.words - start);
  const bias = fillBias(bench, task, start, count);
  const core = coreAddress(bench, task, start);
  const zeroA = fillZero(bench, task, task.zeroA, scratch + task.zeroArea, start, count);
  const zeroB = fillZero(bench, task, task.zeroB, scratch + task.zeroArea + 4 * task.chunkWords, start, count);
  const [a, b] = [scratch + task.aArea, scratch + task.bArea];
  const at = (address: number, i: number) => (address === 0 ? 0 : address + 4 * i);
  for (let done = 0; done < count; done += task.blockWords) {
    const n = Math.min(task.blockWords, count - done);
    const from = (start + done) * k;
    kernels.fillRows(task.a, a, from, n * k, 0);
    kernels.fillRows(task.b, b, from, n * k, 0);
    if (task.type === "f32") realRows(bench, task, start + done, n, at(bias, done), core + 4 * done);
    else {
      const a2 = secondPad(bench, task.aBounds, task.a, scratch + task.a2Area, from, n * k);
      const b2 = secondPad(bench, task.bBounds, task.b, scratch + task.b2Area, from, n * k);
      kernels.integerProducts(a, a2, b, b2, n, k, at(zeroA, done), at(zeroB, done), at(bias, done), core + 4 * done);
    }
  }
  finish(bench, task, start, count);
}

/** The number of in-bounds elements of each of `count` outputs, as words at `area`. */
function countElements({ kernels, words }: Bench, task: ReduceTask, start: number, count: number, area: number): void {
  for (let i = 0; i < count; i++) {
    words[(area >>> 2) + i] = kernels.countInBounds(task.rows, (start + i) * task.k, task.k);
  }
}

function padOf({ reduction }: ReduceTask): number {
  return reduction.kind === "fold" ? reduction.start : 0;
}

function reduceBlock(bench: Bench, task: ReduceTask, start: number, count: number, core: number): void {
  const { kernels, scratch, words } = bench;
  const { reduction, k, lanes } = task;
  const x = scratch + task.xArea;
  const accumulator = scratch + task.accumulatorArea;
  // Lane by lane, the block is one place: its row-major order is (reduction, lanes).
  kernels.fillRows(task.x, x, start * k, count * k, padOf(task));
  switch (reduction.kind) {
    case "sum": {
      const counts = reduction.divisor === 0 ? scratch + task.biasArea : 0;
      if (counts !== 0) countElements(bench, task, start, lanes > 1 ? 1 : count, counts);
      if (lanes > 1) {
        const divisor = counts === 0 ? reduction.divisor : words[counts >>> 2]!;
        bench.exact += kernels.sumLanes(x, k, lanes, reduction.term, divisor, core, scratch + task.rowArea, accumulator);
      } else bench.exact += kernels.sumRows(x, count, k, reduction.term, reduction.divisor, counts, core, accumulator);
      return;
    }
    case "fold":
      if (lanes > 1) kernels.foldLanes(x, k, lanes, reduction.fold, reduction.start, core);
      else kernels.foldRows(x, count, k, reduction.fold, reduction.start, core);
      return;
    case "arg": {
      const x2 = secondPad(bench, task.hasBounds, task.x, scratch + task.x2Area, start * k, count * k);
      kernels.argRows(x, x2, count, k, Number(reduction.real), Number(reduction.least), Number(reduction.last), core);
    }
  }
}

function runReduce(bench: Bench, task: ReduceTask, chunk: number): void {
  const start = chunk * task.chunkWords;
  const count = Math.min(task.chunkWords, task.words - start);
  const core = coreAddress(bench, task, start);
  for (let done = 0; done < count; done += task.blockWords) {
    reduceBlock(bench, task, start + done, Math.min(task.blockWords, count - done), core + 4 * done);
  }
  finish(bench, task, start, count);
}

/** @throws ProgramError where an access in bounds leaves its space. */
export function runChunk(bench: Bench, task: EngineTask, chunk: number): void {
  switch (task.kind) {
    case "input":
      return;
    case "map":
      return runMap(bench, task, chunk);
    case "product":
      return runProduct(bench, task, chunk);
    case "lanes":
      return runLanes(bench, task, chunk);
    case "rows":
      return runRows(bench, task, chunk);
    case "reduce":
      return runReduce(bench, task, chunk);
  }
}

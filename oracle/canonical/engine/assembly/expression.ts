/**
 * Evaluates expressions block by block, so that chains of operations stay in the cache.
 *
 * Descriptor (../descriptors.ts writes it): i32 operands, i32 hasCore, i32 constants, i32 operations, then
 * for each operand i32 mode, i32 address (mode 0: of the words themselves, one after another; 1: of a view's descriptor; 2: as 1, with index terms),
 * for each constant u32, for each operation u8 opcode, u8 argument, u8 argument, u8 argument.
 * Scratch: an i32 address for each value (1,024 bytes), then a block for each value.
 */
import { copyWords, fillView, splat } from "./access";
import { apply } from "./operations";

const block: usize = 256;
const blockBytes: usize = 4 * block;
const tableBytes: usize = 1024;

function slot(scratch: usize, value: usize): usize {
  return scratch + tableBytes + blockBytes * value;
}

function loadOperand(d: usize, scratch: usize, operand: usize, dst: usize, start: u64, count: usize): usize {
  const at = d + 16 + 8 * operand;
  const address: usize = load<u32>(at, 4);
  if (load<i32>(at) == 0) return address + ((<usize>start) << 2);
  fillView(address, dst, start, count, scratch);
  return dst;
}

/** The words of one operand for `count` elements from `first` on, written to `dst`. */
export function fillOperand(d: usize, scratch: usize, operand: usize, dst: usize, first: f64, count: usize): void {
  const start = <u64>first;
  const at = d + 16 + 8 * operand;
  if (load<i32>(at) != 2) {
    const from = loadOperand(d, scratch, operand, dst, start, count);
    if (from != dst) copyWords(dst, from, count);
    return;
  }
  for (let done: usize = 0; done < count; done += block) {
    const n = min(block, count - done);
    for (let i: usize = 0; i < operand; i++)
      store<u32>(scratch + 4 * i, <u32>loadOperand(d, scratch, i, slot(scratch, i), start + done, n));
    fillView(load<u32>(at, 4), dst + 4 * done, start + done, n, scratch);
  }
}

/** The expression's last value for `count` elements from `first` on. @param core the core's results for them, where there is a core. */
export function evaluate(d: usize, scratch: usize, out: usize, core: usize, first: f64, count: usize): void {
  const start = <u64>first;
  const operands: usize = load<u32>(d);
  const hasCore = load<u32>(d, 4);
  const constants: usize = load<u32>(d, 8);
  const operations: usize = load<u32>(d, 12);
  const words = d + 16 + 8 * operands;
  const ops = words + 4 * constants;
  const firstOp = operands + hasCore + constants;
  for (let i: usize = 0; i < constants; i++) {
    const value = operands + hasCore + i;
    splat(slot(scratch, value), load<u32>(words + 4 * i), block);
    store<u32>(scratch + 4 * value, <u32>slot(scratch, value));
  }
  for (let done: usize = 0; done < count; done += block) {
    const n = min(block, count - done);
    const bytes = (n * 4 + 15) & ~15;
    const target = out + 4 * done;
    for (let i: usize = 0; i < operands; i++) {
      store<u32>(scratch + 4 * i, <u32>loadOperand(d, scratch, i, slot(scratch, i), start + done, n));
    }
    if (hasCore) store<u32>(scratch + 4 * operands, <u32>(core + 4 * done));
    for (let i: usize = 0; i < operations; i++) {
      const op = ops + 4 * i;
      const value = firstOp + i;
      // The last operation writes in place, unless whole vectors would run over the end.
      const dst = i + 1 == operations && bytes == 4 * n ? target : slot(scratch, value);
      const a: usize = load<u32>(scratch + ((<usize>load<u8>(op, 1)) << 2));
      const b: usize = load<u32>(scratch + ((<usize>load<u8>(op, 2)) << 2));
      const c: usize = load<u32>(scratch + ((<usize>load<u8>(op, 3)) << 2));
      apply(load<u8>(op), bytes, dst, a, b, c);
      store<u32>(scratch + 4 * value, <u32>dst);
    }
    const result: usize = load<u32>(scratch + 4 * (firstOp + operations - 1));
    if (result != target) copyWords(target, result, n);
  }
}

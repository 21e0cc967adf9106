/** The orders in which axes stand in memory, and what they cost. */
import { rowMajor } from "./constants.ts";
import type { Operand } from "./expression.ts";
import type { Reach } from "./resolve.ts";
import { count, type Form } from "./tensors.ts";

export const axesOf = (shape: readonly number[]) => shape.map((_, axis) => axis);

/** The axes from the widest stride to the narrowest; equal ones stay in order. */
export function byStride(axes: readonly number[], address: Form): number[] {
  const stride = (axis: number) => Math.abs(address.terms.find((term) => term.axis === axis)?.factor ?? 0);
  return [...axes].sort((a, b) => stride(b) - stride(a));
}

/** The order in which the axes stand already; an axis that only repeats (stride 0) stays behind its logical neighbour. */
export function naturalOrder(shape: readonly number[], strides: readonly number[]): number[] {
  const moving = axesOf(shape).filter((axis) => strides[axis] !== 0 || shape[axis] === 1);
  const order = moving.sort((a, b) => Math.abs(strides[b]!) - Math.abs(strides[a]!));
  for (const axis of axesOf(shape)) if (!order.includes(axis)) order.splice(order.indexOf(axis - 1) + 1, 0, axis);
  return order;
}

/** How many runs of neighbouring words the reduction axes reach, the last axis innermost. */
export function runsOf({ address }: Reach, axes: readonly number[], sizes: readonly number[]): number {
  let [run, total] = [1, 1];
  let broken = false;
  for (const axis of axes.toReversed()) {
    const size = sizes[axis]!;
    if (size === 1) continue;
    const stride = address.terms.find((term) => term.axis === axis)?.factor ?? 0;
    total *= size;
    if (!broken && stride === run) run *= size;
    else broken = true;
  }
  return total / run;
}

export function permuted(words: Uint32Array, shape: readonly number[], order: readonly number[]): Uint32Array {
  const strides = rowMajor(shape);
  const result = new Uint32Array(words.length);
  let written = 0;
  const copy = (depth: number, address: number): void => {
    if (depth === order.length) {
      result[written++] = words[address]!;
      return;
    }
    const [size, stride] = [shape[order[depth]!]!, strides[order[depth]!]!];
    for (let i = 0; i < size; i++) copy(depth + 1, address + i * stride);
  };
  copy(0, 0);
  return result;
}

/** @returns the row-major strides of `shape` laid out with its axes in `order`. */
export function stridesOf(shape: readonly number[], order: readonly number[]): number[] {
  const strides: number[] = [];
  rowMajor(order.map((axis) => shape[axis]!)).forEach((stride, i) => (strides[order[i]!] = stride));
  return strides;
}

/** @returns the order in which the operand that covers most of the output is laid out. */
export function orderOfOperands(shape: readonly number[], operands: readonly Operand[]): number[] {
  const logical = axesOf(shape);
  const covered = ({ address }: Reach) => address.terms.reduce((product, { axis }) => product * shape[axis]!, 1);
  let best: Reach | null = null;
  for (const { reaches } of operands) {
    const [first] = reaches;
    if (first?.space === "trace" && (best === null || covered(first) > covered(best))) best = first;
  }
  return best !== null && covered(best) === count(shape) ? byStride(logical, best.address) : logical;
}

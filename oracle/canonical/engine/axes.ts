/** Accesses over chosen loop axes, simplified: what the kernels walk. */
import type { Access } from "../program/types.ts";

/** A loop axis as one access sees it; strides and factors are zero along axes that it doesn't depend on. */
interface Axis {
  size: number;
  /** In words. */
  stride: number;
  /** For each bound of the access. */
  factors: number[];
}

/** An access as a walk over the row-major space of some loop axes. */
export interface Walk {
  space: Access["space"];
  /** In words. */
  offset: number;
  axes: Axis[];
  bounds: { start: number; limit: number }[];
}

function axisOf(access: Access, axis: number, size: number): Axis {
  return {
    size,
    stride: access.strides[axis] ?? 0,
    factors: access.bounds.map(({ terms }) => terms.find((term) => term.axis === axis)?.factor ?? 0),
  };
}

/** Whether the access's address or its bounds change along a loop axis. */
export function dependsOn(access: Access, axis: number): boolean {
  return access.strides[axis] !== 0 || access.bounds.some(({ terms }) => terms.some((term) => term.axis === axis));
}

/** Whether stepping the inner axis through all of its size is a step of the outer one. */
function joins(outer: Axis, inner: Axis): boolean {
  return outer.stride === inner.stride * inner.size && outer.factors.every((factor, i) => factor === inner.factors[i]! * inner.size);
}

/**
 * @param sizes of all loop axes. @param order the loop axes to walk, outermost first; the others stay at 0.
 * @returns the walk with axes of size 1 dropped and axes joined where one step of the outer is `size` steps of the inner. At least one axis.
 */
export function walkOf(access: Access, sizes: readonly number[], order: readonly number[]): Walk {
  const axes: Axis[] = [];
  for (const number of order) {
    const axis = axisOf(access, number, sizes[number]!);
    const outer = axes.at(-1);
    if (axis.size === 1) continue;
    if (outer !== undefined && joins(outer, axis)) axes[axes.length - 1] = { ...axis, size: outer.size * axis.size };
    else axes.push(axis);
  }
  if (axes.length === 0) axes.push({ size: 1, stride: 0, factors: access.bounds.map(() => 0) });
  return { space: access.space, offset: access.offset, axes, bounds: access.bounds.map(({ start, limit }) => ({ start, limit })) };
}

/** Whether the walk reads consecutive words. */
export function isContiguous({ axes, bounds }: Walk): boolean {
  return bounds.length === 0 && axes.length === 1 && (axes[0]!.stride === 1 || axes[0]!.size === 1);
}

/** @returns the words between rows of `k` consecutive words, where the walk is made of such rows; null where it isn't. */
export function pitchOfRows({ axes, bounds }: Walk, k: number): number | null {
  if (bounds.length > 0) return null;
  if (axes.length === 1) return axes[0]!.stride === 1 ? k : k === 1 ? axes[0]!.stride : null;
  const [rows, row] = axes;
  return axes.length === 2 && row!.stride === 1 && row!.size === k ? rows!.stride : null;
}

/** The lowest and the highest word that the walk could read if all of it were in bounds. */
export function reach({ offset, axes }: Walk): { low: number; high: number } {
  let [low, high] = [offset, offset];
  for (const { size, stride } of axes) {
    if (stride < 0) low += stride * (size - 1);
    else high += stride * (size - 1);
  }
  return { low, high };
}

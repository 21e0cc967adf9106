/** Where words are read from (docs/canonical.md, section 3). */
import { ProgramError } from "../program/check.ts";
import type { Access, IndexTerm, Space, View, Word } from "../program/types.ts";
import { signed } from "./integers.ts";

/**
 * Reads a word of a space.
 * @throws ProgramError where the address is outside of the space, or in the trace not in front of the reading instruction's output.
 */
export type Read = (space: Space, address: number) => Word;

/** @returns the address that the affine part gives at the loop coordinates x, null where a bound does not hold. */
export function addressOf({ offset, strides, bounds }: Access, x: readonly number[]): number | null {
  for (const { start, limit, terms } of bounds) {
    const value = terms.reduce((sum, { axis, factor }) => sum + factor * x[axis]!, start);
    if (value < 0 || value >= limit) return null;
  }
  return strides.reduce((sum, stride, axis) => sum + stride * x[axis]!, offset);
}

/** @returns what the index terms add to an address, null where one is out of its limit. */
function indexed(indices: readonly IndexTerm[], operands: readonly Word[]): number | null {
  let sum = 0;
  for (const { operand, stride, limit } of indices) {
    const value = Number(signed(operands[operand]!));
    const index = value < 0 ? value + limit : value;
    if (index < 0 || index >= limit) return null;
    sum += index * stride;
  }
  return sum;
}

/** @param operands the words of the operands with lower numbers. */
export function readView({ accesses, pad }: View, x: readonly number[], operands: readonly Word[], read: Read): Word {
  for (const access of accesses) {
    const address = addressOf(access, x);
    const index = indexed(access.indices, operands);
    if (address !== null && index !== null) return read(access.space, address + index);
  }
  return pad;
}

/** @returns the word at the loop coordinates x, null where the access is out of bounds. */
export function readAccess(access: Access, x: readonly number[], read: Read): Word | null {
  const address = addressOf(access, x);
  return address === null ? null : read(access.space, address);
}

/** All coordinates of a space of the given sizes, in row-major order. */
export function* coordinates(sizes: readonly number[]): Generator<number[]> {
  const x = sizes.map(() => 0);
  for (;;) {
    yield x.slice();
    let axis = sizes.length - 1;
    while (axis >= 0 && x[axis] === sizes[axis]! - 1) x[axis--] = 0;
    if (axis < 0) return;
    x[axis]!++;
  }
}

/** @returns the coordinates of the element with the row-major number `element`. */
export function coordinatesOf(element: number, sizes: readonly number[]): number[] {
  const x = sizes.map(() => 0);
  let rest = element;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    x[axis] = rest % sizes[axis]!;
    rest = Math.floor(rest / sizes[axis]!);
  }
  return x;
}

/** @param limit the first address that must not be read. */
export function checkAddress(space: Space, address: number, limit: number): void {
  if (address < 0 || address >= limit)
    throw new ProgramError(`an access reads word ${address} of ${space}, where it may read ${limit} words`);
}

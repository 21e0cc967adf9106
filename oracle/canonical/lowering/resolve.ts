/** Where tensors' words stand, and how coordinates reach them. */
import type { Space, Word } from "../program/types.ts";
import {
  addForms,
  constantForm,
  mergeRanges,
  substitute,
  substituteForm,
  type Coordinate,
  type Form,
  type Range,
  type Tensor,
} from "./tensors.ts";

export interface Storage {
  space: Space;
  /** In words. */
  offset: number;
  /** In words, one for each logical axis. */
  strides: number[];
}

/** An index term before its tensor is an operand. */
export interface Lookup {
  tensor: Tensor;
  coordinates: Coordinate[];
  stride: number;
  limit: number;
}

/** An access over an instruction's logical axes. */
export interface Reach {
  space: Space;
  address: Form;
  bounds: Range[];
  lookups: Lookup[];
}

export interface Resolved {
  reaches: Reach[];
  /** Null where the reaches cover everything. */
  pad: Word | null;
}

/** Storage of what has a place, undefined for movement that is read through. */
export type Places = (tensor: Tensor) => Storage | undefined;

function reachOf(tensor: Tensor, storage: Storage, coordinates: readonly Coordinate[], ranges: readonly Range[]): Reach {
  const lookups: Lookup[] = [];
  let address = constantForm(storage.offset);
  coordinates.forEach((coordinate, axis) => {
    const stride = storage.strides[axis]!;
    address = addForms(address, coordinate, stride);
    if (coordinate.index !== undefined) lookups.push({ ...coordinate.index, stride, limit: tensor.shape[axis]! });
  });
  return { space: storage.space, address, bounds: mergeRanges(ranges), lookups };
}

/**
 * @param coordinates of `tensor`, one for each of its axes, in terms of the loop axes.
 * @returns null where the tensor must first be copied to a place of its own.
 */
export function resolve(tensor: Tensor, coordinates: readonly Coordinate[], ranges: readonly Range[], places: Places): Resolved | null {
  const storage = places(tensor);
  if (storage !== undefined) return { reaches: [reachOf(tensor, storage, coordinates, ranges)], pad: null };
  if (tensor.kind !== "view") return null;
  const indexed = coordinates.some(({ index }) => index !== undefined);
  const reaches: Reach[] = [];
  let { pad } = tensor;
  for (const piece of tensor.pieces) {
    if (indexed) return null;
    const parts = piece.coordinates.map((coordinate) => substitute(coordinate, coordinates));
    const limits = piece.ranges.map(({ form, limit }) => ({ form: substituteForm(form, coordinates), limit }));
    const inner = resolve(piece.source, parts, [...ranges, ...limits], places);
    if (inner === null) return null;
    if (inner.pad !== null && pad !== null && inner.pad !== pad) return null;
    pad ??= inner.pad;
    reaches.push(...inner.reaches);
  }
  return { reaches, pad };
}

/** @returns the strides of the same words under another shape, null where there are none. */
export function reshapedStrides(shape: readonly number[], strides: readonly number[], target: readonly number[]): number[] | null {
  const from = shape.flatMap((size, axis) => (size === 1 ? [] : [{ size, stride: strides[axis]! }]));
  const result: number[] = target.map(() => 0);
  let axis = 0;
  for (let i = 0; i < target.length;) {
    if (target[i] === 1) {
      i++;
      continue;
    }
    // The smallest run of target axes and source axes that hold the same number of elements.
    let [end, last] = [i + 1, axis + 1];
    let [wanted, held] = [target[i]!, from[axis]!.size];
    while (wanted !== held) {
      if (wanted < held) wanted *= target[end++]!;
      else held *= from[last++]!.size;
    }
    for (let j = axis; j < last - 1; j++) if (from[j]!.stride !== from[j + 1]!.stride * from[j + 1]!.size) return null;
    let stride = from[last - 1]!.stride;
    for (let j = end - 1; j >= i; j--) {
      result[j] = stride;
      stride *= target[j]!;
    }
    [i, axis] = [end, last];
  }
  return result;
}

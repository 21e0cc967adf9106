/** Zero points of i32 contractions, as far as they belong to the rows of one side. */
import type { Access, ContractInstruction } from "../program/types.ts";

/**
 * Whether the words of `access` don't change along the axes whose stride in `kept` is 0: lowerings write constants out in full.
 * False where one lies outside of the weights.
 */
function areAlike(weights: Uint32Array, access: Access, kept: readonly number[], dims: readonly number[]): boolean {
  const walk = (axis: number, address: number, first: number): boolean => {
    if (axis === dims.length) {
      const word = weights[address];
      return word !== undefined && word === weights[first];
    }
    for (let i = 0; i < dims[axis]!; i++) {
      if (!walk(axis + 1, address + i * access.strides[axis]!, first + i * kept[axis]!)) return false;
    }
    return true;
  };
  return walk(0, access.offset, access.offset);
}

/**
 * @param operand number of the operand that is the zero point; null for none.
 * @param axes the output axes that it may depend on.
 * @returns the zero point as an access that depends on these alone, null for zero; undefined where it is more than that.
 */
export function zeroPoint(
  { operands, dims, reduce }: ContractInstruction,
  operand: number | null,
  axes: readonly number[],
  weights: Uint32Array,
): Access | null | undefined {
  if (operand === null) return null;
  const [access, ...others] = operands[operand]!.accesses;
  if (others.length > 0 || access!.indices.length > 0 || access!.bounds.length > 0) return undefined;
  const kept = dims.map((size, axis) => (size > 1 && axes.includes(axis) ? access!.strides[axis]! : 0));
  const isSame = dims.every((size, axis) => size === 1 || kept[axis] === access!.strides[axis]);
  if (!isSame && (access!.space !== "weights" || !areAlike(weights, access!, kept, dims))) return undefined;
  return { space: access!.space, offset: access!.offset, strides: [...kept, ...reduce.map(() => 0)], bounds: [] };
}

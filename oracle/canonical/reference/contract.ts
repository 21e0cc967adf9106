/** The core of a contraction (docs/canonical.md, section 4). */
import type { ContractInstruction, Word } from "../program/types.ts";
import { coordinates, readAccess, type Read } from "./access.ts";
import { ExactSum } from "./exactSum.ts";
import { signed, wrapped } from "./integers.ts";

/** The in-bounds pairs of one output element, in row-major order of the reduction axes. */
function* pairs({ a, b, reduce }: ContractInstruction, x: readonly number[], read: Read): Generator<[a: Word, b: Word]> {
  for (const k of coordinates(reduce)) {
    const left = readAccess(a, [...x, ...k], read);
    const right = readAccess(b, [...x, ...k], read);
    if (left !== null && right !== null) yield [left, right];
  }
}

/** @param x output coordinates. @param operands the words of the instruction's operands. */
export function contract(instruction: ContractInstruction, x: readonly number[], operands: readonly Word[], read: Read): Word {
  const operand = (number: number | null) => (number === null ? 0 : operands[number]!);
  const bias = operand(instruction.bias);
  if (instruction.type === "i32") {
    const [zeroA, zeroB] = [signed(operand(instruction.zeroA)), signed(operand(instruction.zeroB))];
    let sum = signed(bias);
    for (const [a, b] of pairs(instruction, x, read)) sum += (signed(a) - zeroA) * (signed(b) - zeroB);
    return wrapped(sum);
  }
  const sum = new ExactSum();
  sum.add(bias);
  for (const [a, b] of pairs(instruction, x, read)) sum.addProduct(a, b);
  return sum.rounded(1);
}

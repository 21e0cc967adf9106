/** What a reduction has come to in front of a position, word for word as the step verifier keeps it (contracts/step). */
import type { ContractInstruction, ReduceInstruction, Word } from "../program/types.ts";
import { coordinatesOf, readAccess, readView, type Read } from "../reference/access.ts";
import { fabs, fmax, fmin, fmul } from "../reference/arithmetic.ts";
import { isInfinite, isNaN32, isNegative, isZero, nan, one } from "../reference/binary32.ts";
import { iadd, imax, imin, imul, signed } from "../reference/integers.ts";
import { chooses } from "../reference/reduce.ts";

/** Six words of 256 bits. */
export type ReductionState = bigint[];

/** Takes the elements of a reduction in row-major order. */
interface Accumulator {
  /** @param number the element's position in the reduction space. @param loop its coordinates behind the output's. */
  take(number: number, loop: readonly number[]): void;
  state(): ReductionState;
}

/** An exact sum of products in three limbs (contracts/libraries/ExactSum.sol). */
class LimbSum {
  static readonly #limbBits = 170;
  static readonly #seen = { nan: 1n, infinity: 2n, minusInfinity: 4n };
  readonly #limbs = [0n, 0n, 0n];
  #specials = 0n;

  addProduct(a: Word, b: Word): void {
    const { nan: notANumber, infinity, minusInfinity } = LimbSum.#seen;
    const negative = isNegative(a) !== isNegative(b);
    if (isNaN32(a) || isNaN32(b)) this.#specials |= notANumber;
    else if (isInfinite(a) || isInfinite(b)) {
      if (isZero(a) || isZero(b)) this.#specials |= notANumber;
      else this.#specials |= negative ? minusInfinity : infinity;
    } else {
      const [left, right] = [unpacked(a), unpacked(b)];
      const exponent = left.exponent + right.exponent;
      const product = (left.significand * right.significand) << BigInt(exponent % LimbSum.#limbBits);
      this.#limbs[Math.floor(exponent / LimbSum.#limbBits)]! += negative ? -product : product;
    }
  }

  state(terms: number): ReductionState {
    return [...this.#limbs.map((limb) => BigInt.asUintN(256, limb)), this.#specials, BigInt(terms), 0n];
  }
}

/** @returns the finite word's significand, and its biased exponent, which is 1 for a subnormal. */
function unpacked(word: Word): { significand: bigint; exponent: number } {
  const exponent = (word >>> 23) & 0xff;
  const fraction = word & 0x7fffff;
  return exponent === 0 ? { significand: BigInt(fraction), exponent: 1 } : { significand: BigInt(fraction + 0x800000), exponent };
}

function products(instruction: ContractInstruction, operands: readonly Word[], read: Read): Accumulator {
  const pair = (loop: readonly number[]) => [readAccess(instruction.a, loop, read), readAccess(instruction.b, loop, read)] as const;
  if (instruction.type === "f32") {
    const sum = new LimbSum();
    const take = (_: number, loop: readonly number[]) => {
      const [a, b] = pair(loop);
      if (a !== null && b !== null) sum.addProduct(a, b);
    };
    return { take, state: () => sum.state(0) };
  }
  const zero = (operand: number | null) => (operand === null ? 0n : signed(operands[operand]!));
  const [zeroA, zeroB] = [zero(instruction.zeroA), zero(instruction.zeroB)];
  let sum = 0n;
  const take = (_: number, loop: readonly number[]) => {
    const [a, b] = pair(loop);
    if (a !== null && b !== null) sum += (signed(a) - zeroA) * (signed(b) - zeroB);
  };
  return { take, state: () => [BigInt.asUintN(256, sum), 0n, 0n, 0n, 0n, 0n] };
}

function terms(instruction: ReduceInstruction, read: Read): Accumulator {
  const sum = new LimbSum();
  let count = 0;
  const take = (_: number, loop: readonly number[]) => {
    const word = readAccess(instruction.x, loop, read);
    if (word === null) return;
    count++;
    if (instruction.reducer === "sumSquare") sum.addProduct(word, word);
    else sum.addProduct(instruction.reducer === "sumAbs" ? fabs(word) : word, one);
  };
  return { take, state: () => sum.state(count) };
}

const combinations: Partial<Record<`${ReduceInstruction["type"]} ${ReduceInstruction["reducer"]}`, (a: Word, b: Word) => Word>> = {
  "f32 max": fmax,
  "f32 min": fmin,
  "f32 product": fmul,
  "i32 max": imax,
  "i32 min": imin,
  "i32 product": imul,
  "i32 sum": iadd,
};

/** Of the beginning the value is 0; others carry a bit above their word. */
const found = 1n << 32n;

function fold(instruction: ReduceInstruction, read: Read): Accumulator {
  const combine = combinations[`${instruction.type} ${instruction.reducer}`];
  let value: Word | null = null;
  let chosen = 0;
  const take = (number: number, loop: readonly number[]) => {
    const word = readAccess(instruction.x, loop, read);
    if (word === null) return;
    if (combine !== undefined) {
      const first = instruction.type === "f32" && isNaN32(word) ? nan : word;
      value = value === null ? first : combine(value, word);
    } else if (value === null || chooses(instruction, word, value)) {
      value = word;
      chosen = number;
    }
  };
  return { take, state: () => [value === null ? 0n : found | BigInt(value), BigInt(chosen), 0n, 0n, 0n, 0n] };
}

const isSum = ({ type, reducer }: ReduceInstruction) => type === "f32" && reducer.startsWith("sum");

/**
 * @param element row-major number in the instruction's output.
 * @param positions of the reduction space, increasing.
 * @returns the state in front of each of them.
 * @throws ProgramError where `read` refuses an address.
 */
export function statesAt(
  instruction: ContractInstruction | ReduceInstruction,
  element: number,
  read: Read,
  positions: readonly number[],
): ReductionState[] {
  const x = coordinatesOf(element, instruction.dims);
  const operands: Word[] = [];
  for (const view of instruction.operands) operands.push(readView(view, x, operands, read));
  const accumulator =
    instruction.kind === "contract"
      ? products(instruction, operands, read)
      : isSum(instruction)
        ? terms(instruction, read)
        : fold(instruction, read);
  let next = 0;
  return positions.map((position) => {
    for (; next < position; next++) accumulator.take(next, [...x, ...coordinatesOf(next, instruction.reduce)]);
    return accumulator.state();
  });
}

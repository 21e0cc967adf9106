/** What a reduction has come to in front of a position, word for word as the step verifier keeps it (contracts/step). */
import type { ContractInstruction, ReduceInstruction, Word } from "../program/types.ts";
import { coordinatesOf, readAccess, readView, type Read } from "../reference/access.ts";
import { fabs, fmax, fmin, fmul } from "../reference/arithmetic.ts";
import { isInfinite, isNaN32, isNegative, isZero, nan, one } from "../reference/binary32.ts";
import { iadd, imax, imin, imul, signed } from "../reference/integers.ts";
import { chooses } from "../reference/reduce.ts";

/** Six words of 256 bits: what the elements in front of a position give. */
export type StepState = readonly bigint[];
export const initialState: StepState = [0n, 0n, 0n, 0n, 0n, 0n];

/** Takes the elements of a reduction in row-major order. */
interface Accumulator {
  /** @param number the element's position in the reduction space. @param loop its coordinates behind the output's. */
  take(number: number, loop: readonly number[]): void;
  state(): StepState;
}

const limbBits = 170;
/** Products below 2^48 are added up in halves, so that this many of them stay exact in binary64. */
const mostProducts = 2 ** 28;
const half = 2 ** 24;
const seen = { nan: 1n, infinity: 2n, minusInfinity: 4n };

/** An exact sum of products in three limbs (contracts/libraries/ExactSum.sol). */
class LimbSum {
  readonly #limbs: bigint[];
  #specials: bigint;
  /** What the limbs lack: sums of products with one sum of biased exponents, the lower and the upper halves apart. */
  readonly #low = new Float64Array(512);
  readonly #high = new Float64Array(512);
  #products = 0;

  constructor([low, middle, high, specials]: StepState) {
    this.#limbs = [low!, middle!, high!].map((limb) => BigInt.asIntN(256, limb));
    this.#specials = specials!;
  }

  addProduct(a: Word, b: Word): void {
    const negative = isNegative(a) !== isNegative(b);
    if (isNaN32(a) || isNaN32(b)) this.#specials |= seen.nan;
    else if (isInfinite(a) || isInfinite(b)) {
      if (isZero(a) || isZero(b)) this.#specials |= seen.nan;
      else this.#specials |= negative ? seen.minusInfinity : seen.infinity;
    } else {
      const exponent = exponentOf(a) + exponentOf(b);
      const product = (negative ? -1 : 1) * significandOf(a) * significandOf(b);
      const low = product % half;
      this.#low[exponent]! += low;
      this.#high[exponent]! += (product - low) / half;
      if (++this.#products === mostProducts) this.#carry();
    }
  }

  state(terms: number): StepState {
    this.#carry();
    return [...this.#limbs.map((limb) => BigInt.asUintN(256, limb)), this.#specials, BigInt(terms), 0n];
  }

  #carry(): void {
    this.#products = 0;
    for (const [exponent, low] of this.#low.entries()) {
      const high = this.#high[exponent]!;
      if (low === 0 && high === 0) continue;
      this.#limbs[Math.floor(exponent / limbBits)]! += (BigInt(low) + BigInt(half) * BigInt(high)) << BigInt(exponent % limbBits);
    }
    this.#low.fill(0);
    this.#high.fill(0);
  }
}

/** Biased, and 1 for a subnormal. */
const exponentOf = (word: Word): number => (word >>> 23) & 0xff || 1;
/** Of a finite word: below 2^24. */
const significandOf = (word: Word): number => (word & 0x7fffff) + (((word >>> 23) & 0xff) === 0 ? 0 : 0x800000);

function products(instruction: ContractInstruction, operands: readonly Word[], read: Read, start: StepState): Accumulator {
  const pair = (loop: readonly number[]) => [readAccess(instruction.a, loop, read), readAccess(instruction.b, loop, read)] as const;
  if (instruction.type === "f32") {
    const sum = new LimbSum(start);
    const take = (_: number, loop: readonly number[]) => {
      const [a, b] = pair(loop);
      if (a !== null && b !== null) sum.addProduct(a, b);
    };
    return { take, state: () => sum.state(0) };
  }
  const zero = (operand: number | null) => (operand === null ? 0n : signed(operands[operand]!));
  const [zeroA, zeroB] = [zero(instruction.zeroA), zero(instruction.zeroB)];
  let sum = BigInt.asIntN(256, start[0]!);
  const take = (_: number, loop: readonly number[]) => {
    const [a, b] = pair(loop);
    if (a !== null && b !== null) sum += (signed(a) - zeroA) * (signed(b) - zeroB);
  };
  return { take, state: () => [BigInt.asUintN(256, sum), 0n, 0n, 0n, 0n, 0n] };
}

function terms(instruction: ReduceInstruction, read: Read, start: StepState): Accumulator {
  const sum = new LimbSum(start);
  let count = Number(start[4]);
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

function fold(instruction: ReduceInstruction, read: Read, [first, number]: StepState): Accumulator {
  const combine = combinations[`${instruction.type} ${instruction.reducer}`];
  let value: Word | null = first === 0n ? null : Number(first! - found);
  let chosen = Number(number);
  const take = (number: number, loop: readonly number[]) => {
    const word = readAccess(instruction.x, loop, read);
    if (word === null) return;
    if (combine !== undefined) {
      const alone = instruction.type === "f32" && isNaN32(word) ? nan : word;
      value = value === null ? alone : combine(value, word);
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
 * @param start a position in front of them, and the state there.
 * @returns the state in front of each of them.
 * @throws ProgramError where `read` refuses an address.
 */
export function statesAt(
  instruction: ContractInstruction | ReduceInstruction,
  element: number,
  read: Read,
  positions: readonly number[],
  start: { position: number; state: StepState } = { position: 0, state: initialState },
): StepState[] {
  const x = coordinatesOf(element, instruction.dims);
  const operands: Word[] = [];
  for (const view of instruction.operands) operands.push(readView(view, x, operands, read));
  const accumulator =
    instruction.kind === "contract"
      ? products(instruction, operands, read, start.state)
      : isSum(instruction)
        ? terms(instruction, read, start.state)
        : fold(instruction, read, start.state);
  let next = start.position;
  const loop = [...x, ...coordinatesOf(next, instruction.reduce)];
  return positions.map((position) => {
    for (; next < position; next++) {
      accumulator.take(next, loop);
      advance(loop, x.length, instruction.reduce);
    }
    return accumulator.state();
  });
}

/** Goes on to the next element, in place. @param first where the reduction's coordinates begin. */
function advance(loop: number[], first: number, sizes: readonly number[]): void {
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    if (++loop[first + axis]! < sizes[axis]!) return;
    loop[first + axis] = 0;
  }
}

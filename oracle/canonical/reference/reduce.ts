/** The core of a reduction (docs/canonical.md, section 4). */
import type { ReduceInstruction, Word } from "../program/types.ts";
import { coordinates, readAccess, type Read } from "./access.ts";
import { fabs, fmax, fmin, fmul } from "./arithmetic.ts";
import { compare, infinity, isNaN32, one, withSign } from "./binary32.ts";
import { ExactSum } from "./exactSum.ts";
import { imax, imin, imul, largest, signed, smallest, wrapped } from "./integers.ts";

interface Element {
  /** Row-major position in the reduction space. */
  number: number;
  word: Word;
}

function* elements({ x: access, reduce }: ReduceInstruction, x: readonly number[], read: Read): Generator<Element> {
  let number = 0;
  for (const k of coordinates(reduce)) {
    const word = readAccess(access, [...x, ...k], read);
    if (word !== null) yield { number, word };
    number++;
  }
}

function sum(instruction: ReduceInstruction, found: readonly Element[]): Word {
  if (instruction.type === "i32") return wrapped(found.reduce((total, { word }) => total + signed(word), 0n));
  const total = new ExactSum();
  for (const { word } of found) {
    if (instruction.reducer === "sumSquare") total.addProduct(word, word);
    else total.add(instruction.reducer === "sumAbs" ? fabs(word) : word);
  }
  return total.rounded(instruction.divisor === 0 ? found.length : instruction.divisor);
}

/** @returns whether a is to be chosen over the best so far, which stands in front of it. */
export function chooses({ type, reducer }: ReduceInstruction, a: Word, best: Word): boolean {
  const last = reducer.endsWith("Last");
  if (type === "f32" && (isNaN32(a) || isNaN32(best))) return isNaN32(a) && (last || !isNaN32(best));
  const order = type === "f32" ? compare(a, best) : Math.sign((a | 0) - (best | 0));
  const wanted = reducer.startsWith("argmax") ? order : -order;
  return last ? wanted >= 0 : wanted > 0;
}

function choice(instruction: ReduceInstruction, found: readonly Element[]): Word {
  let best: Element | null = null;
  for (const element of found) if (best === null || chooses(instruction, element.word, best.word)) best = element;
  return wrapped(BigInt(best?.number ?? -1));
}

/** @param x output coordinates. */
export function reduce(instruction: ReduceInstruction, x: readonly number[], read: Read): Word {
  const found = [...elements(instruction, x, read)];
  const float = instruction.type === "f32";
  const fold = (step: (a: Word, b: Word) => Word, first: Word) => found.reduce((value, { word }) => step(value, word), first);
  switch (instruction.reducer) {
    case "sum":
    case "sumAbs":
    case "sumSquare":
      return sum(instruction, found);
    case "max":
      return float ? fold(fmax, withSign(infinity, true)) : fold(imax, wrapped(smallest));
    case "min":
      return float ? fold(fmin, infinity) : fold(imin, wrapped(largest));
    case "product":
      return float ? fold(fmul, one) : fold(imul, 1);
    case "argmax":
    case "argmin":
    case "argmaxLast":
    case "argminLast":
      return choice(instruction, found);
  }
}

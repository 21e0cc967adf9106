/** The bytes that stand for names in records, both ways. */
import { ProgramError } from "./check.ts";
import { opcodes, type Opcode } from "./opcodes.ts";
import type { ElementType, Instruction, Reducer, Space } from "./types.ts";

class Codes<Name extends string> {
  #what: string;
  #codes: Record<Name, number>;
  #names: Map<number, Name>;

  constructor(what: string, codes: Record<Name, number>) {
    this.#what = what;
    this.#codes = codes;
    this.#names = new Map(Object.entries(codes).map(([name, code]) => [code as number, name as Name]));
  }

  of(name: Name): number {
    return this.#codes[name];
  }

  /** @throws ProgramError where no name has the code. */
  nameOf(code: number): Name {
    const name = this.#names.get(code);
    if (name === undefined) throw new ProgramError(`no ${this.#what} has the code ${code}`);
    return name;
  }
}

export const kindCodes = new Codes<Instruction["kind"]>("instruction kind", { input: 1, map: 2, contract: 3, reduce: 4 });
export const typeCodes = new Codes<ElementType>("element type", { f32: 1, i32: 2 });
export const spaceCodes = new Codes<Space>("space", { trace: 1, weights: 2 });
export const reducerCodes = new Codes<Reducer>("reducer", {
  sum: 1,
  sumAbs: 2,
  sumSquare: 3,
  max: 4,
  min: 5,
  product: 6,
  argmax: 7,
  argmin: 8,
  argmaxLast: 9,
  argminLast: 10,
});
export const opCodes = new Codes<Opcode>(
  "operation",
  Object.fromEntries(Object.entries(opcodes).map(([name, { code }]) => [name, code])) as Record<Opcode, number>,
);

/** Stands for "no operand". */
export const none = 255;

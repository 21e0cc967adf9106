/** Every opcode's meaning. */
import type { Opcode } from "../program/opcodes.ts";
import type { Word } from "../program/types.ts";
import * as arithmetic from "./arithmetic.ts";
import * as functions from "./functions.ts";
import * as integers from "./integers.ts";

type Operation = (a: Word, b: Word, c: Word) => Word;

const { fadd, fsub, fmul, fdiv, fmax, fmin, frem, fneg, fabs, fsign, ffloor, fceil, ftrunc, fround, fsqrt, feq, flt, fle } = arithmetic;
const { fexp, flog, ftanh, fsigmoid, ferf, fsin, fcos } = functions;
const { iadd, isub, imul, idiv, irem, imod, imin, imax, iand, ior, ixor, ishl, ishr, isar, ieq, ilt, ile, toInt, toFloat } = integers;

// prettier-ignore
const operations: Record<Opcode, Operation> = {
  fadd, fsub, fmul, fdiv, fmax, fmin, frem, fneg, fabs, fsign, ffloor, fceil, ftrunc, fround, fsqrt, feq, flt, fle,
  fexp, flog, ftanh, fsigmoid, ferf, fsin, fcos,
  iadd, isub, imul, idiv, irem, imod, imin, imax, iand, ior, ixor, ishl, ishr, isar, ieq, ilt, ile, toInt, toFloat,
  select: (c, a, b) => (c !== 0 ? a : b),
};

/** @param args as many words as the opcode takes. */
export function apply(op: Opcode, args: readonly Word[]): Word {
  return operations[op](args[0]!, args[1] ?? 0, args[2] ?? 0);
}

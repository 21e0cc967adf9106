/** What a program must satisfy before anybody encodes it, and after anybody decodes it (docs/canonical.md, section 7). */
import { dtypes, elementCount, maxRank } from "../../core/tensor.ts";
import { wordsPerLeaf } from "../../core/traceTree.ts";
import { outputLeaves, outputWords, traceLeaves } from "./layout.ts";
import { opcodes } from "./opcodes.ts";
import { limits, type Access, type Expression, type Instruction, type Program, type View } from "./types.ts";

export class ProgramError extends Error {
  override name = "ProgramError";
}

function range(what: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new ProgramError(`${what} is ${value}; it must be an integer from ${min} to ${max}`);
  }
}

const u32 = 2 ** 32 - 1;
const i32 = (what: string, value: number) => range(what, value, -(2 ** 31), 2 ** 31 - 1);

/** The largest magnitude that `first + Σ factors · coordinates` and its partial sums can have: below 2^53, so binary64 holds them exactly. */
function checkReach(what: string, first: number, factors: readonly [factor: number, size: number][]): void {
  const reach = factors.reduce((sum, [factor, size]) => sum + Math.abs(factor) * size, Math.abs(first));
  if (reach >= 2 ** 53) throw new ProgramError(`${what} can reach ${reach}; it must stay below 2^53`);
}

/** @param sizes of the loop axes. */
function checkAccess(what: string, access: Access, sizes: readonly number[]): void {
  const axes = sizes.length;
  if (access.space !== "trace" && access.space !== "weights") throw new ProgramError(`${what} reads space ${String(access.space)}`);
  range(`${what}: offset`, access.offset, -limits.offset, limits.offset);
  range(`${what}: number of strides`, access.strides.length, axes, axes);
  for (const stride of access.strides) i32(`${what}: stride`, stride);
  range(`${what}: number of bounds`, access.bounds.length, 0, limits.bounds);
  for (const { start, limit, terms } of access.bounds) {
    i32(`${what}: a bound's start`, start);
    range(`${what}: a bound's limit`, limit, 1, u32);
    range(`${what}: number of a bound's terms`, terms.length, 0, limits.terms);
    terms.forEach(({ axis, factor }, i) => {
      range(`${what}: a bound's axis`, axis, i === 0 ? 0 : terms[i - 1]!.axis + 1, axes - 1);
      i32(`${what}: a bound's factor`, factor);
      if (factor === 0) throw new ProgramError(`${what}: a bound's factor is 0`);
    });
    checkReach(
      `${what}: a bound`,
      start,
      terms.map(({ axis, factor }) => [factor, sizes[axis]!]),
    );
  }
  checkReach(
    `${what}: an address`,
    access.offset,
    access.strides.map((stride, axis) => [stride, sizes[axis]!]),
  );
}

function checkView(number: number, { accesses, pad }: View, sizes: readonly number[]): void {
  const what = `operand ${number}`;
  range(`${what}: pad`, pad, 0, u32);
  range(`${what}: number of accesses`, accesses.length, 1, limits.accesses);
  for (const access of accesses) {
    checkAccess(what, access, sizes);
    range(`${what}: number of index terms`, access.indices.length, 0, limits.indices);
    for (const { operand, stride, limit } of access.indices) {
      range(`${what}: an index term's operand`, operand, 0, number - 1);
      i32(`${what}: an index term's stride`, stride);
      range(`${what}: an index term's limit`, limit, 1, 2 ** 31 - 1);
    }
  }
}

function checkExpression({ operands, constants, ops }: Expression, sizes: readonly number[], hasCore: boolean): void {
  range("number of operands", operands.length, 0, limits.operands);
  operands.forEach((view, number) => checkView(number, view, sizes));
  range("number of constants", constants.length, 0, limits.constants);
  for (const constant of constants) range("a constant", constant, 0, u32);
  range("number of operations", ops.length, 0, limits.ops);
  let values = operands.length + (hasCore ? 1 : 0) + constants.length;
  for (const { op, args } of ops) {
    if (!Object.hasOwn(opcodes, op)) throw new ProgramError(`there is no operation ${String(op)}`);
    range(`number of arguments of ${op}`, args.length, opcodes[op].arity, opcodes[op].arity);
    for (const arg of args) range(`an argument of ${op}`, arg, 0, values - 1);
    values++;
  }
  range("number of values", values, 1, 255);
}

function checkShape(what: string, shape: readonly number[]): void {
  range(`${what}: rank`, shape.length, 0, maxRank);
  for (const dimension of shape) range(`${what}: a dimension`, dimension, 0, u32);
  range(`${what}: number of elements`, elementCount(shape), 0, limits.leaves * wordsPerLeaf);
}

function checkAxes(what: string, sizes: readonly number[]): void {
  range(`number of ${what} axes`, sizes.length, 1, limits.axes);
  for (const size of sizes) range(`size of a ${what} axis`, size, 1, u32);
  range(`product of the ${what} axes`, outputWords({ dims: sizes }), 1, limits.leaves * wordsPerLeaf);
}

const reducers = ["sum", "sumAbs", "sumSquare", "max", "min", "product", "argmax", "argmin", "argmaxLast", "argminLast"];

function checkType(type: string): void {
  if (type !== "f32" && type !== "i32") throw new ProgramError(`there is no element type ${type}`);
}

/** @throws ProgramError saying which number of the instruction is out of its range. `outLeaf` is only checked for its range. */
export function checkInstruction(instruction: Instruction, inputs: Program["inputs"]): void {
  range("outLeaf", instruction.outLeaf, 0, limits.leaves);
  checkAxes("output", instruction.dims);
  switch (instruction.kind) {
    case "input": {
      range("number of the input tensor", instruction.tensor, 0, inputs.length - 1);
      const words = elementCount(inputs[instruction.tensor]!.shape);
      if (instruction.dims.length !== 1 || instruction.dims[0] !== words) {
        throw new ProgramError(`an input of ${words} elements has the output axes [${instruction.dims.join(", ")}]`);
      }
      return;
    }
    case "map":
      checkExpression(instruction, instruction.dims, false);
      return;
    case "contract": {
      checkType(instruction.type);
      checkAxes("reduction", instruction.reduce);
      for (const side of ["a", "b"] as const) checkAccess(side, instruction[side], [...instruction.dims, ...instruction.reduce]);
      for (const role of ["bias", "zeroA", "zeroB"] as const) {
        if (instruction[role] !== null) range(`operand number of ${role}`, instruction[role], 0, instruction.operands.length - 1);
      }
      if (instruction.type === "f32" && (instruction.zeroA ?? instruction.zeroB) !== null) {
        throw new ProgramError("a contraction of f32 has a zero point");
      }
      checkExpression(instruction, instruction.dims, true);
      return;
    }
    case "reduce": {
      checkType(instruction.type);
      if (!reducers.includes(instruction.reducer)) throw new ProgramError(`there is no reducer ${instruction.reducer}`);
      const divides = instruction.type === "f32" && instruction.reducer.startsWith("sum");
      range("divisor", instruction.divisor, divides ? 0 : 1, divides ? u32 : 1);
      if (instruction.type === "i32" && (instruction.reducer === "sumAbs" || instruction.reducer === "sumSquare")) {
        throw new ProgramError(`i32 knows no reducer ${instruction.reducer}`);
      }
      checkAxes("reduction", instruction.reduce);
      checkAccess("x", instruction.x, [...instruction.dims, ...instruction.reduce]);
      checkExpression(instruction, instruction.dims, true);
    }
  }
}

/**
 * Checks everything but the addresses that accesses reach, which an evaluation checks.
 * @throws ProgramError saying which instruction and which number.
 */
export function checkProgram({ inputs, outputs, instructions, weightLeaves }: Program): void {
  for (const [what, tensors] of [
    ["input", inputs],
    ["output", outputs],
  ] as const) {
    range(`number of ${what}s`, tensors.length, 0, limits.tensors);
    tensors.forEach(({ dtype, shape }, i) => {
      if (!Object.hasOwn(dtypes, dtype)) throw new ProgramError(`${what} ${i} has element type ${String(dtype)}`);
      checkShape(`${what} ${i}`, shape);
    });
  }
  range("number of instructions", instructions.length, 1, limits.instructions);
  range("weight leaves", weightLeaves, 0, limits.leaves);
  let leaves = 0;
  instructions.forEach((instruction, i) => {
    try {
      checkInstruction(instruction, inputs);
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      throw new ProgramError(`instruction ${i} (${instruction.kind}): ${error.message}`, { cause: error });
    }
    if (instruction.outLeaf !== leaves) throw new ProgramError(`instruction ${i} starts at leaf ${instruction.outLeaf}, not at ${leaves}`);
    leaves += outputLeaves(instruction);
  });
  range("trace leaves", leaves, 1, limits.leaves);
  const words = traceLeaves({ instructions }) * wordsPerLeaf;
  outputs.forEach(({ shape, offset }, i) => range(`offset of output ${i}`, offset, 0, words - elementCount(shape)));
}

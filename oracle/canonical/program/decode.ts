/** The strict inverse of encode.ts. */
import { type Dtype, dtypeOfCode, TensorError } from "../../core/tensor.ts";
import { ByteReader } from "./bytes.ts";
import { checkProgram, ProgramError } from "./check.ts";
import { kindCodes, none, opCodes, reducerCodes, spaceCodes, typeCodes } from "./codes.ts";
import { version } from "./encode.ts";
import { traceLeaves } from "./layout.ts";
import { opcodes } from "./opcodes.ts";
import { limits, type Access, type Expression, type Instruction, type Program, type ProgramInput, type View } from "./types.ts";

function readAccess(reader: ByteReader, axes: number): Access {
  return {
    space: spaceCodes.nameOf(reader.u8()),
    offset: reader.i64(),
    strides: Array.from({ length: axes }, () => reader.i32()),
    bounds: reader.list(() => ({
      start: reader.i32(),
      limit: reader.u32(),
      terms: reader.list(() => ({ axis: reader.u8(), factor: reader.i32() })),
    })),
  };
}

function readView(reader: ByteReader, axes: number): View {
  const pad = reader.u32();
  const accesses = reader.list(() => ({
    ...readAccess(reader, axes),
    indices: reader.list(() => ({ operand: reader.u8(), stride: reader.i32(), limit: reader.u32() })),
  }));
  return { accesses, pad };
}

function readExpression(reader: ByteReader, axes: number): Expression {
  return {
    operands: reader.list(() => readView(reader, axes)),
    constants: reader.list(() => reader.u32()),
    ops: reader.list(() => {
      const op = opCodes.nameOf(reader.u8());
      return { op, args: Array.from({ length: opcodes[op].arity }, () => reader.u8()) };
    }),
  };
}

const readShape = (reader: ByteReader) => reader.list(() => reader.u32());

function readDtype(reader: ByteReader): Dtype {
  try {
    return dtypeOfCode(reader.u8());
  } catch (error) {
    if (!(error instanceof TensorError)) throw error;
    throw new ProgramError(error.message, { cause: error });
  }
}

const readTensor = (reader: ByteReader): ProgramInput => ({ dtype: readDtype(reader), shape: readShape(reader) });

function readOperandNumber(reader: ByteReader): number | null {
  const operand = reader.u8();
  return operand === none ? null : operand;
}

function readInput(reader: ByteReader, inputs: readonly ProgramInput[]): { tensor: number } {
  const tensor = reader.u8();
  const count = reader.u8();
  const { dtype, shape } = readTensor(reader);
  const named = inputs[tensor];
  if (count !== inputs.length || named === undefined || dtype !== named.dtype || shape.join() !== named.shape.join()) {
    throw new ProgramError(
      `an input instruction names input ${tensor} of ${count}, ${dtype}[${shape.join(", ")}], which the header does not have`,
    );
  }
  return { tensor };
}

function readInstruction(reader: ByteReader, inputs: readonly ProgramInput[]): Instruction {
  const kind = kindCodes.nameOf(reader.u8());
  const outLeaf = reader.u32();
  const dims = readShape(reader);
  switch (kind) {
    case "input":
      return { kind, outLeaf, dims, ...readInput(reader, inputs) };
    case "map":
      return { kind, outLeaf, dims, ...readExpression(reader, dims.length) };
    case "contract": {
      const type = typeCodes.nameOf(reader.u8());
      const reduce = readShape(reader);
      const [bias, zeroA, zeroB] = [readOperandNumber(reader), readOperandNumber(reader), readOperandNumber(reader)];
      const [a, b] = [readAccess(reader, dims.length + reduce.length), readAccess(reader, dims.length + reduce.length)];
      return { kind, outLeaf, dims, type, reduce, bias, zeroA, zeroB, a, b, ...readExpression(reader, dims.length) };
    }
    case "reduce": {
      const [type, reducer] = [typeCodes.nameOf(reader.u8()), reducerCodes.nameOf(reader.u8())];
      const divisor = reader.u32();
      const reduce = readShape(reader);
      const x = readAccess(reader, dims.length + reduce.length);
      return { kind, outLeaf, dims, type, reducer, divisor, reduce, x, ...readExpression(reader, dims.length) };
    }
  }
}

/** @throws ProgramError on anything that `encodeProgram` could not have made. */
export function decodeProgram(bytes: Uint8Array): Program {
  const reader = new ByteReader(bytes);
  const found = reader.u8();
  if (found !== version) throw new ProgramError(`a program of version ${found}; this reads version ${version}`);
  const inputs = reader.list(() => readTensor(reader));
  const outputs = reader.list(() => ({ ...readTensor(reader), offset: reader.i64() }));
  const count = reader.u32();
  const leaves = reader.u32();
  const weightLeaves = reader.u32();
  if (count > limits.instructions) throw new ProgramError(`${count} instructions; at most ${limits.instructions} are allowed`);
  const instructions: Instruction[] = [];
  for (let i = 0; i < count; i++) {
    const length = reader.u16();
    if (length > limits.record) throw new ProgramError(`a record of ${length} bytes; at most ${limits.record} are allowed`);
    const record = new ByteReader(reader.bytes(length));
    instructions.push(readInstruction(record, inputs));
    record.end();
  }
  reader.end();
  const program = { inputs, outputs, instructions, weightLeaves };
  checkProgram(program);
  if (leaves !== traceLeaves(program)) throw new ProgramError(`the header says ${leaves} trace leaves; they are ${traceLeaves(program)}`);
  return program;
}

/** A program as bytes (docs/canonical.md, section 7). */
import { dtypes } from "../../core/tensor.ts";
import { ByteWriter } from "./bytes.ts";
import { checkInstruction, checkProgram, ProgramError } from "./check.ts";
import { kindCodes, none, opCodes, reducerCodes, spaceCodes, typeCodes } from "./codes.ts";
import { traceLeaves } from "./layout.ts";
import { limits, type Access, type Bound, type Expression, type Instruction, type Program, type ProgramInput, type View } from "./types.ts";

export const version = 1;

function writeAccess(writer: ByteWriter, { space, offset, strides, bounds }: Access): void {
  writer.u8(spaceCodes.of(space));
  writer.i64(offset);
  for (const stride of strides) writer.i32(stride);
  writer.list(bounds, ({ start, limit, terms }: Bound) => {
    writer.i32(start);
    writer.u32(limit);
    writer.list(terms, ({ axis, factor }) => {
      writer.u8(axis);
      writer.i32(factor);
    });
  });
}

function writeView(writer: ByteWriter, { accesses, pad }: View): void {
  writer.u32(pad);
  writer.list(accesses, (access) => {
    writeAccess(writer, access);
    writer.list(access.indices, ({ operand, stride, limit }) => {
      writer.u8(operand);
      writer.i32(stride);
      writer.u32(limit);
    });
  });
}

function writeExpression(writer: ByteWriter, { operands, constants, ops }: Expression): void {
  writer.list(operands, (view) => writeView(writer, view));
  writer.list(constants, (constant) => writer.u32(constant));
  writer.list(ops, ({ op, args }) => {
    writer.u8(opCodes.of(op));
    for (const arg of args) writer.u8(arg);
  });
}

const writeShape = (writer: ByteWriter, shape: readonly number[]) => writer.list(shape, (size) => writer.u32(size));

function writeTensor(writer: ByteWriter, { dtype, shape }: ProgramInput): void {
  writer.u8(dtypes[dtype].code);
  writeShape(writer, shape);
}

function writeRecord(instruction: Instruction, inputs: readonly ProgramInput[]): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(kindCodes.of(instruction.kind));
  writer.u32(instruction.outLeaf);
  writeShape(writer, instruction.dims);
  switch (instruction.kind) {
    case "input":
      writer.u8(instruction.tensor);
      writer.u8(inputs.length);
      writeTensor(writer, inputs[instruction.tensor]!);
      break;
    case "map":
      writeExpression(writer, instruction);
      break;
    case "contract":
      writer.u8(typeCodes.of(instruction.type));
      writeShape(writer, instruction.reduce);
      for (const operand of [instruction.bias, instruction.zeroA, instruction.zeroB]) writer.u8(operand ?? none);
      writeAccess(writer, instruction.a);
      writeAccess(writer, instruction.b);
      writeExpression(writer, instruction);
      break;
    case "reduce":
      writer.u8(typeCodes.of(instruction.type));
      writer.u8(reducerCodes.of(instruction.reducer));
      writer.u32(instruction.divisor);
      writeShape(writer, instruction.reduce);
      writeAccess(writer, instruction.x);
      writeExpression(writer, instruction);
  }
  if (writer.length > limits.record) throw new ProgramError(`a record takes ${writer.length} bytes; at most ${limits.record} are allowed`);
  return writer.finish();
}

/**
 * @param inputs the program's inputs, one of which an input instruction names.
 * @throws ProgramError where the instruction breaks a limit.
 */
export function encodeInstruction(instruction: Instruction, inputs: ProgramInput[]): Uint8Array {
  checkInstruction(instruction, inputs);
  return writeRecord(instruction, inputs);
}

/** Assumes a checked program. */
export function encodeHeader(program: Program): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(version);
  writer.list(program.inputs, (input) => writeTensor(writer, input));
  writer.list(program.outputs, (output) => {
    writeTensor(writer, output);
    writer.i64(output.offset);
  });
  writer.u32(program.instructions.length);
  writer.u32(traceLeaves(program));
  writer.u32(program.weightLeaves);
  return writer.finish();
}

/** @throws ProgramError where the program breaks a limit. */
export function encodeProgram(program: Program): Uint8Array {
  const { header, records } = encodeParts(program);
  const writer = new ByteWriter();
  writer.bytes(header);
  for (const record of records) {
    writer.u16(record.length);
    writer.bytes(record);
  }
  return writer.finish();
}

/**
 * @returns the header and one record an instruction: the preimages of the program root.
 * @throws ProgramError where the program breaks a limit.
 */
export function encodeParts(program: Program): { header: Uint8Array; records: Uint8Array[] } {
  checkProgram(program);
  const records = program.instructions.map((instruction, i) => {
    try {
      return writeRecord(instruction, program.inputs);
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      throw new ProgramError(`instruction ${i} (${instruction.kind}): ${error.message}`, { cause: error });
    }
  });
  return { header: encodeHeader(program), records };
}

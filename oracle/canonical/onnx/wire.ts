/** Walks a protobuf file by its schema before anything is decoded, so that what is decoded is bounded and means one thing. */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { OnnxError } from "./errors.ts";
import { limits } from "./limits.ts";

interface Budget {
  messages: number;
  scalars: number;
}

const fieldsOf = new WeakMap<DescMessage, Map<number, DescField>>();

function fieldsByNumber(message: DescMessage): Map<number, DescField> {
  let fields = fieldsOf.get(message);
  if (fields === undefined) {
    fields = new Map(message.fields.map((field) => [field.number, field]));
    fieldsOf.set(message, fields);
  }
  return fields;
}

/** The scalar type of a field's elements, or the message that they are. */
function elementOf(field: DescField): ScalarType | DescMessage {
  if (field.fieldKind === "message") return field.message;
  if (field.fieldKind === "enum") return ScalarType.INT32;
  if (field.fieldKind === "scalar") return field.scalar;
  if (field.fieldKind === "list") {
    if (field.listKind === "message") return field.message;
    return field.listKind === "enum" ? ScalarType.INT32 : field.scalar;
  }
  throw new OnnxError(`field ${field.name} is a map, which no ONNX message has`);
}

function wireTypeOf(scalar: ScalarType): WireType {
  switch (scalar) {
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    default:
      return WireType.Varint;
  }
}

/** How many numbers a packed field holds; a varint ends at each byte below 128. */
function packedCount(bytes: Uint8Array, wireType: WireType): number {
  if (wireType === WireType.Bit64) return bytes.length / 8;
  if (wireType === WireType.Bit32) return bytes.length / 4;
  let count = 0;
  for (const byte of bytes) if (byte < 128) count++;
  return count;
}

function spend(budget: Budget, kind: keyof Budget, count: number): void {
  budget[kind] -= count;
  if (budget[kind] < 0) throw new OnnxError(`the file holds more than ${limits[kind]} ${kind}; large tensors belong in raw_data`);
}

function scanScalar(reader: BinaryReader, field: DescField, scalar: ScalarType, wireType: WireType, budget: Budget): void {
  const expected = wireTypeOf(scalar);
  if (expected === WireType.LengthDelimited) {
    const length = reader.bytes().length;
    if (scalar === ScalarType.STRING && length > limits.nameBytes && field.name !== "doc_string" && field.name !== "value")
      throw new OnnxError(`${field.parent.name}.${field.name} has ${length} bytes; at most ${limits.nameBytes} are allowed`);
    spend(budget, "scalars", 1);
    return;
  }
  if (wireType === WireType.LengthDelimited && field.fieldKind === "list") {
    const count = packedCount(reader.bytes(), expected);
    if (!Number.isInteger(count)) throw new OnnxError(`${field.parent.name}.${field.name} is cut in the middle of a number`);
    spend(budget, "scalars", count);
    return;
  }
  reader.skip(wireType);
  spend(budget, "scalars", 1);
}

function scanMessage(bytes: Uint8Array, message: DescMessage, depth: number, budget: Budget): void {
  if (depth > limits.messageDepth) throw new OnnxError(`messages are nested more than ${limits.messageDepth} deep`);
  spend(budget, "messages", 1);
  const reader = new BinaryReader(bytes);
  const fields = fieldsByNumber(message);
  const seen = new Set<string>();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = fields.get(number);
    if (field === undefined) throw new OnnxError(`${message.name} has a field ${number} that ONNX 1.20 does not know`);
    // A second occurrence would override or merge into the first, and readers disagree about how.
    const slot = field.oneof?.name ?? field.name;
    if (field.fieldKind !== "list" && seen.has(slot)) throw new OnnxError(`${message.name}.${slot} is given twice`);
    seen.add(slot);
    const element = elementOf(field);
    const expected = typeof element === "object" ? WireType.LengthDelimited : wireTypeOf(element);
    const packed = field.fieldKind === "list" && wireType === WireType.LengthDelimited;
    if (wireType !== expected && !packed) throw new OnnxError(`${message.name}.${field.name} has wire type ${wireType}, not ${expected}`);
    if (typeof element === "object") scanMessage(reader.bytes(), element, depth + 1, budget);
    else scanScalar(reader, field, element, wireType, budget);
  }
}

/**
 * Checks that `bytes` are one message of `schema`: no unknown field, no singular field twice, no more than `limits` allow.
 * @throws OnnxError
 */
export function scan(schema: DescMessage, bytes: Uint8Array): void {
  if (bytes.length > limits.fileBytes) throw new OnnxError(`the file has ${bytes.length} bytes; at most ${limits.fileBytes} are read`);
  try {
    scanMessage(bytes, schema, 0, { messages: limits.messages, scalars: limits.scalars });
  } catch (error) {
    if (error instanceof OnnxError) throw error;
    throw new OnnxError(`the file is not a protobuf message of ONNX: ${(error as Error).message}`, { cause: error });
  }
}

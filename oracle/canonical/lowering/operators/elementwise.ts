/** Arithmetic, comparison and logic, element by element. */
import { uniformWord, floatOfWord } from "../constants.ts";
import type { Opcode } from "../../program/opcodes.ts";
import { intervalOf } from "../intervals.ts";
import { one, type Lowering, type LoweringTable, type Operation, type Value } from "../operation.ts";
import type { Tensor } from "../tensors.ts";
import { not, wrap, zeroLike } from "./integers.ts";

/** @param count how many inputs there must be; undefined for one or more. */
const sameElement = (operation: Operation, count?: number): Value[] => {
  const values = operation.inputs();
  if (values.length < 1 || (count !== undefined && values.length !== count)) operation.refuse(`there are ${values.length} inputs`);
  const [first] = values;
  const other = values.find(({ element }) => element !== first!.element);
  if (other !== undefined) operation.refuse(`inputs are ${first!.element} and ${other.element}`);
  return values;
};

/** ONNX Runtime answers nothing where an integer is divided by 0, and its process ends at the remainder of -2^31 by -1. */
function warnOfDivisor(operation: Operation, [a, b]: readonly Value[], remainder: boolean): void {
  const meets = ({ tensor }: Value, number: number) => {
    if (tensor.kind === "constant") return Array.from(tensor.numbers, Number).includes(number);
    const { low, high } = intervalOf(tensor);
    return low <= number && number <= high;
  };
  if (meets(b!, 0)) operation.warn("some inputs bring a divisor of 0 here: ONNX Runtime refuses them");
  if (remainder && meets(b!, -1) && meets(a!, -(2 ** 31)))
    operation.warn("some inputs bring a remainder of -2147483648 by -1 here, which ends ONNX Runtime's process");
}

/** Two inputs of one type. */
function arithmetic(float: Opcode, integer: Opcode): Lowering {
  return (operation) => {
    const [a, b] = sameElement(operation, 2);
    const { builder } = operation;
    if (operation.attributes.int("broadcast", 0) !== 0)
      operation.refuse("broadcasting by attribute (before operator set 7) is not covered");
    if (a!.element === "float32") return one("float32", builder.apply(float, a!.tensor, b!.tensor));
    if (integer === "idiv") warnOfDivisor(operation, [a!, b!], false);
    return one(a!.element, wrap(builder, a!.element, builder.apply(integer, a!.tensor, b!.tensor)));
  };
}

/** Any number of inputs of one type. @param integer null where integers are not covered. */
function variadic(float: Opcode, integer: Opcode | null): Lowering {
  return (operation) => {
    const values = sameElement(operation);
    const { element } = values[0]!;
    const op = element === "float32" ? float : (integer ?? operation.refuse(`${element} is not covered`));
    return one(
      element,
      values.map(({ tensor }) => tensor).reduce((a, b) => operation.builder.apply(op, a, b)),
    );
  };
}

function comparison(float: Opcode, integer: Opcode, swapped = false): Lowering {
  return (operation) => {
    const values = sameElement(operation, 2);
    const [a, b] = swapped ? [values[1]!, values[0]!] : [values[0]!, values[1]!];
    return one("bool", operation.builder.apply(a.element === "float32" ? float : integer, a.tensor, b.tensor));
  };
}

const logic =
  (op: Opcode): Lowering =>
  (operation) =>
    one("bool", operation.builder.apply(op, operation.typed(0, "bool").tensor, operation.typed(1, "bool").tensor));

const bitwise =
  (op: Opcode): Lowering =>
  (operation) => {
    const [a, b] = sameElement(operation, 2);
    if (a!.element === "float32") operation.refuse("float32 has no bitwise operations");
    const { element } = a!;
    return one(element, wrap(operation.builder, element, operation.builder.apply(op, a!.tensor, b!.tensor)));
  };

const unary =
  (op: Opcode): Lowering =>
  (operation) =>
    one("float32", operation.builder.apply(op, operation.f32(0)));

function abs(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const { builder } = operation;
  if (element === "float32") return one(element, builder.apply("fabs", tensor));
  if (element.startsWith("u")) return one(element, tensor);
  return one(element, wrap(builder, element, builder.apply("imax", tensor, builder.apply("isub", zeroLike(builder, tensor), tensor))));
}

function neg(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const { builder } = operation;
  if (element === "float32") return one(element, builder.apply("fneg", tensor));
  return one(element, wrap(builder, element, builder.apply("isub", zeroLike(builder, tensor), tensor)));
}

function sign(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const { builder } = operation;
  if (element === "float32") return one(element, builder.apply("fsign", tensor));
  const zero = zeroLike(builder, tensor);
  return one(element, builder.apply("isub", builder.apply("ilt", zero, tensor), builder.apply("ilt", tensor, zero)));
}

function mod(operation: Operation): Value[] {
  const [a, b] = sameElement(operation, 2);
  const truncated = operation.attributes.int("fmod", 0) === 1;
  const { builder } = operation;
  if (a!.element !== "float32") {
    warnOfDivisor(operation, [a!, b!], true);
    return one(a!.element, wrap(builder, a!.element, builder.apply(truncated ? "irem" : "imod", a!.tensor, b!.tensor)));
  }
  if (!truncated) operation.refuse("Mod of float32 needs fmod = 1");
  return one("float32", builder.apply("frem", a!.tensor, b!.tensor));
}

/** x·x·…·x by squaring, each product rounded. */
export function integerPower(operation: Operation, x: Tensor, exponent: number): Tensor {
  const { builder } = operation;
  if (exponent === 0) return builder.expand(builder.f32(1), x.shape);
  const half = exponent > 1 ? integerPower(operation, x, Math.floor(exponent / 2)) : null;
  if (half === null) return x;
  const square = builder.apply("fmul", half, half);
  return exponent % 2 === 1 ? builder.apply("fmul", square, x) : square;
}

function exponentOf(operation: Operation): number {
  const { element, tensor } = operation.constant(1, "the exponent");
  if (tensor.type === "i64")
    return operation.integers(1, "the exponent").reduce((a, b) => (a === b ? a : operation.refuse("the exponents differ")));
  const word = uniformWord(tensor);
  if (word === undefined) return operation.refuse("the exponents differ from one another; covered is one for all elements");
  return element === "float32" ? floatOfWord(word) : word | 0;
}

function pow(operation: Operation): Value[] {
  const { builder } = operation;
  const x = operation.f32(0);
  const exponent = exponentOf(operation);
  if (exponent === 0.5) return one("float32", builder.apply("fsqrt", x));
  const size = Math.abs(exponent);
  if (!Number.isInteger(exponent) || size > 64)
    operation.refuse(`the exponent is ${exponent}; covered are 0.5 and whole numbers from -64 to 64`);
  const power = integerPower(operation, builder.expand(x, x.shape), size);
  return one("float32", exponent < 0 ? builder.apply("fdiv", builder.f32(1), power) : power);
}

function clip(operation: Operation): Value[] {
  const { element, tensor } = operation.input(0);
  const { builder, attributes } = operation;
  const float = element === "float32";
  const bound = (name: "min" | "max", position: number): Tensor | undefined => {
    const stated = attributes.float(name, undefined);
    return stated === undefined ? operation.optional(position)?.tensor : builder.f32(stated);
  };
  const [low, high] = [bound("min", 1), bound("max", 2)];
  const raised = low === undefined ? tensor : builder.apply(float ? "fmax" : "imax", tensor, low);
  return one(element, high === undefined ? raised : builder.apply(float ? "fmin" : "imin", raised, high));
}

function bitShift(operation: Operation): Value[] {
  const [a, b] = sameElement(operation, 2);
  const direction = operation.attributes.string("direction", "");
  if (a!.element !== "uint8" && a!.element !== "uint16") operation.refuse(`BitShift of ${a!.element} is not covered`);
  if (direction !== "LEFT" && direction !== "RIGHT") operation.refuse(`the direction is '${direction}'`);
  const { builder } = operation;
  return one(a!.element, wrap(builder, a!.element, builder.apply(direction === "LEFT" ? "ishl" : "ishr", a!.tensor, b!.tensor)));
}

function isInf(operation: Operation): Value[] {
  const { builder, attributes } = operation;
  const x = operation.f32(0);
  const found = (wanted: number, value: number) =>
    wanted === 1 ? builder.apply("feq", x, builder.f32(value)) : builder.expand(builder.i32(0), x.shape);
  const positive = found(attributes.int("detect_positive", 1), Infinity);
  const negative = found(attributes.int("detect_negative", 1), -Infinity);
  return one("bool", builder.apply("ior", positive, negative));
}

function where(operation: Operation): Value[] {
  const condition = operation.typed(0, "bool").tensor;
  const [a, b] = [operation.input(1), operation.input(2)];
  if (a.element !== b.element) operation.refuse(`the branches are ${a.element} and ${b.element}`);
  return one(a.element, operation.builder.apply("select", condition, a.tensor, b.tensor));
}

export const elementwise: LoweringTable = {
  Add: arithmetic("fadd", "iadd"),
  Sub: arithmetic("fsub", "isub"),
  Mul: arithmetic("fmul", "imul"),
  Div: arithmetic("fdiv", "idiv"),
  Min: variadic("fmin", "imin"),
  Max: variadic("fmax", "imax"),
  Sum: variadic("fadd", null),
  Mean: (operation) => {
    const values = sameElement(operation).map((_, position) => operation.f32(position));
    const { builder } = operation;
    return one(
      "float32",
      builder.apply(
        "fdiv",
        values.reduce((a, b) => builder.apply("fadd", a, b)),
        builder.f32(values.length),
      ),
    );
  },
  Mod: mod,
  Pow: pow,
  Abs: abs,
  Neg: neg,
  Sign: sign,
  Floor: unary("ffloor"),
  Ceil: unary("fceil"),
  Round: unary("fround"),
  Sqrt: unary("fsqrt"),
  Exp: unary("fexp"),
  Log: unary("flog"),
  Tanh: unary("ftanh"),
  Sigmoid: unary("fsigmoid"),
  Erf: unary("ferf"),
  Sin: unary("fsin"),
  Cos: unary("fcos"),
  Reciprocal: (operation) => one("float32", operation.builder.apply("fdiv", operation.builder.f32(1), operation.f32(0))),
  Clip: clip,
  And: logic("iand"),
  Or: logic("ior"),
  Xor: logic("ixor"),
  Not: (operation) => one("bool", not(operation.builder, operation.typed(0, "bool").tensor)),
  BitwiseAnd: bitwise("iand"),
  BitwiseOr: bitwise("ior"),
  BitwiseXor: bitwise("ixor"),
  BitShift: bitShift,
  Equal: comparison("feq", "ieq"),
  Less: comparison("flt", "ilt"),
  LessOrEqual: comparison("fle", "ile"),
  Greater: comparison("flt", "ilt", true),
  GreaterOrEqual: comparison("fle", "ile", true),
  IsNaN: (operation) => one("bool", not(operation.builder, operation.builder.apply("feq", operation.f32(0), operation.f32(0)))),
  IsInf: isInf,
  Where: where,
};

/** The numbers of constant tensors: movement done on them, and operations folded in the canonical arithmetic. */
import { apply as applyToWords } from "../reference/operations.ts";
import type { Numbers } from "../onnx/elements.ts";
import type { Opcode } from "../program/opcodes.ts";
import type { Word } from "../program/types.ts";
import { Refusal } from "./refusal.ts";
import { addForms, constantForm, count, type Coordinate, type Form, type Piece, type Tensor, type WordType } from "./tensors.ts";

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** @returns the word of the nearest binary32; any NaN becomes the one that there is. */
export function wordOfFloat(value: number): Word {
  float[0] = value;
  return (bits[0]! & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits[0]!;
}

export function floatOfWord(word: Word): number {
  bits[0] = word;
  return float[0]!;
}

export function allocate(type: WordType, length: number): Numbers {
  switch (type) {
    case "f32":
      return new Float32Array(length);
    case "i32":
      return new Int32Array(length);
    case "i64":
      return new BigInt64Array(length);
    case "f64":
      return new Float64Array(length);
  }
}

/** @param pad a word for f32 and i32, else the number itself. */
function filled(type: WordType, length: number, pad: number): Numbers {
  const numbers = allocate(type, length);
  if (numbers instanceof BigInt64Array) return numbers.fill(BigInt(pad));
  if (numbers instanceof Float64Array) return numbers.fill(pad);
  new Uint32Array(numbers.buffer).fill(pad);
  return numbers;
}

export const listOf = (numbers: Numbers): (number | bigint)[] => Array.from(numbers as ArrayLike<number | bigint>);

/** @returns the words of f32 and i32 numbers, sharing their memory. */
export function wordsOf(numbers: Numbers): Uint32Array {
  return new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
}

export function isConstant(tensor: Tensor): boolean {
  if (tensor.kind === "constant") return true;
  if (tensor.kind === "reshape") return isConstant(tensor.source);
  return tensor.kind === "view" && tensor.pieces.every(pieceIsConstant);
}

const pieceIsConstant = ({ source, coordinates }: Piece): boolean =>
  isConstant(source) && coordinates.every(({ index }) => index === undefined || isConstant(index.tensor));

const known = new WeakMap<Tensor, Numbers>();

/** Elements of one constant that are written out. */
const mostNumbers = 2 ** 26;

/**
 * @returns the numbers of a constant tensor in row-major order of its logical shape.
 * @throws Refusal where they are too many to be written out.
 */
export function numbersOf(tensor: Tensor): Numbers {
  if (tensor.kind === "constant") return tensor.numbers;
  let numbers = known.get(tensor);
  if (numbers !== undefined) return numbers;
  if (count(tensor.shape) > mostNumbers)
    throw new Refusal(`a constant of shape [${tensor.shape.join(", ")}] is too large to be written out`);
  if (tensor.kind === "reshape") numbers = numbersOf(tensor.source);
  else if (tensor.kind === "view") {
    numbers = filled(tensor.type, count(tensor.shape), tensor.pad ?? 0);
    // Pieces do not overlap, so their order does not matter.
    for (const piece of tensor.pieces) copyPiece(piece, tensor.shape, numbers);
  } else throw new Error(`tensor ${tensor.id} is no constant`);
  known.set(tensor, numbers);
  return numbers;
}

export const rowMajor = (shape: readonly number[]): number[] => shape.map((_, axis) => count(shape.slice(axis + 1)));

const valueAt = ({ start, terms }: Form, x: readonly number[]) => terms.reduce((sum, { axis, factor }) => sum + factor * x[axis]!, start);

/** @returns the coordinate at x, null where an index is out of the axis of `size`. */
function coordinateAt(coordinate: Coordinate, size: number, x: readonly number[]): number | null {
  const base = valueAt(coordinate, x);
  if (coordinate.index === undefined) return base;
  const { tensor, coordinates } = coordinate.index;
  const at = addressAt(tensor.shape, coordinates, x);
  if (at === null) return null;
  const word = Number(numbersOf(tensor)[at]!);
  const index = word < 0 ? word + size : word;
  return index >= 0 && index < size ? base + index : null;
}

function addressAt(shape: readonly number[], coordinates: readonly Coordinate[], x: readonly number[]): number | null {
  let address = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    const at = coordinateAt(coordinates[axis]!, shape[axis]!, x);
    if (at === null) return null;
    address = address * shape[axis]! + at;
  }
  return address;
}

function copyPiece(piece: Piece, shape: readonly number[], target: Numbers): void {
  // Typed arrays of one kind hold one kind of number, so the copy needs no conversion.
  const from = numbersOf(piece.source) as Float32Array;
  const to = target as Float32Array;
  if (piece.ranges.length === 0 && piece.coordinates.every(({ index }) => index === undefined)) {
    copyAffine(addressForm(piece), shape, from, to);
    return;
  }
  const x = shape.map(() => 0);
  for (let i = 0; i < to.length; i++) {
    if (piece.ranges.every(({ form, limit }) => valueAt(form, x) >= 0 && valueAt(form, x) < limit)) {
      const address = addressAt(piece.source.shape, piece.coordinates, x);
      if (address !== null) to[i] = from[address]!;
    }
    for (let axis = shape.length - 1; axis >= 0 && ++x[axis]! === shape[axis]; axis--) x[axis] = 0;
  }
}

/** The row-major address in the piece's source, as a form of the coordinates. */
export function addressForm({ source, coordinates }: Piece): Form {
  const strides = rowMajor(source.shape);
  return coordinates.reduce<Form>((sum, coordinate, axis) => addForms(sum, coordinate, strides[axis]!), constantForm(0));
}

function copyAffine({ start, terms }: Form, shape: readonly number[], from: Float32Array, to: Float32Array): void {
  const strides = shape.map(() => 0);
  for (const { axis, factor } of terms) strides[axis] = factor;
  let written = 0;
  const copy = (axis: number, address: number): void => {
    if (axis === shape.length) {
      to[written++] = from[address]!;
      return;
    }
    const [size, stride] = [shape[axis]!, strides[axis]!];
    if (axis === shape.length - 1) for (let i = 0; i < size; i++) to[written++] = from[address + i * stride]!;
    else for (let i = 0; i < size; i++) copy(axis + 1, address + i * stride);
  };
  copy(0, start);
}

const uniforms = new WeakMap<Tensor, { word: Word | undefined }>();

/** @returns the word that every element of a constant f32 or i32 tensor is; undefined where they differ or it is no such constant. */
export function uniformWord(tensor: Tensor): Word | undefined {
  let found = uniforms.get(tensor);
  if (found === undefined) uniforms.set(tensor, (found = { word: findUniform(tensor) }));
  return found.word;
}

function findUniform(tensor: Tensor): Word | undefined {
  if (tensor.type !== "f32" && tensor.type !== "i32") return undefined;
  if (tensor.kind === "reshape") return uniformWord(tensor.source);
  if (tensor.kind === "constant") {
    const words = wordsOf(tensor.numbers);
    const first = words[0];
    return words.every((word) => word === first) ? first : undefined;
  }
  if (tensor.kind !== "view") return undefined;
  const words = tensor.pieces.map(({ source, coordinates }) => (coordinates.some(({ index }) => index) ? undefined : uniformWord(source)));
  if (tensor.pad !== null) words.push(tensor.pad);
  return words.every((word) => word === words[0]) ? words[0] : undefined;
}

const exact64 = {
  iadd: (a, b) => a + b,
  isub: (a, b) => a - b,
  imul: (a, b) => a * b,
  idiv: (a, b) => (b === 0n ? 0n : a / b),
  irem: (a, b) => (b === 0n ? 0n : a % b),
  imod: (a, b) => (b === 0n ? 0n : ((a % b) + b) % b),
  imin: (a, b) => (a < b ? a : b),
  imax: (a, b) => (a > b ? a : b),
  iand: (a, b) => a & b,
  ior: (a, b) => a | b,
  ixor: (a, b) => a ^ b,
  ieq: (a, b) => (a === b ? 1n : 0n),
  ilt: (a, b) => (a < b ? 1n : 0n),
  ile: (a, b) => (a <= b ? 1n : 0n),
} as const satisfies Partial<Record<Opcode, (a: bigint, b: bigint) => bigint>>;

/** Rounding an operation's binary64 result to binary32 is the correct rounding for these (binary64 has more than 2p + 2 bits). */
const inBinary64: Partial<Record<Opcode, (a: number, b: number) => number>> = {
  fadd: (a, b) => a + b,
  fsub: (a, b) => a - b,
  fmul: (a, b) => a * b,
  fdiv: (a, b) => a / b,
  fsqrt: (a) => Math.sqrt(a),
};

const comparisons = new Set<Opcode>(["feq", "flt", "fle", "ieq", "ilt", "ile", "toInt"]);

/** @returns the type of an operation's result. */
export function resultType(op: Opcode, args: readonly Tensor[]): WordType {
  if (op === "select") return args[1]!.type;
  if (comparisons.has(op)) return "i32";
  if (op === "toFloat") return "f32";
  return op.startsWith("f") ? "f32" : args.some(({ type }) => type === "i64") ? "i64" : "i32";
}

/** @param args of the same length. @throws Refusal for arithmetic on types that have none. */
export function foldNumbers(op: Opcode, type: WordType, args: readonly Numbers[]): Numbers {
  const length = args[0]!.length;
  const result = allocate(type, length);
  if (args.some((numbers) => numbers instanceof Float64Array)) throw new Refusal("float64 is read only where it is cast to float32");
  if (op === "select" && result instanceof BigInt64Array) {
    for (let i = 0; i < length; i++) result[i] = BigInt(args[0]![i] ? args[1]![i]! : args[2]![i]!);
    return result;
  }
  if (args.some((numbers) => numbers instanceof BigInt64Array)) {
    const compute = exact64[op as keyof typeof exact64];
    if (compute === undefined) throw new Refusal(`${op} on int64 is not folded`);
    for (let i = 0; i < length; i++) {
      const value = compute(BigInt(args[0]![i]!), BigInt(args[1]![i]!));
      if (result instanceof BigInt64Array) result[i] = value;
      else result[i] = Number(value);
    }
    return result;
  }
  const quick = inBinary64[op];
  const words = wordsOf(result);
  const inputs = args.map(wordsOf);
  if (quick !== undefined) {
    const [a, b] = [args[0] as Float32Array, (args[1] ?? args[0]) as Float32Array];
    for (let i = 0; i < length; i++) words[i] = wordOfFloat(quick(a[i]!, b[i]!));
  } else {
    const at = inputs.map(() => 0);
    for (let i = 0; i < length; i++) {
      for (let j = 0; j < inputs.length; j++) at[j] = inputs[j]![i]!;
      words[i] = applyToWords(op, at);
    }
  }
  return result;
}

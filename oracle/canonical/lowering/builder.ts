/** Makes tensors: equal ones once, constants folded, movement of movement flattened. */
import { opcodes, type Opcode } from "../program/opcodes.ts";
import type { ElementType, Word } from "../program/types.ts";
import type { Numbers } from "../onnx/elements.ts";
import { allocate, foldNumbers, isConstant, listOf, numbersOf, resultType, uniformWord } from "./constants.ts";
import { extremes, flatten, simplified } from "./flatten.ts";
import { Refusal } from "./refusal.ts";
import {
  axisForm,
  constantForm,
  count,
  identityForms,
  type ContractTensor,
  type Coordinate,
  type Form,
  type Piece,
  type ReduceTensor,
  type Tensor,
  type WordType,
} from "./tensors.ts";

const budget = {
  /** Elements that one folded operation may give. */
  folded: 2 ** 23,
  /** Elements of a moved constant that is copied at once rather than read through a view. */
  moved: 2 ** 12,
  /** Tensors of one model. */
  tensors: 200_000,
  /** Elements of one tensor, and terms of one sum. */
  elements: 2 ** 28,
  /** Movements of movements. */
  depth: 400,
} as const;

/** Keeps what the type says apart for each member of a union. */
type Without<T, Keys extends PropertyKey> = T extends unknown ? Omit<T, Keys> : never;

export class TensorBuilder {
  #known = new Map<string, Tensor>();
  #next = 0;

  #make(key: string, tensor: Without<Tensor, "id" | "depth">): Tensor {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    checkSizes(tensor.shape);
    if (tensor.kind !== "constant" && count(tensor.shape) === 0) return this.constant(tensor.type, tensor.shape, allocate(tensor.type, 0));
    if ("reduce" in tensor) {
      checkSizes(tensor.reduce);
      if (tensor.reduce.includes(0)) throw new Refusal("nothing is reduced: an axis has no elements");
    }
    const depth = depthOf(tensor);
    if (depth > budget.depth) throw new Refusal(`more than ${budget.depth} movements follow one another`);
    if (this.#next >= budget.tensors) throw new Refusal(`the model unrolls to more than ${budget.tensors} tensors`);
    const made: Tensor = { ...tensor, depth, id: this.#next++ };
    this.#known.set(key, made);
    return made;
  }

  input(input: number, type: ElementType, shape: number[]): Tensor {
    return this.#make(`input ${input}`, { kind: "input", input, type, shape });
  }

  constant(type: WordType, shape: number[], numbers: Numbers): Tensor {
    if (numbers.length !== count(shape)) throw new Error(`${numbers.length} numbers for [${shape.join(", ")}]`);
    const words =
      numbers.length <= 16
        ? listOf(numbers)
            .map((value) => (Object.is(value, -0) ? "-0" : String(value)))
            .join()
        : undefined;
    return this.#make(words === undefined ? `constant #${this.#next}` : `constant ${type} [${shape.join()}] ${words}`, {
      kind: "constant",
      type,
      shape,
      numbers,
    });
  }

  /** A scalar: the binary32 nearest to `value`. */
  f32(value: number): Tensor {
    return this.constant("f32", [], Float32Array.of(value));
  }

  i32(value: number): Tensor {
    return this.constant("i32", [], Int32Array.of(value));
  }

  i64(values: readonly (number | bigint)[], shape: number[] = [values.length]): Tensor {
    return this.constant("i64", shape, BigInt64Array.from(values, BigInt));
  }

  /**
   * One operation, its arguments broadcast against one another.
   * @throws Refusal where shapes don't fit or a constant doesn't fit into i32.
   */
  apply(op: Opcode, ...operands: Tensor[]): Tensor {
    if (operands.length !== opcodes[op].arity) throw new Error(`${op} takes ${opcodes[op].arity} arguments`);
    const shape = operands.map((operand) => operand.shape).reduce(broadcastShape);
    if (operands.every(isConstant)) {
      const folded = this.#fold(op, shape, operands);
      if (folded !== undefined) return folded;
    }
    const args = operands.map((operand) => this.expand(this.narrow(operand), shape));
    return this.#make(`${op} ${args.map(({ id }) => id).join()}`, { kind: "apply", op, args, shape, type: resultType(op, args) });
  }

  #fold(op: Opcode, shape: number[], operands: Tensor[]): Tensor | undefined {
    const type = resultType(op, operands);
    const words = operands.map(uniformWord);
    if (words.every((word) => word !== undefined) && count(shape) > 0) {
      const scalars = operands.map((operand) => allocateFrom(operand, 1));
      return this.expand(this.constant(type, [], foldNumbers(op, type, scalars)), shape);
    }
    if (count(shape) > budget.folded) return undefined;
    const numbers = operands.map((operand) => numbersOf(this.expand(operand, shape)));
    return this.constant(type, shape, foldNumbers(op, type, numbers));
  }

  /** @returns the tensor as i32 where it is an i64 constant. @throws Refusal where a number doesn't fit. */
  narrow(tensor: Tensor): Tensor {
    if (tensor.type === "f64") throw new Refusal("float64 is read only where it is cast to float32");
    if (tensor.type !== "i64") return tensor;
    const numbers = numbersOf(tensor) as BigInt64Array;
    const outside = numbers.find((value) => BigInt.asIntN(32, value) !== value);
    if (outside !== undefined) throw new Refusal(`the int64 constant ${outside} meets data of the model and does not fit 32 bits`);
    return this.constant("i32", tensor.shape, Int32Array.from(numbers, Number));
  }

  /** @param pad null where the pieces cover everything. INVARIANT: no two pieces are in range at the same coordinates. */
  view(shape: number[], pieces: Piece[], pad: Word | null): Tensor {
    for (const piece of pieces) checkReach(piece, shape);
    const type = pieces[0]!.source.type;
    const view = flatten(simplified({ shape, pieces, pad }));
    if (view.pieces.length === 0) return this.expand(this.constant(type, [], oneNumber(type, view.pad ?? 0)), shape);
    const [only] = view.pieces;
    if (view.pieces.length === 1 && only!.ranges.length === 0 && isIdentity(only!, shape)) return only!.source;
    const tensor = this.#make(keyOf(view.pieces, [shape, view.pad]), { kind: "view", type, shape, pieces: view.pieces, pad: view.pad });
    const small = count(shape) <= budget.moved;
    // A broadcast scalar stays one number.
    return tensor.kind === "view" &&
      small &&
      count(shape) > 0 &&
      isConstant(tensor) &&
      (type === "i64" || uniformWord(tensor) === undefined)
      ? this.constant(type, shape, numbersOf(tensor))
      : tensor;
  }

  /** A view of one source that moves whole coordinates. */
  move(source: Tensor, shape: number[], coordinates: Coordinate[]): Tensor {
    return this.view(shape, [{ source, coordinates, ranges: [] }], null);
  }

  /** @throws Refusal where the tensor doesn't broadcast to `shape`. */
  expand(tensor: Tensor, shape: number[]): Tensor {
    if (sameShape(tensor.shape, shape)) return tensor;
    const missing = shape.length - tensor.shape.length;
    const fits = missing >= 0 && tensor.shape.every((size, axis) => size === 1 || size === shape[axis + missing]);
    if (!fits) throw new Refusal(`shape [${tensor.shape.join(", ")}] does not broadcast to [${shape.join(", ")}]`);
    const coordinates = tensor.shape.map((size, axis) => (size === 1 ? constantForm(0) : axisForm(axis + missing)));
    return this.move(tensor, shape, coordinates);
  }

  reshape(tensor: Tensor, shape: number[]): Tensor {
    if (count(shape) !== count(tensor.shape))
      throw new Refusal(`[${tensor.shape.join(", ")}] can't be given the shape [${shape.join(", ")}]: ${count(tensor.shape)} elements`);
    if (sameShape(tensor.shape, shape)) return tensor;
    if (tensor.kind === "constant") return this.constant(tensor.type, shape, tensor.numbers);
    if (tensor.kind === "reshape") return this.reshape(tensor.source, shape);
    const uniform = uniformWord(tensor);
    if (uniform !== undefined) return this.expand(this.constant(tensor.type, [], oneNumber(tensor.type, uniform)), shape);
    const wide = (sizes: number[]) => sizes.filter((size) => size !== 1);
    if (sameShape(wide(tensor.shape), wide(shape))) {
      const axes = shape.flatMap((size, axis) => (size === 1 ? [] : [axis]));
      let next = 0;
      return this.move(
        tensor,
        shape,
        tensor.shape.map((size) => (size === 1 ? constantForm(0) : axisForm(axes[next++]!))),
      );
    }
    return this.#make(`reshape ${tensor.id} [${shape.join()}]`, { kind: "reshape", source: tensor, shape, type: tensor.type });
  }

  contract(fields: Omit<ContractTensor, "id" | "kind" | "depth">): Tensor {
    const { a, b, bias, zeroA, zeroB, ...rest } = fields;
    for (const piece of [a, b]) checkReach(piece, [...fields.shape, ...fields.reduce]);
    const others = [bias, zeroA, zeroB].map((tensor) => tensor && this.expand(tensor, fields.shape));
    return this.#make(keyOf([a, b], ["contract", rest, others.map((tensor) => tensor?.id ?? null)]), {
      ...fields,
      kind: "contract",
      bias: others[0]!,
      zeroA: others[1]!,
      zeroB: others[2]!,
    });
  }

  reduce(fields: Omit<ReduceTensor, "id" | "kind" | "depth">): Tensor {
    const { x, ...rest } = fields;
    checkReach(x, [...fields.shape, ...fields.reduce]);
    return this.#make(keyOf([x], ["reduce", rest]), { ...fields, kind: "reduce" });
  }
}

/** @throws Refusal for sizes that are none, and for too many elements. */
function checkSizes(sizes: readonly number[]): void {
  const wrong = sizes.length > 32 || sizes.some((size) => !Number.isInteger(size) || size < 0);
  if (wrong || count(sizes) > budget.elements)
    throw new Refusal(
      `a tensor of shape [${sizes.slice(0, 33).join(", ")}]: sizes are whole numbers, and at most 2^28 elements are covered`,
    );
}

/** @throws Refusal where a coordinate leaves its source's axis and no range of the same form keeps it inside. */
function checkReach({ source, coordinates, ranges }: Piece, sizes: readonly number[]): void {
  if (sizes.includes(0)) return;
  coordinates.forEach((coordinate, axis) => {
    const size = source.shape[axis]!;
    const [low, high] = extremes(coordinate, sizes);
    if (low >= 0 && high < size) return;
    const kept = ranges.some(({ form, limit }) => limit <= size && sameForm(form, coordinate));
    if (!kept) throw new Refusal(`elements ${low} to ${high} of an axis of ${size} are read`);
  });
}

const sameForm = (a: Form, b: Form) =>
  a.start === b.start &&
  a.terms.length === b.terms.length &&
  a.terms.every(({ axis, factor }, i) => axis === b.terms[i]!.axis && factor === b.terms[i]!.factor);

function depthOf(tensor: Without<Tensor, "id" | "depth">): number {
  if (tensor.kind === "reshape") return tensor.source.depth + 1;
  return tensor.kind === "view" ? 1 + Math.max(...tensor.pieces.map(({ source }) => source.depth)) : 0;
}

/** Axes of size 1. @throws Refusal for fewer than none: a tensor has too few dimensions for its operator. */
export function ones(length: number): number[] {
  if (length < 0) throw new Refusal("a tensor has too few dimensions");
  return Array<number>(length).fill(1);
}

export const sameShape = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((size, axis) => size === b[axis]);

/** @throws Refusal where the shapes don't broadcast against one another. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1)
      throw new Refusal(`shapes [${a.join(", ")}] and [${b.join(", ")}] do not broadcast against one another`);
    return left === 1 ? right : left;
  });
}

function isIdentity(piece: Piece, shape: readonly number[]): boolean {
  if (!sameShape(piece.source.shape, shape) || piece.coordinates.some(({ index }) => index !== undefined)) return false;
  const identity = identityForms(shape);
  return piece.coordinates.every(({ start, terms }, axis) => {
    const form = identity[axis]!;
    return start === form.start && terms.length === form.terms.length && terms.every((term) => term.axis === axis && term.factor === 1);
  });
}

/** A text that is the same for tensors made in the same way: sources stand as their ids. */
function keyOf(pieces: readonly Piece[], rest: unknown): string {
  return JSON.stringify([rest, pieces], (_, value: unknown) =>
    typeof value === "object" && value !== null && "id" in value ? (value as Tensor).id : value,
  );
}

function oneNumber(type: WordType, word: number): Numbers {
  if (type === "i64") return BigInt64Array.of(BigInt(word));
  if (type === "f64") return Float64Array.of(word);
  const words = Uint32Array.of(word);
  return type === "f32" ? new Float32Array(words.buffer) : new Int32Array(words.buffer);
}

function allocateFrom(tensor: Tensor, length: number): Numbers {
  return oneNumber(tensor.type, uniformWord(tensor)!).slice(0, length);
}

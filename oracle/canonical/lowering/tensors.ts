/**
 * What a model computes, as a graph of tensors over the program's primitives, before anything has a place in the trace.
 * Tensors have logical shapes; in which order their words stand is decided later (placement.ts).
 */
import type { Opcode } from "../program/opcodes.ts";
import type { ElementType, Reducer, Word } from "../program/types.ts";
import type { Numbers } from "../onnx/elements.ts";

/** i64 and f64 exist for constants only: shape arithmetic is folded exactly. */
export type WordType = "f32" | "i32" | "i64" | "f64";

/** An integer that depends on coordinates: `start + Σ factor · x[axis]`; axes strictly increasing, factors not 0. */
export interface Form {
  start: number;
  terms: { axis: number; factor: number }[];
}

/** Holds where `0 ≤ form < limit`. */
export interface Range {
  form: Form;
  limit: number;
}

/** A coordinate of a source: affine, plus (for gathering) a word of an index tensor; negative words count from the end. */
export interface Coordinate extends Form {
  index?: { tensor: Tensor; coordinates: Coordinate[] };
}

/** The element of `source` at `coordinates` (one for each of its axes), where all `ranges` hold. */
export interface Piece {
  source: Tensor;
  coordinates: Coordinate[];
  ranges: Range[];
}

interface Base {
  /** Greater than the ids of all tensors that this one is made from. */
  id: number;
  type: WordType;
  shape: number[];
  /** How many movements lie between this tensor and what computes or holds its words. */
  depth: number;
}

export interface InputTensor extends Base {
  kind: "input";
  /** Number of the program's input. */
  input: number;
}

export interface ConstantTensor extends Base {
  kind: "constant";
  /** Row-major: Float32Array for f32, Int32Array for i32, BigInt64Array for i64, Float64Array for f64. */
  numbers: Numbers;
}

/** One operation on arguments of the same shape. */
export interface ApplyTensor extends Base {
  kind: "apply";
  op: Opcode;
  args: Tensor[];
}

/** Movement: the first piece in range, else `pad`. Null where the pieces cover everything. */
export interface ViewTensor extends Base {
  kind: "view";
  pieces: Piece[];
  pad: Word | null;
}

/** The same row-major sequence of elements under another shape. */
export interface ReshapeTensor extends Base {
  kind: "reshape";
  source: Tensor;
}

/** Σ a · b over the reduction axes, which follow the output axes in the coordinates of a and b; bias and zero points have the output's shape. */
export interface ContractTensor extends Base {
  kind: "contract";
  type: ElementType;
  reduce: number[];
  a: Piece;
  b: Piece;
  bias: Tensor | null;
  zeroA: Tensor | null;
  zeroB: Tensor | null;
  /** The output axes in the order in which the output had best be laid out, outermost first. */
  order: number[];
}

export interface ReduceTensor extends Base {
  kind: "reduce";
  /** How x is read; the result of argmax and argmin is i32 all the same. */
  reads: ElementType;
  reducer: Reducer;
  divisor: number;
  reduce: number[];
  x: Piece;
}

export type Tensor = InputTensor | ConstantTensor | ApplyTensor | ViewTensor | ReshapeTensor | ContractTensor | ReduceTensor;

export const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

export const constantForm = (start: number): Form => ({ start, terms: [] });

/** start + factor · x[axis] */
export const axisForm = (axis: number, factor = 1, start = 0): Form => ({ start, terms: factor === 0 ? [] : [{ axis, factor }] });

export function addForms(a: Form, b: Form, scale = 1): Form {
  const factors = new Map(a.terms.map(({ axis, factor }) => [axis, factor]));
  for (const { axis, factor } of b.terms) factors.set(axis, (factors.get(axis) ?? 0) + scale * factor);
  const terms = [...factors].filter(([, factor]) => factor !== 0).sort(([left], [right]) => left - right);
  return { start: a.start + scale * b.start, terms: terms.map(([axis, factor]) => ({ axis, factor })) };
}

const plain = ({ start, terms }: Form): Form => ({ start, terms });

/** @returns `form` in which x[axis] is replaced by `inner[axis]`. */
export function substituteForm(form: Form, inner: readonly Form[]): Form {
  if (form.terms.length === 1 && form.start === 0 && form.terms[0]!.factor === 1) return plain(inner[form.terms[0]!.axis]!);
  return form.terms.reduce((sum, { axis, factor }) => addForms(sum, inner[axis]!, factor), constantForm(form.start));
}

export function substitute(coordinate: Coordinate, inner: readonly Form[]): Coordinate {
  const form = substituteForm(coordinate, inner);
  if (coordinate.index === undefined) return form;
  const { tensor, coordinates } = coordinate.index;
  return { ...form, index: { tensor, coordinates: coordinates.map((part) => substitute(part, inner)) } };
}

/** @returns the whole numbers, from `least` up to but not `end`, that Σ factor · x may be; over one axis, that x may be. */
function interval({ form: { start, terms }, limit }: Range): { least: number; end: number } {
  const factor = terms.length === 1 ? terms[0]!.factor : 1;
  const [a, b] = [-start / factor, (limit - 1 - start) / factor];
  return { least: Math.ceil(Math.min(a, b)), end: Math.floor(Math.max(a, b)) + 1 };
}

/** Several ranges over one and the same axis, or over the same sum, as one; the others stay as they are. */
export function mergeRanges(ranges: readonly Range[]): Range[] {
  const bySum = Map.groupBy(ranges, ({ form: { terms } }) => (terms.length === 1 ? `axis ${terms[0]!.axis}` : JSON.stringify(terms)));
  return [...bySum.values()].flatMap((group) => {
    const { terms } = group[0]!.form;
    if (terms.length === 0 || group.length === 1) return group;
    const intervals = group.map(interval);
    const least = Math.max(...intervals.map((part) => part.least));
    const end = Math.min(...intervals.map((part) => part.end));
    // A constant form of -1 never holds.
    if (end <= least) return [{ form: constantForm(-1), limit: 1 }];
    const sum = terms.length === 1 ? [{ axis: terms[0]!.axis, factor: 1 }] : terms;
    return [{ form: { start: -least, terms: sum }, limit: end - least }];
  });
}

/** One coordinate for each axis of `shape`, in order; axes of size 1 stay at 0. */
export const identityForms = (shape: readonly number[]): Form[] =>
  shape.map((size, axis) => (size === 1 ? constantForm(0) : axisForm(axis)));

/** The tensors that this one reads directly. */
export function sourcesOf(tensor: Tensor): Tensor[] {
  const ofPiece = ({ source, coordinates }: Piece): Tensor[] => [source, ...coordinates.flatMap(ofCoordinate)];
  const ofCoordinate = ({ index }: Coordinate): Tensor[] =>
    index === undefined ? [] : [index.tensor, ...index.coordinates.flatMap(ofCoordinate)];
  switch (tensor.kind) {
    case "input":
    case "constant":
      return [];
    case "apply":
      return tensor.args;
    case "view":
      return tensor.pieces.flatMap(ofPiece);
    case "reshape":
      return [tensor.source];
    case "contract":
      return [...ofPiece(tensor.a), ...ofPiece(tensor.b), ...[tensor.bias, tensor.zeroA, tensor.zeroB].filter((part) => part !== null)];
    case "reduce":
      return ofPiece(tensor.x);
  }
}

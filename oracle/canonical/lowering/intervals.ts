/** What the elements of a tensor can be, whatever the input is: an interval that may be too wide, never too narrow. */
import type { Numbers } from "../onnx/elements.ts";
import { floatOfWord } from "./constants.ts";
import { applyInterval, exactly, hull, i32, real, type Interval } from "./intervalArithmetic.ts";
import { count, type ContractTensor, type Piece, type ReduceTensor, type Tensor } from "./tensors.ts";

const known = new WeakMap<Tensor, Interval>();

/** Says what a tensor can be where its operations alone don't show it. */
export function declareInterval(tensor: Tensor, interval: Interval): void {
  known.set(tensor, interval);
}

function sourcesOf(tensor: Tensor): Tensor[] {
  switch (tensor.kind) {
    case "apply":
      return tensor.args;
    case "view":
      return tensor.pieces.map(({ source }) => source);
    case "reshape":
      return [tensor.source];
    case "contract":
      return [tensor.a.source, tensor.b.source, ...(tensor.bias === null ? [] : [tensor.bias])];
    case "reduce":
      return [tensor.x.source];
    default:
      return [];
  }
}

/** Works without recursion: unrolled networks are thousands of tensors deep. */
export function intervalOf(tensor: Tensor): Interval {
  const open = [tensor];
  for (let next = open.at(-1); next !== undefined; next = open.at(-1)) {
    const missing = known.has(next) ? [] : sourcesOf(next).filter((source) => !known.has(source));
    if (missing.length > 0) open.push(...missing);
    else {
      if (!known.has(next)) known.set(next, computed(next));
      open.pop();
    }
  }
  return known.get(tensor)!;
}

export const mayBeNaN = (tensor: Tensor): boolean => intervalOf(tensor).nan;

const whole = (tensor: Tensor): Interval => (tensor.type === "f32" || tensor.type === "f64" ? real : i32);

function computed(tensor: Tensor): Interval {
  switch (tensor.kind) {
    case "constant":
      return ofNumbers(tensor.numbers);
    case "input":
      return whole(tensor);
    case "reshape":
      return known.get(tensor.source)!;
    case "view": {
      const parts = tensor.pieces.map((piece) => ofPiece(piece));
      const filler = tensor.pad === null ? [] : [exactly(tensor.type === "f32" ? floatOfWord(tensor.pad) : tensor.pad | 0)];
      return [...parts, ...filler].reduce(hull);
    }
    case "apply":
      return applyInterval(
        tensor.op,
        tensor.args.map((arg) => known.get(arg)!),
      );
    case "contract":
      return contracted(tensor);
    case "reduce":
      return reduced(tensor);
  }
}

function ofNumbers(numbers: Numbers): Interval {
  const found: Interval = { low: Infinity, high: -Infinity, nan: false };
  for (let i = 0; i < numbers.length; i++) {
    const value = Number(numbers[i]);
    if (Number.isNaN(value)) found.nan = true;
    if (value < found.low) found.low = value;
    if (value > found.high) found.high = value;
  }
  return found.low <= found.high ? found : { low: 0, high: 0, nan: found.nan };
}

const ofPiece = ({ source }: Piece): Interval => known.get(source)!;
const largest = ({ low, high }: Interval) => Math.max(Math.abs(low), Math.abs(high));

/** Beyond it a sum rounds to infinity. */
const mostFinite = 3.4028235e38;

/** Sums of finite terms overflow to infinity and are no NaN; an infinite term may meet another or a zero. */
function sumWithin(bound: number, parts: readonly Interval[]): Interval {
  const nan = parts.some((part) => part.nan || largest(part) === Infinity);
  return bound <= mostFinite && !nan ? { low: -bound, high: bound, nan } : { low: -Infinity, high: Infinity, nan };
}

function contracted({ type, reduce, a, b, bias }: ContractTensor): Interval {
  if (type === "i32") return i32;
  const parts = [ofPiece(a), ofPiece(b), bias === null ? exactly(0) : known.get(bias)!] as const;
  const product = largest(parts[0]) * largest(parts[1]);
  return sumWithin(count(reduce) * (Number.isNaN(product) ? Infinity : product) + largest(parts[2]), parts);
}

function reduced({ type, reducer, divisor, reduce, x }: ReduceTensor): Interval {
  const from = ofPiece(x);
  const n = count(reduce);
  const divided = divisor === 0 ? 1 : n / divisor;
  switch (reducer) {
    case "max":
    case "min":
      return from;
    case "sum": {
      if (type === "i32") return i32;
      const sum = sumWithin(divided * largest(from), [from]);
      return from.low >= 0 ? { ...sum, low: 0 } : sum;
    }
    case "sumAbs":
      return { ...sumWithin(divided * largest(from), [from]), low: 0, nan: from.nan };
    case "sumSquare":
      return { ...sumWithin(divided * largest(from) ** 2, [from]), low: 0, nan: from.nan };
    case "product":
      return type === "i32" ? i32 : real;
    default:
      return { low: -1, high: n - 1, nan: false };
  }
}

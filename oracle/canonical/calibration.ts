/** How far fast runtimes are from the canonical evaluation, and which δ a model should be registered with. */
import { dtypes, elementCount, type Tensor } from "../core/tensor.ts";
import type { Word } from "./program/types.ts";
import type { Tolerance } from "./tolerance.ts";

/** One output tensor of one run. */
export interface Sample {
  /** The same object for every run on the same input: the worst of those runs counts. */
  canonical: Tensor;
  fast: Tensor;
}

export interface Errors {
  elements: number;
  /** Elements whose bytes differ. */
  different: number;
  /** Elements of which one is NaN or infinite and the other is not the same; no δ allows those. */
  incomparable: number;
  /** Largest |fast − canonical| over finite elements. */
  maxAbsolute: number;
  /** Largest |fast − canonical| / |canonical| over finite elements that are not canonically zero. */
  maxRelative: number;
}

const viewOf = ({ data }: Tensor) => new DataView(data.buffer, data.byteOffset, data.byteLength);

/** The elements of a float32 sample, as JavaScript numbers. */
function* pairs({ canonical, fast }: Sample): Generator<[canonical: number, fast: number]> {
  const [right, left] = [viewOf(canonical), viewOf(fast)];
  for (let at = 0; at < canonical.data.length; at += 4) yield [right.getFloat32(at, true), left.getFloat32(at, true)];
}

function checkSample({ canonical, fast }: Sample): void {
  const named = ({ dtype, shape }: Tensor) => `${dtype}[${shape.join(", ")}]`;
  if (named(canonical) !== named(fast)) throw new TypeError(`an output ${named(fast)} can't be measured against ${named(canonical)}`);
}

/** Errors of one output over all samples, integers too. @throws TypeError where a sample's tensors differ in type or shape. */
export function measure(samples: readonly Sample[]): Errors {
  const errors: Errors = { elements: 0, different: 0, incomparable: 0, maxAbsolute: 0, maxRelative: 0 };
  for (const sample of samples) {
    checkSample(sample);
    const { dtype, shape, data } = sample.canonical;
    errors.elements += elementCount(shape);
    if (dtype !== "float32") {
      const { size } = dtypes[dtype];
      for (let at = 0; at < data.length; at += size) {
        const bytes = Array.from({ length: size }, (_, i) => at + i);
        if (bytes.some((i) => data[i] !== sample.fast.data[i])) errors.different++;
      }
      continue;
    }
    for (const [canonical, fast] of pairs(sample)) {
      if (Object.is(canonical, fast)) continue;
      errors.different++;
      const error = Math.abs(fast - canonical);
      if (!Number.isFinite(error)) errors.incomparable++;
      else {
        errors.maxAbsolute = Math.max(errors.maxAbsolute, error);
        if (canonical !== 0) errors.maxRelative = Math.max(errors.maxRelative, error / Math.abs(canonical));
      }
    }
  }
  return errors;
}

/** An error that a sample happens not to show is still assumed: half a unit in the last place. */
const leastRelativeError = 2 ** -24;

const toWordUp = (value: number): Word => {
  const [word, float] = [new Uint32Array(1), Float32Array.of(value)];
  word.set(new Uint32Array(float.buffer));
  return float[0]! < value ? word[0]! + 1 : word[0]!;
};

/** For each finite element of each canonical tensor, its magnitude and `margin` times the largest error of any run. */
function worst(samples: readonly Sample[], margin: number): { sizes: Float64Array; errors: Float64Array } {
  const canonicals = [...new Set(samples.map(({ canonical }) => canonical))];
  const starts = new Map<Tensor, number>();
  let count = 0;
  for (const canonical of canonicals) {
    starts.set(canonical, count);
    count += elementCount(canonical.shape);
  }
  const [sizes, errors] = [new Float64Array(count), new Float64Array(count)];
  for (const sample of samples) {
    let at = starts.get(sample.canonical)!;
    for (const [canonical, fast] of pairs(sample)) {
      if (Number.isFinite(canonical)) {
        sizes[at] = Math.abs(canonical);
        errors[at] = Math.max(errors[at]!, margin * Math.max(Math.abs(fast - canonical), leastRelativeError * sizes[at]!));
      }
      at++;
    }
  }
  return { sizes, errors };
}

/**
 * Chooses δ so that every error of the samples could be `margin` times as large, and the sum of what is tolerated is least:
 * a relative part alone is wide at large values, an absolute one at small ones.
 * @returns null where no δ allows what was seen: an element that is NaN or infinite on one side only, or an integer that differs.
 */
export function proposeTolerance(samples: readonly Sample[], margin: number): Tolerance | null {
  const { different, incomparable } = measure(samples);
  if (incomparable > 0) return null;
  if (samples.some(({ canonical }) => canonical.dtype !== "float32")) return different > 0 ? null : { absolute: 0, relative: 0 };
  const { sizes, errors } = worst(samples, margin);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let best = { absolute: 0, relative: 0, tolerated: Infinity };
  for (const relative of [0, ...Array.from({ length: 48 }, (_, i) => 2 ** (-24 + i / 2))].map(Math.fround)) {
    let absolute = 0;
    for (let i = 0; i < sizes.length; i++) absolute = Math.max(absolute, errors[i]! - relative * sizes[i]!);
    const tolerated = absolute * sizes.length + relative * total;
    if (tolerated < best.tolerated) best = { absolute, relative, tolerated };
  }
  return { absolute: toWordUp(best.absolute), relative: toWordUp(best.relative) };
}

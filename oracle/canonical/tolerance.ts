/** When a posted output is right: within δ of the canonical one (docs/canonical.md, section 9). */
import { dtypes, type Tensor } from "../core/tensor.ts";
import type { Word } from "./program/types.ts";
import { isInfinite, isNaN32, isNegative, unitExponent, units } from "./reference/binary32.ts";

/** δ of a float32 output; both are binary32 words, finite and not negative. */
export interface Tolerance {
  absolute: Word;
  relative: Word;
}

export class ToleranceError extends Error {
  override name = "ToleranceError";
}

/** @throws ToleranceError where a part is NaN, infinite or negative. */
export function checkTolerance(tolerance: Tolerance): void {
  for (const [name, word] of Object.entries(tolerance) as [string, Word][]) {
    if (isNaN32(word) || isInfinite(word) || isNegative(word)) {
      throw new ToleranceError(`the ${name} tolerance is 0x${word.toString(16).padStart(8, "0")}; it must be finite and not negative`);
    }
  }
}

const magnitude = (n: bigint) => (n < 0n ? -n : n);

/** @returns whether `|posted − canonical| ≤ absolute + relative · |canonical|`, exactly; both words are binary32. */
export function isWithin(posted: Word, canonical: Word, { absolute, relative }: Tolerance): boolean {
  if (isNaN32(canonical) || isNaN32(posted)) return isNaN32(canonical) && isNaN32(posted);
  if (isInfinite(canonical) || isInfinite(posted)) return canonical === posted;
  // Everything in units of 2^-298.
  const distance = magnitude(units(posted) - units(canonical)) << BigInt(-unitExponent);
  return distance <= (units(absolute) << BigInt(-unitExponent)) + units(relative) * magnitude(units(canonical));
}

/**
 * Tells whether another choice among scores is right: its score is at most twice the tolerance worse than the best one.
 * @param posted the other choice's score. @param best the canonical choice's; both words are binary32.
 * @param greatest whether the best score is the greatest one, not the smallest.
 */
export function isNearTie(posted: Word, best: Word, { absolute, relative }: Tolerance, greatest: boolean): boolean {
  if (isNaN32(posted) || isNaN32(best)) return false;
  if (isInfinite(posted) || isInfinite(best)) return posted === best;
  const worse = greatest ? units(best) - units(posted) : units(posted) - units(best);
  const slack = (units(absolute) << BigInt(-unitExponent)) + units(relative) * magnitude(units(best));
  return worse << BigInt(-unitExponent) <= 2n * slack;
}

/**
 * Compares a posted output with the canonical one of the same element type and shape.
 * @param tolerance only for float32; every other element type must be equal.
 * @returns the row-major number of the first element that is wrong, null where all are right.
 * @throws ToleranceError where the tensors can't be compared.
 */
export function firstOutside(posted: Tensor, canonical: Tensor, tolerance: Tolerance): number | null {
  if (posted.dtype !== canonical.dtype || posted.data.length !== canonical.data.length) {
    throw new ToleranceError(
      `${posted.dtype}[${posted.shape.join(", ")}] can't be compared with ${canonical.dtype}[${canonical.shape.join(", ")}]`,
    );
  }
  checkTolerance(tolerance);
  const { size } = dtypes[canonical.dtype];
  if (canonical.dtype !== "float32") {
    const at = posted.data.findIndex((byte, i) => byte !== canonical.data[i]);
    return at < 0 ? null : Math.floor(at / size);
  }
  const [left, right] = [viewOf(posted), viewOf(canonical)];
  for (let at = 0; at < canonical.data.length; at += size) {
    const [a, b] = [left.getUint32(at, true), right.getUint32(at, true)];
    if ((a !== b || isNaN32(a)) && !isWithin(a, b, tolerance)) return at / size;
  }
  return null;
}

const viewOf = ({ data }: Tensor) => new DataView(data.buffer, data.byteOffset, data.byteLength);

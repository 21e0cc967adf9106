/** Exact sums of products and squares of binary32, and their one rounding (docs/canonical.md, section 4). */
import type { Word } from "../program/types.ts";
import { infinity, isInfinite, isNaN32, isNegative, isZero, nan, one, round, unitExponent, units, withSign } from "./binary32.ts";

/** A product of two finite numbers is an integer multiple of 2^-298. */
const productExponent = 2 * unitExponent;

export class ExactSum {
  #sum = 0n;
  #nan = false;
  #infinities = new Set<boolean>();

  addProduct(a: Word, b: Word): void {
    if (isNaN32(a) || isNaN32(b)) this.#nan = true;
    else if (isInfinite(a) || isInfinite(b)) {
      if (isZero(a) || isZero(b)) this.#nan = true;
      else this.#infinities.add(isNegative(a) !== isNegative(b));
    } else this.#sum += units(a) * units(b);
  }

  add(a: Word): void {
    this.addProduct(a, one);
  }

  /** @returns RN(sum / divisor), NaN for a divisor of 0. */
  rounded(divisor: number): Word {
    if (this.#nan || this.#infinities.size === 2 || divisor === 0) return nan;
    for (const negative of this.#infinities) return withSign(infinity, negative);
    return round(this.#sum, BigInt(divisor), productExponent);
  }
}

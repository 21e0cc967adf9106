/** The one NaN, as bits. */
export const quietNaN: u32 = 0x7fc00000;

/** @returns `v` with every lane that is NaN replaced by the one NaN. */
export function canonical(v: v128): v128 {
  return v128.bitselect(v, i32x4.splat(quietNaN), f32x4.eq(v, v));
}

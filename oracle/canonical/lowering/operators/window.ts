/** Windows that slide over spatial axes: sizes, strides, padding. */
import type { Operation } from "../operation.ts";

export interface Window {
  kernel: number[];
  strides: number[];
  dilations: number[];
  before: number[];
  after: number[];
  /** Sizes of the result's spatial axes. */
  out: number[];
}

/**
 * @param sizes of the input's spatial axes.
 * @param kernel from the weights; null where the attribute `kernel_shape` says it.
 */
export function windowOf(operation: Operation, sizes: readonly number[], kernel: number[] | null): Window {
  const { attributes } = operation;
  const stated = attributes.ints("kernel_shape", undefined);
  const extent = kernel ?? stated ?? operation.refuse("the kernel's shape is missing");
  if (kernel !== null && stated !== undefined && stated.some((size, i) => size !== kernel[i]))
    operation.refuse(`the kernel's shape is [${stated.join(", ")}] but the weights have [${kernel.join(", ")}]`);
  const strides = attributes.ints(
    "strides",
    sizes.map(() => 1),
  );
  const dilations = attributes.ints(
    "dilations",
    sizes.map(() => 1),
  );
  const pads = attributes.ints(
    "pads",
    sizes.flatMap(() => [0, 0]),
  );
  const mode = attributes.string("auto_pad", "NOTSET");
  const ceiling = attributes.int("ceil_mode", 0) === 1;
  const wrong =
    [extent, strides, dilations].some((list) => list.length !== sizes.length || list.some((size) => size < 1)) ||
    pads.length !== 2 * sizes.length;
  if (wrong || pads.some((size) => size < 0)) operation.refuse("kernel, strides, dilations or pads do not fit the input");
  const window: Window = { kernel: [...extent], strides: [...strides], dilations: [...dilations], before: [], after: [], out: [] };
  sizes.forEach((size, i) => {
    const span = (extent[i]! - 1) * dilations[i]! + 1;
    const stride = strides[i]!;
    let [before, after] = [pads[i]!, pads[i + sizes.length]!];
    let out: number;
    if (mode === "SAME_UPPER" || mode === "SAME_LOWER") {
      out = Math.ceil(size / stride);
      const total = Math.max(0, (out - 1) * stride + span - size);
      before = mode === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
      after = total - before;
    } else {
      if (mode === "VALID") [before, after] = [0, 0];
      else if (mode !== "NOTSET") operation.refuse(`auto_pad '${mode}' is not covered`);
      const room = (size + before + after - span) / stride;
      out = (ceiling ? Math.ceil(room) : Math.floor(room)) + 1;
      // A window that would start behind the padded input is left out.
      if (ceiling && (out - 1) * stride >= size + before) out--;
    }
    if (out < 1) operation.refuse(`a window of ${span} does not fit an axis of ${size}`);
    window.before.push(before);
    window.after.push(after);
    window.out.push(out);
  });
  return window;
}

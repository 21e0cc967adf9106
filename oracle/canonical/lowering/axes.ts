/** From logical axes to the loop axes of an instruction: reordered, those of size 1 dropped, neighbours merged where every access allows. */
import type { Access, Bound } from "../program/types.ts";
import type { Reach } from "./resolve.ts";
import type { Form } from "./tensors.ts";

/** One loop axis: the logical axes that it stands for, outermost first. */
interface LoopAxis {
  parts: number[];
  size: number;
}

export interface Loops {
  dims: number[];
  reduce: number[];
  /** @param reducing whether the access has strides for the reduction axes too. */
  access(reach: Reach, reducing: boolean): Access;
}

const factorOf = ({ terms }: Form, axis: number) => terms.find((term) => term.axis === axis)?.factor ?? 0;

function merged(order: readonly number[], sizes: readonly number[], reaches: readonly Reach[]): LoopAxis[] {
  const bound = new Set(reaches.flatMap(({ bounds }) => bounds.flatMap(({ form }) => form.terms.map(({ axis }) => axis))));
  const axes: LoopAxis[] = [];
  for (const axis of order) {
    const size = sizes[axis]!;
    if (size === 1) continue;
    const last = axes.at(-1);
    const outer = last?.parts.at(-1);
    const joins =
      last !== undefined &&
      outer !== undefined &&
      !bound.has(axis) &&
      !bound.has(outer) &&
      reaches.every(({ address }) => factorOf(address, outer) === factorOf(address, axis) * size);
    if (joins) {
      last.parts.push(axis);
      last.size *= size;
    } else axes.push({ parts: [axis], size });
  }
  return axes.length > 0 ? axes : [{ parts: [], size: 1 }];
}

/**
 * @param sizes of all logical axes: output axes, then reduction axes.
 * @param outOrder the output axes, @param reduceOrder the reduction axes (numbers from `sizes`), outermost first.
 * @param reaches all accesses; output axes merge only where all allow it.
 */
export function loopsOf(
  sizes: readonly number[],
  outOrder: readonly number[],
  reduceOrder: readonly number[],
  reaches: readonly Reach[],
): Loops {
  const out = merged(outOrder, sizes, reaches);
  const reduce = merged(reduceOrder, sizes, reaches);
  const strides = (form: Form, axes: readonly LoopAxis[]) =>
    axes.map(({ parts }) => (parts.length === 0 ? 0 : factorOf(form, parts.at(-1)!)));
  return {
    dims: out.map(({ size }) => size),
    reduce: reduceOrder.length === 0 ? [] : reduce.map(({ size }) => size),
    access: ({ space, address, bounds }, reducing) => {
      const axes = reducing ? [...out, ...reduce] : out;
      const number = new Map(axes.flatMap(({ parts }, i) => parts.map((part) => [part, i] as const)));
      const boundOf = ({ form, limit }: Reach["bounds"][number]): Bound => ({
        start: form.start,
        limit,
        terms: form.terms
          .flatMap(({ axis, factor }) => {
            const loop = number.get(axis);
            return loop === undefined ? [] : [{ axis: loop, factor }];
          })
          .sort((a, b) => a.axis - b.axis),
      });
      return { space, offset: address.start, strides: strides(address, axes), bounds: bounds.map(boundOf) };
    },
  };
}

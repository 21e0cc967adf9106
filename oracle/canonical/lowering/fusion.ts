/** Decides which tensors become instructions and which are computed inside the instruction of their only consumer. */
import { isConstant, uniformWord } from "./constants.ts";
import { sourcesOf, type Form, type Tensor, type ViewTensor } from "./tensors.ts";

const most = {
  /** Below the program's limits of 64 and 16, so that indices and late copies find room. */
  ops: 48,
  operands: 13,
} as const;

/** How a tensor is computed inside of a root: each of its axes is an axis of the root, or -1 where it has size 1. */
interface Membership {
  root: Tensor;
  axes: number[];
}

interface Group {
  ops: number;
  core: Tensor | null;
  /** Tensors that are read, or may yet become members. */
  leaves: Set<Tensor>;
}

export interface Fusion {
  /** All tensors that the outputs need, by id. */
  needed: Tensor[];
  /** Tensors that have an instruction of their own. */
  roots: Set<Tensor>;
  members: Map<Tensor, Membership>;
  /** The tensors that read a tensor directly. */
  users: Map<Tensor, Tensor[]>;
}

/** Every tensor that `outputs` need, in order of ids. */
export function neededBy(outputs: readonly Tensor[]): Tensor[] {
  const needed = new Set<Tensor>(outputs);
  for (const tensor of needed) for (const source of sourcesOf(tensor)) needed.add(source);
  return [...needed].sort((a, b) => a.id - b.id);
}

const isComputed = ({ kind }: Tensor) => kind === "apply" || kind === "contract" || kind === "reduce";

/** @returns for each axis of the view's source the view's axis that it is; null where the view does more than reorder axes. */
export function reordered(view: ViewTensor): number[] | null {
  const [piece] = view.pieces;
  if (view.pieces.length !== 1 || piece!.ranges.length > 0) return null;
  const seen = new Set<number>();
  const axes: number[] = [];
  for (const [axis, { start, terms, index }] of piece!.coordinates.entries()) {
    if (index !== undefined || start !== 0 || terms.length > 1) return null;
    const size = piece!.source.shape[axis]!;
    if (terms.length === 0) {
      if (size !== 1) return null;
      axes.push(-1);
      continue;
    }
    const [term] = terms;
    if (term!.factor !== 1 || view.shape[term!.axis] !== size || seen.has(term!.axis)) return null;
    seen.add(term!.axis);
    axes.push(term!.axis);
  }
  // An axis of the view that is not the source's would compute the same element again and again.
  return view.shape.every((size, axis) => size === 1 || seen.has(axis)) ? axes : null;
}

type Use = Membership | "placed";

class Fuser {
  #uses = new Map<Tensor, Use[]>();
  #groups = new Map<Tensor, Group>();
  readonly roots = new Set<Tensor>();
  readonly members = new Map<Tensor, Membership>();

  #use(tensor: Tensor, use: Use): void {
    const uses = this.#uses.get(tensor);
    if (uses === undefined) this.#uses.set(tensor, [use]);
    else uses.push(use);
  }

  /** @returns the one membership that all uses agree on. */
  #agreed(tensor: Tensor): Membership | null {
    const [first, ...others] = this.#uses.get(tensor) ?? [];
    if (first === undefined || first === "placed") return null;
    const same = (use: Use) => use !== "placed" && use.root === first.root && use.axes.every((axis, i) => axis === first.axes[i]);
    return others.every(same) ? first : null;
  }

  #joins(tensor: Tensor, { root }: Membership): boolean {
    const group = this.#groups.get(root)!;
    if (tensor.kind === "apply") {
      const leaves = new Set(group.leaves);
      leaves.delete(tensor);
      for (const arg of tensor.args) if (uniformWord(arg) === undefined) leaves.add(arg);
      if (group.ops + 1 > most.ops || leaves.size > most.operands) return false;
      group.ops++;
      group.leaves = leaves;
      return true;
    }
    if (group.core !== null) return false;
    const extra = tensor.kind === "contract" ? [tensor.bias, tensor.zeroA, tensor.zeroB].filter((part) => part !== null) : [];
    if (group.leaves.size + extra.length > most.operands) return false;
    group.core = tensor;
    group.leaves.delete(tensor);
    for (const part of extra) group.leaves.add(part);
    return true;
  }

  #visitView(view: ViewTensor): void {
    const membership = this.#agreed(view);
    const axes = reordered(view);
    if (membership === null || axes === null) {
      for (const source of sourcesOf(view)) this.#use(source, "placed");
      return;
    }
    this.members.set(view, membership);
    const group = this.#groups.get(membership.root)!;
    const source = view.pieces[0]!.source;
    if (group.leaves.delete(view)) group.leaves.add(source);
    this.#use(source, { root: membership.root, axes: axes.map((axis) => (axis < 0 ? -1 : membership.axes[axis]!)) });
  }

  /** Called for each tensor after all of its users. */
  visit(tensor: Tensor): void {
    if (tensor.kind === "view" && !isConstant(tensor)) return this.#visitView(tensor);
    if (!isComputed(tensor)) {
      for (const source of sourcesOf(tensor)) this.#use(source, "placed");
      return;
    }
    let membership = this.#agreed(tensor);
    if (membership !== null && this.#joins(tensor, membership)) this.members.set(tensor, membership);
    else {
      membership = { root: tensor, axes: tensor.shape.map((_, axis) => axis) };
      this.#groups.set(tensor, { ops: 0, core: null, leaves: new Set([tensor]) });
      this.#joins(tensor, membership);
      this.roots.add(tensor);
      this.members.set(tensor, membership);
    }
    if (tensor.kind === "apply") for (const arg of tensor.args) this.#use(arg, membership);
    else for (const source of sourcesOf(tensor)) this.#use(source, "placed");
  }

  place(tensor: Tensor): void {
    this.#use(tensor, "placed");
  }
}

export function fuse(outputs: readonly Tensor[]): Fusion {
  const needed = neededBy(outputs);
  const users = new Map<Tensor, Tensor[]>(needed.map((tensor) => [tensor, []]));
  for (const tensor of needed) for (const source of new Set(sourcesOf(tensor))) users.get(source)!.push(tensor);
  const fuser = new Fuser();
  for (const output of outputs) fuser.place(output);
  for (const tensor of needed.toReversed()) fuser.visit(tensor);
  return { needed, roots: fuser.roots, members: fuser.members, users };
}

/** The coordinates of a member in terms of its root's axes. */
export const memberForms = ({ axes }: Membership): Form[] =>
  axes.map((axis) => ({ start: 0, terms: axis < 0 ? [] : [{ axis, factor: 1 }] }));

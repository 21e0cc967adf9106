/** Tensors → instructions: gives every root a place in the trace, constants one among the weights, and says how each is read. */
import { wordsPerLeaf } from "../../core/traceTree.ts";
import type { Instruction, MapInstruction } from "../program/types.ts";
import { limits } from "../program/types.ts";
import { loopsOf } from "./axes.ts";
import { isConstant, numbersOf, rowMajor, uniformWord, wordsOf } from "./constants.ts";
import { ExpressionBuilder, type Value } from "./expression.ts";
import { memberForms, type Fusion } from "./fusion.ts";
import { Refusal } from "./refusal.ts";
import { resolve, reshapedStrides, type Reach, type Resolved, type Storage } from "./resolve.ts";
import { axesOf, byStride, naturalOrder, orderOfOperands, permuted, runsOf, stridesOf } from "./orders.ts";
import { WeightSpace } from "./weights.ts";
import {
  axisForm,
  count,
  identityForms,
  substitute,
  substituteForm,
  type ContractTensor,
  type Coordinate,
  type Piece,
  type Range,
  type ReduceTensor,
  type Tensor,
} from "./tensors.ts";

/** Up to so many separate ranges of words are opened for one element of a contraction or reduction; beyond, the operand is copied in its order. */
const mostRuns = { contract: 64, reduce: 256 } as const;

/** A core's operand at coordinates over the root's axes and the reduction axes. */
interface Side {
  source: Tensor;
  coordinates: Coordinate[];
  ranges: Range[];
}

export class Scheduler {
  readonly instructions: Instruction[] = [];
  readonly weights = new WeightSpace();
  /** Words that the trace would have if nothing were fused. */
  unfusedWords = 0;
  /** Length of the longest f32 or i32 contraction. */
  largestContraction = 0;
  #fusion: Fusion;
  #storages = new Map<Tensor, Storage>();
  #copies = new Map<string, Storage>();
  #outputs: ReadonlySet<Tensor>;
  #leaves = 0;

  constructor(fusion: Fusion, outputs: ReadonlySet<Tensor>) {
    this.#fusion = fusion;
    this.#outputs = outputs;
  }

  run(): void {
    for (const tensor of this.#fusion.needed) {
      if (tensor.kind === "input") this.#input(tensor.input, tensor);
      if (this.#fusion.roots.has(tensor)) this.#root(tensor);
      if (tensor.kind === "apply" || tensor.kind === "contract" || tensor.kind === "reduce") this.unfusedWords += count(tensor.shape);
    }
  }

  #emit(instruction: Instruction): number {
    const offset = this.#leaves * wordsPerLeaf;
    this.instructions.push(instruction);
    this.#leaves += Math.ceil(count(instruction.dims) / wordsPerLeaf);
    return offset;
  }

  #input(input: number, tensor: Tensor): void {
    const words = count(tensor.shape);
    this.unfusedWords += words;
    const offset = this.#emit({ kind: "input", dims: [words], outLeaf: this.#leaves, tensor: input });
    this.#storages.set(tensor, { space: "trace", offset, strides: rowMajor(tensor.shape) });
  }

  /** @returns undefined for movement that is read through. */
  #place = (tensor: Tensor): Storage | undefined => {
    const known = this.#storages.get(tensor);
    if (known !== undefined || tensor.kind === "view") return known;
    let storage: Storage;
    if (tensor.kind === "constant") storage = this.#constant(tensor, axesOf(tensor.shape));
    else if (tensor.kind === "reshape") storage = this.#reshaped(tensor.source, tensor.shape);
    else throw new Error(`tensor ${tensor.id} (${tensor.kind}) is read before it has a place`);
    this.#storages.set(tensor, storage);
    return storage;
  };

  /** Lays a constant out with its axes in `order`, outermost first. */
  #constant(tensor: Tensor, order: readonly number[]): Storage {
    const numbers = numbersOf(tensor);
    const shape = order.map((axis) => tensor.shape[axis]!);
    const strides: number[] = [];
    rowMajor(shape).forEach((stride, i) => (strides[order[i]!] = stride));
    const plain = order.every((axis, i) => axis === i);
    const words = plain ? wordsOf(numbers) : permuted(wordsOf(numbers), tensor.shape, order);
    return { space: "weights", offset: this.weights.add(words), strides };
  }

  #reshaped(source: Tensor, shape: number[]): Storage {
    const alias = (storage: Storage): Storage | null => {
      const strides = reshapedStrides(source.shape, storage.strides, shape);
      return strides && { ...storage, strides };
    };
    const direct = this.#strided(source);
    const aliased = direct && alias(direct);
    if (aliased) return aliased;
    const natural = direct && naturalOrder(source.shape, direct.strides);
    const kept = natural !== null && reshapedStrides(source.shape, stridesOf(source.shape, natural), shape) !== null;
    return alias(this.#copy(source, kept ? natural : axesOf(source.shape)))!;
  }

  /** @returns the tensor's words as strides over its own axes, where they are one unbroken access. */
  #strided(tensor: Tensor): Storage | null {
    const resolved = resolve(tensor, identityForms(tensor.shape), [], this.#place);
    const [reach] = resolved?.reaches ?? [];
    if (resolved?.reaches.length !== 1 || reach!.bounds.length > 0 || reach!.lookups.length > 0) return null;
    const { space, address } = reach!;
    return {
      space,
      offset: address.start,
      strides: axesOf(tensor.shape).map((axis) => address.terms.find((term) => term.axis === axis)?.factor ?? 0),
    };
  }

  /** Copies a tensor to a place of its own with its axes in `order`, outermost first. */
  #copy(tensor: Tensor, order: readonly number[]): Storage {
    const key = `${tensor.id} ${order.join()}`;
    let storage = this.#copies.get(key);
    if (storage === undefined) {
      if (isConstant(tensor)) storage = this.#constant(tensor, order);
      else {
        const expression = new ExpressionBuilder(this.#fusion, tensor, this.#reach);
        const value: Value = { of: "operand", number: expression.operand(tensor, identityForms(tensor.shape)) };
        storage = this.#map(tensor.shape, order, expression, value);
        this.unfusedWords += count(tensor.shape);
      }
      this.#copies.set(key, storage);
    }
    return storage;
  }

  /** Resolves, copying what can't be read through. */
  #reach = (tensor: Tensor, coordinates: Coordinate[], ranges: readonly Range[]): Resolved => {
    const fits = (resolved: Resolved | null): resolved is Resolved =>
      resolved !== null &&
      resolved.reaches.length <= limits.accesses / 4 &&
      resolved.reaches.every(({ bounds, lookups }) => bounds.length <= limits.bounds && lookups.length <= limits.indices);
    let resolved = resolve(tensor, coordinates, ranges, this.#place);
    if (fits(resolved)) return resolved;
    if (tensor.kind === "view" && coordinates.every(({ index, terms, start }) => !index && start === 0 && terms.length <= 1)) {
      for (const { source } of tensor.pieces) this.#settle(source);
      resolved = resolve(tensor, coordinates, ranges, this.#place);
      if (resolved !== null && resolved.reaches.length <= limits.accesses) return resolved;
    }
    this.#settle(tensor);
    resolved = resolve(tensor, coordinates, ranges, this.#place);
    if (resolved === null || resolved.reaches.some(({ bounds }) => bounds.length > limits.bounds))
      throw new Refusal(`a movement of shape [${tensor.shape.join(", ")}] can't be said as accesses of the program`);
    return resolved;
  };

  /** Gives movement a place. */
  #settle(tensor: Tensor): void {
    if (tensor.kind === "view" && !this.#storages.has(tensor)) this.#storages.set(tensor, this.#copy(tensor, axesOf(tensor.shape)));
  }

  #root(root: Tensor): void {
    const expression = new ExpressionBuilder(this.#fusion, root, this.#reach);
    const value = expression.value(root, identityForms(root.shape));
    const { core } = expression;
    const storage =
      core === null
        ? this.#map(root.shape, null, expression, value, root)
        : core.kind === "contract"
          ? this.#contract(root, core, expression)
          : this.#reduce(root, core as ReduceTensor, expression);
    this.#storages.set(root, storage);
  }

  #map(shape: readonly number[], order: readonly number[] | null, expression: ExpressionBuilder, value: Value, root?: Tensor): Storage {
    const { operands } = expression;
    const reaches = operands.flatMap((operand) => operand.reaches);
    const axes = order ?? this.#chosenOrder(root!, orderOfOperands(shape, operands));
    const loops = loopsOf(shape, axes, [], reaches);
    const { operands: views, constants, ops } = finished(expression, (reach) => loops.access(reach, false), false);
    if (ops.length === 0 && value.of === "operand" && value.number !== views.length - 1)
      throw new Error("a copy does not end in its operand");
    const instruction: MapInstruction = { kind: "map", dims: loops.dims, outLeaf: this.#leaves, operands: views, constants, ops };
    return { space: "trace", offset: this.#emit(instruction), strides: stridesOf(shape, axes) };
  }

  /** Outputs, and what is only reshaped in a way that another order would forbid, stand in logical order. */
  #chosenOrder(root: Tensor, wanted: number[]): number[] {
    const logical = axesOf(root.shape);
    if (this.#outputs.has(root)) return logical;
    const users = this.#fusion.users.get(root) ?? [];
    const strides = stridesOf(root.shape, wanted);
    const broken =
      users.length > 0 && users.every((user) => user.kind === "reshape" && reshapedStrides(root.shape, strides, user.shape) === null);
    return broken ? logical : wanted;
  }

  /** @returns the piece in terms of the root's axes and, behind them, the reduction axes. */
  #side(root: Tensor, core: ContractTensor | ReduceTensor, piece: Piece): Side {
    const out = memberForms(this.#fusion.members.get(core)!);
    const inner = [...out, ...core.reduce.map((_, k) => axisForm(root.shape.length + k))];
    return {
      source: piece.source,
      coordinates: piece.coordinates.map((coordinate) => substitute(coordinate, inner)),
      ranges: piece.ranges.map(({ form, limit }) => ({ form: substituteForm(form, inner), limit })),
    };
  }

  /** The source's axes, those that only output axes move first, then in the order of the reduction axes that move them. */
  #orderFor({ coordinates }: Side, order: readonly number[], reduceOrder: readonly number[]): number[] {
    const ranks = new Map([...order, ...reduceOrder].map((axis, i) => [axis, i]));
    const key = ({ terms }: Coordinate) => Math.max(-1, ...terms.map(({ axis }) => ranks.get(axis) ?? -1));
    return coordinates.map((_, axis) => axis).sort((a, b) => key(coordinates[a]!) - key(coordinates[b]!));
  }

  /** @param padIsAbsent whether a zero that a view pads with may be left out. */
  #sideReach(side: Side, order: number[], reduceOrder: number[], sizes: readonly number[], most: number, padIsAbsent: boolean): Reach {
    const { source, coordinates, ranges } = side;
    const at = (storage: Storage) =>
      resolve(source, coordinates, ranges, (tensor) => (tensor === source ? storage : undefined))!.reaches[0]!;
    if (isConstant(source)) return at(this.#constant(source, this.#orderFor(side, order, reduceOrder)));
    const resolved = resolve(source, coordinates, ranges, this.#place);
    const [reach] = resolved?.reaches ?? [];
    const plain =
      resolved?.reaches.length === 1 &&
      reach!.lookups.length === 0 &&
      reach!.bounds.length <= limits.bounds &&
      (resolved.pad === null || (resolved.pad === 0 && padIsAbsent));
    if (plain && runsOf(reach!, reduceOrder, sizes) <= most) return reach!;
    const copied = at(this.#copy(source, this.#orderFor(side, order, reduceOrder)));
    return plain && runsOf(copied, reduceOrder, sizes) >= runsOf(reach!, reduceOrder, sizes) ? reach! : copied;
  }

  #contract(root: Tensor, core: ContractTensor, expression: ExpressionBuilder): Storage {
    const rank = root.shape.length;
    const sizes = [...root.shape, ...core.reduce];
    const { axes: mapped } = this.#fusion.members.get(core)!;
    const preferred = core.order.map((axis) => mapped[axis]!).filter((axis) => axis >= 0);
    const order = this.#chosenOrder(root, [...preferred, ...axesOf(root.shape).filter((axis) => !preferred.includes(axis))]);
    const reduceOrder = core.reduce.map((_, k) => rank + k);
    const zeros = core.zeroA !== null || core.zeroB !== null;
    const sides = [this.#side(root, core, core.a), this.#side(root, core, core.b)] as const;
    const reachOf = (side: Side, other: Side) =>
      this.#sideReach(side, order, reduceOrder, sizes, mostRuns.contract, !zeros && isFiniteConstant(other.source));
    const [a, b] = [reachOf(sides[0], sides[1]), reachOf(sides[1], sides[0])];
    const forms = memberForms(this.#fusion.members.get(core)!);
    const [bias, zeroA, zeroB] = [core.bias, core.zeroA, core.zeroB].map((tensor) => tensor && expression.operand(tensor, forms));
    const loops = loopsOf(sizes, order, reduceOrder, [a, b, ...expression.operands.flatMap(({ reaches }) => reaches)]);
    this.largestContraction = Math.max(this.largestContraction, count(core.reduce));
    const offset = this.#emit({
      kind: "contract",
      type: core.type,
      dims: loops.dims,
      outLeaf: this.#leaves,
      reduce: loops.reduce,
      a: loops.access(a, true),
      b: loops.access(b, true),
      bias: bias ?? null,
      zeroA: zeroA ?? null,
      zeroB: zeroB ?? null,
      ...finished(expression, (reach) => loops.access(reach, false), true),
    });
    return { space: "trace", offset, strides: stridesOf(root.shape, order) };
  }

  #reduce(root: Tensor, core: ReduceTensor, expression: ExpressionBuilder): Storage {
    const rank = root.shape.length;
    const sizes = [...root.shape, ...core.reduce];
    const free = core.reducer !== "product" && !core.reducer.startsWith("arg");
    const side = this.#side(root, core, core.x);
    let reduceOrder = core.reduce.map((_, k) => rank + k);
    // A pad of the source is an element, not an absence.
    const resolved = resolve(side.source, side.coordinates, side.ranges, this.#place);
    const address = resolved?.reaches[0]?.address;
    if (free && address !== undefined) reduceOrder = byStride(reduceOrder, address);
    const order = this.#chosenOrder(root, address === undefined ? axesOf(root.shape) : byStride(axesOf(root.shape), address));
    const x = this.#sideReach(side, order, reduceOrder, sizes, mostRuns.reduce, false);
    const loops = loopsOf(sizes, order, reduceOrder, [x, ...expression.operands.flatMap(({ reaches }) => reaches)]);
    const offset = this.#emit({
      kind: "reduce",
      type: core.reads,
      reducer: core.reducer,
      divisor: core.divisor,
      dims: loops.dims,
      outLeaf: this.#leaves,
      reduce: loops.reduce,
      x: loops.access(x, true),
      ...finished(expression, (reach) => loops.access(reach, false), true),
    });
    return { space: "trace", offset, strides: stridesOf(root.shape, order) };
  }

  /** @returns the word of the trace at which the tensor's row-major elements start. */
  outputOffset(tensor: Tensor): number {
    const direct = isConstant(tensor) ? null : this.#strided(tensor);
    const wanted = rowMajor(tensor.shape);
    const inPlace =
      direct?.space === "trace" && wanted.every((stride, axis) => tensor.shape[axis] === 1 || direct.strides[axis] === stride);
    if (inPlace) return direct.offset;
    if (!isConstant(tensor)) return this.#copy(tensor, axesOf(tensor.shape)).offset;
    const expression = new ExpressionBuilder(this.#fusion, tensor, this.#reach);
    const word = uniformWord(tensor);
    if (word !== undefined) return this.#map(tensor.shape, axesOf(tensor.shape), expression, expression.value(tensor, [])).offset;
    const value: Value = { of: "operand", number: expression.operand(tensor, identityForms(tensor.shape)) };
    return this.#map(tensor.shape, axesOf(tensor.shape), expression, value).offset;
  }
}

const isFiniteConstant = (tensor: Tensor) =>
  isConstant(tensor) && (numbersOf(tensor) as Float32Array).every((value) => Number.isFinite(Number(value)));

function finished(
  expression: ExpressionBuilder,
  access: (reach: Reach) => MapAccess,
  hasCore: boolean,
): Pick<MapInstruction, "operands" | "constants" | "ops"> {
  const { operands, constants, ops } = expression;
  const first = operands.length + (hasCore ? 1 : 0);
  const numberOf = (value: Value): number => {
    switch (value.of) {
      case "operand":
        return value.number;
      case "core":
        return operands.length;
      case "constant":
        return first + value.number;
      case "op":
        return first + constants.length + value.number;
    }
  };
  return {
    operands: operands.map(({ reaches, pad, indices }) => ({
      accesses: reaches.map((reach, i) => ({ ...access(reach), indices: indices[i]! })),
      pad: pad ?? 0,
    })),
    constants,
    ops: ops.map(({ op, args }) => ({ op, args: args.map(numberOf) })),
  };
}

type MapAccess = ReturnType<ReturnType<typeof loopsOf>["access"]>;

/** Builds an instruction's expression over the logical axes of its root. */
import type { Opcode } from "../program/opcodes.ts";
import type { Word } from "../program/types.ts";
import { uniformWord } from "./constants.ts";
import { extremes } from "./flatten.ts";
import { memberForms, type Fusion } from "./fusion.ts";
import type { Resolved } from "./resolve.ts";
import { substitute, type Coordinate, type Range, type Tensor } from "./tensors.ts";

/** A value of the expression before all values have their numbers. */
export type Value = { of: "operand" | "constant" | "op"; number: number } | { of: "core" };

export interface Operand extends Resolved {
  /** For each reach, the operands of its index terms. */
  indices: { operand: number; stride: number; limit: number }[][];
}

/** @param ranges outside of which nothing is read. */
export type Resolve = (tensor: Tensor, coordinates: Coordinate[], ranges: readonly Range[]) => Resolved;

export class ExpressionBuilder {
  readonly operands: Operand[] = [];
  readonly constants: Word[] = [];
  readonly ops: { op: Opcode; args: Value[] }[] = [];
  /** The contraction or reduction of which this is the tail. */
  core: Tensor | null = null;
  #values = new Map<Tensor, Value>();
  #operandNumbers = new Map<string, number>();
  #fusion: Fusion;
  #root: Tensor;
  #resolve: Resolve;

  /** @param resolve gives a tensor without a place one, where need be. */
  constructor(fusion: Fusion, root: Tensor, resolve: Resolve) {
    this.#fusion = fusion;
    this.#root = root;
    this.#resolve = resolve;
  }

  /** What a reader reads under bounds leaves its index's axes where they don't hold; the index is then read under the same bounds. */
  #boundsOf(index: Tensor, at: readonly Coordinate[], bounds: readonly Range[]): readonly Range[] {
    const inside = at.every((coordinate, axis) => {
      const [low, high] = extremes(coordinate, this.#root.shape);
      return low >= 0 && high < index.shape[axis]!;
    });
    return inside ? [] : bounds;
  }

  /** Reads `tensor` at coordinates in terms of the root's axes, inside of `ranges`. @returns the operand's number. */
  operand(tensor: Tensor, coordinates: Coordinate[], ranges: readonly Range[] = []): number {
    const resolved = this.#resolve(tensor, coordinates, ranges);
    const indices = resolved.reaches.map(({ lookups, bounds }) =>
      lookups.map(({ tensor: index, coordinates: at, stride, limit }) => {
        return { operand: this.operand(index, at, this.#boundsOf(index, at, bounds)), stride, limit };
      }),
    );
    const reaches = resolved.reaches.map((reach) => ({ ...reach, lookups: [] }));
    const key = JSON.stringify([reaches, resolved.pad, indices]);
    const known = this.#operandNumbers.get(key);
    if (known !== undefined) return known;
    const number = this.operands.length;
    this.operands.push({ reaches, pad: resolved.pad, indices });
    this.#operandNumbers.set(key, number);
    return number;
  }

  #constant(word: Word): Value {
    let number = this.constants.indexOf(word);
    if (number < 0) number = this.constants.push(word) - 1;
    return { of: "constant", number };
  }

  /** @param coordinates of the tensor in terms of the root's axes. */
  value(tensor: Tensor, coordinates: Coordinate[]): Value {
    const word = uniformWord(tensor);
    if (word !== undefined) return this.#constant(word);
    const membership = this.#fusion.members.get(tensor);
    if (membership?.root !== this.#root) return { of: "operand", number: this.operand(tensor, coordinates) };
    let value = this.#values.get(tensor);
    if (value === undefined) {
      value = this.#member(tensor, memberForms(membership));
      this.#values.set(tensor, value);
    }
    return value;
  }

  #member(tensor: Tensor, coordinates: Coordinate[]): Value {
    switch (tensor.kind) {
      case "view": {
        const [piece] = tensor.pieces;
        return this.value(
          piece!.source,
          piece!.coordinates.map((coordinate) => substitute(coordinate, coordinates)),
        );
      }
      case "apply": {
        const args = tensor.args.map((arg) => this.value(arg, coordinates));
        return { of: "op", number: this.ops.push({ op: tensor.op, args }) - 1 };
      }
      default:
        this.core = tensor;
        return { of: "core" };
    }
  }
}

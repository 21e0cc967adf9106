/** One program for each kernel's bench, in trees as deep as those of a vision model: 2^17 leaves of trace, 2^16 of weights. */
import type { Tensor } from "../../oracle/core/tensor.ts";
import { absent, leafHash, nodeHash, wordsPerLeaf } from "../../oracle/core/traceTree.ts";
import { outputLeaves } from "../../oracle/canonical/program/layout.ts";
import type { Access, Instruction, Program, Space, View } from "../../oracle/canonical/program/types.ts";
import { widthAt, type TreeView } from "../../oracle/canonical/proof/treeView.ts";

const traceWords = 2 ** 17 * wordsPerLeaf;
const weightLeaves = 2 ** 16;
/** Instructions of a vision model, more or less. */
const fillers = 150;

/** A tree of equal leaves with some others among them: as deep as its number of leaves, quick to hash. */
export class SparseTree implements TreeView {
  readonly leafCount: number;
  readonly #leaves: Map<number, Uint8Array>;
  readonly #equal: Uint8Array;
  readonly #equalHashes: Uint8Array[] = [];

  constructor(leafCount: number, equal: Uint8Array, leaves = new Map<number, Uint8Array>()) {
    this.leafCount = leafCount;
    this.#equal = equal;
    this.#leaves = leaves;
  }

  leaf(index: number): Uint8Array {
    return this.#leaves.get(index) ?? this.#equal;
  }

  #equalNode(height: number): Uint8Array {
    return (this.#equalHashes[height] ??=
      height === 0 ? leafHash(this.#equal) : nodeHash(this.#equalNode(height - 1), this.#equalNode(height - 1)));
  }

  node(height: number, position: number): Uint8Array {
    if (position >= widthAt(this.leafCount, height)) return absent;
    const [first, end] = [position * 2 ** height, (position + 1) * 2 ** height];
    const special = end > this.leafCount || [...this.#leaves.keys()].some((leaf) => leaf >= first && leaf < end);
    if (!special) return this.#equalNode(height);
    return height === 0
      ? leafHash(this.leaf(position))
      : nodeHash(this.node(height - 1, 2 * position), this.node(height - 1, 2 * position + 1));
  }

  get top(): Uint8Array {
    let height = 0;
    while (widthAt(this.leafCount, height) > 1) height++;
    return this.node(height, 0);
  }
}

/** 64 binary32 of the sizes that activations and weights have, none of them zero: the dearest calldata. */
export function commonLeaf(seed: number): Uint8Array {
  const leaf = new Uint8Array(4 * wordsPerLeaf);
  const view = new DataView(leaf.buffer);
  for (let i = 0; i < wordsPerLeaf; i++) view.setFloat32(4 * i, 0.731 * Math.sin(seed + 1.7 * i) + 0.0123, true);
  return leaf;
}

const access = (space: Space, offset: number, strides: number[]): Access => ({ space, offset, strides, bounds: [] });
const operand = (space: Space, offset: number, strides: number[]): View => ({
  accesses: [{ ...access(space, offset, strides), indices: [] }],
  pad: 0,
});
const plain = { operands: [], constants: [], ops: [] };

/** Where activations start: at a leaf, like every instruction's output. */
const activations = 64 * 100;

const contraction = (
  type: "f32" | "i32",
  length: number,
  strideA: number,
  shift = 0,
): Omit<Instruction & { kind: "contract" }, "outLeaf"> => ({
  kind: "contract",
  type,
  dims: [8, 64],
  reduce: [length],
  bias: 0,
  zeroA: null,
  zeroB: null,
  a: access("trace", activations + 64 * 700 + shift, [length * strideA, 0, strideA]),
  b: access("weights", 64 * 300 + shift, [0, length, 1]),
  ...plain,
  operands: [operand("weights", 0, [0, 1])],
});

type Unplaced = Instruction extends infer Kind ? (Kind extends Instruction ? Omit<Kind, "outLeaf"> : never) : never;

/** The last instruction of each bench's program, by the bench's name. */
export const instructions: Record<string, Unplaced> = {
  input: { kind: "input", dims: [3 * 48 * 320], tensor: 0 },
  map: {
    kind: "map",
    dims: [64, 512],
    operands: [operand("trace", activations, [512, 1]), operand("trace", activations + 64 * 900, [512, 1]), operand("weights", 0, [0, 1])],
    constants: [0x3f800000, 0x40c00000],
    ops: [
      { op: "fadd", args: [0, 1] },
      { op: "fmul", args: [5, 2] },
      { op: "fmax", args: [6, 3] },
      { op: "fmin", args: [7, 4] },
    ],
  },
  gelu: {
    kind: "map",
    dims: [64, 512],
    operands: [operand("trace", activations, [512, 1])],
    constants: [0x3f3504f3, 0x3f800000, 0x3f000000],
    ops: [
      { op: "fmul", args: [0, 1] },
      { op: "ferf", args: [4] },
      { op: "fadd", args: [5, 2] },
      { op: "fmul", args: [0, 6] },
      { op: "fmul", args: [7, 3] },
    ],
  },
  gather: {
    kind: "map",
    dims: [16, 512],
    operands: [
      operand("trace", activations, [1, 0]),
      { accesses: [{ ...access("weights", 64 * 10, [0, 1]), indices: [{ operand: 0, stride: 512, limit: 1000 }] }], pad: 0 },
    ],
    constants: [],
    ops: [],
  },
  maxpool_3x3: {
    kind: "reduce",
    type: "f32",
    reducer: "max",
    divisor: 1,
    dims: [24, 160, 64],
    reduce: [3, 3],
    x: {
      ...access("trace", activations, [2 * 321 * 64, 2 * 64, 1, 321 * 64, 64]),
      bounds: [
        {
          start: 0,
          limit: 320,
          terms: [
            { axis: 1, factor: 2 },
            { axis: 4, factor: 1 },
          ],
        },
      ],
    },
    ...plain,
  },
  mean_1024: {
    kind: "reduce",
    type: "f32",
    reducer: "sum",
    divisor: 1024,
    dims: [64],
    reduce: [1024],
    x: access("trace", activations, [1024, 1]),
    ...plain,
  },
  contraction_64: contraction("f32", 64, 1),
  contraction_256: contraction("f32", 256, 1),
  contraction_1024: contraction("f32", 1024, 1),
  contraction_unaligned_1024: contraction("f32", 1024, 1, 37),
  contraction_4096: contraction("f32", 4096, 1),
  contraction_strided_64: contraction("f32", 64, 80),
  integer_contraction_1024: contraction("i32", 1024, 1),
  convolution_3x3x64: {
    kind: "contract",
    type: "f32",
    dims: [24, 80, 64],
    reduce: [3, 3, 64],
    bias: 0,
    zeroA: null,
    zeroB: null,
    a: {
      ...access("trace", activations, [80 * 64, 64, 0, 80 * 64, 64, 1]),
      bounds: [
        {
          start: -1,
          limit: 24,
          terms: [
            { axis: 0, factor: 1 },
            { axis: 3, factor: 1 },
          ],
        },
        {
          start: -1,
          limit: 80,
          terms: [
            { axis: 1, factor: 1 },
            { axis: 4, factor: 1 },
          ],
        },
      ],
    },
    b: access("weights", 64 * 300, [0, 0, 576, 192, 64, 1]),
    operands: [operand("weights", 0, [0, 0, 1])],
    constants: [0],
    ops: [{ op: "fmax", args: [1, 2] }],
  },
};

/** @returns a program whose last instruction is the bench's, behind one of 2^17 leaves and many small ones. */
export function benchProgram(name: string): Program {
  const placed: Instruction[] = [];
  let outLeaf = 0;
  const place = (instruction: Unplaced) => {
    placed.push({ ...instruction, outLeaf });
    outLeaf += outputLeaves(instruction);
  };
  place({ kind: "map", dims: [traceWords], ...plain, constants: [0] });
  for (let i = 0; i < fillers; i++) place({ kind: "map", dims: [1], ...plain, constants: [i] });
  place(instructions[name]!);
  const input = { dtype: "float32" as const, shape: [1, 3, 48, 320] };
  return { inputs: [input], outputs: [{ dtype: "float32", shape: [97, 1], offset: 0 }], instructions: placed, weightLeaves };
}

export const benchTrees = (program: Program) => ({
  trace: new SparseTree(program.instructions.at(-1)!.outLeaf + outputLeaves(program.instructions.at(-1)!), commonLeaf(1)),
  weights: new SparseTree(weightLeaves, commonLeaf(2)),
});

export function benchInputs(): Tensor[] {
  const values = Float32Array.from({ length: 3 * 48 * 320 }, (_, i) => Math.sin(i));
  return [{ dtype: "float32", shape: [1, 3, 48, 320], data: new Uint8Array(values.buffer) }];
}

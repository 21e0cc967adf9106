/** Proofs for `StepVerifier`: what one word of a trace is recomputed from. */
import { AbiCoder } from "ethers";
import { dtypes, type Tensor } from "../../core/tensor.ts";
import { segmentsOf } from "../../core/dispute/segments.ts";
import { leafBytes, tensorRoot, wordsPerLeaf } from "../../core/traceTree.ts";
import { ProgramError } from "../program/check.ts";
import { encodeParts } from "../program/encode.ts";
import { outputLeaves, outputWords } from "../program/layout.ts";
import { instructionHash } from "../program/root.ts";
import type { Program, Space } from "../program/types.ts";
import { nothing, openLeaves, siblingsOf, type Opening } from "./opening.ts";
import { readerOf, readsOf, reductionSize } from "./reads.ts";
import { statesAt, type ReductionState } from "./sums.ts";
import { HashTree } from "./hashTree.ts";
import { MemoryTree, type TreeView } from "./treeView.ts";

/** What the verifier found in the elements in front of a position; zeros at the beginning. */
export type StepState = readonly bigint[];
export const initialState: StepState = [0n, 0n, 0n, 0n, 0n, 0n];

/** One transaction's part of a step. All but the last are for `advance`, the last one for `step`. */
export interface StepPart {
  /** Positions of the reduction space that the transaction works on: [from, to). */
  from: number;
  to: number;
  last: boolean;
  /** Size of the proof. */
  bytes: number;
  /** An estimate on the high side, calldata counted. */
  gas: number;
  /** @param state what `advance` returned for the part before; `initialState` for the first. @returns the ABI-encoded proof. */
  encode(state: StepState): string;
}

export interface StepLimits {
  /** Gas of one transaction. Default 12,000,000, below the protocol's cap of 2^24. */
  gas?: number;
  /** Bytes of one proof. Default 110,000: nodes relay transactions of up to 128 KiB. */
  bytes?: number;
  /** Positions of the reduction space of one transaction. Default: as many as fit. */
  positions?: number;
}

export interface StepSources {
  trace: TreeView;
  weights: TreeView;
  /** The request's inputs, whether or not they are those that the program takes. */
  inputs: readonly Tensor[];
}

const opening = "tuple(bytes ranges, bytes leaves, bytes32[] siblings)";
export const proofType =
  `tuple(bytes header, bytes record, uint32 instruction, bytes32[] recordSiblings, ${opening} trace, ${opening} weights, ` +
  `tuple(bytes32[] tensorRoots, bytes shape, bytes32 top, ${opening} leaf) input, uint64 position, uint256[6] state, uint64 end)`;

interface InputOpening {
  tensorRoots: Uint8Array[];
  shape: Uint8Array;
  top: Uint8Array;
  leaf: Opening;
}

const noInput: InputOpening = { tensorRoots: [], shape: new Uint8Array(), top: new Uint8Array(32), leaf: nothing };

/** Builds the proofs of one program's steps. */
export class StepProver {
  readonly #program: Program;
  readonly #header: Uint8Array;
  readonly #records: Uint8Array[];
  readonly #hashes: HashTree;

  /** @throws ProgramError where the program breaks a limit. */
  constructor(program: Program) {
    this.#program = program;
    const { header, records } = encodeParts(program);
    this.#header = header;
    this.#records = records;
    this.#hashes = new HashTree(records.map(instructionHash));
  }

  /** @returns the number of the instruction whose output a leaf of the trace belongs to. */
  instructionAt(leaf: number): number {
    const { instructions } = this.#program;
    let [low, high] = [0, instructions.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (instructions[middle]!.outLeaf <= leaf) low = middle;
      else high = middle - 1;
    }
    const found = instructions[low]!;
    if (leaf < found.outLeaf || leaf >= found.outLeaf + outputLeaves(found)) throw new ProgramError(`the trace has no leaf ${leaf}`);
    return low;
  }

  /**
   * @param leaf and `word` (0 to 63) name a word of the trace.
   * @returns the transactions that recompute it, in order.
   * @throws ProgramError where the program reads outside of its spaces, or one position of a reduction exceeds the limits.
   */
  parts(leaf: number, word: number, sources: StepSources, limits: StepLimits = {}): StepPart[] {
    const element = this.#elementOf(leaf, word);
    const total = this.reductionOf(leaf, word);
    const { gas = 12_000_000, bytes = 110_000, positions = total } = limits;
    for (let count = Math.ceil(total / positions); ; count = Math.min(2 * count, total)) {
      const size = Math.ceil(total / count);
      const parts: StepPart[] = [];
      for (let from = 0; from < total; from += size) parts.push(this.#part(leaf, element, from, Math.min(from + size, total), sources));
      if (parts.every((part) => part.gas <= gas && part.bytes <= bytes)) return parts;
      if (count === total) throw new ProgramError(`the step at word ${word} of leaf ${leaf} doesn't fit in transactions of ${gas} gas`);
    }
  }

  /** @returns the number of elements that the word is reduced from; 1 where it is no reduction's. @throws ProgramError */
  reductionOf(leaf: number, word: number): number {
    const instruction = this.#program.instructions[this.instructionAt(leaf)]!;
    return this.#elementOf(leaf, word) < outputWords(instruction) ? reductionSize(instruction) : 1;
  }

  /** @returns the state at the end of every segment of the word's reduction but the last. @throws ProgramError */
  sums(leaf: number, word: number, sources: StepSources): ReductionState[] {
    const ends = segmentsOf(this.reductionOf(leaf, word)).map(({ to }) => to);
    return this.states(leaf, word, sources, ends.slice(0, -1));
  }

  /** @param positions in the word's reduction, increasing. @returns the state in front of each. @throws ProgramError where it is no reduction's. */
  states(leaf: number, word: number, sources: StepSources, positions: readonly number[]): ReductionState[] {
    if (positions.length === 0) return [];
    const instruction = this.#program.instructions[this.instructionAt(leaf)]!;
    if (!("reduce" in instruction)) throw new ProgramError(`word ${word} of leaf ${leaf} is not the result of a reduction`);
    return statesAt(instruction, this.#elementOf(leaf, word), readerOf(sources), positions);
  }

  /** @returns the transaction that recomputes one segment of the word's reduction. @throws ProgramError */
  segment(leaf: number, word: number, index: number, sources: StepSources): StepPart {
    const { from, to } = segmentsOf(this.reductionOf(leaf, word))[index]!;
    return this.#part(leaf, this.#elementOf(leaf, word), from, to, sources);
  }

  /** @returns an ABI-encoded proof of the instruction at `leaf` that opens no more than these leaves. */
  opening(leaf: number, leaves: Record<Space, Set<number>>, { trace, weights }: Record<Space, TreeView>): string {
    const opened = { trace: openLeaves(trace, leaves.trace), weights: openLeaves(weights, leaves.weights), input: noInput };
    const fixed = { ...this.#fixed(this.instructionAt(leaf)), ...opened, position: 0, end: 0 };
    return AbiCoder.defaultAbiCoder().encode([proofType], [{ ...fixed, state: initialState }]);
  }

  /** What a proof says of an instruction. */
  #fixed(number: number) {
    return {
      header: this.#header,
      record: this.#records[number]!,
      instruction: number,
      recordSiblings: siblingsOf(this.#records.length, [number], (height, position) => this.#hashes.node(height, position)),
    };
  }

  #elementOf(leaf: number, word: number): number {
    return wordsPerLeaf * (leaf - this.#program.instructions[this.instructionAt(leaf)]!.outLeaf) + word;
  }

  #part(leaf: number, element: number, from: number, to: number, sources: StepSources): StepPart {
    const number = this.instructionAt(leaf);
    const instruction = this.#program.instructions[number]!;
    let [trace, weights, input]: [Opening, Opening, InputOpening] = [nothing, nothing, noInput];
    let last = true;
    if (element < outputWords(instruction)) {
      last = to === reductionSize(instruction);
      if (instruction.kind === "input") {
        input = this.#input(instruction.tensor, element, sources.inputs);
      } else {
        const trees: Record<Space, TreeView> = sources;
        const reads = readsOf(instruction, element, trees, from, to);
        trace = openLeaves(sources.trace, reads.trace);
        weights = openLeaves(sources.weights, reads.weights);
      }
    }
    const fixed = { ...this.#fixed(number), trace, weights, input, position: from, end: last ? 0 : to };
    const encode = (state: StepState) => AbiCoder.defaultAbiCoder().encode([proofType], [{ ...fixed, state }]);
    const bytes = sizeOf(fixed);
    return { from, to, last, bytes, gas: estimate(bytes, to - from), encode };
  }

  #input(tensor: number, element: number, inputs: readonly Tensor[]): InputOpening {
    const tensorRoots = inputs.map(tensorRoot);
    const expected = this.#program.inputs[tensor]!;
    const found = inputs[tensor];
    if (inputs.length !== this.#program.inputs.length || found === undefined) return { ...noInput, tensorRoots };
    const tree = new MemoryTree(found.data);
    const opened = { tensorRoots, shape: shapeBytes(found), top: tree.top };
    const same = found.dtype === expected.dtype && found.shape.join() === expected.shape.join();
    if (!same) return { ...opened, leaf: nothing };
    return { ...opened, leaf: openLeaves(tree, [Math.floor((element * dtypes[found.dtype].size) / leafBytes)]) };
  }
}

/** What a tensor's root binds beside its data (docs/commitments.md). */
function shapeBytes({ dtype, shape }: Tensor): Uint8Array {
  const bytes = new Uint8Array(2 + 4 * shape.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = dtypes[dtype].code;
  bytes[1] = shape.length;
  shape.forEach((dimension, i) => view.setUint32(2 + 4 * i, dimension, true));
  return bytes;
}

interface ProofParts {
  header: Uint8Array;
  record: Uint8Array;
  recordSiblings: Uint8Array[];
  trace: Opening;
  weights: Opening;
  input: InputOpening;
}

/** @returns the bytes that the proof takes when it is encoded. */
function sizeOf({ header, record, recordSiblings, trace, weights, input }: ProofParts): number {
  const padded = (bytes: Uint8Array) => 32 + 32 * Math.ceil(bytes.length / 32);
  const hashes = (list: Uint8Array[]) => 32 + 32 * list.length;
  const opened = ({ ranges, leaves, siblings }: Opening) => 3 * 32 + padded(ranges) + padded(leaves) + hashes(siblings);
  const inputBytes = 4 * 32 + hashes(input.tensorRoots) + padded(input.shape) + opened(input.leaf);
  return 16 * 32 + padded(header) + padded(record) + hashes(recordSiblings) + opened(trace) + opened(weights) + inputBytes;
}

/** Gas of a transaction, on the high side: calldata at its dearest, copied into memory twice, each position read by itself. */
function estimate(bytes: number, positions: number): number {
  return 150_000 + Math.max(40 * bytes, 20 * bytes + 900 * positions) + (bytes / 32) ** 2 / 200;
}

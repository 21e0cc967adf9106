/** Proofs for `StepVerifier`: what one word of a trace is recomputed from. */
import { AbiCoder } from "ethers";
import { dtypes, type Tensor } from "../../core/tensor.ts";
import { lengthOf, segmentsIn, type Segment } from "../../core/dispute/segments.ts";
import { leafBytes, tensorRoot, wordsPerLeaf } from "../../core/traceTree.ts";
import { ProgramError } from "../program/check.ts";
import { encodeParts } from "../program/encode.ts";
import { outputLeaves, outputWords } from "../program/layout.ts";
import { instructionHash } from "../program/root.ts";
import type { Program, Space } from "../program/types.ts";
import { nothing, openLeaves, siblingsOf, type Opening } from "./opening.ts";
import { readerOf, readsOf, reductionSize } from "./reads.ts";
import { initialState, statesAt, type StepState } from "./sums.ts";
import { HashTree } from "./hashTree.ts";
import { MemoryTree, type TreeView } from "./treeView.ts";

export { initialState, type StepState } from "./sums.ts";

/** The recomputation of one segment of a reduction: for `step` where it is the whole of it, for `follows` otherwise. */
export interface StepPart extends Segment {
  /** Size of the proof. */
  bytes: number;
  /** @param state in front of the segment; `initialState` at the beginning. @returns the ABI-encoded proof. */
  encode(state: StepState): string;
}

/** A segment of a reduction, with the states in front of it and behind it. */
export interface Framed {
  segment: Segment;
  states: readonly [StepState, StepState];
}

/** Elements of a reduction, and bytes of a proof, up to which recomputing at once is cheaper than having sums shown and going on with one segment. */
const longestStep = { elements: 1024, bytes: 20_000 };

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
   * @param leaf and `word` (0 to 63) name a word of the trace. @param segment of its reduction; by default all of it.
   * @throws ProgramError where the program reads outside of its spaces.
   */
  part(leaf: number, word: number, sources: StepSources, segment = this.reductionOf(leaf, word)): StepPart {
    const element = this.#elementOf(leaf, word);
    const number = this.instructionAt(leaf);
    const instruction = this.#program.instructions[number]!;
    const { from, to } = segment;
    let [trace, weights, input]: [Opening, Opening, InputOpening] = [nothing, nothing, noInput];
    let end = 0;
    if (element < outputWords(instruction)) {
      end = to === reductionSize(instruction) ? 0 : to;
      if (instruction.kind === "input") {
        input = this.#input(instruction.tensor, element, sources.inputs);
      } else {
        const trees: Record<Space, TreeView> = sources;
        const reads = readsOf(instruction, element, trees, from, to);
        trace = openLeaves(sources.trace, reads.trace);
        weights = openLeaves(sources.weights, reads.weights);
      }
    }
    const fixed = { ...this.#fixed(number), trace, weights, input, position: from, end };
    const encode = (state: StepState) => AbiCoder.defaultAbiCoder().encode([proofType], [{ ...fixed, state }]);
    return { from, to, bytes: sizeOf(fixed), encode };
  }

  /** @returns whether a part of the word's reduction, by default all of it, is recomputed at once, and not through its sums. @throws ProgramError */
  isStepped(leaf: number, word: number, sources: StepSources, segment = this.reductionOf(leaf, word)): boolean {
    const length = lengthOf(segment);
    if (length === 1) return true;
    return length <= longestStep.elements && this.part(leaf, word, sources, segment).bytes <= longestStep.bytes;
  }

  /** @returns the elements that the word is reduced from; one where it is no reduction's. @throws ProgramError */
  reductionOf(leaf: number, word: number): Segment {
    const instruction = this.#program.instructions[this.instructionAt(leaf)]!;
    return { from: 0, to: this.#elementOf(leaf, word) < outputWords(instruction) ? reductionSize(instruction) : 1 };
  }

  /** @returns the word's whole reduction, from nothing to the word as the trace has it. @throws ProgramError */
  framed(leaf: number, word: number, { trace }: StepSources): Framed {
    const bytes = trace.leaf(leaf);
    const value = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4 * word, true);
    return { segment: this.reductionOf(leaf, word), states: [initialState, [BigInt(value), 0n, 0n, 0n, 0n, 0n]] };
  }

  /**
   * @param framed a segment of the word's reduction; by default all of it.
   * @returns the state in front of it, at the end of every segment in it (segments.ts), and its own.
   * @throws ProgramError
   */
  sums(leaf: number, word: number, sources: StepSources, framed = this.framed(leaf, word, sources)): StepState[] {
    const { segment, states } = framed;
    const ends = segmentsIn(segment).map(({ to }) => to);
    return [states[0], ...this.#states(leaf, word, sources, ends.slice(0, -1), { position: segment.from, state: states[0] }), states[1]];
  }

  /** @param positions in the word's reduction, increasing. @param start an earlier position, and the state in front of it. */
  #states(
    leaf: number,
    word: number,
    sources: StepSources,
    positions: readonly number[],
    start: { position: number; state: StepState },
  ): StepState[] {
    if (positions.length === 0) return [];
    const instruction = this.#program.instructions[this.instructionAt(leaf)]!;
    if (!("reduce" in instruction)) throw new ProgramError(`word ${word} of leaf ${leaf} is not the result of a reduction`);
    return statesAt(instruction, this.#elementOf(leaf, word), readerOf(sources), positions, start);
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

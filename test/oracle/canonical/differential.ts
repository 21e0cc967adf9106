/** Compares an evaluator with the reference, word for word of the trace, on random and on typical programs. */
import { elementCount, type Tensor } from "../../../oracle/core/tensor.ts";
import { outputOffset, outputWords } from "../../../oracle/canonical/program/layout.ts";
import type { Access, Instruction, Program } from "../../../oracle/canonical/program/types.ts";
import { opcodes, type Opcode } from "../../../oracle/canonical/program/opcodes.ts";
import { checkAddress, type Read } from "../../../oracle/canonical/reference/access.ts";
import { evaluateElement } from "../../../oracle/canonical/reference/element.ts";
import { evaluateByReference } from "../../../oracle/canonical/reference/evaluate.ts";
import { hardProduct } from "./hardSums.ts";
import { hardArguments } from "./vectors.ts";
import { randomProgram } from "./randomProgram.ts";
import { randomInputs, randomWeights, typicalWords } from "./randomWords.ts";
import { floatCorners, floatWord, intCorners, intWord, otherNaNs, seeded, type Seeded } from "./seeded.ts";
import { typicalProgram } from "./typicalProgram.ts";

export interface Case {
  program: Program;
  weights: Uint32Array;
  inputs: Tensor[];
}

/** @returns all words of the trace. */
export type EvaluateTrace = (drawn: Case) => Uint32Array | Promise<Uint32Array>;

export type Kind = Instruction["kind"];
export type Tally = Record<Kind, number>;

const kinds = ["map", "contract", "reduce"] as const;

/** One contraction of matrices that is hard in every element, with rows of both sides contiguous. */
function drawHardProduct(random: Seeded): Case {
  const { rows, columns, k, a, b } = hardProduct(random);
  const weights = new Uint32Array(64 * Math.ceil((a.length + b.length) / 64));
  weights.set([...a, ...b]);
  const left: Access = { space: "weights", offset: 0, strides: [k, 0, 1], bounds: [] };
  const right: Access = { space: "weights", offset: a.length, strides: [0, k, 1], bounds: [] };
  const core = { kind: "contract", type: "f32", bias: null, zeroA: null, zeroB: null } as const;
  const product: Instruction = {
    ...core,
    dims: [rows, columns],
    outLeaf: 0,
    reduce: [k],
    a: left,
    b: right,
    operands: [],
    constants: [],
    ops: [],
  };
  return { program: { inputs: [], outputs: [], instructions: [product], weightLeaves: weights.length / 64 }, weights, inputs: [] };
}

/** Few significant bits at small exponents: x + x³/3, 1/2 + x/4 and the like are next to ties there. */
const sparseWord = (random: Seeded) => random.int(0, 1) * 0x80000000 + random.int(90, 130) * 0x800000 + random.int(0, 255) * 0x8000;

/** One operation at 256 places: corners, hard arguments, random words. */
function drawOperation(random: Seeded): Case {
  const names = Object.keys(opcodes) as Opcode[];
  const op = random.pick(names.filter((name) => name.startsWith("f") || random.oneIn(3)));
  const corners = [...floatCorners, ...otherNaNs, ...intCorners, ...(hardArguments[op] ?? [])];
  const kinds = [() => random.pick(corners), () => floatWord(random), () => sparseWord(random), () => random.word(), () => intWord(random)];
  const { arity } = opcodes[op];
  const weights = Uint32Array.from({ length: 256 * arity }, () => random.pick(kinds)());
  const operands = Array.from({ length: arity }, (_, i) => ({
    pad: 0,
    accesses: [{ space: "weights" as const, offset: 256 * i, strides: [1], bounds: [], indices: [] }],
  }));
  const ops = [{ op, args: operands.map((_, i) => i) }];
  const map: Instruction = { kind: "map", dims: [256], outLeaf: 0, operands, constants: [], ops };
  return { program: { inputs: [], outputs: [], instructions: [map], weightLeaves: weights.length / 64 }, weights, inputs: [] };
}

/** @param kind of the instructions in a random program; typical ones hold all kinds. */
export function drawCase(random: Seeded, kind: (typeof kinds)[number]): Case {
  if (kind === "map" && random.oneIn(3)) return drawOperation(random);
  if (kind === "contract" && random.oneIn(3)) return drawHardProduct(random);
  if (random.oneIn(2)) {
    const program = randomProgram(random, { instructions: 4, kinds: [kind], weightLeaves: 6 });
    return { program, weights: randomWeights(random, program), inputs: randomInputs(random, program) };
  }
  const corners = random.oneIn(3);
  const program = typicalProgram(random, 4, 600);
  const inputs = program.inputs.map(({ dtype, shape }) => {
    return { dtype, shape, data: new Uint8Array(typicalWords(random, elementCount(shape), corners).buffer) };
  });
  return { program, weights: typicalWords(random, 64 * program.weightLeaves, corners), inputs };
}

/** @param bytes whole words, little-endian. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
}

const hex = (word: number | undefined) => (word === undefined ? "nothing" : `0x${word.toString(16).padStart(8, "0")}`);

/** @returns what is wrong first, in words for people; null where the traces are equal. */
export function firstDifference({ instructions }: Program, expected: Uint32Array, actual: Uint32Array): string | null {
  const at = expected.findIndex((word, i) => word !== actual[i]);
  if (at < 0) return actual.length === expected.length ? null : `${actual.length} words of trace, not ${expected.length}`;
  const number = instructions.findLastIndex((instruction) => outputOffset(instruction) <= at);
  const instruction = instructions[number]!;
  const element = at - outputOffset(instruction);
  const where = element < outputWords(instruction) ? `element ${element}` : "the padding";
  return `${where} of instruction ${number} is ${hex(actual[at])}, not ${hex(expected[at])}: ${JSON.stringify(instruction)}`;
}

/**
 * Recomputes some elements of every instruction from a trace as it stands, as a step does.
 * @param perInstruction how many of each.
 * @returns how many were recomputed.
 * @throws Error naming the first element that does not follow from its operands.
 */
export function checkSampled({ program, weights, inputs }: Case, trace: Uint32Array, random: Seeded, perInstruction: number): number {
  let checked = 0;
  program.instructions.forEach((instruction, number) => {
    const offset = outputOffset(instruction);
    const read: Read = (space, address) => {
      const [words, limit] = space === "trace" ? [trace, offset] : [weights, weights.length];
      checkAddress(space, address, limit);
      return words[address]!;
    };
    const words = outputWords(instruction);
    for (let i = 0; i < Math.min(words, perInstruction); i++) {
      const element = words <= perInstruction ? i : random.int(0, words - 1);
      const expected = evaluateElement(instruction, element, read, inputs);
      const actual = trace[offset + element];
      if (actual !== expected) throw new Error(`element ${element} of instruction ${number} is ${hex(actual)}, not ${hex(expected)}`);
      checked++;
    }
  });
  return checked;
}

/**
 * @param elements of each kind that are to be compared, at least.
 * @returns how many were compared.
 * @throws Error with the first difference, and the seed that draws its case alone.
 */
export async function compareWithReference(evaluate: EvaluateTrace, seed: number, elements: number): Promise<Tally> {
  const tally: Tally = { input: 0, map: 0, contract: 0, reduce: 0 };
  for (const [k, kind] of kinds.entries()) {
    for (let i = 0; tally[kind] < elements; i++) {
      const caseSeed = seed + kinds.length * i + k;
      const drawn = drawCase(seeded(caseSeed), kind);
      const { trace } = evaluateByReference(drawn.program, drawn.weights, drawn.inputs);
      const difference = firstDifference(drawn.program, trace, await evaluate(drawn));
      if (difference !== null) throw new Error(`drawCase(seeded(${caseSeed}), "${kind}"): ${difference}`);
      for (const instruction of drawn.program.instructions) tally[instruction.kind] += outputWords(instruction);
    }
  }
  return tally;
}

/** Compares an evaluator with the reference, word for word of the trace, on random and on typical programs. */
import { elementCount, type Tensor } from "../../../oracle/core/tensor.ts";
import { outputOffset, outputWords } from "../../../oracle/canonical/program/layout.ts";
import type { Instruction, Program } from "../../../oracle/canonical/program/types.ts";
import { evaluateByReference } from "../../../oracle/canonical/reference/evaluate.ts";
import { randomProgram } from "./randomProgram.ts";
import { randomInputs, randomWeights, typicalWords } from "./randomWords.ts";
import { seeded, type Seeded } from "./seeded.ts";
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

/** @param kind of the instructions in a random program; typical ones hold all kinds. */
export function drawCase(random: Seeded, kind: (typeof kinds)[number]): Case {
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

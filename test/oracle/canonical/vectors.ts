/** What test/vectors/canonical-*.json hold, made by the reference; scripts/canonical-vectors.ts writes them. */
import { encodeBundle } from "../../../oracle/core/tensor.ts";
import { encodeProgram } from "../../../oracle/canonical/program/encode.ts";
import { opcodes, type Opcode } from "../../../oracle/canonical/program/opcodes.ts";
import { programRoot } from "../../../oracle/canonical/program/root.ts";
import { weightRoot } from "../../../oracle/canonical/weightRoot.ts";
import { evaluateByReference } from "../../../oracle/canonical/reference/evaluate.ts";
import { ExactSum } from "../../../oracle/canonical/reference/exactSum.ts";
import { apply } from "../../../oracle/canonical/reference/operations.ts";
import { hardSum } from "./hardSums.ts";
import { randomProgram } from "./randomProgram.ts";
import { randomInputs, randomWeights } from "./randomWords.ts";
import { floatCorners, floatWord, intCorners, intWord, otherNaNs, seeded, type Seeded } from "./seeded.ts";

/** Arguments at which the real value is nearest to a tie, among 2^25 random ones each. */
// prettier-ignore
export const hardArguments: Partial<Record<Opcode, readonly number[]>> = {
  fexp: [
    0x39c6be5b, 0x3caffe2e, 0xbf81eadf, 0xb6b50020, 0xb4b00002, 0x41f77c01, 0x3695ffea, 0x387e3e07, 0xb928ab79, 0xbfd4cb8e, 0x34dffffc,
    0xb68f0014, 0x34dffffe, 0xba55e856, 0x3f699f84, 0x423d1c5f,
  ],
  flog: [
    0x54af989d, 0x61e3b2af, 0x1344cd4b, 0x1b1cdfa8, 0x4dc87ec6, 0x61b88994, 0x0dd2c5d6, 0x0bcab3d5, 0x11d142b9, 0x3c319260, 0x0a5ace2a,
    0x6575ac8d, 0x30a6c0ba, 0x653adc75, 0x01c2aa2a, 0x606fc6a5,
  ],
  ftanh: [
    0xbeee0566, 0x40acb4d0, 0xbd7c3055, 0x3f20b67f, 0xbf172be6, 0xbda99442, 0x3bc11b0b, 0x3a27ba3b, 0x3abc6065, 0x3c5a35d5, 0x3e99e4bb,
    0x3a46dce7, 0xbc15f90e, 0x40807096, 0x3b80d407, 0xbd592ba5,
  ],
  fsigmoid: [
    0xb6d20000, 0x36e40000, 0xb5a80000, 0xb65c0000, 0xb6ee0000, 0xb7828000, 0xb6540000, 0x373e0000, 0x36bc0000, 0x36a40000, 0xb5880000,
    0xb68a0000, 0xb60c0000, 0x37720000, 0xb74f0000, 0xb7aa8000,
  ],
  fsin: [
    0xba852018, 0x45c6116d, 0xc0241807, 0x411933de, 0x3ea3e18b, 0xbec0cc57, 0xbe3ecc86, 0x413dff73, 0xc2b7a68f, 0x451e714d, 0x432c3ca1,
    0xc4cc773a, 0xbf50cd91, 0x39e8976b, 0x3ca01152, 0xbe160b49,
  ],
  fcos: [
    0x3dac4fc0, 0x3f8626a5, 0x3ef63405, 0x43224d54, 0x42a96399, 0x444e8d38, 0xbd967be8, 0x3ce3983c, 0x3f44a58a, 0xc5c777e2, 0x3fa21959,
    0x43559e87, 0xc2795afe, 0x40dd99b5, 0x3da4d031, 0xc1b22414,
  ],
};

const hexOfWords = (words: Iterable<number>) => Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
const hexOfBytes = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** One argument: corners first, then random words. */
function* argumentsOf(op: Opcode, random: Seeded): Generator<number[]> {
  const { arity } = opcodes[op];
  const integer = op.startsWith("i") || op === "toFloat";
  const corners = integer ? intCorners : [...floatCorners, ...otherNaNs, ...(hardArguments[op] ?? [])];
  const draw = () => (integer ? intWord(random) : floatWord(random));
  if (arity === 1) for (const corner of corners) yield [corner];
  else for (const corner of corners) for (let i = 0; i < 4; i++) yield [corner, random.pick(corners), draw()].slice(0, arity);
  for (let i = 0; i < 200; i++) yield Array.from({ length: arity }, draw);
}

/** `{ [opcode]: { code, arity, words } }`; words is hex, big-endian: the arguments of a case, then its result, case after case. */
export function operationVectors(): object {
  const random = seeded(2026);
  const names = Object.keys(opcodes) as Opcode[];
  return Object.fromEntries(
    names.map((op) => {
      const words = [...argumentsOf(op, random)].flatMap((args) => [...args, apply(op, args)]);
      return [op, { code: opcodes[op].code, arity: opcodes[op].arity, words: hexOfWords(words) }];
    }),
  );
}

/** Programs as bytes with weights and inputs, and the trace that they have; words are hex, big-endian. */
export function programVectors(): object {
  const random = seeded(2027);
  const simple: Opcode[] = ["fadd", "fmul", "fmax", "flt", "select", "iadd", "toFloat", "toInt"];
  const draws = (["map", "contract", "reduce"] as const).flatMap((kind) =>
    Array.from({ length: 22 }, (_, i) => ({ kind, ...(i % 2 === 0 ? { ops: simple } : {}) })),
  );
  return draws.map(({ kind, ...ops }) => {
    const program = randomProgram(random, { instructions: 3, kinds: [kind], words: 130, weightLeaves: 4, ...ops });
    const weights = randomWeights(random, program);
    const inputs = randomInputs(random, program);
    const { outputs, trace, traceRoot } = evaluateByReference(program, weights, inputs);
    return {
      kind,
      program: hexOfBytes(encodeProgram(program)),
      programRoot: hexOfBytes(programRoot(program)),
      weights: hexOfWords(weights),
      weightRoot: hexOfBytes(weightRoot(new Uint8Array(weights.buffer))),
      inputs: hexOfBytes(encodeBundle(inputs)),
      outputs: hexOfBytes(encodeBundle(outputs)),
      trace: hexOfWords(trace),
      traceRoot: hexOfBytes(traceRoot),
    };
  });
}

/** Contractions of f32: the words a, b and the bias of each, and the result; words are hex, big-endian. */
export function sumVectors(): object {
  const random = seeded(2028);
  return Array.from({ length: 500 }, () => {
    const { a, b, bias } = hardSum(random);
    const sum = new ExactSum();
    sum.add(bias);
    a.forEach((word, i) => sum.addProduct(word, b[i]!));
    return { a: hexOfWords(a), b: hexOfWords(b), bias: hexOfWords([bias]), result: hexOfWords([sum.rounded(1)]) };
  });
}

/** The text of a file that holds the vectors. */
export const fileText = (vectors: object) => `${JSON.stringify(vectors, null, 1)}\n`;

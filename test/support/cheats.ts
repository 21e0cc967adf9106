/** The ways to cheat about one answer: what the operator posts, the trace that it shows, how it plays, and how the dispute ends. */
import type { CanonicalModel } from "../../oracle/canonical/dispute/model.ts";
import { firstWrong } from "../../oracle/canonical/dispute/moves.ts";
import { evaluateHere } from "../../oracle/canonical/evaluate.ts";
import { outputOffset, outputWords } from "../../oracle/canonical/program/layout.ts";
import type { Op, Program } from "../../oracle/canonical/program/types.ts";
import { MemoryTree } from "../../oracle/canonical/proof/treeView.ts";
import type { Tolerance } from "../../oracle/canonical/tolerance.ts";
import type { OutcomeName } from "../../oracle/chain/disputeCalls.ts";
import type { Tensor } from "../../oracle/core/tensor.ts";
import type { Lie } from "../../scripts/local/liar.ts";

/** 2^-10, and nothing relative. */
export const cheatTolerance: Tolerance = { absolute: 0x3a800000, relative: 0 };
/** Twice the tolerance. */
const tooMuch = 2 ** -9;

export interface Cheat {
  lie: Lie;
  outcome: OutcomeName;
}

/** What is lied about: an answer of `model`, whose first output is float32, registered with `cheatTolerance`. */
export interface Truth {
  model: CanonicalModel;
  inputs: Tensor[];
  /** Other inputs of the same model. */
  otherInputs: Tensor[];
  /** Another model of the same shape. */
  otherModel: CanonicalModel;
}

/** @returns the tensors with one float32 element of the first replaced. */
export function withElement(tensors: readonly Tensor[], element: number, value: (before: number) => number): Tensor[] {
  const [first, ...rest] = tensors.map((tensor) => ({ ...tensor, data: Uint8Array.from(tensor.data) })) as [Tensor, ...Tensor[]];
  const view = new DataView(first.data.buffer);
  view.setFloat32(4 * element, value(view.getFloat32(4 * element, true)), true);
  return [first, ...rest];
}

/** An operator that answers, and defends, with the evaluation of something else. */
function evaluationOf({ program, weights }: Pick<CanonicalModel, "program" | "weights">, inputs: readonly Tensor[]): Lie {
  const { outputs, trace } = evaluateHere(program, weights, inputs);
  return { posted: outputs, trace: new MemoryTree(trace) };
}

const withWeights = ({ program, weights }: CanonicalModel, change: (weights: Uint32Array) => void) => {
  const changed = Uint32Array.from(weights);
  change(changed);
  return { program, weights: changed };
};

/** @returns the number of the first weight whose sign shows in the outputs. */
function tellingWeight(model: CanonicalModel, inputs: readonly Tensor[], outputs: readonly Tensor[]): number {
  const rules = outputs.map(({ dtype, shape }) => ({ dtype, shape, tolerance: cheatTolerance }));
  return model.weights.findIndex((_, i) => {
    const { program, weights } = withWeights(model, (changed) => void (changed[i]! ^= 0x80000000));
    return firstWrong(evaluateHere(program, weights, inputs).outputs, outputs, rules) !== null;
  });
}

const orderMatters = ({ op }: Op) => op === "fsub" || op === "fdiv" || op === "flt" || op === "fle" || op === "isub";

/** @returns the program with the arguments of its first subtraction, division or comparison swapped; undefined where it has none. */
function withSwappedOperands(program: Program): Program | undefined {
  for (const [number, instruction] of program.instructions.entries()) {
    if (instruction.kind === "input") continue;
    const at = instruction.ops.findIndex(orderMatters);
    if (at < 0) continue;
    const ops = instruction.ops.map((op, i) => (i === at ? { ...op, args: op.args.toReversed() } : op));
    return { ...program, instructions: program.instructions.with(number, { ...instruction, ops }) };
  }
  return undefined;
}

/** @returns every way to cheat by its name, and the honest answer. `element` is the one that most of them are wrong in. */
export function cheatsAbout({ model, inputs, otherInputs, otherModel }: Truth) {
  const honest = evaluateHere(model.program, model.weights, inputs);
  const element = 5;
  const posted = withElement(honest.outputs, element, (value) => value + tooMuch);
  /** The honest trace with the posted output element written in, and what else is to be changed. */
  const forged = (change: (bytes: Uint8Array, view: DataView) => void = () => undefined): MemoryTree => {
    const bytes = Uint8Array.from(honest.trace);
    const view = new DataView(bytes.buffer);
    const outputAt = 4 * (model.program.outputs[0]!.offset + element);
    view.setUint32(outputAt, new DataView(posted[0]!.data.buffer).getUint32(4 * element, true), true);
    change(bytes, view);
    return new MemoryTree(bytes);
  };
  const computed = model.program.instructions.filter(({ kind }) => kind !== "input");
  const middle = computed[Math.floor(computed.length / 2) - 1] ?? computed[0]!;
  const [first, last] = [4 * outputOffset(middle), 4 * (outputOffset(middle) + outputWords(middle))];
  const padded = computed.find((instruction) => outputWords(instruction) % 64 !== 0)!;
  const swapped = withSwappedOperands(model.program);
  const [y] = honest.outputs as [Tensor];
  const telling = tellingWeight(model, inputs, honest.outputs);
  const lies: Record<string, [lie: Lie, outcome: OutcomeName]> = {
    "one wrong output element": [{ posted, trace: forged() }, "STEP_DIFFERENT"],
    "one wrong bit in the middle of the trace": [{ posted, trace: forged((bytes) => void (bytes[first + 1]! ^= 1)) }, "STEP_DIFFERENT"],
    "a wrong weight used": [
      evaluationOf(
        withWeights(model, (weights) => void (weights[telling]! ^= 0x80000000)),
        inputs,
      ),
      "STEP_DIFFERENT",
    ],
    "weights in another order": [
      evaluationOf(
        withWeights(model, (weights) => void weights.reverse()),
        inputs,
      ),
      "STEP_DIFFERENT",
    ],
    ...(swapped && { "operands swapped": [evaluationOf({ program: swapped, weights: model.weights }, inputs), "STEP_DIFFERENT"] }),
    "a correct trace with a wrong output": [{ posted, trace: new MemoryTree(honest.trace) }, "OPERATOR_TIMEOUT"],
    "a NaN payload": [{ posted, trace: forged((_, view) => view.setUint32(first, 0x7fc00001, true)) }, "STEP_DIFFERENT"],
    "a skipped instruction": [{ posted, trace: forged((bytes) => void bytes.fill(0, first, last)) }, "STEP_DIFFERENT"],
    "the trace of another input": [evaluationOf(model, otherInputs), "STEP_DIFFERENT"],
    "another model's trace": [evaluationOf(otherModel, inputs), "STEP_DIFFERENT"],
    "what it takes back": [{ posted, trace: forged(), behaviour: "retracts" }, "ANSWER_VOIDED"],
    "no defence": [{ posted, trace: forged(), behaviour: "never defends" }, "OPERATOR_TIMEOUT"],
    "no reveal": [{ posted, trace: forged(), behaviour: "never reveals" }, "OPERATOR_TIMEOUT"],
    "a reveal that doesn't hash": [{ posted, trace: forged(), behaviour: "reveals something else" }, "OPERATOR_TIMEOUT"],
    "padding that isn't zero": [
      { posted, trace: forged((bytes) => void (bytes[4 * (outputOffset(padded) + outputWords(padded))]! ^= 1)) },
      "STEP_DIFFERENT",
    ],
    "an answer of another shape": [{ posted: [{ ...y, shape: [...y.shape, 1] }], trace: new MemoryTree(honest.trace) }, "OPERATOR_TIMEOUT"],
    "an answer of another element type": [{ posted: [{ ...y, dtype: "int32" }], trace: new MemoryTree(honest.trace) }, "OPERATOR_TIMEOUT"],
    "an answer with a tensor too many": [{ posted: [y, y], trace: new MemoryTree(honest.trace) }, "OPERATOR_TIMEOUT"],
  };
  const cheats = Object.fromEntries(Object.entries(lies).map(([name, [lie, outcome]]): [string, Cheat] => [name, { lie, outcome }]));
  return { honest, element, cheats };
}

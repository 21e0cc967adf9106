/** Output elements that are the number of a largest or smallest score: other choices may be as good (docs/canonical.md, section 9). */
import { elementCount, type Tensor } from "../../core/tensor.ts";
import { wordsPerLeaf } from "../../core/traceTree.ts";
import { outputOffset, outputWords } from "../program/layout.ts";
import type { Program, ReduceInstruction, Space, Word } from "../program/types.ts";
import { readerOf } from "../proof/reads.ts";
import type { TreeView } from "../proof/treeView.ts";
import { addressOf, coordinatesOf } from "../reference/access.ts";
import { isNearTie } from "../tolerance.ts";
import type { OutputRules } from "./moves.ts";

/** One element that a `reduce` instruction chooses. */
export interface Choice {
  instruction: ReduceInstruction;
  /** Row-major number in the instruction's output. */
  element: number;
  /** Whether it is the number of a largest score, not of a smallest. */
  greatest: boolean;
}

/** Choices are posted as these. */
const choosable = (dtype: string) => dtype === "int32" || dtype === "int64";

const isChoice = (instruction: Program["instructions"][number]): instruction is ReduceInstruction =>
  instruction.kind === "reduce" &&
  instruction.type === "f32" &&
  instruction.reducer.startsWith("arg") &&
  instruction.operands.length + instruction.constants.length + instruction.ops.length === 0;

/** @returns what an output element chooses among; undefined where it is no choice among f32 scores, or is computed from one. */
export function choiceOf({ outputs, instructions }: Program, tensor: number, element: number): Choice | undefined {
  const output = outputs[tensor];
  if (output === undefined || !choosable(output.dtype)) return undefined;
  const word = output.offset + element;
  const instruction = instructions.find((one) => word >= outputOffset(one) && word < outputOffset(one) + outputWords(one));
  if (instruction === undefined || !isChoice(instruction)) return undefined;
  return { instruction, element: word - outputOffset(instruction), greatest: instruction.reducer.startsWith("argmax") };
}

/** @returns whether any output of the program is a choice. */
export const chooses = (program: Program): boolean => program.outputs.some((_, tensor) => choiceOf(program, tensor, 0) !== undefined);

/** @returns where the score lies that has this number; null where there is none. */
export function scoreAddress({ instruction: { x: access, dims, reduce }, element }: Choice, number: number): number | null {
  if (number < 0 || number >= outputWords({ dims: reduce })) return null;
  return addressOf(access, [...coordinatesOf(element, dims), ...coordinatesOf(number, reduce)]);
}

/** @returns the leaves that hold the scores of these numbers, by space. */
export function scoreLeaves(choice: Choice, numbers: readonly number[]): Record<Space, Set<number>> {
  const leaves = { trace: new Set<number>(), weights: new Set<number>() };
  for (const number of numbers) {
    const address = scoreAddress(choice, number);
    if (address !== null) leaves[choice.instruction.x.space].add(Math.floor(address / wordsPerLeaf));
  }
  return leaves;
}

/**
 * The canonical scores of a whole output, laid out as the tensor that it is chosen among.
 * @param shape of that tensor. @param axis of it that is chosen along.
 * @returns null where the output is not chosen among scores of this shape.
 */
export function scoresOf(
  program: Program,
  tensor: number,
  trees: Record<Space, TreeView>,
  { shape, axis }: { shape: readonly number[]; axis: number },
): Tensor | null {
  const count = shape[axis];
  if (count === undefined) return null;
  const inner = elementCount(shape.slice(axis + 1));
  const elements = elementCount(shape) / count;
  if (elements !== elementCount(program.outputs[tensor]!.shape)) return null;
  const read = readerOf(trees);
  const data = new Uint8Array(4 * elementCount(shape));
  const view = new DataView(data.buffer);
  for (let element = 0; element < elements; element++) {
    const choice = choiceOf(program, tensor, element);
    if (choice === undefined || outputWords({ dims: choice.instruction.reduce }) !== count) return null;
    for (let number = 0; number < count; number++) {
      const address = scoreAddress(choice, number);
      if (address === null) return null;
      const at = (Math.floor(element / inner) * count + number) * inner + (element % inner);
      view.setUint32(4 * at, read(choice.instruction.x.space, address), true);
    }
  }
  return { dtype: "float32", shape: [...shape], data };
}

/** @returns the rules, by which near ties among the trace's scores are right, too. */
export function withChoices(
  rules: readonly OutputRules[],
  { program, weightTree }: { program: Program; weightTree: TreeView },
  trace: TreeView,
): OutputRules[] {
  const read = readerOf({ trace, weights: weightTree });
  return rules.map((rule, tensor) => {
    const isTie = (element: number, posted: bigint, canonical: bigint): boolean => {
      const choice = choiceOf(program, tensor, element);
      if (choice === undefined) return false;
      const score = (number: bigint): Word | null => {
        const address = number > 2n ** 31n ? null : scoreAddress(choice, Number(number));
        return address === null ? null : read(choice.instruction.x.space, address);
      };
      const [other, best] = [score(posted), score(canonical)];
      return other !== null && best !== null && isNearTie(other, best, rule.tolerance, choice.greatest);
    };
    return choiceOf(program, tensor, 0) === undefined ? rule : { ...rule, isNearTie: isTie };
  });
}

/** One element of one instruction from the words that it reads: what a step in the EVM recomputes. */
import type { Tensor } from "../../core/tensor.ts";
import type { Expression, Instruction, Word } from "../program/types.ts";
import { coordinatesOf, readView, type Read } from "./access.ts";
import { contract } from "./contract.ts";
import { apply } from "./operations.ts";
import { reduce } from "./reduce.ts";
import { widened } from "./tensors.ts";

/** @param values the words of the operands and of the core's result, where there is one. @returns the last value. */
function evaluateExpression({ constants, ops }: Expression, values: readonly Word[]): Word {
  const all = [...values, ...constants];
  for (const { op, args } of ops)
    all.push(
      apply(
        op,
        args.map((arg) => all[arg]!),
      ),
    );
  return all.at(-1)!;
}

/**
 * @param element row-major number in the instruction's output.
 * @param inputs only an input instruction reads them; they must be those that the program takes.
 * @throws ProgramError where `read` refuses an address.
 */
export function evaluateElement(instruction: Instruction, element: number, read: Read, inputs: readonly Tensor[]): Word {
  if (instruction.kind === "input") return widened(inputs[instruction.tensor]!, element);
  const x = coordinatesOf(element, instruction.dims);
  const operands: Word[] = [];
  for (const view of instruction.operands) operands.push(readView(view, x, operands, read));
  switch (instruction.kind) {
    case "map":
      return evaluateExpression(instruction, operands);
    case "contract":
      return evaluateExpression(instruction, [...operands, contract(instruction, x, operands, read)]);
    case "reduce":
      return evaluateExpression(instruction, [...operands, reduce(instruction, x, read)]);
  }
}

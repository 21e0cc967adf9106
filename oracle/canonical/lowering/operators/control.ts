/** Control flow whose course is known: If with a constant condition, Loop with a constant number of rounds. */
import { numbersOf, isConstant } from "../constants.ts";
import { concat } from "../movement.ts";
import { type LoweringTable, type Operation, type Value } from "../operation.ts";
import type { Tensor } from "../tensors.ts";

const mostRounds = 4096;

function conditional(operation: Operation): Value[] {
  const { tensor } = operation.input(0);
  if (!isConstant(tensor)) return operation.refuse("the condition depends on the model's input");
  const [chosen, other] = numbersOf(tensor)[0] ? ["then_branch", "else_branch"] : ["else_branch", "then_branch"];
  operation.attributes.graph(other!);
  return operation.run(operation.attributes.graph(chosen!), []);
}

function isTrue(operation: Operation, { tensor }: Value): boolean {
  if (!isConstant(tensor)) operation.refuse("the loop's condition depends on the model's input");
  return Number(numbersOf(tensor)[0]) !== 0;
}

function loop(operation: Operation): Value[] {
  const { builder } = operation;
  const body = operation.attributes.graph("body");
  const limit = operation.optional(0) === undefined ? Infinity : operation.integers(0, "the number of rounds")[0]!;
  let state = Array.from({ length: Math.max(0, operation.inputCount - 2) }, (_, i) => operation.input(i + 2));
  const scanned: Value[][] = body.outputs.slice(1 + state.length).map(() => []);
  let goesOn = operation.optional(1) === undefined || isTrue(operation, operation.input(1));
  for (let round = 0; goesOn && round < limit; round++) {
    if (round >= mostRounds) operation.refuse(`the loop takes more than ${mostRounds} rounds`);
    const condition: Value = { element: "bool", tensor: builder.i32(1) };
    const [next, ...rest] = operation.run(body, [{ element: "int64", tensor: builder.i64([round], []) }, condition, ...state]);
    goesOn = isTrue(operation, next!);
    state = rest.slice(0, state.length);
    rest.slice(state.length).forEach((value, i) => scanned[i]!.push(value));
  }
  return [...state, ...scanned.map((values) => stacked(operation, values))];
}

/** The rounds' values along a new first axis. */
function stacked({ builder, refuse }: Operation, values: readonly Value[]): Value {
  const [first] = values;
  if (first === undefined) return refuse("a loop without rounds gives no shape to what it collects");
  const parts: Tensor[] = values.map(({ tensor }) => builder.reshape(tensor, [1, ...tensor.shape]));
  return { element: first.element, tensor: concat(builder, parts, 0) };
}

export const control: LoweringTable = { If: conditional, Loop: loop };

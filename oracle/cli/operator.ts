import type { Command } from "commander";
import { addOperatorActivate } from "./operatorActivate.ts";
import { addOperatorDelegate } from "./operatorDelegate.ts";
import { addOperatorRegister } from "./operatorRegister.ts";
import { addOperatorRetract } from "./operatorRetract.ts";
import { addOperatorServe } from "./operatorServe.ts";
import { addOperatorStake } from "./operatorStake.ts";
import { addOperatorStatus } from "./operatorStatus.ts";
import { addOperatorUnstake } from "./operatorUnstake.ts";
import { addOperatorWithdraw } from "./operatorWithdraw.ts";
import type { Terminal } from "./verb.ts";

export function addOperator(program: Command, terminal: Terminal): void {
  const operator = program
    .command("operator")
    .description("Operators: register, deposit stake, say which models are served, take an answer back, take money out.");
  const verbs = [
    addOperatorRegister,
    addOperatorStake,
    addOperatorActivate,
    addOperatorDelegate,
    addOperatorServe,
    addOperatorStatus,
    addOperatorRetract,
  ];
  for (const add of [...verbs, addOperatorUnstake, addOperatorWithdraw]) add(operator, terminal);
}

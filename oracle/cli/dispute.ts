import type { Command } from "commander";
import { addDisputeList } from "./disputeList.ts";
import { addDisputeShow } from "./disputeShow.ts";
import { addDisputeWithdraw } from "./disputeWithdraw.ts";
import type { Terminal } from "./verb.ts";

export function addDispute(program: Command, terminal: Terminal): void {
  const parent = program.command("dispute").description("Disputes about answers: which there are, how they went, what they paid.");
  for (const add of [addDisputeList, addDisputeShow, addDisputeWithdraw]) add(parent, terminal);
}
